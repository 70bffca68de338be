"""Office documents in one XML file (Word 2003, flat OPC, flat OpenDocument), and ActiveMime files of saved web pages.

What such a file carries in Base64 becomes a child, so its reader finds the macros.
"""

from __future__ import annotations

import html
import re
import zlib

from sekisho_core.vocabulary import PartState

from sekisho_inspection import filetype, headers, office, opendocument
from sekisho_inspection.archive import inflate
from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.spreadsheetml import Spreadsheet, attributes
from sekisho_inspection.xml_source import decoded

KIND = "application/vnd.ms-office.xml"
ACTIVE_MIME = "application/x-mso"
_MARKS = (
    b"<?mso-application", b"schemas.microsoft.com/office/word/2003/wordml",
    b"schemas.microsoft.com/office/2006/xmlPackage", b"urn:schemas-microsoft-com:office:spreadsheet",
    b"<office:document ", b"<office:document\n", b"<office:document\r",
)  # fmt: skip
# What LibreOffice knows a flat file by.
_FLAT = re.compile(r"<office:document\s")
_BINARY = re.compile(
    r"<(?:\w{1,20}:)?(?:binData|binaryData|binary-data|docOleData|docSuppData)\b([^<>]{0,2000})>"
    r"\s*([A-Za-z0-9+/=\s]++)(?=<)"
)
# DDE in a workbook of 2003: a formula =program|'topic'!item, or the path program|topic of an outside book.
_DDE = re.compile(r"""(?:\bFormula\s*=\s*(?:"=|'=)|<(?:\w{1,20}:)?Path>)\s*+([^<>|"]{1,200}\|[^<>"]{1,500})""")
# The header of a saved web page (MHTML), which Office finds behind other lines, and the names by which it opens one.
_PAGE = re.compile(
    rb"^MIME-Version:[^\n]{0,200}\n(?:[^\n]{0,998}\n){0,30}?Content-Type:\s{0,20}multipart/", re.I | re.M
)
_DOCUMENTS = (".doc", ".dot", ".docx", ".docm", ".rtf", ".xls", ".xlt", ".xlsx", ".xlsm", ".ppt", ".pps", ".pub")
# Where Office puts the compressed file: at the offset in the header (plus 46), or at one of the usual places.
_OFFSET_AT = 0x1E
_USUAL = (0x32, 0x22A)


def sniff(content: bytes) -> str:
    """The type, for either kind of file; "" for others."""
    if content.startswith(b"ActiveMime"):
        return ACTIVE_MIME
    head = content[:4096]
    return KIND if b"<" in head and any(mark in head for mark in _MARKS) else ""


def page_start(item: Item) -> int | None:
    """Where the header of a saved web page begins in a file that is called a document; None where there is none."""
    named = filetype.called(item.names, _DOCUMENTS)
    found = _PAGE.search(item.content, 0, 16_384) if named else None
    return found.start() if found else None


def read_xml(item: Item, notes: Notes) -> PartState:
    """Fields and external targets as in OOXML; binary data as children. UTF-16 is read as what it says."""
    source = decoded(item.content)
    book = Spreadsheet()
    shown = _BINARY.sub("", source)
    office.note_xml(shown, "", item, notes, book)
    book.xml("", shown)
    book.note(item, notes)
    if _FLAT.search(shown, 0, 10_000):
        opendocument.note_flat(shown, item, notes)
    if "|" in shown and (link := _DDE.search(shown)):
        notes.find("office-dde", item.where, html.unescape(link[1]).strip())
    for match in _BINARY.finditer(source):
        content = headers.base64_bytes(match[2].encode("ascii"))
        if not content:
            continue
        if not notes.spend(len(content), item):
            return PartState.UNREADABLE
        name = attributes(match[1]).get("name", "")
        notes.child(item, content, member_names(name.encode())[-1:], "officexml", match.start(), len(match[0]))
    return PartState.READ


def read_active_mime(item: Item, notes: Notes) -> PartState:
    """The compressed OLE file inside becomes a child."""
    stated = int.from_bytes(item.content[_OFFSET_AT : _OFFSET_AT + 2], "little") + 46
    for offset in (stated, *_USUAL, item.content.find(b"\x78", 10)):
        try:
            got = inflate(item.content[max(0, offset) :], 15, item, notes)
        except zlib.error:
            continue
        if got and got[0]:
            notes.child(item, got[0], (), "activemime", offset, len(item.content) - offset)
            return PartState.READ
    notes.gap(item.gap, "unreadable", "an ActiveMime file without its content")
    return PartState.UNREADABLE
