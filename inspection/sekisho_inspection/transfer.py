"""Transfer encodings (RFC 2045 section 6): which one a part may be in, and its bytes in every way that programs decode.

A part whose encoding is stated once, known, and kept to costs one look and one decoding. What is doubled, unknown or
broken is decoded in each way that some program does.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from sekisho_inspection import binhex, filetype, headers, uuencode, yenc

IDENTITY, UNKNOWN = "identity", "unknown"
_IDENTITIES = frozenset(b" 7bit 8bit binary 7-bit 8-bit none utf-8 ascii us-ascii".split(b" "))
_PLAIN = {b"base64": "base64", b"quoted-printable": "quoted-printable"}
# What a name that is none of the standard's says of the way to decode.
_SPEAKS = (
    (re.compile(rb"64|^b$"), "base64"),
    (re.compile(rb"quot|print|^qp?$|qp"), "quoted-printable"),
    (re.compile(rb"uu|xx"), "uuencode"),
    (re.compile(rb"yenc"), "yenc"),
    (re.compile(rb"binhex|hqx"), "binhex"),
)
# A name that speaks of an encoding; others are none (senders write "utf-8" or "8-bit" there).
_CODED = re.compile(rb"85|zip|deflate|compress|encod")
_COMMENT = re.compile(rb"\([^()]*+\)")
_WORD = re.compile(rb"[a-z0-9.-]+")
_JUNK = bytes(byte for byte in range(256) if not (chr(byte).isalnum() and byte < 128) and byte not in b"+/=")
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_LOOKS_BASE64 = re.compile(rb"\s*+[A-Za-z0-9+/]{2,4}(?:[A-Za-z0-9+/=\s]{12,}+\Z|[A-Za-z0-9+/=\s]{60})")
_LOOKS_QUOTED = re.compile(rb"=[0-9A-F]{2}")
_BYTE = rb"[0-9A-Fa-f]{2}"
_ODD_EQUALS = re.compile(rb"=(?!" + _BYTE + rb"|\r?\n|\Z)")
_SOFT = re.compile(rb"=[ \t\v\f\0\xa0]*+\r*+\n|=[ \t]*+\Z")
_TRAILING = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")
_DECODERS: dict[str, Callable[[bytes], bytes | None]] = {
    "uuencode": uuencode.decode,
    "yenc": yenc.decode,
    "binhex": binhex.decode,
}
# A = before what is no byte is dropped alone, with one hexadecimal digit, with the next characters, or kept.
_ILLEGAL = (
    (re.compile(rb"=(?!" + _BYTE + rb")"), b""),
    (re.compile(rb"=[0-9A-Fa-f]?(?==)"), b""),
    (re.compile(rb"=(?!" + _BYTE + rb")[^=\r\n]"), b""),
    (re.compile(rb"=(?!" + _BYTE + rb")[^=\r\n]{2}"), b""),
    (re.compile(rb"=(?!" + _BYTE + rb")"), b"=3D"),
)
# Readings of one body.
_MOST = 16


@dataclass(frozen=True)
class Stated:
    """The encodings that a part states, the standard reading first; `odd` where programs may differ over them."""

    kinds: tuple[str, ...]
    odd: bool

    @property
    def first(self) -> str:
        """The encoding of the standard reading; "identity" where none is stated."""
        return self.kinds[0] if self.kinds else IDENTITY


def stated(values: Iterable[bytes]) -> Stated:
    """What the values of a part's Content-Transfer-Encoding fields say, words of RFC 2047 and comments undone."""
    lines = list(dict.fromkeys(_plain(value) for value in values))
    found: list[str] = []
    odd = False
    for line in lines:
        if line in _PLAIN:
            found.append(_PLAIN[line])
        elif line not in _IDENTITIES:
            # What only some programs undo.
            meant = list(filter(None, map(_meant, _words(line))))
            odd = odd or any(kind != IDENTITY for kind in meant)
            found += meant or [IDENTITY]
        elif line:
            found.append(IDENTITY)
    kinds = tuple(dict.fromkeys(found))
    return Stated(kinds, odd or len(kinds) > 1)


def readings(body: bytes, encoding: Stated, text: bool) -> Iterator[bytes]:
    """The body in every way that programs decode it, the standard reading first, without repeats; `text` says that
    one which is not decoded is no surprise."""
    first = encoding.first
    strict = _strict(body) if first == "base64" else None
    standard = decode(body, first) if strict is None else strict
    yield standard
    if strict is not None and not encoding.odd:
        return
    given = {standard}
    for content in islice(_others(body, encoding, text), _MOST):
        if content not in given and content.strip():
            given.add(content)
            yield content


def decode(body: bytes, encoding: str) -> bytes:
    """The bytes of the standard reading; an encoding that nobody knows leaves them as they are."""
    if encoding == "base64":
        return headers.base64_bytes(body)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    decoder = _DECODERS.get(encoding)
    return body if decoder is None else decoder(body) or b""


def _plain(value: bytes) -> bytes:
    line = headers.unfold(value)
    return (headers.decode_value(line).encode("utf-8", "replace") if b"=?" in line else line).lower()


def _words(line: bytes) -> Iterator[bytes]:
    bare = line.translate(None, b"\0")
    yield from islice(_WORD.findall(_COMMENT.sub(b" ", bare)), _MOST)
    yield from islice(_WORD.findall(_COMMENT.sub(b"", bare).translate(None, b"\"'\\ \t")), 1)


