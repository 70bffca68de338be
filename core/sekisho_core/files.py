"""Files that survive a power cut, and files that hold a mail for as long as it is looked at."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sekisho_core.vocabulary import Content


def write_durably(path: Path, chunks: Iterable[bytes], mode: int = 0o640) -> None:
    """Write `path` so that it holds all bytes or does not exist: temporary file in the same directory, fsync, rename,
    fsync of the directory. Raises OSError; nothing is left behind then."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).rename(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the entries of a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def adopt(path: Path) -> None:
    """Give what root made, a file or a whole directory, to the owner and group of the directory it stands in.

    Administrators run commands as root; the services that use the files do not. Raises OSError.
    """
    if os.geteuid() != 0:
        return
    owner = path.parent.stat()
    for one in (path, *path.rglob("*")):
        os.chown(one, owner.st_uid, owner.st_gid, follow_symlinks=False)


class Spool:
    """Collects a mail's bytes: in memory up to `memory_limit` bytes, beyond that in an unlinked file of `directory`.

    Use as a context manager, or call `close`. Raises OSError when the disk is full.
    """

    def __init__(self, directory: Path, memory_limit: int) -> None:
        self._directory = directory
        self._limit = memory_limit
        self._fd = os.memfd_create("mail", os.MFD_CLOEXEC)
        self._in_memory = True
        self._size = 0
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Append bytes."""
        if self._in_memory and self._size + len(data) > self._limit:
            self._move_to_disk()
        _write_all(self._fd, data)
        self._size += len(data)
        self._hash.update(data)

    def content(self) -> Content:
        """What was collected; valid until `close`."""
        return Content(self._fd, self._size, self._hash.hexdigest())

    def close(self) -> None:
        """Give the bytes up. May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _move_to_disk(self) -> None:
        on_disk = os.open(self._directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            for chunk in Content(self._fd, self._size, "").chunks():
                _write_all(on_disk, chunk)
        except OSError:
            os.close(on_disk)
            raise
        os.close(self._fd)
        self._fd, self._in_memory = on_disk, False


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
