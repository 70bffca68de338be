"""NTFS: the files of a volume by its master file table, with their streams."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from sekisho_inspection.names import member_names
from sekisho_inspection.volume import MAX_FILES, Damaged, File, Image, written

_LIST, _NAME, _DATA, _REPARSE, _END = 0x20, 0x30, 0x80, 0xC0, 0xFFFFFFFF
_IN_USE, _FOLDER = 0x01, 0x02
# The stream that holds a file which Windows has packed since version 10; the file's own data are zeros.
_PACKED = "WofCompressedData"
_DOS = 2
_COMPRESSED, _ENCRYPTED = 0x00FF, 0x4000
# The first records are the file system's own.
_OWN, _ROOT = 16, 5
_MAX_DEPTH, _MAX_RUNS = 64, 100_000

Extents = tuple[tuple[int, int], ...]


@dataclass
class _Record:
    """A file: names with the record of their folder, streams by name, and what it is."""

    names: list[tuple[int, str]] = field(default_factory=list)
    streams: list[tuple[str, File]] = field(default_factory=list)
    is_folder: bool = False
    is_link: bool = False
    is_scattered: bool = False


def files(image: Image, start: int) -> Iterator[File]:
    """The files and streams of a volume that begins at a position. Raises Damaged."""
    boot = image.read(start, 512)
    sector, per_cluster = struct.unpack_from("<HB", boot, 11)
    cluster = sector * (per_cluster if per_cluster < 0x80 else 1 << 256 - per_cluster & 31)
    shift = struct.unpack_from("<b", boot, 64)[0]
    size = cluster * shift if shift > 0 else 1 << min(-shift, 16)
    if not cluster or size < 512:
        raise Damaged("a boot sector that makes no sense")
    reader = _Reader(image, start, cluster, sector, size)
    records = reader.records(struct.unpack_from("<Q", boot, 48)[0])
    for number, record in records.items():
        if number >= _OWN and not record.is_folder:
            yield from _streams(record, records)


def _streams(record: _Record, records: dict[int, _Record]) -> Iterator[File]:
    paths = [_path(folder, name, records) for folder, name in record.names]
    if record.is_link and not record.streams:
        yield File(_names(paths, ""), (), 0, "a link")
        return
    if record.is_scattered and all(stream for stream, _ in record.streams):
        yield File(_names(paths, ""), (), 0, problem="a file in more records than one")
    for stream, file in record.streams:
        problem = "a compressed file" if stream == _PACKED else file.problem
        yield File(_names(paths, stream), file.extents, file.size, "", file.content, problem)


def _names(paths: list[str], stream: str) -> tuple[str, ...]:
    spelt = (f"{path}:{stream}" if stream else path for path in paths)
    return tuple(dict.fromkeys(name for path in spelt for name in member_names(path.encode("utf-8", "replace"), True)))


def _path(folder: int, name: str, records: dict[int, _Record]) -> str:
    for _ in range(_MAX_DEPTH):
        if folder == _ROOT or folder not in records or not records[folder].names:
            break
        folder, above = records[folder].names[0]
        name = f"{above}/{name}"
    return name


class _Reader:
    """The table of one volume. Sizes in bytes."""

    def __init__(self, image: Image, start: int, cluster: int, sector: int, size: int) -> None:
        self._image = image
        self._start = start
        self._cluster = cluster
        self._sector = sector
        self._size = size

    def records(self, first: int) -> dict[int, _Record]:
        """All records in use, by number. `first` is the cluster in which the table begins."""
        own = self._record(self._image.read(self._start + first * self._cluster, self._size))
        table = next((file for name, file in own.streams if not name), None) if own else None
        if table is None:
            raise Damaged("no master file table")
        found: dict[int, _Record] = {}
        number = 0
        for at, length in table.extents:
            for offset in range(0, length - self._size + 1, self._size):
                if at >= 0 and (record := self._record(self._image.read(at + offset, self._size))):
                    found[number] = record
                number += 1
                if number >= MAX_FILES:
                    raise Damaged(f"more than {MAX_FILES} files")
        return found

    def _record(self, data: bytes) -> _Record | None:
        if data[:4] != b"FILE" or len(data) < self._size:
            return None
        data = self._fixed(data)
        at, flags = struct.unpack_from("<HH", data, 20)
        if not flags & _IN_USE or struct.unpack_from("<Q", data, 32)[0]:
            return None
        record = _Record(is_folder=bool(flags & _FOLDER))
        while at + 24 <= len(data):
            kind, length = struct.unpack_from("<LL", data, at)
            if kind == _END or length < 24 or at + length > len(data):
                break
            self._attribute(record, kind, data[at : at + length])
            at += length
        return record

    def _fixed(self, data: bytes) -> bytes:
        """The record with the ends of its sectors put back, which NTFS keeps in front."""
        at, count = struct.unpack_from("<HH", data, 4)
        out = bytearray(data)
        for index in range(1, min(count, len(data) // max(1, self._sector) + 1)):
            end, kept = index * self._sector, data[at + 2 * index : at + 2 * index + 2]
            if len(kept) == 2 and end <= len(out):
                out[end - 2 : end] = kept
        return bytes(out)

    def _attribute(self, record: _Record, kind: int, data: bytes) -> None:
        if kind == _LIST:
            record.is_scattered = True
        elif kind == _REPARSE:
            record.is_link = True
        elif kind == _NAME and not data[8]:
            value = _resident(data)
            if len(value) >= 66 and value[65] != _DOS:
                name = value[66 : 66 + 2 * value[64]].decode("utf-16-le", "replace")
                record.names.append((struct.unpack_from("<Q", value)[0] & 0xFFFFFFFFFFFF, name))
        elif kind == _DATA:
            at = struct.unpack_from("<H", data, 10)[0]
            name = data[at : at + 2 * data[9]].decode("utf-16-le", "replace")
            record.streams.append((name, self._stream(data)))

    def _stream(self, data: bytes) -> File:
        flags = struct.unpack_from("<H", data, 12)[0]
        if not data[8]:
            value = _resident(data)
            return File((), (), len(value), "", value)
        if len(data) < 64:
            return File((), (), 0, problem="a stream that makes no sense")
        size, valid = struct.unpack_from("<QQ", data, 48)
        problem = "a compressed file" if flags & _COMPRESSED else "an encrypted file" if flags & _ENCRYPTED else ""
        runs = self._runs(data[struct.unpack_from("<H", data, 32)[0] :])
        return File((), written(runs, valid), size, "", None, problem)

    def _runs(self, data: bytes) -> Extents:
        out, at, cluster = list[tuple[int, int]](), 0, 0
        while at < len(data) and data[at] and len(out) < _MAX_RUNS:
            lengths, offsets = data[at] & 0x0F, data[at] >> 4
            length = int.from_bytes(data[at + 1 : at + 1 + lengths], "little")
            offset = int.from_bytes(data[at + 1 + lengths : at + 1 + lengths + offsets], "little", signed=True)
            cluster += offset
            place = self._start + cluster * self._cluster if offsets and cluster >= 0 else -1
            out.append((place, length * self._cluster))
            at += 1 + lengths + offsets
        return tuple(out)


def _resident(data: bytes) -> bytes:
    size, at = struct.unpack_from("<LH", data, 16)
    return data[at : at + size]
