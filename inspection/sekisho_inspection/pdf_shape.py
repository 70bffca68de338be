"""The shape of a PDF file (ISO 32000-1, 7.5): where it departs from what programs write.

Most files that do are damaged and some are made so; nothing is read by the tables, so a wrong one hides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sekisho_inspection.pdf_objects import Scanned

_HEADER = b"%PDF-"
# Where the header may stand (implementation note 13), and the end of the file (note 18).
_NEAR = 1024
_LATEST_HEADER = 1 << 16
_START = re.compile(rb"startxref[\0\t\n\f\r ]{0,20}([0-9]{1,12})")
_TABLE = re.compile(rb"[\0\t\n\f\r ]{0,20}(?:xref|[0-9]{1,10}[\0\t\n\f\r ]{1,20}[0-9]{1,6}[\0\t\n\f\r ]{0,20}obj)")
_OBJECT = re.compile(rb"[\0\t\n\f\r ]{0,20}0{0,10}([0-9]{1,10})[\0\t\n\f\r ]{1,20}[0-9]{1,6}[\0\t\n\f\r ]{0,20}obj")
_ROW = re.compile(
    rb"[\0\t\n\f\r ]{0,20}(?:([0-9]{10})[ ]{1,3}([0-9]{5})[ ]{1,3}([nf])|([0-9]{1,10})[ ]{1,3}[0-9]{1,10})"
)
# Rows that are compared with the file.
_MAX_ROWS = 20_000


def departures(data: bytes, scanned: Scanned) -> Iterator[str]:
    """What is missing or wrong, each in a few words."""
    header, end = data.find(_HEADER, 0, _LATEST_HEADER), data.rfind(b"%%EOF")
    if header:
        yield f"header at offset {header}" if header > 0 else "no header"
    if end < 0:
        yield "no end"
    elif end < len(data) - _NEAR:
        yield f"{len(data) - end} bytes from the last end on"
    if not scanned.trailers:
        yield "no trailer"
    places = _START.findall(data)
    # Offsets count from the header on to some programs, from the file's beginning to others.
    shifts = (0, max(0, header))
    if not places:
        yield "no table's place"
    elif not any(_TABLE.match(data, int(places[-1]) + shift) for shift in shifts):
        yield f"no table at offset {int(places[-1])}"
    yield from _of_trailers(scanned)
    for place, flaw in (
        (scanned.flawed, "an object that is not well formed"),
        (scanned.unended, "no end of an object"),
    ):
        if place:
            yield f"{flaw}: {place}"
    wrong = next((row for row in _rows(data) if not any(_is_at(data, *row, shift) for shift in shifts)), None)
    if wrong:
        yield f"no object {wrong[0]} at offset {wrong[1]}, where the table has it"


def _of_trailers(scanned: Scanned) -> Iterator[str]:
    if scanned.trailers and type(scanned.one(scanned.trailers[-1].get("Size"))) is not int:
        yield "a trailer without a size"
    if scanned.trailers and not any(isinstance(scanned.one(one.get("Root")), dict) for one in scanned.trailers):
        yield "no trailer that names a catalog"


def _rows(data: bytes) -> Iterator[tuple[int, int]]:
    """Number and offset of each object that a table (7.5.4) states to be there."""
    left, at = _MAX_ROWS, data.find(b"xref")
    while at >= 0 and left > 0:
        number, place = 0, at + 4
        while data[at - 5 : at] != b"start" and left > 0 and (row := _ROW.match(data, place)):
            place, left = row.end(), left - 1
            if row[4]:
                number = int(row[4])
                continue
            if row[3] == b"n":
                yield number, int(row[1])
            number += 1
        at = data.find(b"xref", at + 4)


def _is_at(data: bytes, number: int, offset: int, shift: int) -> bool:
    found = _OBJECT.match(data, offset + shift)
    return found is not None and int(found[1]) == number
