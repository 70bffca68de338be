"""PDF (ISO 32000-1): actions, embedded files and links of every object, and the text of the first pages.

Objects are walked by the tables and by the file itself: programs repair tables that are wrong, and so does this.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pdfminer.pdfdocument import PDFBaseXRef, PDFDocument, PDFEncryptionError
from pdfminer.pdfparser import PDFParser
from pdfminer.pdftypes import PDFObjectNotFound, PDFObjRef, PDFStream, resolve1
from pdfminer.psparser import PSLiteral
from sekisho_core.vocabulary import PartState

from sekisho_inspection import charset, pdf_pictures, pdf_text
from sekisho_inspection.archive import inflate
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_url, note_urls

_MAX_OBJECTS = 50_000
_MAX_NODES = 500_000
# Rounds of hashing that one password costs (7.6.4.3.4: 64 and more of SHA-2 over up to 8 kB), as the budget counts.
_ROUNDS = 20_000
# Bytes of run lengths: pdfminer takes time with the square of them, 9 s for 2 MB.
_SLOW = 300_000
_OBJECT = re.compile(rb"(?<![0-9])([0-9]{1,9})[ \t\r\n\f\0]{1,20}([0-9]{1,5})[ \t\r\n\f\0]{1,20}obj(?![a-zA-Z])")
# Triggers of an additional-actions dictionary that need no click (tables 194 to 197 of the standard).
_OF_CATALOG = ("WC", "WS", "DS", "WP", "DP")
_OF_PAGE = ("O", "C")
_OF_ANNOTATION = ("PO", "PC", "PV", "PI")

logging.getLogger("pdfminer").setLevel(logging.CRITICAL + 1)


def read_pdf(item: Item, notes: Notes) -> PartState:
    """Note what the file does and holds. `opened` when a password of the mail opened it."""
    data = item.content[max(0, item.content.find(b"%PDF-", 0, 1100)) :]
    document, state = _open(data, item, notes)
    if document is None:
        return state
    seen = _Walk(item, notes)
    for number, value in _objects(document, _Scanned(data), item, notes):
        seen.visit(value, number)
    _document_actions(document, seen)
    _text(document, item, notes)
    pdf_pictures.read_pictures(document, item, notes)
    return state


def _open(data: bytes, item: Item, notes: Notes) -> tuple[PDFDocument | None, PartState]:
    """The document; the empty user password is no lock (7.6.3.4)."""
    try:
        return PDFDocument(PDFParser(io.BytesIO(data))), PartState.READ
    except PDFEncryptionError:
        pass
    for password in notes.passwords():
        if not notes.try_password(_ROUNDS, item):
            break
        try:
            return PDFDocument(PDFParser(io.BytesIO(data)), password), PartState.OPENED
        # A wrong password shows as PDFPasswordIncorrect, or as whatever its characters break.
        except Exception:
            continue
    notes.gap(item.gap, "locked", "no password of the mail opens it")
    return None, PartState.LOCKED


class _Scanned(PDFBaseXRef):
    """Where objects begin by the file itself; of several with one number the last holds, as in an update."""

    def __init__(self, data: bytes) -> None:
        self._places = {int(match[1]): (match.start(), int(match[2])) for match in _OBJECT.finditer(data)}

    def get_trailer(self) -> dict[str, Any]:
        return {}

    def get_objids(self) -> Iterable[int]:
        return self._places

    def get_pos(self, objid: int) -> tuple[int | None, int, int]:
        return None, *self._places[objid]


def _objects(document: PDFDocument, scanned: _Scanned, item: Item, notes: Notes) -> Iterator[tuple[int, object]]:
    """Every object that the cross-reference tables name, then every one that they do not; broken ones of the first
    kind are gaps, not the end."""
    listed = {number for xref in document.xrefs for number in xref.get_objids()}
    document.xrefs.append(scanned)
    numbers = sorted(listed) + sorted(set(scanned.get_objids()) - listed)
    if len(numbers) > _MAX_OBJECTS:
        notes.gap(item.gap, "limit", f"more than {_MAX_OBJECTS} objects")
    if not numbers:
        notes.gap(item.gap, "unreadable", "PDF without objects")
    for number in numbers[:_MAX_OBJECTS]:
        try:
            value = document.getobj(number)
        except PDFObjectNotFound:
            # A reference to nothing is null (7.3.10).
            continue
        except Exception as error:
            if number in listed:
                notes.gap(item.gap, "malformed", f"PDF object that cannot be read: {type(error).__name__}")
            continue
        if number not in listed and isinstance(value, PDFStream) and _word(value.get("Type")) == "ObjStm":
            notes.gap(item.gap, "malformed", "objects that no table names")
        yield number, value


class _Walk:
    """The walk over all objects of one file."""

    def __init__(self, item: Item, notes: Notes) -> None:
        self._item = item
        self._notes = notes
        self._nodes = 0
        self._files: set[int] = set()

    def visit(self, value: object, number: int) -> None:
        """Look at every dictionary inside one object; references are objects of their own."""
        stack = [value]
        while stack:
            node = stack.pop()
            self._nodes += 1
            if self._nodes > _MAX_NODES:
                self._notes.gap(self._item.gap, "limit", f"more than {_MAX_NODES} values")
                return
            if isinstance(node, PDFStream):
                node = node.attrs
            if isinstance(node, dict):
                self._dictionary(node, number)
                stack += node.values()
            elif isinstance(node, list):
                stack += node

    def _dictionary(self, node: dict[Any, Any], number: int) -> None:
        kind = _word(node.get("S"))
        place = f"object {number}"
        if kind == "JavaScript" or "JS" in node:
            self._notes.find("pdf-javascript", self._item.where, place)
            note_urls(_string(node.get("JS"), self._item, self._notes), self._item.where, self._notes)
        if kind == "Launch":
            self._notes.find("pdf-launch", self._item.where, f"{place}: {_target(node)}")
        if "URI" in node and kind in ("URI", ""):
            self._link(_string(node.get("URI"), self._item, self._notes))
        if kind in ("SubmitForm", "GoToR", "GoToE", "ImportData"):
            self._link(_target(node))
        if "EF" in node:
            self._embedded(node)
        if "XFA" in node:
            self._notes.find("pdf-xfa", self._item.where, place)
        if "AA" in node:
            # In a form field's dictionary C is the calculation that every order form has, not an event of the page.
            is_page = _word(node.get("Type")) == "Page"
            self.triggers(node["AA"], place, _OF_PAGE if is_page else _OF_ANNOTATION)

    def triggers(self, value: object, place: str, events: tuple[str, ...]) -> None:
        """Additional actions (12.6.3) for those events that need no click."""
        actions = _resolved(value)
        if isinstance(actions, dict):
            for trigger in events:
                if trigger in actions:
                    self.unasked(actions[trigger], f"{place} /AA /{trigger}")

    def unasked(self, value: object, place: str) -> None:
        """An action that runs without a click, and those chained to it (12.6.2)."""
        for action in _chain(value):
            kind = _word(action.get("S"))
            if kind == "JavaScript" or "JS" in action:
                self._notes.find("pdf-auto-javascript", self._item.where, place)
            elif kind in ("Launch", "URI", "SubmitForm", "ImportData"):
                self._notes.find("pdf-auto-action", self._item.where, f"{place}: {kind}")

    def _link(self, target: str) -> None:
        if "://" in target[:12]:
            note_url(target.strip(), self._item.where, self._notes)

    def _embedded(self, spec: dict[Any, Any]) -> None:
        names = [_string(spec.get(key), self._item, self._notes) for key in ("UF", "F", "DOS", "Unix")]
        files = _resolved(spec["EF"])
        for stream in (_resolved(value) for value in (files.values() if isinstance(files, dict) else ())):
            if isinstance(stream, PDFStream) and id(stream) not in self._files:
                self._files.add(id(stream))
                content = stream_bytes(stream, self._item, self._notes)
                if content is not None:
                    self._notes.find("pdf-embedded-file", self._item.where, names[0] or names[1])
                    self._notes.child(self._item, content, tuple(dict.fromkeys(filter(None, names))), "pdf")


def stream_bytes(stream: PDFStream, item: Item, notes: Notes) -> bytes | None:
    """A stream's decoded bytes within the limits; None, noted as a gap, where they are out of reach."""
    filters = [(_word(name), parameters) for name, parameters in stream.get_filters()]
    raw = stream.get_rawdata() or b""
    if stream.decipher and stream.objid is not None:
        raw = stream.decipher(stream.objid, stream.genno or 0, raw, stream.attrs)
    try:
        if not filters:
            return raw if notes.spend(len(raw), item) else None
        if [name for name, _ in filters] in (["FlateDecode"], ["Fl"]) and not filters[0][1]:
            got = inflate(raw, 15, item, notes)
            return got[0] if got else None
        if len(raw) > _SLOW and any(name in ("RunLengthDecode", "RL") for name, _ in filters):
            notes.gap(item.gap, "limit", f"more than {_SLOW} bytes under a slow filter")
            return None
        # Other filters, chained ones among them, are decoded by pdfminer whole; the worker's memory bounds them.
        content = bytes(stream.get_data())
        return content if notes.spend(len(content), item) else None
    except Exception as error:
        notes.gap(item.gap, "unreadable", f"PDF stream that does not decode: {type(error).__name__}")
        return None


