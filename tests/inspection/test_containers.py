"""Containers that only mail has: TNEF, S/MIME, Macintosh files, fragments of messages and external bodies."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sekisho_core.vocabulary import Reading
from sekisho_inspection import compressed_rtf
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
FILE = b"listed file: \x00\x01\xff"
SHA256 = hashlib.sha256(FILE).hexdigest()
URL = "http://c2.malware.example/x"
STORAGE = bytes.fromhex("0b00000000000000c000000000000046")
MESSAGE = bytes.fromhex("0703020000000000c000000000000046")


def attribute(name: int, data: bytes, level: int = 1) -> bytes:
    """An attribute of TNEF."""
    return struct.pack("<BHHI", level, name, 6, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def tnef(*attributes: bytes) -> bytes:
    """A TNEF stream."""
    return b"\x78\x9f\x3e\x22\x01\x00" + attribute(0x9007, struct.pack("<Q", 932)) + b"".join(attributes)


def prop(name: int, data: bytes, kind: int = 0x102, head: bytes = b"") -> bytes:
    """A property of variable length; `head` is what names those above 0x8000."""
    return struct.pack("<HH", kind, name) + head + struct.pack("<II", 1, len(data)) + data + bytes(-len(data) % 4)


def props(*properties: bytes) -> bytes:
    """A block of properties, among fixed ones, one of several values and ones with names."""
    fixed = struct.pack("<HHI", 3, 0x3705, 1) + struct.pack("<HHII", 0x1003, 0x1080, 1, 7)
    named = prop(0x8001, b"x", head=bytes(16) + struct.pack("<II", 1, 6) + "ab\0".encode("utf-16-le") + b"\0\0")
    numbered = prop(0x8002, b"y", head=bytes(16) + struct.pack("<II", 0, 9))
    return struct.pack("<I", 4 + len(properties)) + fixed + named + numbered + b"".join(properties)


def attached(*attributes: bytes) -> bytes:
    """An attachment of a TNEF stream."""
    return attribute(0x9002, bytes(14), 2) + b"".join(attributes)


def lzfu(rtf: bytes, size: int | None = None) -> bytes:
    """Compressed RTF, all of it literal but for the end."""
    body = b"".join(b"\0" + rtf[at : at + 8] for at in range(0, len(rtf) - len(rtf) % 8, 8)) + _last(rtf)
    return struct.pack("<II4sI", len(body) + 12, len(rtf) if size is None else size, b"LZFu", 0) + body


def _last(rtf: bytes) -> bytes:
    rest = rtf[len(rtf) - len(rtf) % 8 :]
    return bytes([1 << len(rest)]) + rest + struct.pack(">H", ((207 + len(rtf)) % 4096) << 4)


DATA = attribute(0x800F, FILE, 2)
UTF16 = "報告書.exe\0".encode("utf-16-le")
INNER = tnef(attribute(0x8004, "内側\0".encode("cp932")), attached(DATA))
TNEFS = {
    "data": tnef(attached(DATA)),
    "data before its start": tnef(DATA),
    "data of another level": tnef(attribute(0x9002, bytes(14)), attribute(0x800F, FILE)),
    "data as a property": tnef(attached(attribute(0x9005, props(prop(0x3701, FILE)), 2))),
    "data as an object": tnef(attached(attribute(0x9005, props(prop(0x3701, STORAGE + FILE, 0x0D)), 2))),
    "message inside": tnef(attached(attribute(0x9005, props(prop(0x3701, MESSAGE + INNER, 0x0D)), 2))),
    "two attachments": tnef(attached(attribute(0x800F, b"other", 2)), attached(DATA)),
    "wrong checksum": tnef(attached(DATA[:-2] + b"??")),
    "end of a line": tnef(attached(DATA)) + b"\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", TNEFS)
def test_files_in_tnef(name: str, read: Read, attach: Attach) -> None:
    """B15: the listed file in winmail.dat is found by its hash, and an ordinary one leaves no gap."""
    reading = read(attach("x", ("winmail.dat", TNEFS[name])))
    assert SHA256 in [part.sha256 for part in reading.parts]
    assert reading.incomplete == ()


def test_names_in_tnef(read: Read, attach: Attach) -> None:
    """B17: an attachment bears its long name, its short one and its title, in the charsets they are in."""
    title = attribute(0x8010, "ソ表.txt\0".encode("cp932"), 2)
    names = attribute(0x9005, props(prop(0x3704, b"A~1.EXE\0", 0x1E), prop(0x3707, UTF16, 0x1F)), 2)
    part = read(attach("x", ("winmail.dat", tnef(attached(title, DATA, names))))).parts[2]
    assert part.names[0] == "報告書.exe"
    assert {"A~1.EXE", "ソ表.txt"} < set(part.names)


@pytest.mark.parametrize(
    "content",
    [
        attribute(0x800C, f"見よ {URL}\0".encode("cp932")),
        attribute(0x9003, props(prop(0x1000, f"見よ {URL}\0".encode("utf-16-le"), 0x1F))),
        attribute(0x9003, props(prop(0x1013, f"<p>見よ<a href='{URL}'>k</a>".encode("cp932")))),
    ],
    ids=["attribute", "property", "html"],
)
def test_texts_in_tnef(content: bytes, read: Read, attach: Attach) -> None:
    """B15: the text of the message is read as a body in the codepage that the stream states."""
    reading = read(attach("x", ("winmail.dat", tnef(content))))
    assert URL in [item.value for item in reading.observables if item.path == "url:value"]
    assert any("見よ" in item.value for item in reading.observables if item.path == "email-message:body")
    assert reading.incomplete == ()


def test_rtf_in_tnef(read: Read, attach: Attach) -> None:
    """B15: the message's compressed RTF is a file of its own."""
    rtf = b"{\\rtf1 " + URL.encode() + b" }"
    reading = read(attach("x", ("winmail.dat", tnef(attribute(0x9003, props(prop(0x1009, lzfu(rtf))))))))
    assert reading.parts[2].sha256 == hashlib.sha256(rtf).hexdigest()
    assert URL in [item.value for item in reading.observables if item.path == "url:value"]


