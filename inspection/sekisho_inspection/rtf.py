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
_DDE = re.compile(rb"\\fldinst[^\\{}]{0,20}(?:[{}\s]|\\[a-z]+-?\d*\s?){0,60}?\s*DDE(?:AUTO)?\b([^{}]{0,200})", re.I)


def read_rtf(item: Item, notes: Notes) -> PartState:
    """Note what the document fetches and runs; objects in it become children."""
    where = item.where
    for match in _TEMPLATE.finditer(item.content):
        target = charset.decode(match[1].strip())[0]
        if "://" in target[:12] or target.startswith(("\\\\", "//")):
            notes.find("office-remote-template", where, target)
            note_url(target, where, notes) if "://" in target else None
    for match in _DDE.finditer(item.content):
        notes.find("office-dde", where, charset.decode(match[1].strip())[0])
    note_urls(charset.decode(item.content[: notes.limits.max_text_bytes])[0], where, notes)
    if b"\\obj" in item.content:
        _objects(item, notes)
    return PartState.READ


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
