"""The coders of 7z: how the packed streams of a folder become the bytes of its files (Methods.txt of the LZMA SDK)."""

from __future__ import annotations

import bz2
import lzma
import re
import struct
import zlib
from dataclasses import dataclass, field

import inflate64
from Cryptodome.Cipher import AES

from sekisho_inspection import libarchive
from sekisho_inspection.locks import Keyring, sha256_counted

_AES = b"\x06\xf1\x07\x01"
# 7-Zip makes keys of 2**19 rounds; it refuses more than 2**24.
_MAX_POWER = 24
# What one of these rounds costs, in rounds of the mail's budget: they are hashed in blocks.
_CHEAP = 8
# Deflate64 packs 25,000 bytes in one: what it makes of so many fits into memory.
_DEFLATE64_STEP = 1 << 10
_BRANCHES = {
    lzma.FILTER_X86: (b"\x04", b"\x03\x03\x01\x03"),
    lzma.FILTER_POWERPC: (b"\x05", b"\x03\x03\x02\x05"),
    lzma.FILTER_IA64: (b"\x06", b"\x03\x03\x04\x01"),
    lzma.FILTER_ARM: (b"\x07", b"\x03\x03\x05\x01"),
    lzma.FILTER_ARMTHUMB: (b"\x08", b"\x03\x03\x07\x01"),
    lzma.FILTER_SPARC: (b"\x09", b"\x03\x03\x08\x05"),
}
_BRANCH = {method: number for number, methods in _BRANCHES.items() for method in methods}
_CALL = re.compile(rb"[\xe8\xe9]|(?<=\x0f)[\x80-\x8f]")


class Damaged(Exception):
    """What is no 7z as it should be."""


class Unsupported(Exception):
    """A method that nothing here reads."""


class Locked(Exception):
    """No password of the mail opens it."""


@dataclass(frozen=True)
class Coder:
    """A step: its method, how many streams it takes and gives, its properties."""

    method: bytes
    inputs: int
    outputs: int
    properties: bytes


@dataclass
class Folder:
    """A tree of coders. `bound` says which output an input takes, `packed` which inputs take packed streams, `sizes`
    what each output is long."""

    coders: list[Coder]
    bound: dict[int, int]
    packed: list[int]
    sizes: list[int] = field(default_factory=list)
    crc: int | None = None

    @property
    def main(self) -> int:
        """The output that nothing takes: the files themselves."""
        taken = set(self.bound.values())
        return next((index for index in range(len(self.sizes)) if index not in taken), 0)

    @property
    def size(self) -> int:
        """Bytes of the files together."""
        return self.sizes[self.main] if self.sizes else 0

    @property
    def is_locked(self) -> bool:
        """Whether one of the steps needs a key."""
        return any(coder.method == _AES for coder in self.coders)


Checks = list[tuple[int, int | None]]


