"""libarchive, the system's, by ctypes: members of archives and contents of streams, out of memory and into memory.

Nothing is written, nothing is started: entries are headers, and contents are read into a buffer of ours. What the
library makes of hostile bytes is contained by the worker.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

_END, _RETRY, _WARN = 1, -10, -20
# The bits of a file's mode that say what it is (sys/stat.h).
_KINDS = {0o100000: "file", 0o040000: "folder", 0o120000: "link", 0: "file"}
_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "archive_read_new": (ctypes.c_void_p, []),
    "archive_read_free": (ctypes.c_int, [ctypes.c_void_p]),
    "archive_read_open_memory": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
    "archive_read_next_header": (ctypes.c_int, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]),
    "archive_read_data_block": (ctypes.c_int, [ctypes.c_void_p] * 4),
    "archive_entry_pathname": (ctypes.c_char_p, [ctypes.c_void_p]),
    "archive_entry_pathname_utf8": (ctypes.c_char_p, [ctypes.c_void_p]),
    "archive_entry_hardlink": (ctypes.c_char_p, [ctypes.c_void_p]),
    "archive_entry_filetype": (ctypes.c_uint, [ctypes.c_void_p]),
    "archive_entry_size": (ctypes.c_int64, [ctypes.c_void_p]),
}

Problem = Literal["", "limit", "unreadable"]


class Unreadable(Exception):
    """The library is not there, or does not take the bytes for what they should be."""


@dataclass(frozen=True)
class Entry:
    """A member's header: its name as it stands, what it is (file, folder, link or other), its stated size in bytes."""

    name: bytes
    kind: str
    size: int


def _load() -> ctypes.CDLL | None:
    # Loaded with the module, because a worker opens no file later.
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL("libarchive.so.13")
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        return library
    return None


_LIBRARY = _load()


class Archive:
    """One archive in memory, read front to back. Formats and filters are the library's names; a plain stream is of
    the format `raw`. Raises Unreadable."""

    def __init__(self, data: bytes, formats: tuple[str, ...], filters: tuple[str, ...] = ()) -> None:
        if _LIBRARY is None:
            raise Unreadable("no libarchive")
        self._library = _LIBRARY
        self._data = data
        self._handle = self._library.archive_read_new()
        if not self._handle:
            raise MemoryError
        for kind, names in (("format", formats), ("filter", filters)):
            for name in names:
                support = getattr(self._library, f"archive_read_support_{kind}_{name}", None)
                if support is None:
                    self._library.archive_read_free(self._handle)
                    raise Unreadable(f"a libarchive without {name}")
                support.argtypes = [ctypes.c_void_p]
                support(self._handle)

    def __enter__(self) -> Archive:
        if self._library.archive_read_open_memory(self._handle, self._data, len(self._data)) < _WARN:
            self._library.archive_read_free(self._handle)
            raise Unreadable("not such an archive")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._library.archive_read_free(self._handle)

    def entries(self) -> Iterator[Entry]:
        """The members in order; between two of them `read` gives the content of the first. Raises Unreadable where
        the archive breaks off."""
        entry = ctypes.c_void_p()
        while True:
            code = self._library.archive_read_next_header(self._handle, ctypes.byref(entry))
            if code == _END:
                return
            if code == _RETRY:
                continue
            if code < _WARN:
                raise Unreadable("damaged")
            yield self._entry(entry)

    def _entry(self, entry: ctypes.c_void_p) -> Entry:
        library = self._library
        name = library.archive_entry_pathname(entry) or library.archive_entry_pathname_utf8(entry) or b""
        kind = _KINDS.get(library.archive_entry_filetype(entry) & 0o170000, "other")
        if library.archive_entry_hardlink(entry):
            kind = "link"
        return Entry(name, kind, max(0, library.archive_entry_size(entry)))

    def read(self, room: int) -> tuple[bytes, Problem]:
        """The current member's content as far as it can be read, and what kept the rest: `room` bytes are the most, and
        a block. What stands before a wrong checksum is content."""
        pieces, have = list[bytes](), 0
        block, size, offset = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_int64()
        while have <= room:
            code = self._library.archive_read_data_block(
                self._handle, ctypes.byref(block), ctypes.byref(size), ctypes.byref(offset)
            )
            if code == _RETRY:
                continue
            if code == _END or code < _WARN:
                return b"".join(pieces), "" if code == _END else "unreadable"
            # Between two blocks of a sparse file are zeros.
            pieces.append(bytes(min(max(0, offset.value - have), room + 1 - have)))
            pieces.append(ctypes.string_at(block, size.value) if size.value else b"")
            have += len(pieces[-2]) + len(pieces[-1])
        return b"".join(pieces), "limit"
