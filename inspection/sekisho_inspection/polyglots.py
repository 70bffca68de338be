"""Polyglots: files that are a second type to a program that looks elsewhere than at their beginning.

An archive may stand behind a program (a self-extractor), a picture or anything else; a disc and a tar have their marks
behind bytes that nobody reads; a page may stand in a picture, which browsers show where the file is called one.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable

from sekisho_inspection import archive, cab, disc, disk, filetype, lzh, rar, sevenzip, streams, unread
from sekisho_inspection.notes import Item, Notes

READING = "appended"
# Places of one mark that are looked at, and archives that are read.
_MAX_PLACES, _MAX_ARCHIVES = 4096, 8
_PIECE = 32
_HEAD = 1 << 12
# A page begins at the first of these; pictures hold XML of their own.
_PAGE = re.compile(rb"<(?:html|head|body|script|iframe|form|a[ \t\r\n]+href|meta[ \t\r\n]+http)[\s>=]", re.I)
_DISKS = (disk.VHD, disk.VHDX, disk.RAW)
_LZH = re.compile(rb"-lh[0-7d]-")
_INSTALLERS = (
    (b"\xef\xbe\xad\xdeNullsoftInst", "NSIS"),
    (b"Inno Setup Setup Data (", "Inno Setup"),
    (b"ISSetupStream", "InstallShield"),
)


def read_polyglot(item: Item, kind: str, notes: Notes) -> None:
    """Read what else the item is: a disc, a tar, a page in a picture, archives at any place."""
    data = item.content
    if kind not in (disc.KIND, disk.RAW) and data[0x8001:0x8006] in (b"CD001", b"BEA01"):
        disc.read_disc(item, notes)
    if kind not in _DISKS and filetype.disk_kind(data) in _DISKS:
        disk.read_disk(item, notes)
    if kind and kind not in filetype.UNREAD:
        _note_images(item, notes)
    if not kind:
        streams.read_unusual(item, notes)
    if kind != "application/x-tar" and data[257:262] == b"ustar":
        archive.read_tar(item, notes)
    if kind.startswith("image/") and (page := _PAGE.search(data)) and notes.spend(len(data) - page.start(), item):
        notes.child(item, data[page.start() :], (), "page", page.start(), declared="text/html")
    _read_archives(item, kind, notes)
    if kind == filetype.PE and (maker := next((name for mark, name in _INSTALLERS if mark in data), "")):
        notes.gap(item.gap, "unreadable", f"no reader for installers of {maker}")


def _note_images(item: Item, notes: Notes) -> None:
    """Note an image that nothing here reads: programs look for its marks behind the beginning or at the end."""
    shown = unread.image(item.content) or filetype.disk_kind(item.content)
    if shown and shown not in _DISKS:
        notes.gap(item.gap, "unreadable", f"no reader for {shown}")


def _read_archives(item: Item, kind: str, notes: Notes) -> None:
    """The archives at any place behind the beginning, but for those in files that were taken out of the item."""
    count = 0
    for mark, fits in _MARKS:
        at, places = item.content.find(mark, 1), 0
        while at >= 0:
            places += 1
            if places > _MAX_PLACES or count >= _MAX_ARCHIVES:
                notes.gap(item.gap, "limit", "more marks of archives than are looked at")
                break
            size = fits(item.content, at)
            if size and not _is_inside(item, at, notes) and notes.spend(size, item):
                notes.child(item, item.content[at : at + size], (), READING, at, size)
                count += 1
            at = item.content.find(mark, at + len(mark))
    # Other files than data and pictures hold files of their own.
    holds_none = not kind or kind.startswith("image/")
    if kind == filetype.PE or holds_none:
        _read_lzh(item, notes)
    if holds_none:
        _read_further(item, notes)


def _read_further(item: Item, notes: Notes) -> None:
    """The first of each other kind that 7-Zip finds behind any beginning."""
    for mark, before, fits in _FURTHER:
        places, found = 0, item.content.find(mark, 1 + before)
        while found >= 0 and places < _MAX_PLACES:
            places, at = places + 1, found - before
            if fits(item.content, at) and not _is_inside(item, at, notes):
                if notes.spend(len(item.content) - at, item):
                    notes.child(item, item.content[at:], (), READING, at, len(item.content) - at)
                break
            found = item.content.find(mark, found + 1)
        if places == _MAX_PLACES:
            notes.gap(item.gap, "limit", "more marks of archives than are looked at")


def _is_inside(item: Item, at: int, notes: Notes) -> bool:
    """Whether the bytes at a place are those of a file that is known to be in the item."""
    piece = item.content[at : at + _PIECE]
    return any(piece in one.content for one in notes.queue if one.origin.parent == item.id)


def _read_lzh(item: Item, notes: Notes) -> None:
    """The first LZH archive in a program or in data; its marks are short, so the header must make sense."""
    for place, found in enumerate(_LZH.finditer(item.content, 1)):
        at = found.start() - 2
        if place >= _MAX_PLACES:
            return
        if lzh.is_one(item.content, at) and notes.spend(len(item.content) - at, item):
            notes.child(item, item.content[at:], (), READING, at, len(item.content) - at)
            return


def _rar(data: bytes, at: int) -> int:
    """How many bytes from a mark on are an archive; 0 where it is none."""
    if data[at + 6 : at + 8] == b"\1\0" and at + 12 < len(data):
        size = data[at + 12]
        whole = size < 0x80 and zlib.crc32(data[at + 12 : at + 13 + size]) == int.from_bytes(
            data[at + 8 : at + 12], "little"
        )
        return len(data) - at if whole else 0
    if data[at + 6 : at + 7] != b"\0" or data[at + 9 : at + 10] != b"\x73":
        return 0
    return len(data) - at


def _sevenzip(data: bytes, at: int) -> int:
    if len(data) < at + 32 or zlib.crc32(data[at + 12 : at + 32]) != struct.unpack_from("<L", data, at + 8)[0]:
        return 0
    offset, size = struct.unpack_from("<QQ", data, at + 12)
    return min(len(data) - at, 32 + int(offset) + int(size))


def _cab(data: bytes, at: int) -> int:
    if len(data) < at + 36:
        return 0
    size, files = struct.unpack_from("<L4xL", data, at + 8)
    return min(size, len(data) - at) if data[at + 25] == 1 and 36 <= files < size else 0


def _typed(data: bytes, at: int) -> bool:
    """Whether it has the shape of a stream or a bundle from its beginning on."""
    return filetype.sniff(data[at : at + _HEAD]) in _TYPES


def _tar(data: bytes, at: int) -> bool:
    return filetype.is_summed(data[at : at + 512])


def _disc(data: bytes, at: int) -> bool:
    return data.startswith(b"\1CD001\1", at + 0x8000)


def _gzip(data: bytes, at: int) -> bool:
    """Whether a member inflates so far, and its header names no flag that there is not (RFC 1952 section 2.3.1)."""
    try:
        content = zlib.decompressobj(31).decompress(data[at : at + _HEAD], _HEAD)
    except zlib.error:
        return False
    return content != b"" and not data[at + 3] & 0xE0


_MARKS: tuple[tuple[bytes, Callable[[bytes, int], int]], ...] = (
    (rar.MAGIC, _rar),
    (sevenzip.MAGIC, _sevenzip),
    (cab.MAGIC, _cab),
)
_TYPES = ("application/x-bzip2", "application/x-xz", "application/x-wim", "application/x-xar")
# Marks, how many bytes stand before them, and whether what begins there is one.
_FURTHER: tuple[tuple[bytes, int, Callable[[bytes, int], bool]], ...] = (
    (b"ustar", 257, _tar),
    (b"1AY&SY", 4, _typed),
    (b"\xfd7zXZ\0\0", 0, _typed),
    (b"MSWIM\0\0\0", 0, _typed),
    (b"xar!\0", 0, _typed),
    (b"CD001\1", 0x8001, _disc),
    (b"\x1f\x8b\x08", 0, _gzip),
)
