"""Volumes of split files: name.001 and name.002, or name.aa and name.ab, side by side, joined as 7-Zip opens them."""

from __future__ import annotations

import re

from sekisho_inspection import filetype
from sekisho_inspection.notes import Item, Notes

READING = "volumes"
_NUMBERED = re.compile(r"(.+)\.(\d{2,4})", re.S)
# As the program split numbers them: aa, ab and so on, behind a dot or in a name without one.
_LETTERED = re.compile(r"(?:(.*)\.|([^.]*))a([a-z])", re.S | re.I)
# Other widths than this are seldom volumes, so that one of theirs is no gap by itself.
_USUAL = 3
# A file with a low number is a volume by itself; others are named after years, machines and runs.
_LOW = 9


def note_volume(item: Item, notes: Notes) -> None:
    """Keep a file that is numbered until all that stand beside it are known."""
    for name in item.names[:1]:
        if not (place := _place(name.rstrip(" ."))):
            continue
        stem, width, number = place
        held = notes.volumes.setdefault((item.origin.parent, stem.lower(), width), {})
        if held.setdefault(number, item).content != item.content and width == _USUAL:
            notes.gap(item.gap, "ambiguous", "two volumes of one number")


def _place(name: str) -> tuple[str, int, int] | None:
    """What volumes have in common in their names, digits of their numbers (0 where letters count), and the number."""
    if numbered := _NUMBERED.fullmatch(name):
        return numbered[1], len(numbered[2]), int(numbered[2])
    if lettered := _LETTERED.fullmatch(name):
        return lettered[1] or lettered[2] or "", 0, ord(lettered[3].lower()) - ord("a")
    return None


def join_volumes(notes: Notes) -> None:
    """Put the files whose volumes are all there on the list of what is to be read; others are gaps where they are data
    of no type."""
    for (_, stem, width), held in notes.volumes.items():
        numbers = sorted(held)
        items = [held[number] for number in numbers]
        if len(items) > 1 and numbers[0] <= 1 and numbers[-1] - numbers[0] == len(items) - 1:
            content = b"".join(item.content for item in items)
            if notes.spend(len(content), items[0]):
                notes.child(items[0], content, (stem,) if stem else (), READING)
        elif width == _USUAL and (len(items) > 1 or numbers[0] <= _LOW) and any(map(_is_data, items)):
            notes.gap(items[0].gap, "unreadable", "a volume of a split file")
    notes.volumes.clear()


def _is_data(item: Item) -> bool:
    """Whether it is data of no type; pictures of medicine (DICOM PS3.10 section 7.1) are often numbered."""
    known = item.sniffed or item.content.startswith(b"DICM", 128)
    return not known and not filetype.is_text(item.content)
