"""Texts: a part's readable text, the URLs in it, and what a page hides behind its links."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from sekisho_inspection import charset, filetype, headers
from sekisho_inspection.html import read_page
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import link_targets, note_url, note_urls

_TEXTS = frozenset(["", "text/html", "message/rfc822"])
_PAGE = frozenset(["text/html"])
_PAGES = (".html", ".htm", ".xhtml", ".shtml", ".svg", ".hta")


def looks_text(item: Item) -> bool:
    """Whether a nameless part of this declared type is a text to its reader."""
    return item.declared.startswith("multipart/") or item.declared in ("message/delivery-status", "message/partial")


def read_text(item: Item, label: str, body: bool, notes: Notes) -> None:
    """A text part: its readable text, URLs, and what a page hides behind its links."""
    # A file of another type that is only called text; what looks like text is read, whatever magic stands before it.
    if not item.content or (filetype.sniff(item.content) not in _TEXTS and not body and not is_textual(item)):
        return
    found = charset.readings(item.content, label)
    for number, (text, used) in enumerate(found):
        notes.decoding(item.where, label, used, text)
        _note_reading(text, used, item, body, number == 0, notes)
    if len(found) > 1 and charset.is_ambiguous(found, label):
        notes.find("ambiguous-charset", item.where, ", ".join(dict.fromkeys(used for _, used in found)))


def _note_reading(text: str, used: str, item: Item, body: bool, first: bool, notes: Notes) -> None:
    """One plausible text of a part: the first is the one shown, all are searched."""
    shown = text
    if is_page(item):
        shown = _read_html(text, item, notes)
        if item.declared == "text/plain":
            note_urls(text, item.where, notes)
    if first:
        notes.text(item.where, used, shown, body)
    note_urls(shown, item.where, notes)
    if body:
        notes.observe("email-message:body", shown[: notes.limits.max_text_bytes], item.where)
    data = text.encode("utf-8")
    # The bytes themselves are searched with the files.
    if not item.content.endswith(data):
        notes.scan(item, data, item.names[0] if item.names else "", item.declared or "text/plain")


def is_textual(item: Item) -> bool:
    """Whether its beginning has no bytes that only binary data has."""
    return filetype.is_text(item.content)


def is_page(item: Item) -> bool:
    """Whether it is HTML by name, declared type or content."""
    named = any(name.lower().rstrip(". ").endswith(_PAGES) for name in item.names)
    return named or item.declared in ("text/html", "application/xhtml+xml") or filetype.sniff(item.content) in _PAGE


def _read_html(source: str, item: Item, notes: Notes) -> str:
    page = read_page(source)
    if not page.complete:
        notes.gap(item.gap, "malformed", "HTML that could not be read to its end")
    for link in dict.fromkeys(page.links):
        if link[:5].lower() == "data:":
            _read_data(link, item, notes)
            continue
        for target in link_targets(link):
            note_url(target, item.where, notes)
    for action in dict.fromkeys(page.forms):
        notes.find("html-form", item.where, action)
    if page.password_fields:
        notes.find("html-password-form", item.where, f"{page.password_fields} password fields")
    return page.text


def _read_data(link: str, item: Item, notes: Notes) -> None:
    """A file in a link (RFC 2397); pictures, which are many, are none."""
    head, comma, body = link[5:].partition(",")
    if not comma or (head.lower().startswith(("image/", "font/")) and "svg" not in head.lower()):
        return
    content = unquote_to_bytes(body)
    if head.lower().replace(" ", "").endswith(";base64"):
        content = headers.base64_bytes(content)
    if content and notes.spend(len(content), item):
        notes.child(item, content, (), "data")
