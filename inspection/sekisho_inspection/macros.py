"""Macros: what code says, calls and runs by itself, and the strings that it conceals. Code is searched, never run."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from sekisho_inspection import filetype
from sekisho_inspection.expressions import Value, folded, plain_code
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_urls

# Procedures that Office calls by their name (Word's, Excel's, PowerPoint's, Publisher's, Visio's, Outlook's).
_AUTOMATIC = frozenset([
    "app_documentopen", "app_presentationopen", "app_workbookopen", "application_newmailex", "application_startup",
    "auto_activate", "auto_close", "auto_deactivate", "auto_exec", "auto_open", "autoclose", "autoexec", "autoexit",
    "autonew", "autoopen", "document_beforeclose", "document_beforedocumentclose", "document_close",
    "document_contentcontrolonenter", "document_contentcontrolonexit", "document_documentopened", "document_new",
    "document_open", "document_sync", "documentbeforeclose", "documentchange", "documentopen", "newdocument",
    "onslideshowpagechange", "onslideshowterminate", "presentation_open", "slideshow_begin", "workbook_activate",
    "workbook_addininstall", "workbook_beforeclose", "workbook_close", "workbook_deactivate", "workbook_open",
    "workbook_sheetactivate", "workbook_sheetcalculate", "workbook_windowactivate", "workbook_windowdeactivate",
    "worksheet_activate", "worksheet_calculate",
])  # fmt: skip
# Events of controls that come without a click, as soon as the control is shown.
_EVENTS = (
    "beforenavigate2", "beforescriptexecute", "documentcomplete", "downloadbegin", "downloadcomplete", "filedownload",
    "gotfocus", "layout", "lostfocus", "mouseenter", "mousehover", "mouseleave", "mousemove", "navigatecomplete2",
    "navigateerror", "onconnecting", "painted", "painting", "progresschange", "propertychange", "resize",
    "setsecurelockicon", "statustextchange", "titlechange",
)  # fmt: skip
_EVENT = re.compile(rf"\bsub\s+(\w{{1,250}}_(?:{'|'.join(_EVENTS)}))\b", re.I)
# A form's base has two classes, a document's one; a form's events come when code has shown it.
_FORM = re.compile(r"^attribute vb_base = \"0\{[^}\"]{0,80}\}\{", re.I | re.M)
_SUSPICIOUS = frozenset([
    "accessvbom", "addcode", "addfromstring", "adodb", "application_onload", "bitsadmin", "callbyname",
    "callwindowproca", "certutil", "codemodule", "createobject", "createprocess", "createprocessa",
    "createremotethread", "createthread", "cscript", "declare", "environ", "enumsystemlanguagegroupsw", "exec",
    "executeexcel4macro", "expandenvironmentstrings", "fopen", "fwrite", "getobject", "import", "internetopenurla",
    "loadlibrary", "macscript", "mshta", "ntallocatevirtualmemory", "powershell", "regread", "register", "regsvr32",
    "regwrite", "responsebody", "rtlmovememory", "rundll32", "savetofile", "scriptcontrol", "sendkeys",
    "serverxmlhttp", "shell", "shellexecute", "shellexecutea", "settimer", "urldownloadtofile", "urldownloadtofilea",
    "urldownloadtofilew", "vbcomponents", "vbproject", "virtualalloc", "virtualallocex", "virtualprotect",
    "win32_process", "winexec", "winhttprequest", "winmgmts", "writeprocessmemory", "wscript", "xmlhttp",
])  # fmt: skip
_WORD = re.compile(r"[^\W\d]\w{0,250}")
_LITERAL = re.compile(r"\"((?:[^\"\r\n]|\"\"){4,}+)\"")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){4,}+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}+={0,2}")
_BACKWARDS = re.compile(r"//:s?ptth|\b(?:exe|lld|sbv|sj|1sp|tab|piz|ath)\.|llehsrewop|llehs\.tpircsw", re.I)
# Two letters alike between two others, as in "http", whatever was added to each.
_DOUBLE = re.compile(rb"(?s)(?=(.)(.)\2(.))")
_DRIDEX = re.compile(r"[0-9A-Za-z]{20,2000}")
_PRINTABLE = re.compile(rb"[\t\r\n -~]{4,}+")
_WIDE = re.compile(rb"(?:[\t\r\n -~]\0){4,}+")
_SHORTEST_LINK, _MAX_MASKED, _MAX_DOUBLES = 10, 20_000, 200
# Strings of one module that are decoded.
_MAX_STRINGS = 20_000


def triggers(code: str, names: Iterable[str] = ()) -> list[str]:
    """The procedures in code, or among the names of compiled code, that run without a click."""
    plain = plain_code(code)
    found = {name.lower(): name for name in [*_WORD.findall(plain), *names] if name.lower() in _AUTOMATIC}
    if not _FORM.search(code):
        found.update((name.lower(), name) for name in _EVENT.findall(plain))
    return sorted(found.values())


def suspicious(texts: Iterable[str]) -> list[str]:
    """What starts programs, fetches files or reaches into memory, among the words of code and of its strings."""
    return sorted({word.lower() for text in texts for word in _WORD.findall(text)} & _SUSPICIOUS)


def note_code(code: str, place: str, item: Item, notes: Notes, held: dict[str, Value] | None = None) -> list[str]:
    """Note macro code as a text, its URLs and those of the strings that it puts together. Returns these strings."""
    where = item.at(place)
    notes.text(where, "utf-8", code)
    plain = plain_code(code)
    made = folded(plain, held)
    made += islice(decoded([*_LITERAL.findall(plain), *made], item, notes), _MAX_STRINGS)
    made = list(dict.fromkeys(made))
    note_urls(code, where, notes)
    strings = "\n".join(made)
    if strings:
        note_urls(strings, where, notes)
    notes.scan(item, code.encode("utf-8", "replace"), place, "text/vbscript")
    if strings:
        notes.scan(item, strings.encode("utf-8", "replace"), place, "text/vbscript")
    return made


def decoded(strings: Iterable[str], item: Item, notes: Notes) -> Iterator[str]:
    """What strings say in hexadecimal, in Base64, backwards or in Dridex's cipher. A file in one becomes a child."""
    for text in islice(dict.fromkeys(strings), _MAX_STRINGS):
        if _BACKWARDS.search(text):
            yield text[::-1]
        for data in (*_from_hex(text), *_from_base64(text)):
            if _PRINTABLE.fullmatch(data):
                yield data.decode("ascii")
            elif _WIDE.fullmatch(data):
                yield data.decode("utf-16-le")
            elif filetype.sniff(data) and notes.spend(len(data), item):
                notes.child(item, data, (), "macro")
        if len(text) >= _SHORTEST_LINK:
            yield from _unmasked(text)
        if _DRIDEX.fullmatch(text) and (plain := _from_dridex(text)):
            yield plain


