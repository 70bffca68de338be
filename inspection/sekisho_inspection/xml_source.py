"""XML as the source of a document part: decoded, its entities told and not resolved, the links in it.

No XML parser means no entity, no external DTD: what is looked for stands in attributes and runs of text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import islice

from sekisho_inspection import charset
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_urls

_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([\w.:-]{1,40})", re.I)
_DOCTYPE = re.compile(r"<!DOCTYPE\s[^<>\[]{0,2000}", re.I)
_EXTERNAL = re.compile(
    r"\b(?:SYSTEM\s+|PUBLIC\s+(?:\"[^\"<>]{0,500}\"|'[^'<>]{0,500}')\s+)(\"[^\"<>]{0,2048}\"|'[^'<>]{0,2048}')"
)
_ENTITY = re.compile(r"<!ENTITY\s+(?:%\s+)?[^\s<>]{1,200}\s+([^<>]{0,4000})", re.I)
_STYLESHEET = re.compile(r"<\?xml-stylesheet\s[^>]{0,2000}?href\s*=\s*[\"']([^\"']{1,2048})", re.I)
# DTDs that harmless pages and pictures name, and that nobody fetches.
_KNOWN = re.compile(r"https?://(?:www\.)?(?:w3\.org|openoffice\.org|apple\.com|oasis-open\.org|wapforum\.org)/", re.I)
# What a link has in it: a scheme's end, or the beginning of a server's share.
_MARKS = ("://", ":\\\\", '"\\\\', "'\\\\", ">\\\\")
_EDGE = re.compile(r"[\"'<>]")
_NAMESPACE = re.compile(r"(?:^|\s)(?:xmlns(?::[\w.-]{1,100})?|[\w.-]{0,40}:?schemaLocation)\s*=\s*$")
_SCHEMAS = re.compile(
    r"(?:https?://(?:schemas\.(?:openxmlformats|microsoft|xmlsoap)\.(?:org|com)|(?:www\.)?(?:w3|oasis-open|openoffice)\.org"
    r"|purl\.o(?:rg|clc\.org)|ns\.adobe\.com|drafts\.oasis-open\.org|docs\.oasis-open\.org)/|urn:|wordml:)", re.I,
)  # fmt: skip
_LONGEST = 2048
# Links of one part; a part with more is a list, of which notes say a limit themselves.
_MAX_LINKS = 20_000
_MAX_ENTITIES = 200


def decoded(content: bytes) -> str:
    """The source as its declaration says, or as it reads best; comments left out and CDATA as text."""
    named = _ENCODING.match(content[:300].lstrip())
    source = charset.decode(content, named[1].decode("ascii") if named else "utf-8")[0]
    source = "".join(_outside(source, "<!--", "-->"))
    return "".join(_outside(source, "<![CDATA[", "]]>", inside=True))


def _outside(source: str, opening: str, closing: str, inside: bool = False) -> Iterator[str]:
    """The pieces around each pair of marks, and with `inside` what stands between as escaped text. One without an end
    stays as it is."""
    at = 0
    while (start := source.find(opening, at)) >= 0 and (end := source.find(closing, start + len(opening))) >= 0:
        yield source[at:start]
        if inside:
            yield html.escape(source[start + len(opening) : end], quote=False)
        at = end + len(closing)
    yield source[at:]


def note_entities(source: str, place: str, item: Item, notes: Notes) -> None:
    """Note entities that a document declares, and a DTD or style sheet that it names elsewhere; none is resolved."""
    if "<!" not in source and "<?xml-stylesheet" not in source:
        return
    where = item.at(place)
    head = source[:20_000]
    for match in islice(_ENTITY.finditer(source), _MAX_ENTITIES):
        outside = _EXTERNAL.match(match[1])
        notes.find("xml-entity", where, f"outside: {outside[1][1:-1]}" if outside else "entities of its own")
        note_urls(match[1], where, notes)
    if (doctype := _DOCTYPE.search(head)) and (outside := _EXTERNAL.search(doctype[0])):
        target = outside[1][1:-1]
        if "://" in target and not _KNOWN.match(target):
            notes.find("xml-entity", where, f"a DTD elsewhere: {target}")
            note_urls(target, where, notes)
    if style := _STYLESHEET.search(head):
        note_urls(html.unescape(style[1]), where, notes)


def note_links(source: str, place: str, item: Item, notes: Notes, texts: bool = True) -> None:
    """Note the URLs in attributes, and in texts unless these are read elsewhere, without names of namespaces and
    schemas."""
    plain = html.unescape(source) if "&#" in source else source
    if found := list(dict.fromkeys(links(plain, texts))):
        note_urls("\n".join(found), item.at(place), notes)


def links(source: str, texts: bool) -> Iterator[str]:
    """Each value or run of text that holds a link, up to 2,048 characters around it."""
    end = 0
    places = sorted(place for mark in _MARKS for place in islice(_places(source, mark), _MAX_LINKS))
    for place in places:
        if place < end:
            continue
        start = _last_edge(source, place + 1)
        edge = _EDGE.search(source, place + 1, place + _LONGEST)
        end = edge.start() if edge else place + _LONGEST
        text = source[start:end]
        if not texts and source[start - 1 : start] == ">":
            continue
        if not _SCHEMAS.match(text) and not _NAMESPACE.search(source, max(0, start - 160), max(0, start - 1)):
            yield html.unescape(text)


def _places(source: str, mark: str) -> Iterator[int]:
    at = source.find(mark)
    while at >= 0:
        yield at
        at = source.find(mark, at + 1)


def _last_edge(source: str, at: int) -> int:
    low = max(0, at - _LONGEST)
    return max(source.rfind(edge, low, at) for edge in "\"'<>") + 1 or low
