"""Volumes of split files: name.001, name.002 and so on beside each other, joined as 7-Zip and others open them."""

from __future__ import annotations

import re

from sekisho_inspection import filetype
from sekisho_inspection.notes import Item, Notes

READING = "volumes"
_NUMBERED = re.compile(r"(.+)\.(\d{3})", re.S)
# A file with a low number is a volume by itself; others are named after years, machines and runs.
_LOW = 9


def note_volume(item: Item, notes: Notes) -> None:
    """Keep a file that is numbered until all that stand beside it are known."""
    for name in item.names[:1]:
        if numbered := _NUMBERED.fullmatch(name.rstrip(" .")):
            held = notes.volumes.setdefault((item.origin.parent, numbered[1].lower()), {})
            first = held.setdefault(int(numbered[2]), item)
            if first.content != item.content:
                notes.gap(item.gap, "ambiguous", "two volumes of one number")


def join_volumes(notes: Notes) -> None:
    """Put the files whose volumes are all there on the list of what is to be read; others are gaps where they are data
    of no type."""
    for (_, stem), held in notes.volumes.items():
        numbers = sorted(held)
        items = [held[number] for number in numbers]
        if len(items) > 1 and numbers[0] <= 1 and numbers[-1] - numbers[0] == len(items) - 1:
            content = b"".join(item.content for item in items)
            if notes.spend(len(content), items[0]):
                notes.child(items[0], content, (stem,), READING)
        elif (len(items) > 1 or numbers[0] <= _LOW) and any(map(_is_data, items)):
            notes.gap(items[0].gap, "unreadable", "a volume of a split file")
    notes.volumes.clear()


def _is_data(item: Item) -> bool:
    """Whether it is data of no type; pictures of medicine (DICOM PS3.10 section 7.1) are often numbered."""
    known = item.sniffed or item.content.startswith(b"DICM", 128)
    return not known and not filetype.is_text(item.content)
