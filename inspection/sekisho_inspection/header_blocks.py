"""Header blocks: where an entity's fields begin and end, for the standard (RFC 5322 section 2.2) and for programs that
are more lenient or stricter.

The standard reading passes over lines that are no field. Programs that end the header there, or that take a line of
white space for an empty one, see another body: `other_bodies` says where it begins. Programs that break lines at other
characters see more fields: those that tell how a part is read are added to the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from sekisho_inspection.headers import Field

_BLANK = re.compile(rb"\n(?:\r*\n|\r?\Z)")
_ENVELOPE = (b"From ", b">From ")
# What tells how a part is read, behind whatever some program takes for a line's beginning.
_HIDDEN = re.compile(
    rb"(?i)(?:^|[\r\n\v\f\0\x1c-\x1f])[\x00-\x20]{0,40}+(?:\xef\xbb\xbf)?(content-(?:type|transfer-encoding|disposition)|subject)[\x00-\x20]*:"
    rb"([^\r\n]*(?:\r*\n[ \t][^\r\n]*)*+)"
)
# A block that all programs read alike: the standard's names, folds with something in them, whole line ends.
_FIELD = rb"([!-9;-~]++):([^\r\n]*+(?:\r?\n[ \t]++[^\s][^\r\n]*+)*+)\r?\n"
_FIELDS = re.compile(_FIELD)
_ORDERLY = re.compile(rb"(?:" + _FIELD + rb")*+(?:\r?\n)?")
_BARE = re.compile(rb"\r(?![\r\n])")
_ODD_NAME = re.compile(rb"[\x00-\x20\x7f-\xff]")
# Bytes of one field that says how a part is read; no name or boundary is as long.
LONGEST = 1 << 14
# Bodies of one entity that are looked at: each junk line may begin one.
_MOST_BODIES = 4


@dataclass(frozen=True)
class Block:
    """The fields of one entity, where its body begins, and where it begins for other programs. `odd` says why
    programs differ; "" where they do not. `surplus` is the number of bytes beyond the limit, which were not read."""

    fields: tuple[Field, ...]
    body: int
    other_bodies: tuple[int, ...] = ()
    odd: str = ""
    surplus: int = 0

    @cached_property
    def _telling(self) -> list[tuple[str, bytes]]:
        """Names (lower case) and raw values of the fields that say how the part is read."""
        return [(field.key, field.raw) for field in self.fields if field.key.startswith("content-")]

    def values(self, key: str) -> list[bytes]:
        """The raw values of every content-… field of that name (lower case), in order, cut where they are too long."""
        return [raw[:LONGEST] for name, raw in self._telling if name == key]

    @property
    def is_cut(self) -> bool:
        """Whether a field that says how the part is read is too long."""
        return any(len(raw) > LONGEST for _, raw in self._telling)


def read_block(data: bytes, start: int, end: int, limit: int) -> Block:
    """The header block of the entity between `start` and `end`, of which at most `limit` bytes are read."""
    if data.startswith((b"\n", b"\r\n"), start, end):
        return Block((), data.find(b"\n", start) + 1)
    blank = _BLANK.search(data, start, end)
    stop = blank.end() if blank else end
    surplus = max(0, stop - start - limit)
    if not surplus and _ORDERLY.fullmatch(data, start, stop):
        return Block(tuple(_orderly(data, start, stop)), stop)
    fields, bodies, odd = _split(data, start, stop - surplus)
    if odd or _BARE.search(data, start, stop - surplus):
        known = {(field.key, field.raw.strip()) for field in fields}
        found = [Field(name.decode(), raw) for name, raw in _HIDDEN.findall(data[start : stop - surplus])]
        fields += [field for field in found if (field.key, field.raw.strip()) not in known]
    return Block(tuple(fields), stop, tuple(bodies[:_MOST_BODIES]), odd, surplus)


def _orderly(data: bytes, start: int, stop: int) -> Iterator[Field]:
    for name, raw in _FIELDS.findall(data, start, stop):
        yield Field(name.decode("latin-1"), raw.replace(b"\r\n", b"\n"))


def _split(data: bytes, start: int, stop: int) -> tuple[list[Field], list[int], str]:
    """The fields of the standard reading, other beginnings of the body, and what is odd."""
    found: list[tuple[str, list[bytes]]] = []
    bodies: list[int] = []
    odd, at = "", start
    for line in data[start:stop].split(b"\n"):
        after = at + len(line) + 1
        plain = line.strip(b"\r")
        if plain[:1] in (b" ", b"\t") and found and plain.strip():
            found[-1][1].append(line.removesuffix(b"\r"))
        elif plain:
            reason, head, rest = _line(plain, first=at == start)
            odd = odd or reason
            if reason:
                bodies += [at, after] if plain.strip() else [after]
            if head is not None:
                found.append((head, [rest]))
        at = after
    fields = [Field(name, b"\n".join(lines).rstrip(b"\r")) for name, lines in found]
    return fields, list(dict.fromkeys(body for body in bodies if body < stop)), odd


def _line(plain: bytes, first: bool) -> tuple[str, str | None, bytes]:
    """What is odd about a line that continues none; name and value of the field that it begins, None for no field."""
    if not plain.strip():
        return "a line of white space", None, b""
    head, colon, rest = plain.partition(b":")
    name = head.rstrip(b" \t\r\0")
    if plain.startswith(_ENVELOPE) and first:
        return "", None, b""
    if not colon:
        return "a line that is no field", None, b""
    return ("a name that no field has" if _ODD_NAME.search(name) else ""), name.decode("latin-1"), rest
