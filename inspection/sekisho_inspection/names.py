"""Names of files: the bytes or the text of a name, to every name that a program would show or save it under."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from sekisho_inspection import charset, filetype, headers

_MAX_SPELLINGS = 12
# Bytes of each end of a name that are decoded; archives may state 64 kB, which no file system takes.
_END = 512
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
# A stream of NTFS; what the name without it says is the file that is written.
_STREAM = re.compile(r":[^:\\/]{0,64}(?::\$[A-Za-z_]{1,32})?$")


def member_names(raw: bytes, utf8: bool = False) -> tuple[str, ...]:
    """The member's full name and, where it has folders, its last component; `utf8` is what the archive states.

    Backslashes separate folders for some programs, but only after decoding: ソ and 表 contain that byte in CP932.
    """
    raw = raw if len(raw) <= 2 * _END else raw[:_END] + raw[-_END:]
    readings = charset.decodings(raw, "utf-8" if utf8 else "cp932" if not raw.isascii() else "")
    names: list[str] = []
    for name in readings[:3]:
        names += (name, last_component(name))
    return tuple(dict.fromkeys(name for name in names if name))


def last_component(name: str) -> str:
    """The name behind the folders; a dot as the last folder is the name before it."""
    parts = reversed(name.replace("\\", "/").split("/"))
    return next((part for part in parts if part not in ("", ".")), "")


def spellings(name: str) -> list[str]:
    """The name as it stands, then what programs make of it: without folders, without a second layer of encoding
    (RFC 2047 words, percent signs, UTF-8 that was taken for Latin-1), cut at a NUL or at a stream."""
    found = {name: None}
    waiting = [name]
    while waiting and len(found) < _MAX_SPELLINGS:
        for other in _once(waiting.pop(0)):
            if other and other not in found:
                found[other] = None
                waiting.append(other)
    return list(found)[:_MAX_SPELLINGS]


def run_by_name(names: tuple[str, ...], content: bytes | None) -> str:
    """The first spelling of the names by which a system would run a file of this content, None for one that is out of
    reach; "" where there is none."""
    spelt = (one for name in names for one in spellings(name))
    return next((name for name in spelt if filetype.runnable(name, content)), "")


def _once(name: str) -> Iterator[str]:
    if "/" in name or "\\" in name:
        yield last_component(name)
    if "=?" in name:
        yield from headers.decoded_values(name.encode("utf-8", "replace"))[:3]
    if "%" in name and _PERCENT.search(name):
        yield from charset.decodings(unquote_to_bytes(name))[:3]
    if "\0" in name:
        yield name.partition("\0")[0]
    if ":" in name and "." in (file := _STREAM.sub("", name)):
        yield file
    if not name.isascii():
        yield from _undone(name)


def _undone(name: str) -> Iterator[str]:
    """A name whose UTF-8 was taken for Latin-1 and encoded again."""
    for codec in ("cp1252", "latin-1"):
        try:
            yield name.encode(codec).decode("utf-8")
        except UnicodeError:
            continue
