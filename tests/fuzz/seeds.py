"""What fuzzing begins with: the mails of the corpus, the files attached to them, and small files of each format."""

from __future__ import annotations

import email
import gzip
import io
import random
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyzipper
from msoffcrypto.format.ooxml import OOXMLFile
from sekisho_core.vocabulary import Part, PartState, Reading
from sekisho_inspection import compound, vba, wire
from targets import CRASHERS

_CORPORA = [Path(__file__).parents[1] / "corpus" / name for name in ("reader", "archives", "mail_files")]
_PDFS = Path(__file__).parents[1] / "corpus" / "pdfs"
# What these readers take apart stands in the cases of documents.
_OFFICES = Path(__file__).parents[1] / "corpus" / "offices"
_OFFICE = frozenset([
    "biff", "code", "compound-file", "formula", "office-xml", "ole", "rtf", "text-file", "vba-project",
])  # fmt: skip
_XML = (
    b"<w:p><w:t>see http://host.example/</w:t><w:instrText>DDEAUTO cmd</w:instrText></w:p>",
    b'<Relationships><Relationship Type="x/attachedTemplate" Target="http://host.example/t" TargetMode="External"/>',
    b'<workbook><definedName name="_xlnm.Auto_Open">x</definedName><ddeLink/></workbook>',
    b'<script:event-listener script:event-name="dom:load"/><encryption-data/>',
    b'<?mso-application progid="Word.Document"?><w:binData w:name="a">0M8R4KGxGuE=</w:binData>',
)
# ruff: noqa: E501 - a seed a line reads best
_TEXTS = (
    "iso-2022-jp\n\x1b$B2q5D\x1b(B http://host.example/", "utf-8\nパスワード：Yomi#10", "utf-7\n+MEIwRDBG-",
    "=?utf-8?B?5Lya6K2w?= =?iso-2022-jp?Q?=1B$B2q5D=1B(B?= <a@host.example>, \"b, c\" <d@host.example> (e)",
    "multipart/mixed; boundary=\"b\"; x*0*=utf-8''%41; x*1=b", "attachment; filename*=utf-8''%E8%A1%A8.exe; name=a",
    "From a@host.example Mon\nSubject: s\n\nbody\n\nFrom b\nSubject: t\n\nbody\n", '{"client_ip": "192.0.2.1"}',
    "<html><a href='http://host.example/?q'>x</a><form action=y><input type=password></form>",
    "【重要】Re: 会議資料の送付●●\nＦｗ：会議資料の送付", "begin 644 a.txt\n#86)C\n`\nend\n", "=cmd|'/c calc'!A0",
    "ID;PWXL\nNN;NAuto_open;ER101C1\nC;X1;Y101;EEXEC(\"calc\")\n",
    "\0var a='ht'+'tp://host.example/';eval(atob(unescape('%61')+a.split('').reverse().join(String.fromCharCode(65,66))));",
    "\1x = Chr(65) & StrReverse(\"cba\") & Replace(\"a-b\", \"-\", \"\")\nCreateObject(\"WScript.Shell\").Run x, 0",
    "\2$a=\"{1}{0}\" -f 'b',[char]65; iex ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('YWJj')) -replace 'a','b')",
    "\3@echo off\nset a=abc\ncurl %a:~0,1%%a:b=c% ^h", "[InternetShortcut]\nURL=file://host.example/a.exe\nIconFile=\\\\h\\i.ico",
    "<MMC_ConsoleFile><StringTables><String>res://a.dll/javascript:eval(x)</String></StringTables></MMC_ConsoleFile>",
    "<plist version='1.0'><dict><key>URL</key><string>http://host.example/</string></dict></plist>",
    "{\\rtf1{\\*\\template http://host.example/t}{\\field{\\*\\fldinst DDEAUTO cmd}}{\\object{\\*\\objdata 01}}}",
)  # fmt: skip


