"""Disks: images of disks, raw and as VHD and VHDX, and the volumes on them (FAT, exFAT, NTFS)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import chain

from sekisho_core.vocabulary import PartState

from sekisho_inspection import fat, filetype, ntfs
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.volume import Damaged, File, Image, read_files

VHD, VHDX, RAW = "application/x-vhd", "application/x-vhdx", "application/x-raw-disk-image"
READING = "disk"
_SECTOR = 512
_DYNAMIC, _DIFFERENCING = 3, 4
# Entries of an allocation table: blocks of 2 MiB make 2 TiB of them.
_MAX_BLOCKS = 1 << 20
_EXTENDED = (0x05, 0x0F, 0x85)
_PROTECTIVE = 0xEE
_MAX_PARTITIONS = 128
# Where the two headers and the two tables of regions stand, and how long they are.
_HEADERS, _HEADER = (64 << 10, 128 << 10), 4 << 10
_REGIONS, _TABLE = (192 << 10, 256 << 10), 64 << 10
_BAT = bytes.fromhex("6677c22d23f600429d64115e9bfd4a08")
_METADATA = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
_PARAMETERS = bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b")
_LOGICAL = bytes.fromhex("1dbf41816fa90947ba47f233a8faab5f")
_PARENT = 0x2


def _steps() -> Iterator[int]:
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        yield value


_CASTAGNOLI = tuple(_steps())


def read_disk(item: Item, notes: Notes) -> PartState:
    """The files of every volume as children; the image's beginning need not show that it is one."""
    try:
        image = _image(item, notes)
    except (Damaged, struct.error, IndexError, KeyError, OverflowError) as problem:
        notes.gap(item.gap, "unreadable", f"disk: {problem}")
        return PartState.UNREADABLE
    return read_files(_files(image), image, READING, item, notes)


def _image(item: Item, notes: Notes) -> Image:
    data, kind = item.content, filetype.disk_kind(item.content)
    if kind == VHDX:
        _compare_copies(item, notes)
        return _vhdx(data)
    if kind == VHD:
        ends = [end for end in (data[:_SECTOR], data[-_SECTOR:]) if end.startswith(b"conectix")]
        if ends[0] != ends[-1]:
            notes.gap(item.gap, "ambiguous", "disk: footers that differ")
        return _dynamic(data, ends[0]) if ends[0][60:64] != b"\0\0\0\2" else Image(data[:-_SECTOR])
    return Image(data)


def _compare_copies(item: Item, notes: Notes) -> None:
    """Note what programs see of a VHDX that is not seen here: by another table of regions, or by its log."""
    data = item.content
    first, second = (data[at : at + _TABLE] for at in _REGIONS)
    if first != second or not _is_sound(first):
        notes.gap(item.gap, "ambiguous", "disk: tables of regions that differ or are damaged")
    headers = [data[at : at + _HEADER] for at in _HEADERS]
    sound = [header for header in headers if header.startswith(b"head") and _is_sound(header)]
    current = max(sound, key=lambda header: header[15:7:-1], default=b"")
    if any(current[48:64]):
        notes.gap(item.gap, "unreadable", "disk: a log that is not written yet")


def _is_sound(data: bytes) -> bool:
    """Whether the CRC-32C in the second field is that of the bytes around it ([MS-VHDX] 2.2.2, 2.2.3)."""
    value = 0xFFFFFFFF
    for byte in data[:4] + bytes(4) + data[8:]:
        value = value >> 8 ^ _CASTAGNOLI[(value ^ byte) & 0xFF]
    return (value ^ 0xFFFFFFFF).to_bytes(4, "little") == data[4:8]