def _document_actions(document: PDFDocument, walk: _Walk) -> None:
    """What runs when the document is opened: OpenAction, the catalog's AA, the scripts of the name tree (12.6.4.16)."""
    catalog = document.catalog
    walk.unasked(catalog.get("OpenAction"), "/OpenAction")
    walk.triggers(catalog.get("AA"), "catalog", _OF_CATALOG)
    names = _resolved(catalog.get("Names"))
    if isinstance(names, dict) and "JavaScript" in names:
        for action in _tree(names["JavaScript"]):
            walk.unasked(action, "/Names /JavaScript")


def _tree(value: object) -> Iterator[object]:
    """The values of a name tree (7.9.6), bounded and safe against loops."""
    stack, seen = [value], 0
    while stack and seen < 2000:
        seen += 1
        node = _resolved(stack.pop())
        if isinstance(node, dict):
            kids, pairs = _resolved(node.get("Kids")), _resolved(node.get("Names"))
            stack += kids if isinstance(kids, list) else []
            yield from pairs[1::2] if isinstance(pairs, list) else []


def _chain(value: object) -> Iterator[dict[Any, Any]]:
    stack, seen = [value], 0
    while stack and seen < 100:
        seen += 1
        node = _resolved(stack.pop())
        if isinstance(node, dict):
            yield node
            following = _resolved(node.get("Next"))
            stack += following if isinstance(following, list) else [following]


