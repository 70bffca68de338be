"""Writers of archives of one file, in formats for which the standard library has none."""

from __future__ import annotations

import lzma
import struct
import zlib


def gzipped(content: bytes) -> bytes:
    """gzip as zlib writes it; the header of Python's own module differs between its versions."""
    return zlib.compress(content, 9, 31)


def number5(value: int) -> bytes:
    """An integer as RAR 5 writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def block5(body: bytes, data: bytes = b"") -> bytes:
    """A block of RAR 5."""
    header = number5(len(body)) + body
    return struct.pack("<L", zlib.crc32(header)) + header + data


def file5(name: str, content: bytes, data: bytes, extra: bytes = b"", split: bool = False) -> bytes:
    """The block of a stored member of RAR 5; `data` are its bytes as they stand in the archive."""
    flags = 0x02 | (0x01 if extra else 0) | (0x08 if split else 0)
    body = number5(2) + number5(flags) + (number5(len(extra)) if extra else b"") + number5(len(data))
    body += number5(4) + number5(len(content)) + number5(0x20) + struct.pack("<L", zlib.crc32(content))
    body += number5(0) + number5(0) + number5(len(name.encode())) + name.encode() + extra
    return block5(body, data)


RAR5 = b"Rar!\x1a\x07\x01\0"
END5 = block5(bytes([5, 0, 0]))


def rar5(name: str, content: bytes, split: bool = False) -> bytes:
    """A RAR 5 with the file stored; `split` makes it one that begins in another volume."""
    return RAR5 + block5(bytes([1, 0, int(split)])) + file5(name, content, content, split=split) + END5


def header4(kind: int, flags: int, fields: bytes) -> bytes:
    """A block's header of RAR 4."""
    body = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(body) & 0xFFFF) + body


def file4(name: str, content: bytes, data: bytes, flags: int = 0, salt: bytes = b"") -> bytes:
    """The header of a stored member of RAR 4, its name in UTF-8 as programs on Unix write it."""
    raw = name.encode()
    facts = (len(data), len(content), 3, zlib.crc32(content), 0, 29, 0x30, len(raw), 0o100644)
    return header4(0x74, 0x8200 | flags, struct.pack("<LLBLLBBHL", *facts) + raw + salt)


RAR4 = b"Rar!\x1a\x07\0"
END4 = header4(0x7B, 0x4000, b"")


def rar4(name: str, content: bytes, split: bool = False) -> bytes:
    """A RAR 4 with the file stored; `split` makes it one that begins in another volume."""
    main = header4(0x73, int(split), bytes(6))
    return RAR4 + main + file4(name, content, content, int(split)) + content + END4


def number7(value: int) -> bytes:
    """An integer as 7z may write it."""
    return bytes([value]) if value < 0x80 else b"\xff" + struct.pack("<Q", value)


def streams7(content: bytes, data: bytes, coders: bytes, count: int = 1) -> bytes:
    """The streams of one folder that packs one file."""
    sizes = number7(len(content)) * count
    told = b"\x06\0\x01\x09" + number7(len(data)) + b"\0"
    told += b"\x07\x0b\x01\0" + coders + b"\x0c" + sizes + b"\0"
    return told + b"\x08\x0a\x01" + struct.pack("<L", zlib.crc32(content)) + b"\0\0"


def header7(name: str, streams: bytes) -> bytes:
    """The header of an archive of one file."""
    raw = name.encode("utf-16-le") + b"\0\0"
    return b"\x01\x04" + streams + b"\x05\x01\x11" + number7(len(raw) + 1) + b"\0" + raw + b"\0\0"


def archive7(data: bytes, header: bytes) -> bytes:
    """The archive of packed bytes and a header."""
    start = struct.pack("<QQL", len(data), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\x04" + struct.pack("<L", zlib.crc32(start)) + start + data + header


def lzma2(content: bytes) -> bytes:
    """An LZMA2 stream of the dictionary that `LZMA2_CODER` states (64 KiB)."""
    return lzma.compress(content, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}])


