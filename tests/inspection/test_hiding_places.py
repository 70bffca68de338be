"""Hiding places: a listed file or link that a common program shows is found, or the mail is incomplete."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable

import pytest
from sekisho_core.vocabulary import Origin, Reading
from sekisho_inspection import ole, yara_compile, yara_scan
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings

Read = Callable[..., Reading]
PROGRAM = b"MZ" + bytes(100) + b"-a-string-of-a-rule-" + b"\xff\xfb\xef\xbe" * 3
SHA256 = hashlib.sha256(PROGRAM).hexdigest()
URL = "http://evil.example/x"
BASE64 = b"Content-Transfer-Encoding: base64"


def mail(*parts: bytes, boundary: bytes = b"boundary=b", line: bytes = b"b", tail: bytes = b"") -> bytes:
    """A multipart mail of these parts."""
    head = b"Subject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; " + boundary + b"\r\n\r\n"
    return head + b"".join(b"--" + line + b"\r\n" + one + b"\r\n" for one in parts) + b"--" + line + b"--\r\n" + tail


def file(
    content: bytes, name: str = "a.bin", fields: bytes = BASE64, kind: bytes = b"application/octet-stream"
) -> bytes:
    """An attachment."""
    head = b"Content-Type: " + kind + b"\r\nContent-Disposition: attachment; filename=" + name.encode()
    return head + b"\r\n" + fields + b"\r\n\r\n" + base64.encodebytes(content).replace(b"\n", b"\r\n")


def archive(*members: tuple[str, bytes], comment: bytes = b"") -> bytes:
    """A ZIP."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members:
            opened.writestr(name, content)
        opened.comment = comment
    return out.getvalue()


def uuencoded(content: bytes) -> bytes:
    """The content as lines of uuencode."""
    lines = b"".join(binascii.b2a_uu(content[at : at + 45]) for at in range(0, len(content), 45))
    return b"begin 644 a.exe\n" + lines + b"`\nend\n"


def page(source: str | bytes, kind: bytes = b"text/html; charset=utf-8") -> bytes:
    """A mail of one HTML text."""
    return b"Content-Type: " + kind + b"\r\n\r\n" + (source.encode() if isinstance(source, str) else source)


