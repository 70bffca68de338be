"""Workbooks in OOXML packages, as XML and as binary records: sheets, names, links and macro sheets over all parts."""

from __future__ import annotations

import html
import re

from sekisho_inspection import xlsb
from sekisho_inspection.expressions import Value, folded
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.workbooks import Sheet, Workbook, note_workbook

_P = r"(?:\w{1,20}:)?"
_MACRO_ROOT = re.compile(rf"<{_P}macrosheet\b")
_SHEET = re.compile(rf"<{_P}sheet\s([^<>]{{1,2000}})>")
_NAME = re.compile(rf"<{_P}definedName\s([^<>]{{1,2000}})>([^<]{{0,8192}})")
_DDE = re.compile(rf"<{_P}ddeLink\b([^<>]{{0,4000}})>")
_CELL = re.compile(rf"<{_P}c\s([^<>]{{1,300}})>((?:[^<]|<(?!/?{_P}c[\s>/]))*+)")
_FORMULA = re.compile(rf"<{_P}f\b[^<>]{{0,300}}>([^<]{{1,32768}})<")
_VALUE = re.compile(rf"<{_P}(?:v|t)\b[^<>]{{0,100}}>([^<]{{0,32768}})<")
_STRING = re.compile(rf"<{_P}si\b[^<>]{{0,200}}>((?:[^<]|<(?!/?{_P}si[\s>/]))*+)")
_RUN = re.compile(rf"<{_P}t\b[^<>]{{0,100}}>([^<]{{0,32768}})<")
_DDE_FORMULA = re.compile(rf"<{_P}f\b[^<>]{{0,300}}>([^<|]{{1,200}}\|[^<!|]{{1,500}}!)")
_FETCHING = re.compile(rf"<{_P}f\b[^<>]{{0,300}}>([^<(]{{0,40}}\b(?:WEBSERVICE|HYPERLINK|RTD)\([^<]{{1,8192}})<")
_FOLDERS = ("xl/macrosheets/", "xl/intlmacrosheets/")
_STATES = {"hidden": 1, "veryhidden": 2}
_BEGIN_SHEET = 129
_MAX_CELLS, _MAX_FOUND = 100_000, 2000
_ATTRIBUTE = re.compile(r"(?<![\w:-])(?:[\w-]{1,40}:)?([\w-]{1,80})\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


def attributes(source: str) -> dict[str, str]:
    """The attributes of one tag, by their names in lower case and without prefix; of one name the first."""
    found: dict[str, str] = {}
    for name, first, second in _ATTRIBUTE.findall(source):
        found.setdefault(name.lower(), html.unescape(first or second))
    return found


class Spreadsheet:
    """Collects what the parts of one package say; `note` tells it all when every part is read."""

    def __init__(self) -> None:
        self._book = Workbook()
        self._shared: list[str] = []
        self._xml: dict[str, str] = {}
        self._binary: dict[str, bytes] = {}
        self._macros: set[str] = set()

    def relation(self, kind: str, target: str) -> None:
        """A part that another refers to as a macro sheet is one, whatever it is called."""
        if kind in ("xlmacrosheet", "xlintlmacrosheet"):
            self._macros.add(target.replace("\\", "/").rpartition("/")[2].lower())

    def xml(self, name: str, source: str) -> None:
        """One XML part, by its name in lower case."""
        if _MACRO_ROOT.search(source, 0, 4000) or name.startswith(_FOLDERS):
            self._xml[name] = source
            self._macros.add(name.rpartition("/")[2])
        elif name.startswith("xl/worksheets/"):
            self._xml[name] = source
        if "definedName" in source:
            for stated, formula in _NAME.findall(source):
                self._book.names.append((attributes(stated).get("name", ""), html.unescape(formula)))
        if "state" in source and ":id" in source:
            for stated in _SHEET.findall(source):
                values = attributes(stated)
                self._book.sheets.append(Sheet(values.get("name", ""), _STATES.get(values.get("state", "").lower(), 0)))
        if name.startswith("xl/worksheets/"):
            self._formulas(source)
        if "ddeLink" in source:
            for stated in _DDE.findall(source):
                values = attributes(stated)
                self._book.links.append(
                    f"{values.get('ddeservice', '')} {values.get('ddetopic', '')}".strip() or "ddeLink"
                )
        if name.endswith("sharedstrings.xml"):
            self._shared = [html.unescape("".join(_RUN.findall(item))) for item in _STRING.findall(source)]

    def _formulas(self, source: str) -> None:
        """Formulas of ordinary sheets that start a program or fetch data, and links that they put together."""
        if "|" in source:
            self._book.links += [html.unescape(found) for found in _DDE_FORMULA.findall(source)[:_MAX_FOUND]]
        if "WEBSERVICE(" in source or "HYPERLINK(" in source or "RTD(" in source:
            for found in _FETCHING.findall(source)[:_MAX_FOUND]:
                formula = html.unescape(found)
                self._book.strings += folded(formula)
                if not formula.lstrip("=").upper().startswith("HYPERLINK"):
                    self._book.queries.append(formula)

    def binary(self, name: str, content: bytes) -> None:
        """One binary part of a workbook."""
        if name.endswith("workbook.bin"):
            book = xlsb.read_book(content)
            self._book.names += book.names
            self._book.sheets += book.sheets
        elif name.endswith("sharedstrings.bin"):
            self._shared = xlsb.read_strings(content)
        elif name.startswith("xl/") and next(xlsb.records(content), (0, b""))[0] == _BEGIN_SHEET:
            self._binary[name] = content
        elif name.startswith("xl/externallinks/") or content[:2] == b"\xe8\x02":
            self._book.links += xlsb.read_book(content).links

    def _is_macro(self, name: str) -> bool:
        return name.startswith(_FOLDERS) or name.rpartition("/")[2] in self._macros

    def note(self, item: Item, notes: Notes) -> None:
        """Note the whole workbook."""
        names = {name for name in (*self._xml, *self._binary) if self._is_macro(name)}
        # What formulas refer to may stand in any sheet.
        for name, source in self._xml.items() if names else ():
            self._book.sheets.append(_sheet(name, source, self._shared, name in names))
        for name, content in self._binary.items() if names else ():
            self._book.sheets.append(xlsb.read_sheet(content, name, self._shared, name in names))
        self._book.strings += [text for text in self._shared if "." in text or ":" in text]
        note_workbook(self._book, "", item, notes)


def _sheet(name: str, source: str, shared: list[str], macros: bool) -> Sheet:
    sheet = Sheet(name, macros=macros)
    for count, (stated, inner) in enumerate(_CELL.findall(source)):
        if count >= _MAX_CELLS:
            break
        values = attributes(stated)
        cell = values.get("r", f"cell{count}")
        if formula := _FORMULA.search(inner):
            sheet.formulas[cell] = html.unescape(formula[1]).lstrip("=")
        if value := _VALUE.search(inner):
            sheet.values[cell] = _value(values.get("t", ""), html.unescape(value[1]), shared)
    return sheet


def _value(kind: str, text: str, shared: list[str]) -> Value:
    if kind == "s":
        return shared[int(text)] if text.isdecimal() and len(text) < 9 and int(text) < len(shared) else None
    try:
        return text if kind else float(text)
    except ValueError:
        return text
