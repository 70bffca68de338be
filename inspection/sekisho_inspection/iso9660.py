"""ISO 9660: the files of a disc by each of its trees: plain (ECMA-119), with Rock Ridge's names, and Joliet."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sekisho_inspection.names import member_names
from sekisho_inspection.volume import FOLDER, MAX_FOLDERS, Damaged, File

SECTOR = 2048
_FIRST = 16
_DESCRIPTORS = 64
_FOLDER, _GOES_ON = 0x02, 0x80
_JOLIET = (b"%/@", b"%/C", b"%/E")
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
    for number in range(_FIRST, _FIRST + _DESCRIPTORS):
        sector = data[number * SECTOR : (number + 1) * SECTOR]
        if sector[1:6] == b"CD001" and sector[0] in (1, 2) and len(sector) >= 190:
            joliet = sector[0] == 2 and sector[88:91] in _JOLIET
            yield from _tree(data, sector[156:190], struct.unpack_from("<H", sector, 128)[0] or SECTOR, joliet)


def _tree(data: bytes, root: bytes, block: int, joliet: bool) -> Iterator[File]:
    start, size = struct.unpack_from("<L4xL", root, 2)
    waiting, seen = [(start * block, size, b"")], {start * block}
    while waiting:
        start, size, path = waiting.pop()
        parts: list[_Record] = []
        for record in _records(data, start, size, block):
            name = path + _name(record, joliet)
            if record.flags & _FOLDER:
                if record.start not in seen and len(seen) < MAX_FOLDERS:
                    seen.add(record.start)
                    waiting.append((record.start, record.size, name + (b"\0/" if joliet else b"/")))
                    yield File(_names(name, joliet), (), 0, FOLDER)
                continue
            parts.append(record)
            if not record.flags & _GOES_ON:
                yield _file(parts, name, path, joliet)
                parts = []
    if len(seen) >= MAX_FOLDERS:
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
        name, mark, version = record.name.rpartition(b"\0;")
        return name if mark and version[:1] == b"\0" else record.name
    return record.other or _plain(record.name)


def _plain(name: bytes) -> bytes:
    """Without the version, and without the dot of a name that has no ending."""
    return name.partition(b";")[0].rstrip(b".") or name


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
