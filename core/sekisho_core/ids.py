"""Passage ids: sortable by time, safe in a path, a header and a log line."""

from __future__ import annotations

import os
import re
import time

ID_PATTERN = re.compile(r"[0-9a-hjkmnp-tv-z]{26}")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id() -> str:
    """26 characters: 48 bits of milliseconds, then 80 random bits, in Crockford's base 32 (the ULID layout)."""
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    """Whether `text` has the form of a passage id, so that it may stand in a path."""
    return ID_PATTERN.fullmatch(text) is not None
