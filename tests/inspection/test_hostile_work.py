"""Bounded work: mails made to take time end by themselves, within seconds of CPU, with a Reading.

Each is read in a child under RLIMIT_CPU and the address space of a worker; what is killed by the kernel fails.
"""

from __future__ import annotations

import base64
import gzip
import io
import os
import resource
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest
import pyzipper
from hostile_archives import HOSTILE_ARCHIVES
from mail_files import ONE_FILE, chm, msg_around, one, one_file
from sekisho_core.vocabulary import Reading
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.storage import Storage, compound_file

# Measured at most 3 s each on the slowest machine at hand; what grows with the square takes minutes.
CPU_SECONDS = 20


def part(content: bytes, name: str) -> bytes:
    """A mail with one attachment."""
    head = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Disposition: attachment; "
    )
    named = b"filename=" + name.encode() + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + named + base64.encodebytes(content) + b"\r\n--b--\r\n"


def body(text: bytes, kind: bytes = b"text/plain") -> bytes:
    """A mail of one text."""
    return b"Content-Type: " + kind + b"; charset=utf-8\r\n\r\n" + text


def field(value: bytes, name: bytes = b"To") -> bytes:
    """A mail of one header field."""
    return name + b": " + value + b"\r\n\r\nx\r\n"


def rtf(content: bytes) -> bytes:
    """A mail with an RTF file."""
    return part(b"{\\rtf1 " + content, "a.rtf")


def numbered(form: str, count: int, between: str = "") -> bytes:
    """`form` with each number, joined."""
    return between.join(form.replace("#", str(number)) for number in range(count)).encode()


def pdf(*objects: bytes) -> bytes:
    """A mail with a PDF of these objects, the catalog first."""
    out = b"%PDF-1.4\n" + b"".join(b"%d 0 obj\n%s\nendobj\n" % pair for pair in enumerate(objects, 1))
    return part(out + b"trailer<</Root 1 0 R>>\n%%EOF\n", "a.pdf")


def stream(content: bytes, extra: bytes = b"") -> bytes:
    """A stream object."""
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), extra, content)


def page(content: bytes, resources: bytes, *more: bytes) -> bytes:
    """A mail with a PDF of one page; `more` are objects from number 5 on."""
    leaf = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources " + resources + b">>"
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", leaf, content, *more
    )  # fmt: skip


def font(descendant: bytes, extra: bytes = b"") -> bytes:
    """A mail with a PDF in a composite font."""
    info = b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor<<>>>>"
    return page(
        stream(b"BT /F 1 Tf (ab)Tj ET"), b"<</Font<</F 5 0 R>>>>",
        b"<</Type/Font/Subtype/Type0/Encoding/Identity-H/BaseFont/A/DescendantFonts[6 0 R]" + extra + b">>",
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/A" + descendant + info,
        stream(b"begincmap 1 beginbfrange <00000000> <7fffffff> <00000000> endbfrange endcmap"),
    )  # fmt: skip


def overlapping(count: int, name: bytes, content: bytes, tail: bytes = b"") -> bytes:
    """A ZIP whose directory names one member many times."""
    packed = zlib.compress(content, 9)[2:-4]
    sizes = zlib.crc32(content), len(packed), len(content)
    local = struct.pack("<4s2B4HL2L2H", b"PK\3\4", 20, 0, 0, 8, 0, 0, *sizes, len(name), 0) + name + packed
    entry = struct.pack("<4s2B5H3L5H2L", b"PK\1\2", 20, 0, 20, 0, 8, 0, 0, *sizes, len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, len(entry) * count, len(local), 0)
    return local + entry * count + end + tail


def office(name: str, content: str) -> bytes:
    """A mail with an Office file of one part."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(name, content)
    return part(file.getvalue(), "a.docx")


def packed(content: bytes, ending: str, count: int) -> bytes:
    """A ZIP that holds the same file so many times."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(count):
            archive.writestr(f"{number}.{ending}", content)
    return file.getvalue()


def locked(text: str, archives: int, members: int) -> bytes:
    """A mail with locked ZIPs and a text that offers passwords."""
    file = io.BytesIO()
    with pyzipper.AESZipFile(file, "w", pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"none of those")
        for number in range(members):
            archive.writestr(f"{number}.txt", b"hello")
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    leaf = b"\r\n--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + text.encode() + (leaf + base64.encodebytes(file.getvalue())) * archives + b"\r\n--b--\r\n"


