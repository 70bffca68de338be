"""PDF syntax (ISO 32000-1, 7.2 and 7.3): the values that bytes spell, read as the lenient programs read them.

Nothing here recurses or looks at a byte more often than its nesting asks for; what is no value is passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

# Containers within containers; others' readers stop at 500.
MAX_DEPTH = 200
# Names of at most so many bytes are few, and met again and again.
_SHORT = 40
_BETWEEN = rb"(?:[\0\t\n\f\r ]++|%[^\r\n]*+)*+"
_TOKEN = re.compile(
    _BETWEEN
    + rb"(?:/([^\0\t\n\f\r ()<>\[\]{}/%]*+)|([+-]*+(?:\d++\.?[\d-]*+|\.\d++))|(<<)|(>>)|(\[)|(\])"
    + rb"|\(((?:[^()\\]++|\\.)*+)\)|(\()|<([^<>]*+)>|([^\0\t\n\f\r ()<>\[\]{}/%]++)|(.)|\Z)",
    re.S,
)
_NAME, _NUMBER, _DICTIONARY, _DICTIONARY_END, _LIST, _LIST_END, _TEXT, _NESTED, _HEX, _WORD, _OTHER = range(1, 12)
_BRACKET = re.compile(rb"[()]|\\.", re.S)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|\r\n|(.))", re.S)
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r": b""}
_CODED = re.compile(rb"#([0-9a-fA-F]{2})")
_NO_HEX = re.compile(rb"[^0-9a-fA-F]++")
_STRAY = re.compile(rb"[^0-9a-fA-F\0\t\n\f\r ]")
_CONSTANTS = {b"true": True, b"false": False, b"null": None}
_ENDS = (b"endobj", b"stream", b"obj", b"xref", b"trailer", b"startxref", b"endstream")


class Name(str):
    """A name, its escapes undone; bytes beyond ASCII as in Latin-1."""

    __slots__ = ()


class Reference(NamedTuple):
    """A reference to an object."""

    number: int
    generation: int


class Either(list[Any]):
    """The values of a key that a dictionary gives more than once: programs take the first, or the last."""


@dataclass(eq=False)
class Stream:
    """A stream: its dictionary, and where its bytes stand in the file, enciphered and packed."""

    attrs: dict[str, Any]
    start: int
    end: int
    number: int
    generation: int


class Parsed(NamedTuple):
    """A value; the word that ended it (`endobj`, `stream`, "" at the end of the data) and where that ends; whether the
    nesting was within the bound, and whether brackets, keys and words were as they should be."""

    value: Any
    word: bytes
    end: int
    whole: bool
    orderly: bool


def parse(data: bytes, at: int, alone: bool = False) -> Parsed:
    """The first value from an offset on. It is read up to a word that ends an object, or `alone`, as it stands in a
    stream of objects, up to its own end."""
    reader = _Values()
    while True:
        for token in _TOKEN.finditer(data, at):
            kind = token.lastindex
            # Most tokens are of the first two kinds.
            if kind == _NAME:
                reader.items.append(_name(token[_NAME]))
            elif kind == _NUMBER:
                reader.items.append(_number(token[_NUMBER]))
            elif kind == _NESTED:
                break
            elif kind == _WORD and token[_WORD].startswith(_ENDS):
                return reader.parsed(token[_WORD], token.end(), True)
            elif not reader.take(kind, token):
                return reader.parsed(b"", token.end(), False)
            if alone and reader.has_one():
                return reader.parsed(b"", token.end(), True)
        else:
            return reader.parsed(b"", len(data), True)
        text, at = _nested(data, token.end())
        reader.items.append(unescaped(text))


class _Values:
    """Values as their tokens come in: the containers that are open, and the items of the innermost."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        # Of each container around the innermost its items, and whether the one inside of it is a dictionary.
        self._outer: list[tuple[list[Any], bool]] = []
        self._orderly = True

    def take(self, kind: int | None, token: re.Match[bytes]) -> bool:
        """Take one token; False for one that nests too deep."""
        if kind == _WORD:
            self._word(token[_WORD])
        elif kind == _TEXT:
            self.items.append(unescaped(token[_TEXT]))
        elif kind == _HEX:
            self.items.append(of_hex(token[_HEX]))
            self._orderly = self._orderly and _STRAY.search(token[_HEX]) is None
        elif kind in (_DICTIONARY, _LIST):
            self._outer.append((self.items, kind == _DICTIONARY))
            self.items = []
        elif kind in (_DICTIONARY_END, _LIST_END) and self._outer:
            self._close(kind == _DICTIONARY_END)
        elif kind is not None:
            self._orderly = False
        return len(self._outer) <= MAX_DEPTH

    def has_one(self) -> bool:
        """Whether a value is complete; a number may begin a reference."""
        return not self._outer and bool(self.items) and (type(self.items[0]) is not int or len(self.items) > 2)

    def parsed(self, word: bytes, end: int, whole: bool) -> Parsed:
        """The first value, containers that nothing closes ended here."""
        while self._outer:
            self._orderly = False
            self._pop()
        return Parsed(self.items[0] if self.items else None, word, end, whole, self._orderly)

    def _word(self, word: bytes) -> None:
        if word == b"R":
            if len(self.items) > 1 and type(self.items[-1]) is int and type(self.items[-2]) is int:
                generation, number = self.items.pop(), self.items.pop()
                self.items.append(Reference(number, generation))
        elif word in _CONSTANTS:
            self.items.append(_CONSTANTS[word])
        else:
            self._orderly = False

    def _close(self, dictionary: bool) -> None:
        """End the innermost container; the end of a dictionary ends lists in it that nothing ended."""
        self._orderly = self._orderly and dictionary == self._outer[-1][1]
        if not dictionary and self._outer[-1][1]:
            return
        while dictionary and not self._outer[-1][1] and any(inside for _, inside in self._outer):
            self._pop()
        self._pop()

    def _pop(self) -> None:
        inner = self.items
        self.items, is_dictionary = self._outer.pop()
        self._orderly = self._orderly and not (is_dictionary and len(inner) % 2)
        self.items.append(_dictionary(inner) if is_dictionary else inner)


