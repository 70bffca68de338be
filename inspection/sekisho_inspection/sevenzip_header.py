"""The headers of 7z: where its streams are, how folders of files are made of them, the files' names (7zFormat.txt)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from sekisho_inspection.names import member_names
from sekisho_inspection.sevenzip_coders import Coder, Damaged, Folder, Unsupported

# What is listed of one archive.
_MAX_FILES = 100_000
_MAX_CODERS = 32
_MAIN, _FILES, _PACK, _UNPACK, _SUBSTREAMS = 4, 5, 6, 7, 8
_SIZE, _CRC, _FOLDER, _SIZES, _COUNTS = 9, 10, 11, 12, 13
_EMPTY_STREAM, _EMPTY_FILE, _NAMES, _ATTRIBUTES = 14, 15, 17, 21
_LINK = 0o120000
HEADER, ENCODED = 1, 23


@dataclass
class Streams:
    """Where the packed streams are, and how folders of files are made of them. Sizes and positions in bytes."""

    start: int = 0
    packed: list[int] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    # For each folder the sizes and the checksums of its files.
    sizes: list[list[int]] = field(default_factory=list)
    crcs: list[list[int | None]] = field(default_factory=list)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(self.packed, initial=self.start))

    @cached_property
    def _firsts(self) -> list[int]:
        return list(accumulate((len(folder.packed) for folder in self.folders), initial=0))

    def spans(self, index: int) -> list[tuple[int, int]]:
        """Begin and end of a folder's packed streams, counted from behind the first header. Raises Damaged."""
        first, end = self._firsts[index], self._firsts[index + 1]
        if end >= len(self._ends):
            raise Damaged("a stream that is not there")
        return [(self._ends[place], self._ends[place + 1]) for place in range(first, end)]


