"""Office documents in one XML file (Word 2003, flat OPC) and the ActiveMime files of saved web pages: their macros.

What such a file carries in Base64 becomes a child, so its reader finds the macros.
"""

from __future__ import annotations

import html
import re
import zlib

from sekisho_core.vocabulary import PartState

from sekisho_inspection import charset, headers, office
from sekisho_inspection.archive import inflate
from sekisho_inspection.notes import Item, Notes

KIND = "application/vnd.ms-office.xml"
ACTIVE_MIME = "application/x-mso"
_MARKS = (
    b"<?mso-application", b"schemas.microsoft.com/office/word/2003/wordml",
    b"schemas.microsoft.com/office/2006/xmlPackage", b"urn:schemas-microsoft-com:office:spreadsheet",
)  # fmt: skip
_BINARY = re.compile(
    rb"<(?:\w{1,20}:)?(?:binData|binaryData|docOleData|docSuppData)\b[^>]{0,2000}>\s*([A-Za-z0-9+/=\s]*+)<"
)
# DDE in a workbook of 2003: a formula =program|'topic'!item, or the path program|topic of an outside book.
_DDE = re.compile(r"""(?:\bFormula\s*=\s*(?:"=|'=)|<(?:\w{1,20}:)?Path>)\s*+([^<>|"]{1,200}\|[^<>"]{1,500})""")
# Where Office puts the compressed file: at the offset in the header (plus 46), or at one of the usual places.
_OFFSET_AT = 0x1E
_USUAL = (0x32, 0x22A)


def sniff(content: bytes) -> str:
    """The type, for either kind of file; "" for others."""
    if content.startswith(b"ActiveMime"):
        return ACTIVE_MIME
    head = content[:4096]
    return KIND if b"<" in head and any(mark in head for mark in _MARKS) else ""


def read_xml(item: Item, notes: Notes) -> PartState:
    """Fields and external targets as in OOXML; binary data as children. UTF-16 is read as what it says."""
    source = charset.decode(item.content, "utf-8")[0]
    office.note_xml(source, item, notes)
    if "|" in source and (link := _DDE.search(source)):
        notes.find("office-dde", item.where, html.unescape(link[1]).strip())
    data = source.encode("utf-8", "replace")
    for match in _BINARY.finditer(data):
        content = headers.base64_bytes(match[1])
        if not content:
            continue
        if not notes.spend(len(content), item):
            return PartState.UNREADABLE
        notes.child(item, content, (), "officexml", match.start(), len(match[0]))
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
