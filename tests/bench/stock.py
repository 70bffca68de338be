"""The same job by Python's own `email` (policy compat32), as far as it does it: the measure for our reading."""

from __future__ import annotations

import email
from contextlib import suppress
from email.header import decode_header, make_header
from email.message import Message


def parse(content: bytes) -> Message:
    """The bare parse."""
    return email.message_from_bytes(content)


def read(content: bytes) -> list[str | bytes]:
    """Every header decoded, every part decoded, every text as str, every file name."""
    found: list[str | bytes] = []
    for part in parse(content).walk():
        for _, value in part.items():
            # Charsets that Python does not know, and words that are no base64.
            with suppress(LookupError, ValueError):
                found.append(str(make_header(decode_header(value))))
        found.append(part.get_filename() or "")
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            found.append(_text(part, payload) if part.get_content_maintype() == "text" else payload)
    return found


def _text(part: Message, payload: bytes) -> str:
    try:
        return payload.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return payload.decode("latin-1")
