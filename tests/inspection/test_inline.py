"""Files inside texts: uuencode, yEnc, BinHex, blocks of base64 and ASCII85, OpenPGP that needs no key."""

from __future__ import annotations

import base64
import binascii
import bz2
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sekisho_core.vocabulary import Reading
from sekisho_inspection import binhex, blocks, inline, pgp, uuencode, yenc

Read = Callable[..., Reading]
# Twelve zero bytes at the end of a line are spaces there.
FILE = b"listed file: \x00\x01\xff" + bytes(20) + b"=.\r\n" * 20 + b"the end"
SHA256 = hashlib.sha256(FILE).hexdigest()
XX = "+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
HQX = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def uu_lines(content: bytes, backtick: bool = True) -> list[bytes]:
    """The content in lines of uuencode, the last one of length zero."""
    pieces = [content[at : at + 45] for at in range(0, len(content), 45)]
    return [binascii.b2a_uu(piece, backtick=backtick).rstrip(b"\n") for piece in [*pieces, b""]]


def uu(content: bytes = FILE, head: bytes = b"begin 644 a.bin", end: bytes = b"end\n", backtick: bool = True) -> bytes:
    """A uuencoded file."""
    return b"\n".join([head, *uu_lines(content, backtick), end])


def lowered(line: bytes) -> bytes:
    """A line whose characters are those 64 above, which lenient programs take for the same six bits."""
    return line[:1] + bytes(byte + 64 if 33 <= byte < 63 else byte for byte in line[1:])


def xx(content: bytes = FILE) -> bytes:
    """An xxencoded file."""
    table = bytes(ord(XX[byte - 32]) if 32 <= byte < 96 else byte for byte in range(256))
    return b"\n".join([b"begin 644 a.bin", *(line.translate(table) for line in uu_lines(content, False)), b"end\n"])


def ye(
    content: bytes = FILE, name: bytes = b"a.bin", at: int | None = None, size: int | None = None, tail: bytes = b""
) -> bytes:
    """A file in yEnc, or a piece of one that stands `at` there."""
    out = bytearray()
    for index, byte in enumerate((byte + 42) & 255 for byte in content):
        out += bytes([61, (byte + 64) & 255]) if byte in b"\0\r\n=" else bytes([byte])
        out += b"\r\n" if index % 128 == 127 else b""
    size = len(content) if size is None else size
    part = b"" if at is None else b"=ypart begin=%d end=%d\r\n" % (at + 1, at + len(content))
    head = b"=ybegin %bline=128 size=%d name=%b\r\n%b" % (b"" if at is None else b"part=1 ", size, name, part)
    tail = tail or b"=yend size=%d crc32=%08x" % (len(content), binascii.crc32(content))
    return head + bytes(out) + b"\r\n" + tail + b"\r\n"


def hqx(content: bytes = FILE, name: bytes = b"a.bin", resources: bytes = b"", size: int | None = None) -> bytes:
    """A file in BinHex 4.0, between its colons."""
    lengths = (len(content) if size is None else size).to_bytes(4) + len(resources).to_bytes(4)
    head = bytes([len(name)]) + name + b"\0TEXTttxt\0\0" + lengths
    raw = b"".join(one + binascii.crc_hqx(one, 0).to_bytes(2) for one in (head, content, resources))
    packed, at = bytearray(), 0
    while at < len(raw):
        run = next((end for end in range(at, min(at + 255, len(raw))) if raw[end] != raw[at]), min(at + 255, len(raw)))
        byte = bytes([raw[at]]) + (b"\0" if raw[at] == 0x90 else b"")
        packed += byte + b"\x90" + bytes([run - at]) if run - at > 3 else byte * (run - at)
        at = run
    coded = base64.b64encode(packed).rstrip(b"=").translate(bytes.maketrans(BASE64.encode(), HQX.encode()))
    whole = b":%b:" % coded
    return b"".join(whole[at : at + 64] + b"\n" for at in range(0, len(whole), 64))


