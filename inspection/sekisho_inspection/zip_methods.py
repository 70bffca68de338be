"""The methods of ZIP: packed bytes to content (APPNOTE 4.4.5)."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable

from sekisho_inspection import libarchive
from sekisho_inspection.sevenzip_coders import deflate64

STORED, DEFLATE, DEFLATE64, BZIP2, LZMA, ZSTD, XZ, PPMD = 0, 8, 9, 12, 14, 93, 95, 98
# What a stream of xz may ask for as its dictionary.
_MEMORY = 256 << 20


class Broken(Exception):
    """The bytes are no such stream."""


class Unsupported(Exception):
    """A method that nothing here reads."""


def unpack(packed: bytes, method: int, size: int, most: int) -> tuple[bytes, bool]:
    """The content, of too long a one no more than a step beyond `most` bytes, and whether the stream came to its end.
    `size` is the stated one, which some methods depend on. Raises Broken, Unsupported."""
    if method not in _METHODS:
        raise Unsupported(f"ZIP method {method}")
    try:
        return _METHODS[method](packed, size, most + 1)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError, struct.error, libarchive.Unreadable) as error:
        raise Broken(type(error).__name__) from None


def _stored(packed: bytes, _: int, most: int) -> tuple[bytes, bool]:
    return packed[:most], True


def _deflate(packed: bytes, _: int, most: int) -> tuple[bytes, bool]:
    engine = zlib.decompressobj(-15)
    out, size, step = list[bytes](), 0, 1 << 20
    for at in range(0, len(packed), step):
        rest = packed[at : at + step]
        while rest and size < most and not engine.eof:
            out.append(engine.decompress(rest, min(most - size, step)))
            size += len(out[-1])
            rest = engine.unconsumed_tail
        if size >= most or engine.eof:
            break
    return b"".join(out), engine.eof


def _deflate64(packed: bytes, _: int, most: int) -> tuple[bytes, bool]:
    return deflate64(packed, most), True


def _bzip2(packed: bytes, _: int, most: int) -> tuple[bytes, bool]:
    engine = bz2.BZ2Decompressor()
    return engine.decompress(packed, most), engine.eof


def _lzma(packed: bytes, _: int, most: int) -> tuple[bytes, bool]:
    # APPNOTE 5.8.8: two bytes of version, two of size, then the LZMA1 properties.
    size = struct.unpack_from("<H", packed, 2)[0]
    spec = lzma._decode_filter_properties(lzma.FILTER_LZMA1, packed[4 : 4 + size])  # type: ignore[attr-defined]
    spec["dict_size"] = max(4096, min(spec["dict_size"], most))
    engine = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[spec])
    return engine.decompress(packed[4 + size :], most), True


def _xz(packed: bytes, _: int, most: int) -> tuple[bytes, bool]:
    engine = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)
    return engine.decompress(packed, most), engine.eof


def _zstd(packed: bytes, _: int, most: int) -> tuple[bytes, bool]:
    with libarchive.Archive(packed, ("raw",), ("zstd",)) as archive:
        for _entry in archive.entries():
            content, problem = archive.read(most)
            return content, problem != "unreadable"
    return b"", True


def _ppmd(packed: bytes, size: int, most: int) -> tuple[bytes, bool]:
    header = struct.pack("<4s5HLLLHH", b"PK\x03\x04", 63, 0, PPMD, 0, 0, 0, len(packed), min(size, most), 1, 0)
    with libarchive.Archive(header + b"f" + packed, ("zip_streamable",)) as archive:
        for _entry in archive.entries():
            content, _problem = archive.read(most)
            return content, len(content) >= size
    return b"", False


_METHODS: dict[int, Callable[[bytes, int, int], tuple[bytes, bool]]] = {
    STORED: _stored,
    DEFLATE: _deflate,
    DEFLATE64: _deflate64,
    BZIP2: _bzip2,
    LZMA: _lzma,
    ZSTD: _zstd,
    XZ: _xz,
    PPMD: _ppmd,
}
# What a member may be packed by in truth when it is said to be packed otherwise.
LIKELY = (DEFLATE, STORED, DEFLATE64, BZIP2, LZMA)