def _meant(word: bytes) -> str:
    if word in _IDENTITIES:
        return IDENTITY
    return next((kind for speaks, kind in _SPEAKS if speaks.search(word)), UNKNOWN if _CODED.search(word) else "")


def _others(body: bytes, encoding: Stated, text: bool) -> Iterator[bytes]:
    yield from _variants(body, encoding.first)
    if encoding.first == "uuencode":
        # Some programs take every file out of such a body, and some none.
        yield from (found.content for found in islice(uuencode.files(body), _MOST))
    for kind in encoding.kinds[1:]:
        yield decode(body, kind)
        yield from _variants(body, kind)
    if encoding.odd and encoding.first != IDENTITY and not _is_strict(body, encoding.first):
        yield body
    if encoding.first in (IDENTITY, UNKNOWN) and (encoding.odd or not text):
        yield from _sniffed(body)


def _variants(body: bytes, kind: str) -> Iterator[bytes]:
    if kind == "base64" and _strict(body) is None:
        yield from _base64(body)
    elif kind == "quoted-printable" and not _is_strict_quoted(body):
        yield from _quoted(body)


def _strict(body: bytes) -> bytes | None:
    """The bytes of base64 that every program decodes alike; None for what is odd."""
    try:
        return binascii.a2b_base64(body.translate(None, b"\r\n"), strict_mode=True)
    except binascii.Error:
        return None


def _is_strict(body: bytes, kind: str) -> bool:
    """Whether the body keeps to the standard of the encoding, so that nothing else is to be read in it."""
    return _strict(body) is not None if kind == "base64" else kind == "quoted-printable" and _is_strict_quoted(body)


def _is_strict_quoted(body: bytes) -> bool:
    ends = any(space in body for space in (b" \r\n", b" \n", b"\t\r\n", b"\t\n"))
    return not ends and not _ODD_EQUALS.search(body) and body.count(b"\r") == body.count(b"\r\n")


def _sniffed(body: bytes) -> Iterator[bytes]:
    """What a body that states no encoding shows by itself: nothing but base64, or a known kind of file in it or in
    quoted-printable."""
    head = body[:4000]
    if _LOOKS_BASE64.match(head) and (strict := _strict(body)) is not None:
        yield strict
        return
    kinds = ["base64"] if _LOOKS_BASE64.match(head) else []
    kinds += ["quoted-printable"] if len(_LOOKS_QUOTED.findall(head)) > 3 else []
    for kind in kinds:
        yield from (content for content in (decode(body, kind), *_variants(body, kind)) if filetype.sniff(content))


def _base64(body: bytes) -> Iterator[bytes]:
    """Base64 that keeps to no standard: what stands behind a delimiter, the alphabet of RFC 4648 section 5, and = in
    the middle, which ends the data, is passed over, counts as zero bits, or ends four characters."""
    yield from _by_line(body)
    if b"\n--" in body:
        body = body[: body.find(b"\n--") + 1]
        yield headers.base64_bytes(body)
    if b"-" in body or b"_" in body:
        other = body.translate(_URL_SAFE)
        yield headers.base64_bytes(other)
        yield headers.base64_bytes(other.partition(b"=")[0])
    # A junk character that is no white space ends the data for some.
    strict = re.match(rb"[A-Za-z0-9+/=\s]*+", body)
    yield headers.base64_bytes(strict[0] if strict else b"")
    clean = body.translate(None, _JUNK)
    whole = clean.rstrip(b"=")
    if b"=" in whole:
        yield headers.base64_bytes(clean.partition(b"=")[0])
        yield headers.base64_bytes(clean.replace(b"=", b""))
        yield headers.base64_bytes(whole.replace(b"=", b"A") + clean[len(whole) :])
        yield _by_fours(clean)


def _by_line(body: bytes) -> Iterator[bytes]:
    """The data without the lines that hold anything else than base64."""
    lines = body.split(b"\n")
    kept = [line for line in lines if not line.strip().translate(None, b"=").translate(None, _ALPHABET)]
    if len(kept) < len(lines):
        yield headers.base64_bytes(b"\n".join(kept))


def _by_fours(clean: bytes) -> bytes:
    """Four characters at a time; each = among them takes one byte from the end of the three."""
    whole = clean[: len(clean) - len(clean) % 4]
    values = binascii.a2b_base64(whole.replace(b"=", b"A"))
    out = []
    for at in range(0, len(whole), 4):
        pads = whole.count(b"=", at, at + 4)
        start = at // 4 * 3
        out.append(values[start : start + max(0, 3 - pads)])
    return b"".join(out)


def _quoted(body: bytes) -> Iterator[bytes]:
    """Quoted-printable that keeps to no standard: white space at the ends of lines, and = before what is no byte, which
    is dropped alone, with one hexadecimal digit, with the next character, or with the next two."""
    if b"\n--" in body:
        body = body[: body.find(b"\n--") + 1]
        yield binascii.a2b_qp(body)
    soft = _SOFT.sub(b"", _TRAILING.sub(b"", body))
    yield binascii.a2b_qp(soft)
    for illegal, kept in _ILLEGAL:
        yield binascii.a2b_qp(illegal.sub(kept, soft))
    if b"\r" in body.replace(b"\r\n", b""):
        yield binascii.a2b_qp(body.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