def unpack(folder: Folder, packed: list[bytes], checks: Checks, ring: Keyring) -> tuple[bytes, bool]:
    """The folder's content, and whether a password opened it. `checks` are size and checksum of each of its files: by
    them the right password is known. Raises Damaged, Unsupported, Locked."""
    if not folder.is_locked:
        return _Unpacking(folder, packed, b"").output(folder.main), False
    properties = next(coder.properties for coder in folder.coders if coder.method == _AES)
    power, salt, _ = _key_facts(properties)
    if power > _MAX_POWER and power != 0x3F:
        raise Unsupported("keys that take too long")
    rounds = 1 if power == 0x3F else max(1, (1 << power) // _CHEAP)
    for word in ring.words():
        key = ring.key(word, bytes([power]) + salt, rounds, lambda word: sha256_counted(word, salt, power))
        if key is None:
            break
        # A wrong key gives noise, of which the decoders make anything.
        try:
            content = _Unpacking(folder, packed, key).output(folder.main)
        except Damaged:
            continue
        if _fits(content, checks):
            ring.promote(word)
            return content, True
    raise Locked


def _fits(content: bytes, checks: Checks) -> bool:
    at, seen = 0, False
    for size, crc in checks:
        if crc is not None:
            seen = True
            if zlib.crc32(content[at : at + size]) != crc:
                return False
        at += size
    return seen


def _key_facts(properties: bytes) -> tuple[int, bytes, bytes]:
    """Power of two of the rounds, salt, initialisation vector."""
    if not properties:
        raise Damaged("AES without properties")
    first, second = properties[0], properties[1] if len(properties) > 1 and properties[0] & 0xC0 else 0
    salt = (first >> 7) + (second >> 4)
    vector = (first >> 6 & 1) + (second & 0x0F)
    return first & 0x3F, properties[2 : 2 + salt], properties[2 + salt : 2 + salt + vector].ljust(16, b"\0")


class _Unpacking:
    """One folder, its packed streams and the key."""

    def __init__(self, folder: Folder, packed: list[bytes], key: bytes) -> None:
        self._folder = folder
        self._packed = packed
        self._key = key
        self._depth = 0

    def output(self, index: int) -> bytes:
        """What the coder of this output gives."""
        self._depth += 1
        # Every coder is asked once on the way down; more is a ring.
        if self._depth > len(self._folder.coders):
            raise Damaged("coders in a ring")
        position = first = 0
        for coder in self._folder.coders:
            if position == index:
                streams = [self._input(first + offset) for offset in range(coder.inputs)]
                return self._run(coder, streams, self._folder.sizes[index])
            position, first = position + coder.outputs, first + coder.inputs
        raise Damaged("coders that do not fit")

    def _input(self, index: int) -> bytes:
        if index in self._folder.bound:
            return self.output(self._folder.bound[index])
        if index not in self._folder.packed or self._folder.packed.index(index) >= len(self._packed):
            raise Damaged("a stream that is not there")
        return self._packed[self._folder.packed.index(index)]

    def _run(self, coder: Coder, streams: list[bytes], size: int) -> bytes:
        if coder.method == _AES:
            return _decrypted(self._key, coder.properties, streams[0])[:size]
        try:
            content = _decoded(coder, streams, size)
        except (OSError, ValueError, EOFError, lzma.LZMAError, zlib.error, libarchive.Unreadable, IndexError) as error:
            raise Damaged(type(error).__name__) from None
        if len(content) < size:
            raise Damaged("a stream that ends early")
        return content[:size]


def _decrypted(key: bytes, properties: bytes, data: bytes) -> bytes:
    _, _, vector = _key_facts(properties)
    return AES.new(key, AES.MODE_CBC, vector).decrypt(data[: len(data) // 16 * 16])


def _decoded(coder: Coder, streams: list[bytes], size: int) -> bytes:
    method, data = coder.method, streams[0]
    if method in (b"\0", b""):
        return data
    if method == b"\x03\x01\x01":
        return _lzma(lzma.FILTER_LZMA1, coder.properties, data, size)
    if method == b"\x21":
        return _lzma(lzma.FILTER_LZMA2, coder.properties, data, size)
    if method in _BRANCH:
        return _filtered({"id": _BRANCH[method]}, data)
    if method == b"\x03":
        return _filtered({"id": lzma.FILTER_DELTA, "dist": coder.properties[0] + 1}, data)
    if method == b"\x03\x03\x01\x1b" and len(streams) == 4:
        return _bcj2(streams, size)
    if method == b"\x04\x01\x08":
        return zlib.decompressobj(-15).decompress(data, size)
    if method == b"\x04\x01\x09":
        return deflate64(data, size)
    if method == b"\x04\x02\x02":
        return bz2.BZ2Decompressor().decompress(data, size)
    return _by_library(coder, data, size)


def _by_library(coder: Coder, data: bytes, size: int) -> bytes:
    filters = {b"\x04\xf7\x11\x01": "zstd", b"\x04\xf7\x11\x04": "lz4"}
    if coder.method in filters:
        archive = libarchive.Archive(data, ("raw",), (filters[coder.method],))
    elif coder.method == b"\x03\x04\x01":
        archive = libarchive.Archive(_alone(coder, data, size), ("7zip",))
    else:
        raise Unsupported(f"7z method {coder.method.hex()}")
    with archive:
        for _ in archive.entries():
            return archive.read(size)[0]
    return b""


def _alone(coder: Coder, data: bytes, size: int) -> bytes:
    """A 7z of one file that this one coder packed."""
    folder = b"\x01" + bytes([0x20 | len(coder.method)]) + coder.method + _number(len(coder.properties))
    streams = b"\x06" + _number(0) + b"\x01\x09" + _number(len(data)) + b"\0"
    streams += b"\x07\x0b\x01\0" + folder + coder.properties + b"\x0c" + _number(size) + b"\0\x08\0\0"
    name = "x\0".encode("utf-16-le")
    files = b"\x01\x11" + _number(len(name) + 1) + b"\0" + name + b"\0"
    header = b"\x01\x04" + streams + b"\x05" + files + b"\0"
    start = struct.pack("<QQL", len(data), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\x04" + struct.pack("<L", zlib.crc32(start)) + start + data + header


def _number(value: int) -> bytes:
    return b"\xff" + struct.pack("<Q", value)


def _lzma(kind: int, properties: bytes, data: bytes, size: int) -> bytes:
    spec = lzma._decode_filter_properties(kind, properties)  # type: ignore[attr-defined]
    # The dictionary need not be longer than what is unpacked.
    spec["dict_size"] = max(4096, min(spec["dict_size"], size))
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[spec]).decompress(data, size)


def _filtered(spec: dict[str, int], data: bytes) -> bytes:
    """What the filter makes of plain data. liblzma runs filters before LZMA2 only, which can hold data unpacked."""
    chunks = [
        (b"\x02" if at else b"\x01") + struct.pack(">H", len(data[at : at + 65536]) - 1) + data[at : at + 65536]
        for at in range(0, len(data), 65536)
    ]
    filters = [spec, {"id": lzma.FILTER_LZMA2, "dict_size": 65536}]
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters).decompress(b"".join(chunks) + b"\0")


def deflate64(data: bytes, most: int) -> bytes:
    """What a Deflate64 stream unpacks to, at most so many bytes and a step. Raises ValueError."""
    engine, out, size = inflate64.Inflater(), list[bytes](), 0
    for at in range(0, len(data), _DEFLATE64_STEP):
        out.append(engine.inflate(data[at : at + _DEFLATE64_STEP]))
        size += len(out[-1])
        if size >= most or engine.eof:
            break
    return b"".join(out)


def _bcj2(streams: list[bytes], size: int) -> bytes:
    """Calls and jumps of x86 code put back into place (Bcj2.c of the LZMA SDK, 9.20)."""
    main, calls, jumps, coded = streams
    bits = _Bits(coded)
    places, out = {0xE8: struct.iter_unpack(">L", calls[: len(calls) // 4 * 4])}, list[bytes]()
    others = struct.iter_unpack(">L", jumps[: len(jumps) // 4 * 4])
    at = done = previous = 0
    while done < size and (end := _branch(main, at, previous)):
        out.append(main[at:end])
        before, byte = (main[end - 2] if end - at > 1 else previous), main[end - 1]
        done, at, previous = done + end - at, end, byte
        if done >= size or not bits.bit(before if byte == 0xE8 else 256 if byte == 0xE9 else 257):
            continue
        source = next(places.get(byte, others), None)
        if source is None:
            raise Damaged("a call that is not there")
        target = source[0] - (done + 4) & 0xFFFFFFFF
        out.append(struct.pack("<L", target))
        previous, done = target >> 24, done + 4
    return b"".join(out) + main[at : at + max(0, size - done)]


def _branch(main: bytes, at: int, previous: int) -> int:
    """The position behind the next byte that ends the code of a call or a jump; 0 where there is none."""
    if previous == 0x0F and at < len(main) and main[at] & 0xF0 == 0x80:
        return at + 1
    found = _CALL.search(main, at)
    return found.end() if found else 0


class _Bits:
    """The range decoder of BCJ2: for each branch whether it was converted."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 5
        self._code = int.from_bytes(data[1:5], "big")
        self._range = 0xFFFFFFFF
        self._odds = [1024] * 258

    def bit(self, context: int) -> bool:
        odds = self._odds[context]
        bound = (self._range >> 11) * odds
        one = self._code >= bound
        if one:
            self._range -= bound
            self._code -= bound
            self._odds[context] = odds - (odds >> 5)
        else:
            self._range = bound
            self._odds[context] = odds + (2048 - odds >> 5)
        if self._range < 1 << 24:
            if self._at >= len(self._data):
                raise Damaged("a stream that ends early")
            self._code = (self._code << 8 | self._data[self._at]) & 0xFFFFFFFF
            self._range <<= 8
            self._at += 1
        return one