def openpgp(content: bytes) -> bytes:
    """A message that is only compressed."""
    packet = b"\xc8\xff" + (len(content) + 1).to_bytes(4) + b"\2" + content
    return b"-----BEGIN PGP MESSAGE-----\n\n" + base64.encodebytes(packet) + b"-----END PGP MESSAGE-----\n"


def attachments(count: int) -> Storage:
    """A message with so many files."""
    storages = {f"__attach_version1.0_#{n:08X}": Storage({"__substg1.0_37010102": b"MZ%d" % n}) for n in range(count)}
    return Storage({"__properties_version1.0": b""}, storages)


TNEF = b"\x78\x9f\x3e\x22\0\0"
# SignedData up to its content, all lengths indefinite.
SIGNED = bytes.fromhex("308006092a864886f70d010702a08030800201013100308006092a864886f70d010701a080")
MAILS: dict[str, Callable[[], bytes]] = {
    "rtf: instructions": lambda: rtf(b"\\fldinst " * 100_000),
    "rtf: properties and spaces": lambda: rtf(b"\\fldinst " + b"\\a " * 100 + b"x" + b" " * 100_000),
    "rtf: templates": lambda: rtf(b"\\*\\template " * 100_000),
    "rtf: objects": lambda: rtf(b"{\\object{\\*\\objdata 01050000" * 20_000),
    "rtf: braces in many files": lambda: part(packed(b"{\\rtf1" + b"{" * 4_600_000, "rtf", 7), "a.zip"),
    "rtf: braces": lambda: rtf(b"\\obj" + b"{" * 1_000_000),
    "rtf: binary": lambda: rtf(b"\\obj" + b"\\bin99999999 " * 100_000),
    "boundary: guessed": lambda: b"Content-Type: multipart/mixed\r\n\r\n" + (b"--a" + b" " * 190 + b"x\r\n") * 20_000,
    "boundary: huge": lambda: b'Content-Type: multipart/mixed; boundary="' + b"a" * 900_000 + b'"\r\n\r\nx',
    "boundary: dashes": lambda: b"Content-Type: multipart/mixed; boundary=-\r\n\r\n" + b"---\r\n-" * 700_000,
    "header: words": lambda: field(b" ".join([b"=?utf-8?b?44GC?="] * 50_000)),
    "header: unknown charsets": lambda: field(numbered("=?x#?b?gqA=?= ", 45_000), b"Subject"),
    "header: a run": lambda: field(b"a" * 900_000),
    "header: brackets": lambda: field(b"(" * 900_000),
    "header: commas": lambda: field(b"," * 900_000),
    "header: mailboxes": lambda: field(b"\x82\xa0@b," * 150_000),
    "names: empty pieces": lambda: field(numbered("name*#*=;filename*#*=;", 10_000), b"Content-Disposition"),
    "names: long pieces": lambda: field(numbered("filename*#*=" + "%41" * 25 + ";", 10_000), b"Content-Disposition"),
    "names: fields": lambda: b"Content-Disposition: x; filename=\xe3\x81\x82\r\n" * 20_000 + b"\r\nx",
    "urls: brackets": lambda: body((b"http://" + b"a" + b")" * 2040 + b" ") * 3900),
    "urls: hosts": lambda: body(b"a.b-c.d " * 500_000),
    "urls: dots": lambda: body(b"a." * 2_000_000),
    "urls: numbers": lambda: body(b"1.1.1.1" + b"." * 2_000_000),
    "nested messages": lambda: b"Content-Type: message/rfc822\r\n\r\n" * 50_000,
    "nested multiparts": lambda: numbered("Content-Type: multipart/mixed; boundary=b#\r\n\r\n--b#\r\n", 20_000),
    "parts": lambda: b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 500_000,
    "base64: padded": lambda: b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QQ=" * 2_000_000,
    "base64: dashes": lambda: b"Content-Transfer-Encoding: base64\r\n\r\n" + b"AAAAAAAA-" * 500_000,
    "uuencode": lambda: body(b"begin 644 a\r\n" * 200_000),
    "uuencode: files": lambda: body(b"begin 644 a\n#86)C\n" * 50_000),
    "uuencode: one line": lambda: body(b"begin " * 200_000),
    "uuencode: quoted": lambda: body(b"> > > begin 644 a\n" * 80_000),
    "yenc": lambda: body(b"=ybegin " * 200_000),
    "yenc: escapes": lambda: body(b"=ybegin line=1 size=1 name=a\n" + b"=" * 1_000_000),
    "yenc: pieces": lambda: body(
        numbered("=ybegin part=1 line=1 size=9 name=#\n=ypart begin=1 end=2\nab\n", 15_000),
    ),
    "binhex: colons": lambda: body(b"(This file must be converted)\n" + b":\n" * 500_000),
    "binhex: runs": lambda: body(b"(This file must be converted)\n" + (b":" + b"!" * 20 + b"\n") * 45_000),
    "binhex: 4 GB": lambda: body(b"(This file must be converted)\n:" + b"!)2r" * 250_000 + b":"),
    "base64: lines": lambda: body((b"A" * 40 + b"!\n") * 25_000),
    "ascii85: zeros": lambda: body(b"<~" + b"z" * 1_000_000 + b"~>"),
    "pgp: bombs": lambda: body(openpgp(zlib.compress(b"\xafb\0\0\0\0\0" + bytes(60_000_000), 9)) * 20),
    "pgp: armours": lambda: body(b"-----BEGIN PGP MESSAGE-----\n" * 36_000),
    "tnef: attributes": lambda: part(TNEF + struct.pack("<BHHI", 2, 0x9002, 6, 0) + b"\0\0" * 500_000, "a"),
    "tnef: attachments": lambda: part(TNEF + (struct.pack("<BHHI", 2, 0x9002, 6, 0) + b"\0\0") * 90_000, "a"),
    "tnef: properties": lambda: part(
        TNEF + struct.pack("<BHHIIHHI", 1, 0x9003, 6, 1_000_012, 1 << 31, 0x1E, 0x37, 1 << 31) + bytes(1_000_000), "a"
    ),
    "tnef: packed text": lambda: part(
        TNEF + struct.pack("<BHHIIHHII", 1, 0x9003, 6, 1_000_032, 1, 0x102, 0x1009, 1, 1_000_016)
        + struct.pack("<II4sI", 1_000_012, 1 << 31, b"LZFu", 0) + (b"\xff" + b"\0\x0f" * 8) * 59_000, "a",
    ),
    "smime: pieces": lambda: part(SIGNED + b"\x24\x80" * 400_000, "smime.p7m"),
    "smime: empty pieces": lambda: part(SIGNED + b"\x24\x80" + b"\4\0" * 500_000, "smime.p7m"),
    "smime: sequences": lambda: part(SIGNED[:15] + b"\x30\x80" * 400_000, "smime.p7m"),
    "macintosh: entries": lambda: part(
        b"\0\5\x16\0" + bytes(20) + b"\xff\xff" + (b"\0\0\0\1" + bytes(4) + b"\xff" * 4) * 65_535, "a"
    ),
    "fragments": lambda: b"Content-Type: message/partial; number=1; total=1\r\n\r\n" * 20_000,
    "html: deep": lambda: body(b"<div>" * 500_000, b"text/html"),
    "html: attributes": lambda: body(b"<a " + numbered("a# ", 300_000) + b">", b"text/html"),
    "html: comments": lambda: body(b"<!--" * 500_000, b"text/html"),
    "html: links": lambda: body(numbered("<a href='http://a#.b/'>", 100_000), b"text/html"),
    "html: data": lambda: body(b"<a href='data:text/html,<a href=data:,x>'>" * 50_000, b"text/html"),
    "passwords: labels": lambda: locked(numbered("パスワード: abc#\r\n", 20_000).decode(), 1, 1),
    "passwords: one line": lambda: locked("パスワード" + ":" * 70 + "ａ" + " " * 1_000_000 + "b", 3, 1),
    "passwords: members": lambda: locked(numbered("パスワード: abc#\r\n", 50).decode(), 1, 900),
    "passwords: archives": lambda: locked(numbered("パスワード: abc#\r\n", 20_000).decode(), 100, 1),
    "passwords: telephones": lambda: locked("パスワードは電話の下4桁\r\n" * 100 + "電話 03-1234-5678 " * 5000, 50, 1),
    "msg: attachments": lambda: part(compound_file(attachments(3000)), "a.msg"),
    "msg: storages": lambda: part(msg_around(Storage({}, {str(n): Storage({"x": b""}) for n in range(5000)})), "a.msg"),
    "onenote: files": lambda: part(one(ONE_FILE * 100_000), "a.one"),
    "onenote: lengths": lambda: part(one(*[one_file(b"MZ" * 20, 1 << 30)] * 10_000), "a.one"),
    "chm: claims": lambda: part(chm({f"/{n}.exe": b"MZ" for n in range(100)}, claimed=1 << 21), "a.chm"),
    "mailbox: mails": lambda: part(b"From a 1:00\nX: y\n\nb\n\n" * 100_000, "a.mbox"),
    "zip: 100,000 entries": lambda: part(overlapping(100_000, b"a", b"x"), "a.zip"),
    "zip: overlapping": lambda: part(overlapping(60_000, b"a.xml", b"x" * 100_000), "a.zip"),
    "zip: local headers": lambda: part(b"PK\3\4" * 500_000, "a.zip"),
    "ooxml: overlapping": lambda: part(overlapping(19_000, b"[Content_Types].xml", b"<w:t>a</w:t>" * 900), "a.docx"),
    "ooxml: relations": lambda: office("word/_rels/a.rels", "<Relationship " * 300_000),
    "ooxml: attributes": lambda: office("word/_rels/a.rels", ("<Relationship " + "a" * 4900 + ">") * 600),
    "ooxml: fields": lambda: office("word/document.xml", "<w:fldSimple " * 200_000),
    "ooxml: brackets": lambda: office("word/document.xml", "<" * 2_000_000),
    "gzip: members": lambda: part(gzip.compress(b"x") * 100_000, "a.gz"),
    "pdf: headers": lambda: part(b"%PDF-1.4\n" + b"1 0 obj\n" * 200_000, "a.pdf"),
    "pdf: arrays": lambda: pdf(b"<</Type/Catalog>>", b"[" * 500_000),
    "pdf: content": lambda: page(stream(zlib.compress(b"(hello)Tj " * 2_000_000), b"/Filter/FlateDecode"), b"<<>>"),
    "pdf: forms": lambda: page(
        stream(b"/X Do " * 20), b"<</XObject<</X 5 0 R>>>>",
        *(stream(b"/X Do " * 20, b"/Subtype/Form/BBox[0 0 1 1]/Resources<</XObject<</X %d 0 R>>>>" % number)
          for number in range(6, 14)),
    ),
    "pdf: widths": lambda: font(b"/W[0 900000000 500]"),
    "pdf: map": lambda: font(b"", b"/ToUnicode 7 0 R"),
    "pdf: packed twice": lambda: page(
        stream(zlib.compress(zlib.compress(bytes(100_000_000), 9), 9), b"/Filter[/FlateDecode/FlateDecode]"), b"<<>>"
    ),
    "pdf: run lengths": lambda: pdf(
        b"<</Type/Catalog>>", b"<</F(a)/EF<</F 3 0 R>>>>", stream(b"\x81a" * 1_000_000, b"/Filter/RunLengthDecode")
    ),
    "pdf: actions": lambda: pdf(b"<</Type/Catalog/OpenAction 2 0 R>>", b"<</S/JavaScript/JS(x)/Next 2 0 R>>"),
}  # fmt: skip


def read_in_child(content: bytes, limits: InspectionSettings) -> tuple[int, bytes]:
    """The child's wait status, and what it said of the type of its answer."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
            reading = read_mail(content, limits, None)
            crashed = any(gap.reason == "crashed" for gap in reading.incomplete)
            os.write(theirs, b"crashed" if crashed else type(reading).__name__.encode())
        finally:
            os._exit(0)
    os.close(theirs)
    status = os.waitpid(pid, 0)[1]
    said = os.read(ours, 100)
    os.close(ours)
    return status, said


@pytest.mark.parametrize("name", MAILS | HOSTILE_ARCHIVES)
def test_the_work_is_bounded(name: str, limits: InspectionSettings) -> None:
    """A7, B21, B34: the mail is read to its end by itself, with a Reading and without a crash."""
    assert read_in_child((MAILS | HOSTILE_ARCHIVES)[name](), limits) == (0, Reading.__name__.encode())
