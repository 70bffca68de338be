"""Carved files: those that stand one behind another in bytes that no format describes."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BEGINS = re.compile(
    rb"MZ(?=.{58}(.{4}))|%PDF-1|PK\x03\x04|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1|MSCF\0\0\0\0|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|"
    rb"\{\\rtf1|<html\b|<script\b|<hta:|<\?xml|@echo off|L\0\0\0\x01\x14\x02\0",
    re.S | re.I,
)
_MOST = 20
# Beyond this the header of a program is not looked for.
_FAR = 4096


def carved(content: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each file that begins at or behind `start`, up to the next one; ZIP members are one file."""
    begins: list[int] = []
    packed = False
    for match in _BEGINS.finditer(content, start):
        signature = content[match.start() : match.start() + 4]
        if signature[:2].upper() == b"MZ" and not _is_program(content, match):
            continue
        # The members of a ZIP follow one another, and what they hold plainly is theirs.
        if packed and signature == b"PK\x03\x04":
            continue
        packed = signature == b"PK\x03\x04"
        begins.append(match.start())
        if len(begins) >= _MOST:
            break
    for at, end in zip(begins, [*begins[1:], len(content)], strict=False):
        yield at, content[at:end]


def _is_program(content: bytes, match: re.Match[bytes]) -> bool:
    offset = int.from_bytes(match[1], "little") if match[1] else _FAR
    at = match.start() + offset
    return offset < _FAR and content[at : at + 4] == b"PE\0\0"
