"""CAB: members of cabinets, packed in folders ([MS-CAB])."""

from __future__ import annotations

import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from sekisho_core.vocabulary import PartState

from sekisho_inspection import libarchive
from sekisho_inspection.archive import note_path, within
from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes

KIND = "application/vnd.ms-cab-compressed"
MAGIC = b"MSCF\0\0\0\0"
READING = "cab"
_PREVIOUS, _NEXT, _RESERVED = 0x1, 0x2, 0x4
_STORED, _MSZIP, _QUANTUM, _LZX = range(4)
_UTF8 = 0x80
# A member of these folders begins or ends in another cabinet.
_ELSEWHERE = 0xFFFD
# The most that a block unpacks to, and that the next one refers to.
_HISTORY = 1 << 15


@dataclass(frozen=True)
class _Folder:
    """Where a folder's blocks begin, how many there are, and how they are packed."""

    start: int
    blocks: int
    method: int


@dataclass(frozen=True)
class _Member:
    """A member: its names, its folder's number, where it stands in the folder and how long it is."""

    names: tuple[str, ...]
    folder: int
    start: int
    size: int


def read_cab(item: Item, notes: Notes) -> PartState:
    """Every member as a child; those that cannot be read are listed."""
    try:
        folders, members, reserved = _listing(item.content)
    except (struct.error, ValueError):
        notes.gap(item.gap, "unreadable", "CAB: headers that end early")
        return PartState.UNREADABLE
    states = {PartState.READ}
    inside_of = defaultdict[int, list[_Member]](list)
    for member in members:
        inside_of[member.folder].append(member)
    for index, inside in inside_of.items():
        if notes.slots <= 0:
            notes.gap("mail", "limit", "more parts than the limit")
            break
        content = b""
        if index >= _ELSEWHERE or index >= len(folders):
            notes.gap(item.gap, "unreadable", "a member that goes on in another cabinet")
        else:
            found = _content(item, folders[index], reserved, notes)
            if found is None:
                states |= {_closed(member, item, notes) for member in inside}
                continue
            content = found
        states |= {_keep(member, content, item, notes) for member in inside}
    return PartState.UNREADABLE if PartState.UNREADABLE in states else PartState.READ


def _listing(data: bytes) -> tuple[list[_Folder], list[_Member], int]:
    """Folders, members, and the reserved bytes in front of each block. Raises struct.error, ValueError."""
    first, count, total, flags = *struct.unpack_from("<L", data, 16), *struct.unpack_from("<HHH", data, 26)
    at, folder_reserve, reserved = 36, 0, 0
    if flags & _RESERVED:
        header, folder_reserve, reserved = struct.unpack_from("<HBB", data, at)
        at += 4 + header
    for flag in (_PREVIOUS, _PREVIOUS, _NEXT, _NEXT):
        at = data.index(b"\0", at) + 1 if flags & flag else at
    folders = []
    for _ in range(count):
        start, blocks, method = struct.unpack_from("<LHH", data, at)
        folders.append(_Folder(start, blocks, method))
        at += 8 + folder_reserve
    members, at = [], first
    for _ in range(total):
        size, start, folder, attributes = struct.unpack_from("<LLH4xH", data, at)
        end = data.index(b"\0", at + 16)
        members.append(_Member(member_names(data[at + 16 : end], bool(attributes & _UTF8)), folder, start, size))
        at = end + 1
    return folders, members, reserved


def _content(item: Item, folder: _Folder, reserved: int, notes: Notes) -> bytes | None:
    """What a folder's blocks unpack to, as far as they do; None, noted as a gap, where nothing is unpacked."""
    blocks = list(_blocks(item.content, folder, reserved))
    if not within(sum(plain for _, plain in blocks), len(item.content), item, notes):
        return None
    method = folder.method & 0x0F
    if method == _STORED:
        return b"".join(packed for packed, _ in blocks)
    if method == _MSZIP:
        return _inflated(blocks)
    if method == _LZX:
        return _by_library(folder.method, blocks)
    notes.gap(item.gap, "unreadable", f"CAB method {'Quantum' if method == _QUANTUM else method}")
    return None


def _blocks(data: bytes, folder: _Folder, reserved: int) -> Iterator[tuple[bytes, int]]:
    """The packed bytes of each block, and what they unpack to in bytes."""
    at = folder.start
    for _ in range(folder.blocks):
        if at + 8 + reserved > len(data):
            return
        packed, plain = struct.unpack_from("<HH", data, at + 4)
        at += 8 + reserved
        yield data[at : at + packed], min(plain, _HISTORY)
        at += packed


def _inflated(blocks: list[tuple[bytes, int]]) -> bytes:
    """Each block is a stream of its own that refers to what the one before it gave."""
    out, history = list[bytes](), b""
    for packed, plain in blocks:
        try:
            history = zlib.decompressobj(-15, zdict=history).decompress(packed[2:], max(plain, 1))
        except zlib.error:
            break
        out.append(history)
    return b"".join(out)


def _by_library(method: int, blocks: list[tuple[bytes, int]]) -> bytes:
    """What libarchive makes of a cabinet of these blocks, with one member that is all of them."""
    size = sum(plain for _, plain in blocks)
    data = b"".join(struct.pack("<LHH", 0, len(packed), plain) + packed for packed, plain in blocks)
    begin = 36 + 8 + 18
    header = struct.pack("<4sLLLLLBBHHHHH", b"MSCF", 0, begin + len(data), 0, 44, 0, 3, 1, 1, 1, 0, 0, 0)
    header += struct.pack("<LHH", begin, len(blocks), method) + struct.pack("<LLHHHH2s", size, 0, 0, 0, 0, 0x20, b"f")
    try:
        with libarchive.Archive(header + data, ("cab",)) as archive:
            for _ in archive.entries():
                return archive.read(size)[0]
    except libarchive.Unreadable:
        pass
    return b""


def _closed(member: _Member, item: Item, notes: Notes) -> PartState:
    if notes.slots > 0:
        notes.closed_child(item, member.names, member.size, PartState.UNREADABLE, READING)
    return PartState.UNREADABLE


def _keep(member: _Member, content: bytes, item: Item, notes: Notes) -> PartState:
    if notes.slots <= 0:
        notes.gap("mail", "limit", "more parts than the limit")
        return PartState.READ
    note_path(member.names, item, notes)
    piece = content[member.start : member.start + member.size]
    if len(piece) < member.size:
        notes.gap(item.gap, "unreadable", "CAB: a member that does not unpack whole")
        if not piece:
            return _closed(member, item, notes)
    if notes.spend(len(piece), item):
        notes.child(item, piece, member.names, READING)
    return PartState.READ
