"""Binary workbooks of the OOXML kind (MS-XLSB): records of sheets, names, strings and formulas."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sekisho_inspection import formulas
from sekisho_inspection.biff import unpack_number
from sekisho_inspection.formulas import cell_name, render
from sekisho_inspection.workbooks import Sheet, Workbook

_ROW, _COMPRESSED, _REAL, _TEXT, _SHARED = 0, 2, 5, 6, 7
# Formula cells by the size of the result that stands before the formula; a string's is stated.
_FORMULAS = {8: -1, 9: 8, 10: 1, 11: 1}
_STRING_ITEM, _NAME, _BUNDLE, _LINK = 19, 39, 156, 360
_DDE = 1
_MAX_RECORDS, _MAX_CELLS = 1_000_000, 100_000


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and payload of each record (2.1.4): seven bits a byte, a type in two bytes at most, a size in four."""
    at = 0
    for _ in range(_MAX_RECORDS):
        if at + 2 > len(data):
            return
        kind = data[at]
        at += 1
        if kind & 0x80 and at < len(data):
            kind = (kind & 0x7F) | data[at] << 7
            at += 1
        size = shift = 0
        while at < len(data) and shift < 28:
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        yield kind, data[at : at + size]
        at += size


def text_at(data: bytes, at: int) -> tuple[str, int]:
    """A string behind its length in four bytes, and where it ends; "" for none."""
    length = int.from_bytes(data[at : at + 4], "little")
    if length == 0xFFFFFFFF:
        return "", at + 4
    end = min(at + 4 + 2 * length, len(data))
    return data[at + 4 : end].decode("utf-16-le", "replace"), end


def read_book(data: bytes) -> Workbook:
    """Sheets, names and links of the part that lists them, or of one that holds a link."""
    book = Workbook()
    for kind, payload in records(data):
        if kind == _BUNDLE and len(payload) > 8:
            _, end = text_at(payload, 8)
            book.sheets.append(Sheet(text_at(payload, end)[0], min(payload[0] & 3, 2)))
        elif kind == _NAME and len(payload) > 9:
            name, end = text_at(payload, 9)
            size = int.from_bytes(payload[end : end + 4], "little")
            book.names.append((name, render(payload[end + 4 : end + 4 + size], formulas.BIFF12)))
        elif kind == _LINK and payload[:2] == bytes([_DDE, 0]):
            program, end = text_at(payload, 2)
            book.links.append(f"{program} {text_at(payload, end)[0]}")
    return book


def read_strings(data: bytes) -> list[str]:
    """The strings that cells share."""
    return [text_at(payload, 1)[0] for kind, payload in records(data) if kind == _STRING_ITEM]


def read_sheet(data: bytes, name: str, strings: list[str], macros: bool) -> Sheet:
    """A sheet's formulas and values."""
    sheet, row = Sheet(name, macros=macros), 0
    for count, (kind, payload) in enumerate(records(data)):
        if count >= _MAX_CELLS:
            break
        if kind == _ROW:
            row = int.from_bytes(payload[:4], "little") & 0xFFFFF
        elif len(payload) > 8:
            _cell(sheet, kind, payload, cell_name(row, int.from_bytes(payload[:4], "little")), strings)
    return sheet


def _cell(sheet: Sheet, kind: int, payload: bytes, cell: str, strings: list[str]) -> None:
    if kind in _FORMULAS:
        end = 8 + _FORMULAS[kind]
        if kind == 8:
            sheet.values[cell], end = text_at(payload, 8)
        size = int.from_bytes(payload[end + 2 : end + 6], "little")
        sheet.formulas[cell] = render(payload[end + 6 : end + 6 + size], formulas.BIFF12)
    elif kind == _TEXT:
        sheet.values[cell] = text_at(payload, 8)[0]
    elif kind == _SHARED and len(payload) >= 12:
        index = int.from_bytes(payload[8:12], "little")
        if index < len(strings):
            sheet.values[cell] = strings[index]
    elif kind == _REAL and len(payload) >= 16:
        sheet.values[cell] = float(struct.unpack_from("<d", payload, 8)[0])
    elif kind == _COMPRESSED and len(payload) >= 12:
        sheet.values[cell] = unpack_number(int.from_bytes(payload[8:12], "little"))
