"""The headers of ZIP: entries of its central directory and local headers, those of ZIP64 too (APPNOTE 4.3, 4.5)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from sekisho_inspection.names import member_names

_CENTRAL = struct.Struct("<4s2B5H3L5H2L")
_LOCAL = struct.Struct("<4s2B4HL2L2H")
CENTRAL_MAGIC, LOCAL_MAGIC, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
_END_64, _LOCATOR = b"PK\x06\x06", b"PK\x06\x07"
ENCRYPTED, STREAMED, STRONG, UTF8 = 0x1, 0x8, 0x40, 0x800
_ZIP64, _UNICODE_PATH, _AES = 0x0001, 0x7075, 0x9901
_FULL, _FULL_COUNT = 0xFFFFFFFF, 0xFFFF
# Directory entries of one file; an Office file has some thousand at most.
MAX_ENTRIES = 20_000
_LINK = 0o120000


class DamagedZip(Exception):
    """A ZIP whose directory cannot be trusted; the text says what is wrong, `members` are the entries found so far."""

    def __init__(self, text: str, members: list[Member] | None = None) -> None:
        super().__init__(text)
        self.members = members or []


@dataclass(frozen=True)
class Aes:
    """What a member's extra field says of AES: the version of the format, bytes of the key, the method behind it."""

    version: int
    key: int
    method: int


@dataclass(frozen=True)
class Member:
    """One directory entry: where its local header is, how it is packed, its raw name and sizes in bytes."""

    index: int
    header: int
    flags: int
    method: int
    packed: int
    size: int
    crc: int
    raw_name: bytes
    local_name: bytes = b""
    extra: bytes = b""
    time: int = 0
    attributes: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """By the directory, then by the local header where that says otherwise, then by the field for Unicode."""
        utf8 = bool(self.flags & UTF8)
        found = member_names(self.raw_name, utf8)
        found += member_names(self.local_name, utf8) if self.local_name else ()
        for value in fields(self.extra, _UNICODE_PATH):
            # A checksum says which name it replaces; programs differ in whether they look at it.
            found += member_names(value[5:], True)
        return tuple(dict.fromkeys(found))

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder that holds no bytes."""
        return self.raw_name.endswith(b"/") and not self.size and not self.packed

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link, by the mode that Unix programs store."""
        return self.attributes >> 16 & 0o170000 == _LINK

    @property
    def encrypted(self) -> bool:
        """Whether it is said to be locked."""
        return bool(self.flags & ENCRYPTED)

    @property
    def aes(self) -> Aes | None:
        """How it is locked by AES; None where it is not."""
        value = next(fields(self.extra, _AES), b"")
        if len(value) < 7 or value[4] not in (1, 2, 3):
            return None
        version, _, strength, method = struct.unpack_from("<H2sBH", value)
        return Aes(version, (16, 24, 32)[strength - 1], method)


def fields(extra: bytes, kind: int) -> Iterator[bytes]:
    """The values of one kind in an extra field (APPNOTE 4.5.1)."""
    at = 0
    while at + 4 <= len(extra):
        found, size = struct.unpack_from("<HH", extra, at)
        if found == kind:
            yield extra[at + 4 : at + 4 + size]
        at += 4 + size


def directory(data: bytes) -> list[Member]:
    """The entries of the central directory (APPNOTE 4.3.12), in order. Raises DamagedZip.

    Bytes before the archive (a stub of a self-extractor) shift all positions; that is allowed for.
    """
    end = data.rfind(END)
    if end < 0 or len(data) < end + 22:
        raise DamagedZip("no end of central directory")
    disk, count, size, start = struct.unpack_from("<H4xHLL", data, end + 4)
    behind, stated = end, (count, size, start)
    if data[end - 20 : end - 16] == _LOCATOR:
        behind, stated = _zip64(data, end, stated)
    elif _FULL in (size, start):
        raise DamagedZip("ZIP64 without its records")
    count, size, start = stated
    at, shift = _found(data, behind - size, start, count)
    members = list(islice(_entries(data, at, behind, shift), MAX_ENTRIES + 1))
    if len(members) > MAX_ENTRIES:
        raise DamagedZip(f"more than {MAX_ENTRIES} entries", members[:MAX_ENTRIES])
    if len(members) != count:
        raise DamagedZip(f"{count} entries stated, {len(members)} found", members)
    if disk:
        raise DamagedZip("a volume of several", members)
    return members


