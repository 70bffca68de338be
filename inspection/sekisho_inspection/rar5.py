"""RAR 5: blocks, locked ones too, as members (the technote "RAR 5.0 archive format")."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import replace

from Cryptodome.Cipher import AES

from sekisho_inspection.locks import Keyring
from sekisho_inspection.names import member_names
from sekisho_inspection.rar_members import Listing, Lock, Member

MAGIC = b"Rar!\x1a\x07\x01\0"
_MAIN, _FILE, _ENCRYPTION, _END = 1, 2, 4, 5
_EXTRA, _DATA, _SPLIT = 0x01, 0x02, 0x08 | 0x10
_FOLDER, _TIME, _CRC, _UNKNOWN_SIZE = 0x01, 0x02, 0x04, 0x08
_LOCKED, _REDIRECTED = 1, 5
# Of the way that a member is packed: the version of the algorithm, and a method other than storing.
_VERSION, _PACKED = 0x3F, 0x380
_LINKS = {1: "a link", 2: "a link", 3: "a junction", 4: "a hard link", 5: "a copy"}
# RAR makes keys of 2**15 rounds and takes at most 2**24. A round is a whole HMAC.
_MAX_POWER = 24
_MOST_BLOCKS = 100_000


class _Ends(Exception):
    """The bytes end, or make no sense."""


class _Cursor:
    """Reads a header front to back. Raises _Ends."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def number(self) -> int:
        """A variable-length integer: seven bits a byte, the lowest first."""
        value = 0
        for place in range(10):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * place
            if not byte & 0x80:
                return value
        raise _Ends

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise _Ends
        self.at += size
        return self.data[self.at - size : self.at]


def number(value: int) -> bytes:
    """A variable-length integer, as `_Cursor.number` reads it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def block(body: bytes, data: bytes = b"") -> bytes:
    """A block of a header's fields from its type on, and its data."""
    header = number(len(body)) + body
    return struct.pack("<L", zlib.crc32(header)) + header + data


def read_blocks(data: bytes, ring: Keyring) -> Listing:
    """The members of an archive that begins with the signature; `ring` opens locked headers. Raises nothing."""
    listing = Listing(MAGIC + block(bytes([_MAIN, 0, 0])), block(bytes([_END, 0, 0])))
    at, key = len(MAGIC), None
    try:
        for _ in range(_MOST_BLOCKS):
            header, at = _header(data, at, key)
            kind, flags = header.number(), header.number()
            extra = header.number() if flags & _EXTRA else 0
            size = header.number() if flags & _DATA else 0
            if kind == _END or (kind == _ENCRYPTION and key):
                return listing
            if kind == _ENCRYPTION:
                key = _header_key(header, data[at:], ring)
                listing.is_locked, listing.was_opened = key is None, key is not None
                if key is None:
                    return listing
            elif kind == _MAIN:
                archive = header.number()
                listing.is_volume = bool(archive & 0x01)
                listing.start = MAGIC + block(bytes([_MAIN, 0, archive & 0x04]))
            elif kind == _FILE:
                listing.members.append(_member(header, extra, flags, data[at : at + size], ring))
            at += size
    except _Ends:
        listing.problem = "RAR: headers that end early" if at < len(data) or not listing.members else ""
    return listing


def _header(data: bytes, at: int, key: bytes | None) -> tuple[_Cursor, int]:
    """The header at a position, from its type on, and where its data begins."""
    if key is None:
        cursor = _Cursor(data[at + 4 : at + 4 + 3])
        size = cursor.number()
        start = at + 4 + cursor.at
        if start + size > len(data):
            raise _Ends
        return _Cursor(data[start : start + size]), start + size
    opened, end = _opened(data, at, key)
    return opened, end


def _opened(data: bytes, at: int, key: bytes) -> tuple[_Cursor, int]:
    cipher = AES.new(key, AES.MODE_CBC, data[at : at + 16].ljust(16, b"\0"))
    at += 16
    if at + 16 > len(data):
        raise _Ends
    first = cipher.decrypt(data[at : at + 16])
    cursor = _Cursor(first[4:7])
    size = 4 + cursor.number() + cursor.at
    padded = (size + 15) // 16 * 16
    if at + padded > len(data):
        raise _Ends
    header = (first + cipher.decrypt(data[at + 16 : at + padded]))[:size]
    if zlib.crc32(header[4:]) != struct.unpack_from("<L", header)[0]:
        raise _Ends
    return _Cursor(header[4 + cursor.at :]), at + padded


