"""Layers of a script: the texts and files that it decodes, level by level, told by what stands in it."""

from __future__ import annotations

import base64
import binascii
import math
import re
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from sekisho_inspection import batch, ciphers, filetype, script_encoder, script_sums
from sekisho_inspection.script_expressions import Folder
from sekisho_inspection.script_functions import unpercented
from sekisho_inspection.script_tokens import Language, character, language_of, unescaped, unticked

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}+={0,2}")
_WRAPPED = re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{40,}+\s{1,4}){2,}+[A-Za-z0-9+/]*+={0,2}")
_HEX = re.compile(r"(?:(?:\\x|0x|%)?[0-9a-f]{2}[\s,:.-]?){12,}+", re.I)
_HEX_MARKS = re.compile(r"\\x|0x|[%\s,:.-]", re.I)
_NUMBERS = re.compile(r"(?:(?:0x[0-9a-f]{1,8}|\d{1,10})\s*[,;]\s*){7,}+(?:0x[0-9a-f]{1,8}|\d{1,10})?", re.I)
# Decimal codes between which the same signs stand.
_CODES = re.compile(r"(?<!\d)(\d{1,4})([^0-9\"'\n]{1,3})(?:\d{1,4}\2){6,}+(?:\d{1,4})?")
_BACKWARDS = re.compile(r"//:s?ptth|llehsrewop|tcejbOetaerC|tpircSW", re.I)
_LINE = re.compile(r"[^\s\"'<>]{0,2048}")
_ESCAPES = re.compile(r"\\[ux][0-9a-f]{2}|\\[0-7]{2}|%u?[0-9a-f]{2}", re.I)
_TICKED = re.compile(r"`\S")
_CODE = re.compile(r"[\"'(=%$^]")
_CIPHER = ("^", "xor", "charcodeat", "fromcharcode", "chr", "[char]", "ord(", "[byte", "rot", "decrypt")
_PACKED = ("deflate", "gzip", "inflate", "pako", "compress", "zlib")
_PRINTABLE = re.compile(rb"[\t\n\r\x20-\x7e]*+")
_COMMAND = re.compile(
    r"\bset\s|%\w{1,40}[:%]|!\w{1,40}[:!]|\^\w|>>|\$\{?\w{1,40}\}?[^\n]{0,200}base64|^[ \t]{0,20}[a-z]\w{0,60}=",
    re.I | re.M,
)
# Fonts, sound and code of pages.
_HARMLESS = (b"wOFF", b"wOF2", b"\0\1\0\0", b"OTTO", b"true", b"ID3", b"OggS", b"\0asm", b"RIFF", b"fLaC", b"\0\0\1\0")
_MOST_TEXTS, _MOST_FILES, _MOST_BLOBS, _DEEPEST = 400, 20, 400, 8
# Characters that are put together in all, and those of them that are decoded again.
_MOST_CHARACTERS, _MOST_AGAIN = 16_000_000, 3_000_000
# Numbers of a list by which it is told what a sum makes of them: a disc's type stands behind 32 kB.
_TOLD = 0x9000
# Texts and bytes on which keys are tried.
_MOST_TRIED = 60
_SHORTEST_FILE, _SHORTEST_CODED = 8, 24


@dataclass
class Layers:
    """What a script decodes: texts (each once, in the order found), the bytes of files, those of the texts that were
    bytes (Base64, numbers …), the bytes that show no type, and whether a bound cut the work short."""

    texts: list[str] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    packed_texts: list[str] = field(default_factory=list)
    unknown: list[bytes] = field(default_factory=list)
    limited: bool = False


def layers(code: str, language: Language | None = None) -> Layers:
    """Decode a script as far as that can be done without running it."""
    work = _Work(code)
    work.run(language)
    return work.out


