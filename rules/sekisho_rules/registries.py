"""Registries: names in the DNS under which holders register theirs, so that they are nobody's host."""

from __future__ import annotations

# Second levels of that use under country codes.
_SECOND_LEVELS = frozenset([
    "ac", "ad", "co", "com", "ed", "edu", "go", "gob", "gouv", "gov", "gr", "lg", "mil", "ne", "net", "or", "org",
])  # fmt: skip
# Second levels of prefectures under .jp (JPRS).
_PREFECTURES = frozenset([
    "hokkaido", "aomori", "iwate", "miyagi", "akita", "yamagata", "fukushima", "ibaraki", "tochigi", "gunma",
    "saitama", "chiba", "tokyo", "kanagawa", "niigata", "toyama", "ishikawa", "fukui", "yamanashi", "nagano",
    "gifu", "shizuoka", "aichi", "mie", "shiga", "kyoto", "osaka", "hyogo", "nara", "wakayama", "tottori",
    "shimane", "okayama", "hiroshima", "yamaguchi", "tokushima", "kagawa", "ehime", "kochi", "fukuoka", "saga",
    "nagasaki", "kumamoto", "oita", "miyazaki", "kagoshima", "okinawa",
])  # fmt: skip


def is_registry(name: str) -> bool:
    """Whether a domain name (compared form) is a top level, or one of the second levels that countries set apart."""
    second, dot, top = name.rpartition(".")
    if not dot:
        return True
    return len(top) == 2 and (second in _SECOND_LEVELS or (top == "jp" and second in _PREFECTURES))