def _zip64(data: bytes, end: int, short: tuple[int, int, int]) -> tuple[int, tuple[int, int, int]]:
    """Where the directory ends, and count, size and start of it, by the records of ZIP64 (APPNOTE 4.3.14)."""
    at = data.rfind(_END_64, 0, end - 20)
    if at < 0 or at + 56 > end:
        raise DamagedZip("ZIP64 without its record")
    count, size, start = struct.unpack_from("<QQQ", data, at + 32)
    pointed = struct.unpack_from("<Q", data, end - 12)[0]
    if pointed + (at - size - start) != at:
        raise DamagedZip("a ZIP64 locator that points elsewhere")
    full = (_FULL_COUNT, _FULL, _FULL)
    if any(one not in (most, other) for one, most, other in zip(short, full, (count, size, start), strict=True)):
        raise DamagedZip("two ends of the directory that disagree")
    return at, (count, size, start)


def _found(data: bytes, at: int, start: int, count: int) -> tuple[int, int]:
    """Where the directory is, which ends right before its end record mostly, and how far positions are shifted."""
    if not count:
        return max(0, at), at - start
    behind, absolute = (data[max(0, place) : max(0, place) + 4] == CENTRAL_MAGIC for place in (at, start))
    if behind and absolute and at != start:
        raise DamagedZip("two central directories")
    if not behind and not absolute:
        raise DamagedZip("no central directory")
    return (at, at - start) if behind else (start, 0)


def _entries(data: bytes, at: int, end: int, shift: int) -> Iterator[Member]:
    index = 0
    while at + _CENTRAL.size <= end and data[at : at + 4] == CENTRAL_MAGIC:
        parts = _CENTRAL.unpack_from(data, at)
        flags, method, time, crc, packed, size = parts[4], parts[5], parts[6], parts[8], parts[9], parts[10]
        name_size, extra_size, comment, attributes, header = parts[11], parts[12], parts[13], parts[16], parts[17]
        at += _CENTRAL.size
        name, extra = data[at : at + name_size], data[at + name_size : at + name_size + extra_size]
        size, packed, header = _long(extra, (size, packed, header))
        yield Member(
            index, _placed(data, header, shift), flags, method, packed, size, crc, name, b"", extra, time, attributes
        )  # fmt: skip
        at += name_size + extra_size + comment
        index += 1


def _placed(data: bytes, header: int, shift: int) -> int:
    """Where a local header is: shifted as the directory is, or where it is said to be, as programs find it that look
    for the directory before its end record whatever start that states."""
    shifted, stated = (at >= 0 and data.startswith(LOCAL_MAGIC, at) for at in (header + shift, header))
    return header if stated and not shifted else header + shift


def _long(extra: bytes, values: tuple[int, ...]) -> tuple[int, ...]:
    """The values, those that are full taken from the field of ZIP64, which holds them in this order (4.5.3)."""
    if _FULL not in values:
        return values
    value, at, out = next(fields(extra, _ZIP64), b""), 0, list[int]()
    for one in values:
        if one == _FULL and at + 8 <= len(value):
            one, at = struct.unpack_from("<Q", value, at)[0], at + 8
        out.append(one)
    return tuple(out)


@dataclass(frozen=True)
class Local:
    """A local header: what it says, and where the packed bytes begin."""

    flags: int
    method: int
    time: int
    crc: int
    packed: int
    size: int
    name: bytes
    extra: bytes
    start: int


def local_header(data: bytes, at: int) -> Local | None:
    """The local header at a position; None where there is none."""
    if at < 0 or data[at : at + 4] != LOCAL_MAGIC or len(data) < at + _LOCAL.size:
        return None
    parts = _LOCAL.unpack_from(data, at)
    start = at + _LOCAL.size
    name, extra = data[start : start + parts[10]], data[start + parts[10] : start + parts[10] + parts[11]]
    size, packed = _long(extra, (parts[9], parts[8]))
    return Local(parts[3], parts[4], parts[5], parts[7], packed, size, name, extra, start + parts[10] + parts[11])


def local_members(data: bytes, limit: int, start: int = 0, end: int | None = None) -> list[Member]:
    """What the local headers in a part of the file say; each member runs up to the next header where it does not say
    how long it is."""
    found: list[Member] = []
    end = len(data) if end is None else end
    at = data.find(LOCAL_MAGIC, start, end)
    while at >= 0 and len(found) < limit and (local := local_header(data, at)):
        following = data.find(LOCAL_MAGIC, local.start, end)
        packed = local.packed or _until_header(data, local.start, following if following >= 0 else end)
        found.append(
            Member(
                len(found), at, local.flags, local.method, packed, local.size, local.crc, local.name, b"", local.extra,
                local.time,
            )
        )  # fmt: skip
        # Headers inside of a stored archive are its own.
        whole = local.packed and data[local.start + local.packed : local.start + local.packed + 2] == b"PK"
        at = data.find(LOCAL_MAGIC, local.start + local.packed, end) if whole else following
    return found


def _until_header(data: bytes, start: int, end: int) -> int:
    """Bytes up to the directory, or up to a position before it."""
    central = data.find(CENTRAL_MAGIC, start, end)
    return (central if central >= 0 else end) - start
