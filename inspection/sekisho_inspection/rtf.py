"""RTF: embedded objects, fields and the template that it fetches, by oletools."""

from __future__ import annotations

import logging
import re
import warnings

from sekisho_core.vocabulary import PartState

from sekisho_inspection import charset
from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_url, note_urls

with warnings.catch_warnings():
    # oletools still calls pyparsing by names that pyparsing has deprecated.
    warnings.simplefilter("ignore")
    from oletools import rtfobj

logging.getLogger("rtfobj").setLevel(logging.CRITICAL + 1)

_TEMPLATE = re.compile(rb"\\\*\s*\\template\s+([^{}]{1,2000})", re.I)
_FIELD = re.compile(rb"\\fldinst(?![a-z])", re.I)
_MARKUP = re.compile(rb"\\'([0-9a-f]{2})|\\u([0-9]{1,5}) ?\??|\\\*|\\[a-z]+-?[0-9]* ?|[{}\r\n]", re.I)
_DDE = re.compile(rb"\s*DDE(?:AUTO)?\b(.{0,200})", re.I | re.S)
# An instruction's beginning may be cut by groups and properties; this much of it is read.
_INSTRUCTION = 3000


def read_rtf(item: Item, notes: Notes) -> PartState:
    """Note what the document fetches and runs; objects in it become children."""
    where = item.where
    for match in _TEMPLATE.finditer(item.content):
        target = charset.decode(match[1].strip())[0]
        if "://" in target[:12] or target.startswith(("\\\\", "//")):
            notes.find("office-remote-template", where, target)
            note_url(target, where, notes) if "://" in target else None
    for instruction in _FIELD.split(item.content)[1:]:
        if dde := _DDE.match(_MARKUP.sub(_plain, instruction[:_INSTRUCTION])):
            notes.find("office-dde", where, charset.decode(dde[1].strip())[0])
    note_urls(charset.decode(item.content[: notes.limits.max_text_bytes])[0], where, notes)
    if b"\\obj" in item.content:
        _objects(item, notes)
    return PartState.READ


def _plain(match: re.Match[bytes]) -> bytes:
    """What a control word of RTF stands for in an instruction: a character, or nothing."""
    code = int(match[1], 16) if match[1] else int(match[2] or 0)
    return bytes([code]) if 0 < code < 256 else b""


def _objects(item: Item, notes: Notes) -> None:
    parser = rtfobj.RtfObjParser(item.content)
    try:
        parser.parse()
    except Exception as error:
        notes.gap(item.gap, "malformed", f"RTF objects: {type(error).__name__}")
    for found in parser.objects:
        if found.is_package:
            content, name = found.olepkgdata, found.filename
        else:
            content, name = found.oledata if found.is_ole else found.rawdata, ""
        if content and notes.spend(len(content), item):
            raw = name if isinstance(name, bytes) else (name or "").encode("utf-8", "replace")
            notes.child(item, bytes(content), member_names(raw)[-1:], "rtf", found.start)
