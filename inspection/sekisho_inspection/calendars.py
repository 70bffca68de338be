"""Calendars and address cards (RFC 5545, RFC 6350): their values in one piece, and the files in them."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator

from sekisho_inspection import headers
from sekisho_inspection.notes import Item, Notes

_BEGIN = re.compile(r"\s*BEGIN:V(?:CALENDAR|CARD)\b", re.I)
_FOLD = re.compile(r"\r?\n[ \t]")
_SOFT = re.compile(r"=\r?\n")
_ESCAPE = re.compile(r"\\([nN,;:\\])")
_NAME = re.compile(r"(?:FILENAME|X-FILENAME|X-APPLE-FILENAME)=\"?([^\";:]{1,255})", re.I)
_CODED = re.compile(r"ENCODING=\"?(BASE64|B)\b", re.I)
_QUOTED = re.compile(r"ENCODING=\"?QUOTED-PRINTABLE\b", re.I)
_FILES = ("ATTACH", "PHOTO", "LOGO", "SOUND", "KEY")


def is_one(text: str) -> bool:
    """Whether a text is a calendar or a card."""
    return _BEGIN.match(text[:200].lstrip("\ufeff")) is not None


def read_calendar(text: str, item: Item, notes: Notes) -> tuple[str, list[str]]:
    """The text with folded lines joined and escapes undone, and the pages in it (X-ALT-DESC); files become parts."""
    lines, pages = [], []
    for name, parameters, value in _values(text):
        if _CODED.search(parameters) and name in _FILES:
            _file(parameters, value, item, notes)
        elif name == "X-ALT-DESC" or "text/html" in parameters.lower():
            pages.append(value)
        else:
            lines.append(f"{name}: {value}")
    return "\n".join(lines), pages


def _values(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, parameters and value of each line."""
    if "QUOTED-PRINTABLE" in text.upper():
        text = _SOFT.sub("", text)
    for line in _FOLD.sub("", text).split("\n"):
        head, colon, value = _split(line)
        if colon:
            name, _, parameters = head.partition(";")
            if _QUOTED.search(parameters):
                value = quopri.decodestring(value.encode("utf-8", "replace")).decode("utf-8", "replace")
            plain = _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value.strip())
            yield name.rpartition(".")[2].strip().upper(), parameters, plain


def _split(line: str) -> tuple[str, str, str]:
    """At the first colon that stands in no quotation marks (RFC 5545 section 3.1)."""
    head, colon, value = line.partition(":")
    while colon and head.count('"') % 2 and '"' in value:
        quoted, quote, value = value.partition('"')
        rest, colon, value = value.partition(":")
        head += f":{quoted}{quote}{rest}"
    return head, colon, value


def _file(parameters: str, value: str, item: Item, notes: Notes) -> None:
    content = headers.base64_bytes(value.encode("ascii", "ignore"))
    named = _NAME.search(parameters)
    if content and notes.spend(len(content), item):
        notes.child(item, content, (named[1],) if named else (), "calendar")
