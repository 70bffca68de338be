"""Codes drawn in text: QR codes made of block characters, squares or number signs, as programs print them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from PIL import Image

from sekisho_inspection import qr
from sekisho_inspection.notes import Item, Notes

# The quarters of a character's cell that are dark: upper left, upper right, lower left, lower right.
_QUARTERS = {
    "▘": 0b1000, "▝": 0b0100, "▖": 0b0010, "▗": 0b0001, "▀": 0b1100, "▄": 0b0011, "▌": 0b1010, "▐": 0b0101,
    "▚": 0b1001, "▞": 0b0110, "▙": 0b1011, "▛": 0b1110, "▜": 0b1101, "▟": 0b0111,
    **dict.fromkeys("█▇▉▓■◼⬛#", 0b1111),
}  # fmt: skip
_SIGNS = ("█", "▀", "▄", "■", "⬛", "#" * 14)
# The smallest QR code has 21 rows, and a line draws two at most. The largest has 177 and a margin of eight on each side
# (ISO/IEC 18004); with windows of twice as many lines each code is whole in one.
_LEAST_LINES, _MOST_LINES = 10, 400
_MOST_COLUMNS = 400
# Fewer dark characters are no row of a code but a bullet or a bar.
_LEAST_DARK = 3
_QUOTED = "> \t|"


def read_drawn(text: str, item: Item, notes: Notes) -> None:
    """Note the codes that lines of a text draw; white space must stand as it was sent."""
    if not any(sign in text for sign in _SIGNS):
        return
    for lines in _runs(text):
        qr.read_image(_image(lines), item, notes)


def _runs(text: str) -> Iterator[list[str]]:
    """Neighbouring lines with enough dark characters; of longer runs, windows that overlap by half."""
    run: list[str] = []
    for line in [*text.splitlines(), "."]:
        dark = len(line) <= _MOST_COLUMNS and sum(character in _QUARTERS for character in line) >= _LEAST_DARK
        if dark:
            run.append(line)
        if len(run) == _MOST_LINES or (line.strip(_QUOTED) and not dark):
            if len(run) >= _LEAST_LINES:
                yield run
            run = run[_MOST_LINES // 2 :] if dark else []


class _Cells(dict[str, tuple[bytes, bytes]]):
    """The pixels of a character's cell, its upper and its lower half: two wide and, in all, four high, as terminals
    draw them; wide characters take two cells."""

    def __init__(self, wide: str) -> None:
        self._wide = wide

    def __missing__(self, character: str) -> tuple[bytes, bytes]:
        dark, columns = _QUARTERS.get(character, 0), 2 if unicodedata.east_asian_width(character) in self._wide else 1
        self[character] = _pixels(dark >> 2, columns), _pixels(dark, columns)
        return self[character]


def _pixels(dark: int, columns: int) -> bytes:
    left, right = (b"\0" if dark & bit else b"\xff" for bit in (2, 1))
    return left * columns + right * columns


def _image(lines: list[str]) -> Image.Image:
    # Where there are wide spaces the font is an East Asian one, in which blocks are wide too (UAX 11, ambiguous).
    cells = _Cells("FWA" if any("\u3000" in line for line in lines) else "FW")
    rows: list[bytes] = []
    for line in lines:
        halves = [cells[character] for character in line]
        rows += [b"".join(upper for upper, _ in halves)] * 2 + [b"".join(lower for _, lower in halves)] * 2
    width = max(map(len, rows))
    return Image.frombytes("L", (width, len(rows)), b"".join(row.ljust(width, b"\xff") for row in rows))
