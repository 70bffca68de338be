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
from sekisho_inspection.inline import BREAK, LINE, Inline, marks_before, without_marks

# A folded name goes on in lines that begin with a space and an encoded word.
_NAME = rb"[^\r\n]*+(?:(?:\r\n|\n|\r)[ \t]++=\?[^\r\n]{1,200}+){0,20}+"
_SIGN = b"begin"
_BEGIN = re.compile(rb"begin(-base64(?:-encoded)?+)?+[ \t]++([0-9]{1,7}(?=\s)[ \t]*+)?+(" + _NAME + rb")" + BREAK)
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
# As many characters without a small letter begin few lines of words.
_SOME = 8
# A longer name is cut, and still the name of a file.
_LONGEST_NAME = 1000


@dataclass(frozen=True)
class _Alphabet:
    """Which character stands for which six bits, and which lines are its own."""

    to_uu: bytes
    exact: re.Pattern[bytes]
    stripped: re.Pattern[bytes] | None

    def bytes_of(self, line: bytes) -> bytes | None:
        """The bytes of a line; None where it is no line of this alphabet."""
        needed = _needed(line.translate(self.to_uu)) if line else 0
        fits = self.exact if len(line) > needed else self.stripped
        # Some programs add up to two characters to the last four.
        if not needed or len(line.rstrip()) > -(-needed // 4) * 4 + 3 or fits is None or not fits.fullmatch(line):
            return None
        return binascii.a2b_uu(line[: needed + 1].translate(self.to_uu))


def _needed(line: bytes) -> int:
    """How many characters behind the first carry the bits of as many bytes as it says; 0 for a blank line."""
    return (((line[0] - 32) & 63) * 4 + 2) // 3 if line.strip() else 0


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

    A "begin" whose next line is no line of data is a word of the text. Where programs differ in what lines are data,
    there is a file for each way.
    """
    at = text.find(_SIGN)
    while at >= 0:
        marks = marks_before(text, at)
        match = _BEGIN.match(text, at) if marks is not None else None
        name, contents, end = _read(text, match, marks or b"") if match else (b"", [], 0)
        yield from (Inline(at, end, name, content) for content in contents)
        at = text.find(_SIGN, max(end, at + len(_SIGN)))


def _read(text: bytes, match: re.Match[bytes], marks: bytes) -> tuple[bytes, list[bytes], int]:
    """The name, the contents and the end of the file that begins with the line."""
    coded, mode, name = match[1], match[2], match[3][:_LONGEST_NAME]
    first = without_marks(_first_line(text, match.end()), marks)
    if coded:
        return _read_base64(text, match, marks) if _BASE64.fullmatch(first) else (b"", [], match.end())
    alphabets = _alphabets(first, mode)
    if not alphabets and not _is_data(first, _SOME if mode else _LONG):
        return b"", [], match.end()
    lines, end, closed = _lines(text, match.end(), marks)
    contents = [_joined(lines, alphabet, closed) for alphabet in alphabets]
    if alphabets != [_KIN] and closed:
        contents.append(_counted(lines))
    return name, list(dict.fromkeys(contents)), end


def _read_base64(text: bytes, match: re.Match[bytes], marks: bytes) -> tuple[bytes, list[bytes], int]:
    lines, end, closed = _lines(text, match.end(), marks)
    name = base64_bytes(match[3]) if match[1].endswith(b"encoded") else match[3]
    return name, [base64_bytes(b"".join(lines if closed else _run(lines)))], end


def _first_line(text: bytes, at: int) -> bytes:
    while (match := LINE.match(text, at)) and match.end() < len(text) and not match[1].strip():
        at = match.end()
    return match[1] if match else b""


def _alphabets(first: bytes, mode: bytes | None) -> list[_Alphabet]:
    """The alphabets that the first line fits; without a mode it must be all that an encoder writes."""
    if mode is None and len(first) != _FULL:
        return []
    known = (_CLASSIC, _LENIENT, _KIN) if len(first) >= _LONG else (_CLASSIC,)
    return [alphabet for alphabet in known if alphabet.bytes_of(first)]


def _is_data(line: bytes, least: int) -> bool:
    """Whether it is a line of at least so much data, with more behind it than any encoder adds."""
    needed = _needed(line)
    return needed >= least and len(line) > needed and _STRICT.fullmatch(line[: needed + 1]) is not None


def _lines(text: bytes, at: int, marks: bytes) -> tuple[list[bytes], int, bool]:
    """The lines up to "end" or to the next "begin", where they end, and whether there is an end."""
    lines: list[bytes] = []
    for match in LINE.finditer(text, at):
        line = without_marks(match[1], marks)
        if line.rstrip() in _ENDS:
            return lines, match.end(), True
        place = match[1].find(_SIGN, 0, 30)
        if place >= 0 and _BEGIN.match(text, match.start() + place) and marks_before(match[1], place) is not None:
            return lines, match.start(), False
        lines.append(line)
    return lines, len(text), False


def _counted(lines: list[bytes]) -> bytes:
    """What programs decode that go by the length of each line and look at nothing else."""
    out: list[bytes] = []
    for line in lines:
        needed = _needed(line)
        if line.strip() and not needed:
            break
        out.append(binascii.a2b_uu(line[: needed + 1].translate(_SIX_BITS)) if needed else b"")
    return b"".join(out)


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
