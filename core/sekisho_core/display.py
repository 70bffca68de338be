"""Untrusted text made safe for a terminal, a log line and a page: nothing in it can act or hide."""

from __future__ import annotations

import json
import unicodedata

_MARKED = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def visible(text: str, limit: int = 200) -> str:
    """`text` with control, format, bidi and other invisible characters as ⟨U+XXXX⟩ marks, cut at `limit` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(f"⟨U+{ord(char):04X}⟩" if unicodedata.category(char) in _MARKED else char for char in cut)


def defanged(value: str) -> str:
    """A URL, host or address that no client makes a link of: http → hxxp, dots in brackets."""
    return value.replace("http", "hxxp", 1).replace(".", "[.]").replace("@", "[@]")


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
        wide = 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if used + wide > width:
            break
        shown, used = shown + char, used + wide
    return shown + " " * (width - used)
