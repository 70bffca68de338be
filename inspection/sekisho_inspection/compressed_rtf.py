"""Compressed RTF as Outlook keeps a message's text (MS-OXRTFCP)."""

from __future__ import annotations

_HEADER = 16
_PLAIN, _PACKED = b"MELA", b"LZFu"
_WINDOW = 4096
# MS-OXRTFCP 2.1.2.1: what stands in the dictionary at the beginning.
_WORDS = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def unpacked(data: bytes) -> tuple[bytes, bool] | None:
    """The RTF and whether it is all that the header says; None for other data. At most nine times as long.

    Where it ends is said in the data; the sizes in the header may say less.
    """
    size, kind, body = int.from_bytes(data[4:8], "little"), data[8:12], data[_HEADER:]
    if kind == _PLAIN:
        # Some programs count the header.
        return body, len(body) + _HEADER >= size
    if kind != _PACKED:
        return None
    text = _inflate(body)
    return text, len(text) >= size


def _inflate(body: bytes) -> bytes:
    """Tokens in groups of eight, the bits of a byte saying which are references into the last 4,096 bytes."""
    out = bytearray(_WORDS)
    at = 0
    while at < len(body):
        flags = body[at]
        at += 1
        for bit in range(8):
            if not flags >> bit & 1:
                out += body[at : at + 1]
                at += 1
                continue
            if at + 2 > len(body):
                return bytes(out[len(_WORDS) :])
            token = int.from_bytes(body[at : at + 2])
            at += 2
            distance = (len(out) - (token >> 4)) % _WINDOW
            if not distance:
                return bytes(out[len(_WORDS) :])
            out += _copied(out, distance, (token & 15) + 2)
    return bytes(out[len(_WORDS) :])


def _copied(out: bytearray, distance: int, length: int) -> bytes:
    """`length` bytes from `distance` back; they may reach into themselves, or before the beginning, where zeros are."""
    start = len(out) - distance
    piece = bytes(max(0, -start)) + bytes(out[max(0, start) : max(0, start + length)])
    return (piece * (length // max(1, len(piece)) + 1))[:length]
