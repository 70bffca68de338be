"""Texts: a part's readable text, the URLs in it, and what a page hides from those who read it."""

from __future__ import annotations

import re
from urllib.parse import unquote, unquote_to_bytes

from sekisho_inspection import calendars, charset, entities, filetype, headers, qr, qr_text
from sekisho_inspection.hosts import host_facts, registered
from sekisho_inspection.html import Page, PageLink, read_page, resolved
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.script_acts import note_acts
from sekisho_inspection.scripts import built
from sekisho_inspection.urls import link_targets, note_url, note_urls, wrapped

_TEXTS = frozenset(["", "text/html", "message/rfc822"])
_PAGE = frozenset(["text/html"])
# Files that state passwords for others beside them.
_NOTES = (".txt", ".text", ".htm", ".html")
_PAGES = (".html", ".htm", ".xhtml", ".shtml", ".svg", ".hta")
# What an anchor's text must be to be taken for an address; files are named so, too.
_ADDRESS = re.compile(
    r"\s*(?:https?:/+)?(?:[^\s/?#@]*@)?((?:[\w-]{1,63}\.){1,20}(?!(?:pdf|docx?|xlsx?|pptx?|zip|txt|html?|jpe?g|png|gif|exe|csv|"
    r"md|py|js|ics|eml)\b)[a-z][\w-]{1,62})\.?(?::\d+)?(?:[/?#]\S*)?\s*",
    re.I,
)
_CHARSET = re.compile(r"charset=\"?([\w.:-]{1,40})")
# Letters hidden beside the text, or words split by them, from which it is worth telling.
_MUCH_HIDDEN, _OFTEN_SPLIT = 40, 2
# From this length on a text with tags that a script puts together is a page of its own, up to so many.
_PAGE_SIZE, _MOST_WRITTEN = 100, 5


def looks_text(item: Item) -> bool:
    """Whether a part of another declared type is a text to its reader: a nameless one of some types, a text file."""
    if item.names:
        named = filetype.called(item.names, _NOTES)
        return named and item.sniffed in _TEXTS and is_textual(item)
    return item.declared.startswith("multipart/") or item.declared in ("message/delivery-status", "message/partial")


def read_text(item: Item, label: str, body: bool, notes: Notes) -> None:
    """A text part: its readable text, URLs, and what a page hides behind its links."""
    # A file of another type that is only called text; what looks like text is read, whatever magic stands before it.
    if not item.content or (item.sniffed not in _TEXTS and not body and not is_textual(item)):
        return
    found = charset.readings(item.content, label)
    for number, (text, used) in enumerate(found):
        notes.decoding(item.where, label, used, text)
        views = _views(text, item, notes)
        if number == 0:
            notes.text(item.where, used, views[0], body)
        _note_views(text, views, item, body, notes)
    if len(found) > 1 and charset.is_ambiguous(found, label):
        notes.find("ambiguous-charset", item.where, ", ".join(dict.fromkeys(used for _, used in found)))


def _views(text: str, item: Item, notes: Notes) -> list[str]:
    """One plausible text of a part as a person reads it, and what else may be read in it."""
    qr_text.read_drawn(text, item, notes)
    if calendars.is_one(text):
        return _read_calendar(text, item, notes)
    return _read_page(text, item, notes) if is_page(item) else [text]


def _note_views(text: str, views: list[str], item: Item, body: bool, notes: Notes) -> None:
    if is_page(item) and item.declared == "text/plain":
        note_urls(text, item.where, notes)
    for view in views:
        note_urls(view, item.where, notes)
        if body:
            notes.observe("email-message:body", view[: notes.limits.max_text_bytes], item.where)
    data = text.encode("utf-8")
    # The bytes themselves are searched with the files.
    if not item.content.endswith(data):
        notes.scan(item, data, item.names[0] if item.names else "", item.declared or "text/plain", "text")


def is_textual(item: Item) -> bool:
    """Whether its beginning has no bytes that only binary data has, or is that of a calendar, which may hold any."""
    return filetype.is_text(item.content) or item.content[:7].upper() == b"BEGIN:V"


def is_page(item: Item) -> bool:
    """Whether it is HTML by name, declared type or content."""
    named = filetype.called(item.names, _PAGES)
    return named or item.declared in ("text/html", "application/xhtml+xml") or item.sniffed in _PAGE


def _read_calendar(text: str, item: Item, notes: Notes) -> list[str]:
    plain, pages = calendars.read_calendar(text, item, notes)
    return [plain, *(view for page in pages for view in _read_page(page, item, notes))]