TYPES = ("[Content_Types].xml", b"")
AUTO = {"office-macro", "office-auto-macro"}
INNER = mail(b"\r\nhello", file(PROGRAM))
PDF = (
    b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\n"
    b"xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer<</Size 2/Root 1 0 R>>\nstartxref\n43\n%%EOF\n"
)
FLAT = (
    b"<?mso-application progid='Word.Document'?><pkg:package><pkg:part pkg:name='/word/vbaProject.bin'>"
    b"<pkg:binaryData>" + base64.b64encode(PROGRAM) + b"</pkg:binaryData></pkg:part></pkg:package>"
)
FILES = {
    "B1 encoding with a comment": mail(file(PROGRAM, fields=b"Content-Transfer-Encoding: (x) base64")),
    "B1 two encodings": mail(file(PROGRAM, fields=BASE64 + b"\r\nContent-Transfer-Encoding: 7bit")),
    "B2 space before the colon": mail(file(PROGRAM, fields=b"Content-Transfer-Encoding : base64")),
    "B2 folded value": mail(file(PROGRAM, fields=b"Content-Transfer-Encoding:\r\n base64")),
    "B4 invalid parameter": mail(file(PROGRAM), boundary=b"foo; =; boundary=b"),
    "B5 boundary by RFC 2231": mail(file(PROGRAM), boundary=b"boundary*0=b; boundary*1=c", line=b"bc"),
    "B7 no boundary": mail(file(PROGRAM), boundary=b"x=y"),
    "B7 half a quote": mail(file(PROGRAM), boundary=b'boundary="b'),
    "B9 behind the end": mail(b"\r\nx", tail=b"--b\r\n" + file(PROGRAM) + b"\r\n--b--\r\n"),
    "B9 uuencode behind the end": mail(b"\r\nx", tail=uuencoded(PROGRAM)),
    "B10 message in base64": mail(file(INNER, kind=b"message/rfc822")),
    "B11 junk line": mail(file(PROGRAM, fields=b"junk\r\n" + BASE64)),
    "B1 list of encodings": mail(file(PROGRAM, fields=b"Content-Transfer-Encoding: 7bit, base64")),
    "B1 two encodings, the other first": mail(file(PROGRAM, fields=b"Content-Transfer-Encoding: 7bit\r\n" + BASE64)),
    "B2 NUL": mail(file(PROGRAM, fields=b"Content-Transfer-Encoding: base\x0064")),
    "B2 encoded word": mail(file(PROGRAM, fields=b"Content-Transfer-Encoding: =?x?Q?base64?=")),
    "B2 unknown": mail(file(PROGRAM, fields=b"Content-Transfer-Encoding: x-base64")),
    "B3 two types": b"Content-Type: text/plain\r\n" + mail(file(PROGRAM)),
    "B3 two boundaries": mail(file(PROGRAM), boundary=b"boundary=c; boundary=b"),
    "B6 encoded boundary": mail(file(PROGRAM), boundary=b'boundary="=?x?Q?b?="'),
    "B8 delimiters set in": mail(file(PROGRAM)).replace(b"\r\n--b\r\n", b"\r\n --b\r\n"),
    "B9 a part behind the end": mail(b"\r\nx", tail=b"--c\r\n" + file(PROGRAM)),
    "B10 multipart in base64": b"Content-Type: multipart/mixed; boundary=b\r\n" + BASE64 + b"\r\n\r\n"
    + base64.encodebytes(mail(file(PROGRAM)).partition(b"\r\n\r\n")[2]),
    "B11 carriage returns": b"X-First: y\r\n" + mail(file(PROGRAM)).replace(b"\r\n", b"\r"),
    "B13 other alphabet": mail(file(PROGRAM, kind=b"x").translate(bytes.maketrans(b"+/", b"-_"))),
    "B15 uuencode": b"Subject: s\r\n\r\nhello\r\n" + uuencoded(PROGRAM),
    "B19 mail as text": mail(file(INNER, "a.eml", kind=b"text/plain")),
    "B19 mail of an unknown kind": mail(file(b"X-First: x\r\n" + INNER, "a.eml", kind=b"message/x-other")),
    "B28 two archives": mail(file(archive(("a.exe", PROGRAM)) + archive(("b.txt", b"x")), "a.zip")),
    "B32 junk before": mail(file(b"\0junk" * 99 + archive(("a.exe", PROGRAM)), "a.dat")),
    "B32 junk behind": mail(file(archive(("a.exe", PROGRAM)) + b"junk" * 20_000, "a.zip")),
    "B38 picture and archive": mail(file(b"GIF89a" + bytes(60) + archive(("a.exe", PROGRAM)), "a.gif")),
    "B38 PDF and archive": mail(file(PDF + archive(("a.exe", PROGRAM)), "a.pdf")),
    "archive that names an Office part": mail(file(archive(("a.xml", PROGRAM), comment=b"[Content_Types].xml word/"))),
    "document in a document": mail(file(archive(TYPES, ("word/x.docm", archive(TYPES, ("a", PROGRAM)))))),
    "flat document": mail(file(FLAT, "a.xml")),
    "saved web page": mail(file(mail(file(b"ActiveMime" + bytes(40) + zlib.compress(PROGRAM), "e.mso")), "a.doc")),
}  # fmt: skip
LINKS = {
    "magic of a picture": page(f"GIF89a=1;<html><a href='{URL}'>k</a>"),
    "magic of a program": page(f"MZ <a href='{URL}'>k</a>" + " " * 99),
    "attached page with magic": mail(file(b"GIF89a=1;<a href='ht&#116;p://evil.example/x'>k</a>", "a.html")),
    "B18 UTF-7": page("+ADw-a href=+ACI-http://evil.example/x+ACI-+AD4-", b"text/html; charset=utf-7"),
    "B18 UTF-16 under another label": page(f"<a href='{URL}'>k</a>".encode("utf-16")),
    "B18 UTF-16 file": mail(file(f"<a href='{URL}'>k</a>".encode("utf-16"))),
    "B26 entities": page("<a href='ht&#116;p&colon;//evil.example/x'>k</a>"),
    "B26 conditional comment": page(f"<p>x</p><!--[if mso]><a href='{URL}'>k</a><![endif]-->"),
    "B26 data in base64": page("<a href='data:text/html;base64," + base64.b64encode(URL.encode()).decode() + "'>k</a>"),
    "B26 data in percent": page("<iframe src='data:text/html,%3Ca%20href=%22http%3A//evil.example/x%22%3E'></iframe>"),
    "B26 frame in an attribute": page('<iframe srcdoc=\'&lt;a href="ht&amp;#116;p://evil.example/x"&gt;\'></iframe>'),
    "B26 picture with links": page(f"<svg><a xlink:href='{URL}'><text>x</text></a></svg>"),
    "preamble": mail(b"\r\nx").replace(b"\r\n\r\n--b", b"\r\n\r\n" + URL.encode() + b"\r\n--b", 1),
    "Office part of another name": mail(
        file(archive(("[content_types].XML", b""), ("Odd/Name.xml", f"<w:p><w:t>{URL}</w:t></w:p>".encode())))
    ),
}  # fmt: skip
GAPS = {
    "B16 fragment": (b"Content-Type: message/partial; number=1\r\n\r\nx", "unreadable"),
    "B16 S/MIME": (mail(file(b"0\x82ab", "smime.p7m", kind=b"application/pkcs7-mime")), "locked"),
    "B16 OpenPGP": (b"\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----\r\n", "locked"),
    "B36 archive by name": (mail(file(b"\x01" * 600, "a.tar")), "unreadable"),
    "hidden PDF objects": (
        mail(
            file(
                PDF + b"9 0 obj<</Type/ObjStm/N 1/First 4/Filter/Odd/Length 6>>stream\n8 0 12\nendstream endobj\n",
                "a.pdf",
            )
        ),
        "unreadable",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_are_found(name: str, read: Read) -> None:
    """B: the listed file is found by its hash."""
    assert SHA256 in [part.sha256 for part in read(FILES[name]).parts]


@pytest.mark.parametrize("name", LINKS)
def test_links_are_found(name: str, read: Read) -> None:
    """B: the listed link is found."""
    assert URL in [item.value for item in read(LINKS[name]).observables if item.path == "url:value"]


@pytest.mark.parametrize("name", GAPS)
def test_gaps_are_said(name: str, read: Read) -> None:
    """B: what is not read is a gap of the right kind."""
    content, reason = GAPS[name]
    assert reason in [gap.reason for gap in read(content).incomplete]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.slk", b'ID;P\nO;E\nNN;NAuto_open;ER101C1\nC;X1;Y101;EEXEC("calc")\n', AUTO | {"office-macro-suspicious"}),
        ("a.slk", b"ID;P\nC;X1;Y1;Ecmd|'/c calc'!A0\n", {"office-dde"}),
        ("a.csv", b"a,b\n=cmd|'/c calc'!A0,c\n", {"office-dde"}),
        ("a.csv", "名前,電話\n山田,03-1234-5678 | 内線 12!\n".encode(), set()),
        ("a.rtf", b"{\\rtf1{\\*\\fldinst {\\b D}\\'44E{ }AUTO cmd calc}}", {"office-dde"}),
        ("a.xlsb", archive(TYPES, ("xl/externalLinks/e.bin", b"\xe8\x02\x04\1\0")), {"office-dde"}),
        ("a.pdf", PDF + b"9 0 obj<</S/Launch/F(cmd)>>endobj", {"pdf-damaged", "pdf-launch"}),
    ],
)  # fmt: skip
def test_starters_are_found(name: str, content: bytes, expected: set[str], read: Read) -> None:
    """B43, B45: formulas, fields and links that start a program."""
    kinds = {item.kind for item in read(mail(file(content, name))).findings}
    assert {kind for kind in kinds if kind.startswith(("office", "pdf"))} == expected


