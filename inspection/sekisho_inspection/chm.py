"""Compressed help files (ITSF): the files in their directory, those that are packed with LZX among them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sekisho_core.vocabulary import PartState

from sekisho_inspection import lzx
from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes

KIND = "application/vnd.ms-htmlhelp"
_READING = "chm"
_DIRECTORY, _CONTENT = 0x48, 0x58
_CHUNKS, _LISTING = b"ITSP", b"PMGL"
_LISTING_HEAD, _LARGEST_CHUNK = 20, 1 << 16
_STORAGE = b"::DataSpace/Storage/MSCompressed/"
_RESETS = _STORAGE + b"Transform/{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}/InstanceData/ResetTable"
# Files whose names begin so are the help file's own lists.
_OWN = (b"::", b"/#", b"/$")
_MOST_FILES = 20_000
# Two seconds of unpacking.
_MOST_PACKED = 4 << 20
_UNIT = 0x8000


@dataclass(frozen=True)
class _Entry:
    """A file: its place and size in section 0, which is plain, or 1, which is packed."""

    name: bytes
    section: int
    offset: int
    size: int


def read_chm(item: Item, notes: Notes) -> PartState:
    """Every file becomes a child; one that cannot be unpacked is listed by its name."""
    base = _content_start(item.content)
    entries = {entry.name: entry for entry in _entries(item, notes)}
    if not entries:
        notes.gap(item.gap, "unreadable", "a help file without a directory")
        return PartState.UNREADABLE
    files = [entry for entry in entries.values() if entry.size and not entry.name.startswith(_OWN)]
    needed = max((entry.offset + entry.size for entry in files if entry.section), default=0)
    unpacked = _unpacked(entries, base, needed, item, notes) if needed else b""
    for entry in files:
        source, start = (unpacked, entry.offset) if entry.section else (item.content, base + entry.offset)
        _note_file(entry, source[start : start + entry.size], item, notes)
    return PartState.READ


def _note_file(entry: _Entry, content: bytes, item: Item, notes: Notes) -> None:
    names = member_names(entry.name, utf8=True)
    if len(content) < entry.size:
        notes.gap(item.gap, "malformed", "a help file whose files are cut off")
    if not content:
        notes.closed_child(item, names, entry.size, PartState.UNREADABLE, _READING, "executable")
    elif notes.spend(len(content), item):
        notes.child(item, content, names, _READING)


def _content_start(content: bytes) -> int:
    """Where section 0 begins: stated from version 3 on, behind the directory before."""
    if int.from_bytes(content[4:8], "little") >= 3:
        return int.from_bytes(content[_CONTENT : _CONTENT + 8], "little")
    offset, size = struct.unpack("<QQ", content[_DIRECTORY : _DIRECTORY + 16].ljust(16, b"\0"))
    return int(offset + size)


def _entries(item: Item, notes: Notes) -> Iterator[_Entry]:
    """The entries of all listing chunks, in the order of the file: their list may be broken."""
    content = item.content
    start = int.from_bytes(content[_DIRECTORY : _DIRECTORY + 8], "little")
    head, size = struct.unpack("<8xI4xI", content[start : start + 20].ljust(20, b"\0"))
    if content[start : start + 4] != _CHUNKS or not _LISTING_HEAD < size <= _LARGEST_CHUNK:
        return
    count = 0
    for at in range(start + head, len(content), size):
        if not content.startswith((_LISTING, b"PMGI"), at):
            break
        if content.startswith(_LISTING, at):
            for entry in _listed(content[at : at + size]):
                count += 1
                if count > _MOST_FILES:
                    notes.gap(item.gap, "limit", f"more than {_MOST_FILES} files")
                    return
                yield entry


def _listed(chunk: bytes) -> Iterator[_Entry]:
    free = int.from_bytes(chunk[4:8], "little")
    at, end = _LISTING_HEAD, len(chunk) - min(free, len(chunk))
    while at < end:
        length, at = _number(chunk, at)
        name, at = chunk[at : at + length], at + length
        values = []
        for _ in range(3):
            value, at = _number(chunk, at)
            values.append(value)
        if not name or at > len(chunk):
            return
        yield _Entry(name, *values)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the highest first, and where it ends."""
    value = 0
    for place in range(at, min(at + 10, len(data))):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    return value, len(data) + 1


def _unpacked(entries: dict[bytes, _Entry], base: int, needed: int, item: Item, notes: Notes) -> bytes:
    """The first `needed` bytes of section 1, zeros where they cannot be unpacked; each reset begins anew."""

    def stored(name: bytes) -> bytes:
        entry = entries.get(name)
        return (
            item.content[base + entry.offset : base + entry.offset + entry.size] if entry and not entry.section else b""
        )

    control, table, packed = stored(_STORAGE + b"ControlData"), stored(_RESETS), stored(_STORAGE + b"Content")
    if len(control) < 20 or control[4:8] != b"LZXC" or len(table) < 40 or not packed:
        notes.gap(item.gap, "unreadable", "a help file packed in a way that is not known")
        return b""
    if needed > _MOST_PACKED:
        notes.gap(item.gap, "limit", f"a help file of more than {_MOST_PACKED} bytes")
    version, interval, window = struct.unpack("<III", control[8:20])
    unit = _UNIT if version >= 2 else 1
    frames = max(1, interval * unit // lzx.FRAME)
    whole = min(needed, int.from_bytes(table[16:24], "little"), _MOST_PACKED)
    starts = _starts(table)
    return _segments(packed, starts, frames, (window * unit).bit_length() - 1, whole, item, notes)


def _starts(table: bytes) -> list[int]:
    """Where each frame begins in the packed section."""
    count, head = int.from_bytes(table[4:8], "little"), int.from_bytes(table[12:16], "little")
    places = table[head : head + 8 * min(count, len(table) // 8)]
    return list(struct.unpack(f"<{len(places) // 8}Q", places[: len(places) // 8 * 8]))


def _segments(
    packed: bytes, starts: list[int], frames: int, window: int, whole: int, item: Item, notes: Notes
) -> bytes:
    out = bytearray()
    for number in range(0, len(starts), frames):
        size = min(frames * lzx.FRAME, whole - len(out))
        if size <= 0 or not notes.effort(size):
            break
        end = starts[number + frames] if number + frames < len(starts) else len(packed)
        try:
            out += lzx.inflate(packed[starts[number] : end], window, size)
        except lzx.BadLzx:
            notes.gap(item.gap, "malformed", "a help file with a damaged piece")
            out += bytes(size)
    return bytes(out)
