"""The `meta` of YARA files, read as text: what rules mean only the compiler in its worker says."""

from __future__ import annotations

import re
from datetime import datetime

from sekisho_rules.indicator import utc

_SPACE = r"(?:\s|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+"
# Comments, strings and expressions are passed over, so that a word in them begins nothing.
_META = re.compile(
    rf'//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?|"(?:[^"\\\n]|\\.)*+"?|/(?:[^/\\\n]|\\.)++/?|(?P<meta>\bmeta{_SPACE}:)|\w++'
)
_ITEM = re.compile(rf'{_SPACE}(\w++){_SPACE}={_SPACE}(?:"((?:[^"\\\n]|\\.)*+)"|(-?\w++))')


def first_meta(source: str) -> dict[str, str]:
    """The values of the first `meta` of a YARA source by key, of a key that stands there twice the last. Never raises;
    a source without has none."""
    found = next((match for match in _META.finditer(source) if match["meta"]), None)
    values: dict[str, str] = {}
    at = found.end() if found else len(source)
    while item := _ITEM.match(source, at):
        key, quoted, bare = item.groups()
        values[key] = bare if quoted is None else quoted
        at = item.end()
    return values


def moment(meta: dict[str, str], key: str) -> datetime | None:
    """The time that a value states, in UTC where it names no zone: ISO 8601, or a day with slashes as many rules have
    it; None where there is none. Raises ValueError."""
    if not (text := meta.get(key)):
        return None
    try:
        return utc(datetime.fromisoformat(text.replace("/", "-")))
    except ValueError:
        raise ValueError(f"meta {key}: {text} is no date such as 2026-01-31") from None


def whole(meta: dict[str, str], key: str, otherwise: int) -> int:
    """The number that a value states, `otherwise` where there is none. Raises ValueError."""
    text = meta.get(key, str(otherwise))
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"meta {key}: {text} is no number") from None
