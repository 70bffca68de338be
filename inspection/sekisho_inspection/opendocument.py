"""OpenDocument (ISO/IEC 26300): a ZIP whose encryption and macros stand in members, or one flat XML file."""

from __future__ import annotations

import html
import re
from itertools import islice

from sekisho_core.vocabulary import PartState

from sekisho_inspection import macros, zip
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.objects import is_remote
from sekisho_inspection.spreadsheetml import attributes
from sekisho_inspection.urls import note_urls
from sekisho_inspection.xml_source import decoded, note_entities, note_links

KIND = "application/vnd.oasis.opendocument"
_LOCAL_NAME, _MANIFEST = b"mimetype", b"META-INF/manifest.xml"
# Bytes of a directory's entry before its name.
_ENTRY = 46
_CODE = re.compile(rb"(?:.*/)?(?:Basic|Scripts)/.+(?<!script-lc\.xml)(?<!script-lb\.xml)(?<!/)", re.I | re.S)
_P = r"(?:[\w-]{1,40}:)?"
_MODULE = re.compile(rf"<{_P}(?:module|source-code|script)\b([^<>]{{0,1000}})>([^<]{{1,4000000}})<", re.I)
_LISTENER = re.compile(rf"<{_P}event-listener\s([^<>]{{1,4000}})>", re.I)
# Events of documents (part 3, section 4.10 and the event names of part 1, section 14.4) that come by themselves.
_AUTOMATIC = re.compile(
    r"(?:on-?)?(?:load(?:-finished|-done)?|view-created|new|start-app|focus|prepare-?unload|unload|unfocus|"
    r"page-count-change|create|layout-finished|visible-?area-?changed|close-app|prepare-?view-?closing|view-?closed|activate)",
    re.I,
)
_SOURCE = re.compile(
    rf"<{_P}(section-source|table-source|image|object|object-ole|plugin|applet|fill-image|connection-resource|"
    rf"database-source|cell-range-source)\s([^<>]{{1,8000}})>", re.I,
)  # fmt: skip
_FETCHED = frozenset(
    ["section-source", "table-source", "object", "object-ole", "plugin", "applet", "cell-range-source"]
)
_DDE = re.compile(rf"<{_P}(?:dde-connection-decl|dde-source|dde-link)\s([^<>]{{1,4000}})>", re.I)
_FORMULA = re.compile(
    r"\bformula\s*=\s*\"(?:[\w-]{1,20}:)?=?([^\"<>]{0,200}\b(?:DDE|WEBSERVICE)\s*\([^\"<>]{0,2000})\"", re.I
)
_SCRIPT = re.compile(r"vnd\.sun\.star\.script:[^\"'<>\s]{1,2000}|macro:/[^\"'<>\s]{1,2000}", re.I)
# A script outside of the document's own folder (CVE-2018-16858, CVE-2019-9847 …).
_OUTSIDE = re.compile(r"\.\./|\.\.\\|%2e%2e|pydoc\.py|location=(?:share|user)[^\"']{0,200}\$", re.I)
_MAX_FOUND = 5000


def is_one(content: bytes) -> bool:
    """Whether a ZIP begins with the member that states an OpenDocument type (part 3, section 3.3)."""
    return content[30:38] == _LOCAL_NAME and content[38:120].lstrip().startswith(KIND.encode())


def is_unmarked(content: bytes) -> bool:
    """Whether a ZIP has the list of an OpenDocument's members but not the mark of one; LibreOffice opens it."""
    at = content.rfind(_MANIFEST)
    return at >= _ENTRY and content[at - _ENTRY : at - _ENTRY + 4] == b"PK\1\2" and b"content.xml" in content


