"""RAR 1.5 to 4: blocks, locked ones too, as members (technote.txt of RAR 4)."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from Cryptodome.Cipher import AES

from sekisho_inspection.locks import Keyring, counted
from sekisho_inspection.names import member_names
from sekisho_inspection.rar_members import Listing, Lock, Member

MAGIC = b"Rar!\x1a\x07\0"
_MAIN, _FILE, _END = 0x73, 0x74, 0x7B
_VOLUME, _LOCKED_HEADERS, _DATA = 0x0001, 0x0080, 0x8000
_SPLIT, _LOCKED, _SOLID, _FOLDER, _LARGE, _UNICODE, _SALT = 0x03, 0x04, 0x10, 0xE0, 0x100, 0x200, 0x400
_STORED = 0x30
# The version that locks with AES; earlier ones have ciphers of their own.
_AES_VERSION = 29
_ROUNDS, _PIECE = 1 << 18, 1 << 14
# What one of these rounds costs, in rounds of the mail's budget: they are hashed in blocks.
_CHEAP = 8
_MOST_BLOCKS = 100_000
_LINK = 0o120000


class _Ends(Exception):
    """The bytes end, or make no sense."""


@dataclass(frozen=True)
class _Block:
    kind: int
    flags: int
    fields: bytes
    at: int


def read_blocks(data: bytes, ring: Keyring) -> Listing:
    """The members of an archive that begins with the signature; `ring` opens locked headers. Raises nothing."""
    listing = Listing(MAGIC + _header(_MAIN, 0, bytes(6)), _header(_END, 0, b""))
    at, opener = len(MAGIC), None
    try:
        for _ in range(_MOST_BLOCKS):
            block = opener(at) if opener else _block(data[at : at + 65536], at)
            if block.kind == _END:
                return listing
            size = struct.unpack_from("<L", block.fields)[0] if block.flags & _DATA and len(block.fields) >= 4 else 0
            at = block.at
            if block.kind == _MAIN:
                listing.is_volume = bool(block.flags & _VOLUME)
                if block.flags & _LOCKED_HEADERS:
                    opener = _opener(data, at, ring)
                    listing.is_locked, listing.was_opened = opener is None, opener is not None
                    if opener is None:
                        return listing
            elif block.kind == _FILE:
                member, size = _member(block, data, ring)
                listing.members.append(member)
            at += size
    except (_Ends, struct.error):
        listing.problem = "RAR: headers that end early" if at < len(data) or not listing.members else ""
    return listing


def _header(kind: int, flags: int, fields: bytes) -> bytes:
    body = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(body) & 0xFFFF) + body


def _block(header: bytes, at: int) -> _Block:
    """A block out of the bytes of its header; `at` is their position."""
    if len(header) < 7:
        raise _Ends
    kind, flags, size = struct.unpack_from("<BHH", header, 2)
    if size < 7 or size > len(header):
        raise _Ends
    return _Block(kind, flags, header[7:size], at + size)


def _opener(data: bytes, at: int, ring: Keyring) -> Callable[[int], _Block] | None:
    """Reads locked headers with the password that fits the first; None where none does."""
    for word in ring.words():

        def opened(at: int, word: str = word) -> _Block:
            found = _key(ring, word, data[at : at + 8])
            if found is None:
                raise _Ends
            return _opened(data, at + 8, found)

        try:
            opened(at)
        except _Ends:
            continue
        ring.promote(word)
        return opened
    return None


def _opened(data: bytes, at: int, key: tuple[bytes, bytes]) -> _Block:
    cipher = AES.new(key[0], AES.MODE_CBC, key[1])
    if at + 16 > len(data):
        raise _Ends
    first = cipher.decrypt(data[at : at + 16])
    padded = (struct.unpack_from("<H", first, 5)[0] + 15) // 16 * 16
    if padded < 16 or at + padded > len(data):
        raise _Ends
    header = first + cipher.decrypt(data[at + 16 : at + padded])
    block = _block(header, at)
    checked = header[2 : 7 + len(block.fields)]
    if zlib.crc32(checked) & 0xFFFF != struct.unpack_from("<H", header)[0]:
        raise _Ends
    return _Block(block.kind, block.flags, block.fields, at + padded)


def _key(ring: Keyring, word: str, salt: bytes) -> tuple[bytes, bytes] | None:
    """Key and vector of a password; None where there is no time left to compute them."""
    made = ring.key(word, salt, _ROUNDS // _CHEAP, lambda word: _derived(word, salt))
    return (made[:16], made[16:]) if made else None


def _derived(word: str, salt: bytes) -> bytes:
    # RAR takes 127 characters at most.
    seed = word[:127].encode("utf-16-le", "surrogatepass") + salt
    state, vector = hashlib.sha1(usedforsecurity=False), bytearray()

    def hashed(piece: bytes) -> None:
        once = state.copy()
        once.update(piece[: len(seed) + 3])
        vector.append(once.digest()[19])
        state.update(piece)

    counted(seed, _ROUNDS, 3, hashed, _PIECE)
    return struct.pack("<4L", *struct.unpack(">4L", state.digest()[:16])) + vector


def _member(block: _Block, data: bytes, ring: Keyring) -> tuple[Member, int]:
    """The member, and the size of its packed bytes."""
    packed, size, host, crc, _, version, method, length, attributes = struct.unpack_from("<LLBLLBBHL", block.fields)
    at = 25
    if block.flags & _LARGE:
        high = struct.unpack_from("<LL", block.fields, at)
        packed, size, at = packed + (high[0] << 32), size + (high[1] << 32), at + 8
    raw, at = block.fields[at : at + length], at + length
    salt = block.fields[at : at + 8] if block.flags & _SALT else b""
    lock = None
    if block.flags & _LOCKED:
        lock = Lock(lambda word: _key(ring, word, salt) if version >= _AES_VERSION else None, False)
    kept = block.flags & (_SOLID | _FOLDER)

    def rebuilt(plain: bytes) -> bytes:
        fields = struct.pack("<LLBLLBBHL", len(plain), size & 0xFFFFFFFF, host, crc, 0, version, method, 1, 0x20)
        return _header(_FILE, kept | _DATA, fields + b"f") + plain

    kind = "a link" if host == 3 and attributes >> 0 & 0o170000 == _LINK else ""
    content = data[block.at : block.at + packed]
    folder, split = block.flags & _FOLDER == _FOLDER, bool(block.flags & _SPLIT)
    names = _names(raw, bool(block.flags & _UNICODE))
    solid = bool(block.flags & _SOLID)
    return Member(names, size, content, kind, folder, split, method == _STORED, solid, crc, lock, rebuilt), packed


def _names(raw: bytes, has_unicode: bool) -> tuple[str, ...]:
    plain, _, coded = raw.partition(b"\0")
    if not has_unicode or not coded:
        return member_names(plain, has_unicode)
    return member_names(_unicode(plain, coded).encode("utf-8", "replace"), True)


def _unicode(plain: bytes, coded: bytes) -> str:
    """The name in UTF-16, coded as what differs from the plain one (EncodeFileName of RAR 3)."""
    units: list[int] = []
    high, at, flags, bits = coded[0], 1, 0, 0
    while at < len(coded):
        if not bits:
            flags, bits, at = coded[at], 8, at + 1
        bits -= 2
        kind, values = flags >> bits & 3, coded[at : at + 3]
        if kind == 3 and values:
            at += _repeated(units, plain, values, high)
        elif kind < 3 and values:
            units.append(values[0] | (0, high, values[1] if len(values) > 1 else 0)[kind] << 8)
            at += 2 if kind == 2 else 1
    return b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le", "replace")


def _repeated(units: list[int], plain: bytes, values: bytes, high: int) -> int:
    """Append a run of the plain name's characters; returns how many bytes told of it."""
    count, add, page, used = (values[0] & 0x7F) + 2, 0, 0, 1
    if values[0] & 0x80 and len(values) > 1:
        add, page, used = values[1], high, 2
    for byte in plain[len(units) : len(units) + count]:
        units.append((byte + add & 0xFF) | page << 8)
    return used
