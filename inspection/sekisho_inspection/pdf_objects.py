"""PDF objects: every object of a file in every revision, found by the file itself and not by its tables.

Programs follow the cross-reference tables, repair them, or search the file where they are wrong; whatever one of them
would take for an object stands in the file behind `NUMBER GENERATION obj` or in a stream of objects.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sekisho_core.vocabulary import Reason

from sekisho_inspection.pdf_syntax import Either, Parsed, Reference, Stream, parse

MAX_OBJECTS = 500_000
_MAX_TRAILERS = 1000
# References that lead to references.
_MAX_STEPS = 20
# Bytes that may be read as objects, for each byte of the file: objects without an end overlap.
_TIMES, _LEAST = 8, 4 << 20
_GAP = rb"(?:[\0\t\n\f\r ]|%[^\r\n]{0,100}[\r\n])"
_OBJ = re.compile(rb"(?<!end)obj")
_HEADER = re.compile(rb"(?<![0-9])([0-9]{1,20})" + _GAP + rb"{1,80}([0-9]{1,6})(?:" + _GAP + rb"{1,80})?\Z")
_MAY_BE_HEADER = re.compile(rb"[0-9]")
# Bytes before `obj` that are searched for its numbers; more where these do not tell.
_NEAR, _FAR = 32, 400
_OBJECT_END = re.compile(rb"[\0\t\n\f\r ]{0,20}endstream(?:[\0\t\n\f\r ]|%[^\r\n]{0,100}[\r\n]){0,20}endobj")
_STREAM_END = re.compile(rb"[\0\t\n\f\r ]{0,20}endstream")
_END = re.compile(rb"endstream")
_LINE_END = re.compile(rb"[ \t]{0,20}(?:\r\n|\n|\r)")
_PAIR = re.compile(rb"([0-9]{1,10})[\0\t\n\f\r ]+([0-9]{1,10})")


@dataclass(frozen=True)
class Found:
    """An object: its numbers, its value, the offset of itself or of the stream that holds it, and which that is."""

    number: int
    generation: int
    value: Any
    at: int
    holder: int = 0

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        inside = f"stream {self.holder}" if self.holder else f"offset {self.at}"
        return f"object {self.number} {self.generation}, {inside}"


@dataclass
class Scanned:
    """What stands in a file itself: objects in the order of the file, trailers, and what of them is out of reach."""

    objects: list[Found] = field(default_factory=list)
    trailers: list[dict[str, Any]] = field(default_factory=list)
    # The places of the first object whose brackets, keys or words are not as they should be, and that nothing ends.
    flawed: str = ""
    unended: str = ""
    # Reasons and details of gaps.
    problems: dict[tuple[Reason, str], None] = field(default_factory=dict)

    def one(self, value: Any) -> Any:
        """What a value is, by the last object that has its number."""
        for _ in range(_MAX_STEPS):
            if type(value) is Reference:
                number = value.number
                value = next((found.value for found in reversed(self.objects) if found.number == number), None)
            elif type(value) is Either:
                value = value[-1]
            else:
                return value
        return None


class Budget:
    """Bytes that may yet be read as objects."""

    def __init__(self, size: int) -> None:
        self._left = _TIMES * size + _LEAST
        self.objects = MAX_OBJECTS

    def take(self, size: int) -> bool:
        """Take one object of so many bytes; False when that is too much."""
        self._left -= size
        self.objects -= 1
        return self._left >= 0 and self.objects >= 0


def scan(data: bytes, budget: Budget) -> Scanned:
    """The objects and trailers of a file; a stream's dictionary is not resolved for its length."""
    out = Scanned()
    ends = [match.start() for match in _END.finditer(data)]
    for number, generation, at in _places(data):
        parsed = parse(data, at)
        if not parsed.whole:
            out.problems["malformed", "an object that nests too deep"] = None
        value = parsed.value
        if parsed.word.startswith(b"stream") and isinstance(value, dict):
            start = _data_start(data, parsed.end - len(parsed.word) + 6)
            value = Stream(value, start, _data_end(data, start, ends), number, generation)
        if not budget.take(parsed.end - at):
            out.problems["limit", "more objects than are read"] = None
            break
        found = Found(number, generation, value, at)
        out.objects.append(found)
        out.flawed = out.flawed or ("" if parsed.orderly else found.place)
        out.unended = out.unended or ("" if _is_ended(data, parsed.word, value) else found.place)
    for parsed in _trailers(data, budget):
        out.trailers += [parsed.value] if isinstance(parsed.value, dict) else []
        out.flawed = out.flawed or ("" if parsed.orderly else f"trailer that ends at offset {parsed.end}")
    out.trailers += [
        found.value.attrs for found in out.objects if isinstance(found.value, Stream) and "Root" in found.value.attrs
    ]
    return out


def _is_ended(data: bytes, word: bytes, value: Any) -> bool:
    """Whether the object ends with its word, behind its stream where it has one."""
    if type(value) is Stream:
        return _OBJECT_END.match(data, value.end) is not None
    return word.startswith(b"endobj")


def exact_end(data: bytes, stream: Stream, length: object) -> int:
    """Where a stream's bytes end: where its length says, if its end stands there, else before the next end."""
    return stream.start + length if type(length) is int and is_end(data, stream.start + length) else stream.end


def is_end(data: bytes, at: int) -> bool:
    """Whether a stream ends at an offset."""
    return 0 <= at <= len(data) and _STREAM_END.match(data, at) is not None


def packed_objects(content: bytes, stream: Stream, first: int, budget: Budget) -> Iterator[Found | None]:
    """The objects of a stream of objects (7.5.7) that holds `content`; None where they become too many."""
    for match in _PAIR.finditer(content, 0, max(0, first)):
        at = first + int(match[2])
        if at >= len(content):
            continue
        parsed = parse(content, at, alone=True)
        if not budget.take(parsed.end - at):
            yield None
            return
        yield Found(int(match[1]), 0, parsed.value, stream.start, stream.number or -1)


def _places(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Number and generation of each object, and the offset behind its `obj`."""
    for match in _OBJ.finditer(data):
        at = match.start()
        if not _MAY_BE_HEADER.search(data, max(0, at - _FAR), at):
            continue
        header = _HEADER.search(data[max(0, at - _NEAR) : at])
        if header is None or not header.start():
            header = _HEADER.search(data[max(0, at - _FAR) : at])
        if header:
            yield int(header[1]), int(header[2]), match.end()


def _data_start(data: bytes, at: int) -> int:
    """Behind the line end that follows the word; programs pass over blanks before it."""
    found = _LINE_END.match(data, at)
    return found.end() if found else at


def _data_end(data: bytes, start: int, ends: list[int]) -> int:
    """Before the next word that ends a stream, and the line end before that."""
    number = bisect_left(ends, start)
    end = ends[number] if number < len(ends) else len(data)
    for line_end in (b"\r\n", b"\n", b"\r"):
        if data[max(start, end - len(line_end)) : end] == line_end:
            return end - len(line_end)
    return end


def _trailers(data: bytes, budget: Budget) -> Iterator[Parsed]:
    at = data.find(b"trailer")
    for _ in range(_MAX_TRAILERS):
        if at < 0:
            return
        parsed = parse(data, at + 7, alone=True)
        if not budget.take(parsed.end - at):
            return
        yield parsed
        at = data.find(b"trailer", at + 7)
