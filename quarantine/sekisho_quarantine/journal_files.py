"""The journal's files: their names, the frames of their records, and how much of them is kept.

A file belongs to one process and one day (UTC): `20261122-<id>-<pid>.journal`, so that names sort as the files came. A
frame is the file's own mark (the end of its id: no sender can know it), the payload's length and CRC32 (both unsigned,
32 bits, big-endian), and the payload. What a crash tore is passed over up to the next mark.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from sekisho_core.ids import ID_PATTERN, new_id

MOST_RECORD = 1 << 20
_MARK = 8
_HEAD = struct.Struct(">II")
_NAME = re.compile(rf"(\d{{8}})-({ID_PATTERN.pattern})-\d{{1,10}}\.journal")
_PLAIN, _PACKED = b"\0", b"\1"
# Below this zlib saves less than it costs.
_WORTH_PACKING = 512
_STEP = 1 << 16


@dataclass
class Damage:
    """What a reader had to pass over: files that could not be opened, and places in others."""

    files: int = 0
    places: int = 0


def file_name(day: date, pid: int) -> str:
    """The name of a new file; no two are the same."""
    return f"{day:%Y%m%d}-{new_id()}-{pid}.journal"


def listed(directory: Path) -> list[Path]:
    """The journal's files, oldest first; none where there is no directory. Raises OSError."""
    with suppress(FileNotFoundError):
        return sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    return []


def day_of(path: Path) -> date:
    """The day of a file that `listed` gave."""
    return datetime.strptime(path.name[:8], "%Y%m%d").replace(tzinfo=UTC).date()


def frame(path: Path, content: bytes) -> bytes:
    """One record's content as it stands in the file."""
    packed = zlib.compress(content, 1) if len(content) >= _WORTH_PACKING else content
    payload = _PACKED + packed if len(packed) < len(content) else _PLAIN + content
    return _mark(path) + _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def contents(path: Path, file: BinaryIO, start: int, damage: Damage | None) -> Iterator[tuple[bytes, int]]:
    """The contents of the records from offset `start`, each with the offset behind it.

    Damage is counted and passed over; with None for it, the first damage ends the walk: a record that is being written
    now looks no different. Raises OSError.
    """
    mark, offset = _mark(path), start
    while True:
        file.seek(offset)
        head = file.read(_MARK + _HEAD.size)
        if not head:
            return
        content, size = _content(file, head, mark)
        if content is not None:
            offset += size
            yield content, offset
            continue
        following = None if damage is None else _following(file, offset + 1, mark)
        if damage is not None:
            damage.places += 1
        if following is None:
            return
        offset = following


def trim(directory: Path, days: int, most_bytes: int, today: date) -> int:
    """Remove the files older than so many days, then the oldest while all have more than `most_bytes` (0: no limit).

    Returns how many went. A process that still writes one of them notices and begins another. Raises OSError.
    """
    files = [(path, size) for path in listed(directory) if (size := _size(path)) is not None]
    total, removed, oldest = sum(size for _, size in files), 0, today - timedelta(days=days)
    for path, size in files:
        if day_of(path) >= oldest and (not most_bytes or total <= most_bytes):
            break
        path.unlink(missing_ok=True)
        total, removed = total - size, removed + 1
    return removed


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _mark(path: Path) -> bytes:
    # The last characters of the id in the name: random bits.
    return path.name[9 + 26 - _MARK : 9 + 26].encode()


def _content(file: BinaryIO, head: bytes, mark: bytes) -> tuple[bytes | None, int]:
    """The content whose frame begins with `head`, and the frame's size; (None, 0) where there is no whole frame."""
    if len(head) < _MARK + _HEAD.size or not head.startswith(mark):
        return None, 0
    length, checksum = _HEAD.unpack_from(head, _MARK)
    if not 0 < length <= MOST_RECORD + 1:
        return None, 0
    payload = file.read(length)
    if len(payload) < length or zlib.crc32(payload) != checksum:
        return None, 0
    return _unpacked(payload), len(head) + length


def _unpacked(payload: bytes) -> bytes | None:
    if payload[:1] == _PLAIN:
        return payload[1:]
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(payload[1:], MOST_RECORD)
    except zlib.error:
        return None
    return content if unpacker.eof else None


def _following(file: BinaryIO, start: int, mark: bytes) -> int | None:
    """The offset of the next mark from `start`, or None."""
    offset, left = start, b""
    file.seek(start)
    while chunk := file.read(_STEP):
        found = (left + chunk).find(mark)
        if found >= 0:
            return offset - len(left) + found
        left, offset = (left + chunk)[-(_MARK - 1) :], offset + len(chunk)
    return None
