"""BIFF: the records of an old Excel workbook that start something (MS-XLS): DDE links, macro sheets, auto-run names."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sekisho_core.vocabulary import FindingKind

_BOUNDSHEET, _NAME, _NAME3, _SUPBOOK = 0x0085, 0x0018, 0x0218, 0x01AE
_MACRO_SHEETS = (1, 6)
_BUILT_IN_NAME = 0x20
_AUTO_NAMES = {1: "Auto_Open", 2: "Auto_Close", 10: "Auto_Activate", 11: "Auto_Deactivate"}
# A workbook has some thousand; this bounds the walk over a stream of empty records.
_MAX_RECORDS = 1_000_000


def records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and payload of each record, up to the end or to the first that is cut off."""
    at = 0
    for _ in range(_MAX_RECORDS):
        if at + 4 > len(stream):
            return
        kind, size = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def findings(stream: bytes) -> list[tuple[FindingKind, str]]:
    """Finding kind and detail for what a Workbook or Book stream starts."""
    found: list[tuple[FindingKind, str]] = []
    sheets, triggers = False, []
    for kind, payload in records(stream):
        if kind == _BOUNDSHEET and len(payload) > 5 and payload[5] in _MACRO_SHEETS:
            sheets = True
        elif kind in (_NAME, _NAME3):
            triggers += _trigger(payload)
        elif kind == _SUPBOOK and (link := _dde(payload)):
            found.append(("office-dde", link))
    if sheets:
        found.append(("office-macro", "Excel 4 macro sheet"))
    if sheets and triggers:
        found.append(("office-auto-macro", ", ".join(dict.fromkeys(triggers))))
    return found


def _trigger(payload: bytes) -> list[str]:
    """The auto-run name that a NAME record defines (2.4.150), built in or spelled out."""
    if len(payload) < 16:
        return []
    built_in = payload[0] & _BUILT_IN_NAME
    # BIFF8 puts a byte of string flags before the name, BIFF5 does not.
    if built_in and (code := next((byte for byte in payload[14:16] if byte in _AUTO_NAMES), 0)):
        return [_AUTO_NAMES[code]]
    plain = payload[14:60].replace(b"\0", b"").lower()
    return [name for name in _AUTO_NAMES.values() if name.lower().encode() in plain]


def _dde(payload: bytes) -> str:
    """Program and topic of a DDE link (2.5.348: parted by U+0003); "" for links to workbooks."""
    if len(payload) < 5 or payload[:2] != b"\0\0":
        return ""
    size, wide = struct.unpack_from("<HB", payload, 2)
    path = (
        payload[5 : 5 + size * 2].decode("utf-16-le", "replace")
        if wide & 1
        else payload[5 : 5 + size].decode("latin-1")
    )
    return path.replace("\x03", " ") if "\x03" in path else ""
