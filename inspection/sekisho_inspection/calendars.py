"""Calendars and address cards (RFC 5545, RFC 6350, vCard 2.1): their values in one piece, and the files in them."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from sekisho_inspection import charset, filetype, headers
from sekisho_inspection.notes import Item, Notes

_BEGIN = re.compile(r"\s*BEGIN:V(?:CALENDAR|CARD)\b", re.I)
# A quotation mark without another one is a character like any.
_HEAD = re.compile(r'(?:[^":]++|"[^"]*+"|")*+')
_FOLD = re.compile(r"\r?\n[ \t]")
_SOFT = re.compile(r"=\r?\n")
_ESCAPE = re.compile(r"\\([nN,;:\\])")
_NAME = re.compile(r"(?:FILENAME|X-FILENAME|X-APPLE-FILENAME)=\"?([^\";:]{1,255})", re.I)
# Version 2.1 writes the value of a parameter without its name.
_CODED = re.compile(r"(?:^|;)\s*(?:ENCODING\s*=\s*)?\"?(?:BASE64|B)\"?\s*(?:;|$)", re.I)
_QUOTED = re.compile(r"(?:^|;)\s*(?:ENCODING\s*=\s*)?\"?QUOTED-PRINTABLE\"?\s*(?:;|$)", re.I)
_CHARSET = re.compile(r"(?:^|;)\s*CHARSET\s*=\s*\"?([\w.:-]{1,40})", re.I)
_DATA = re.compile(r"data:([^,]{0,200}),", re.I)
_FILES = ("ATTACH", "PHOTO", "LOGO", "SOUND", "KEY")


def is_one(text: str) -> bool:
    """Whether a text is a calendar or a card."""
    return _BEGIN.match(text[:200].lstrip("\ufeff")) is not None


def read_calendar(text: str, item: Item, notes: Notes) -> tuple[str, list[str]]:
    """The text with folded lines joined and escapes undone, and the pages in it (X-ALT-DESC); files become parts."""
    lines, pages = [], []
    for name, parameters, value in _values(text):
        content = _content(parameters, value)
        if content is not None and (name in _FILES or not filetype.is_text(content)):
            _file(parameters, content, item, notes)
            continue
        plain = value if content is None else charset.decode(content, _label(parameters))[0]
        if name == "X-ALT-DESC" or "text/html" in parameters.lower():
            pages.append(plain)
        else:
            lines.append(f"{name}: {plain}")
    return "\n".join(lines), pages


def _values(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, parameters and value of each property."""
    for head, value in _properties(text):
        name, _, parameters = head.partition(";")
        if _QUOTED.search(parameters):
            value = charset.decode(quopri.decodestring(value.encode("utf-8", "replace")), _label(parameters))[0]
        plain = _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value.strip())
        yield name.rpartition(".")[2].strip().upper(), parameters, plain


def _properties(text: str) -> Iterator[tuple[str, str]]:
    """What stands before and behind the colon of each property; a line without a colon goes on with base64."""
    lines = text if "\n" in text else text.replace("\r", "\n")
    if "QUOTED-PRINTABLE" in lines.upper():
        lines = _SOFT.sub("", lines)
    head, pieces = "", list[str]()
    for line in _FOLD.sub("", lines).split("\n"):
        before, colon, value = _split(line)
        if not colon:
            pieces += [line] if _CODED.search(head.partition(";")[2]) else []
            continue
        if head:
            yield head, "".join(pieces)
        head, pieces = before, [value]
    if head:
        yield head, "".join(pieces)


def _split(line: str) -> tuple[str, str, str]:
    """At the first colon that stands in no quotation marks (RFC 5545 section 3.1)."""
    head = _HEAD.match(line)
    at = head.end() if head else 0
    return line[:at], line[at : at + 1], line[at + 1 :]


def _label(parameters: str) -> str:
    """The charset that version 2.1 states; later versions are UTF-8."""
    stated = _CHARSET.search(parameters)
    return stated[1] if stated else "utf-8"


def _content(parameters: str, value: str) -> bytes | None:
    """The bytes of a value in base64 or of a `data:` address (RFC 2397); None for a text."""
    if _CODED.search(parameters):
        return headers.base64_bytes(value.encode("ascii", "ignore"))
    if stated := _DATA.match(value):
        content = unquote_to_bytes(value[stated.end() :])
        return headers.base64_bytes(content) if stated[1].lower().rstrip().endswith(";base64") else content
    return None


def _file(parameters: str, content: bytes, item: Item, notes: Notes) -> None:
    named = _NAME.search(parameters)
    if content and notes.spend(len(content), item):
        notes.child(item, content, (named[1],) if named else (), "calendar")
