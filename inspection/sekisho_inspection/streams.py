"""Compressed streams: one file each, packed by bzip2, xz, lzma, zstd, lz4, compress or lzip; gzip is in `archive`."""

from __future__ import annotations

import bz2
import lzma
import re
import struct
from collections.abc import Callable

from sekisho_core.vocabulary import PartState

from sekisho_inspection import libarchive
from sekisho_inspection.archive import room, unpacked_name, within
from sekisho_inspection.notes import Item, Notes

_Engine = bz2.BZ2Decompressor | lzma.LZMADecompressor
# Streams in one file: programs join what was packed in pieces, by many processors too.
_MAX_STREAMS = 10_000
# What a stream may ask for as its dictionary; the strongest preset of xz takes 65 MiB.
_MEMORY = 256 << 20
_STEP = 1 << 16
_ZEROS = re.compile(rb"\0*+")
# What 7-Zip takes for LZMA: numbers of bits (lc, lp, pb) in a byte, the dictionary a power of two or half as much more,
# the size unknown or below 2**56, the coder's first byte. The library reads no more bits than these together.
_PROPERTIES, _MAX_BITS = 9 * 5 * 5, 4
_DICTIONARIES = frozenset([1, 0xFFFFFFFF, *(2 << power for power in range(31)), *(3 << power for power in range(31))])
_UNKNOWN, _MAX_SIZE = (1 << 64) - 1, 1 << 56


def _bzip2() -> _Engine:
    return bz2.BZ2Decompressor()


def _xz() -> _Engine:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)


def _lzma() -> _Engine:
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MEMORY)


_ENGINES: dict[str, tuple[Callable[[], _Engine], bytes]] = {
    "application/x-bzip2": (_bzip2, b"BZh"),
    "application/x-xz": (_xz, b"\xfd7zXZ\0"),
    "application/x-lzma": (_lzma, b""),
}
_FILTERS = {
    "application/zstd": "zstd",
    "application/x-lz4": "lz4",
    "application/x-compress": "compress",
    "application/x-lzip": "lzip",
}
KINDS = frozenset([*_ENGINES, *_FILTERS])
READINGS = frozenset(["bzip2", "xz", "lzma", "zstd", "lz4", "compress", "lzip"])


def read_stream(item: Item, notes: Notes) -> PartState:
    """The file in a stream, joined out of several as the programs themselves join them."""
    kind = item.sniffed
    most = room(len(item.content), notes)
    content, problem = _filtered(item, kind, most) if kind in _FILTERS else _joined(item, kind, most, notes)
    if problem == "limit":
        within(most + 1, len(item.content), item, notes)
    elif problem:
        notes.gap(item.gap, "unreadable", f"{_reading(kind)} stream without an end")
    # The beginning of what is too long tells what it is and what is in it.
    if (problem and not content) or not notes.spend(len(content[:most]), item):
        return PartState.UNREADABLE
    notes.child(item, content[:most], unpacked_name(item), _reading(kind), 0, len(item.content))
    return PartState.UNREADABLE if problem == "limit" else PartState.READ


def read_unusual(item: Item, notes: Notes) -> None:
    """LZMA of other properties than programs choose, as 7-Zip opens it whatever its name is. Numbers at the beginning
    of other data look like such a header, so that only what comes out of it is said."""
    data = item.content
    if not _may_be_lzma(data):
        return
    most = room(len(data), notes)
    if data[0] % 9 + data[0] // 9 % 5 > _MAX_BITS:
        size = struct.unpack_from("<Q", data, 5)[0]
        # Of numbers and zeros nothing can be told but that they are common.
        if (size == _UNKNOWN or size <= most) and any(data[14:18]):
            notes.gap(item.gap, "unreadable", "LZMA of properties that nothing here reads")
        return
    content, _ = _one(_lzma(), data, 0, most + 1)
    if content and within(len(content), len(data), item, notes) and notes.spend(len(content), item):
        notes.child(item, content, unpacked_name(item), "lzma", 0, len(data))


def _may_be_lzma(data: bytes) -> bool:
    if len(data) < 18 or data[0] >= _PROPERTIES or data[13]:
        return False
    dictionary, size = struct.unpack_from("<LQ", data, 1)
    return dictionary in _DICTIONARIES and (size == _UNKNOWN or 0 < size < _MAX_SIZE)


def _reading(kind: str) -> str:
    return kind.rpartition("/")[2].removeprefix("x-")


def _filtered(item: Item, kind: str, most: int) -> tuple[bytes, str]:
    try:
        with libarchive.Archive(item.content, ("raw",), (_FILTERS[kind],)) as archive:
            for _ in archive.entries():
                return archive.read(most)
    except libarchive.Unreadable:
        return b"", "unreadable"
    # A stream of nothing has no entry.
    return b"", ""


def _joined(item: Item, kind: str, most: int, notes: Notes) -> tuple[bytes, str]:
    make, magic = _ENGINES[kind]
    data, at, size, out = item.content, 0, 0, list[bytes]()
    while at < len(data) and (not out or (magic and data.startswith(magic, at))):
        if len(out) >= _MAX_STREAMS:
            notes.gap(item.gap, "limit", f"more than {_MAX_STREAMS} streams in one file")
            break
        content, at = _one(make(), data, at, most + 1 - size)
        out.append(content)
        size += len(content)
        if size > most:
            return b"".join(out), "limit"
        if at < 0:
            return b"".join(out), "unreadable"
    if 0 <= at < len(data):
        notes.gap(item.gap, "malformed", f"bytes behind the {_reading(kind)} stream")
    return b"".join(out), ""


def _one(engine: _Engine, data: bytes, at: int, most: int) -> tuple[bytes, int]:
    """What the stream at a position unpacks to, at most so many bytes, and where the next one begins; a negative
    position where it breaks off. What stands before the break counts, because programs save it."""
    out, size = list[bytes](), 0
    try:
        while at < len(data) and size < most and not engine.eof:
            piece = data[at : at + _STEP] if engine.needs_input else b""
            out.append(engine.decompress(piece, most - size))
            size += len(out[-1])
            at += len(piece)
        while size < most and not engine.eof and not engine.needs_input:
            out.append(engine.decompress(b"", most - size))
            size += len(out[-1])
    except (OSError, ValueError, lzma.LZMAError, EOFError):
        return b"".join(out), -1
    at -= len(engine.unused_data) if engine.eof else 0
    # Streams of xz are padded with zeros.
    return b"".join(out), _ZEROS.match(data, at).end() if engine.eof else -1  # type: ignore[union-attr]
