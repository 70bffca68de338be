"""OpenDocument (ISO/IEC 26300): a ZIP whose encryption and macros stand in members, not in ZIP's own fields."""

from __future__ import annotations

import re

from sekisho_core.vocabulary import PartState

from sekisho_inspection import zip
from sekisho_inspection.notes import Item, Notes

KIND = "application/vnd.oasis.opendocument"
_LOCAL_NAME = b"mimetype"
_CODE = re.compile(rb"^(?:Basic|Scripts)/.+(?<!script-lc\.xml)(?<!script-lb\.xml)(?<!/)$", re.I)
_EVENT = re.compile(rb"<script:event-listener\b[^>]{0,500}\b(?:dom:load|office:load|on-?load|view-created)\b", re.I)


def is_one(content: bytes) -> bool:
    """Whether a ZIP begins with the member that states an OpenDocument type (part 3, section 3.3)."""
    return content[30:38] == _LOCAL_NAME and content[38:120].lstrip().startswith(KIND.encode())


def read_opendocument(item: Item, notes: Notes) -> PartState:
    """Members as those of any ZIP; encrypted ones are a gap, Basic and scripts are macros."""
    state = zip.read_zip(item, notes)
    try:
        members = zip.directory(item.content)
    except zip.DamagedZip:
        return state
    for member in members:
        if _CODE.match(member.raw_name):
            notes.find("office-macro", item.where, "OpenDocument macro")
        if member.raw_name == b"META-INF/manifest.xml" and not member.encrypted:
            state = _manifest(zip.content_of(item, member, notes) or b"", item, state, notes)
        elif member.raw_name == b"content.xml" and _EVENT.search(zip.content_of(item, member, notes) or b""):
            notes.find("office-auto-macro", item.where, "a macro that runs when opened")
    return state


def _manifest(content: bytes, item: Item, state: PartState, notes: Notes) -> PartState:
    """Encrypted members (part 3, section 4.8) look like any others to ZIP."""
    if b"encryption-data" not in content:
        return state
    notes.gap(item.gap, "locked", "OpenDocument encryption, which no reader here opens")
    return PartState.LOCKED
