"""OLE documents: Office before 2007, encrypted Office, VBA projects, and the objects in documents of any kind."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

from sekisho_core.vocabulary import PartState

from sekisho_inspection import biff, charset, filetype, macros, objects, pcode, vba, worddoc
from sekisho_inspection.archive import inflate
from sekisho_inspection.compound import MAGIC, CompoundFile, Entry, class_of
from sekisho_inspection.encryption import decrypted
from sekisho_inspection.field_codes import note_fields
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_urls
from sekisho_inspection.workbooks import note_workbook

_OFFICE = frozenset(["encryptedpackage", "worddocument", "workbook", "book", "powerpoint document"])
_NATIVE, _LINKED, _EQUATION = "\x01ole10native", "\x01ole", "equation native"
# Record header: version 0, instance 0 (plain) or 1 (packed), type 0x1011, length; then content of either kind.
_SLIDE_OBJECT = re.compile(rb"([\x00\x10])\x00\x11\x10(.{4})(?=\xd0\xcf\x11\xe0|.{4}\x78)", re.S)
# Links in streams whose format nobody takes apart here: plain, and of two bytes a character.
_PLAIN_LINK = re.compile(rb"(?:https?|ftp|file|mhtml|script):[!-~]{3,2048}", re.I)
_WIDE_LINK = re.compile(
    rb"(?:h\0t\0t\0p\0(?:s\0)?|f\0t\0p\0|f\0i\0l\0e\0|m\0h\0t\0m\0l\0|s\0c\0r\0i\0p\0t\0):\0(?:[!-~]\0){3,2048}", re.I
)
_WORDS = re.compile(rb"[ -~]{4,4096}|(?:[ -~]\0){4,4096}")
# Streams with the strings that macros fetch: properties, and the controls of forms.
_PROPERTIES = ("\x05summaryinformation", "\x05documentsummaryinformation", "o", "f", "contents", "1table", "0table")
# Where forms lie: in the storage of macros (Word, Excel), never among objects.
_FORM = re.compile(r"(?:Macros|_VBA_PROJECT_CUR|)/?(?!ObjectPool|MBD|VBA)[^/]{1,64}/", re.I)
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_MAX_LINKS, _MAX_WORDS = 2000, 20_000


def read_ole(item: Item, notes: Notes) -> PartState:
    """Note macros, DDE, links and objects; packaged files, and an encrypted file that is opened, become children."""
    file = CompoundFile(item.content)
    names = {entry.name for entry in file.entries if entry.is_stream}
    if not file.entries:
        notes.gap(item.gap, "unreadable", "OLE file without a directory")
        _project(vba.salvaged(item.content), item, notes)
        _links(item.content, "", item, notes)
        return PartState.UNREADABLE
    state = _encryption(item, names, notes)
    if state != PartState.READ:
        return state
    streams = {entry.path: (entry, content) for entry, content in file.streams()}
    paths = set(streams)
    # One that lies in the root is read as a message besides.
    if "__properties_version1.0" in names - paths:
        notes.gap(item.gap, "unreadable", "an Outlook message inside of a document")
    for fault in file.faults:
        notes.gap(item.gap, "malformed", f"OLE file: {fault}")
    for entry in file.entries:
        # What lies in a form, beside a VBA project, is shown by code alone.
        if not _FORM.match(entry.path) or f"{entry.folder}/f" not in paths:
            objects.note_class(class_of(entry), "", entry.path, item, notes)
    for entry, content in streams.values():
        _read_stream(entry, content, item, notes)
    _document({path: content for path, (_, content) in streams.items()}, item, notes)
    return PartState.READ


def _encryption(item: Item, streams: set[str], notes: Notes) -> PartState:
    """`read` when it is not encrypted; else whether it could be opened."""
    if not _OFFICE & streams:
        return PartState.READ
    found = decrypted(item, "encryptedpackage" in streams, notes)
    if found is None:
        return PartState.READ
    content, state = found
    if content is not None and notes.spend(len(content), item):
        notes.child(item, content, item.names, "decrypted", 0, len(item.content))
    return state


def _read_stream(entry: Entry, content: bytes, item: Item, notes: Notes) -> None:
    """One stream by its name; one that its reader dies of is a gap, and the others are still read."""
    try:
        if entry.name == _NATIVE:
            objects.note_package(content, entry.path, item, notes)
        elif entry.name == _EQUATION:
            objects.note_equation(content, entry.path, item, notes)
        elif entry.name in ("workbook", "book"):
            note_workbook(biff.workbook(content), entry.path, item, notes)
        elif entry.name == "powerpoint document":
            slide_objects(content, item, notes)
        elif (kind := filetype.sniff(content)) and entry.name in ("package", "contents", "\x01ole10itemname"):
            _child(content, kind, item, notes)
        if entry.name in (_LINKED, "\x03linkinfo", "contents", "\x03eprint") or len(content) < 4096:
            objects.note_monikers(content, entry.path, item, notes)
        _links(content, entry.path, item, notes)
        # Word 2003 packs the objects of its XML files behind their size.
        if content[4:6] in _ZLIB and (found := _inflated(content[4:], item, notes)).startswith(MAGIC):
            notes.child(item, found, (), "ole")
    except Exception as error:
        notes.gap(item.gap, "malformed", f"Office stream: {type(error).__name__}")


def _child(content: bytes, kind: str, item: Item, notes: Notes) -> None:
    if notes.spend(len(content), item):
        notes.find("office-package", item.where, kind)
        notes.child(item, content, (), "ole")


def _links(content: bytes, place: str, item: Item, notes: Notes) -> None:
    """URLs that stand in a stream as they are."""
    found = [match[0].decode("latin-1") for match in _some(_PLAIN_LINK, content, b":")]
    if b":\0" in content:
        found += [match[0].decode("utf-16-le") for match in _some(_WIDE_LINK, content, b":\0")]
    if found:
        note_urls("\n".join(dict.fromkeys(found)), item.at(place), notes)


def _some(pattern: re.Pattern[bytes], content: bytes, mark: bytes) -> list[re.Match[bytes]]:
    if mark not in content:
        return []
    return [match for _, match in zip(range(_MAX_LINKS), pattern.finditer(content), strict=False)]


def _document(streams: Mapping[str, bytes], item: Item, notes: Notes) -> None:
    """What takes several streams: the text of a Word document, and VBA projects with what they may refer to."""
    named = {path.lower(): content for path, content in streams.items()}
    for path, content in streams.items():
        if path.lower().rpartition("/")[2] == "worddocument":
            _word(path, content, named, item, notes)
    try:
        found = list(vba.projects(streams))
        for project in found:
            _project(project, item, notes)
        if any(module.statements for project in found for module in project.modules):
            _strings(streams, item, notes)
    except Exception as error:
        notes.gap(item.gap, "unreadable", f"macros: {type(error).__name__}")


def _word(path: str, document: bytes, streams: Mapping[str, bytes], item: Item, notes: Notes) -> None:
    folder = path.lower().rpartition("/")[0]
    around = {
        name.rpartition("/")[2]: content for name, content in streams.items() if name.rpartition("/")[0] == folder
    }
    table = worddoc.table_of(document, around)
    text = worddoc.text_of(document, table)
    if text is None:
        # Word before 97 and damaged tables: text stands there in one piece, in one of two widths.
        text = document.decode("cp932", "replace") + "\n" + document.decode("utf-16-le", "replace")
    else:
        notes.text(item.at(path), "utf-8", text)
    note_urls(text, item.at(path), notes)
    note_fields(text, item, notes, path)
    if template := worddoc.template_of(document, table):
        objects.note_link(template, "template", path, item, notes)


def slide_objects(stream: bytes, item: Item, notes: Notes) -> None:
    """Objects of a presentation (ExOleObjStg, MS-PPT 2.10.34), packed or plain; each is an OLE file, a child."""
    for match in _SLIDE_OBJECT.finditer(stream):
        size = int.from_bytes(match[2], "little")
        content = stream[match.end() : match.end() + size]
        if match[1] == b"\x10":
            content = _inflated(content[4:], item, notes)
            if not content:
                notes.gap(item.gap, "malformed", "an object of a presentation that does not unpack")
        elif not notes.spend(len(content), item):
            return
        if content.startswith(MAGIC):
            notes.child(item, content, (), "ppt", match.start(), size)


def _inflated(data: bytes, item: Item, notes: Notes) -> bytes:
    try:
        got = inflate(data, 15, item, notes)
    except zlib.error:
        return b""
    return got[0] if got else b""


def _project(project: vba.Project, item: Item, notes: Notes) -> None:
    """One VBA project: its code, what runs by itself, and what its author concealed."""
    for fault in project.faults:
        notes.gap(item.gap, "malformed", fault)
    if project.cut:
        notes.gap(item.gap, "limit", f"more than {vba.MAX_CODE} bytes of VBA")
    compiled = pcode.compiled(project)
    code = [module for module in project.modules if module.statements]
    for module in project.modules:
        found = compiled.get(module.path)
        if module.hidden:
            notes.find("office-macro-hidden", item.at(module.path), module.name)
        if found and pcode.is_stomped(module, found):
            notes.find("office-macro-stomped", item.at(module.path), ", ".join(found.names))
            _note_module(module, (*found.strings, *found.joined, *found.names), found.names, item, notes)
        elif module.statements:
            _note_module(module, (), (), item, notes)
    if code and not any(module.compiled for module in project.modules):
        notes.find("office-macro-purged", item.at(project.folder), f"{len(code)} modules without compiled code")
    stomped = [module for module in project.modules if module.path in compiled and not module.statements]
    if code or stomped:
        # Every document with a project has empty modules; code is what is in one.
        notes.find("office-macro", item.at(project.folder), f"{len(project.modules)} modules")


def _note_module(
    module: vba.Module, strings: tuple[str, ...], names: tuple[str, ...], item: Item, notes: Notes
) -> None:
    code = "\n".join([module.code, *(f'"{text}"' for text in strings)]) if strings else module.code
    made = macros.note_code(code, module.path, item, notes)
    # Word runs Main of a module that bears such a name.
    by_itself = macros.triggers(code, (*names, module.name))
    if by_itself:
        notes.find("office-auto-macro", item.at(module.path), ", ".join(by_itself))
    if found := macros.suspicious([module.code, *made, *strings]):
        notes.find("office-macro-suspicious", item.at(module.path), ", ".join(found))


def _strings(streams: Mapping[str, bytes], item: Item, notes: Notes) -> None:
    """Strings that macros fetch from properties, variables and the controls of forms."""
    for path, content in streams.items():
        if path.lower().rpartition("/")[2] not in _PROPERTIES:
            continue
        words = [match[0] for _, match in zip(range(_MAX_WORDS), _WORDS.finditer(content), strict=False)]
        texts = [charset.decode(word.replace(b"\0", b""))[0] for word in words]
        note_urls("\n".join([*texts, *macros.decoded(texts, item, notes)]), item.at(path), notes)
