"""Scripts in pages: the texts and files that they put together, read without running them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

_TOKEN = re.compile(
    r"\"((?:[^\"\\\n]|\\.)*+)\"|'((?:[^'\\\n]|\\.)*+)'|`((?:[^`\\]|\\.)*+)`|([A-Za-z_$][\w$]*+)|(\+=|[+=])|[^\s\w]",
    re.S,
)
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|u\{([0-9a-f]{1,6})\}|([0-7]{1,3})|(.))|%u([0-9a-f]{4})", re.I | re.S
)
_PLACE = re.compile(r"\$\{\s*(\w{1,100})\s*\}")
# What may stand between strings that + joins.
_THROUGH = frozenset(["(", "atob", "unescape", "decodeURI", "decodeURIComponent"])
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "\n": ""}
_LIST = re.compile(r"\[\s*((?:[\"'][^\"'\n]{0,200}[\"']\s*+,?\s*+)++)\]\s*\.\s*join", re.S)
_ITEM = re.compile(r"[\"']([^\"'\n]{0,200})[\"']")
_NUMBERS = re.compile(r"(?:(?:0x[0-9a-f]{1,4}|\d{1,5})\s*,\s*){7,}+(?:0x[0-9a-f]{1,4}|\d{1,5})?", re.I)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{40,}+={0,2}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){32,}+", re.I)
_BACKWARDS = re.compile(r"//:s?ptth", re.I)
_WORD = re.compile(r"[^\s\"'<>]{0,2048}")
_SAVES = re.compile(r"createObjectURL|msSaveOrOpenBlob|msSaveBlob|navigator\.msSave")
_FILES = re.compile(r"\bBlob\b|\bFile\s*\(")
_NAME = re.compile(
    r"\.download\s*=\s*[\"']([^\"'\n]{1,255})[\"']|,\s*[\"']([^\"'\n/]{1,200}\.[a-z0-9]{1,5})[\"']\s*[,)]", re.I
)
# No variable of an honest script is longer, and all that is put together is at most so many times the script.
_MAX_BUILT, _MAX_TIMES = 4_000_000, 4
_MAX_FILES = 20
_MAX_REVERSED = 100


@dataclass
class Built:
    """What a script puts together: texts, the bytes of files, their name ("" for none), and whether it saves one."""

    texts: list[str] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    name: str = ""
    saves: bool = False


def built(code: str) -> Built:
    """Joined strings, escaped, listed, numbered and reversed ones, and long Base64 and hexadecimal strings decoded."""
    out = Built(saves=_SAVES.search(code) is not None and _FILES.search(code) is not None)
    named = _NAME.search(code)
    out.name = (named[1] or named[2]) if named else ""
    # Slashes that end a comment or a tag are no operators, and quotation marks in markup pair as in programs.
    out.texts = list(dict.fromkeys(_joined(code)))
    out.texts += ["".join(_ITEM.findall(match[1])) for match in _LIST.finditer(code)]
    numbers = [_numbered(match[0]) for match in _NUMBERS.finditer(code)]
    out.texts += [data.decode("latin-1") for data in numbers if data]
    out.texts += _reversed(code)
    decoded = [data for data in numbers if data]
    for text in (code, *out.texts):
        decoded += _decoded(text)
        if len(decoded) > _MAX_FILES:
            break
    out.files = list(dict.fromkeys(decoded))[:_MAX_FILES]
    return out


def _reversed(code: str) -> Iterator[str]:
    for match in islice(_BACKWARDS.finditer(code), _MAX_REVERSED):
        before = _WORD.match(code[max(0, match.start() - 2048) : match.start()][::-1])
        yield match[0][::-1] + (before[0] if before else "")


def _decoded(text: str) -> Iterator[bytes]:
    for match in _BASE64.finditer(text):
        plain = match[0].replace("-", "+").replace("_", "/").rstrip("=")
        try:
            yield base64.b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + "==")
        except binascii.Error:
            continue
    for match in _HEX.finditer(text):
        yield bytes.fromhex(match[0])


def _numbered(text: str) -> bytes:
    try:
        return bytes(
            int(number, 0) if number[:2].lower() == "0x" else int(number)
            for number in re.split(r"\s*,\s*", text.rstrip(", \t\r\n"))
        )
    except ValueError:
        return b""


@dataclass
class _Chain:
    """Strings that + joins, the name that was read last, and the variable that takes the whole."""

    text: str = ""
    pieces: int = 0
    adding: bool = False
    name: str = ""
    target: str = ""

    def add(self, text: str) -> None:
        self.text, self.pieces, self.adding = (self.text + text)[:_MAX_BUILT], self.pieces + 1, False

    def assign(self, held: str | None) -> None:
        """To the name read last, behind what it holds already where that is added to."""
        self.target, self.text, self.pieces = self.name, held or "", int(held is not None)
        self.adding = held is not None


def _joined(code: str) -> Iterator[str]:
    """Strings that an escape hides, and those that + joins, with variables that hold a string alone."""
    held: dict[str, str] = {}
    left = _MAX_TIMES * len(code) + 1000
    chain = _Chain()
    for token in _TOKEN.finditer(code):
        literal = next((group for group in token.group(1, 2, 3) if group is not None), None)
        text = held.get(token[4]) if literal is None else _unescaped(literal)
        if token[3] is not None and "${" in token[3]:
            text = _PLACE.sub(lambda match: held.get(match[1], ""), text or "")[:_MAX_BUILT]
        if text is not None:
            if literal is not None and text != literal:
                yield text
            if not chain.adding:
                chain = _Chain(name=token[4] or "", target=chain.target if not chain.pieces else "")
            left -= len(chain.text) + len(text)
            if left < 0:
                return
            chain.add(text)
        elif chain.pieces and (token[0] == ")" or (chain.adding and token[0] in _THROUGH)):
            continue
        elif token[5] == "+" and chain.pieces:
            chain.adding = True
        elif token[5] in ("=", "+=") and chain.name:
            chain.assign(held.get(chain.name, "") if token[5] == "+=" else None)
        else:
            yield from _finished(chain, held)
            chain = _Chain(name=token[4] or "")
    yield from _finished(chain, held)


def _finished(chain: _Chain, held: dict[str, str]) -> Iterator[str]:
    if chain.target and chain.pieces:
        held[chain.target] = chain.text
    if chain.pieces > 1:
        yield chain.text


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text or "%u" in text else text


def _character(match: re.Match[str]) -> str:
    number = match[1] or match[2] or match[3] or match[6]
    if number is None and match[4] is None:
        return _PLAIN.get(match[5], match[5])
    code = int(number, 16) if number is not None else int(match[4], 8)
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd"