def _unmasked(text: str) -> Iterator[str]:
    """A link in a string to each of whose characters the same number was added, or joined by exclusive or."""
    try:
        data = text[:_MAX_MASKED].encode("latin-1")
    except UnicodeEncodeError:
        return
    tables: dict[bytes, None] = {}
    for match in islice(_DOUBLE.finditer(data), _MAX_DOUBLES):
        first, second, third = match[1][0], match[2][0], match[3][0]
        if first == 0x68:
            continue
        if (first ^ second, second ^ third) == (0x1C, 0x04):
            tables[bytes(byte ^ first ^ 0x68 for byte in range(256))] = None
        if ((second - first) % 256, (second - third) % 256) == (12, 4):
            tables[bytes((byte - first + 0x68) % 256 for byte in range(256))] = None
    for table in tables:
        plain = data.translate(table)
        if b"http" in plain and b"://" in plain:
            yield plain.decode("latin-1")


def _from_hex(text: str) -> Iterator[bytes]:
    yield from (bytes.fromhex(match[0]) for match in _HEX.finditer(text))


def _from_base64(text: str) -> Iterator[bytes]:
    for match in _BASE64.finditer(text):
        plain = match[0].rstrip("=")
        try:
            yield base64.b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + "==")
        except binascii.Error:
            continue


def _from_dridex(text: str) -> str:
    """Groups of digits among letters, each a character times a key that stands in the middle; "" for other strings."""
    work = text[4:-4]
    half = len(work) // 2
    size = _digits(work[half : half + 2], "0") - _digits(work[half - 2 : half], "0")
    work = work[: half - 2] + work[half + 2 :]
    half = len(work) // 2
    key = _digits(work[half - size // 2 : half + size // 2])
    if size < 2 or not key:
        return ""
    work = work[: half - size // 2] + work[half + size // 2 :]
    codes = [_digits(work[at : at + size]) // key for at in range(0, len(work), size)]
    return "".join(map(chr, codes)) if codes and all(31 < code < 127 for code in codes) else ""


def _digits(text: str, other: str = "") -> int:
    return int("".join(letter if letter in "0123456789" else other for letter in text) or 0)
