"""PDF files made by hand: objects, streams, tables, updates, encryption."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping

from Cryptodome.Cipher import AES, ARC4

Objects = Mapping[int, bytes]
# Deciphers nothing: takes the bytes of a string or stream and its object's number.
Cipher = Callable[[bytes, int], bytes]
PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
FILE_ID = bytes(range(16))


def stream(content: bytes, extra: bytes = b"") -> bytes:
    """A stream object with its dictionary's further entries."""
    return b"<< /Length %d " % len(content) + extra + b" >>\nstream\n" + content + b"\nendstream"


def packed(content: bytes, extra: bytes = b"") -> bytes:
    """A stream object under Flate."""
    return stream(zlib.compress(content, 9), b"/Filter /FlateDecode " + extra)


def page_objects(catalog: bytes = b"") -> dict[int, bytes]:
    """A document of one page with a word on it: catalog 1, pages 2, page 3, content 4, font 5."""
    return {
        1: b"<< /Type /Catalog /Pages 2 0 R " + catalog + b" >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        4: stream(b"BT /F 9 Tf (a page) Tj ET"),
        5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    }


def document(
    objects: Objects, catalog: bytes = b"", trailer: bytes = b"", header: bytes = b"%PDF-1.7\n", tail: bytes = b""
) -> bytes:
    """A file of one page and these objects, with a true table."""
    return appended(header, {**page_objects(catalog), **objects}, trailer) + tail


def appended(before: bytes, objects: Objects, trailer: bytes = b"") -> bytes:
    """The file with these objects behind it, their table and a trailer: an update (7.5.6) of what is there."""
    out, places = before, {}
    for number, value in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n" % number + value + b"\nendobj\n"
    rows = b"".join(b"%d 1\n%010d 00000 n \n" % place for place in sorted(places.items()))
    previous = b"/Prev %d " % before.rfind(b"xref\n0 1") if b"startxref" in before else b""
    tail = b"trailer << /Size 99 /Root 1 0 R " + previous + trailer + b" >>\n"
    return out + b"xref\n0 1\n0000000000 65535 f \n" + rows + tail + b"startxref\n%d\n%%%%EOF\n" % len(out)


def object_stream(objects: Objects, extra: bytes = b"", pack: Callable[[bytes, bytes], bytes] = packed) -> bytes:
    """A stream of these objects (7.5.7)."""
    body, heads = b"", b""
    for number, value in objects.items():
        heads += b"%d %d " % (number, len(body))
        body += value + b" "
    return pack(heads + body, b"/Type /ObjStm /N %d /First %d " % (len(objects), len(heads)) + extra)


def lzw(content: bytes) -> bytes:
    """The content in codes of nine bits that repeat nothing, the table cleared before it grows."""
    codes = [256]
    for at in range(0, len(content), 100):
        codes += [*content[at : at + 100], 256]
    bits = "".join(f"{code:09b}" for code in [*codes, 257])
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8))


def run_length(content: bytes) -> bytes:
    """The content in runs that repeat nothing."""
    pieces = [content[at : at + 128] for at in range(0, len(content), 128)]
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces) + b"\x80"


def rows_up(content: bytes, width: int) -> bytes:
    """The content as rows of PNG, each less the one above it (predictor 12)."""
    out, above = b"", bytes(width)
    for at in range(0, len(content), width):
        row = content[at : at + width].ljust(width, b" ")
        out += b"\x02" + bytes(one - other & 255 for one, other in zip(row, above, strict=True))
        above = row
    return out


def locked(version: int, password: bytes = b"") -> tuple[bytes, Cipher]:
    """An encryption dictionary by its revision (2 to 6), and the cipher of strings and streams."""
    return _modern(version, password) if version >= 5 else _classic(version, password)


def _classic(revision: int, password: bytes) -> tuple[bytes, Cipher]:
    size, rounds = (5, 0) if revision == 2 else (16, 50)
    owner = hashlib.sha256(b"owner").digest()
    key = hashlib.md5((password + PAD)[:32] + owner + (0xFFFFF0C0).to_bytes(4, "little") + FILE_ID).digest()
    for _ in range(rounds):
        key = hashlib.md5(key[:size]).digest()
    key = key[:size]
    if revision == 2:
        user = ARC4.new(key).encrypt(PAD)
    else:
        user = hashlib.md5(PAD + FILE_ID).digest()
        for number in range(20):
            user = ARC4.new(bytes(byte ^ number for byte in key)).encrypt(user)
    stated = b"/Filter /Standard /R %d /O <%s> /U <%s> /P -3904 " % (
        revision, owner.hex().encode(), user.ljust(32, b"\0").hex().encode(),
    )  # fmt: skip
    if revision < 4:
        return b"<< /V %d /Length %d " % (revision - 1, size * 8) + stated + b">>", _rc4(key)
    filters = b"/CF << /StdCF << /CFM /AESV2 /Length 16 >> >> /StmF /StdCF /StrF /StdCF "
    return b"<< /V 4 /Length 128 " + filters + stated + b">>", _aes(key, True)


def _modern(revision: int, password: bytes) -> tuple[bytes, Cipher]:
    key, salts = bytes(range(32)), bytes(range(16))
    user = _hash(revision, password, salts[:8]) + salts
    wrapped = AES.new(_hash(revision, password, salts[8:]), AES.MODE_CBC, bytes(16)).encrypt(key)
    filters = b"/CF << /StdCF << /CFM /AESV3 /Length 32 >> >> /StmF /StdCF /StrF /StdCF "
    stated = b"/R %d /U <%s> /UE <%s> /O <%s> /OE <%s> /P -3904 " % (
        revision, user.hex().encode(), wrapped.hex().encode(), bytes(48).hex().encode(), bytes(32).hex().encode(),
    )  # fmt: skip
    return b"<< /Filter /Standard /V 5 /Length 256 " + filters + stated + b">>", _aes(key, False)


def _hash(revision: int, password: bytes, salt: bytes) -> bytes:
    key, number, last = hashlib.sha256(password + salt).digest(), 0, 0
    while revision == 6 and (number < 64 or last > number - 32):
        data = AES.new(key[:16], AES.MODE_CBC, key[16:32]).encrypt((password + key) * 64)
        key = (hashlib.sha256, hashlib.sha384, hashlib.sha512)[int.from_bytes(data[:16]) % 3](data).digest()
        last, number = data[-1], number + 1
    return key[:32]


def _rc4(key: bytes) -> Cipher:
    def cipher(data: bytes, number: int) -> bytes:
        return ARC4.new(hashlib.md5(key + number.to_bytes(3, "little") + bytes(2)).digest()[: len(key) + 5]).encrypt(
            data
        )

    return cipher


def _aes(key: bytes, salted: bool) -> Cipher:
    def cipher(data: bytes, number: int) -> bytes:
        own = hashlib.md5(key + number.to_bytes(3, "little") + bytes(2) + b"sAlT").digest() if salted else key
        fill = 16 - len(data) % 16
        return bytes(16) + AES.new(own, AES.MODE_CBC, bytes(16)).encrypt(data + bytes([fill]) * fill)

    return cipher
