"""FAT and exFAT: the files of a volume, by their long and short names (fatgen103; the exFAT specification)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sekisho_inspection.names import member_names
from sekisho_inspection.volume import MAX_FOLDERS, Damaged, File, Image, written

_LABEL, _FOLDER, _LONG = 0x08, 0x10, 0x0F
_ENTRY = 32
_DOTS = (b".".ljust(11), b"..".ljust(11))
# Clusters of one file, and bytes of one folder.
_MAX_CLUSTERS, _MAX_FOLDER = 1 << 20, 16 << 20
_EXFAT_FILE, _EXFAT_STREAM, _EXFAT_NAME = 0x85, 0xC0, 0xC1

Extents = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class _Volume:
    """A volume: how clusters follow each other, how long one is and where number 2 stands, in bytes of the image."""

    image: Image
    following: Callable[[int], int]
    cluster: int
    heap: int
    last: int

    def extents(self, first: int, size: int) -> Extents:
        """The clusters of a chain, as far as `size` bytes reach; neighbours are one extent."""
        out: list[tuple[int, int]] = []
        number, left = first, size
        for _ in range(min(_MAX_CLUSTERS, self.last)):
            if left <= 0 or not 2 <= number <= self.last:
                break
            at = self.heap + (number - 2) * self.cluster
            if out and sum(out[-1]) == at:
                out[-1] = (out[-1][0], out[-1][1] + self.cluster)
            else:
                out.append((at, self.cluster))
            left -= self.cluster
            number = self.following(number)
        return tuple(out)

    def read(self, extents: Extents) -> bytes:
        """The bytes of the extents."""
        return b"".join(self.image.read(start, length) for start, length in extents)


def files(image: Image, start: int) -> Iterator[File]:
    """The files of a FAT12, FAT16 or FAT32 volume that begins at a position. Raises Damaged."""
    boot = image.read(start, 512)
    sector, per_cluster, reserved, tables, root = struct.unpack_from("<HBHBH", boot, 11)
    total = struct.unpack_from("<H", boot, 19)[0] or struct.unpack_from("<L", boot, 32)[0]
    short = struct.unpack_from("<H", boot, 22)[0]
    length = short or struct.unpack_from("<L", boot, 36)[0]
    if not sector or not per_cluster or not length:
        raise Damaged("a boot sector that makes no sense")
    root_at = start + (reserved + tables * length) * sector
    heap = root_at + (root * _ENTRY + sector - 1) // sector * sector
    count = max(0, (start + total * sector - heap) // (sector * per_cluster))
    # FAT32 is told by what the older ones have not; systems mount one of fewer clusters than it should have.
    width = 32 if not short or not root else 12 if count < 4085 else 16
    table = image.read(start + reserved * sector, min(length * sector, (count + 2) * width // 8 + 1))

    def following(number: int) -> int:
        at = number * width // 8
        value = int.from_bytes(table[at : at + (width + 7) // 8], "little")
        if width == 12:
            return value >> 4 if number & 1 else value & 0xFFF
        return value & 0x0FFFFFFF

    volume = _Volume(image, following, sector * per_cluster, heap, count + 1)
    first: Extents = ((root_at, root * _ENTRY),)
    if width == 32:
        first = volume.extents(struct.unpack_from("<L", boot, 44)[0], _MAX_FOLDER + 1)
    yield from _walk(volume, first, _entries)


def exfat_files(image: Image, start: int) -> Iterator[File]:
    """The files of an exFAT volume that begins at a position. Raises Damaged."""
    boot = image.read(start, 512)
    table_at, length, heap, count, root = struct.unpack_from("<LLLLL", boot, 80)
    sector, per_cluster = 1 << min(boot[108], 12), 1 << min(boot[109], 25)
    table = image.read(start + table_at * sector, min(length * sector, (count + 2) * 4))

    def following(number: int) -> int:
        return int.from_bytes(table[number * 4 : number * 4 + 4], "little")

    volume = _Volume(image, following, sector * per_cluster, start + heap * sector, count + 1)
    yield from _walk(volume, volume.extents(root, _MAX_FOLDER + 1), _exfat_entries)


@dataclass(frozen=True)
class _Found:
    names: tuple[bytes, ...]
    is_folder: bool
    size: int
    extents: Extents


def _walk(volume: _Volume, root: Extents, entries: Callable[[_Volume, bytes], Iterator[_Found]]) -> Iterator[File]:
    waiting, seen = [(root, b"")], {root}
    while waiting:
        extents, path = waiting.pop()
        if sum(length for _, length in extents) > _MAX_FOLDER:
            raise Damaged(f"a folder of more than {_MAX_FOLDER} bytes")
        for found in entries(volume, volume.read(extents)):
            if not found.is_folder:
                names = [name for one in found.names for name in member_names(path + one, one is found.names[0])]
                yield File(tuple(dict.fromkeys(names)), found.extents, found.size)
            elif found.extents and found.extents not in seen:
                if len(seen) >= MAX_FOLDERS:
                    raise Damaged(f"more than {MAX_FOLDERS} folders")
                seen.add(found.extents)
                waiting.append((found.extents, path + found.names[0] + b"/"))


def _entries(volume: _Volume, data: bytes) -> Iterator[_Found]:
    long = dict[int, bytes]()
    for at in range(0, len(data) - _ENTRY + 1, _ENTRY):
        entry = data[at : at + _ENTRY]
        if not entry[0]:
            return
        if entry[11] & 0x3F == _LONG:
            long[entry[0] & 0x1F] = entry[1:11] + entry[14:26] + entry[28:32]
            continue
        told, long = b"".join(long[number] for number in sorted(long)), {}
        # A deleted file's first byte is gone; dots alone are the folder itself and the one above.
        if entry[0] == 0xE5 or entry[:11] in _DOTS or entry[11] & _LABEL:
            continue
        name = told.decode("utf-16-le", "replace").partition("\0")[0].encode("utf-8", "replace")
        folder, size = bool(entry[11] & _FOLDER), struct.unpack_from("<L", entry, 28)[0]
        first = struct.unpack_from("<H", entry, 20)[0] << 16 | struct.unpack_from("<H", entry, 26)[0]
        names = (name, _short(entry)) if name else (_short(entry),)
        yield _Found(names, folder, size, volume.extents(first, _MAX_FOLDER + 1 if folder else size))


def _short(entry: bytes) -> bytes:
    """The short name; NT keeps in a byte of its own that it is in small letters."""
    base = ((b"\xe5" if entry[0] == 5 else entry[:1]) + entry[1:8]).rstrip()
    ending = entry[8:11].rstrip()
    base, ending = base.lower() if entry[12] & 0x08 else base, ending.lower() if entry[12] & 0x10 else ending
    return base + b"." + ending if ending else base


def _exfat_entries(volume: _Volume, data: bytes) -> Iterator[_Found]:
    at = 0
    while at + _ENTRY <= len(data) and data[at]:
        entry, count = data[at : at + _ENTRY], data[at + 1]
        if entry[0] != _EXFAT_FILE:
            at += _ENTRY
            continue
        others = [data[at + _ENTRY * index : at + _ENTRY * (index + 1)] for index in range(1, count + 1)]
        at += _ENTRY * (count + 1)
        stream = next((one for one in others if one[:1] == bytes([_EXFAT_STREAM]) and len(one) == _ENTRY), None)
        if stream is None:
            continue
        raw = b"".join(one[2:] for one in others if one[:1] == bytes([_EXFAT_NAME]))[: 2 * stream[3]]
        name = raw.decode("utf-16-le", "replace").encode("utf-8", "replace")
        folder = bool(entry[4] & _FOLDER)
        first, size = struct.unpack_from("<LQ", stream, 20)
        if stream[1] & 0x02 and 2 <= first <= volume.last:
            extents: Extents = ((volume.heap + (first - 2) * volume.cluster, size),)
        else:
            extents = volume.extents(first, min(size, _MAX_FOLDER + 1) if folder else size)
        valid = struct.unpack_from("<Q", stream, 8)[0]
        yield _Found((name,), folder, size, extents if folder else written(extents, valid))