def seeds(target: str) -> Iterator[bytes]:
    """The first inputs of a target: files of every format (what brings it no further is dropped), kept crashers."""
    yield from (path.read_bytes() for path in sorted((CRASHERS / target).glob("*")))
    pdfs = _PDFS.glob("*.eml") if target.startswith("pdf") else ()
    for path in sorted([*(path for corpus in _CORPORA for path in corpus.glob("*.eml")), *pdfs]):
        content = path.read_bytes()
        yield content
        for part in email.message_from_bytes(content).walk():
            payload = part.get_payload(decode=True)
            yield from [payload] if isinstance(payload, bytes) else []
    if target in _OFFICE:
        yield from (_cut(content, target) for content in _documents())
    yield from (text.encode() for text in _TEXTS)
    # Targets of a document's members take the number of the member from the first byte.
    yield from (bytes([number]) + xml for number in range(5) for xml in _XML)
    yield from _XML
    yield from _files()
    if target == "ole":
        # A hundred thousand rounds of hashing for each password: others would spend their time on it.
        yield _locked_office()


def _documents() -> Iterator[bytes]:
    for path in sorted(_OFFICES.glob("*.eml")):
        *_, part = email.message_from_bytes(path.read_bytes()).walk()
        payload = part.get_payload(decode=True)
        yield from [payload] if isinstance(payload, bytes) else []


def _cut(content: bytes, target: str) -> bytes:
    """A document as the target takes it."""
    if target == "compound-file":
        return content.removeprefix(compound.MAGIC)
    if target not in ("biff", "code", "formula", "vba-project") or not content.startswith(compound.MAGIC):
        return content
    streams = {entry.name: data for entry, data in compound.CompoundFile(content).streams()}
    if target == "vba-project":
        listed, module = streams.get("dir", b""), streams.get("module1", b"")
        head = len(listed) + 4, len(listed) + 4 + len(module)
        return struct.pack("<HH", *head) + listed + module + streams.get("_vba_project", b"")
    code = vba.unpacked(streams.get("module1", b""))
    return code if target == "code" else streams.get("workbook", b"")


def _files() -> Iterator[bytes]:
    packed = _zip()
    yield from (packed, gzip.compress(packed, mtime=0), gzip.compress(_tar(), mtime=0), _tar(), _locked_zip())
    yield _workbook()
    yield wire.encode(Reading(parts=(Part("1", ("a",), "", "", 1, "", "", "", PartState.READ),)))
    yield wire.encode(wire.Answer(body=b"x"))
    yield wire.encode(wire.Request("read", 1, "0" * 64, 1))


def _zip(filler: bytes = b"") -> bytes:
    types = b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    members = {"[Content_Types].xml": types, "word/document.xml": _XML[0], "表/a.txt": b"text" * 20, "filler": filler}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def _locked_zip() -> bytes:
    file = io.BytesIO()
    with pyzipper.AESZipFile(file, "w", encryption=pyzipper.WZ_AES) as packed:
        packed.setpassword(b"secret")
        packed.writestr("a.txt", b"text")
    return file.getvalue()


def _locked_office() -> bytes:
    file = io.BytesIO()
    # The library makes no valid container of less than 4 kB.
    OOXMLFile(io.BytesIO(_zip(random.Random(1).randbytes(6000)))).encrypt("secret", file)
    return file.getvalue()


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as packed:
        member = tarfile.TarInfo("表/a.txt")
        member.size = 4
        packed.addfile(member, io.BytesIO(b"text"))
    return file.getvalue()


def _workbook() -> bytes:
    sheet = struct.pack("<LBB", 0, 0, 1) + b"\x06\0Macro1"
    name = struct.pack("<HBBHHHBBBB", 0x20, 0, 1, 0, 0, 0, 0, 0, 0, 0) + b"\0\x01"
    link = struct.pack("<HHB", 0, 10, 0) + b"cmd\x03/c calc"
    records = ((0x85, sheet), (0x18, name), (0x1AE, link))
    return b"".join(struct.pack("<HH", kind, len(payload)) + payload for kind, payload in records)
