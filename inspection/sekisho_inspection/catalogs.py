"""Catalogs: archives that are listed and not unpacked: ARJ, ACE, ALZ, EGG, ZOO and StuffIt give their members' names.

What is in them stays unknown, so each is a gap; of other containers that nothing opens not even names are told.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from sekisho_core.vocabulary import PartState

from sekisho_inspection.archive import note_path
from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes

_MAX_HEADERS = 100_000
# A member: raw name, whether the archive states that it is UTF-8, unpacked size in bytes, whether it is locked.
_Entry = tuple[bytes, bool, int, bool]
READING = "catalog"


def read_catalog(item: Item, notes: Notes) -> PartState:
    """List the members by their headers. The archive is unreadable, or locked where one of them is."""
    state = PartState.UNREADABLE
    for name, utf8, size, locked in _entries(item):
        if notes.slots <= 0:
            notes.gap("mail", "limit", "more parts than the limit")
            break
        names = member_names(name, utf8)
        note_path(names, item, notes)
        state = PartState.LOCKED if locked else state
        one = PartState.LOCKED if locked else PartState.UNREADABLE
        notes.closed_child(item, names, size, one, READING)
    if state is PartState.LOCKED:
        notes.gap(item.gap, "locked", f"no reader for {item.sniffed}")
    notes.gap(item.gap, "unreadable", f"no reader for {item.sniffed}")
    return state


def _entries(item: Item) -> Iterator[_Entry]:
    try:
        yield from _WAYS[item.sniffed](item.content)
    # Headers that end early end the list.
    except (struct.error, IndexError):
        return


def _arj(data: bytes) -> Iterator[_Entry]:
    """ARJ TECHNOTE: a header of the archive, then one for each member."""
    at, first = 0, True
    for _ in range(_MAX_HEADERS):
        size = struct.unpack_from("<H", data, at + 2)[0]
        if data[at : at + 2] != b"\x60\xea" or not size:
            return
        header = data[at + 4 : at + 4 + size]
        at += 4 + size + 4
        # Further headers, each with a checksum, up to one without a size.
        while extended := struct.unpack_from("<H", data, at)[0]:
            at += 2 + extended + 4
        at += 2
        if not first:
            packed, unpacked = struct.unpack_from("<LL", header, 12)
            yield header[header[0] :].partition(b"\0")[0], False, unpacked, bool(header[4] & 0x01)
            at += packed
        first = False


def _ace(data: bytes) -> Iterator[_Entry]:
    """ACE: blocks with a checksum, a size and a type; 1 is a member."""
    at = 0
    for _ in range(_MAX_HEADERS):
        size = struct.unpack_from("<H", data, at + 2)[0]
        kind, flags = struct.unpack_from("<BH", data, at + 4)
        following = at + 4 + size
        if kind == 1:
            packed, unpacked = struct.unpack_from("<LL", data, at + 7)
            length = struct.unpack_from("<H", data, at + 33)[0]
            yield data[at + 35 : at + 35 + length], False, unpacked, bool(flags & 0x4000)
            following += packed
        elif flags & 0x01:
            following += struct.unpack_from("<L", data, at + 7)[0]
        at = following


def _zoo(data: bytes) -> Iterator[_Entry]:
    """ZOO: a chain of directory entries."""
    at = struct.unpack_from("<L", data, 24)[0]
    for _ in range(_MAX_HEADERS):
        if data[at : at + 4] != b"\xdc\xa7\xc4\xfd":
            return
        kind, following, size = data[at + 4], struct.unpack_from("<L", data, at + 6)[0], data[at + 20 : at + 24]
        name = data[at + 38 : at + 51].partition(b"\0")[0]
        if kind == 2 and data[at + 56 :]:
            name = data[at + 58 : at + 58 + data[at + 56]].partition(b"\0")[0] or name
        if not following or following <= at:
            return
        yield name, False, int.from_bytes(size, "little"), False
        at = following


def _alz(data: bytes) -> Iterator[_Entry]:
    """ALZ: local headers in a row; sizes have as many bytes as a flag says."""
    at = 8
    for _ in range(_MAX_HEADERS):
        if data[at : at + 4] != b"BLZ\1":
            return
        length, flags = struct.unpack_from("<H", data, at + 4)[0], data[at + 11]
        width = flags >> 4
        at += 13
        packed = unpacked = 0
        if width:
            at += 6
            packed = int.from_bytes(data[at : at + width], "little")
            unpacked = int.from_bytes(data[at + width : at + 2 * width], "little")
            at += 2 * width
        yield data[at : at + length], False, unpacked, bool(flags & 0x01)
        at += length + (12 if flags & 0x01 else 0) + packed


def _egg(data: bytes) -> Iterator[_Entry]:
    """EGG: headers of files and of what is told about them, each with a magic number."""
    at, size = data.find(b"\xe3\x90\x85\x0a"), 0
    locked = b"\x0f\x47\xd1\x08" in data
    for _ in range(_MAX_HEADERS):
        if at < 0:
            return
        size = struct.unpack_from("<Q", data, at + 8)[0]
        name = data.find(b"\xac\x91\x85\x0a", at)
        if name < 0:
            return
        flags, length = data[name + 4], struct.unpack_from("<H", data, name + 5)[0]
        start = name + 7 + (2 if flags & 0x08 else 0)
        yield data[start : start + length], not flags & 0x08, size, locked
        at = data.find(b"\xe3\x90\x85\x0a", start)


def _stuffit(data: bytes) -> Iterator[_Entry]:
    """StuffIt before version 5: headers of 112 bytes in a row; folders have headers at both ends."""
    at = 22
    for _ in range(_MAX_HEADERS):
        header = data[at : at + 112]
        if len(header) < 112:
            return
        sizes = struct.unpack_from(">LLLL", header, 84)
        at += 112
        if header[0] & 0x6F in (32, 33):
            continue
        at += sizes[2] + sizes[3]
        locked = bool(header[0] & 0x10 or header[1] & 0x10)
        yield header[3 : 3 + min(header[2], 63)], False, sizes[1], locked


_WAYS: dict[str, Callable[[bytes], Iterator[_Entry]]] = {
    "application/x-arj": _arj,
    "application/x-ace": _ace,
    "application/x-zoo": _zoo,
    "application/x-alz": _alz,
    "application/x-egg": _egg,
    "application/x-stuffit": _stuffit,
}
KINDS = frozenset(_WAYS)
