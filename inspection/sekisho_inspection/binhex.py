"""BinHex 4.0: a Macintosh file, both its forks, as text (RFC 1741 appendix A)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sekisho_inspection import filetype
from sekisho_inspection.inline import Inline, marks_before

_ALPHABET = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_TO_BASE64 = bytes.maketrans(_ALPHABET, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_CLASS = rb"[!-\-0-689@A-NP-VX-Z\[`a-fh-mp-r]"
# Lines may be quoted or set in; no mark of a quotation is of the alphabet.
_RUN = re.compile(rb":[ \t]*+(" + _CLASS + rb"{10,}+[" + _CLASS[1:-1] + rb" \t\r\n>|]*+)(:?)")
_NOT_CODED = bytes(byte for byte in range(256) if byte not in _ALPHABET)
KIND = "application/mac-binhex40"
_SENTENCE = b"(This file must be converted"
_REPEAT = 0x90
# One pair of bytes stands for up to 255; what unpacks to more than this is cut, and so not whole.
_MOST = 64 << 20
_LONGEST_NAME = 63


@dataclass(frozen=True)
class Forks(Inline):
    """A file with its resource fork; `content` is the data fork."""

    resources: bytes = b""


def is_named(names: tuple[str, ...], declared: str) -> bool:
    """Whether type or name says that a part is BinHex."""
    return declared == KIND or filetype.called(names, ".hqx")


def decode(body: bytes) -> bytes | None:
    """The data fork of the first file in `body`; None where there is none. Raises nothing."""
    found = next(files(body, said=True), None)
    return found.content if found else None


def files(text: bytes, said: bool = False) -> Iterator[Forks]:
    """Every file in the text; `said` is whether something says that it is BinHex. Raises nothing.

    Without the sentence that programs write before it, the header's checksum must be right.
    """
    said = said or _SENTENCE in text
    for match in _RUN.finditer(text):
        if marks_before(text, match.start()) is None:
            continue
        raw, cut = _repeated(binascii.a2b_base64(_quads(match[1])))
        if said or _is_header(raw):
            yield _forks(raw, match, cut) or Forks(match.start(), match.end(), b"", raw, False)


def _quads(run: bytes) -> bytes:
    coded = run.translate(_TO_BASE64, _NOT_CODED)
    return coded[: len(coded) - (len(coded) % 4 == 1)] + b"=="


def _repeated(packed: bytes) -> tuple[bytes, bool]:
    """Runs of one byte, written as byte, 0x90 and count (0 for 0x90 itself), and whether they are too long."""
    out = bytearray()
    at = 0
    while (mark := packed.find(_REPEAT, at)) >= 0 and mark + 1 < len(packed):
        out += packed[at:mark]
        count = packed[mark + 1]
        out += bytes([_REPEAT]) if not count else out[-1:] * (count - 1)
        at = mark + 2
        if len(out) > _MOST:
            return bytes(out), True
    return bytes(out + packed[at : mark if mark >= 0 else None]), False


def _is_header(raw: bytes) -> bool:
    end = (raw[0] if raw else 0) + 20
    return end > 20 and len(raw) > end + 1 and binascii.crc_hqx(raw[:end], 0) == int.from_bytes(raw[end : end + 2])


def _forks(raw: bytes, match: re.Match[bytes], cut: bool) -> Forks | None:
    """Name, version, type, creator, flags, both lengths, a checksum; then each fork with its own."""
    size = raw[0] if raw else _LONGEST_NAME + 1
    at = size + 2
    if size > _LONGEST_NAME or len(raw) < at + 20:
        return None
    data, resources = (int.from_bytes(raw[at + place : at + place + 4]) for place in (10, 14))
    start = at + 20
    rest = start + data + 2
    whole = not cut and len(raw) >= rest - 2 and len(raw) >= rest + resources
    content = raw[start : start + data]
    return Forks(match.start(), match.end(), raw[1 : size + 1], content, whole, raw[rest : rest + resources])
