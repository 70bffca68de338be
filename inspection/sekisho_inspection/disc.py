"""Discs: images of optical media, read by every file system that is on them."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho_core.vocabulary import PartState

from sekisho_inspection import iso9660, udf
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.volume import File, Image, read_files

KIND = "application/x-iso9660-image"
READING = "disc"
_SECTOR, _FIRST, _LAST = 2048, 16, 32


def read_disc(item: Item, notes: Notes) -> PartState:
    """Every file as a child, with its names of all trees: what one file system hides another may show."""
    return read_files(_files(item.content), Image(item.content), READING, item, notes)


def _files(data: bytes) -> Iterator[File]:
    marks = {data[number * _SECTOR + 1 : number * _SECTOR + 6] for number in range(_FIRST, _LAST)}
    if marks & {b"NSR02", b"NSR03"}:
        yield from udf.files(data)
    yield from iso9660.files(data)