@dataclass
class File:
    """A member: its raw name (UTF-16), whether it has content, whether it is a folder, its attributes."""

    name: bytes = b""
    has_stream: bool = True
    is_folder: bool = False
    attributes: int = 0

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link, by the mode that Unix programs store."""
        return self.attributes >> 16 & 0o170000 == _LINK

    @property
    def names(self) -> tuple[str, ...]:
        """Its names as `member_names` gives them."""
        return member_names(self.name.decode("utf-16-le", "replace").encode("utf-8"), True)


class Cursor:
    """Reads a header front to back. Raises Damaged beyond its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise Damaged("header ends early")
        self._at += size
        return self._data[self._at - size : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """An integer of one to nine bytes: the leading ones of the first say how many follow."""
        first = self.byte()
        following = next((count for count in range(8) if not first & 0x80 >> count), 8)
        value = int.from_bytes(self.take(following), "little")
        return value + ((first & (0x7F >> following)) << 8 * following if following < 8 else 0)

    def count(self) -> int:
        """A number of things that each take a byte of the header, or at least a bit."""
        value = self.number()
        if value > min(_MAX_FILES, 8 * self.left + 8):
            raise Damaged("more entries than fit")
        return value

    def bits(self, count: int) -> list[bool]:
        data = self.take((count + 7) // 8)
        return [bool(data[index // 8] & 0x80 >> index % 8) for index in range(count)]

    def defined(self, count: int) -> list[bool]:
        """Bits, or a byte that says that all are set."""
        return [True] * count if self.byte() else self.bits(count)

    def crcs(self, count: int) -> list[int | None]:
        return [struct.unpack("<L", self.take(4))[0] if one else None for one in self.defined(count)]

    def expect(self, kind: int) -> None:
        if self.byte() != kind:
            raise Damaged("header out of order")


def read_streams(cursor: Cursor) -> Streams:
    """The streams that a header tells of, from behind the byte that announces them. Raises Damaged, Unsupported."""
    streams = Streams()
    kind = cursor.byte()
    if kind == _PACK:
        _pack_info(cursor, streams)
        kind = cursor.byte()
    if kind == _UNPACK:
        _unpack_info(cursor, streams)
        kind = cursor.byte()
    streams.sizes = [[folder.size] for folder in streams.folders]
    streams.crcs = [[folder.crc] for folder in streams.folders]
    if kind == _SUBSTREAMS:
        _substreams(cursor, streams)
        kind = cursor.byte()
    if kind:
        raise Damaged("header out of order")
    return streams


def _pack_info(cursor: Cursor, streams: Streams) -> None:
    streams.start = cursor.number()
    count = cursor.count()
    while kind := cursor.byte():
        if kind == _SIZE:
            streams.packed = [cursor.number() for _ in range(count)]
        elif kind == _CRC:
            cursor.crcs(count)
        else:
            cursor.take(cursor.number())


def _unpack_info(cursor: Cursor, streams: Streams) -> None:
    cursor.expect(_FOLDER)
    count = cursor.count()
    if cursor.byte():
        raise Unsupported("folders elsewhere")
    streams.folders = [_folder(cursor) for _ in range(count)]
    cursor.expect(_SIZES)
    for folder in streams.folders:
        folder.sizes = [cursor.number() for coder in folder.coders for _ in range(coder.outputs)]
    while kind := cursor.byte():
        if kind != _CRC:
            cursor.take(cursor.number())
            continue
        for folder, crc in zip(streams.folders, cursor.crcs(count), strict=True):
            folder.crc = crc


def _folder(cursor: Cursor) -> Folder:
    coders = [_coder(cursor) for _ in range(_few(cursor))]
    outputs, inputs = sum(coder.outputs for coder in coders), sum(coder.inputs for coder in coders)
    if not 1 <= outputs <= inputs <= _MAX_CODERS:
        raise Damaged("coders that do not fit")
    bound = {cursor.number(): cursor.number() for _ in range(outputs - 1)}
    free = inputs - len(bound)
    packed = [index for index in range(inputs) if index not in bound]
    if free > 1:
        packed = [cursor.number() for _ in range(free)]
    return Folder(coders, bound, packed)


def _few(cursor: Cursor) -> int:
    count = cursor.number()
    if count > _MAX_CODERS:
        raise Damaged("too many coders")
    return count


def _coder(cursor: Cursor) -> Coder:
    flags = cursor.byte()
    method = cursor.take(flags & 0x0F)
    inputs, outputs = (_few(cursor), _few(cursor)) if flags & 0x10 else (1, 1)
    return Coder(method, inputs, outputs, cursor.take(cursor.number()) if flags & 0x20 else b"")


def _substreams(cursor: Cursor, streams: Streams) -> None:
    counts = [1] * len(streams.folders)
    kind = cursor.byte()
    if kind == _COUNTS:
        counts = [cursor.number() for _ in streams.folders]
        if sum(counts) > _MAX_FILES:
            raise Damaged("more entries than fit")
        kind = cursor.byte()
    if kind == _SIZE or any(count > 1 for count in counts):
        streams.sizes = [_sizes(cursor, folder, count) for folder, count in zip(streams.folders, counts, strict=True)]
        kind = cursor.byte() if kind == _SIZE else kind
    streams.crcs = [
        [folder.crc] if count == 1 else [None] * count for folder, count in zip(streams.folders, counts, strict=True)
    ]
    while kind:
        if kind == _CRC:
            _file_crcs(cursor, streams)
        else:
            cursor.take(cursor.number())
        kind = cursor.byte()


def _sizes(cursor: Cursor, folder: Folder, count: int) -> list[int]:
    sizes = [cursor.number() for _ in range(count - 1)]
    return [*sizes, max(0, folder.size - sum(sizes))] if count else []


def _file_crcs(cursor: Cursor, streams: Streams) -> None:
    missing = [(crcs, index) for crcs in streams.crcs for index, crc in enumerate(crcs) if crc is None]
    for (crcs, index), crc in zip(missing, cursor.crcs(len(missing)), strict=True):
        crcs[index] = crc


def _files(cursor: Cursor) -> list[File]:
    count = cursor.number()
    if count > _MAX_FILES:
        raise Damaged("more entries than fit")
    files = [File() for _ in range(count)]
    while kind := cursor.number():
        property_ = Cursor(cursor.take(cursor.number()))
        if kind == _EMPTY_STREAM:
            for file, empty in zip(files, property_.bits(count), strict=True):
                file.has_stream, file.is_folder = not empty, empty
        elif kind == _EMPTY_FILE:
            empties = [file for file in files if not file.has_stream]
            for file, empty in zip(empties, property_.bits(len(empties)), strict=True):
                file.is_folder = not empty
        elif kind == _NAMES:
            _names(property_, files)
        elif kind == _ATTRIBUTES:
            defined = property_.defined(count)
            property_.byte()
            for file in (file for file, one in zip(files, defined, strict=True) if one):
                file.attributes = struct.unpack("<L", property_.take(4))[0]
    return files


def _names(cursor: Cursor, files: list[File]) -> None:
    if cursor.byte():
        raise Unsupported("names elsewhere")
    data, at = cursor.take(cursor.left), 0
    for file in files:
        end = at
        while data[end : end + 2] not in (b"\0\0", b""):
            end = data.find(b"\0\0", end)
            # The zeros may be the end of one unit and the beginning of another.
            end = len(data) if end < 0 else end + (end - at) % 2
        file.name, at = data[at:end], end + 2


def read_header(cursor: Cursor, kind: int) -> tuple[Streams, list[File]]:
    """Streams and files by a header that is not packed; `kind` is its first byte. Raises Damaged, Unsupported."""
    streams, files = Streams(), list[File]()
    if not cursor.left:
        return streams, files
    if kind != HEADER:
        raise Damaged("no header")
    while kind := cursor.byte():
        if kind == _MAIN:
            streams = read_streams(cursor)
        elif kind == _FILES:
            files = _files(cursor)
        elif kind == 3:
            read_streams(cursor)
        elif kind == 2:
            while cursor.byte():
                cursor.take(cursor.number())
        else:
            raise Damaged("header out of order")
    return streams, files