LZMA2_CODER = b"\x21\x21\x01\x08"


def sevenzip(name: str, content: bytes, way: str = "copy", packed_header: bool = False) -> bytes:
    """A 7z of the file, copied, by LZMA2, or by LZMA2 behind the filter for x86 programs (bcj)."""
    if way == "copy":
        data, coders, count = content, b"\x01\x01\0", 1
    elif way == "lzma2":
        data, coders, count = lzma2(content), b"\x01" + LZMA2_CODER, 1
    else:
        filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}]
        data, count = lzma.compress(content, lzma.FORMAT_RAW, filters=filters), 2
        # The filter's input 0 is bound to output 1; the packed stream goes into input 1.
        coders = b"\x02\x04\x03\x03\x01\x03" + LZMA2_CODER + b"\0\x01"
    header = header7(name, streams7(content, data, coders, count))
    if packed_header:
        packed = lzma2(header)
        told = streams7(header, packed, b"\x01" + LZMA2_CODER)
        told = told.replace(b"\x06\0", b"\x06" + number7(len(data)), 1)
        return archive7(data + packed, b"\x17" + told)
    return archive7(data, header)


def lzh(name: str, content: bytes, level: int, method: bytes = b"-lh0-") -> bytes:
    """An LZH of the file, with a header of a level from 0 to 3, its name in CP932."""
    raw, crc = name.encode("cp932"), 0
    facts = struct.pack("<LLLBB", len(content), len(content), 0, 0x20, level)
    if level == 0:
        body = method + facts + bytes([len(raw)]) + raw + struct.pack("<H", crc)
        return bytes([len(body), sum(body) & 0xFF]) + body + content + b"\0"
    width = "<H" if level < 3 else "<L"
    length = struct.calcsize(width) + 1 + len(raw)
    extended = struct.pack(width, length) + b"\x01" + raw + struct.pack(width, 0)
    if level == 1:
        facts = struct.pack("<L", len(content) + length) + facts[4:]
        body = method + facts + b"\0" + struct.pack("<HB", crc, 0x4D) + extended[:2]
        return bytes([len(body), sum(body) & 0xFF]) + body + extended[2:] + content + b"\0"
    if level == 2:
        rest = struct.pack("<HB", crc, 0x4D) + extended
        return struct.pack("<H", 2 + 5 + len(facts) + len(rest)) + method + facts + rest + content + b"\0"
    rest = struct.pack("<HB", crc, 0x4D)
    whole = 2 + 5 + len(facts) + len(rest) + 4 + len(extended)
    return struct.pack("<H", 4) + method + facts + rest + struct.pack("<L", whole) + extended + content + b"\0"


def cab(name: str, content: bytes, method: int) -> bytes:
    """A cabinet of the file, stored (0), by MSZIP (1), or said to be of another method; its name in CP932."""
    raw = name.encode("cp932") + b"\0"
    data = b"CK" + zlib.compress(content, wbits=-15) if method == 1 else content
    begin = 36 + 8 + 16 + len(raw)
    size = begin + 8 + len(data)
    header = struct.pack("<4sLLLLLBBHHHHH", b"MSCF", 0, size, 0, 44, 0, 3, 1, 1, 1, 0, 0, 0)
    folder = struct.pack("<LHH", begin, 1, method)
    member = struct.pack("<LLHHHH", len(content), 0, 0, 0, 0, 0x20) + raw
    return header + folder + member + struct.pack("<LHH", 0, len(data), len(content)) + data


def cpio(name: str, content: bytes) -> bytes:
    """A cpio of the new ASCII format."""

    def member(name: bytes, content: bytes) -> bytes:
        facts = (1, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % fact for fact in facts) + name + b"\0"
        head += bytes(-len(head) % 4)
        return head + content + bytes(-len(content) % 4)

    return member(name.encode(), content) + member(b"TRAILER!!!", b"")


def ar(name: str, content: bytes) -> bytes:
    """An ar of the file."""
    head = f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n"
    return b"!<arch>\n" + head.encode() + content + b"\n" * (len(content) % 2)