def archive(content: bytes = FILE) -> bytes:
    """A ZIP with the file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a.bin", content)
        opened.writestr("b.bin", hashlib.sha256(content).digest() * 5)
    return out.getvalue()


def armour(packets: bytes) -> bytes:
    """An OpenPGP message."""
    coded = base64.encodebytes(packets)
    return b"-----BEGIN PGP MESSAGE-----\nVersion: x\n\n" + coded + b"=abcd\n-----END PGP MESSAGE-----\n"


def literal(content: bytes = FILE) -> bytes:
    """A literal packet in the older format, whose length is that of the rest."""
    return b"\xafb\x05a.bin\0\0\0\0" + content


def packed(kind: int, content: bytes) -> bytes:
    """A compressed packet in the newer format."""
    return b"\xc8\xff" + (len(content) + 1).to_bytes(4) + bytes([kind]) + content


def pieces(content: bytes) -> bytes:
    """A literal packet in pieces of 2 and of the rest."""
    body = literal(content)[1:]
    return b"\xcb\xe1" + body[:2] + bytes([0xFF]) + len(body[2:]).to_bytes(4) + body[2:]


SENTENCE = b"(This file must be converted with BinHex 4.0)\n\n"
BLOCK = base64.encodebytes(archive())
ZIP85 = base64.a85encode(archive(), wrapcol=72)
QUOTED = b"> "
TEXTS = {
    "uuencode": uu(),
    "several": uu(b"another file" * 9) + b"and\n" + uu(),
    "no end": uu(end=b"") + b"\nThis is text after the file.\n",
    "no end, no last line": uu().partition(b"`\nend")[0] + b"\n\nThis is text after the file.\n",
    "begin in between": uu(b"another file" * 9, end=b"") + uu(),
    "mode of six digits": uu(head=b"begin 100644 a.bin"),
    "no mode": uu(head=b"begin  a.bin"),
    "long name": uu(head=b"begin 644 " + b"a" * 3000),
    "byte order mark": b"\xef\xbb\xbf" + uu(),
    "short lines, each with junk": b"begin 644 a.bin\n" + b"".join(
        binascii.b2a_uu(FILE[at : at + 7]).rstrip(b"\n") + b"xxx\n" for at in range(0, len(FILE), 7)
    ) + b"`\nend\n",
    "no name": uu(head=b"begin 644 "),
    "spaces around": uu(head=b"begin  0755\ta.bin  "),
    "blank line behind the begin": uu(head=b"begin 644 a.bin\n"),
    "spaces for zeros": uu(backtick=False),
    "spaces stripped": b"\n".join(line.rstrip() for line in uu(backtick=False).split(b"\n")),
    "spaces added": uu().replace(b"\n", b"  \n"),
    "checksum in each line": b"\n".join([b"begin 644 a.bin", *(line + b"x" for line in uu_lines(FILE)[:-1]), b"end"]),
    "small letters": b"\n".join([b"begin 644 a.bin", *map(lowered, uu_lines(FILE)), b"end"]),
    "carriage returns": uu().replace(b"\n", b"\r"),
    "empty lines between": uu().replace(b"\n", b"\n\n"),
    "quoted": b"\n".join(QUOTED + line for line in uu().split(b"\n")),
    "quoted twice": b"\n".join(b">> " + line for line in uu().split(b"\n")),
    "set in": b"\n".join(b"    " + line for line in uu().split(b"\n")),
    "words between": b"\n-- page 2 of these --\n".join(uu().rsplit(b"\n", 4)[:3]) + b"\n`\nend\n",
    "word before": b"begin with this\nand begin 644 it\n" + uu(),
    "xxencode": xx(),
    "begin-base64": b"begin-base64 644 a.bin\n" + base64.encodebytes(FILE) + b"====\n",
    "begin-base64 without an end": b"begin-base64 644 a.bin\n" + base64.encodebytes(FILE) + b"\nSome text.\n",
    "begin-base64-encoded": b"begin-base64-encoded 644 YS5iaW4=\n" + base64.encodebytes(FILE) + b"====\n",
    "yEnc": ye(),
    "yEnc, wrong sums": ye(tail=b"=yend size=9 crc32=00000000"),
    "yEnc without an end": ye().partition(b"=yend")[0].rstrip(b"\r\n"),
    "yEnc in pieces": ye(FILE[:50], at=0, size=len(FILE)) + b"and\r\n" + ye(FILE[50:], at=50, size=len(FILE)),
    "yEnc in pieces, the last first": ye(FILE[50:], at=50, size=len(FILE)) + ye(FILE[:50], at=0, size=len(FILE)),
    "BinHex": SENTENCE + hqx(),
    "BinHex quoted": b"\n".join(QUOTED + line for line in (SENTENCE + hqx()).split(b"\n")),
    "BinHex without the sentence": b"A file:\n" + hqx() + b"bye\n",
    "BinHex without its last colon": SENTENCE + hqx().rstrip(b":\n") + b"\n",
    "BinHex, resource fork": SENTENCE + hqx(b"x", resources=FILE),
    "base64": b"Here it is:\n" + BLOCK + b"\nbye\n",
    "base64 quoted": b"\n".join(b"> " + line for line in BLOCK.split(b"\n")),
    "base64 in armour": b"-----BEGIN FILE-----\n" + BLOCK + b"-----END FILE-----\n",
    "base64 in one line": b"it: see below\n" + base64.b64encode(archive()) + b"\n",
    "ASCII85": b"<~" + ZIP85 + b"~>\n",
    "btoa": b"xbtoa Begin\n" + ZIP85 + b"\nxbtoa End N 9 9 E 1 S 2 R 3\n",
    "OpenPGP, literal": armour(literal()),
    "OpenPGP, in pieces": armour(pieces(FILE)),
    "OpenPGP, deflate": armour(packed(1, zlib.compress(literal(), wbits=-15))),
    "OpenPGP, zlib": armour(packed(2, zlib.compress(literal()))),
    "OpenPGP, bzip2": armour(packed(3, bz2.compress(literal()))),
    "OpenPGP, signed": armour(b"\x90\x01x" + literal()),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_files_are_found(name: str, ending: bytes, read: Read) -> None:
    """B15: the listed file inside a text is found by its hash, and nothing is incomplete."""
    plain = name in ("carriage returns",) or name.startswith(("yEnc", "OpenPGP"))
    text = TEXTS[name] if plain else TEXTS[name].replace(b"\n", ending)
    reading = read(b"Subject: s\r\n\r\nhello\r\n" + text)
    assert SHA256 in [part.sha256 for part in reading.parts]
    assert reading.incomplete == ()


@pytest.mark.parametrize("name", ["uuencode", "xxencode", "spaces for zeros", "base64", "BinHex"])
def test_files_in_pages(name: str, read: Read) -> None:
    """B15: a page shows the file's lines as they are; in its source they are escaped and stand between tags."""
    text = TEXTS[name].replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    reading = read(b"Content-Type: text/html\r\n\r\n<html><body><pre>" + text.replace(b"\n", b"<br>\n") + b"</pre>")
    assert SHA256 in [part.sha256 for part in reading.parts]


