"""Delimiters: where the parts of a multipart body begin and end (RFC 2046 section 5.1.1), for the standard and for
programs that look at a delimiter line less closely, or find boundaries by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Span = tuple[int, int]
Mark = tuple[int, int, bool]

_EXACT_END = re.compile(rb"(--)?[ \t]*+\r?(?:\n|\Z)")
_LOOSE_END = re.compile(rb"(--)?[^\r\n]*+\r*(?:\n|\Z)")
# Characters before the dashes of a delimiter that lenient programs pass over, no-break spaces and byte order marks in
# UTF-8 among them, and how many of their bytes.
_INDENT = bytes({*range(0x21), *b">", *"\xa0\u3000\ufeff".encode(), 0xA0} - {*b"\r\n"})
_INDENTED = 80
_BREAK = re.compile(rb"[\r\n]")
_LINE = re.compile(rb"--([^\r\n]{0,200}+)[^\r\n]{0,800}+\r*(?:\n|\Z)")
_SHOWS = rb"[\x00-\x20]{0,8}content-(?:type|transfer-encoding|disposition)[\x00-\x20]*:"
# Up to five lines behind a delimiter, and then any number of fields, may stand before the field that shows it to be
# one; each field is looked at behind one delimiter only.
_FIELD = rb"(?!" + _SHOWS + rb"|[" + re.escape(_INDENT) + rb"]*+--)(?:[!-9;-~]++[ \t]*+:|[ \t])[^\r\n]*+\r*\n"
_HEAD = re.compile(rb"(?:[^\r\n]{1,998}+\r*\n){0,5}?(?:" + _FIELD + rb")*+" + _SHOWS, re.I)
_FIELDS = re.compile(rb"\s{0,8}content-(?:type|transfer-encoding|disposition)[\x00-\x20]*:[^\r\n]+\r*\n[a-z-]+:", re.I)


def spans(data: bytes, body: Span, boundary: bytes) -> Iterator[Span]:
    """The parts between the delimiter lines of `boundary`, as the standard has it.

    Parts behind the close delimiter are parts too: some readers go on.
    """
    return _between(data, body, _exact(data, body, boundary))


def loose_spans(data: bytes, body: Span, boundary: bytes) -> Iterator[Span]:
    """The parts for programs that take any line which begins with the boundary for a delimiter, indented ones too."""
    return _between(data, body, _loose(data, body, boundary))


def hidden_spans(data: bytes, body: Span) -> Iterator[Span]:
    """The parts behind lines that look like a delimiter, whatever boundary was stated, and the body itself where it
    begins with the fields of a part."""
    start, open_prefix = (body[0] if _FIELDS.match(data, *body) else -1), b""
    for match in _lines(data, body):
        prefix = match[1].rstrip(b"- \t")
        begins = _HEAD.match(data, match.end(), body[1]) is not None
        if start >= 0 and (begins or prefix == open_prefix):
            yield start, _before_break(data, start, match.start())
            start = -1
        if begins:
            start, open_prefix = match.end(), prefix
    if start >= 0:
        yield start, body[1]


def _lines(data: bytes, body: Span) -> Iterator[re.Match[bytes]]:
    at = data.find(b"--", *body)
    while at >= 0:
        match = _LINE.match(data, at, body[1]) if _begins_line(data, body[0], at) else None
        if match:
            yield match
        # No later dashes of the line begin it.
        line_end = match or _BREAK.search(data, at, body[1])
        at = data.find(b"--", line_end.end(), body[1]) if line_end else -1


def _exact(data: bytes, body: Span, boundary: bytes) -> Iterator[Mark]:
    """Beginning and end of each delimiter line, and whether it closes. The boundary is searched, not compiled: it may
    be huge."""
    line, (start, end) = b"--" + boundary, body
    at = start if data.startswith(line, start, end) else _next_line(data, line, start, end)
    while at >= 0:
        if match := _EXACT_END.match(data, at + len(line), end):
            yield at, match.end(), bool(match[1])
        at = _next_line(data, line, at, end)


def _next_line(data: bytes, line: bytes, start: int, end: int) -> int:
    """The position of the next line that begins so; -1 for none."""
    found = data.find(b"\n" + line, start, end)
    return found + 1 if found >= 0 else -1


def _loose(data: bytes, body: Span, boundary: bytes) -> Iterator[Mark]:
    line, (start, end) = b"--" + boundary, body
    at = data.find(line, start, end)
    while at >= 0:
        if _begins_line(data, start, at) and (match := _LOOSE_END.match(data, at + len(line), end)):
            yield at, match.end(), bool(match[1])
        at = data.find(line, at + len(line), end)


def _begins_line(data: bytes, start: int, at: int) -> bool:
    """Whether nothing but what lenient programs pass over stands between the line's beginning and `at`."""
    before = data[max(start, at - _INDENTED) : at].rstrip(_INDENT)
    return before.endswith((b"\r", b"\n")) or (not before and at - start <= _INDENTED)


def _between(data: bytes, body: Span, marks: Iterable[Mark]) -> Iterator[Span]:
    start: int | None = None
    for at, after, closes in marks:
        if start is not None:
            yield start, _before_break(data, start, at)
        start = None if closes else after
    if start is not None:
        yield start, body[1]


def _before_break(data: bytes, start: int, end: int) -> int:
    """The line end before a delimiter belongs to the delimiter."""
    for size, ending in ((2, b"\r\n"), (1, b"\n")):
        if end - size >= start and data[end - size : end] == ending:
            return end - size
    return end
