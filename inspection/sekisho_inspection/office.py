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
_TYPES = b"[content_types].xml"
_RELATION = re.compile(r"<(?:\w{1,20}:)?Relationship\b([^>]{1,5000}+)>", re.I)
_ATTRIBUTE = re.compile(r"(?<![\w:])([\w:]++)\s*+=\s*(?:\"([^\"]*)\"|'([^']*)')")
# Relations whose target is fetched when the document opens, without a click.
_FETCHED = ("attachedtemplate", "oleobject", "frame", "subdocument", "externallinkpath", "mailmergesource", "control")
_INSTRUCTION = re.compile(
    r"<w:(?:instrText|delInstrText)\b[^<>]*+>([^<]*+)<|<w:fldSimple\b[^>]{0,500}?w:instr\s{0,20}=\s{0,20}[\"']([^\"']*)",
    re.I,
)
_DDE = re.compile(r"\bDDE(?:AUTO)?\b", re.I)
_REMOTE = re.compile(r"(?:https?|ftp)://|\\\\[^\\?.]|//[^/]|file:(?://[^/]|/{4,}|\\\\)|mhtml:|ms-\w+:", re.I)
_BREAKS = re.compile(r"</(?:w:p|a:p|si|row|w:tr)>|<w:(?:br|tab)\b[^<>]*+>", re.I)
_TAGS = re.compile(r"<[^<>]*+>")
# Elements that hold text in Word, PowerPoint and Excel, whatever the part is called.
_TEXT = re.compile(r"<(?:w:[pt]|a:[pt]|si|is)[\s>]")
_AUTO_NAME = re.compile(r"_xlnm\.Auto_(?:Open|Close|Activate)|name\s{0,20}=\s{0,20}\"Auto_(?:Open|Close)", re.I)

# BrtBeginSupBook (MS-XLSB 2.4.290), type 360 in two bytes, one of size, then the kind of link: 1 is DDE.
_BINARY_LINK = b"\xe8\x02"
_AUTO_BINARY = re.compile(rb"A\0u\0t\0o\0_\0(?:O\0p\0e\0n|C\0l\0o\0s\0e|A\0c\0t\0i\0v\0a\0t\0e)", re.I)


def kind_of(content: bytes) -> str:
    """OOXML for a ZIP with the member that each Office file must have, "" for other ones. Names know no case."""
    try:
        names = [member.raw_name.lower().replace(b"\\", b"/") for member in zip.directory(content)]
    except zip.DamagedZip:
        return OOXML if b"[Content_Types].xml" in content else ""
    return OOXML if _TYPES in names else ""


def exact_type(content: bytes) -> str:
    """The media type of an Office file by the folder that its main part lies in."""
    places = [(place, kind) for folder, kind in _KINDS if (place := content.find(folder)) >= 0]
    return min(places)[1] if places else OOXML


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
    # Entries that share one local header are one member.
    for member in {member.header: member for member in members}.values():
        if not member.is_folder and (content := zip.content_of(item, member, notes)) is not None:
            _read_member(member, content, item, notes)
    return PartState.READ


def _read_member(member: zip.Member, content: bytes, item: Item, notes: Notes) -> None:
    name = member.raw_name.lower().replace(b"\\", b"/").lstrip(b"/")
    if name.startswith(b"xl/macrosheets/") and b"/_rels/" not in name:
        notes.find("office-macro", item.where, "Excel 4 macro sheet")
    if not name.endswith((b".xml", b".rels", b".vml")):
        if name == b"xl/workbook.bin" and _AUTO_BINARY.search(content):
            notes.find("office-auto-macro", item.where, "a sheet that runs when opened")
        if content.startswith(_BINARY_LINK) and content[3:5] == b"\x01\x00":
            notes.find("office-dde", item.where, "a link of a binary workbook")
        notes.child(item, content, member.names, "ooxml", member.header, member.packed)
        return
    notes.scan(item, content, member.names[0], "application/xml", member.names[0])
    source = charset.decode(content, "utf-8")[0]
    if name.endswith(b".rels"):
        _relations(source, item, notes)
    else:
        note_xml(source, item, notes)


def note_xml(source: str, item: Item, notes: Notes) -> None:
    """What one XML part of a document starts and shows: fields, links, macro sheets, text."""
    if "Relationship" in source:
        _relations(source, item, notes)
    if fields := "".join(first or second for first, second in _INSTRUCTION.findall(source)):
        _fields(html.unescape(fields), item, notes)
    _workbook(source, item, notes)
    if _TEXT.search(source):
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