def read_opendocument(item: Item, notes: Notes) -> PartState:
    """Members as those of any ZIP; encrypted ones are a gap, Basic and scripts are macros."""
    state = zip.read_zip(item, notes)
    try:
        members = zip.directory(item.content)
    except zip.DamagedZip:
        return state
    scripts = False
    for member in members:
        name = member.raw_name
        is_code = _CODE.fullmatch(name) is not None
        if member.encrypted or not (is_code or name.lower().endswith(b".xml")):
            continue
        content = zip.content_of(item, member, notes) or b""
        if name == _MANIFEST:
            state = _manifest(content, item, state, notes)
        if is_code:
            scripts = True
            _code(content, member.names[0], item, notes)
        else:
            note_xml(decoded(content), member.names[0], item, notes)
    if scripts:
        notes.find("office-macro", item.where, "OpenDocument macro")
    return state


def note_xml(source: str, place: str, item: Item, notes: Notes) -> None:
    """What one XML part runs by itself, fetches and refers to; of a flat file its macros as well."""
    where = item.at(place)
    note_entities(source, place, item, notes)
    note_links(source, place, item, notes)
    if "event-listener" in source:
        for stated in islice(_LISTENER.findall(source), _MAX_FOUND):
            _listener(stated, place, item, notes)
    for kind, stated in islice(_SOURCE.findall(source), _MAX_FOUND):
        target = attributes(stated).get("href", "")
        if is_remote(target):
            notes.find(
                "office-remote-template" if kind.lower() in _FETCHED else "office-remote-image",
                where,
                f"{kind}: {target}",
            )
    for stated in islice(_DDE.findall(source), _MAX_FOUND) if "dde-" in source else ():
        values = attributes(stated)
        program = " ".join(values.get(f"dde-{name}", "") for name in ("application", "topic", "item"))
        # LibreOffice links its own documents so.
        if program.strip() and values.get("dde-application", "").lower() != "soffice":
            notes.find("office-dde", where, program)
    for formula in islice(_FORMULA.findall(source), _MAX_FOUND) if "ormula" in source else ():
        kind = "DDE" if "DDE" in formula.upper() else ""
        notes.find("office-dde" if kind else "office-query", where, html.unescape(formula))
    for script in islice(dict.fromkeys(_SCRIPT.findall(source)), _MAX_FOUND):
        if _OUTSIDE.search(html.unescape(script)):
            notes.find("office-exploit", where, f"a script outside of the document: {script}")


def note_flat(source: str, item: Item, notes: Notes) -> None:
    """A document in one XML file: as any part, and its modules."""
    note_xml(source, "", item, notes)
    if modules := [(stated, code) for stated, code in _MODULE.findall(source) if code.strip()]:
        notes.find("office-macro", item.where, "OpenDocument macro")
        for stated, code in modules:
            _module(html.unescape(code), attributes(stated).get("name", "script"), item, notes)


def _listener(stated: str, place: str, item: Item, notes: Notes) -> None:
    values = attributes(stated)
    event = values.get("event-name", "").rpartition(":")[2]
    target = values.get("href", "") or values.get("macro-name", "")
    if _AUTOMATIC.fullmatch(event):
        notes.find("office-auto-macro", item.at(place), f"{event}: {target}")
    note_urls(target, item.at(place), notes)


def _code(content: bytes, place: str, item: Item, notes: Notes) -> None:
    """A module of Basic in XML, or a script as it is."""
    source = decoded(content)
    modules = _MODULE.findall(source) if source.lstrip().startswith("<") else []
    for _, code in modules:
        _module(html.unescape(code), place, item, notes)
    if not modules:
        _module(source, place, item, notes)


def _module(code: str, place: str, item: Item, notes: Notes) -> None:
    made = macros.note_code(code, place, item, notes)
    if found := macros.suspicious([code, *made]):
        notes.find("office-macro-suspicious", item.at(place), ", ".join(found))


def _manifest(content: bytes, item: Item, state: PartState, notes: Notes) -> PartState:
    """Encrypted members (part 3, section 4.8) look like any others to ZIP."""
    if b"encryption-data" not in content.replace(b"\0", b""):
        return state
    notes.gap(item.gap, "locked", "OpenDocument encryption, which no reader here opens")
    return PartState.LOCKED
