"""Intel HEX (Hexadecimal Object File Format, revision A): bytes as lines of digits, each line with its address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from sekisho_inspection.inline import Inline

# Count, address, type, data, checksum.
_RECORD = re.compile(rb"[ \t]*+:([0-9A-Fa-f]{2})([0-9A-Fa-f]{4})([0-9A-Fa-f]{2})([0-9A-Fa-f]*+)[ \t]*+(?:\r*\n|\r|\Z)")
_BEGIN = re.compile(rb"(?:\xef\xbb\xbf)?\s*+(?=:[0-9A-Fa-f]{10})")
_OFFSET = 0xFFFF
_DATA, _SEGMENT, _LINEAR = 0, 2, 4
# Runs of bytes with nothing between; a program has a few.
_MOST_RUNS = 100


def files(text: bytes) -> Iterator[Inline]:
    """Each run of bytes whose addresses follow each other. Raises nothing."""
    begin = _BEGIN.match(text)
    if begin is None:
        return
    pieces, end = _pieces(text, begin.end())
    for count, content in enumerate(_runs(pieces)):
        if count >= _MOST_RUNS:
            yield Inline(begin.end(), end, b"", content, False)
            return
        yield Inline(begin.end(), end, b"", content)


def _pieces(text: bytes, at: int) -> tuple[list[tuple[int, bytes]], int]:
    """Address and data of each record up to the first line that is none, and where that begins."""
    pieces: list[tuple[int, bytes]] = []
    base = 0
    while record := _RECORD.match(text, at):
        at = record.end()
        digits, kind = record[4][: 2 * int(record[1], 16)], int(record[3], 16)
        data = bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))
        if kind == _DATA:
            pieces.append((base + int(record[2], 16), data))
        elif kind in (_SEGMENT, _LINEAR):
            base = int.from_bytes(data) << (4 if kind == _SEGMENT else 16)
    return pieces, at


def _runs(pieces: list[tuple[int, bytes]]) -> Iterator[bytes]:
    """Pieces that touch as one, in the order of addresses; where two are for one place the addresses have begun anew,
    and the order is the file's."""
    ordered = sorted(pieces, key=lambda piece: piece[0])
    if any(address + len(data) > behind for (address, data), (behind, _) in pairwise(ordered)):
        ordered = pieces
    end, run = -1, list[bytes]()
    for address, data in ordered:
        if (address ^ end) & _OFFSET and run:
            yield b"".join(run)
            run = []
        run.append(data)
        end = address + len(data)
    if run:
        yield b"".join(run)
