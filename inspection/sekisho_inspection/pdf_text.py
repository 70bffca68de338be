"""The text of a PDF's first pages: without layout, and within bounds that the file cannot talk its way out of.

Text is dear (pdfminer.six: about 60 ms a page), and its reader believes every number: a font of 40 bytes may order two
thousand million widths. What goes beyond the bounds loses words, never actions or files.
"""

from __future__ import annotations

import io
import re
from typing import Any

from pdfminer.converter import TextConverter
from pdfminer.pdffont import PDFFont
from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
from pdfminer.pdfpage import PDFPage
from pdfminer.pdftypes import PDFStream, resolve1
from pdfminer.psparser import PSLiteral

from sekisho_inspection.pdf_syntax import nests

# Packed bytes of a page beyond which its text is left alone.
_PAGE_BYTES = 60_000
# Unpacked bytes of content that is interpreted; forms count each time they are drawn, and at least so much.
_CONTENT = 1_000_000
_FORM = 2_000
# Brackets in brackets of one string, whose reader takes time with their square: 11 s for a million.
_NESTED = 100
# Packed bytes of one stream; and the filters that make a stream no larger.
_PACKED = 200_000
_TEXT_FILTERS = ("ASCII85Decode", "A85", "ASCIIHexDecode", "AHx", "Crypt")
# Characters that the ranges of one font's widths or of its map to Unicode may cover; CIDs have 16 bits.
_RANGE = 200_000
_MAP_RANGE = re.compile(rb"<([0-9a-fA-F]{1,16})>\s*<([0-9a-fA-F]{1,16})>\s*(?=[<\[0-9])")


class Dear(Exception):
    """Text that costs more than it is worth."""


class _Fonts(PDFResourceManager):
    """Fonts whose tables are of a size that a font may have."""

    def get_font(self, objid: object, spec: Any) -> PDFFont:
        for key, size in (("W", 3), ("W2", 5)):
            _check_widths(resolve1(spec.get(key)), size)
        table = resolve1(spec.get("ToUnicode"))
        if isinstance(table, PDFStream):
            pairs = _MAP_RANGE.findall(_data(table))
            if sum(max(0, int(last, 16) - int(first, 16)) for first, last in pairs) > _RANGE:
                raise Dear("map to Unicode")
        return super().get_font(objid, spec)


class _Interpreter(PDFPageInterpreter):
    """Draws forms as long as there is room."""

    def do_Do(self, xobjid_arg: Any) -> None:
        name = xobjid_arg.name if isinstance(xobjid_arg, PSLiteral) else None
        form = resolve1(self.xobjmap.get(name)) if name is not None else None
        if isinstance(form, PDFStream):
            # Pictures have no text.
            if getattr(resolve1(form.get("Subtype")), "name", "") == "Image":
                return
            self.device.spend(max(_FORM, len(_data(form))))  # type: ignore[attr-defined]
        super().do_Do(xobjid_arg)


class _Paper(TextConverter):
    """Takes the text, and knows how much content may still be drawn."""

    def __init__(self, manager: PDFResourceManager, out: io.StringIO) -> None:
        super().__init__(manager, out, laparams=None)
        self._room = _CONTENT

    def spend(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise Dear("content")


def text_of_pages(pages: list[PDFPage]) -> tuple[str, str]:
    """The text of pages, and the name of what kept the rest from being read ("" for nothing)."""
    out = io.StringIO()
    problem = ""
    manager = _Fonts()
    paper = _Paper(manager, out)
    try:
        for page in pages:
            _page(page, _Interpreter(manager, paper), paper, out)
    # Damage of any kind in fonts and contents surfaces as whatever it breaks.
    except Exception as error:
        problem = type(error).__name__
    return out.getvalue().encode("utf-8", "replace").decode("utf-8"), problem


def _page(page: PDFPage, interpreter: _Interpreter, paper: _Paper, out: io.StringIO) -> None:
    streams = [stream for value in page.contents if isinstance(stream := resolve1(value), PDFStream)]
    if sum(len(stream.get_rawdata() or b"") for stream in streams) > _PAGE_BYTES:
        return
    paper.spend(sum(len(_data(stream)) for stream in streams))
    interpreter.process_page(page)
    out.write("\n")


def _data(stream: PDFStream) -> bytes:
    # A packed byte becomes at most a thousand, so the size is bounded before it is unpacked, once.
    names = [getattr(resolve1(name), "name", "") for name, _ in stream.get_filters()]
    if len(stream.get_rawdata() or b"") > _PACKED or sum(name not in _TEXT_FILTERS for name in names) > 1:
        raise Dear("stream")
    content = bytes(stream.get_data())
    if nests(content, _NESTED):
        raise Dear("brackets")
    return content


def _check_widths(table: object, size: int) -> None:
    """Ranges of a W or W2 array (9.7.4.3): two CIDs and the numbers for all between, or a CID and a list."""
    run: list[object] = []
    covered = 0
    for value in (resolve1(entry) for entry in (table if isinstance(table, list) else [])):
        run = [] if isinstance(value, list) else [*run, value]
        if len(run) == size:
            first, last = run[:2]
            covered += max(0, last - first) if isinstance(first, int) and isinstance(last, int) else 0
            run = []
    if covered > _RANGE:
        raise Dear("widths")
