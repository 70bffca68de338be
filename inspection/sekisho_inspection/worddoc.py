"""Word's binary format (MS-DOC): the text with its fields, by the piece table, and the template it names."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

# Positions in the file information block (2.5.1): flags, the pairs of offset and size, the places of two of these.
_FLAGS, _PAIRS, _ASSOCIATED, _PIECES = 0x0A, 0x9A, 32, 33
_OTHER_TABLE = 0x0200
_MAX_PIECES = 200_000
_TEMPLATE = 1
_MAX_TEXT = 16 << 20


def table_of(document: bytes, streams: Mapping[str, bytes]) -> bytes:
    """The table stream that the document names, by the streams' names in lower case."""
    flags = int.from_bytes(document[_FLAGS : _FLAGS + 2], "little")
    first, second = ("1table", "0table") if flags & _OTHER_TABLE else ("0table", "1table")
    return streams.get(first) or streams.get(second, b"")


def text_of(document: bytes, table: bytes) -> str | None:
    """All text, fields marked by U+0013 to U+0015; None where the piece table cannot be read (Word before 97, too)."""
    clx = _part(document, table, _PIECES)
    at = 0
    while clx[at : at + 1] == b"\x01":
        at += 3 + int.from_bytes(clx[at + 1 : at + 3], "little")
    if clx[at : at + 1] != b"\x02":
        return None
    size = int.from_bytes(clx[at + 1 : at + 5], "little")
    return "".join(_pieces(document, clx[at + 5 : at + 5 + size]))[:_MAX_TEXT]


def _pieces(document: bytes, plc: bytes) -> Iterator[str]:
    """The pieces (2.8.35): positions of one more than there are, then eight bytes for each."""
    count = min((len(plc) - 4) // 12, _MAX_PIECES)
    if count <= 0:
        return
    positions = struct.unpack_from(f"<{count + 1}L", plc)
    left = _MAX_TEXT
    for index in range(count):
        place = int.from_bytes(plc[4 * (count + 1) + 8 * index + 2 :][:4], "little")
        length = min(max(0, positions[index + 1] - positions[index]), left)
        left -= length
        start = place & 0x3FFFFFFF
        # Eight bits a character where the bit is set, and the offset doubled (2.9.73).
        if place & 0x40000000:
            yield document[start // 2 : start // 2 + length].decode("cp1252", "replace")
        else:
            yield document[start : start + 2 * length].decode("utf-16-le", "replace")


def template_of(document: bytes, table: bytes) -> str:
    """The attached template (SttbfAssoc, 2.9.298); "" for none."""
    strings = _part(document, table, _ASSOCIATED)
    if strings[:2] != b"\xff\xff":
        return ""
    at = 6
    for index in range(_TEMPLATE + 1):
        size = 2 * int.from_bytes(strings[at : at + 2], "little")
        if index == _TEMPLATE:
            return strings[at + 2 : at + 2 + size].decode("utf-16-le", "replace")
        at += 2 + size
    return ""


def _part(document: bytes, table: bytes, index: int) -> bytes:
    start, size = struct.unpack_from("<LL", document.ljust(1024, b"\0"), _PAIRS + 8 * index)
    return table[start : start + size]
