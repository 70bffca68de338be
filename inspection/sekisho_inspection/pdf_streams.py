"""The streams of a PDF that are neither pictures nor fonts, unpacked: links, files, and what rules find in them."""

from __future__ import annotations

import re

from sekisho_inspection import filetype, pdf_scripts
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.pdf_document import Document, text_of
from sekisho_inspection.pdf_files import Files
from sekisho_inspection.pdf_filters import PICTURES
from sekisho_inspection.pdf_syntax import Stream, of_hex, unescaped
from sekisho_inspection.urls import note_urls

# Unpacked bytes of one file that are searched; of one stream that are searched for links.
_MAX_SEARCHED = 32 << 20
_MAX_LINKS = 4 << 20
_OTHER_TYPES = frozenset(["XRef", "ObjStm"])
_FONT = frozenset(["Length1", "Length2", "Length3"])
_FONT_TYPES = frozenset(["Type1C", "CIDFontType0C", "OpenType"])
# What may begin a link, in a stream or over the strings of one text.
_LINK = re.compile(rb"https?:|www\.|ftp:|\\\\", re.I)
_SHOWN = re.compile(
    rb"\(((?:[^()\\]++|\\.)*+)\)|<([0-9A-Fa-f\s]++)>|(?<![A-Za-z0-9])(T[dDm*]|ET|['\"])(?![A-Za-z0-9])", re.S
)
_HEAD = b"%PDF-1.7\n"


def read_streams(document: Document, files: Files, item: Item, notes: Notes) -> list[bytes]:
    """Note links and files in streams; what they hold, for rules to search."""
    found: list[bytes] = []
    left = _MAX_SEARCHED
    for holder in document.objects:
        stream = holder.value
        if type(stream) is not Stream or not _is_of_interest(document, stream):
            continue
        if document.words(stream.attrs.get("Type")) & {"EmbeddedFile"}:
            files.lonely(stream, holder.place)
            continue
        filters = [name for name, _ in document.filters(stream)]
        content = document.content(stream, _is_unknown(filters))
        if content is None or not PICTURES.isdisjoint(filters):
            continue
        left -= len(content)
        if left < 0:
            notes.find("pdf-stream-unread", item.where, f"more than {_MAX_SEARCHED} bytes of streams")
            break
        files.by_content(stream, content, holder.place)
        _note_links(content, item, notes)
        found.append(content)
    return found


def search_all(pieces: list[bytes], item: Item, notes: Notes) -> None:
    """Search what streams and scripts hold by rules, as one PDF file that packs nothing."""
    if pieces:
        name = item.names[0] if item.names else ""
        notes.scan(item, _HEAD + b"\n".join(dict.fromkeys(pieces)), name, "application/pdf")


def _is_of_interest(document: Document, stream: Stream) -> bool:
    attrs = stream.attrs
    if not _FONT.isdisjoint(attrs) or ("Width" in attrs and "Height" in attrs):
        return False
    subtypes = document.words(attrs.get("Subtype"))
    return not (document.words(attrs.get("Type")) & _OTHER_TYPES or subtypes & _FONT_TYPES)


def _is_unknown(filters: list[str]) -> bool:
    """Whether a filter is one that nobody here knows."""
    return any(name not in _KNOWN for name in filters)


_KNOWN = PICTURES | {"FlateDecode", "LZWDecode", "ASCIIHexDecode", "ASCII85Decode", "RunLengthDecode", "Crypt"}


def _note_links(content: bytes, item: Item, notes: Notes) -> None:
    part = content[:_MAX_LINKS]
    if filetype.is_text(part) and _LINK.search(part):
        note_urls(pdf_scripts.without_namespaces(text_of(part)), item.where, notes)
    if b"BT" in part and (b"Tj" in part or b"TJ" in part):
        shown = shown_text(part)
        if _LINK.search(shown):
            note_urls(text_of(shown), item.where, notes)


def shown_text(content: bytes) -> bytes:
    """The strings that a page's content shows, in their order, a line for each position; fonts' codes as they are."""
    out = []
    for match in _SHOWN.finditer(content):
        out.append(b"\n" if match[3] else unescaped(match[1]) if match[1] is not None else of_hex(match[2]))
    return b"".join(out)