def _dictionary(items: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    pairs = iter(items)
    for key in pairs:
        # What stands where a key should is passed over, as programs do.
        if type(key) is Name:
            value = next(pairs, None)
            if key not in found:
                found[key] = value
            elif type(found[key]) is Either:
                found[key].append(value)
            else:
                found[key] = Either([found[key], value])
    return found


def _nested(data: bytes, at: int) -> tuple[bytes, int]:
    """A string with brackets in it from behind its first one, and where it ends; unended it takes the rest."""
    depth = 1
    for match in _BRACKET.finditer(data, at):
        depth += {b"(": 1, b")": -1}.get(match[0], 0)
        if not depth:
            return data[at : match.start()], match.end()
    return data[at:], len(data)


def _name(spelt: bytes) -> Name:
    return _short_name(spelt) if len(spelt) <= _SHORT else _long_name(spelt)


@lru_cache(maxsize=4096)
def _short_name(spelt: bytes) -> Name:
    return _long_name(spelt)


def _long_name(spelt: bytes) -> Name:
    if b"#" in spelt:
        spelt = _CODED.sub(lambda match: bytes([int(match[1], 16)]), spelt)
    return Name(spelt.decode("latin-1"))


def _number(spelt: bytes) -> int | float:
    """A number as programs read odd ones: of several signs the first counts, a sign within ends it."""
    try:
        return int(spelt) if len(spelt) < 20 else 0
    except ValueError:
        pass
    try:
        return float(b"-"[: spelt[:1] == b"-"] + spelt.lstrip(b"+-").partition(b"-")[0])
    except ValueError:
        return 0


def nests(data: bytes, most: int) -> bool:
    """Whether brackets of strings nest deeper than so many."""
    depth = 0
    for match in _BRACKET.finditer(data):
        depth = max(0, depth + {b"(": 1, b")": -1}.get(match[0], 0))
        if depth > most:
            return True
    return False


def unescaped(text: bytes) -> bytes:
    """A literal string's bytes (7.3.4.2)."""
    return _ESCAPE.sub(_escaped, text) if b"\\" in text else text


def _escaped(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes([int(match[1], 8) & 255])
    return _PLAIN.get(match[2], match[2]) if match[2] else b""


def of_hex(text: bytes) -> bytes:
    """A hexadecimal string's bytes (7.3.4.3); other characters count for nothing, a last odd digit for its tens."""
    digits = _NO_HEX.sub(b"", text)
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