def test_head_in_tnef(read: Read, attach: Attach) -> None:
    """B15: subject and sender of the message inside count like those of an attached message."""
    sender = struct.pack("<4H", 4, 0, 5, 22) + b"Alice" + b"SMTP:alice@example.jp\0"
    content = tnef(attribute(0x8004, "会議\0".encode("cp932")), attribute(0x8000, sender))
    values = {(item.path, item.value, item.where) for item in read(attach("x", ("a", content))).observables}
    assert ("email-message:subject", "会議", "part:2") in values
    assert ("email-message:from_ref.value", "alice@example.jp", "part:2") in values
    assert ("email-message:from_ref.display_name", "Alice", "part:2") in values


def test_compressed_rtf() -> None:
    """The example of MS-OXRTFCP section 3.1.1, references that reach into themselves (3.1.2), and plain RTF."""
    example = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232 0af32068656c090020627705b06c647d0a800fa0"
    )
    assert compressed_rtf.unpacked(example) == (b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n", True)
    overlap = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
    assert compressed_rtf.unpacked(overlap) == (b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}", True)
    assert compressed_rtf.unpacked(struct.pack("<II4sI", 15, 3, b"MELA", 0) + b"abc") == (b"abc", True)
    assert compressed_rtf.unpacked(b"nothing of the kind") is None


def der(tag: int, *content: bytes) -> bytes:
    """An element of definite length."""
    body = b"".join(content)
    size = bytes([len(body)]) if len(body) < 128 else b"\x84" + len(body).to_bytes(4)
    return bytes([tag]) + size + body


def ber(tag: int, *content: bytes) -> bytes:
    """An element of indefinite length."""
    return bytes([tag, 0x80]) + b"".join(content) + b"\0\0"


def oid(last: str) -> bytes:
    """The identifier of a content type."""
    return der(6, bytes.fromhex("2a864886f70d01" + last))


def signed(content: bytes | None, kind: str = "0701", form: Callable[..., bytes] = der) -> bytes:
    """SignedData around the content."""
    octets = b"" if content is None else form(0xA0, form(0x24, der(4, content[:9]), der(4, content[9:])))
    if form is der and content is not None:
        octets = der(0xA0, der(4, content))
    inner = form(0x30, oid(kind), octets)
    return form(0x30, oid("0702"), form(0xA0, form(0x30, der(2, b"\1"), der(0x31), inner, der(0x31))))


def compressed(content: bytes) -> bytes:
    """CompressedData around the content."""
    inner = der(0x30, oid("0701"), der(0xA0, der(4, zlib.compress(content))))
    return der(0x30, oid("09100109"), der(0xA0, der(0x30, der(2, b"\0"), der(0x30), inner)))


def smime(content: bytes, kind: bytes = b"application/pkcs7-mime", name: bytes = b"smime.p7m") -> bytes:
    """A MIME entity with the CMS message."""
    head = b"Content-Type: " + kind + b"; name=" + name + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + base64.encodebytes(content)


LISTED = (
    b"Content-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes(FILE)
)
MESSAGES = {
    "signed": smime(signed(LISTED)),
    "signed, in pieces": smime(signed(LISTED, form=ber)),
    "old name": smime(signed(LISTED), b"application/x-pkcs7-mime"),
    "by name": smime(signed(LISTED), b"application/octet-stream"),
    "by content": smime(signed(LISTED), b"application/octet-stream", b"a.dat"),
    "as a signature": smime(signed(LISTED), b"application/pkcs7-signature", b"smime.p7s"),
    "compressed": smime(compressed(LISTED)),
    "triple": smime(signed(smime(compressed(smime(signed(LISTED)))))),
    "base64 twice": smime(base64.encodebytes(signed(LISTED))),
    "PEM": smime(b"-----BEGIN PKCS7-----\n" + base64.encodebytes(signed(LISTED)) + b"-----END PKCS7-----\n"),
    "binary": b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n" + signed(LISTED),
    "a file": smime(signed(FILE), name=b"report.pdf.p7m"),
    "message in the old manner": smime(signed(signed(LISTED), "0702")),
    "in a multipart": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + smime(signed(LISTED)),
    "in an attached message": b"Content-Type: message/rfc822\r\n\r\n" + smime(signed(LISTED)),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_files_in_smime(name: str, read: Read) -> None:
    """B16: what is only signed or compressed is read as the message that it is."""
    reading = read(b"Subject: s\r\n" + MESSAGES[name])
    assert SHA256 in [part.sha256 for part in reading.parts]
    assert reading.incomplete == ()


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (signed(None), []),
        (der(0x30, oid("0703"), der(0xA0, der(0x30, der(2, b"\0")))), ["locked"]),
        (der(0x30, oid("09100117"), der(0xA0, der(0x30, der(2, b"\0")))), ["locked"]),
        (der(0x30, oid("0702"), der(0xA1, b"x")), ["malformed"]),
        (der(0x30, oid("0702"), der(0xA0, b"x")), ["malformed"]),
        (signed(LISTED)[:-40], ["malformed"]),
        (signed(LISTED, form=ber)[:60], ["malformed"]),
        (compressed(LISTED)[:-20], ["malformed"]),
        (compressed(LISTED).replace(b"\x78\x9c", b"\x00\x00"), ["malformed"]),
        (signed(b"\2\1\1", "0702"), ["malformed"]),
        (b"nothing of the kind", ["locked"]),
    ],
    ids=["certificate", "encrypted", "sealed", "no content", "no data", "cut", "pieces", "zlib", "none", "odd", "text"],
)  # fmt: skip
def test_gaps_of_smime(content: bytes, reasons: list[str], read: Read) -> None:
    """B16: certificates alone are no gap; what is encrypted is locked, and what is broken is said."""
    assert [gap.reason for gap in read(smime(content)).incomplete] == reasons


