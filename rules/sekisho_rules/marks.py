"""Marks on a subject: which of its pieces the comparison form drops, and which it folds."""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import lru_cache
from itertools import groupby

import msgspec
from sekisho_core.normalise import normalise_subject

# Longer subjects are one piece: the alignment takes time with the square of the length.
_MOST = 300


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A piece of a subject, what stands for it in the comparison form ("" for nothing), and what was done to it: no
    kinds for a piece that stays as it is."""

    piece: str
    form: str
    kinds: tuple[str, ...]


def marks(decoded: str) -> tuple[Mark, ...]:
    """The pieces of a decoded subject in order; together they are the subject."""
    whole = normalise_subject(decoded)
    if len(decoded) > _MOST:
        return (Mark(decoded, whole, ("folded",)),)
    forms = [_form(char) for char in decoded]
    kept = _kept("".join(forms), whole)
    found, position = [], 0
    for char, form in zip(decoded, forms, strict=True):
        stays = form != "" and all(kept[position : position + len(form)])
        position += len(form)
        found.append((char, form, "" if stays and form == char else "folded" if stays else "dropped"))
    return tuple(_run(kind, list(run)) for kind, run in groupby(found, key=lambda one: one[2]))


def _run(kind: str, run: list[tuple[str, str, str]]) -> Mark:
    piece = "".join(char for char, _, _ in run)
    form = "" if kind == "dropped" else "".join(form for _, form, _ in run)
    return Mark(piece, form, (kind,) if kind else ())


def _kept(text: str, form: str) -> list[bool]:
    kept = [False] * len(text)
    for block in SequenceMatcher(None, text, form, autojunk=False).get_matching_blocks():
        kept[block.a : block.a + block.size] = [True] * block.size
    return kept


@lru_cache(4096)
def _form(char: str) -> str:
    return normalise_subject(char)
