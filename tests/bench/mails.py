"""Mails to measure with: made from a seed, no two alike in subject, text or attachment."""

from __future__ import annotations

import base64
import io
import random
import zipfile
import zlib
from collections.abc import Callable

_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SYLLABLES = "会議資料委員会防災訓練予算案報告書連絡先変更説明日程調整参加申込確認依頼事業計画年度改定"


def make(kind: str, count: int, seed: int = 1) -> list[bytes]:
    """`count` mails of a kind: "text" (about 4.5 kB), "html" (19 kB), "pdf" (89 kB), "docx" (70 kB) or "zip" (22 kB);
    CRLF, no dots."""
    maker = _MAKERS[kind]
    return [_mail(number, maker(random.Random(f"{seed}/{kind}/{number}"))) for number in range(count)]


def _mail(number: int, body: bytes) -> bytes:
    subject = base64.b64encode(f"第{number}回 会議資料の送付について".encode()).decode()
    head = (
        f"From: =?utf-8?B?{base64.b64encode('総務課'.encode()).decode()}?= <soumu@partner.example>\r\n"
        f"To: user@gateway.example\r\nSubject: =?utf-8?B?{subject}?=\r\n"
        f"Date: Mon, 02 Jul 2012 09:00:00 +0900\r\nMessage-ID: <{number}@partner.example>\r\nMIME-Version: 1.0\r\n"
    )
    return head.encode() + body


def _words(rng: random.Random, length: int) -> str:
    return "".join(rng.choice(_SYLLABLES) + ("。\r\n" if position % 30 == 29 else "") for position in range(length))


def _text(rng: random.Random) -> bytes:
    text = _words(rng, 1000) + f"\r\nhttp://www.site{rng.randrange(10**6)}.example/{rng.randrange(10**9)}\r\n"
    encoded = base64.encodebytes(text.encode()).replace(b"\n", b"\r\n")
    return b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded


def _html(rng: random.Random) -> bytes:
    rows = "".join(
        f'<tr><td style="font-size:12px">{_words(rng, 40)}</td>'
        f'<td><a href="https://news{rng.randrange(10**5)}.example/a/{rng.randrange(10**9)}">'
        f"{_words(rng, 8)}</a></td></tr>\r\n"
        for _ in range(54)
    )
    page = f"<html><body><table>{rows}</table></body></html>\r\n"
    encoded = base64.encodebytes(page.encode()).replace(b"\n", b"\r\n")
    return b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded


def _pdf(rng: random.Random) -> bytes:
    return _attached(rng, "application/pdf", "report.pdf", pdf(rng, 64_000))


def _zip(rng: random.Random) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("shiryo.txt", rng.randbytes(15_000))
    return _attached(rng, "application/zip", "shiryo.zip", packed.getvalue())


def _docx(rng: random.Random) -> bytes:
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    return _attached(rng, kind, "shiryo.docx", docx(rng, 43_000))


def docx(rng: random.Random, picture: int) -> bytes:
    """A Word document of thirty paragraphs, a link, styles and a picture of `picture` bytes; about 7 kB more in all."""
    paragraphs = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="a{number}"/></w:pPr><w:r><w:rPr><w:rFonts w:hint="eastAsia"/></w:rPr>'
        f'<w:t xml:space="preserve">{_words(rng, 100)}</w:t></w:r></w:p>'
        for number in range(30)
    )
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="a{number}"><w:name w:val="Style {number}"/></w:style>'
        for number in range(200)
    )
    link = f"https://www.site{rng.randrange(10**6)}.example/"
    members = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType='
        '"application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        'relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
        'officedocument.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": _relations("officeDocument", "word/document.xml", ""),
        "word/document.xml": f'<w:document xmlns:w="{_WORD}"><w:body>{paragraphs}</w:body></w:document>',
        "word/_rels/document.xml.rels": _relations("hyperlink", link, ' TargetMode="External"'),
        "word/styles.xml": f'<w:styles xmlns:w="{_WORD}">{styles}</w:styles>',
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n' + text)
        archive.writestr("word/media/image1.jpeg", b"\xff\xd8\xff\xe0" + rng.randbytes(picture))
    return packed.getvalue()


def _relations(kind: str, target: str, mode: str) -> str:
    return (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.'
        f'org/officeDocument/2006/relationships/{kind}" Target="{target}"{mode}/></Relationships>'
    )


def pdf(rng: random.Random, size: int) -> bytes:
    """A plain PDF of three pages and one image-like stream, about `size` bytes, without actions."""
    bodies = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R 4 0 R 5 0 R] /Count 3 >>"]
    bodies += [b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 6 0 R >>"] * 3
    for data in (b"BT /F1 12 Tf 72 700 Td (annual report) Tj ET", rng.randbytes(size)):
        packed = zlib.compress(data)
        bodies.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed + b"\nendstream")
    return _numbered(bodies)


def book(rng: random.Random, count: int) -> bytes:
    """A PDF of so many pages, each with forty lines of text in a standard font and a content stream of its own."""
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(count))
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for page in range(count):
        lines = "".join(f"({rng.randrange(10**60)} report of the year) Tj T*\n" for _ in range(40))
        packed = zlib.compress(f"BT /F1 9 Tf 12 TL 40 800 Td\n{lines}ET".encode())
        bodies += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            b"/Contents %d 0 R >>" % (5 + 2 * page),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed + b"\nendstream",
        ]
    return _numbered(bodies)


def _numbered(bodies: list[bytes]) -> bytes:
    document, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(document))
        document += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size, start = len(bodies) + 1, len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % size + table
    return document + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


def _attached(rng: random.Random, content_type: str, name: str, data: bytes) -> bytes:
    encoded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    text = base64.encodebytes(_words(rng, 200).encode()).replace(b"\n", b"\r\n")
    return (
        b'Content-Type: multipart/mixed; boundary="sep"\r\n\r\n--sep\r\nContent-Type: text/plain; charset=utf-8\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + text + b"--sep\r\n"
        b"Content-Type: " + content_type.encode() + b'; name="' + name.encode() + b'"\r\n'
        b'Content-Disposition: attachment; filename="' + name.encode() + b'"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded + b"--sep--\r\n"
    )


_MAKERS: dict[str, Callable[[random.Random], bytes]] = {
    "text": _text,
    "html": _html,
    "pdf": _pdf,
    "docx": _docx,
    "zip": _zip,
}
