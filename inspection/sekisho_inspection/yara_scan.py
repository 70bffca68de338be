"""YARA: the scan of a mail's files with compiled rules, each rule set in a time of its own."""

from __future__ import annotations

import base64
import io
import math
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import yara
from msgspec.structs import replace
from sekisho_core.rule_hit import RuleHit, RuleString
from sekisho_core.vocabulary import Finding, Reason

# What rules may ask besides the content. `owner` is of programs that scan disks and is always empty here.
EXTERNALS: Mapping[str, str | bool] = {
    "filename": "", "filepath": "", "extension": "", "filetype": "", "type": "", "part": "", "owner": "",
    "encrypted": False,
}  # fmt: skip
OF_NAMES = frozenset(["filename", "filepath", "extension"])
OF_PLACE = frozenset(["part"])
# Of one content: rules of one set that hit, names that rules on names are asked with.
_MAX_HITS = 200
_MAX_NAMES = 8
# Places of strings that are told of in one mail; the hits beyond are told without.
_MAX_TOLD = 3000
# Of one hit that is shown: tags, meta entries, strings, places of a string, characters of a word, bytes around.
_MAX_TAGS, _MAX_META, _MAX_STRINGS, _MAX_PLACES, _MAX_WORD = 20, 20, 10, 3, 200
_AROUND, _MATCHED = 24, 64
# So many characters of a password tell something of it.
_PIECE = 4
# A larger content is searched for the first place of a string where the rule needs no more, so that a string that
# stands everywhere does not fill the memory.
_ALL_PLACES = 1 << 20
_FILE_TYPES = {
    "application/pdf": "PDF", "application/zip": "ZIP", "application/rtf": "RTF", "application/gzip": "GZIP",
    "application/x-ole-storage": "OLE", "application/vnd.microsoft.portable-executable": "EXE",
    "application/x-elf": "ELF", "application/x-ms-shortcut": "LNK", "image/png": "PNG",
    "image/jpeg": "JPG", "image/gif": "GIF", "image/bmp": "BMP", "text/html": "HTML",
}  # fmt: skip
Problem = tuple[Reason, str]
_Variables = dict[str, str | bool]
yara.set_config(max_match_data=_MATCHED)


@dataclass(frozen=True)
class About:
    """What a rule may ask of a content besides its bytes: every name, the media type, the part's id, whether it or
    what it stands in was locked."""

    names: tuple[str, ...] = ()
    type: str = ""
    part: str = ""
    encrypted: bool = False


@dataclass(frozen=True)
class Hit:
    """One rule that a content meets: its namespace, name, and what was found where."""

    namespace: str
    rule: str
    found: RuleHit


class RuleSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The compiled rules of one source, and whether they ask for names or places of parts."""

    name: str
    rules: bytes
    by_name: bool
    by_place: bool


@dataclass
class _Loaded:
    name: str
    rules: Any
    by_name: bool


class CompiledYara:
    """Compiled rule sets, ready to scan. `by_place` is whether some rule asks for the part's id."""

    def __init__(self, sets: Iterable[RuleSet]) -> None:
        self.by_place = False
        self._sets: list[_Loaded] = []
        for one in sets:
            self.by_place |= one.by_place
            self._sets.append(_Loaded(one.name, yara.load(file=io.BytesIO(one.rules)), one.by_name))

    def scanner(self, seconds: float, together: float = math.inf) -> Scanner:
        """A scan of one mail, in which each set has so many seconds, or an equal share of what all have together."""
        return Scanner(self._sets, min(seconds, together / max(1, len(self._sets))))


@dataclass
class Scanner:
    """The scan of one mail: the rule sets, and the seconds that each has left in it."""

    sets: list[_Loaded]
    seconds: float
    _left: dict[str, float] = field(default_factory=dict)
    _told: int = 0

    def scan(self, content: bytes | memoryview, about: About, view: str = "") -> tuple[list[Hit], list[Problem]]:
        """The rules that `content` meets, in the order of sets and rules, and what kept a set from being asked.

        `view` is "" for the file itself, and else says which form of it was searched. A set that has had its time in
        this mail is a problem at every further content. YARA counts whole seconds, so the bound is rounded up.
        """
        hits: list[Hit] = []
        problems: list[Problem] = []
        variables = list(_externals(about))
        for one in self.sets:
            try:
                found = list(self._of_set(one, content, variables if one.by_name else variables[:1], view))
                hits += found[:_MAX_HITS]
                if len(found) > _MAX_HITS:
                    problems.append(("limit", f"more than {_MAX_HITS} hits of the YARA rules of {one.name}"))
            except yara.TimeoutError:
                problems.append(("timeout", f"YARA rules of {one.name}"))
            except yara.Error as error:
                problems.append(("crashed", f"YARA rules of {one.name}: {error}"))
        return hits, problems

    def _of_set(
        self, one: _Loaded, content: bytes | memoryview, variables: Sequence[_Variables], view: str
    ) -> Iterator[Hit]:
        met: set[tuple[str, str]] = set()
        for externals in variables:
            left = self._left.get(one.name, self.seconds)
            if left <= 0:
                raise yara.TimeoutError
            begun = time.monotonic()
            try:
                fast = len(content) > _ALL_PLACES
                matches = one.rules.match(data=content, externals=externals, timeout=math.ceil(left), fast=fast)
            finally:
                self._left[one.name] = left - (time.monotonic() - begun)
            for match in matches[: _MAX_HITS + 1]:
                if (match.namespace, match.rule) not in met:
                    met.add((match.namespace, match.rule))
                    yield Hit(match.namespace, match.rule, self._found(match, content, view))

    def _found(self, match: Any, content: bytes | memoryview, view: str) -> RuleHit:
        meta = tuple((_cut(key), _cut(value)) for key, value in list(match.meta.items())[:_MAX_META])
        places = [
            (string.identifier, instance)
            for string in match.strings[:_MAX_STRINGS]
            for instance in string.instances[:_MAX_PLACES]
        ][: max(0, _MAX_TOLD - self._told)]
        self._told += len(places)
        strings = tuple(_place(identifier, instance, content) for identifier, instance in places)
        return RuleHit(view[:_MAX_WORD], tuple(_cut(tag) for tag in match.tags[:_MAX_TAGS]), meta, strings)


