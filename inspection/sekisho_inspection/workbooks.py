"""Workbooks in all formats: what their sheets, names and links start, and the formulas of macro sheets as code."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from sekisho_inspection.expressions import Value
from sekisho_inspection.macros import note_code, suspicious
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_urls

# Excel runs every name that begins so; it compares names without case.
_AUTOMATIC = re.compile(r"_?(?:xlnm)?_?auto_(?:open|close|activate|deactivate)")
_LETTERS = re.compile(r"[^a-z_]+")
_ABSOLUTE = re.compile(r"\$([A-Z]{1,3})\$?(\d{1,7})\b|\b([A-Z]{1,3})\$(\d{1,7})\b")
_STATES = ("", "hidden", "very hidden")


@dataclass
class Sheet:
    """One sheet: its name, 0 to 2 for shown, hidden and very hidden, whether it is one of macros, and what is in it."""

    name: str
    state: int = 0
    macros: bool = False
    formulas: dict[str, str] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)


@dataclass
class Workbook:
    """Sheets, names with their formulas, links that start programs (DDE), formulas that fetch, strings of cells."""

    sheets: list[Sheet] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)


def automatic(name: str) -> bool:
    """Whether Excel runs what a name stands for when the workbook opens or closes, whatever stands between letters."""
    return _AUTOMATIC.match(_LETTERS.sub("", unicodedata.normalize("NFKC", name).casefold())) is not None


def _plain(match: re.Match[str]) -> str:
    """A cell's name without the signs that keep it from moving."""
    return (match[1] or match[3]) + (match[2] or match[4])


def note_workbook(book: Workbook, place: str, item: Item, notes: Notes) -> None:
    """Note hidden sheets, links, macro sheets, what runs by itself, and the formulas' calls and strings."""
    where = item.at(place)
    for link in book.links:
        notes.find("office-dde", where, link)
    for query in book.queries:
        notes.find("office-query", where, query)
    for state in (1, 2):
        if hidden := [sheet.name for sheet in book.sheets if sheet.state == state]:
            notes.find("office-hidden-sheet", where, f"{_STATES[state]}: {', '.join(hidden)}")
    if book.strings:
        note_urls("\n".join(book.strings), where, notes)
    sheets = [sheet for sheet in book.sheets if sheet.macros]
    if not sheets:
        return
    notes.find("office-macro", where, "Excel 4 macro sheet")
    if names := [f"{name} = {formula}" for name, formula in book.names if automatic(name)]:
        notes.find("office-auto-macro", where, ", ".join(names))
    known: dict[str, Value] = {}
    for sheet in book.sheets:
        known.update((cell.lower(), value) for cell, value in sheet.values.items())
    for number, (name, formula) in enumerate(book.names, 1):
        if formula.startswith('"'):
            known[name.lower()] = known[f"name{number}"] = formula.strip('"')
    for sheet in sheets:
        note_formulas(sheet, known, place, item, notes)


def note_formulas(sheet: Sheet, known: dict[str, Value], place: str, item: Item, notes: Notes) -> None:
    """Note a macro sheet's formulas as code, in which cells have the values that stand in them, or in other sheets,
    and names those in `known`."""
    code = "\n".join(f"{cell}={_ABSOLUTE.sub(_plain, formula)}" for cell, formula in sheet.formulas.items())
    held = known | {cell.lower(): value for cell, value in sheet.values.items()}
    texts = [value for value in sheet.values.values() if isinstance(value, str)]
    if not code and not texts:
        return
    shown = "\n".join([code, *texts])
    made = note_code(shown, "/".join(filter(None, (place, sheet.name))), item, notes, held)
    if found := suspicious([code, *made]):
        notes.find("office-macro-suspicious", item.at(place), ", ".join(found))
