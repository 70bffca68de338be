"""Text that starts programs: the formulas of CSV files, the macros and links of SYLK files."""

from __future__ import annotations

import re

from sekisho_inspection import charset, filetype
from sekisho_inspection.notes import Item, Notes

# A formula that names a program, a topic and an item: =cmd|'/c calc'!A0. Cells begin at a separator.
_FORMULA = re.compile(rb"(?:^|[,;\t])[ \"]*[=+@-][^\r\n|,;\t]{1,200}\|[^\r\n!]{0,500}!", re.M)
_CELLS = (".csv", ".tsv", ".txt", ".slk", ".iqy", ".prn", ".dif")
_SYLK = b"ID;P"
_SYLK_AUTO = re.compile(rb"^NN;N\"?Auto_?(?:Open|Close|Activate)|^NN;.{0,200};NAuto_?(?:Open|Close)", re.I | re.M)
_SYLK_MACRO = re.compile(rb"^O;(?:[^\r\n]{0,200};)?E\b|;E(?:EXEC|CALL|REGISTER)\(", re.I | re.M)
_SYLK_LINK = re.compile(rb";E[^\r\n;|]{1,200}\|[^\r\n!]{0,500}!", re.M)


def read_starters(item: Item, notes: Notes) -> None:
    """Note formulas, macros and links that start a program."""
    named = any(name.lower().rstrip(" .").endswith(_CELLS) for name in item.names) or item.declared == "text/csv"
    if item.content[:100].lstrip(b"\xef\xbb\xbf \r\n").startswith(_SYLK):
        _sylk(item, notes)
    elif named and b"|" in item.content and filetype.is_text(item.content) and (found := _FORMULA.search(item.content)):
        notes.find("office-dde", item.where, charset.decode(found[0].strip())[0])


def _sylk(item: Item, notes: Notes) -> None:
    macro, auto = _SYLK_MACRO.search(item.content), _SYLK_AUTO.search(item.content)
    if macro:
        notes.find("office-macro", item.where, "Excel 4 macros in a SYLK file")
    if macro and auto:
        notes.find("office-auto-macro", item.where, charset.decode(auto[0])[0])
    if link := _SYLK_LINK.search(item.content):
        notes.find("office-dde", item.where, charset.decode(link[0])[0])