PROSE = {
    "the word": b"We begin 644 the work\nwith nothing.\nend\n",
    "a line of its own": b"begin 644 the work\nOn Monday we start with the first room.\nend\n",
    "no mode": b"begin the work\nOn Monday.\nend\n",
    "a program": b"begin\n  writeln('x');\nend\n",
    "a program's block": b"begin 10\nfoo := 1;\nend\n",
    "base64 by word": b"begin-base64 is a word of uuencode.\nIt is followed by a mode.\n",
    "yEnc by word": b"A line that starts with =ybegin begins it.\n",
    "BinHex by word": SENTENCE + b"is what it says.\n: so it is\n:-) is a face\n",
    "a certificate": b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(b"0\x82\3\1" + bytes(range(256)) * 4),
    "a long word": b"x" * 500 + b"\n",
    "tildes": b"<~ this and that and this and that and this and that and this ~>\n",
    "armour by word": b"It begins with -----BEGIN PGP MESSAGE----- and so on.\n",
    "a signed text": b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nhi\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n",
}  # fmt: skip


@pytest.mark.parametrize("name", PROSE)
def test_prose_is_no_file(name: str, read: Read) -> None:
    """B51: a text that speaks of these formats holds no file and leaves no gap."""
    reading = read(b"\r\n" + PROSE[name])
    assert [part.id for part in reading.parts] == ["1"]
    assert reading.incomplete == ()


