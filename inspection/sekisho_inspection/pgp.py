"""OpenPGP messages in ASCII armour: what is only signed or compressed is opened (RFC 9580 sections 4.2 and 5)."""

from __future__ import annotations

import binascii
import bz2
import re
import zlib
from collections.abc import Iterator

from sekisho_inspection import filetype
from sekisho_inspection.headers import base64_bytes
from sekisho_inspection.inline import Inline

_ARMOUR = re.compile(
    rb"^-----BEGIN PGP MESSAGE-----[ \t]*+\r?$(?:\n[ \t]*+[A-Za-z]{1,40}: [^\n]{0,500}+){0,20}+([^-]*+)", re.M
)
_CHECKSUM = re.compile(rb"^=[A-Za-z0-9+/]{4}[ \t]*+\r?$", re.M)
_MARK = b"-----BEGIN PGP MESSAGE-----"
# Packets that begin a message; keys and signatures for themselves begin with others.
_MESSAGE = (1, 3, 4, 8, 9, 11, 18, 20)
_COMPRESSED, _LITERAL, _BEFORE_LITERAL = 8, 11, (2, 4, 10)
# A compressed packet inside of a compressed one is not written by any program, and is still opened this deep.
_DEPTH = 4
# Packets before the literal one: a signature each.
_PACKETS = 100
_MOST = 64 << 20
# Enough to see what a message is.
_BEGINNING = 1 << 16


def is_named(names: tuple[str, ...]) -> bool:
    """Whether a name says that a file is a message without armour."""
    return filetype.called(names, (".gpg", ".pgp"))


def files(text: bytes, named: bool = False) -> Iterator[Inline]:
    """The contents of the messages that nobody needs a key for; `named` is what `is_named` says. Raises nothing."""
    if named and (opened := _literal(text, _MOST)):
        yield Inline(0, len(text), *opened)
    for match in _messages(text):
        if found := _literal(_binary(match[1]), _MOST):
            yield Inline(match.start(), match.end(), *found)


def is_locked(text: bytes, named: bool = False) -> bool:
    """Whether there is a message that cannot be opened without a key, or is none that is understood."""
    first = _packet(text, 0) if named else None
    if first and first[0] in _MESSAGE and _literal(text, _BEGINNING) is None:
        return True
    return any(_literal(_binary(match[1]), _BEGINNING) is None for match in _messages(text))


def _messages(text: bytes) -> Iterator[re.Match[bytes]]:
    return _ARMOUR.finditer(text) if _MARK in text else iter(())


def _binary(armoured: bytes) -> bytes:
    end = _CHECKSUM.search(armoured)
    return base64_bytes(armoured[: end.start()] if end else armoured)


def _literal(packets: bytes, most: int, depth: int = 0) -> tuple[bytes, bytes, bool] | None:
    """Name, content, of which `most` bytes are unpacked, and whether it is all of it; None for any other packets."""
    at = 0
    for _ in range(_PACKETS):
        found = _packet(packets, at)
        if found is None:
            return None
        tag, body, at = found
        if tag == _LITERAL and len(body) > 2:
            name, date = body[2 : 2 + body[1]], 4
            return name, body[2 + body[1] + date :], True
        if tag == _COMPRESSED and depth < _DEPTH:
            inner, whole = _inflated(body, most)
            opened = _literal(inner, most, depth + 1)
            return (*opened[:2], whole and opened[2]) if opened else None
        if tag not in _BEFORE_LITERAL:
            return None
    return None


def _packet(data: bytes, at: int) -> tuple[int, bytes, int] | None:
    """Tag, body and the place behind it; None at the end or where there is no packet."""
    first = data[at] if at < len(data) else 0
    if first & 0xC0 == 0xC0:
        body, end = _body(data, at + 1)
        return first & 0x3F, body, end
    if first & 0x80:
        width = (1, 2, 4, 0)[first & 3]
        start = at + 1 + width
        end = start + int.from_bytes(data[at + 1 : start]) if width else len(data)
        return first >> 2 & 0x0F, data[start:end], end
    return None


def _body(data: bytes, at: int) -> tuple[bytes, int]:
    """A body of the newer format, which may come in pieces."""
    out: list[bytes] = []
    while at < len(data):
        first = data[at]
        if 224 <= first < 255:
            size = 1 << (first & 31)
            out.append(data[at + 1 : at + 1 + size])
            at += 1 + size
            continue
        width = 1 if first < 192 else 2 if first < 224 else 5
        size = int.from_bytes(data[at + 1 : at + 5]) if width == 5 else first
        if width == 2:
            size = ((first - 192) << 8) + int.from_bytes(data[at + 1 : at + 2]) + 192
        out.append(data[at + width : at + width + size])
        return b"".join(out), at + width + size
    return b"".join(out), at


def _inflated(body: bytes, most: int) -> tuple[bytes, bool]:
    """A compressed packet's content, at most so many bytes, and whether that is all of it."""
    kind, packed = body[:1], body[1:]
    if kind == b"\0":
        return packed, True
    if kind not in (b"\1", b"\2", b"\3"):
        return b"", False
    try:
        if kind == b"\3":
            unpacker = bz2.BZ2Decompressor()
            return unpacker.decompress(packed, most), unpacker.eof
        engine = zlib.decompressobj(-15 if kind == b"\1" else 15)
        return engine.decompress(packed, most), engine.eof
    except (zlib.error, OSError, binascii.Error):
        return b"", False