def _text(document: PDFDocument, item: Item, notes: Notes) -> None:
    text, problem = pdf_text.first_pages(document)
    if problem:
        notes.find("pdf-text-unread", item.where, problem)
    notes.text(item.where, "pdf", text)
    note_urls(text, item.where, notes)


def _resolved(value: object) -> Any:
    try:
        return resolve1(value) if isinstance(value, PDFObjRef) else value
    except Exception:
        return None


def _word(value: object) -> str:
    node = _resolved(value)
    if isinstance(node, PSLiteral):
        return node.name if isinstance(node.name, str) else node.name.decode("latin-1")
    return ""


def _string(value: object, item: Item, notes: Notes) -> str:
    """A text string (7.9.2.2) or the text of a stream."""
    node = _resolved(value)
    if isinstance(node, PDFStream):
        node = stream_bytes(node, item, notes)
    return charset.decode(node)[0] if isinstance(node, bytes) else ""


def _target(action: dict[Any, Any]) -> str:
    """The file or address that an action names, in any of its places."""
    for holder in (action, _resolved(action.get("Win"))):
        spec = _resolved(holder.get("F")) if isinstance(holder, dict) else None
        spec = _resolved(spec.get("F")) if isinstance(spec, dict) else spec
        if isinstance(spec, bytes):
            return charset.decode(spec)[0]
    return ""
