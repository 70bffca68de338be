"""yEnc: files as bytes of eight bits between "=ybegin" and "=yend" lines (yEnc draft 1.3), whole or in pieces."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sekisho_inspection.inline import BREAK, Inline

_START = rb"(?:(?<=[\r\n])|\A)"
_BEGIN = re.compile(rb"=ybegin[ \t]([^\r\n]{0,2000}+)" + BREAK)
_PIECE = re.compile(rb"=ypart[ \t]([^\r\n]{0,500}+)" + BREAK)
_STOP = re.compile(_START + rb"=y(end|begin)\b([^\r\n]{0,500}+)")
_NUMBER = re.compile(rb"\b(part|total|size|begin|p?crc32)=([0-9A-Fa-f]{1,12})\b")
_ESCAPED = re.compile(rb"=(.)", re.S)
_SHIFTED = bytes((byte - 42) & 255 for byte in range(256))
_STUFFED = re.compile(_START + rb"\.\.")


@dataclass(frozen=True)
class Piece(Inline):
    """A file or a piece of one: `at` is its place in the file, `size` what the whole is said to be."""

    at: int = 0
    size: int = 0
    is_fragment: bool = False


def decode(body: bytes) -> bytes:
    """The first file in `body`, its pieces joined; b"" where there is none. Raises nothing."""
    found = list(files(body))
    return joined([piece for piece in found if piece.name == found[0].name])[0] if found else b""


def joined(pieces: list[Piece]) -> tuple[bytes, bool]:
    """The pieces of one file in their order, and whether they are all of it. A later copy of a piece is left out."""
    out = bytearray()
    complete = True
    for piece in sorted(pieces, key=lambda piece: piece.at):
        complete = complete and piece.at <= len(out)
        out += piece.content[max(0, len(out) - piece.at) if complete else 0 :]
    return bytes(out), complete and len(out) >= max((piece.size for piece in pieces), default=0)


def files(text: bytes) -> Iterator[Piece]:
    """Every file and piece of one in the text, whatever its sizes and checksums say. Raises nothing."""
    at = 0
    while match := _BEGIN.search(text, at):
        head, _, name = match[1].partition(b"name=")
        numbers = _numbers(head)
        part = _PIECE.match(text, match.end())
        start = part.end() if part else match.end()
        stop = _STOP.search(text, start)
        end = stop.start() if stop else len(text)
        tail = _numbers(stop[2]) if stop and stop[1] == b"end" else {}
        content = _content(text[start:end], tail)
        place = max(0, _numbers(part[1]).get(b"begin", 1) - 1) if part else 0
        at = stop.end() if stop and stop[1] == b"end" else end
        size = numbers.get(b"size", 0)
        less = place > 0 or (size > len(content) and (part is not None or b"part" in numbers))
        yield Piece(match.start(), at, name, content, True, place, size, less)


def _numbers(line: bytes) -> dict[bytes, int]:
    return {
        name: int(value, 16 if b"crc" in name else 10) for name, value in _NUMBER.findall(line) if _fits(name, value)
    }


def _fits(name: bytes, value: bytes) -> bool:
    return b"crc" in name or value.isdigit()


def _content(data: bytes, tail: dict[bytes, int]) -> bytes:
    """The bytes of the lines. Where they are not what the last line says, and are without the dots that news servers
    double, they are those."""
    plain = _plain(data)
    if b".." in data and not _agrees(plain, tail) and _agrees(other := _plain(_STUFFED.sub(b".", data)), tail):
        return other
    return plain


def _agrees(content: bytes, tail: dict[bytes, int]) -> bool:
    stated = tail.get(b"pcrc32", tail.get(b"crc32"))
    return len(content) == tail.get(b"size", len(content)) and (stated is None or binascii.crc32(content) == stated)


def _plain(data: bytes) -> bytes:
    lines = data.translate(None, b"\r\n")
    return _ESCAPED.sub(lambda match: bytes([(match[1][0] - 64) & 255]), lines).translate(_SHIFTED)
