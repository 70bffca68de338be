"""The locks of ZIP: the traditional cipher (APPNOTE 6.1) and AES (winzip.com/aes_info), by the cheap check first."""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib
from collections.abc import Callable, Iterator

from Cryptodome.Cipher import AES
from Cryptodome.Util import Counter

from sekisho_inspection.locks import Keyring
from sekisho_inspection.zip_directory import STREAMED, Aes, Member

# The traditional cipher runs at 2 MB a second here.
MAX_CLASSIC = 24 << 20
_HEADER, _MARK = 12, 10
# Rounds of hashing for one AES key (1,000 for each of its blocks), as the budget counts them; the traditional cipher's
# check is a dozen steps.
_ROUNDS, _STEPS = 4000, 20
_TABLE = [zlib.crc32(bytes([byte]), 0xFFFFFFFF) ^ 0xFFFFFFFF for byte in range(256)]


def opened(member: Member, data: bytes, ring: Keyring, proves: Callable[[bytes], bytes | None]) -> bytes | None:
    """A locked member's content; None where no password opens it. `data` are its bytes as they stand in the file,
    `proves` gives the content of unlocked bytes, or None where their checksum shows that they are noise."""
    aes = member.aes
    for word in ring.words():
        for number, secret in enumerate(_spellings(word)):
            mark = f"{number}{word}"
            plain = _aes(data, aes, mark, secret, ring) if aes else _classic(data, member, mark, secret, ring)
            if plain is not None and (content := proves(plain)) is not None:
                ring.promote(word)
                return content
    return None


def _spellings(word: str) -> Iterator[bytes]:
    """A password as programs make bytes of it: in UTF-8, and in the code page of a Japanese Windows."""
    yield from dict.fromkeys(word.encode(name, "replace") for name in ("utf-8", "cp932"))


def _aes(data: bytes, aes: Aes, mark: str, secret: bytes, ring: Keyring) -> bytes | None:
    size = aes.key // 2
    salt, check, body, code = data[:size], data[size : size + 2], data[size + 2 : -_MARK], data[-_MARK:]

    def derive(_: str) -> bytes:
        return hashlib.pbkdf2_hmac("sha1", secret, salt, 1000, 2 * aes.key + 2)

    keys = ring.key(mark, bytes([aes.key]) + salt, _ROUNDS, derive)
    if keys is None or keys[-2:] != check:
        return None
    if hmac.digest(keys[aes.key : -2], body, "sha1")[:_MARK] != code:
        return None
    counter = Counter.new(128, initial_value=1, little_endian=True)
    return AES.new(keys[: aes.key], AES.MODE_CTR, counter=counter).decrypt(body)


def _classic(data: bytes, member: Member, mark: str, secret: bytes, ring: Keyring) -> bytes | None:
    made = ring.key(mark, b"", _STEPS, lambda _: struct.pack("<3L", *_seeded(secret)))
    if made is None or len(data) < _HEADER:
        return None
    keys = struct.unpack("<3L", made)
    head, keys = _run(keys, data[:_HEADER])
    # The last byte is the checksum's first, or the time's where the checksum was not known yet.
    checks = {member.crc >> 24, member.time >> 8} if member.flags & STREAMED else {member.crc >> 24}
    return _run(keys, data[_HEADER:])[0] if head[-1] in checks else None


def _seeded(secret: bytes) -> tuple[int, int, int]:
    one, two, three = 0x12345678, 0x23456789, 0x34567890
    for byte in secret:
        one = one >> 8 ^ _TABLE[(one ^ byte) & 0xFF]
        two = ((two + (one & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        three = three >> 8 ^ _TABLE[(three ^ two >> 24) & 0xFF]
    return one, two, three


def _run(keys: tuple[int, ...], data: bytes) -> tuple[bytes, tuple[int, ...]]:
    """The plain bytes, and the state behind them."""
    one, two, three = keys
    table, out = _TABLE, bytearray(data)
    for index, byte in enumerate(data):
        mask = three | 2
        byte ^= (mask * (mask ^ 1)) >> 8 & 0xFF
        out[index] = byte
        one = one >> 8 ^ table[(one ^ byte) & 0xFF]
        two = ((two + (one & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        three = three >> 8 ^ table[(three ^ two >> 24) & 0xFF]
    return bytes(out), (one, two, three)
