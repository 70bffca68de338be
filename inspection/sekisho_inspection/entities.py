"""Entities that a document declares for itself (XML 1.0 section 4.2): put in their places, never fetched."""

from __future__ import annotations

import re

_DECLARED = re.compile(r"<!ENTITY\s{1,20}([\w.-]{1,60})\s{1,20}(?:\"([^\"]{0,4000})\"|'([^']{0,4000})')")
_USED = re.compile(r"&([\w.-]{1,60});")
_MOST, _ROUNDS, _MOST_TIMES = 100, 3, 4


def expanded(source: str) -> str:
    """The source with its own entities in place, also those in others, as long as it grows no more than fourfold."""
    held = {match[1]: match[2] or match[3] or "" for match in list(_DECLARED.finditer(source))[:_MOST]}
    text = source
    for _ in range(_ROUNDS):
        grown = sum(len(held[match[1]]) for match in _USED.finditer(text) if match[1] in held)
        if not grown or len(text) + grown > _MOST_TIMES * len(source):
            break
        text = _USED.sub(lambda match: held.get(match[1], match[0]), text)
    return text
