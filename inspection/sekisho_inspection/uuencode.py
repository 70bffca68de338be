"""Uuencode: the bytes of uuencoded lines."""

from __future__ import annotations

import binascii


def decode(body: bytes) -> bytes:
    """The bytes of uuencoded lines, with or without the begin and end around them."""
    out = []
    for line in body.split(b"\n"):
        if line.startswith((b"begin ", b"end")) or not line.strip():
            continue
        try:
            out.append(binascii.a2b_uu(line.rstrip(b"\r")))
        except binascii.Error:
            # Many encoders pad the last character wrongly: keep the bytes that the length asks for.
            size = ((line[0] - 32) & 63) * 4 // 3 + 3
            out.append(_lenient(line[: size + 1]))
    return b"".join(out)


def _lenient(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        return b""