def load_rules(data: bytes) -> CompiledYara:
    """Rules from what `yara_compile.compile_rules` gave. Raises ValueError for anything else."""
    try:
        return CompiledYara(msgspec.msgpack.decode(data, type=list[RuleSet]))
    except (yara.Error, msgspec.MsgspecError) as error:
        raise ValueError(f"not compiled YARA rules: {error}") from error


def _externals(about: About) -> Iterator[_Variables]:
    """The variables of rules, for each name."""
    for name in about.names[:_MAX_NAMES] or ("",):
        path = _plain(name)
        bare = path.replace("\\", "/").rpartition("/")[2]
        stem, dot, ending = bare.rpartition(".")
        yield {
            "filename": bare, "filepath": path, "extension": f".{ending.lower()}" if dot and stem else "",
            "filetype": _FILE_TYPES.get(about.type, ""), "type": _plain(about.type), "part": about.part,
            "owner": "", "encrypted": about.encrypted,
        }  # fmt: skip


def _plain(word: str) -> str:
    """A word of the sender's as YARA takes it: without NUL, and with a UTF-8 form."""
    return word.replace("\0", "").encode("utf-8", "replace").decode()


def _place(identifier: str, instance: Any, content: bytes | memoryview) -> RuleString:
    start, length = instance.offset, instance.matched_length
    before = shown(bytes(content[max(0, start - _AROUND) : start]))
    after = shown(bytes(content[start + length : start + length + _AROUND]))
    return RuleString(
        identifier, start, length, before, shown(bytes(content[start : start + min(length, _MATCHED)])), after
    )


def detail(hit: Hit) -> str:
    """A hit on one line: the rule's description, and where its first strings stand."""
    places = ", ".join(f"{one.identifier} at {one.offset}" for one in hit.found.strings[:_MAX_PLACES])
    where = f" ({hit.found.view})" if hit.found.view else ""
    return "; ".join(filter(None, [dict(hit.found.meta).get("description", ""), places])) + where


def masked(findings: tuple[Finding, ...], secrets: Callable[[], Iterable[str]]) -> tuple[Finding, ...]:
    """The findings with dots for every secret, and each piece of one, in what stands around the strings of rules."""
    if not any(finding.hit for finding in findings):
        return findings
    pieces = frozenset(piece for secret in secrets() for piece in _pieces(_narrow(secret)))
    return tuple(_masked(finding, pieces) for finding in findings)


def _masked(finding: Finding, pieces: frozenset[str]) -> Finding:
    if finding.hit is None:
        return finding
    strings = tuple(
        replace(
            one,
            before=_dotted(one.before, pieces),
            matched=_dotted(one.matched, pieces),
            after=_dotted(one.after, pieces),
        )
        for one in finding.hit.strings
    )
    return replace(finding, hit=replace(finding.hit, strings=strings))


def _pieces(secret: str) -> Iterator[str]:
    """Runs of characters that tell something of a secret: as it stands, in UTF-16, and in base64 at each offset. Lines
    end within it, and what is shown begins and ends within it, so that a search for the whole would miss it."""
    wide = [f"{char}\\x00" for char in secret]
    yield from ("".join(wide[at : at + 2]) for at in range(max(1, len(wide) - 1)))
    for word in (secret, *(_coded(secret.encode("utf-8", "replace"), shift) for shift in range(3))):
        yield from (word[at : at + _PIECE] for at in range(max(1, len(word) - _PIECE + 1)))


def _coded(data: bytes, shift: int) -> str:
    """The characters of base64 that stand for bits of `data` alone where it begins at a byte of this remainder by 3."""
    coded = base64.b64encode(bytes(shift) + data).decode()
    return coded[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]


def _dotted(text: str, pieces: Iterable[str]) -> str:
    plain, shown_as = _narrow(text), list(text)
    for piece in filter(None, pieces):
        start = plain.find(piece)
        while start >= 0:
            shown_as[start : start + len(piece)] = "•" * len(piece)
            start = plain.find(piece, start + 1)
    return "".join(shown_as)


def _narrow(text: str) -> str:
    """The text with wide letters and digits as plain ones, character by character."""
    return "".join(form if len(form := unicodedata.normalize("NFKC", char)) == 1 else char for char in text)


def shown(data: bytes) -> str:
    r"""Bytes as text for people: UTF-8 where it can be seen, and else \xNN."""
    text = data.decode("utf-8", "surrogateescape")
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def _cut(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode()[:_MAX_WORD]
