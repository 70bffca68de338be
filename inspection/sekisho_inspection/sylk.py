"""SYLK: workbooks as lines of text, with the formulas, names and macros that Excel takes from them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sekisho_inspection import charset
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.workbooks import Sheet, Workbook, note_workbook

_MARK = b"ID;P"
_MACRO = re.compile(r"\b(?:EXEC|CALL|REGISTER|FORMULA|RUN|HALT|FOPEN)\(", re.I)
_LINK = re.compile(r"[^|]{1,200}\|[^!]{0,500}!")
_LINES = re.compile(r"[\r\n]+")
_MAX_LINES = 200_000


def is_one(content: bytes) -> bool:
    """Whether Excel takes a file for one, whatever it is called."""
    return content[:100].lstrip(b"\xef\xbb\xbf \r\n").startswith(_MARK)


def note_sylk(item: Item, notes: Notes) -> None:
    """Note what a file starts and fetches, as of any workbook."""
    note_workbook(workbook(charset.decode(item.content)[0]), "", item, notes)


def workbook(text: str) -> Workbook:
    """One sheet by the records of cells (C), names (NN), options (O) and links to programs in formulas."""
    sheet, book = Sheet("SYLK"), Workbook()
    row = column = "1"
    for line in _LINES.split(text)[:_MAX_LINES]:
        kind, fields = line.partition(";")[0].strip().upper(), dict(_fields(line))
        if kind == "O" and "E" in fields:
            sheet.macros = True
        elif kind == "NN" and "N" in fields:
            book.names.append((fields["N"].strip('"'), fields.get("E", "")))
        elif kind in ("C", "F"):
            row, column = fields.get("Y", row)[:9], fields.get("X", column)[:9]
            if kind == "C":
                _cell(sheet, book, f"R{row}C{column}", fields)
    book.sheets.append(sheet)
    return book


def _cell(sheet: Sheet, book: Workbook, cell: str, fields: dict[str, str]) -> None:
    formula, value = fields.get("E", ""), fields.get("K", "")
    if formula:
        sheet.formulas[cell] = formula
        sheet.macros = sheet.macros or _MACRO.search(formula) is not None
        if link := _LINK.search(formula):
            book.links.append(link[0])
    if value.startswith('"'):
        sheet.values[cell] = value.strip('"')
        book.strings.append(value.strip('"'))


def _fields(line: str) -> Iterator[tuple[str, str]]:
    """The letter and value of each field; a semicolon in a value is written twice."""
    for part in line.replace(";;", "\0").split(";")[1:]:
        yield part[:1].upper(), part[1:].replace("\0", ";").strip()
