"""Macintosh files that carry their resource fork: AppleSingle and AppleDouble (RFC 1740 appendix A), MacBinary."""

from __future__ import annotations

import struct

from sekisho_core.vocabulary import PartState

from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes

APPLE_FILE, MAC_BINARY = "application/applefile", "application/x-macbinary"
_DATA, _RESOURCES, _NAME = 1, 2, 3
_HEADER = 26
_ENTRY = 12
# The format defines 15 kinds of entries, each there once.
_MOST_ENTRIES = 100
_BLOCK = 128


def read_apple_file(item: Item, notes: Notes) -> PartState:
    """The forks become children. AppleDouble has the resource fork alone: the data fork is a part beside it."""
    content = item.content
    entries: dict[int, tuple[int, bytes]] = {}
    count = int.from_bytes(content[_HEADER - 2 : _HEADER])
    for number in range(min(count, _MOST_ENTRIES)):
        head = content[_HEADER + number * _ENTRY :][:_ENTRY]
        if len(head) < _ENTRY:
            break
        kind, start, size = struct.unpack(">III", head)
        if start + size > len(content):
            notes.gap(item.gap, "malformed", "a Macintosh file that is cut off")
        entries.setdefault(kind, (start, content[start : start + size]))
    if count > min(_MOST_ENTRIES, (len(content) - _HEADER) // _ENTRY):
        notes.gap(item.gap, "malformed", "a Macintosh file that is cut off")
    names = member_names(entries.get(_NAME, (0, b""))[1])
    _fork(*entries.get(_DATA, (0, b"")), names, "applefile", item, notes)
    _fork(*entries.get(_RESOURCES, (0, b"")), (), "applefile", item, notes)
    return PartState.READ


def read_mac_binary(item: Item, notes: Notes) -> PartState:
    """A header of 128 bytes (MacBinary III standard), the data fork, filled up to 128 bytes, the resource fork."""
    content = item.content
    data, resources = struct.unpack_from(">II", content, 83)
    behind = _BLOCK + data + -data % _BLOCK
    if _BLOCK + data > len(content) or (resources and behind + resources > len(content)):
        notes.gap(item.gap, "malformed", "a Macintosh file that is cut off")
    names = member_names(content[2 : 2 + content[1]])
    _fork(_BLOCK, content[_BLOCK : _BLOCK + data], names, "macbinary", item, notes)
    _fork(behind, content[behind : behind + resources], (), "macbinary", item, notes)
    return PartState.READ


def _fork(at: int, fork: bytes, names: tuple[str, ...], reading: str, item: Item, notes: Notes) -> None:
    if fork and notes.spend(len(fork), item):
        notes.child(item, fork, names, reading, at, len(fork))
