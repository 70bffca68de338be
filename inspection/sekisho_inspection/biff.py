"""BIFF: the records of old Excel workbooks, versions 2 to 8 (MS-XLS, and OpenOffice.org's "Excel File Format")."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

from sekisho_core.vocabulary import PartState

from sekisho_inspection import formulas
from sekisho_inspection.formulas import Layout, cell_name, render
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.workbooks import Sheet, Workbook, note_workbook

KIND = "application/vnd.ms-excel"
_BEGINNINGS = {0x0009: 2, 0x0209: 3, 0x0409: 4, 0x0809: 8}
_MACROS = 0x40
_EXTERNAL = 0x0017
_BOUNDSHEET, _SUPBOOK, _STRINGS, _CONTINUE, _END = 0x0085, 0x01AE, 0x00FC, 0x003C, 0x000A
_NAMES = (0x0018, 0x0218)
_FORMULAS = {0x0006: 22, 0x0206: 18, 0x0406: 18}
_LABELS = (0x0004, 0x0204, 0x00D6)
_RESULTS = (0x0007, 0x0207)
_SHARED_LABEL, _NUMBER, _COMPRESSED = 0x00FD, 0x0203, 0x027E
_BUILT_IN_NAME = 0x20
_AUTO_NAMES = {1: "Auto_Open", 2: "Auto_Close", 10: "Auto_Activate", 11: "Auto_Deactivate"}
# A workbook has some thousand; this bounds the walk over a stream of empty records.
_MAX_RECORDS = 1_000_000
# Cells of macro sheets, and strings of all sheets, that are read.
_MAX_CELLS, _MAX_STRINGS, _MAX_SHEETS = 100_000, 500_000, 5000


def is_plain(content: bytes) -> bool:
    """Whether a file is one stream of records, as Excel before 5.0 wrote it."""
    kind, size = struct.unpack_from("<HH", content.ljust(8, b"\0"))
    if kind not in _BEGINNINGS or not 4 <= size <= 16:
        return False
    version, sheet = struct.unpack_from("<HH", content.ljust(8, b"\0"), 4)
    return sheet in (0x05, 0x10, 0x20, 0x40, 0x100) and version <= 0x600


def read_plain(item: Item, notes: Notes) -> PartState:
    """A workbook that is one stream of records."""
    note_workbook(workbook(item.content), "", item, notes)
    return PartState.READ


def records(stream: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    """Type and payload of each record, up to the end or to the first that is cut off."""
    for _ in range(_MAX_RECORDS):
        if at + 4 > len(stream):
            return
        kind, size = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def workbook(stream: bytes) -> Workbook:
    """The sheets, names, links and strings of a Workbook or Book stream, and what macro sheets hold.

    A sheet is where the list of sheets says; files without such a list are one sheet.
    """
    reader = _Reader()
    left = _MAX_RECORDS
    for kind, payload in records(stream):
        left -= 1
        reader.take(kind, payload)
        if kind == _END and reader.places:
            break
    # What formulas refer to may stand in any sheet.
    for sheet, place in reader.places if any(sheet.macros for sheet, _ in reader.places) else ():
        for kind, payload in _sheet_records(stream, place, left):
            left -= 1
            reader.take_cell(sheet, kind, payload)
    reader.finish()
    return reader.book


def _sheet_records(stream: bytes, at: int, limit: int) -> Iterator[tuple[int, bytes]]:
    """The records of one sheet, charts in it left out."""
    depth = 0
    for kind, payload in islice(records(stream, at), max(0, limit)):
        depth += (kind in _BEGINNINGS) - (kind == _END)
        if depth <= 0:
            return
        if depth == 1:
            yield kind, payload


class _Reader:
    """Takes record after record: first those of the whole book, then those of each macro sheet."""

    def __init__(self) -> None:
        self.book = Workbook()
        self.places: list[tuple[Sheet, int]] = []
        self._version = 8
        self._only = Sheet("Sheet1")
        self._cells = 0
        self._last = ""
        self._shared: list[bytes] = []

    def take(self, kind: int, payload: bytes) -> None:
        """One record of the whole book, or of the sheet that is the file."""
        if kind in _BEGINNINGS:
            self._begin(kind, payload)
        elif kind == _BOUNDSHEET and len(payload) > 6:
            self._bound(payload)
        elif kind in _NAMES:
            self._name(payload)
        elif kind == _SUPBOOK or (kind == _EXTERNAL and self._version < 8):
            if link := _dde(payload) if kind == _SUPBOOK else _old_dde(payload):
                self.book.links.append(link)
        elif (kind == _STRINGS and not self._shared) or (kind == _CONTINUE and self._shared and not self.book.strings):
            self._shared.append(payload)
        elif self._only.macros:
            self.take_cell(self._only, kind, payload)
        if kind not in (_STRINGS, _CONTINUE):
            self._keep_strings()

    def finish(self) -> None:
        """Whatever was still open when the records ended."""
        self._keep_strings()
        if self._only.macros:
            self.book.sheets.append(self._only)

    def _keep_strings(self) -> None:
        if self._shared and not self.book.strings:
            self.book.strings = list(_shared_strings(self._shared)) or [""]

    def _begin(self, kind: int, payload: bytes) -> None:
        version, what = struct.unpack_from("<HH", payload.ljust(4, b"\0"))
        self._version = _BEGINNINGS[kind] if kind != 0x0809 else (5 if version == 0x0500 else 8)
        self._only.macros = self._only.macros or (what == _MACROS and not self.places)

    @property
    def _layout(self) -> Layout:
        if self._version == 8:
            return formulas.BIFF8
        return formulas.BIFF2 if self._version < 4 else formulas.BIFF5

    def _bound(self, payload: bytes) -> None:
        length = payload[6]
        sheet = Sheet(self._text(payload[7:], length), min(payload[4] & 3, 2), payload[5] == 1)
        if len(self.places) < _MAX_SHEETS:
            self.book.sheets.append(sheet)
            self.places.append((sheet, int.from_bytes(payload[:4], "little")))

    def _text(self, data: bytes, length: int) -> str:
        """A string behind its length: with a byte of flags since version 8."""
        if self._version == 8:
            wide = data[:1] and data[0] & 1
            return (
                data[1 : 1 + 2 * length].decode("utf-16-le", "replace")
                if wide
                else data[1 : 1 + length].decode("latin-1")
            )
        return data[:length].decode("cp932", "replace")

    def _name(self, payload: bytes) -> None:
        """A defined name (2.4.150): built in, or spelled out; its formula follows."""
        if len(payload) < 6:
            return
        start = 14 if self._version in (5, 8) else 6
        length = payload[3]
        if payload[0] & _BUILT_IN_NAME:
            codes = payload[start : start + 3].replace(b"\0", b"")
            name = _AUTO_NAMES.get(codes[0], "") if codes else ""
        else:
            name = self._text(payload[start:], length)
        size = int.from_bytes(payload[4:6], "little")
        tokens = payload[len(payload) - size :] if 0 < size <= len(payload) else b""
        if name:
            self.book.names.append((name, render(tokens, self._layout)))

    def take_cell(self, sheet: Sheet, kind: int, payload: bytes) -> None:
        """One record of a macro sheet."""
        if kind in _BEGINNINGS and int.from_bytes(payload[2:4], "little") == _MACROS:
            sheet.macros = True
        if len(payload) < 7 or self._cells >= _MAX_CELLS or kind in _BEGINNINGS:
            return
        cell = cell_name(*struct.unpack_from("<HH", payload))
        self._cells += 1
        if kind in _FORMULAS:
            self._last = cell
            self._formula(sheet, kind, cell, payload)
        elif kind in _RESULTS and self._last:
            size = 2 if kind == 0x0207 else 1
            sheet.values[self._last] = self._text(payload[size:], int.from_bytes(payload[:size], "little"))
        elif kind in _LABELS:
            start = 6 if kind != 0x0004 else 7
            size = 2 if kind != 0x0004 else 1
            length = int.from_bytes(payload[start : start + size], "little")
            sheet.values[cell] = self._text(payload[start + size :], length)
        elif kind == _SHARED_LABEL and len(payload) >= 10:
            index = int.from_bytes(payload[6:10], "little")
            if index < len(self.book.strings):
                sheet.values[cell] = self.book.strings[index]
        elif kind == _NUMBER and len(payload) >= 14:
            sheet.values[cell] = float(struct.unpack_from("<d", payload, 6)[0])
        elif kind == _COMPRESSED and len(payload) >= 10:
            sheet.values[cell] = unpack_number(int.from_bytes(payload[6:10], "little"))

    def _formula(self, sheet: Sheet, kind: int, cell: str, payload: bytes) -> None:
        start = 17 if self._version == 2 else _FORMULAS[kind]
        length = payload[start - 1 : start] if self._version == 2 else payload[start - 2 : start]
        tokens = payload[start : start + int.from_bytes(length, "little")]
        sheet.formulas[cell] = render(tokens, self._layout)


def unpack_number(packed: int) -> float:
    """A number in 32 bits (RkNumber, 2.5.217)."""
    if packed & 2:
        value = float((packed >> 2) - (1 << 30 if packed & 0x80000000 else 0))
    else:
        value = float(struct.unpack("<d", bytes(4) + (packed & 0xFFFFFFFC).to_bytes(4, "little"))[0])
    return value / 100 if packed & 1 else value


def _shared_strings(blocks: list[bytes]) -> Iterator[str]:
    """The table of strings (2.4.265); one that goes on in the next record states its width anew there."""
    data, ends = b"".join(blocks), set[int]()
    total = 0
    for block in blocks:
        total += len(block)
        ends.add(total)
    borders = sorted(ends)
    at, border = 8, 0
    for _ in range(_MAX_STRINGS):
        if at + 3 > len(data):
            return
        length, flags = struct.unpack_from("<HB", data, at)
        at += 3
        runs = int.from_bytes(data[at : at + 2], "little") if flags & 8 else 0
        at += 2 if flags & 8 else 0
        extra = int.from_bytes(data[at : at + 4], "little") if flags & 4 else 0
        at += 4 if flags & 4 else 0
        pieces: list[str] = []
        while length > 0 and at < len(data):
            while border < len(borders) and borders[border] <= at:
                border += 1
            end = borders[border] if border < len(borders) else len(data)
            unit = 2 if flags & 1 else 1
            count = min(length, max(1, (end - at) // unit))
            piece = data[at : at + count * unit]
            pieces.append(piece.decode("utf-16-le" if unit == 2 else "latin-1", "replace"))
            at += count * unit
            length -= count
            if length and at >= end and at < len(data):
                flags = data[at]
                at += 1
        at += 4 * runs + extra
        yield "".join(pieces)


def _dde(payload: bytes) -> str:
    """Program and topic of a DDE link (2.5.348: parted by U+0003); "" for links to workbooks."""
    if len(payload) < 5 or payload[:2] != b"\0\0":
        return ""
    size, wide = struct.unpack_from("<HB", payload, 2)
    path = (
        payload[5 : 5 + size * 2].decode("utf-16-le", "replace")
        if wide & 1
        else payload[5 : 5 + size].decode("latin-1")
    )
    return path.replace("\x03", " ") if "\x03" in path else ""


def _old_dde(payload: bytes) -> str:
    """The same before version 8, where the record of an outside sheet holds it."""
    path = payload[1 : 1 + payload[0]] if payload else b""
    return path.decode("cp932", "replace").replace("\x03", " ") if b"\x03" in path[1:] else ""
