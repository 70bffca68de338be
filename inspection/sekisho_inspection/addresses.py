"""Mailboxes: the addresses of a field and the names beside them, in every plausible reading (RFC 5322 section 3.4)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from sekisho_inspection import headers

# The look-behind lets each run of characters be tried once: 900 kB without an "@" took 40 s. A quoted local part may
# hold anything (RFC 5321 section 4.1.2, which bounds it as well).
_ADDRESS = re.compile(
    r"(?:\"((?:[^\"\\]|\\.){1,64}+)\"|(?<![^\s<>()\[\]\",;:@])[^\s<>()\[\]\",;:@]++)"
    r"@(?:[^\s<>()\[\]\",;:@]++|\[[^\]\s]{1,64}\])"
)
_PLAIN_LOCAL = re.compile(r"[^\"\\\s@<>(),;:\[\]]+")
_AROUND_AT = re.compile(r"(?<=\S)[ \t]{0,20}@[ \t]{0,20}")
_BRACKETS = re.compile(r"<([^<>]*+)>?")
_STRUCTURE = re.compile(rb"[\\\"()<>,;]")
_MAX_READINGS = 8


class Address(NamedTuple):
    """A mailbox of an address field; either side may be "" where the field is broken."""

    value: str
    display_name: str


def addresses(raw: bytes) -> list[Address]:
    """The mailboxes of an address field in the order of their first readings, groups flattened, without repeats.

    Comments count as names where there is no other. Of each mailbox every plausible reading is one.
    """
    found: dict[Address, None] = {}
    for piece in _pieces(headers.unfold(raw)):
        for text in _texts(piece):
            found.update(dict.fromkeys(_mailboxes(text)))
    return list(found)


def _texts(piece: bytes) -> list[str]:
    """The readings of one mailbox: of its words, and of what stands in brackets by itself."""
    if piece.isascii() and b"=?" not in piece and b"\x1b" not in piece and b"+" not in piece and b"~{" not in piece:
        return [piece.decode("ascii")]
    texts = headers.decoded_values(piece)[:_MAX_READINGS]
    # An address that stands before a word is hidden by none that is inside the word.
    head = piece.partition(b"=?")[0]
    if b"@" in head and head != piece:
        texts.append(head.decode("utf-8", "replace"))
    return texts


def _pieces(line: bytes) -> list[bytes]:
    """Cut at commas and semicolons outside of quotes, comments and angle brackets; one pass, no recursion."""
    if b"," not in line and b";" not in line:
        return [line]
    pieces, start, quoted, depth, angle, skip = [], 0, False, 0, False, -1
    for match in _STRUCTURE.finditer(line):
        index, mark = match.start(), match[0]
        if index == skip:
            continue
        if mark == b"\\":
            skip = index + 1
        elif mark == b'"' and not depth:
            quoted = not quoted
        elif quoted:
            continue
        elif mark in b"()":
            depth = max(0, depth + (1 if mark == b"(" else -1))
        elif mark in b"<>":
            angle = mark == b"<"
        elif mark in b",;" and not depth and not angle:
            pieces.append(line[start:index])
            start = index + 1
    return [*pieces, line[start:]]


def _mailboxes(text: str) -> Iterator[Address]:
    """The mailboxes of one piece: programs differ in which of several brackets they take."""
    if not text.isascii():
        text = text.replace("\uff20", "@").replace("\ufe6b", "@")
    name = _clean_name(text.partition("<")[0])
    inside = _BRACKETS.findall(text)
    for inner in inside:
        values = list(_values(inner))
        yield from (Address(value, name) for value in values or [inner.strip("'\" ").lower()] if value or name)
    if inside:
        last = _clean_name(text.rpartition("<")[0]) if text.count("<") > 1 else name
        if last != name:
            yield from (Address(value, last) for value in _values(inside[-1]))
        return
    values = list(_values(text))
    rest = _clean_name(text.replace(values[0], "", 1) if values else text)
    if values and rest.lower().strip() == values[0]:
        rest = ""
    if values or rest:
        yield Address(values[0] if values else "", rest)
    yield from (Address(value, rest) for value in values[1:])


def _values(text: str) -> Iterator[str]:
    """The addresses in a text, lower case, without comments, spaces at the @ and needless quotes."""
    plain = without_comments(text)
    if " @" in plain or "@ " in plain or "\t" in plain:
        plain = _AROUND_AT.sub("@", plain)
    for match in _ADDRESS.finditer(plain):
        value = match[0]
        if match[1] and _PLAIN_LOCAL.fullmatch(match[1]):
            value = match[1] + value[len(match[1]) + 2 :]
        value = value.lower().strip("'")
        yield value
        if not value.isascii() and (folded := unicodedata.normalize("NFKC", value)) != value:
            yield folded


def without_comments(text: str) -> str:
    """A text without its comments, which may be nested (RFC 5322 section 3.2.2); one that does not end is none."""
    if "(" not in text:
        return text
    out, depth, start = [], 0, 0
    for match in re.finditer(r"[()]", text):
        if match[0] == "(":
            if not depth:
                out.append(text[start : match.start()])
                start = match.start()
            depth += 1
        elif depth:
            depth -= 1
            start = start if depth else match.end()
    return "".join([*out, text[start:]])


def _clean_name(name: str) -> str:
    plain = name.strip()
    if plain.startswith("(") and plain.endswith(")"):
        plain = plain[1:-1]
    if len(plain) > 1 and plain.startswith('"') and plain.endswith('"'):
        plain = plain[1:-1]
    return plain.replace('\\"', '"').strip()
