"""Storages of compound files (MS-CFB) as files of their own: what lies inside of one is read as if it had been sent
alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SECTOR, _SMALL, _CUTOFF, _ENTRY = 4096, 64, 4096, 128
_IN_SECTOR = _SECTOR // 4
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_NONE = 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_IN_HEADER = 109
_LONGEST_NAME = 31


@dataclass
class Storage:
    """A storage: its streams and the storages inside of it, by name."""

    streams: dict[str, bytes] = field(default_factory=dict)
    storages: dict[str, Storage] = field(default_factory=dict)

    def inside(self, path: list[str]) -> Storage:
        """The storage at a path below this one, made where it is not there."""
        found = self
        for name in path:
            found = found.storages.setdefault(name, Storage())
        return found


def compound_file(root: Storage) -> bytes:
    """The compound file whose root is this storage (version 4). At most 456 MB, which the header's own list of FAT
    sectors covers."""
    writer = _Writer()
    top = writer.add_entry("Root Entry", _ROOT)
    writer.add_children(top, root)
    return writer.file()


@dataclass
class _Entry:
    """A directory entry (2.6.1)."""

    name: str
    kind: int
    start: int = _END
    size: int = 0
    left: int = _NONE
    right: int = _NONE
    child: int = _NONE

    def packed(self) -> bytes:
        name = self.name.encode("utf-16-le", "replace")[: 2 * _LONGEST_NAME]
        sides = (self.left, self.right, self.child)
        head = name.ljust(64, b"\0") + struct.pack("<HBBIII", len(name) + 2, self.kind, 1, *sides)
        return head + bytes(36) + struct.pack("<IQ", self.start, self.size)


class _Sectors:
    """Contents in sectors of one size, and the chains that lead through them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.pieces: list[bytes] = []
        self.chains: list[int] = []

    def store(self, content: bytes) -> int:
        """The first of the sectors that now hold the content."""
        first = len(self.pieces)
        for at in range(0, len(content), self._size):
            self.pieces.append(content[at : at + self._size].ljust(self._size, b"\0"))
            self.chains.append(len(self.pieces))
        if len(self.pieces) == first:
            return _END
        self.chains[-1] = _END
        return first


class _Writer:
    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._whole = _Sectors(_SECTOR)
        self._small = _Sectors(_SMALL)

    def add_entry(self, name: str, kind: int, content: bytes = b"") -> int:
        start = (self._small if len(content) < _CUTOFF else self._whole).store(content)
        self._entries.append(_Entry(name, kind, start, len(content)))
        return len(self._entries) - 1

    def add_children(self, parent: int, storage: Storage) -> None:
        numbers = [self.add_entry(name, _STREAM, content) for name, content in storage.streams.items()]
        inner = [(self.add_entry(name, _STORAGE), found) for name, found in storage.storages.items()]
        numbers += [number for number, _ in inner]
        numbers.sort(key=lambda number: (len(self._entries[number].name), self._entries[number].name.upper()))
        self._entries[parent].child = self._tree(numbers)
        for number, found in inner:
            self.add_children(number, found)

    def _tree(self, numbers: list[int]) -> int:
        """A balanced tree of siblings (2.6.4); the number of its top."""
        if not numbers:
            return _NONE
        middle = len(numbers) // 2
        entry = self._entries[numbers[middle]]
        entry.left, entry.right = self._tree(numbers[:middle]), self._tree(numbers[middle + 1 :])
        return numbers[middle]

    def file(self) -> bytes:
        small = b"".join(self._small.pieces)
        self._entries[0].start, self._entries[0].size = self._whole.store(small), len(small)
        table = self._whole.store(struct.pack(f"<{len(self._small.chains)}I", *self._small.chains))
        directory = self._whole.store(b"".join(entry.packed() for entry in self._entries))
        first, chains = len(self._whole.pieces), self._whole.chains
        count = next(count for count in range(1, 1 << 20) if count * _IN_SECTOR >= first + count)
        chains = [*chains, *[_FAT] * count, *[_FREE] * (count * _IN_SECTOR - first - count)]
        directories = -(-len(self._entries) * _ENTRY // _SECTOR)
        tables = -(-len(self._small.chains) // _IN_SECTOR)
        header = _MAGIC + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 4, 0xFFFE, 12, 6)
        header += struct.pack("<9I", directories, count, directory, 0, _CUTOFF, table, tables, _END, 0)
        places = [first + number for number in range(min(count, _IN_HEADER))]
        header += struct.pack(f"<{_IN_HEADER}I", *places, *[_FREE] * (_IN_HEADER - len(places)))
        sectors = [header.ljust(_SECTOR, b"\0"), *self._whole.pieces, struct.pack(f"<{len(chains)}I", *chains)]
        return b"".join(sectors)
