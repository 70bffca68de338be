"""Compound files (MS-CFB): their streams, by every directory entry, whatever is broken around it.

Chains of sectors are followed as far as they go, and entries that no storage lists are read as well: a fault in one
stream hides no other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LAST_SECTOR = 0xFFFFFFF9
_NONE = 0xFFFFFFFF
_ENTRY = 128
_STORAGE, _STREAM, _ROOT = 1, 2, 5
# Sectors of FAT that the header lists itself (2.2); the others stand in a chain of their own.
_IN_HEADER = 109
# Office writes some hundred entries; a mail folder has several thousand.
_MAX_ENTRIES = 20_000
# Bytes that all streams together may give for each byte of the file: sectors may be shared, chains may cross.
_MAX_TIMES = 2
# Storages may lie in each other as deep as there are entries.
_LONGEST_PATH = 300
_NO_CLASS = UUID(int=0)


@dataclass(frozen=True)
class Entry:
    """One directory entry (2.6.1): its path, whether it is a stream, its class, where it starts and its size."""

    path: str
    is_stream: bool
    clsid: UUID
    start: int
    size: int

    @property
    def name(self) -> str:
        """The last part of the path, in lower case."""
        return self.path.rpartition("/")[2].lower()

    @property
    def folder(self) -> str:
        """The path of the storage around it; "" for the root."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True)
class _Raw:
    name: str
    kind: int
    left: int
    right: int
    child: int
    clsid: UUID
    start: int
    size: int


class CompoundFile:
    """The entries of a compound file and what their chains hold. `faults` says what is broken, once for each kind."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._room = _MAX_TIMES * len(data) + 4096
        self.faults: dict[str, None] = {}
        self._sector = 1 << _within(struct.unpack_from("<H", data.ljust(512, b"\0"), 30)[0], 7, 16)
        self._small = 1 << _within(struct.unpack_from("<H", data.ljust(512, b"\0"), 32)[0], 4, 12)
        header = struct.unpack_from("<L4xLLLLL", data.ljust(512, b"\0"), 48)
        self._directory_start, self._cutoff, self._small_fat_start, _, self._difat_start, _ = header

    @cached_property
    def entries(self) -> list[Entry]:
        """Every entry that is a storage or stream, in the order of the directory; the first is the root."""
        raw = self._raw_entries
        paths = self._paths(raw)
        return [
            Entry(paths.get(index, f"orphan/{entry.name}"), entry.kind == _STREAM, entry.clsid, entry.start, entry.size)
            for index, entry in enumerate(raw)
            if entry.kind in (_STORAGE, _STREAM, _ROOT)
        ]

    def streams(self) -> Iterator[tuple[Entry, bytes]]:
        """Every stream with its content, one after another."""
        for entry in self.entries:
            if entry.is_stream:
                yield entry, self.content(entry)

    def content(self, entry: Entry) -> bytes:
        """What a stream holds, up to its stated size; less where its chain breaks."""
        small = entry.size < self._cutoff
        content = (
            self._chain(entry.start, self._small_fat, self._small, self._small_data, entry.size)
            if small
            else self._sectors(entry.start, entry.size)
        )
        if len(content) < entry.size:
            self._fault("a stream that is cut off")
        self._room -= len(content)
        return content

    @cached_property
    def _raw_entries(self) -> list[_Raw]:
        table = self._sectors(self._directory_start, _MAX_ENTRIES * _ENTRY)
        if not table:
            self._fault("no directory")
        if len(table) >= _MAX_ENTRIES * _ENTRY:
            self._fault(f"more than {_MAX_ENTRIES} entries")
        return [self._entry(table[at : at + _ENTRY]) for at in range(0, len(table) - _ENTRY + 1, _ENTRY)]

    def _entry(self, data: bytes) -> _Raw:
        length, kind = struct.unpack_from("<HB", data, 64)
        left, right, child = struct.unpack_from("<LLL", data, 68)
        # The upper half of a size is not reliable in version 3 (2.6.1), and no file here reaches it.
        start, size = struct.unpack_from("<LL", data, 116)
        name = data[: _within(length - 2, 0, 64)].decode("utf-16-le", "replace").partition("\0")[0]
        return _Raw(name.replace("/", "_"), kind, left, right, child, UUID(bytes_le=data[80:96]), start, size)

    def _paths(self, raw: list[_Raw]) -> dict[int, str]:
        """The path of every entry that the tree under the root reaches, each once."""
        paths: dict[int, str] = {}
        waiting = [(0, "", False)] if raw else []
        while waiting:
            index, folder, inside = waiting.pop()
            if index >= len(raw) or index in paths:
                continue
            entry = raw[index]
            paths[index] = f"{folder}/{entry.name}".lstrip("/")[-_LONGEST_PATH:] if inside else ""
            if inside:
                waiting += [(entry.left, folder, True), (entry.right, folder, True)]
            waiting.append((entry.child, paths[index], True))
        return paths

    @cached_property
    def _fat(self) -> Sequence[int]:
        """The next sector of each sector (2.3), from the sectors that the header and the chain behind it list."""
        listed = struct.unpack_from(f"<{_IN_HEADER}L", self._data.ljust(512, b"\0"), 76)
        places = [place for place in listed if place != _NONE]
        following, seen = self._difat_start, set[int]()
        while following < _LAST_SECTOR and following not in seen and (block := self._block(following)):
            seen.add(following)
            numbers = struct.unpack(f"<{self._sector // 4}L", block.ljust(self._sector, b"\xff"))
            places += [place for place in numbers[:-1] if place != _NONE]
            following = numbers[-1]
        blocks = [self._block(place) for place in dict.fromkeys(places)]
        table = b"".join(block.ljust(self._sector, b"\xff") for block in blocks if block)
        return struct.unpack(f"<{len(table) // 4}L", table)

    @cached_property
    def _small_fat(self) -> Sequence[int]:
        table = self._sectors(self._small_fat_start, len(self._data))
        return struct.unpack(f"<{len(table) // 4}L", table[: len(table) // 4 * 4])

    @cached_property
    def _small_data(self) -> bytes:
        raw = self._raw_entries
        return self._sectors(raw[0].start, raw[0].size) if raw else b""

    def _block(self, place: int) -> bytes:
        """The bytes of one sector; the header is as long as one (2.2), at least 512 bytes."""
        at = (place + 1) * self._sector
        return self._data[at : at + self._sector]

    def _sectors(self, start: int, size: int) -> bytes:
        return self._chain(start, self._fat, self._sector, self._data[self._sector :], size)

    def _chain(self, start: int, table: Sequence[int], unit: int, data: bytes, size: int) -> bytes:
        """The blocks of a chain up to `size` bytes; a chain that comes back to itself or leaves the file ends there."""
        size = min(size, max(0, self._room))
        blocks: list[bytes] = []
        seen: set[int] = set()
        place = start
        while len(blocks) * unit < size and place < _LAST_SECTOR:
            if place in seen:
                self._fault("a chain that comes back to itself")
                break
            seen.add(place)
            block = data[place * unit : (place + 1) * unit]
            if not block:
                break
            blocks.append(block)
            # A sector that the table does not reach is followed by the next one.
            place = table[place] if place < len(table) else place + 1
        return b"".join(blocks)[:size]

    def _fault(self, text: str) -> None:
        self.faults[text] = None


def class_of(entry: Entry) -> str:
    """The class of a storage as the registry writes it; "" for none."""
    return "" if entry.clsid == _NO_CLASS else str(entry.clsid).upper()


def _within(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)
