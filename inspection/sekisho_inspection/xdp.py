"""XDP, Adobe's form of XML around a PDF or an XFA form (XFA specification 3.3, chapter 20): the file in it, scripts."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from sekisho_core.vocabulary import PartState

from sekisho_inspection import entities, filetype, headers, pdf_scripts
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.xml_source import decoded, note_entities

KIND = "application/vnd.adobe.xdp+xml"
READING = "xdp"
_MARKS = (b"ns.adobe.com/xdp", b"<?xfa ")
_HEAD = 4096
_CHUNK = re.compile(r"<(?:[^\s<>:/]{1,100}:)?chunk\b[^<>]{0,2000}>([^<]*+)<")


def sniff(item: Item) -> str:
    """The type, by the namespace near the beginning, or anywhere in a file that is called one; "" for others."""
    named = filetype.called(item.names, ".xdp")
    head = item.content if named else item.content[:_HEAD]
    if b"<" not in head or not filetype.is_text(head):
        return ""
    plain = head.replace(b"\0", b"") if b"\0" in head else head
    return KIND if any(mark in plain for mark in _MARKS) else ""


def read_xdp(item: Item, notes: Notes) -> PartState:
    """Note what the form runs and sends; the document in it, in Base64, becomes a part."""
    source = decoded(item.content)
    note_entities(source, "", item, notes)
    if "<!ENTITY" in source:
        source = entities.expanded(source)
    form = _CHUNK.sub("<", source)
    layers = pdf_scripts.note_xfa(form, item, notes)
    if layers:
        notes.scan(item, b"\n".join(layers), item.names[0] if item.names else "", KIND, "scripts")
    for content in _documents(source):
        if notes.spend(len(content), item):
            notes.child(item, content, (), READING)
    return PartState.READ


def _documents(source: str) -> Iterator[bytes]:
    """The pieces as one file, and those that are files by themselves."""
    pieces = [
        headers.base64_bytes(html.unescape(found[1]).encode("ascii", "ignore")) for found in _CHUNK.finditer(source)
    ]
    whole = b"".join(pieces)
    yield from dict.fromkeys([whole] if whole else [])
    if len(pieces) > 1:
        yield from (piece for piece in pieces[1:] if filetype.sniff(piece))
