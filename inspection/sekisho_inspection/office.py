"""Office Open XML (ECMA-376): members, external targets, fields and text, without an XML parser.

No XML parser means no entity, no external DTD: what is looked for stands in attributes and runs of text.
"""

from __future__ import annotations

import html
import re

from sekisho_core.vocabulary import PartState

from sekisho_inspection import charset, zip
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_url, note_urls

OOXML = "application/vnd.openxmlformats-officedocument"
_KINDS = (
    (b"word/", f"{OOXML}.wordprocessingml.document"),
    (b"xl/", f"{OOXML}.spreadsheetml.sheet"),
    (b"ppt/", f"{OOXML}.presentationml.presentation"),
)
_RELATION = re.compile(r"<(?:\w+:)?Relationship\b([^>]{1,5000})>", re.I)
_ATTRIBUTE = re.compile(r"([\w:]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
# Relations whose target is fetched when the document opens, without a click.
_FETCHED = ("attachedtemplate", "oleobject", "frame", "subdocument", "externallinkpath", "mailmergesource", "control")
_INSTRUCTION = re.compile(
    r"<w:(?:instrText|delInstrText)\b[^>]*>([^<]*)<|<w:fldSimple\b[^>]*?w:instr\s*=\s*[\"']([^\"']*)", re.I
)
_DDE = re.compile(r"\bDDE(?:AUTO)?\b", re.I)
_REMOTE = re.compile(r"(?:https?|ftp)://|\\\\[^\\?.]|//[^/]|file:(?://[^/]|/{4,}|\\\\)|mhtml:|ms-\w+:", re.I)
_BREAKS = re.compile(r"</(?:w:p|a:p|si|row|w:tr)>|<w:(?:br|tab)\b[^>]*>", re.I)
_TAGS = re.compile(r"<[^>]*>")
_TEXTS = re.compile(
    rb"word/(?:document|header\d*|footer\d*|comments|footnotes)\.xml|xl/sharedStrings\.xml|ppt/slides/slide\d+\.xml"
)
_AUTO_NAME = re.compile(r"_xlnm\.Auto_(?:Open|Close|Activate)|name\s*=\s*\"Auto_(?:Open|Close)", re.I)

_AUTO_BINARY = re.compile(rb"A\0u\0t\0o\0_\0(?:O\0p\0e\0n|C\0l\0o\0s\0e|A\0c\0t\0i\0v\0a\0t\0e)", re.I)


def is_ooxml(content: bytes) -> bool:
    """Whether a ZIP is an Office file by the member that each must have."""
    return b"[Content_Types].xml" in content and any(folder in content for folder, _ in _KINDS)


def exact_type(content: bytes) -> str:
    """The media type of an Office file by the folder that its main part lies in."""
    places = [(content.find(folder), kind) for folder, kind in _KINDS]
    return min((place, kind) for place, kind in places if place >= 0)[1]


def read_ooxml(item: Item, notes: Notes) -> PartState:
    """Note external targets, DDE and macro sheets; binary members become children, so macros are read there."""
    try:
        members = zip.directory(item.content)
    except zip.DamagedZip as problem:
        # Word repairs such files (and only its own kind), so what can be reached is read and the rest said.
        notes.gap(item.gap, "malformed", f"Office file: {problem}")
        return zip.read_zip(item, notes)
    if any(member.encrypted for member in members):
        return zip.read_zip(item, notes)
    zip.compare_counts(item, members, notes)
    for member in members:
        if not member.is_folder and (content := zip.content_of(item, member, notes)) is not None:
            _read_member(member, content, item, notes)
    return PartState.READ


def _read_member(member: zip.Member, content: bytes, item: Item, notes: Notes) -> None:
    name = member.raw_name.lower()
    if name.startswith(b"xl/macrosheets/") and b"/_rels/" not in name:
        notes.find("office-macro", item.where, "Excel 4 macro sheet")
    if not name.endswith((b".xml", b".rels", b".vml")):
        if name == b"xl/workbook.bin" and _AUTO_BINARY.search(content):
            notes.find("office-auto-macro", item.where, "a sheet that runs when opened")
        notes.child(item, content, member.names, "ooxml", member.header, member.packed)
        return
    source = charset.decode(content, "utf-8")[0]
    if name.endswith(b".rels"):
        _relations(source, item, notes)
    elif name.startswith(b"xl/"):
        _workbook(source, item, notes)
    elif fields := "".join(first or second for first, second in _INSTRUCTION.findall(source)):
        _fields(html.unescape(fields), item, notes)
    if _TEXTS.fullmatch(member.raw_name):
        text = html.unescape(_TAGS.sub("", _BREAKS.sub("\n", source)))
        notes.text(item.where, "utf-8", text)
        note_urls(text, item.where, notes)


def _relations(source: str, item: Item, notes: Notes) -> None:
    for match in _RELATION.finditer(source):
        values = {key.lower(): html.unescape(first or second) for key, first, second in _ATTRIBUTE.findall(match[1])}
        target = values.get("target", "").strip()
        if values.get("targetmode", "").lower() != "external":
            continue
        if "://" in target[:12]:
            note_url(target, item.where, notes)
        kind = values.get("type", "").lower().rpartition("/")[2]
        if kind in _FETCHED and _REMOTE.match(target):
            notes.find("office-remote-template", item.where, f"{kind}: {target}")


def _fields(text: str, item: Item, notes: Notes) -> None:
    note_urls(text, item.where, notes)
    if _DDE.search(text):
        notes.find("office-dde", item.where, _DDE.split(text, maxsplit=1)[1].strip())


def _workbook(source: str, item: Item, notes: Notes) -> None:
    if "<ddeLink" in source or ":ddeLink" in source:
        notes.find("office-dde", item.where, "ddeLink")
    if _AUTO_NAME.search(source):
        notes.find("office-auto-macro", item.where, "a sheet that runs when opened")
