"""A writer of NTFS volumes of one file, whose record says what the case is about."""

from __future__ import annotations

import struct

_RECORD, _SECTOR = 1024, 512
_FIRST = 16


def attribute(kind: int, value: bytes, name: str = "") -> bytes:
    """An attribute that stands in its record: 0x20 is a list of further records, 0x80 data, 0xC0 a reparse point."""
    raw = name.encode("utf-16-le")
    start = 24 + (len(raw) + 7) // 8 * 8
    length = start + (len(value) + 7) // 8 * 8
    head = struct.pack("<LLBBHHHLHH", kind, length, 0, len(name), 24, 0, 0, len(value), start, 0)
    return ((head + raw).ljust(start, b"\0") + value).ljust(length, b"\0")


def _record(attributes: bytes) -> bytes:
    head = (b"FILE" + struct.pack("<HH", 48, 1)).ljust(20, b"\0") + struct.pack("<HH", 56, 1)
    return (head.ljust(56, b"\0") + attributes + b"\xff\xff\xff\xff").ljust(_RECORD, b"\0")


def _table(count: int) -> bytes:
    """The table's own data: so many records from cluster 2 on."""
    head = struct.pack("<LLBBHHHQQH", 0x80, 72, 1, 0, 64, 0, 0, 0, count * 2 - 1, 64)
    return (head.ljust(48, b"\0") + struct.pack("<QQ", count * _RECORD, count * _RECORD)) + struct.pack(
        "<BBHL", 0x21, count * 2, 2, 0
    )


def ntfs(name: str, *attributes: bytes) -> bytes:
    """A volume whose only file has these attributes besides its name."""
    boot = b"\xeb\x52\x90NTFS    " + struct.pack("<HB", _SECTOR, 1)
    boot = (boot.ljust(48, b"\0") + struct.pack("<Q", 2)).ljust(64, b"\0") + b"\xf6"
    boot = boot.ljust(510, b"\0") + b"\x55\xaa"
    called = struct.pack("<Q", 5).ljust(64, b"\0") + bytes([len(name), 1]) + name.encode("utf-16-le")
    file = _record(attribute(0x30, called) + b"".join(attributes))
    return boot + bytes(_SECTOR) + _record(_table(_FIRST + 1)) + bytes((_FIRST - 1) * _RECORD) + file