GAPS = {
    "yEnc, one piece": (ye(FILE[:50], at=0, size=900), "unreadable"),
    "yEnc, a hole": (ye(FILE[:50], at=0, size=900) + ye(FILE[60:], at=60, size=900), "unreadable"),
    "BinHex, cut off": (SENTENCE + hqx(size=4_000_000_000), "malformed"),
    "BinHex, no header": (SENTENCE + b":" + b"!" * 8 + b"a" * 60 + b":\n", "malformed"),
    "OpenPGP, encrypted": (armour(b"\x84\x03abc" + literal()), "locked"),
    "OpenPGP, unknown packets": (armour(b"\xff\x01a"), "locked"),
    "OpenPGP, compressed by nothing known": (armour(packed(9, b"x")), "locked"),
}


@pytest.mark.parametrize("name", GAPS)
def test_gaps_are_said(name: str, read: Read) -> None:
    """B15, B16: what is less than the file, or needs a key, is a gap."""
    text, reason = GAPS[name]
    assert [gap.reason for gap in read(b"\r\n" + text).incomplete] == [reason]


def test_pieces_in_several_parts(read: Read) -> None:
    """B15: the pieces of a file in yEnc are joined over the parts of the mail; each name is kept apart."""
    parts = [
        ye(FILE[50:], b"a b.bin", 50, len(FILE)),
        ye(b"x" * 9, b"other", 0, 90),
        ye(FILE[:50], b"a b.bin", 0, len(FILE)),
    ]
    body = b"".join(b"--b\r\n\r\n" + part for part in parts) + b"--b--\r\n"
    reading = read(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body)
    assert [(part.sha256, part.names, part.origin.reading) for part in reading.parts if "a b.bin" in part.names] == [
        (SHA256, ("a b.bin",), "yenc")
    ]
    assert [(gap.where, gap.detail) for gap in reading.incomplete] == [("part:2", "a fragment: 9 of 90 bytes")]


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"a report.exe", "a report.exe"),
        ("報告書.exe".encode("cp932"), "報告書.exe"),
        ("報告書.exe".encode(), "報告書.exe"),
        (b"=?UTF-8?B?5aCx5ZGK5pu4LmV4ZQ==?=", "報告書.exe"),
        (b"=?UTF-8?B?5aCx5ZGK?=\n =?UTF-8?B?5pu4LmV4ZQ==?=", "報告書.exe"),
        (b'"a.exe"', "a.exe"),
        (b"dir/a.exe", "a.exe"),
    ],
)
def test_names(raw: bytes, name: str, read: Read) -> None:
    """B17: a uuencoded file bears every reading of its name."""
    part = read(b"\r\n" + uu(head=b"begin 644 " + raw)).parts[1]
    assert name in part.names
    assert part.sha256 == SHA256


def test_doubled_dots() -> None:
    """B15: news servers double a dot that begins a line; the size tells whether that was undone."""
    content = b"\4" * 300
    assert yenc.decode(ye(content)) == yenc.decode(ye(content).replace(b"\r\n.", b"\r\n..")) == content


def test_places(read: Read) -> None:
    """Where a file stands in the text is the part's origin."""
    origin = read(b"\r\nhello\n" + uu() + b"bye\n").parts[1].origin
    assert (origin.parent, origin.offset, origin.length, origin.reading) == ("1", 6, len(uu()), "uuencode")


def test_transfer_encodings() -> None:
    """B15: bodies in these encodings are what their first file is, and uuencode needs no begin."""
    assert uuencode.decode(uu()) == FILE
    assert uuencode.decode(xx()) == FILE
    assert uuencode.decode(b"\r\n".join(uu_lines(FILE))) == FILE
    assert yenc.decode(TEXTS["yEnc in pieces, the last first"]) == FILE
    assert binhex.decode(hqx()) == FILE
    assert (uuencode.decode(b"x"), yenc.decode(b"x"), binhex.decode(b"x")) == (b"", b"", None)


