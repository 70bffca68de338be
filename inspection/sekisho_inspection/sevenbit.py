"""UTF-7 (RFC 2152) and HZ (RFC 1843): charsets that write every character in ASCII, so that any ASCII may be them."""

from __future__ import annotations

import binascii
import re

_UTF_7 = re.compile(r"\+(?:([A-Za-z0-9+/]++)-?|-)")
_HZ = re.compile(r"~\{((?:[!-~]{2})*?)~\}|~(~)|~\r?\n")
_KANA_OR_WIDE = re.compile("[ -~\u00a1-\u024f\u3041-\u30ff\uff01-\uff9f]")
_NO_WRITING = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\ue000-\uf8ff]")
_RUN = re.compile(r"\+[A-Za-z0-9+/]{3}")


def utf_7(text: str) -> str:
    """A text that is stated to be UTF-7; runs that are broken are read as far as they go."""
    return _UTF_7.sub(lambda match: _units(match[1])[0] if match[1] else "+", text)


def perhaps_utf_7(text: str) -> str:
    """`text` with those runs decoded that hardly are anything else than UTF-7; itself where there are none."""
    if "+" not in text or not _RUN.search(text):
        return text
    return _UTF_7.sub(lambda match: _likely(match[1]) or match[0] if match[1] else match[0], text)


def hz(text: str) -> str:
    """A text as HZ; itself where it has no Chinese run."""
    # To look for one character is a tenth of the cost of looking for two.
    return _HZ.sub(_chinese, text) if "~" in text and "~{" in text and "~}" in text else text


def _likely(run: str) -> str:
    """The text of a run of UTF-7; "" where a number, a name or a piece of base64 behind a plus sign is likelier."""
    if len(run) < 3:
        return ""
    text, whole = _units(run)
    if not whole or _NO_WRITING.search(text) or (len(text) < 2 and not _KANA_OR_WIDE.match(text)):
        return ""
    # A third of all code points are kanji, a tenth are those that Japanese writing has.
    known = text.encode("cp932", "ignore").decode("cp932")
    return text if known == text or all(_KANA_OR_WIDE.match(char) for char in text) else ""


def _units(run: str) -> tuple[str, bool]:
    """The characters of modified base64, and whether its bits come out even and make no broken surrogates."""
    size = len(run) * 6 // 16 * 2
    data = binascii.a2b_base64(run[: len(run) - (len(run) % 4 == 1)] + "==")
    text = data[:size].decode("utf-16-be", "replace")
    even = len(run) % 8 in (0, 3, 6) and not any(data[size:])
    return text, even and "\ufffd" not in text


def _chinese(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[2] or ""
    return bytes(ord(char) | 0x80 for char in match[1]).decode("gb18030", "replace")