def _read_page(source: str, item: Item, notes: Notes) -> list[str]:
    """The texts of a page: the one that is seen, the one with what is hidden, and those beside it, as far as they
    differ."""
    if "<!ENTITY" in source:
        source = entities.expanded(source)
        note_urls(source.partition("]>")[0], item.where, notes)
    page = read_page(source)
    if not page.complete:
        notes.gap(item.gap, "malformed", "HTML that could not be read to its end")
    for link in dict.fromkeys(page.links):
        _note_link(link, page.base, item, notes)
    _note_code(page, item, notes)
    for action in dict.fromkeys(page.forms):
        notes.find("html-form", item.where, action)
    if page.password_fields:
        notes.find("html-password-form", item.where, f"{page.password_fields} password fields")
    if page.hidden >= _MUCH_HIDDEN or page.inside >= _OFTEN_SPLIT:
        notes.find("html-hidden-text", item.where, f"{page.hidden} characters, {page.inside} times inside of a word")
    views = list(dict.fromkeys(filter(None, (page.text, page.full, "\n".join(page.asides)))))
    if page.text and page.text != source:
        notes.scan(
            item, page.text.encode("utf-8", "replace"), item.names[0] if item.names else "", "text/html", "shown"
        )
    qr_text.read_drawn(page.drawn, item, notes)
    return views or [""]


def _note_link(link: PageLink, base: str, item: Item, notes: Notes) -> None:
    written = link.written
    if written[:5].lower() == "data:":
        _read_data(link, item, notes)
        return
    targets = link_targets(resolved(base, written))
    for target in targets:
        note_url(target, item.where, notes)
    if written[:20].lower().lstrip().startswith(("javascript:", "vbscript:", "data:")):
        for text in built(unquote(written)).texts:
            note_urls(text, item.where, notes)
    if link.anchor:
        meant = tuple(dict.fromkeys([*targets, *(inner for target in targets for inner in wrapped(target))]))
        notes.link(item.where, link.shown, written, meant)
        if _misleads(link.shown, meant):
            notes.find("html-link-mismatch", item.where, f"{link.shown} leads to {meant[0]}")


def _misleads(shown: str, meant: tuple[str, ...]) -> bool:
    """Whether a link's text is an address of another domain than those to which it leads."""
    found = _ADDRESS.fullmatch(shown) if "." in shown and meant else None
    stated = host_facts(found[1]) if found else ()
    hosts = [host_facts(other[1]) for url in meant if (other := _ADDRESS.match(url))]
    led = {registered(facts[-1][1]) for facts in hosts if facts}
    return bool(stated and led) and registered(stated[-1][1]) not in led


def _note_code(page: Page, item: Item, notes: Notes) -> None:
    """URLs of scripts and styles as they stand and as they put them together, and the files that scripts make."""
    note_urls("\n".join(dict.fromkeys([*page.code, *page.scripts])), item.where, notes)
    code = "\n".join(dict.fromkeys(page.scripts))
    if not code.strip():
        return
    made = built(code, page.stores)
    for text in made.texts:
        note_urls(text, item.where, notes)
    note_acts([code, *made.texts], item, notes)
    _note_written([text for text in made.texts if text.encode("utf-8", "replace") not in made.files], item, notes)
    files = False
    for content in made.files:
        kind = filetype.sniff(content)
        if kind.startswith("image/"):
            qr.read_picture_bytes(content, item, notes)
        elif kind:
            files = files or kind != "text/html"
            if notes.spend(len(content), item):
                notes.child(item, content, (made.name,) if made.name else (), "script")
        else:
            if filetype.is_text(content):
                note_urls(content.decode("utf-8", "replace"), item.where, notes)
            if made.saves and notes.spend(len(content), item):
                notes.child(item, content, (made.name,) if made.name else (), "script")
    if made.unread:
        notes.gap(item.gap, "unreadable", "a file that a script puts together of data that could not be read")
    if files or made.saves:
        notes.find("html-script-file", item.where, made.name or "a file that a script puts together")


def _note_written(texts: list[str], item: Item, notes: Notes) -> None:
    """Pages that a script puts together, to show them, are parts: they have forms and links of their own."""
    pages = [text for text in texts if len(text) >= _PAGE_SIZE and "<" in text[:200]]
    for text in pages[:_MOST_WRITTEN]:
        content = text.encode("utf-8", "replace")
        if filetype.sniff(content) == "text/html" and notes.spend(len(content), item):
            notes.child(item, content, (), "script")


def _read_data(link: PageLink, item: Item, notes: Notes) -> None:
    """A file in a link (RFC 2397); of pictures, which are many, only what QR codes say."""
    head, comma, body = link.written[5:].partition(",")
    kind = head.lower().replace(" ", "")
    if not comma or kind.startswith("font/"):
        return
    content = unquote_to_bytes(body)
    if kind.endswith(";base64"):
        content = headers.base64_bytes(content)
    if not content or not notes.spend(len(content), item):
        return
    if label := _CHARSET.search(kind):
        note_urls(charset.decode(content, label[1])[0], item.where, notes)
    if kind.startswith("image/") and "svg" not in kind and filetype.sniff(content).partition("/")[0] in ("", "image"):
        qr.read_picture_bytes(content, item, notes)
    else:
        notes.child(item, content, (link.name,) if link.name else (), "data")