def test_names_of_containers(read: Read, attach: Attach) -> None:
    """B38: a ZIP in a container is read there, and as one as well where a name says that it may be opened as one."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a.bin", FILE)
    stream = tnef(attached(attribute(0x800F, archive.getvalue(), 2)))
    assert [part.id for part in read(attach("x", ("winmail.dat", stream))).parts] == ["1", "2", "2.1", "2.1.1"]
    hidden = tnef(attribute(0x9999, archive.getvalue()))
    assert [part.sha256 for part in read(attach("x", ("a.zip", hidden))).parts][2:] == [SHA256]
    behind = signed(LISTED) + archive.getvalue()
    assert [gap.reason for gap in read(attach("x", ("smime.p7m", behind))).incomplete] == ["malformed"]


def apple(*entries: tuple[int, bytes], magic: int = 0x00051600) -> bytes:
    """AppleSingle, or AppleDouble by its magic number."""
    at, heads, data = 26 + 12 * len(entries), b"", b""
    for kind, content in entries:
        heads += struct.pack(">III", kind, at + len(data), len(content))
        data += content
    return struct.pack(">II16xH", magic, 0x20000, len(entries)) + heads + data


def mac_binary(name: bytes, content: bytes, resources: bytes = b"", signature: bytes = b"") -> bytes:
    """MacBinary II, or III with its signature."""
    head = bytearray(128)
    head[1 : 2 + len(name)] = bytes([len(name)]) + name
    head[83:91] = struct.pack(">II", len(content), len(resources))
    head[102 : 102 + len(signature)] = signature
    head[124:126] = binascii.crc_hqx(bytes(head[:124]), 0).to_bytes(2)
    return bytes(head) + content + bytes(-len(content) % 128) + resources


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (apple((3, "ソ表.bin".encode("cp932")), (1, FILE)), ("ソ表.bin",)),
        (apple((2, FILE), (9, bytes(32)), magic=0x00051607), ()),
        (mac_binary(b"a.bin", FILE), ("a.bin",)),
        (mac_binary(b"a.bin", FILE, signature=b"mBIN"), ("a.bin",)),
        (mac_binary(b"a.bin", b"x", FILE), ()),
    ],
    ids=["single", "double", "MacBinary II", "MacBinary III", "resource fork"],
)
def test_macintosh_files(content: bytes, names: tuple[str, ...], read: Read, attach: Attach) -> None:
    """B15: the forks of a Macintosh file are files of their own."""
    reading = read(attach("x", ("a", content)))
    assert [part.names for part in reading.parts if part.sha256 == SHA256] == [names]
    assert reading.incomplete == ()


PLAIN = b"Subject: inner\r\n\r\nhttp://c2.malware.example/x\r\n"
ACCESS = {
    "URL": (b'access-type=URL; URL="http://c2.malware.exam ple/x"', URL, []),
    "ftp": (b'access-type=ftp; site="ftp.example.jp"; directory="/a"; name=b.ps', "ftp://ftp.example.jp/a/b.ps", []),
    "anon-ftp": (b"access-type=ANON-FTP; site=ftp.example.jp; directory=a; name=b", "ftp://ftp.example.jp/a/b", []),
    "tftp": (b"access-type=tftp; site=t.example.jp; name=b", "tftp://t.example.jp/b", []),
    "mail-server": (b'access-type=mail-server; server="list@example.jp"', "list@example.jp", []),
    "local-file": (b"access-type=local-file; site=ftp.example.jp; name=/a", "ftp://ftp.example.jp/a", ["unreadable"]),
    "unknown": (b'access-type=x-own; URL="http://c2.malware.example/x"', URL, ["unreadable"]),
    "URL of a file": (b'access-type=URL; URL="file://c2.malware.example/x"', "", ["unreadable"]),
    "nothing": (b"", "", ["unreadable"]),
    "URL of a file, and a site": (b'access-type=URL; URL="file://a/x"; site=ftp.example.jp', "", ["unreadable"]),
    "in sections": (b'access-type=URL; URL*0="http://c2.malw"; URL*1="are.example/x"', "", ["unreadable"]),
    "twice": (b'access-type=URL; URL="http://a.example/"; URL="http://c2.malware.example/x"', URL, ["unreadable"]),
    "too long": (b"access-type=URL; URL=http://a.example/" + b"a" * 3000, "", ["unreadable"]),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCESS)
def test_external_bodies(name: str, read: Read) -> None:
    """B16: where the body lies is observed, and is a gap unless an indicator can name the place."""
    parameters, value, reasons = ACCESS[name]
    mail = (
        b"Content-Type: message/external-body; " + parameters + b"\r\n\r\nContent-Type: application/postscript\r\n\r\n"
    )
    reading = read(mail)
    assert not value or value in [item.value for item in reading.observables]
    assert [gap.reason for gap in reading.incomplete] == reasons


@pytest.mark.parametrize(
    ("numbers", "reasons"),
    [(b"number=1; total=1", []), (b"number=1; total=2", ["unreadable"]), (b"number=2; total=2", ["unreadable"]),
     (b"number=1", ["unreadable"]), (b"", ["unreadable"])],
)  # fmt: skip
def test_fragments(numbers: bytes, reasons: list[str], read: Read) -> None:
    """B16: a fragment is read as text and as a message; only the one that is all of it leaves no gap."""
    mail = b'Content-Type: message/partial; id="x@example.jp"; ' + numbers + b"\r\n\r\n" + PLAIN + LISTED
    reading = read(mail.replace(PLAIN, PLAIN[:16], 1))
    assert SHA256 in [part.sha256 for part in reading.parts]
    assert ("email-message:subject", "inner") in {(item.path, item.value) for item in reading.observables}
    assert [gap.reason for gap in reading.incomplete] == reasons


STEMS = [
    *TNEFS.values(),
    signed(LISTED),
    signed(LISTED, form=ber),
    compressed(LISTED),
    apple((1, FILE)),
    mac_binary(b"a", FILE),
]


@pytest.mark.parametrize(
    "content", [TNEFS["message inside"], tnef(attribute(0x9003, props(prop(0x1009, lzfu(b"{\\rtf1 }"))))), *STEMS[-5:]]
)
def test_cut_anywhere(content: bytes, read: Read, attach: Attach) -> None:
    """B52: a container that is cut at any byte is read as far as it goes, and its reader dies of none."""
    for end in range(len(content)):
        reading = read(smime(content[:end], b"application/ms-tnef", b"a"))
        assert not {gap.reason for gap in reading.incomplete} & {"crashed"}
        assert not {gap.detail for gap in reading.incomplete} & {"error", "IndexError", "ValueError", "TypeError"}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(STEMS), st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=6)), max_size=5))
def test_broken_anyhow(limits: InspectionSettings, content: bytes, changes: list[tuple[int, bytes]]) -> None:
    """B52: whatever bytes are changed, the readers of containers answer."""
    broken = bytearray(content)
    for at, piece in changes:
        place = at % len(broken)
        broken[place : place + len(piece)] = piece
    reading = read_mail(smime(bytes(broken), b"application/octet-stream", b"a"), limits, None)
    details = {gap.detail for gap in reading.incomplete if gap.reason in ("crashed", "unreadable")}
    assert not details & {"error", "IndexError", "ValueError", "TypeError", "KeyError", "OverflowError", "EOFError"}