class _Work:
    """The queue of texts that are still to be decoded, and what came of the others."""

    def __init__(self, code: str) -> None:
        self.out = Layers()
        self._queue: deque[tuple[str, int]] = deque([(code, 0)])
        self._known: set[str | bytes] = {code}
        self._left, self._again = _MOST_CHARACTERS, _MOST_AGAIN
        self._blobs = _MOST_BLOBS
        lowered = code.lower()
        self._packed = any(word in lowered for word in _PACKED)
        self._keys = ciphers.keys(code)
        self._code = code
        self._tries = _MOST_TRIED if any(word in lowered for word in _CIPHER) else 0

    @cached_property
    def _sums(self) -> list[script_sums.Sum]:
        """The script's own arithmetic, which few need."""
        return script_sums.sums(self._code)

    def run(self, language: Language | None) -> None:
        """Decode until nothing is left."""
        while self._queue:
            text, depth = self._queue.popleft()
            self._read(text, depth, language if depth == 0 else None)

    def _read(self, text: str, depth: int, language: Language | None) -> None:
        for script in script_encoder.decoded(text):
            self._text(script, depth)
        for blob in _blobs(text):
            self._blob(blob, depth)
        for numbers in _numbered(text):
            self._numbers(numbers, depth)
        for literal in ciphers.literals(text) if self._tries > 0 else ():
            self._solve(literal.encode("latin-1", "replace"), depth)
        for line in _turned(text):
            self._text(line, depth)
        if _ESCAPES.search(text):
            for plain in (unescaped(text), unpercented(text)):
                self._text(plain, depth)
        if _TICKED.search(text) and (language or language_of(text)) == "ps1":
            # Some letters behind the sign are escapes to PowerShell, and none to who hides words from a search.
            for plain in (unticked(text), text.replace("`", "")):
                self._text(plain, depth)
        if _COMMAND.search(text):
            self._text(batch.expanded(text), depth)
        if _CODE.search(text):
            self._folded(text, depth, language or language_of(text))

    def _folded(self, text: str, depth: int, language: Language) -> None:
        folder = Folder(text, language)
        folder.run()
        self.out.limited = self.out.limited or folder.limited
        for made in folder.texts:
            self._text(made, depth)
        for values in folder.lists:
            self._numbers([value for value in values if isinstance(value, int)], depth)

    def _text(self, text: str, depth: int) -> None:
        """A decoded text; one of bytes that no text has is a file."""
        if text in self._known or not text.strip():
            return
        self._known.add(text)
        if len(self.out.texts) >= _MOST_TEXTS or len(text) > self._left:
            self.out.limited = True
            return
        self._left -= len(text)
        if not text.isascii() and max(text) < "\u0100" and not filetype.is_text(text[:4096].encode("latin-1")):
            self._blob(text.encode("latin-1"), depth)
            return
        self.out.texts.append(text)
        if depth >= _DEEPEST or len(text) > self._again:
            self.out.limited = True
            return
        self._again -= len(text)
        self._queue.append((text, depth + 1))

    def _numbers(self, numbers: list[int], depth: int) -> None:
        if len(numbers) < _SHORTEST_FILE and not all(0 <= number < 256 for number in numbers):
            return
        low, high = min(numbers), max(numbers)
        if low >= -128 and high < 256:
            self._blob(bytes(number & 255 for number in numbers), depth)
        else:
            self._text("".join(character(number) for number in numbers if 0 <= number < 0x110000), depth)
            self._words(numbers, depth)
        # Numbers that were multiplied, and those to which a number was added.
        factor = math.gcd(*numbers)
        if factor > 1 and low >= 0 and high // factor < 256:
            self._blob(bytes(number // factor for number in numbers), depth)
        if high > 255 and high - low < 256:
            self._solve(bytes(number - low + 1 & 255 for number in numbers), depth)
        self._summed(numbers, depth)

    def _summed(self, numbers: list[int], depth: int) -> None:
        """What the script's own arithmetic makes of numbers: a file, a text, or bytes where it alone makes any."""
        values = set(numbers)
        for steps in self._sums if len(numbers) >= _SHORTEST_FILE else ():
            head = script_sums.worked_out(numbers[:_TOLD], steps)
            if head is None:
                continue
            exact = _is_file(head) or script_sums.is_exact(values, steps)
            data = script_sums.worked_out(numbers, steps) if exact or _text_of(head) is not None else None
            if data is not None and exact:
                self._blob(data, depth)
            elif data is not None and (text := _text_of(data)) is not None:
                self._text(text, depth)

    def _words(self, numbers: list[int], depth: int) -> None:
        """Numbers of two or four bytes each are the words of a file where they make one."""
        for size in (2, 4):
            if all(0 <= number < 1 << 8 * size for number in numbers):
                data = b"".join(number.to_bytes(size, "little") for number in numbers)
                if _is_file(data):
                    self._blob(data, depth)

    def _blob(self, blob: bytes, depth: int) -> None:
        """Bytes: a file, a packed file, a text, or a cipher of one of these."""
        if blob in self._known or len(blob) < 3:
            return
        self._known.add(blob)
        self._blobs -= 1
        if self._blobs < 0 or len(blob) > self._left:
            self.out.limited = True
            return
        self._left -= len(blob)
        plain = _inflated(blob, self._packed)
        if plain is not None:
            self._blob(plain, depth)
        elif _is_file(blob):
            self._file(blob)
        elif (text := _text_of(blob)) is not None:
            self.out.packed_texts.append(text)
            self._text(text, depth)
            self._solve(blob, depth)
        elif self._solve(blob, depth):
            return
        elif len(blob) >= _SHORTEST_FILE and not blob.startswith(_HARMLESS):
            self.out.unknown.append(blob)

    def _solve(self, blob: bytes, depth: int) -> bool:
        """Whether a key made something of it."""
        if len(blob) < _SHORTEST_CODED or self._tries <= 0:
            return False
        self._tries -= 1
        found = ciphers.solved(blob, self._keys)
        if found is not None:
            self._blob(found, depth)
        return found is not None

    def _file(self, blob: bytes) -> None:
        if len(self.out.files) < _MOST_FILES:
            self.out.files.append(blob)
        else:
            self.out.limited = True


def _is_file(blob: bytes) -> bool:
    kind = filetype.sniff(blob)
    return len(blob) >= _SHORTEST_FILE and kind not in ("", "message/rfc822")


def _text_of(blob: bytes) -> str | None:
    """Printable text, of one or two bytes a character, or UTF-8; None for other bytes."""
    if len(blob) >= 8 and blob[1:64:2].count(0) == len(blob[1:64:2]):
        return blob.decode("utf-16-le", "ignore")
    if _PRINTABLE.fullmatch(blob):
        return blob.decode("ascii")
    try:
        text = blob.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if filetype.is_text(blob) else None


def _inflated(blob: bytes, packed: bool) -> bytes | None:
    """What a gzip, zlib or (where the script speaks of one) bare deflate stream holds; None where it is none."""
    if blob.startswith(b"\x1f\x8b\x08"):
        bits = 31
    elif blob[:1] == b"\x78" and int.from_bytes(blob[:2]) % 31 == 0:
        bits = 15
    elif packed:
        bits = -15
    else:
        return None
    try:
        plain = zlib.decompressobj(bits).decompress(blob, _MOST_CHARACTERS)
    except zlib.error:
        return None
    return plain if len(plain) >= 3 else None


def _blobs(text: str) -> Iterator[bytes]:
    wrapped = ("".join(match[0].split()) for match in _WRAPPED.finditer(text))
    for piece in (*wrapped, *(match[0] for match in _BASE64.finditer(text))):
        plain = piece.replace("-", "+").replace("_", "/").rstrip("=")
        try:
            decoded = base64.b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + "==")
        except binascii.Error:
            continue
        # Words of a language, paths and names are Base64 by chance, and give bytes without meaning.
        if len(plain) >= 40 or _text_of(decoded) is not None:
            yield decoded
    for match in _HEX.finditer(text):
        plain = _HEX_MARKS.sub("", match[0])
        data = bytes.fromhex(plain[: len(plain) // 2 * 2])
        # Shorter ones are sums and keys.
        if len(data) >= 32 or _text_of(data) is not None:
            yield data


def _numbered(text: str) -> Iterator[list[int]]:
    for match in _NUMBERS.finditer(text):
        pieces = re.split(r"\s*[,;]\s*", match[0].rstrip(",; \t\r\n"))
        yield [int(piece, 16) if piece[:2].lower() == "0x" else int(piece) for piece in pieces]
    for match in _CODES.finditer(text):
        if "," not in match[2]:
            yield [int(piece) for piece in match[0].split(match[2]) if piece]


def _turned(text: str) -> Iterator[str]:
    """Words that hold an address or a command backwards."""
    for number, match in enumerate(_BACKWARDS.finditer(text)):
        if number >= 100:
            return
        before = _LINE.match(text[max(0, match.start() - 2048) : match.start()][::-1])
        behind = _LINE.match(text, match.end())
        yield (behind[0][::-1] if behind else "") + match[0][::-1] + (before[0] if before else "")
