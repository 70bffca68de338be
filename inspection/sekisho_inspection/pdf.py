"""PDF (ISO 32000-1 and -2): what the document does and holds, in every revision, and the text of its first pages."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

from sekisho_core.vocabulary import PartState

from sekisho_inspection import pdf_objects, pdf_pictures, pdf_shape, pdf_streams, pdf_text
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.pdf_actions import Walk
from sekisho_inspection.pdf_crypt import Lock, UnknownHandler
from sekisho_inspection.pdf_document import Access, Document
from sekisho_inspection.pdf_files import Files
from sekisho_inspection.pdf_objects import Scanned
from sekisho_inspection.pdf_pages import first_pages
from sekisho_inspection.pdf_syntax import Stream
from sekisho_inspection.urls import note_urls

# Encryption dictionaries of one file that are tried; an update repeats the one that there is.
_MAX_LOCKS = 4
_PAGES = 2
KIND = "application/pdf"
# Data of a form, with actions and scripts of its own (ISO 32000-1 section 12.7.7), which has no tables.
FORM_DATA = "application/vnd.fdf"
# The reading of a web page inside of a PDF ("MalDoc in PDF": Word opens what follows the first field of a message).
WEB_PAGE = "pdf-mht"
_MESSAGE = re.compile(rb"^mime-version[ \t]{0,20}:", re.I | re.M)
# Where programs look for the header (implementation note 13), with some room.
_NEAR = 1100

logging.getLogger("pdfminer").setLevel(logging.CRITICAL + 1)


def may_be_pdf(item: Item, kind: str) -> bool:
    """Whether a file that shows another type is a PDF as well, to programs that look for the header further on."""
    return kind != KIND and b"%PDF-" in item.content[:_NEAR] and b"obj" in item.content


def read_message(item: Item, notes: Notes) -> None:
    """Put a message that stands in the file on the list of what is to be read: Word opens web pages so kept."""
    if b"ultipart/" in item.content and (start := _MESSAGE.search(item.content)):
        content = item.content[start.start() :]
        if notes.spend(len(content), item):
            notes.child(item, content, (), WEB_PAGE, start.start())


def note_misnamed(item: Item, kind: str, notes: Notes) -> None:
    """Note what is declared as a PDF and is none."""
    if item.declared == KIND and kind != KIND and item.content:
        notes.find("pdf-damaged", item.where, f"called a PDF, and is {kind or 'none'}")


def read_pdf(item: Item, notes: Notes) -> PartState:
    """Note what the file does and holds. `opened` when a password of the mail opened it."""
    data = item.content
    scanned = pdf_objects.scan(data, pdf_objects.Budget(len(data)))
    for reason, detail in scanned.problems:
        notes.gap(item.gap, reason, detail)
    if not scanned.objects:
        notes.gap(item.gap, "unreadable", "PDF without objects")
        return PartState.UNREADABLE
    for departure in pdf_shape.departures(data, scanned):
        notes.find("pdf-damaged", item.where, departure)
    states = [_read_as(Document(data, scanned, access, item, notes), access, item, notes)
              for access in _accesses(data, scanned, item, notes)]  # fmt: skip
    return next((state for state in (PartState.LOCKED, PartState.OPENED) if state in states), PartState.READ)


def _read_as(document: Document, access: Access, item: Item, notes: Notes) -> PartState:
    """One reading of the file, in the clear as far as its lock opened."""
    files = Files(document, not (access.is_open and access.files_open), item, notes)
    walk = Walk(document, files, item, notes)
    for found in document.objects:
        walk.visit(found)
    walk.join_links()
    _note_lengths(document, item, notes)
    pieces = pdf_streams.read_streams(document, files, item, notes)
    pieces += walk.search_strings() if access.is_open else []
    pdf_streams.search_all(pieces + walk.scripts, item, notes)
    if access.is_open:
        _draw(document, item, notes)
    return access.state


def _note_lengths(document: Document, item: Item, notes: Notes) -> None:
    streams = (found for found in document.objects if type(found.value) is Stream)
    wrong = next((found for found in streams if not document.has_true_length(found.value)), None)
    if wrong:
        notes.find("pdf-damaged", item.where, f"a stream of another length: {wrong.place}")


def _draw(document: Document, item: Item, notes: Notes) -> None:
    """The text of the first pages, and the codes in their pictures."""
    try:
        pages = first_pages(document, _PAGES)
    # What pdfminer.six does not take for a page shows as whatever it breaks.
    except Exception as error:
        notes.find("pdf-text-unread", item.where, type(error).__name__)
        return
    text, problem = pdf_text.text_of_pages(pages)
    if problem:
        notes.find("pdf-text-unread", item.where, problem)
    notes.text(item.where, "pdf", text)
    note_urls(text, item.where, notes)
    pdf_pictures.read_pictures(pages, item, notes)


def _accesses(data: bytes, scanned: Scanned, item: Item, notes: Notes) -> Iterator[Access]:
    """The ways to read the file: as each of its trailers says. Where they differ over encryption, programs do too."""
    stated: dict[int, dict[str, Any]] = {}
    plain = not scanned.trailers
    for trailer in scanned.trailers:
        holder = scanned.one(trailer.get("Encrypt"))
        if isinstance(holder, dict):
            stated.setdefault(id(holder), holder)
        plain = plain or (holder is None and "Root" in trailer)
    if plain or not stated:
        yield Access(None, True, PartState.READ)
    distinct = {repr(sorted(holder.items())): holder for holder in stated.values()}
    for holder in list(distinct.values())[-_MAX_LOCKS:]:
        access = _access(holder, scanned, item, notes)
        method = access.lock.method if access.lock else "an unknown handler"
        notes.find("pdf-encrypted", item.where, f"{method}, {access.state.value}")
        yield access


def _access(holder: dict[str, Any], scanned: Scanned, item: Item, notes: Notes) -> Access:
    identifier = next((found for trailer in scanned.trailers if (found := _file_id(trailer, scanned))), b"")
    try:
        lock = Lock(holder, identifier, scanned.one)
        state = _try_passwords(lock, item, notes)
    except UnknownHandler as error:
        notes.gap(item.gap, "locked", f"a security handler that takes no password: {error}")
        return Access(None, False, PartState.LOCKED)
    if state == PartState.LOCKED and lock.only_files:
        return Access(lock, True, PartState.READ, False)
    if state == PartState.LOCKED:
        notes.gap(item.gap, "locked", "no password that was tried opens it")
    return Access(lock, state != PartState.LOCKED, state, state != PartState.LOCKED)


def _try_passwords(lock: Lock, item: Item, notes: Notes) -> PartState:
    """The state that a password gives; the empty user password is no lock (7.6.4.4)."""
    if lock.open(""):
        return PartState.READ
    for password in notes.passwords():
        if not notes.try_password(lock.rounds, item):
            break
        if lock.open(password):
            return PartState.OPENED
    return PartState.LOCKED


def _file_id(trailer: dict[str, Any], scanned: Scanned) -> bytes:
    stated = scanned.one(trailer.get("ID"))
    first = scanned.one(stated[0]) if isinstance(stated, list) and stated else None
    return first if isinstance(first, bytes) else b""
