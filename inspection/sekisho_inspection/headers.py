"""Header fields: raw bytes to decoded values and addresses (RFC 5322, RFC 2047), as lenient as mail programs are."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from sekisho_inspection import charset

# RFC 2047 section 2; spaces inside a word are against the standard and seen in the wild.
_WORD = re.compile(rb"=\?([!-<>@-~]{1,75})\?([bBqQ])\?([^?]*)\?=")
_FOLD = re.compile(rb"\r?\n[ \t]*|\r")
_NOT_BASE64 = bytes(byte for byte in range(256) if not (chr(byte).isalnum() and byte < 128) and byte not in b"+/=")
# The look-behind lets each run of characters be tried once: 900 kB without an "@" took 40 s.
_COMMENT = re.compile(r"\([^()]*\)")
_QUOTED_LOCAL = re.compile(r'"([^"\\\s@<>]{1,64})"@')
_ADDRESS = re.compile(r"(?<![^\s<>()\[\]\",;:@])[^\s<>()\[\]\",;:@]++@(?:[^\s<>()\[\]\",;:@]+|\[[^\]\s]{1,64}\])")


@dataclass(frozen=True)
class Field:
    """One header field as it stands: name as text, value as raw bytes with its folds."""

    name: str
    raw: bytes

    @property
    def key(self) -> str:
        return self.name.strip(" \t\r\0").lower()


@dataclass(frozen=True)
class Address:
    """A mailbox of an address field; either side may be "" where the field is broken."""

    value: str
    display_name: str


def unfold(raw: bytes) -> bytes:
    """A value on one line, without the space around it; a fold is one space."""
    return _FOLD.sub(b" ", raw).strip() if b"\n" in raw or b"\r" in raw else raw.strip()


def decode_value(raw: bytes) -> str:
    """A field's value as a reader sees it."""
    line = unfold(raw)
    if b"=?" not in line and line.isascii() and b"\x1b" not in line:
        return line.decode("ascii")
    return _decode_words(line, joined=True)


def decoded_values(raw: bytes) -> list[str]:
    """Every plausible reading of a value, `decode_value`'s first: words joined or each for itself, other charsets."""
    line = unfold(raw)
    values = [decode_value(raw)]
    if b"=?" in line:
        values.append(_decode_words(line, joined=False))
        words = _WORD.findall(line)
        if len({label.lower() for label, _, _ in words}) == 1 and not _WORD.sub(b"", line).strip():
            data = b"".join(_word_bytes(kind, text) for _, kind, text in words)
            values += charset.decodings(data, words[0][0].decode("ascii"))
    elif not line.isascii() or b"\x1b" in line:
        values += charset.decodings(line)
    return [value for value in dict.fromkeys(values) if value]


def _decode_words(line: bytes, joined: bool) -> str:
    out: list[str] = []
    pending: list[bytes] = []
    label, last = b"", 0
    for match in _WORD.finditer(line):
        between = line[last : match.start()]
        # White space between two words is not shown (RFC 2047 section 6.2); bytes of one charset are decoded together,
        # because many senders cut characters and escape sequences at the word's end.
        if between.strip() or not last:
            out.append(_flush(pending, label))
            out.append(charset.decode(between)[0])
            pending = []
        elif not joined or match[1].lower() != label.lower():
            out.append(_flush(pending, label))
            pending = []
        pending.append(_word_bytes(match[2], match[3]))
        label, last = match[1], match.end()
    out.append(_flush(pending, label))
    out.append(charset.decode(line[last:])[0])
    return "".join(out)


def _flush(pending: list[bytes], label: bytes) -> str:
    return charset.decode(b"".join(pending), label.decode("ascii"))[0] if pending else ""


def _word_bytes(kind: bytes, text: bytes) -> bytes:
    if kind in b"bB":
        return base64_bytes(text)
    return binascii.a2b_qp(text.replace(b"\n", b""), header=True)


def base64_bytes(text: bytes) -> bytes:
    """Base64 without regard to junk, short ends and padding in the middle (each padded run is decoded for itself)."""
    clean = text.translate(None, _NOT_BASE64)
    runs = [clean.rstrip(b"=")]
    if b"=" in runs[0]:
        runs = [run for run in runs[0].split(b"=") if run]
    # One character over a quad carries six bits: no byte.
    return b"".join(binascii.a2b_base64(run[: len(run) - (len(run) % 4 == 1)] + b"==") for run in runs)


def addresses(raw: bytes) -> list[Address]:
    """The mailboxes of an address field, groups flattened. Comments count as names where there is no other."""
    return [address for piece in _pieces(unfold(raw)) if (address := _address(piece)) is not None]


def _pieces(line: bytes) -> list[bytes]:
    """Cut at commas and semicolons outside of quotes, comments and angle brackets; one pass, no recursion."""
    pieces, start, quoted, depth, angle, skip = [], 0, False, 0, False, False
    for index, byte in enumerate(line):
        if skip:
            skip = False
        elif byte == 0x5C:
            skip = True
        elif byte == 0x22 and not depth:
            quoted = not quoted
        elif quoted:
            continue
        elif byte == 0x28:
            depth += 1
        elif byte == 0x29:
            depth = max(0, depth - 1)
        elif byte in (0x3C, 0x3E):
            angle = byte == 0x3C
        elif byte in b",;" and not depth and not angle:
            pieces.append(line[start:index])
            start = index + 1
    return [*pieces, line[start:]]


def _address(piece: bytes) -> Address | None:
    text = (
        _decode_words(piece, joined=True)
        if not piece.isascii() or b"=?" in piece or b"\x1b" in piece
        else piece.decode()
    )
    head, bracket, tail = text.rpartition("<")
    if bracket:
        value, name = _without_comments(tail.partition(">")[0]), head
    else:
        found = _ADDRESS.search(text) or _ADDRESS.search(_without_comments(text))
        value = found[0] if found else ""
        name = text.replace(value, "", 1) if value else text
    name = _clean_name(name)
    return Address(value.strip("'\" ").lower(), name) if value or name else None


def _without_comments(text: str) -> str:
    """An address without comments, spaces at the @ and needless quotes (RFC 5322 section 3.4.1)."""
    text = "@".join(side.strip() for side in _COMMENT.sub("", text).split("@"))
    return _QUOTED_LOCAL.sub(r"\1@", text)


def _clean_name(name: str) -> str:
    # A group's name before the colon is no mailbox's name (RFC 5322 section 3.4).
    plain = name.strip()
    if plain.startswith("(") and plain.endswith(")"):
        plain = plain[1:-1]
    if len(plain) > 1 and plain.startswith('"') and plain.endswith('"'):
        plain = plain[1:-1]
    return plain.replace('\\"', '"').strip()