def test_both_names_of_a_member(read: Read) -> None:
    """B32: a member that directory and local header name differently bears both names."""
    content = archive(("a.txt", PROGRAM)).replace(b"a.txt", b"b.exe", 1)
    reading = read(mail(file(content, "a.zip")))
    assert [part.names for part in reading.parts if part.sha256 == SHA256] == [("a.txt", "b.exe")]
    assert "ambiguous" in [gap.reason for gap in reading.incomplete]


def test_encrypted_open_document(read: Read) -> None:
    """Encrypted OpenDocument members look like any others to ZIP, and are a gap all the same."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        opened.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        opened.writestr("META-INF/manifest.xml", "<manifest:encryption-data/>")
        opened.writestr("content.xml", b"\x93\x01\x02")
    reading = read(mail(file(out.getvalue(), "a.odt")))
    assert [(gap.where, gap.reason) for gap in reading.incomplete] == [("part:1/a.odt", "locked")]


def test_yara_reads_parts_and_inner_files(limits: InspectionSettings) -> None:
    """YARA reads every part, every file inside one, and the XML of Office files, which is packed in the file itself."""
    source = 'rule found { strings: $a = "-a-string-of-a-rule-" condition: $a }'
    rules = yara_scan.load_rules(yara_compile.compile_rules({"n": source})[0])
    document = archive(("[Content_Types].xml", b"x"), ("word/document.xml", b"<w:t>-a-string-of-a-rule-</w:t>"))
    content = mail(b"\r\n-a-string-of-a-rule-", file(archive(("a", PROGRAM))), file(document), uuencoded(PROGRAM))
    places = {item.where for item in read_mail(content, limits, rules).findings if item.kind == "yara"}
    assert {"part:1", "part:2.1", "part:3"} <= places


def test_objects_of_a_presentation(limits: InspectionSettings) -> None:
    """Objects in PowerPoint's binary format, plain and packed, are files of their own."""
    inner = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40)
    packed = len(inner).to_bytes(4, "little") + zlib.compress(inner)
    stream = b"".join(
        head + b"\0\x11\x10" + len(body).to_bytes(4, "little") + body
        for head, body in ((b"\0", inner), (b"\x10", packed))
    )
    notes = Notes(limits)
    ole.slide_objects(stream, Item("1", b"", ("a.ppt",), "", Origin(), 0), notes)
    assert [item.content for item in notes.queue] == [inner, inner]
