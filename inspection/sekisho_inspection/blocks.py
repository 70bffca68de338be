"""Blocks of base64 or ASCII85 in a text, with no more around them than the text itself, and files that are base64."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator

from sekisho_inspection import filetype
from sekisho_inspection.headers import base64_bytes
from sekisho_inspection.inline import BREAK, MARKS, Inline, marks_before

# Lines of encoders have 60 to 76 characters; a word as long as this is rare, and a run of them that is no base64 rarer.
_LONG = 40
_LEAST = 160
_RUN = re.compile(
    rb"(?:%b[A-Za-z0-9+/]{%d,}+={0,2}+[ \t]*+%b(?:[ \t]*+[\r\n]){0,3}+)++(?:%b[A-Za-z0-9+/]{1,%d}+={0,2}+[ \t]*+%b)?+"
    % (MARKS, _LONG, BREAK, MARKS, _LONG - 1, BREAK)
)
_HEAD = 3000
# Base64 is A, what may stand before a line of it is a space: a search for a long word in this is 20 times as fast.
_CLASSES = bytes(
    0x41 if byte in b"+/" or (byte < 128 and chr(byte).isalnum()) else 0x20 if byte in b"\r\n\t >|" else 0x58
    for byte in range(256)
)
_WORD = b" " + b"A" * _LONG
# The names under which programs take a whole file for base64, whatever its lines are.
_NAMES = (".b64", ".base64", ".mime", ".mim")
_NAMED_LEAST, _WHOLE_LEAST = 8, 64
_ALPHABET = re.compile(rb"[A-Za-z0-9+/]++={0,2}+")
_DIGITS = re.compile(rb"[0-9A-Fa-f]++")
_85 = re.compile(rb"<~([!-uz\s]{50,}+)~>|xbtoa Begin\r?\n([!-uyz\s]{50,}+)(?<=[\r\n])xbtoa End")
_SPACE = re.compile(rb"[^\s] +[^\s]")
# Two megabytes of ASCII85 take about a second to decode.
MOST_85 = 2 << 20


def has_long_word(text: bytes) -> bool:
    """Whether a line of base64 may stand in the text, or behind a tag of it."""
    return _WORD in b" " + text.translate(_CLASSES)


def base64_blocks(text: bytes) -> Iterator[Inline]:
    """Runs of lines of base64 that show a known file type once they are decoded. Raises nothing."""
    # One longer than the text, so a word's place in it is that of its first character in the text.
    classes = b" " + text.translate(_CLASSES)
    at = classes.find(_WORD)
    while at >= 0:
        match = _RUN.match(text, at) if marks_before(text, at) is not None else None
        if match and match.end() - at >= _LEAST and filetype.sniff(base64_bytes(match[0][:_HEAD])):
            yield Inline(at, match.end(), b"", base64_bytes(match[0]))
        at = classes.find(_WORD, match.end() if match else at + _LONG)


def whole(text: bytes, names: Iterable[str]) -> Inline | None:
    """A file that is nothing but base64, in lines of one length or called so. Raises nothing."""
    start = len(text) - len(text.removeprefix(b"\xef\xbb\xbf").lstrip())
    if not _ALPHABET.match(text, start, start + _NAMED_LEAST):
        return None
    lines = text[start:].split()
    coded = b"".join(lines)
    match = _ALPHABET.match(coded)
    named = next((name for name in names if name.lower().rstrip(" .").endswith(_NAMES)), "")
    if match is None or match.end() < (_NAMED_LEAST if named else _WHOLE_LEAST):
        return None
    if not named and (match.end() < len(coded) or _DIGITS.fullmatch(coded) or not _is_even(lines)):
        return None
    return Inline(start, len(text), named.rpartition(".")[0].encode(), base64_bytes(match[0]))


def _is_even(lines: list[bytes]) -> bool:
    """Whether all lines have one length but the last, which has no more."""
    return len({len(line) for line in lines[:-1]}) <= 1 and len(lines[-1]) <= len(lines[0])


def ascii85_blocks(text: bytes) -> Iterator[Inline]:
    """ASCII85 as Adobe delimits it and as btoa does; what is too long is not whole. Raises nothing."""
    # To look for one byte is a twentieth of the cost of looking for two.
    if (b"~" not in text or b"<~" not in text) and b"xbtoa Begin" not in text:
        return
    for match in _85.finditer(text):
        coded = match[1] or match[2]
        # Prose between the same marks has spaces in its lines.
        if _SPACE.search(coded):
            continue
        try:
            content = base64.a85decode(coded[:MOST_85], foldspaces=match[2] is not None)
        except ValueError:
            continue
        yield Inline(match.start(), match.end(), b"", content, len(coded) <= MOST_85)
