"""Untrusted text made safe for a terminal, a log line and a page: nothing in it can act or hide. Times too."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

_MARKED = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
# Letters, marks and a Braille pattern that show nothing. Variation selectors stay: names and emoji have them by right.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SCHEME = re.compile("http(?=s?:)", re.IGNORECASE)
_OTHER_SCHEME = re.compile("(?<!hxxp)(?<!hxxps)://", re.IGNORECASE)


def visible(text: str, limit: int = 200) -> str:
    """`text` with control, format, bidi and other invisible characters as ⟨U+XXXX⟩ marks, cut at `limit` characters."""
    return "".join(piece for piece, _ in pieces(text, limit))


def pieces(text: str, limit: int = 200) -> Iterator[tuple[str, bool]]:
    """`visible` in runs: each either text as it stands, or marks (True)."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    # Nearly every text; thirteen times as fast as a look at each character.
    if cut and cut.isprintable() and _BLANK.isdisjoint(cut):
        yield cut, False
        return
    for hidden, run in groupby(cut, _is_hidden):
        show = _mark if hidden else str
        yield "".join(map(show, run)), hidden


def _mark(char: str) -> str:
    return f"⟨U+{ord(char):04X}⟩"


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in _MARKED or char in _BLANK


def defanged(value: str) -> str:
    """A URL, host or address that no client makes a link of: http → hxxp, dots in brackets."""
    return unlinked(value).replace(".", "[.]").replace("@", "[@]")


def unlinked(text: str) -> str:
    """A text that may quote URLs, which no terminal makes links of: http: → hxxp:, ftp:// → ftp[:]//."""
    return _OTHER_SCHEME.sub("[:]//", _SCHEME.sub("hxxp", text))


def counted(count: int, noun: str) -> str:
    """A count with its noun in the right number: "1 rule", "2 rules"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def field(value: object) -> str:
    """A value for a key=value line: bare where it is plain, JSON-quoted where it is not."""
    text = visible(str(value), 500)
    return text if text and all(char.isalnum() or char in "-_.:/@+,<>[]%" for char in text) else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def column(text: str, width: int) -> str:
    """`text` cut or padded to `width` terminal columns; East Asian wide characters take two (UAX 11)."""
    shown, used = "", 0
    for char in visible(text, width + 1):
        wide = _columns(char)
        if used + wide > width:
            break
        shown, used = shown + char, used + wide
    return shown + " " * (width - used)


def local_time(at: datetime) -> str:
    """An aware time to the second, in this machine's zone, which it names."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S%z}"


def wrapped(text: str, width: int) -> list[str]:
    """`text` (already visible) in lines of at most `width` terminal columns, two or more; broken at spaces where there
    are any in the latter half of a line, else between characters."""
    lines, start, used, space = [], 0, 0, 0
    for index, char in enumerate(text):
        if used + _columns(char) > width:
            end = space if space - start > width // 4 else index
            lines.append(text[start:end].rstrip())
            used, start = sum(map(_columns, text[end:index])), end
        used += _columns(char)
        space = index + 1 if char == " " else space
    return [*lines, text[start:]]


def _columns(char: str) -> int:
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
