"""uuencode: files in lines of six bits a character (POSIX uuencode, classic and base64), and its kin xxencode.

There is no standard beyond "begin MODE NAME" and "end", and programs take nearly anything: lines whose last spaces were
stripped or that bear a checksum, small letters, quoted lines, a missing end.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sekisho_inspection.headers import base64_bytes
from sekisho_inspection.inline import BREAK, LINE, MARKS, START, Inline, without_marks

# A folded name goes on in lines that begin with a space and an encoded word.
_NAME = rb"[^\r\n]{0,1000}+(?:(?:\r\n|\n|\r)[ \t]++=\?[^\r\n]{1,200}+){0,20}+"
_BEGIN = re.compile(
    START
    + rb"("
    + MARKS
    + rb")begin(-base64(?:-encoded)?+)?+[ \t]++([0-9]{1,7}(?=\s)[ \t]*+)?+("
    + _NAME
    + rb")"
    + BREAK
)
_PRINTABLE = re.compile(rb"[ -~]*+")
_STRICT = re.compile(rb"[ -`]*+")
_XX = b"+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_XX_TEXT = re.compile(rb"[+\-0-9A-Za-z]*+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]++[ \t]*+")
_ENDS = (b"end", b"====")
# What every encoder writes but for the last line: the length and 45 bytes.
_FULL = 61
# A shorter line of small letters has the length that its first letter says too often by chance.
_LONG = 40


@dataclass(frozen=True)
class _Alphabet:
    """Which character stands for which six bits, and which lines are its own."""

    to_uu: bytes
    exact: re.Pattern[bytes]
    stripped: re.Pattern[bytes] | None

    def bytes_of(self, line: bytes) -> bytes | None:
        """The bytes of a line; None where it is no line of this alphabet."""
        rest = line[1:]
        size = (line[:1].translate(self.to_uu)[0] - 32) & 63 if line else 0
        # Only as many characters as carry bits are needed; some programs add up to two to the last four.
        needed = (size * 4 + 2) // 3
        fits = self.exact if len(rest) >= needed else self.stripped
        if not size or len(rest.rstrip()) > -(-size // 3) * 4 + 2 or fits is None or not fits.fullmatch(line):
            return None
        return binascii.a2b_uu(line[: needed + 1].translate(self.to_uu))


_SIX_BITS = bytes(((byte - 32) & 63) + 32 for byte in range(256))
# Programs take small letters for the capital ones they were; where only other lines have them, those are words.
_CLASSIC, _LENIENT = _Alphabet(_SIX_BITS, _STRICT, _STRICT), _Alphabet(_SIX_BITS, _PRINTABLE, _STRICT)
_KIN = _Alphabet(bytes(_XX.find(byte) + 32 if byte in _XX else 32 for byte in range(256)), _XX_TEXT, None)


def decode(body: bytes) -> bytes:
    """The first file in `body`, or the bytes of its lines where no "begin" stands before them. Raises nothing."""
    found = next(files(body), None)
    if found:
        return found.content
    lines = [match[1] for match in LINE.finditer(body) if not match[1].startswith((b"begin ", *_ENDS))]
    first = next((line for line in lines if line.strip()), b"")
    return _joined(lines, _KIN if _CLASSIC.bytes_of(first) is None and _KIN.bytes_of(first) else _CLASSIC, True)


def files(text: bytes) -> Iterator[Inline]:
    """Every file in the text, each "begin" in time that grows with what stands up to the next one. Raises nothing.

    A "begin" whose next line is no line of data is a word of the text.
    """
    at = 0
    while match := _BEGIN.search(text, at):
        at = match.end()
        marks, coded, mode, name = match[1], match[2], match[3], match[4]
        alphabets = _alphabets(without_marks(_first_line(text, at), marks), coded, mode)
        if not alphabets:
            continue
        lines, at, closed = _lines(text, at, marks)
        if coded:
            content = base64_bytes(b"".join(lines if closed else _run(lines)))
            plain = base64_bytes(name) if coded.endswith(b"encoded") else name
            yield Inline(match.start(), at, plain, content)
            continue
        for content in dict.fromkeys(_joined(lines, alphabet, closed) for alphabet in alphabets):
            yield Inline(match.start(), at, name, content)


def _first_line(text: bytes, at: int) -> bytes:
    while (match := LINE.match(text, at)) and match.end() < len(text) and not match[1].strip():
        at = match.end()
    return match[1] if match else b""


def _alphabets(first: bytes, coded: bytes | None, mode: bytes | None) -> list[_Alphabet]:
    """The alphabets that the first line fits; without a mode it must be all that an encoder writes."""
    if coded:
        return [_CLASSIC] if _BASE64.fullmatch(first) else []
    if mode is None and len(first) != _FULL:
        return []
    known = (_CLASSIC, _LENIENT, _KIN) if len(first) >= _LONG else (_CLASSIC,)
    return [alphabet for alphabet in known if alphabet.bytes_of(first)]


def _lines(text: bytes, at: int, marks: bytes) -> tuple[list[bytes], int, bool]:
    """The lines up to "end" or to the next "begin", where they end, and whether there is an end."""
    lines: list[bytes] = []
    for match in LINE.finditer(text, at):
        line = without_marks(match[1], marks)
        if line.rstrip() in _ENDS:
            return lines, match.end(), True
        if b"begin" in line[:26] and _BEGIN.match(text, match.start()):
            return lines, match.start(), False
        lines.append(line)
    return lines, len(text), False


def _joined(lines: list[bytes], alphabet: _Alphabet, closed: bool) -> bytes:
    """The bytes of the lines up to the line of length zero. Without an end, other lines end the file."""
    out: list[bytes] = []
    for line in lines:
        if line.strip() == b"`":
            break
        piece = alphabet.bytes_of(line)
        if piece is None and line.strip() and not closed:
            break
        out.append(piece or b"")
    return b"".join(out)


def _run(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines up to the first that is not base64."""
    for line in lines:
        if line.strip() and not _BASE64.fullmatch(line):
            return
        yield line
