"""ISO 9660: the files of a disc by each of its trees: plain (ECMA-119), with Rock Ridge's names, and Joliet."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sekisho_inspection.names import member_names
from sekisho_inspection.volume import FOLDER, MAX_FOLDERS, Damaged, File

SECTOR = 2048
_FIRST = 16
# Descriptors that are looked at even behind their end, and the most of a disc.
_DESCRIPTORS, _MAX_DESCRIPTORS = 64, 256
_TERMINATOR = 0xFF
_FOLDER, _GOES_ON = 0x02, 0x80
_JOLIET = (b"%/@", b"%/C", b"%/E")
_VERSION = re.compile(r";[0-9]*\Z")
# A chain of areas that go on elsewhere.
_MAX_AREAS = 16


@dataclass(frozen=True)
class _Record:
    """A directory record: position and length in bytes, flags, raw name, and what Rock Ridge says: name, link."""

    start: int
    size: int
    flags: int
    name: bytes
    other: bytes
    is_link: bool


def files(data: bytes) -> Iterator[File]:
    """The files of every tree. Raises Damaged."""
    roots = set[tuple[bytes, int, bool]]()
    for sector in _descriptors(data):
        root, joliet = sector[156:190], sector[0] == 2 and sector[88:91] in _JOLIET
        if sector[0] not in (1, 2) or len(sector) < 190:
            continue
        tree = root, struct.unpack_from("<H", sector, 128)[0] or SECTOR, joliet
        if tree not in roots:
            roots.add(tree)
            yield from _tree(data, *tree)


def _descriptors(data: bytes) -> Iterator[bytes]:
    goes_on = True
    for number in range(_MAX_DESCRIPTORS):
        sector = data[(_FIRST + number) * SECTOR : (_FIRST + number + 1) * SECTOR]
        is_one = sector[1:6] == b"CD001"
        goes_on = goes_on and is_one and sector[0] != _TERMINATOR
        if is_one:
            yield sector
        if number >= _DESCRIPTORS and not goes_on:
            return
    if goes_on:
        raise Damaged(f"more than {_MAX_DESCRIPTORS} descriptors")


def _tree(data: bytes, root: bytes, block: int, joliet: bool) -> Iterator[File]:
    start, size = struct.unpack_from("<L4xL", root, 2)
    # As far as each folder was read: another record may give it more bytes.
    waiting, seen, count = [(start * block, size, b"")], {start * block: size}, 0
    while waiting:
        start, size, path = waiting.pop()
        parts: list[_Record] = []
        for record in _records(data, start, size, block):
            name = path + _name(record, joliet)
            if record.flags & _FOLDER:
                known = seen.get(record.start, -1)
                if record.size > known and count < MAX_FOLDERS:
                    count += 1
                    seen[record.start] = record.size
                    done = max(0, known) // SECTOR * SECTOR
                    waiting.append((record.start + done, record.size - done, name + (b"\0/" if joliet else b"/")))
                    yield File(_names(name, joliet), (), 0, FOLDER)
                continue
            parts.append(record)
            if not record.flags & _GOES_ON:
                yield _file(parts, name, path, joliet)
                parts = []
    if count >= MAX_FOLDERS:
        raise Damaged(f"more than {MAX_FOLDERS} folders")


def _file(parts: list[_Record], name: bytes, path: bytes, joliet: bool) -> File:
    extents = tuple((part.start, part.size) for part in parts)
    kind = "a link" if parts[-1].is_link else ""
    names = _names(name, joliet)
    if parts[-1].other and not joliet:
        names += member_names(path + _plain(parts[-1].name))
    return File(names, extents, 0 if kind else sum(size for _, size in extents), kind)


def _names(path: bytes, joliet: bool) -> tuple[str, ...]:
    return member_names(path.decode("utf-16-be", "replace").encode("utf-8", "replace") if joliet else path, joliet)


def _name(record: _Record, joliet: bool) -> bytes:
    if joliet:
        return _VERSION.sub("", record.name.decode("utf-16-be", "replace")).encode("utf-16-be")
    return record.other or _plain(record.name)


def _plain(name: bytes) -> bytes:
    """Without the version, and without the dot of a name that has no ending."""
    return _VERSION.sub("", name.decode("latin-1")).rstrip(".").encode("latin-1") or name


def _records(data: bytes, start: int, size: int, block: int) -> Iterator[_Record]:
    at, end = start, min(start + size, len(data))
    while at + 34 <= end:
        length = data[at]
        if not length:
            # A record does not cross a sector's end.
            at = start + ((at - start) // SECTOR + 1) * SECTOR
            continue
        record = data[at : at + length]
        at += length
        if len(record) < 34 or 33 + record[32] > len(record):
            raise Damaged("a directory record that ends early")
        name = record[33 : 33 + record[32]]
        if name not in (b"\0", b"\1"):
            place, extent = struct.unpack_from("<L4xL", record, 2)
            # Extended attributes of the file stand before it.
            place += record[1]
            uses = record[33 + record[32] + (not record[32] & 1) :]
            other, is_link = _rock_ridge(data, uses, block)
            yield _Record(place * block, extent, record[25], name, other, is_link)


def _rock_ridge(data: bytes, area: bytes, block: int) -> tuple[bytes, bool]:
    """The name in a record's system use area (IEEE P1282), and whether it is a symbolic link."""
    name, is_link = b"", False
    for _ in range(_MAX_AREAS):
        at, following = 0, b""
        while at + 4 <= len(area) and area[at + 2] >= 4:
            kind, entry = area[at : at + 2], area[at + 4 : at + area[at + 2]]
            at += area[at + 2]
            if kind == b"NM" and entry:
                name += entry[1:]
            elif kind == b"SL":
                is_link = True
            elif kind == b"CE" and len(entry) >= 24:
                place, offset, size = struct.unpack("<L4xL4xL4x", entry[:24])
                following = data[place * block + offset : place * block + offset + min(size, SECTOR)]
        area = following
        if not area:
            break
    return name, is_link
