"""Writers of locked archives of one file."""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib

from archive_writers import (
    END4,
    END5,
    RAR4,
    RAR5,
    archive7,
    block5,
    file4,
    file5,
    header4,
    header7,
    number5,
    number7,
    streams7,
)
from Cryptodome.Cipher import AES
from Cryptodome.Util import Counter

_SALT, _VECTOR = bytes(range(1, 17)), bytes(range(17, 33))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 16)


def _cbc(key: bytes, vector: bytes, data: bytes) -> bytes:
    return AES.new(key, AES.MODE_CBC, vector).encrypt(_padded(data))


def _zip(name: str, body: bytes, facts: tuple[int, int, int], flags: int, method: int, extra: bytes = b"") -> bytes:
    """A ZIP around the bytes of one member; `facts` are checksum, size and time."""
    crc, size, time = facts
    raw = name.encode()
    shared = struct.pack(
        "<5H3L2H", 51, flags | 0x800, method, time, 0, crc, len(body), size, len(raw), len(extra)
    )  # fmt: skip
    local = b"PK\x03\x04" + shared + raw + extra + body
    central = b"PK\x01\x02" + b"\x33\0" + shared + struct.pack("<3H2L", 0, 0, 0, 0, 0) + raw + extra
    return local + central + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local), 0)


def classic_zip(secret: bytes, name: str, content: bytes, streamed: bool = False) -> bytes:
    """A ZIP under the traditional cipher (APPNOTE 6.1); `streamed` ones are checked by the time."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def crc(value: int, byte: int) -> int:
        return zlib.crc32(bytes([byte]), value ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    def update(byte: int) -> None:
        keys[0] = crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc(keys[2], keys[1] >> 24)

    for byte in secret:
        update(byte)
    checksum, time = zlib.crc32(content), 0x4B20
    body = bytearray()
    check = time >> 8 if streamed else checksum >> 24
    for byte in bytes(11) + bytes([check]) + zlib.compress(content, wbits=-15):
        mask = keys[2] | 2
        body.append(byte ^ ((mask * (mask ^ 1) >> 8) & 0xFF))
        update(byte)
    return _zip(name, bytes(body), (checksum, len(content), time), 9 if streamed else 1, 8)


def aes_zip(secret: bytes, name: str, content: bytes, bits: int) -> bytes:
    """A ZIP under AES with a key of so many bits, of the version without a checksum (AE-2)."""
    size = bits // 8
    salt = bytes(range(size // 2))
    keys = hashlib.pbkdf2_hmac("sha1", secret, salt, 1000, 2 * size + 2)
    counter = Counter.new(128, initial_value=1, little_endian=True)
    body = AES.new(keys[:size], AES.MODE_CTR, counter=counter).encrypt(zlib.compress(content, wbits=-15))
    code = hmac.digest(keys[size:-2], body, "sha1")[:10]
    extra = struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", bits // 64 - 1, 8)
    return _zip(name, salt + keys[-2:] + body + code, (0, len(content), 0), 1, 99, extra)


def _key7(password: str, power: int) -> bytes:
    state = hashlib.sha256()
    for count in range(1 << power):
        state.update(password.encode("utf-16-le") + struct.pack("<Q", count))
    return state.digest()


def locked_sevenzip(password: str, name: str, content: bytes, names: bool = False) -> bytes:
    """A 7z copied and locked by AES with a key of 64 rounds; with `names` the header is locked too."""
    power = 6
    key = _key7(password, power)
    coder = b"\x01\x24\x06\xf1\x07\x01\x12" + bytes([0x40 | power, 0x0F]) + _VECTOR
    data = _cbc(key, _VECTOR, content)
    header = header7(name, streams7(content, data, coder))
    if not names:
        return archive7(data, header)
    packed = _cbc(key, _VECTOR, header)
    told = streams7(header, packed, coder).replace(b"\x06\0", b"\x06" + number7(len(data)), 1)
    return archive7(data + packed, b"\x17" + told)


def _key4(password: str, salt: bytes) -> tuple[bytes, bytes]:
    seed, state, vector = password.encode("utf-16-le") + salt, hashlib.sha1(usedforsecurity=False), b""
    for count in range(1 << 18):
        state.update(seed + struct.pack("<L", count)[:3])
        if count % (1 << 14) == 0:
            vector += state.digest()[19:]
    return struct.pack("<4L", *struct.unpack(">4L", state.digest()[:16])), vector


def locked_rar4(password: str, name: str, content: bytes, names: bool = False) -> bytes:
    """A RAR 4 with the file stored and locked; with `names` the headers are locked too."""
    salt = _SALT[:8]
    key, vector = _key4(password, salt)
    data = _cbc(key, vector, content)
    member = file4(name, content, data, 0x404, salt)
    if not names:
        return RAR4 + header4(0x73, 0, bytes(6)) + member + data + END4
    locked = [salt + _cbc(key, vector, header) for header in (member, END4)]
    return RAR4 + header4(0x73, 0x80, bytes(6)) + locked[0] + data + locked[1]


def locked_rar5(password: str, name: str, content: bytes, names: bool = False) -> bytes:
    """A RAR 5 with the file stored and locked, its key of 16 rounds; with `names` the headers are locked too."""
    power, secret = 4, password.encode()
    key = hashlib.pbkdf2_hmac("sha256", secret, _SALT, 1 << power)
    made = hashlib.pbkdf2_hmac("sha256", secret, _SALT, (1 << power) + 32)
    check = bytes(made[place] ^ made[place + 8] ^ made[place + 16] ^ made[place + 24] for place in range(8))
    checked = check + hashlib.sha256(check).digest()[:4]
    record = b"\x01\0\x01" + bytes([power]) + _SALT + _VECTOR + checked
    data = _cbc(key, _VECTOR, content)
    member = file5(name, content, data, number5(len(record)) + record)
    main = block5(bytes([1, 0, 0]))
    if not names:
        return RAR5 + main + member + END5
    header = member[: -len(data)]
    locked = [_VECTOR + _cbc(key, _VECTOR, one) for one in (main, header, END5)]
    encryption = block5(bytes([4, 0, 0, 1, power]) + _SALT + checked)
    return RAR5 + encryption + locked[0] + locked[1] + data + locked[2]