def _dynamic(data: bytes, footer: bytes) -> Image:
    """A VHD that keeps the blocks in use (Virtual Hard Disk Image Format Specification)."""
    kind, header = struct.unpack_from(">L", footer, 60)[0], struct.unpack_from(">Q", footer, 16)[0]
    if kind != _DYNAMIC or data[header : header + 8] != b"cxsparse":
        raise Damaged("an image that refers to another" if kind == _DIFFERENCING else "no header")
    table, count, block = struct.unpack_from(">Q", data, header + 16)[0], *struct.unpack_from(">LL", data, header + 28)
    if block < _SECTOR or count > _MAX_BLOCKS:
        raise Damaged("an allocation table that makes no sense")
    sectors = struct.unpack_from(f">{count}L", data, table)
    # A map of the block's sectors stands before it.
    bitmap = (block // _SECTOR // 8 + _SECTOR - 1) // _SECTOR * _SECTOR
    return Image(data, block, [-1 if one == 0xFFFFFFFF else one * _SECTOR + bitmap for one in sectors])


def _vhdx(data: bytes) -> Image:
    """A VHDX ([MS-VHDX]); what its log has not yet written is not seen."""
    regions = _table(data, _REGIONS[0], b"regi", 8, 16, 32)
    if _BAT not in regions or _METADATA not in regions:
        raise Damaged("no table of regions")
    base = regions[_METADATA]
    items = _table(data, base, b"metadata", 10, 32, 32)
    block, flags = struct.unpack_from("<LL", data, base + (items[_PARAMETERS] & 0xFFFFFFFF))
    logical = struct.unpack_from("<L", data, base + (items[_LOGICAL] & 0xFFFFFFFF))[0]
    if flags & _PARENT or block < _SECTOR:
        raise Damaged("an image that refers to another")
    # Between so many blocks of data stands one that maps their sectors.
    ratio = max(1, (1 << 23) * logical // block)
    most = min(_MAX_BLOCKS, (len(data) - regions[_BAT]) // 8)
    entries = struct.unpack_from(f"<{most}Q", data, regions[_BAT])
    places = [entry >> 20 << 20 if entry & 7 in (6, 7) else -1 for entry in entries]
    return Image(data, block, [place for index, place in enumerate(places) if (index + 1) % (ratio + 1)])


def _table(data: bytes, at: int, mark: bytes, count_at: int, start: int, width: int) -> dict[bytes, int]:
    """A table of GUIDs and positions."""
    if not data.startswith(mark, at):
        return {}
    count = struct.unpack_from("<H", data, at + count_at)[0]
    rows = (at + start + width * index for index in range(min(count, 2047)))
    shape = "<Q" if mark == b"regi" else "<L"
    return {data[row : row + 16]: struct.unpack_from(shape, data, row + 16)[0] for row in rows if row + 32 <= len(data)}


_WALKS: dict[str, Callable[[Image, int], Iterator[File]]] = {
    "ntfs": ntfs.files,
    "exfat": fat.exfat_files,
    "fat": fat.files,
}


def _files(image: Image) -> Iterator[File]:
    # A sector may be the first of a volume and hold a table of partitions as well.
    whole = [0] if filetype.file_system(image.read(0, _SECTOR)) else []
    seen, unknown = set[int](), False
    for start in chain(whole, _partitions(image), _gpt(image)):
        if start in seen:
            continue
        seen.add(start)
        if walk := _WALKS.get(filetype.file_system(image.read(start, _SECTOR))):
            yield from walk(image, start)
        else:
            unknown = True
    if not seen:
        raise Damaged("no volume")
    if unknown:
        raise Damaged("a volume of an unknown file system")


def _partitions(image: Image) -> Iterator[int]:
    """Where the partitions begin, by the table of the MBR. Raises Damaged beyond so many."""
    waiting, count = [(0, 0)], 0
    while waiting:
        at, base = waiting.pop(0)
        sector = image.read(at, _SECTOR)
        if sector[510:512] != b"\x55\xaa":
            continue
        for entry in (sector[446 + 16 * index : 462 + 16 * index] for index in range(4)):
            kind, start, size = entry[4], *struct.unpack_from("<LL", entry, 8)
            count += bool(kind)
            if count > _MAX_PARTITIONS:
                raise Damaged(f"more than {_MAX_PARTITIONS} partitions")
            if kind == _PROTECTIVE:
                continue
            if kind in _EXTENDED and start:
                place = base + start * _SECTOR if base else start * _SECTOR
                waiting.append((place, base or place))
            elif kind and size and entry[0] in (0x00, 0x80) and (found := _exists(image, at + start * _SECTOR)):
                yield found


def _exists(image: Image, start: int) -> int:
    return start if image.read(start, 1) else 0


def _gpt(image: Image) -> Iterator[int]:
    """Where those of a GPT begin, which some programs read without an MBR that tells of it."""
    for size in (_SECTOR, 4096):
        header = image.read(size, 92)
        if header.startswith(b"EFI PART") and len(header) == 92:
            table, count, width = struct.unpack_from("<QLL", header, 72)
            for index in range(min(count, _MAX_PARTITIONS)):
                entry = image.read(table * size + index * width, 128)
                start = struct.unpack_from("<Q", entry, 32)[0] * size if len(entry) == 128 else 0
                if any(entry[:16]) and start and _is_volume(image.read(start, _SECTOR)):
                    yield start
            if count > _MAX_PARTITIONS:
                raise Damaged(f"more than {_MAX_PARTITIONS} partitions")
            return


def _is_volume(sector: bytes) -> bool:
    """Whether the sector is no part of a partition that Windows reserves for itself."""
    return any(sector)
