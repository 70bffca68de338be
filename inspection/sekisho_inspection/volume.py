"""Volumes: disk and disc images as spans of bytes, and the files that a file system keeps in them."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sekisho_core.vocabulary import PartState

from sekisho_inspection.archive import list_folders, note_path
from sekisho_inspection.filetype import runnable
from sekisho_inspection.notes import Item, Notes

# Folders of one volume, and files that are listed of it.
MAX_FOLDERS, MAX_FILES = 10_000, 100_000


FOLDER = "folder"
# Names under which one file is known.
_MAX_NAMES = 96


class Damaged(Exception):
    """A file system that makes no sense; the text says where."""


def written(extents: tuple[tuple[int, int], ...], size: int) -> tuple[tuple[int, int], ...]:
    """The extents as a system reads them that has written so many bytes: zeros follow, whatever stands there."""
    out, left = list[tuple[int, int]](), size
    for start, length in extents:
        if left > 0:
            out.append((start, min(length, left)))
        if length > max(0, left):
            out.append((-1, length - max(0, left)))
        left -= length
    return tuple(out)


class Image:
    """An image's bytes. One that keeps only the blocks in use says by `places` where each block is, -1 for none."""

    def __init__(self, data: bytes, block: int = 0, places: list[int] | None = None) -> None:
        self._data = data
        self._block = block
        self._places = places

    def read(self, at: int, size: int) -> bytes:
        """So many bytes from a position on; fewer where the image ends."""
        if self._places is None:
            return self._data[at : at + size]
        out = list[bytes]()
        while size > 0 and at // self._block < len(self._places):
            place, within = self._places[at // self._block], at % self._block
            piece = min(size, self._block - within)
            out.append(bytes(piece) if place < 0 else self._data[place + within : place + within + piece])
            at, size = at + piece, size - piece
        return b"".join(out)


@dataclass(frozen=True)
class File:
    """A file of a volume: its names, where its bytes stand (position and length; -1 for zeros), its size in bytes,
    what it is if no regular file (`FOLDER` or words), and its content where that stands in no place of its own."""

    names: tuple[str, ...]
    extents: tuple[tuple[int, int], ...]
    size: int
    kind: str = ""
    content: bytes | None = None
    problem: str = ""


def read_files(files: Iterable[File], image: Image, reading: str, item: Item, notes: Notes) -> PartState:
    """Every file as a child, listed alone where it cannot be read; what `files` raises is a gap."""
    found: dict[object, File] = {}
    state = PartState.READ
    try:
        for number, file in enumerate(files):
            if number >= MAX_FILES or len(found) > notes.slots:
                notes.gap(item.gap, "limit", "more files than are listed")
                break
            if not _note(file, found):
                notes.gap(item.gap, "limit", f"more than {_MAX_NAMES} names of a file")
    except (Damaged, IndexError, ValueError, OverflowError, struct.error) as problem:
        notes.gap(item.gap, "unreadable", f"{reading}: {problem}")
        state = PartState.UNREADABLE
    for file in (file for file in found.values() if file.kind != FOLDER):
        if notes.slots <= 0:
            notes.gap("mail", "limit", "more parts than the limit")
            break
        if not _keep(file, image, reading, item, notes):
            state = PartState.UNREADABLE
    list_folders((file.names for file in found.values() if file.kind == FOLDER), item, notes, reading)
    return state


def _note(file: File, found: dict[object, File]) -> bool:
    """Put a file to those found: several trees of names may lead to the same bytes. False where it has too many names;
    those that a system would run are kept then."""
    key = (file.extents, file.size, file.kind or (file.problem and file.names)) if file.size else file.names
    known = found[key].names if key in found else ()
    names = dict.fromkeys(known + file.names)
    if fits := len(names) <= _MAX_NAMES:
        found[key] = replace(file, names=tuple(names))
    else:
        started = (name for name in file.names if runnable(name, None))
        found[key] = replace(file, names=tuple(dict.fromkeys([*started, *names]))[:_MAX_NAMES])
    return fits


def _keep(file: File, image: Image, reading: str, item: Item, notes: Notes) -> bool:
    note_path(file.names, item, notes, file.kind)
    if file.kind:
        notes.closed_child(item, file.names, 0, PartState.SKIPPED, reading)
        return True
    if file.problem or not notes.spend(file.size, item):
        if file.problem:
            notes.gap(item.gap, "unreadable", f"{reading}: {file.problem}")
        notes.closed_child(item, file.names, file.size, PartState.UNREADABLE, reading)
        return False
    content = file.content
    if content is None:
        content = _joined(file, image)
    if len(content) < file.size:
        notes.gap(item.gap, "unreadable", f"{reading}: a file beyond the end of the image")
    start = file.extents[0][0] if file.extents else 0
    notes.child(item, content[: file.size], file.names, reading, max(0, start), file.size)
    return len(content) >= file.size


def _joined(file: File, image: Image) -> bytes:
    left, out = file.size, list[bytes]()
    for start, length in file.extents:
        length = min(length, left)
        out.append(bytes(length) if start < 0 else image.read(start, length))
        left -= length
    return b"".join(out)