@given(st.binary(max_size=400))
def test_round_trips(content: bytes) -> None:
    """What was encoded is decoded, whatever it is."""
    assert [one.content for one in uuencode.files(uu(content))] == [content] * bool(content)
    assert [one.content for one in yenc.files(ye(content))] == [content]
    assert [(one.content, one.whole) for one in binhex.files(hqx(content))] == [(content, True)]


STEMS = st.sampled_from(
    [uu(), xx(), ye(), hqx(), BLOCK, SENTENCE, armour(literal()), b"begin 644 a\n", b"=ybegin ", b":"]
)
DECODERS: tuple[Callable[[bytes], bytes | bool | list[inline.Inline] | None], ...] = (
    uuencode.decode, yenc.decode, binhex.decode, lambda text: list(pgp.files(text)), pgp.is_locked,
    lambda text: list(blocks.base64_blocks(text)), lambda text: list(blocks.ascii85_blocks(text)),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(STEMS | st.binary(max_size=40), max_size=6).map(b"".join))
def test_no_bytes_raise(text: bytes) -> None:
    """B52: no decoder raises for any text."""
    assert all(isinstance(decode(text), bytes | bool | list | None) for decode in DECODERS)


@pytest.mark.parametrize("name", TEXTS)
def test_cut_anywhere(name: str) -> None:
    """B52: a text that is cut at any byte is read as far as it goes."""
    for end in range(len(TEXTS[name])):
        text = TEXTS[name][:end]
        assert all(isinstance(decode(text), bytes | bool | list | None) for decode in DECODERS)


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (literal(), []),
        (packed(2, zlib.compress(literal())), []),
        (b"\x85\x01\x0cabc", ["locked"]),
        (packed(9, b"x"), ["locked"]),
        (b"\x99\x01\x0ckey", []),
    ],
    ids=["literal", "zlib", "encrypted", "unknown", "key"],
)
def test_messages_without_armour(content: bytes, reasons: list[str], read: Read, attach: Callable[..., bytes]) -> None:
    """B16: a file that is named as an OpenPGP message is opened where that needs no key, and locked otherwise."""
    reading = read(attach("x", ("a.gpg", content)))
    assert [gap.reason for gap in reading.incomplete] == reasons
    assert (SHA256 in [part.sha256 for part in reading.parts]) is (FILE in content or b"\x78\x9c" in content)


def test_two_versions_of_a_piece(read: Read) -> None:
    """B15: of two pieces at one place programs take either."""
    text = (
        ye(b"x" * 50, at=0, size=len(FILE)) + ye(FILE[:50], at=0, size=len(FILE)) + ye(FILE[50:], at=50, size=len(FILE))
    )
    assert [gap.reason for gap in read(b"\r\n" + text).incomplete] == ["ambiguous"]


def test_the_same_file_by_two_names(read: Read) -> None:
    """B17: a file that stands in a text twice bears both names."""
    reading = read(b"\r\n" + uu() + uu(head=b"begin 644 a.exe") + uu())
    assert [part.names for part in reading.parts[1:]] == [("a.bin",), ("a.exe",)]


@pytest.mark.parametrize("tail", [b"junk", b" and some more words"])
def test_junk_behind_each_line(tail: bytes, read: Read) -> None:
    """B15: programs that go by each line's length do not see what stands behind it."""
    lines = [line + tail for line in uu_lines(FILE)[:-1]]
    reading = read(b"\r\n" + b"\n".join([b"begin 644 a.bin", *lines, b"`", b"end"]))
    assert SHA256 in [part.sha256 for part in reading.parts]


def test_named_as_binhex(read: Read, attach: Callable[..., bytes]) -> None:
    """B15: a file that is named as BinHex is read whatever its checksum says; one that is none is a gap."""
    broken = hqx().replace(b":", b":!", 1)
    assert read(attach("x", ("a.hqx", hqx(size=0)))).incomplete == ()
    assert len(read(attach("x", ("a.hqx", broken))).incomplete) == 1
    assert [gap.reason for gap in read(attach("x", ("a.hqx", b"text"))).incomplete] == ["unreadable"]
