"""Office Open XML (ECMA-376): members, external targets, fields, controls and text."""

from __future__ import annotations

import html
import re
from itertools import islice

from sekisho_core.vocabulary import PartState

from sekisho_inspection import headers, zip, zip_directory
from sekisho_inspection.field_codes import BEGIN, END, SEPARATOR, note_fields
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.objects import is_remote, note_class, note_link
from sekisho_inspection.spreadsheetml import Spreadsheet, attributes
from sekisho_inspection.urls import note_url, note_urls
from sekisho_inspection.xml_source import decoded, note_entities, note_links

OOXML = "application/vnd.openxmlformats-officedocument"
_KINDS = (
    (b"word/", f"{OOXML}.wordprocessingml.document"),
    (b"xl/", f"{OOXML}.spreadsheetml.sheet"),
    (b"ppt/", f"{OOXML}.presentationml.presentation"),
)
_TYPES = b"[content_types].xml"
_P = r"(?:\w{1,20}:)?"
_RELATION = re.compile(rf"<{_P}Relationship\b((?:[^\"'<>]|\"[^\"]*+\"|'[^']*+')++)>", re.I)
# Relations whose target is fetched when the document opens, without a click.
_FETCHED = ("attachedtemplate", "oleobject", "frame", "subdocument", "mailmergesource", "control")
_PICTURES = ("image", "video", "audio", "media")
_CLICKED = ("hyperlink",)
_FIELD = re.compile(
    rf"<{_P}(?:instrText|delInstrText)\b[^<>]*+>([^<]*+)<|<{_P}fldSimple\b[^<>]*?\binstr\s*=\s*(?:\"([^\"]*)\"|'([^']*)')"
    rf"|<{_P}fldChar\b[^<>]*?\bfldCharType\s*=\s*[\"'](begin|separate|end)",
    re.I,
)
_MARKS = {"begin": BEGIN, "separate": SEPARATOR, "end": END}
_BREAKS = re.compile(rf"</{_P}(?:p|si|row|tr)>|<{_P}(?:br|tab)\b[^<>]*+>", re.I)
_TAGS = re.compile(r"<[^<>]*+>")
# Elements that hold text in Word, PowerPoint and Excel, whatever the part is called.
_TEXT = re.compile(r"<(?:\w{1,20}:)?(?:[pt]|si|is)[\s>]")
_RIBBON = re.compile(rf"<{_P}customUI\b([^<>]{{0,4000}})>", re.I)
_CALLBACK = re.compile(r"\b(on[A-Z]\w{1,40}|load(?:Image)?)\s*=\s*[\"']([^\"']{1,250})")
_OBJECT = re.compile(
    rf"<{_P}(?:OLEObject|oleObj|oleObject|ocx|control|objectEmbed|objectLink|object)\s([^<>]{{1,4000}})>", re.I
)
_OBJECT_MARKS = ("OLEObject", "oleObj", "ocx", "control", "objectEmbed", "objectLink", "w:object", "object ")
_CONNECTION = re.compile(rf"<{_P}(?:webPr|dbPr|textPr|olapPr)\s([^<>]{{1,20000}})>", re.I)
_ACTION = re.compile(r"\baction\s*=\s*[\"'](ppaction://(?:program|macro|ole)[^\"']{0,200})", re.I)
_TEMPLATE = re.compile(rf"<{_P}attachedTemplate\s[^<>]{{0,200}}?\bval\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.I)
_MASHUP = re.compile(r"<DataMashup\b[^<>]{0,500}>([A-Za-z0-9+/=\s]{64,}+)<")
_XML_NAMES = (b".xml", b".rels", b".vml")
_MAX_OBJECTS = 5000


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
        members = zip_directory.local_members(item.content, notes.slots)
    if any(member.encrypted for member in members):
        return zip.read_zip(item, notes)
    zip.compare_counts(item, members, notes)
    book = Spreadsheet()
    # Entries that share one local header are one member.
    for member in {member.header: member for member in members}.values():
        if not member.is_folder and (content := zip.content_of(item, member, notes)) is not None:
            _read_member(member, content, book, item, notes)
    book.note(item, notes)
    return PartState.READ


def _read_member(member: zip.Member, content: bytes, book: Spreadsheet, item: Item, notes: Notes) -> None:
    name = member.raw_name.lower().replace(b"\\", b"/").lstrip(b"/")
    place = member.names[0] if member.names else ""
    lowered = place.lower().replace("\\", "/").lstrip("/")
    is_xml = name.endswith(_XML_NAMES)
    if not is_xml:
        book.binary(lowered, content)
        notes.child(item, content, member.names, "ooxml", member.header, member.packed)
    # The part's type does not follow from its name's ending.
    if is_xml or _is_xml(content):
        notes.scan(item, content, place, "application/xml", place)
        source = decoded(content)
        book.xml(lowered, source)
        note_xml(source, place, item, notes, book)


def _is_xml(content: bytes) -> bool:
    head = content[:64].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return head.startswith(b"<?xml") or head[:40].lower().startswith(b"<relationships")


def note_xml(source: str, place: str, item: Item, notes: Notes, book: Spreadsheet | None = None) -> None:
    """What one XML part of a document starts and shows: fields, links, controls, text."""
    note_entities(source, place, item, notes)
    if "elationship" in source.lower():
        _relations(source, place, item, notes, book)
    if "instr" in source:
        note_fields(_fields(source), item, notes, place)
    _controls(source, place, item, notes)
    shows = _TEXT.search(source) is not None
    note_links(source, place, item, notes, texts=not shows)
    if shows:
        text = html.unescape(_TAGS.sub("", _BREAKS.sub("\n", source)))
        notes.text(item.at(place), "utf-8", text)
        note_urls(text, item.at(place), notes)


def _relations(source: str, place: str, item: Item, notes: Notes, book: Spreadsheet | None) -> None:
    for match in _RELATION.finditer(source):
        values = attributes(match[1])
        target = values.get("target", "").strip()
        kind = values.get("type", "").lower().rpartition("/")[2]
        if values.get("targetmode", "").strip().lower() == "external":
            _outside(kind, target, place, item, notes)
        elif book is not None:
            book.relation(kind, target)


def _outside(kind: str, target: str, place: str, item: Item, notes: Notes) -> None:
    """A target outside of the package: observed, and a finding where it is fetched or is no plain link."""
    where = item.at(place)
    notes.observe("url:value", target, where)
    note_url(target, where, notes) if "://" in target[:12] else note_urls(target, where, notes)
    if not is_remote(target):
        return
    if kind in _FETCHED:
        notes.find("office-remote-template", where, f"{kind}: {target}")
    elif kind in _PICTURES:
        notes.find("office-remote-image", where, target)
    elif kind not in _CLICKED or not target[:8].lower().startswith(("http://", "https://", "ftp://")):
        notes.find("office-external-link", where, f"{kind}: {target}")


def _fields(source: str) -> str:
    """All instructions with Word's own marks around each field; one that has none around it counts as one."""
    pieces: list[str] = []
    for match in _FIELD.finditer(source):
        simple = match[2] or match[3]
        if match[4]:
            pieces.append(_MARKS[match[4].lower()])
        else:
            pieces.append(f"{BEGIN}{html.unescape(simple)}{END}" if simple else html.unescape(match[1] or ""))
    return f"{BEGIN}{''.join(pieces)}{END}"


def _controls(source: str, place: str, item: Item, notes: Notes) -> None:
    """Objects, controls, the ribbon's callbacks, actions of slides, and connections to data elsewhere."""
    where = item.at(place)
    found = _OBJECT.finditer(source) if any(mark in source for mark in _OBJECT_MARKS) else iter(())
    for match in islice(found, _MAX_OBJECTS):
        values = attributes(match[1])
        note_class(values.get("classid", ""), values.get("progid", ""), place, item, notes)
        if "classid" in values and "persistence" in values:
            notes.find("office-activex", where, values["classid"])
    if "customUI" in source and (ribbon := _RIBBON.search(source)):
        called = _CALLBACK.findall(source[ribbon.start() : ribbon.start() + 20_000])
        notes.find("office-custom-ui", where, ", ".join(f"{name} = {value}" for name, value in called))
    if "ppaction://" in source:
        for action in dict.fromkeys(islice(_ACTION.findall(source), _MAX_OBJECTS)):
            notes.find("office-external-link", where, html.unescape(action))
    if "onnection" in source:
        for match in islice(_CONNECTION.finditer(source), _MAX_OBJECTS):
            _connection(attributes(match[1]), where, notes)
    if "ttachedTemplate" in source and (template := _TEMPLATE.search(source)):
        note_link(html.unescape(template[1] or template[2]), "template", place, item, notes)
    if "DataMashup" in source and (data := _MASHUP.search(source)):
        content = headers.base64_bytes(data[1].encode())[8:]
        if content and notes.spend(len(content), item):
            notes.child(item, content, (), "ooxml")


def _connection(values: dict[str, str], where: str, notes: Notes) -> None:
    stated = values.get("url") or values.get("connection") or values.get("sourcefile", "")
    notes.find("office-query", where, stated)
    note_urls(" ".join(values.values()), where, notes)
