"""The pages of a PDF document as pdfminer.six takes them, which draws texts and finds pictures.

Its own search for objects follows the tables alone; here it is given the objects that were found, streams in the clear.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from pdfminer.pdfpage import PDFPage
from pdfminer.pdftypes import PDFObjectNotFound, PDFObjRef, PDFStream
from pdfminer.psparser import LIT

from sekisho_inspection.pdf_document import Document
from sekisho_inspection.pdf_filters import Dear
from sekisho_inspection.pdf_syntax import Either, Name, Reference, Stream

# Nodes of the tree of pages that are looked at for the first pages.
_MAX_NODES = 2000
_INHERITED = ("Resources", "MediaBox", "CropBox", "Rotate")


class _Stream(PDFStream):
    """A stream that asks the document for its bytes."""

    def __init__(self, document: Document, stream: Stream, attrs: dict[str, Any]) -> None:
        super().__init__(attrs, b"")
        self.set_objid(stream.number, stream.generation)
        self._document, self._stream = document, stream

    def get_rawdata(self) -> bytes:
        try:
            return self._document.packed(self._stream)
        except Dear:
            return b""

    def get_data(self) -> bytes:
        return self._document.content(self._stream, False) or b""


class _Objects:
    """What of a document pdfminer.six asks for: objects by number, in its own types."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._known: dict[int, Any] = {}

    def getobj(self, number: int) -> Any:
        """The object of this number. Raises PDFObjectNotFound."""
        if number not in self._known:
            value = self._document.number(number)
            if value is None:
                raise PDFObjectNotFound(number)
            self._known[number] = self.taken(value)
        return self._known[number]

    def taken(self, value: Any) -> Any:
        """A value in pdfminer's types; the parser has bounded its depth."""
        kind = type(value)
        if kind is Name:
            return LIT(str(value))
        if kind is Reference:
            # It asks for `getobj` alone.
            return PDFObjRef(self, value.number)  # type: ignore[arg-type]
        if kind is Either:
            return self.taken(value[-1])
        if kind is list:
            return [self.taken(one) for one in value]
        if kind is dict:
            return {str(key): self.taken(one) for key, one in value.items()}
        if kind is Stream:
            return _Stream(self._document, value, self.taken(value.attrs))
        return value


def first_pages(document: Document, most: int) -> list[PDFPage]:
    """The first pages: by the tree of pages, or where there is none in the order of the file."""
    objects: Any = _Objects(document)
    found = list(islice(_in_tree(document), most)) or list(islice(_anywhere(document), most))
    return [PDFPage(objects, number, objects.taken(attrs), None) for number, attrs in found]


def _in_tree(document: Document) -> Iterator[tuple[int, dict[str, Any]]]:
    waiting = [(catalog.get("Pages"), dict[str, Any]()) for catalog in _catalogs(document)]
    seen = set[int]()
    while waiting and len(seen) < _MAX_NODES:
        reference, inherited = waiting.pop()
        node = document.one(reference)
        if type(node) is not dict or id(node) in seen:
            continue
        seen.add(id(node))
        held = inherited | {key: node[key] for key in _INHERITED if key in node}
        kids = document.one(node.get("Kids"))
        if type(kids) is list:
            waiting += [(kid, held) for kid in reversed(kids[:_MAX_NODES])]
        elif "Contents" in node or document.one(node.get("Type")) == "Page":
            yield (reference.number if type(reference) is Reference else 0), held | node


def _catalogs(document: Document) -> Iterator[dict[str, Any]]:
    """The catalog of the last trailer that has one comes last."""
    for trailer in document.trailers:
        catalog = document.one(trailer.get("Root"))
        if type(catalog) is dict:
            yield catalog


def _anywhere(document: Document) -> Iterator[tuple[int, dict[str, Any]]]:
    for found in document.objects:
        if type(found.value) is dict and document.one(found.value.get("Type")) == "Page":
            yield found.number, found.value