def _header_key(header: _Cursor, following: bytes, ring: Keyring) -> bytes | None:
    """The key of all further headers; a password is right when it opens the next."""
    header.number()
    checked = header.number() & 0x01
    power, salt = header.take(1)[0], header.take(16)
    check = header.take(12)[:8] if checked else b""
    for word in ring.words():
        if (key := _key(ring, word, power, salt, check)) is None:
            continue
        try:
            _opened(following, 0, key)
        except _Ends:
            continue
        ring.promote(word)
        return key
    return None


def _key(ring: Keyring, word: str, power: int, salt: bytes, check: bytes) -> bytes | None:
    """The key that a password makes; None for a wrong one, and where there is no time left to compute it."""
    if power > _MAX_POWER or (check and _derived(ring, word, power, salt, 32, check) != check):
        return None
    return _derived(ring, word, power, salt, 0, b"")


def _derived(ring: Keyring, word: str, power: int, salt: bytes, more: int, check: bytes) -> bytes | None:
    """What so many more rounds than the key's make: with 32 more, folded, the check of the password."""

    def derive(word: str) -> bytes:
        made = hashlib.pbkdf2_hmac("sha256", word.encode("utf-8", "replace"), salt, (1 << power) + more)
        return _folded(made, 8) if check else made

    return ring.key(word, bytes([power, more]) + salt, 1 << power, derive)


def _folded(data: bytes, size: int) -> bytes:
    out = bytearray(size)
    for place, byte in enumerate(data):
        out[place % size] ^= byte
    return bytes(out)


def _member(header: _Cursor, extra: int, flags: int, packed: bytes, ring: Keyring) -> Member:
    own = header.number()
    size, _ = header.number(), header.number()
    if own & _TIME:
        header.take(4)
    crc = struct.unpack("<L", header.take(4))[0] if own & _CRC else None
    method = header.number()
    header.number()
    name = header.take(header.number())
    member = Member(
        member_names(name, True), size, packed, "", bool(own & _FOLDER), bool(flags & _SPLIT), not method >> 7 & 7,
        bool(method & 0x40), crc, None, lambda plain: _rebuilt(own, size, crc, method, plain),
        # RAR 7 packs so for large dictionaries; the library unpacks it to noise, which no checksum need tell.
        bool(method & _VERSION and method & _PACKED),
    )  # fmt: skip
    return _with_extras(member, header.data[max(header.at, len(header.data) - extra) :], method, ring)


def _with_extras(member: Member, extras: bytes, method: int, ring: Keyring) -> Member:
    """The member, with what the records behind its header say of it."""
    cursor = _Cursor(extras)
    try:
        while cursor.at < len(extras):
            record = _Cursor(cursor.take(cursor.number()))
            kind = record.number()
            if kind == _REDIRECTED:
                member = replace(member, kind=_LINKS.get(record.number(), "a link"))
            elif kind == _LOCKED:
                member = _locked(member, record, method, ring)
    except _Ends:
        pass
    return member


def _locked(member: Member, record: _Cursor, method: int, ring: Keyring) -> Member:
    record.number()
    flags = record.number()
    power, salt, vector = record.take(1)[0], record.take(16), record.take(16)
    check = record.take(12)[:8] if flags & 0x01 else b""
    tweaked = bool(flags & 0x02)

    def key(word: str) -> tuple[bytes, bytes] | None:
        found = _key(ring, word, power, salt, check)
        return (found, vector) if found else None

    # A tweaked checksum is none of the content, so that it tells nothing without the password.
    crc = None if tweaked else member.crc
    lock = Lock(key, bool(check))
    return replace(
        member, crc=crc, lock=lock, rebuilt=lambda plain: _rebuilt(0, member.size, crc, method, _trimmed(plain, method))
    )


def _trimmed(plain: bytes, method: int) -> bytes:
    """The packed blocks without what the cipher filled up: each block says how long it is, the last that it is."""
    at = 0
    while method >> 7 & 7 and at + 3 <= len(plain):
        flags, width = plain[at], (plain[at] >> 3 & 3) + 1
        at += 2 + width + int.from_bytes(plain[at + 2 : at + 2 + width], "little")
        if flags & 0x40:
            return plain[:at]
    return plain


def _rebuilt(own: int, size: int, crc: int | None, method: int, plain: bytes) -> bytes:
    flags = (_CRC if crc is not None else 0) | own & _UNKNOWN_SIZE
    body = number(_FILE) + number(_DATA) + number(len(plain)) + number(flags) + number(size) + number(0)
    body += struct.pack("<L", crc) if crc is not None else b""
    return block(body + number(method) + number(0) + number(1) + b"f", plain)
