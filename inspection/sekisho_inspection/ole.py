"""OLE compound files: Office before 2007, encrypted Office, VBA projects and packaged objects."""

from __future__ import annotations

import logging
import re
import warnings

import olefile
from sekisho_core.vocabulary import PartState

from sekisho_inspection import biff, charset, filetype
from sekisho_inspection.archive import inflate
from sekisho_inspection.encryption import decrypted
from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_urls

with warnings.catch_warnings():
    # oletools still calls pyparsing by names that pyparsing has deprecated.
    warnings.simplefilter("ignore")
    from oletools import msodde, olevba
    from oletools.oleobj import OleNativeStream

for _name in ("olevba", "msodde", "oleobj", "olefile", "ftguess", "xls_parser", "record_base", "ppt", "plugin_biff"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

_VBA_MARKS = (b"V\0B\0A\0", b"Attribut\0", b"_VBA_PROJECT", b"_\0V\0B\0A\0_\0")
_NATIVE = "\x01ole10native"
_MAX_CODE = 2 << 20
_OLE = b"\xd0\xcf\x11\xe0"
# Record header: version 0, instance 0 (plain) or 1 (packed), type 0x1011, length; then content of either kind.
_SLIDE_OBJECT = re.compile(rb"([\x00\x10])\x00\x11\x10(.{4})(?=\xd0\xcf\x11\xe0|.{4}\x78)", re.S)


def read_ole(item: Item, notes: Notes) -> PartState:
    """Note macros, DDE and packaged files; an encrypted file becomes a child once it is opened."""
    try:
        file = olefile.OleFileIO(item.content)
    except (OSError, ValueError) as error:
        notes.gap(item.gap, "unreadable", f"OLE file: {type(error).__name__}")
        return PartState.UNREADABLE
    with file:
        streams = ["/".join(path) for path in file.listdir()]
        lowered = {path.lower() for path in streams}
        if "__properties_version1.0" in lowered:
            notes.gap(item.gap, "unreadable", "no reader for Outlook messages")
            return PartState.UNREADABLE
        state = _encryption(item, lowered, notes)
        if state != PartState.READ:
            return state
        _packages(file, streams, item, notes)
        _starters(file, streams, item, notes)
    if "powerpoint document" in lowered or any(mark in item.content for mark in _VBA_MARKS):
        _macros(item, notes)
    return PartState.READ


def _encryption(item: Item, streams: set[str], notes: Notes) -> PartState:
    """`read` when it is not encrypted; else whether it could be opened."""
    office = {"encryptedpackage", "worddocument", "workbook", "book", "powerpoint document"}
    if not office & streams:
        return PartState.READ
    found = decrypted(item, "encryptedpackage" in streams, notes)
    if found is None:
        return PartState.READ
    content, state = found
    if content is not None and notes.spend(len(content), item):
        notes.child(item, content, item.names, "decrypted", 0, len(item.content))
    return state


def _packages(file: olefile.OleFileIO, streams: list[str], item: Item, notes: Notes) -> None:
    """Files that Windows' packager put in (MS-OLEDS 2.3.6)."""
    for path in streams:
        if path.lower().rpartition("/")[2] != _NATIVE:
            continue
        try:
            note_package(file.openstream(path.split("/")).read(), item, notes)
        # A package that its reader cannot take apart is a gap; the other streams are still read.
        except Exception as error:
            notes.gap(item.gap, "unreadable", f"OLE package: {type(error).__name__}")


def note_package(stream: bytes, item: Item, notes: Notes) -> None:
    """The file of one package becomes a child. A package without data is a link to a file of the reader's machine,
    which a double click starts."""
    native = OleNativeStream(bindata=stream)
    found = [name for text in (native.filename, native.src_path) if text for name in _package_names(text)]
    names = tuple(dict.fromkeys(found))
    if native.data and notes.spend(len(native.data), item):
        notes.child(item, bytes(native.data), names, "ole")
    elif native.is_link and (program := next((name for name in names if filetype.runnable(name, None)), "")):
        notes.find("executable", item.where, f"a link to {program}")


def _package_names(text: str | bytes) -> tuple[str, ...]:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    return member_names(raw)[-1:]


def _starters(file: olefile.OleFileIO, streams: list[str], item: Item, notes: Notes) -> None:
    """DDE and macro sheets. An unreadable stream is a gap, not the end."""
    for path in streams:
        name = path.lower()
        try:
            if name == "worddocument" and (found := msodde.process_doc(file)):
                notes.find("office-dde", item.where, found.strip())
            elif name in ("workbook", "book"):
                for kind, detail in biff.findings(file.openstream(path.split("/")).read()):
                    notes.find(kind, item.where, detail)
            elif name == "powerpoint document":
                slide_objects(file.openstream(path.split("/")).read(), item, notes)
        except Exception as error:
            notes.gap(item.gap, "malformed", f"Office stream: {type(error).__name__}")


def slide_objects(stream: bytes, item: Item, notes: Notes) -> None:
    """Objects of a presentation (ExOleObjStg, MS-PPT 2.10.34), packed or plain; each is an OLE file, a child."""
    for match in _SLIDE_OBJECT.finditer(stream):
        size = int.from_bytes(match[2], "little")
        content = stream[match.end() : match.end() + size]
        if match[1] == b"\x10":
            got = inflate(content[4:], 15, item, notes)
            content = got[0] if got else b""
        elif not notes.spend(len(content), item):
            return
        if content.startswith(_OLE):
            notes.child(item, content, (), "ppt", match.start(), size)


def _macros(item: Item, notes: Notes) -> None:
    """VBA; code whose trigger needs no click makes `office-auto-macro`."""
    parser = None
    try:
        parser = olevba.VBA_Parser(item.names[0] if item.names else "file", data=item.content, disable_pcode=True)
        if parser.detect_vba_macros():
            _code(parser, item, notes)
    except Exception as error:
        notes.gap(item.gap, "unreadable", f"macros: {type(error).__name__}")
    finally:
        if parser is not None:
            parser.close()


def _code(parser: olevba.VBA_Parser, item: Item, notes: Notes) -> None:
    modules = [code for _, _, _, code in parser.extract_macros() if code]
    source = "\n".join(_as_text(code) for code in modules)[:_MAX_CODE]
    lines = [line for line in source.splitlines() if line.strip() and not line.lower().startswith("attribute ")]
    if not modules:
        notes.gap(item.gap, "unreadable", "a VBA project without readable code")
    # Every document with a project has empty modules; code is what is in one.
    if not any(line.strip().lower() not in ("option explicit",) and not line.strip().startswith("'") for line in lines):
        return
    triggers = sorted({keyword for keyword, _ in olevba.detect_autoexec(source)})
    notes.find("office-macro", item.where, f"{len(modules)} modules")
    if triggers:
        notes.find("office-auto-macro", item.where, ", ".join(triggers))
    note_urls(source, item.where, notes)


def _as_text(code: str | bytes) -> str:
    return charset.decode(code)[0] if isinstance(code, bytes) else code.encode("utf-8", "replace").decode("utf-8")
