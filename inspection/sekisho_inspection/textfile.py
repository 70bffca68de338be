"""Text that starts programs or fetches data: the formulas of CSV files, SYLK files, queries of Excel."""

from __future__ import annotations

import re
from itertools import islice

from sekisho_inspection import charset, filetype, sylk
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_urls
from sekisho_inspection.xml_source import decoded, note_entities

# A link to a program, a topic and an item: =cmd|'/c calc'!A0. A cell with a formula begins at a separator.
_LINK = re.compile(r"[\w)\"]\s{0,9}\|\s{0,9}(?:('[^'\r\n]{0,500}')|[^\r\n!',;\t|]{0,500})\s{0,9}!")
_CALL = re.compile(r"\b(DDE|WEBSERVICE|IMPORTXML|IMPORTDATA|IMPORTHTML|IMPORTFEED|RTD)\s{0,9}\(([^\r\n]{0,500})", re.I)
_CELL = re.compile(r"(?:^|[,;\t])[ \"']*[=+@-]")
_CELLS = (".csv", ".tsv", ".txt", ".slk", ".prn", ".dif")
_QUERIES = (".iqy", ".dqy", ".oqy", ".rqy", ".odc", ".oft")
_WEB_QUERY = re.compile(rb"\A(?:\xef\xbb\xbf)?\s{0,20}WEB\s{1,20}\d{1,3}\s{1,20}\S", re.I)
_DATABASE = re.compile(rb"\A(?:\xef\xbb\xbf)?\s{0,20}(?:XLODBC|QueryType=)", re.I)
_CONNECTION = re.compile(r"<odc:(?:ConnectionString|CommandText)>([^<]{1,20000})", re.I)
# XML in two bytes a character.
_WIDE = (b"\xff\xfe<", b"\xfe\xff\0<")
_MAX_FOUND, _LOOKED_BACK = 20_000, 1000


def read_starters(item: Item, notes: Notes) -> None:
    """Note formulas, macros, links and queries, and what an XML file would fetch."""
    content = item.content
    named = filetype.called(item.names, _CELLS) or item.declared == "text/csv"
    if sylk.is_one(content):
        sylk.note_sylk(item, notes)
    elif named and filetype.is_text(content):
        _cells(charset.decode(content)[0], item, notes)
    elif b"<!" in content or content.startswith(_WIDE):
        _xml(content, item, notes)
    _query(item, notes)


def _xml(content: bytes, item: Item, notes: Notes) -> None:
    """Pictures (SVG), pages and data alike; a page that names the DTD of its language is not worth decoding."""
    head = content[:4096]
    if content.startswith(_WIDE) or b"<!ENTITY" in content:
        note_entities(decoded(content), "", item, notes)
    elif b"<!DOCTYPE" in head and (b"SYSTEM" in head or b"PUBLIC" in head) and b"//www.w3.org/" not in head:
        note_entities(decoded(head), "", item, notes)


def _cells(text: str, item: Item, notes: Notes) -> None:
    for match in islice(_LINK.finditer(text), _MAX_FOUND) if "|" in text else ():
        formula = _formula(text, match)
        if _CELL.match(formula) or (match[1] and _in_formula(text, match.start())):
            notes.find("office-dde", item.where, formula)
            break
    for match in islice(_CALL.finditer(text), _MAX_FOUND) if "(" in text else ():
        if _in_formula(text, match.start()):
            kind = match[1].upper()
            notes.find("office-dde" if kind == "DDE" else "office-query", item.where, match[0])


def _in_formula(text: str, at: int) -> bool:
    """Whether the line up to `at` has a cell with a formula."""
    line = text[max(0, at - _LOOKED_BACK) : at + 1]
    return _CELL.search(line[max(line.rfind("\n"), line.rfind("\r")) + 1 :]) is not None


def _formula(text: str, match: re.Match[str]) -> str:
    low = max(0, match.start() - 200)
    start = max(text.rfind(edge, low, match.start()) for edge in "\r\n,;\t") + 1
    return text[start or low : match.end()].strip()


def _query(item: Item, notes: Notes) -> None:
    """Queries of Excel: of pages (IQY), databases (DQY, OQY) and connections (ODC)."""
    named = filetype.called(item.names, _QUERIES)
    if _WEB_QUERY.match(item.content) or (named and _DATABASE.match(item.content)):
        text = charset.decode(item.content[:100_000])[0]
        notes.find("office-query", item.where, " ".join(text.split())[:300])
    elif b"<odc:" in item.content:
        for stated in _CONNECTION.findall(charset.decode(item.content)[0])[:_MAX_FOUND]:
            notes.find("office-query", item.where, stated)
            note_urls(stated, item.where, notes)
