"""UDF: the files of a disc or disk by ECMA-167 descriptors, up to UDF 2.60 with a metadata partition."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial

from sekisho_inspection.names import member_names
from sekisho_inspection.volume import MAX_FOLDERS, Damaged, File

_ANCHOR, _PARTITION, _VOLUME, _TERMINATOR, _FILE_SET, _NAME, _ENTRY, _LONG_ENTRY = 2, 5, 6, 8, 256, 257, 261, 266
_SECTORS = (2048, 512, 4096)
_MAX_DESCRIPTORS, _MAX_EXTENTS = 64, 10_000
_FOLDER, _DELETED, _PARENT = 0x02, 0x04, 0x08
_LINK_TYPE = 12

Extents = list[tuple[int, int]]


def files(data: bytes) -> Iterator[File]:
    """The files of the tree. Raises Damaged."""
    volume = _Volume(data)
    waiting, seen = [(volume.root, b"")], {volume.root}
    while waiting:
        place, path = waiting.pop()
        for flags, name, following in volume.names(place):
            if flags & (_DELETED | _PARENT):
                continue
            if not flags & _FOLDER:
                yield volume.file(following, path + name)
            elif following not in seen:
                if len(seen) >= MAX_FOLDERS:
                    raise Damaged(f"more than {MAX_FOLDERS} folders")
                seen.add(following)
                waiting.append((following, path + name + b"/"))


class _Volume:
    """The partitions of an image. A place is a partition's number and a block in it. Raises Damaged."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._partitions: dict[int, int] = {}
        self._maps: list[int | Extents] = []
        self._sector, start, size = self._anchor()
        logical = b""
        for at in range(start, start + min(size, _MAX_DESCRIPTORS * self._sector), self._sector):
            tag = self._tag(data[at : at + 16])
            if tag == _TERMINATOR:
                break
            if tag == _PARTITION:
                number, begin = struct.unpack_from("<H", data, at + 22)[0], struct.unpack_from("<L", data, at + 188)[0]
                self._partitions[number] = begin * self._sector
            elif tag == _VOLUME:
                logical = data[at : at + 8192]
        if len(logical) < 440:
            raise Damaged("no logical volume")
        self.block = struct.unpack_from("<L", logical, 212)[0] or self._sector
        self._map(logical)
        block, number = struct.unpack_from("<LH", logical, 252)
        file_set = self._read((number, block), 512)
        if self._tag(file_set) != _FILE_SET or len(file_set) < 416:
            raise Damaged("no file set")
        block, number = struct.unpack_from("<LH", file_set, 404)
        self.root = (number, block)

    def _anchor(self) -> tuple[int, int, int]:
        for sector in _SECTORS:
            last = len(self._data) // sector
            for place in (256, last - 1, last - 257, 512):
                at = place * sector
                if place > 0 and self._tag(self._data[at : at + 16]) == _ANCHOR and at + 24 <= len(self._data):
                    size, start = struct.unpack_from("<LL", self._data, at + 16)
                    return sector, start * sector, size
        raise Damaged("no anchor")

    def _tag(self, data: bytes) -> int:
        """The kind of a descriptor; 0 where the checksum of the tag is wrong."""
        if len(data) < 16 or sum(data[:4] + data[5:16]) & 0xFF != data[4]:
            return 0
        return int.from_bytes(data[:2], "little")

    def _map(self, logical: bytes) -> None:
        count, at = min(struct.unpack_from("<L", logical, 268)[0], 16), 440
        later: list[tuple[int, int, int]] = []
        for index in range(count):
            entry = logical[at : at + max(6, logical[at + 1])]
            at += max(6, logical[at + 1])
            number = struct.unpack_from("<H", entry, 4 if entry[0] == 1 else 38)[0]
            if number not in self._partitions:
                raise Damaged("a partition that is not there")
            self._maps.append(self._partitions[number])
            if entry[0] != 1 and b"Metadata" in entry[:36]:
                later.append((index, number, struct.unpack_from("<L", entry, 40)[0]))
            elif entry[0] != 1 and b"Sparable" not in entry[:36]:
                raise Damaged("a partition of blocks that move")
        for index, number, block in later:
            base = self._partitions[number]
            entry = self._data[base + block * self.block : base + (block + 1) * self.block]
            self._maps[index] = self._extents(entry, partial(self._behind, base))[0]

    def _behind(self, base: int, block: int, _: int) -> int:
        """The position of a block of a partition that begins at `base`."""
        return base + block * self.block

    def _at(self, place: tuple[int, int]) -> int:
        """The position of a block in the image."""
        number, block = place
        if number >= len(self._maps):
            raise Damaged("a partition that is not there")
        found = self._maps[number]
        if isinstance(found, int):
            return found + block * self.block
        offset = block * self.block
        for start, length in found:
            if offset < length:
                return start + offset
            offset -= length
        raise Damaged("a block that is not there")

    def _read(self, place: tuple[int, int], size: int) -> bytes:
        at = self._at(place)
        return self._data[at : at + size]

    def _extents(self, entry: bytes, position: Callable[[int, int], int]) -> tuple[Extents, bytes | None, int, int]:
        """Where a file's bytes are, or its content where it stands in the entry, its size, and its type."""
        tag = self._tag(entry)
        if tag not in (_ENTRY, _LONG_ENTRY) or len(entry) < 216:
            raise Damaged("a file entry that makes no sense")
        at = 168 if tag == _ENTRY else 208
        attributes, length = struct.unpack_from("<LL", entry, at)
        size, shape, kind = struct.unpack_from("<Q", entry, 56)[0], entry[34] & 7, entry[27]
        told = entry[at + 8 + attributes : at + 8 + attributes + length]
        if shape == 3:
            return [], told[:size], size, kind
        if shape > 1:
            raise Damaged("a file entry of an unknown shape")
        width, extents = (8, 16)[shape], Extents()
        for offset in range(0, min(len(told), width * _MAX_EXTENTS) // width * width, width):
            span, block = struct.unpack_from("<LL", told, offset)
            if not span & 0x3FFFFFFF:
                break
            number = struct.unpack_from("<H", told, offset + 8)[0] if shape else -1
            # Of the two upper bits: recorded, allocated alone, neither, or the list goes on elsewhere.
            if span >> 30 == 3:
                raise Damaged("a file in more pieces than are followed")
            extents.append((position(block, number) if span >> 30 == 0 else -1, span & 0x3FFFFFFF))
        return extents, None, size, kind

    def _entry(self, place: tuple[int, int]) -> tuple[Extents, bytes | None, int, int]:
        def position(block: int, number: int) -> int:
            return self._at((place[0] if number < 0 else number, block))

        return self._extents(self._read(place, self.block), position)

    def names(self, place: tuple[int, int]) -> Iterator[tuple[int, bytes, tuple[int, int]]]:
        """The entries of a folder: flags, name in UTF-8, and the place of the file's entry."""
        extents, content, size, _ = self._entry(place)
        if content is None:
            content = b"".join(self._data[start : start + length] for start, length in extents if start >= 0)[:size]
        at = 0
        while at + 38 <= len(content) and self._tag(content[at : at + 16]) == _NAME:
            length, block, number, uses = content[at + 19], *struct.unpack_from("<LH6xH", content, at + 24)
            raw = content[at + 38 + uses : at + 38 + uses + length]
            yield content[at + 18], _text(raw).encode("utf-8", "replace"), (number, block)
            at += (38 + uses + length + 3) // 4 * 4

    def file(self, place: tuple[int, int], name: bytes) -> File:
        """The file whose entry is at a place."""
        extents, content, size, kind = self._entry(place)
        names = member_names(name, True)
        if kind == _LINK_TYPE:
            return File(names, (), 0, "a link")
        return File(names, tuple(extents), size, "", content)


def _text(raw: bytes) -> str:
    """A name in compressed Unicode: one or two bytes a character."""
    return raw[1:].decode("utf-16-be" if raw[:1] == b"\x10" else "latin-1", "replace")
