"""The kept bodies: one file per content, named by its SHA-256, on disk before anything says that it is kept."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sekisho_core.errors import StoreError
from sekisho_core.files import sync_directory, write_durably
from sekisho_core.vocabulary import Content

_HASH = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = ".new-"


class Bodies:
    """Bodies under `directory/ab/cd/abcd…`. Nothing that a mail contains takes part in a path."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, sha256: str) -> Path:
        """Where the body with this hash stands. Raises StoreError for what is no SHA-256."""
        if _HASH.fullmatch(sha256) is None:
            raise StoreError("a body's name is 64 hexadecimal digits")
        return self._directory / sha256[:2] / sha256[2:4] / sha256

    def has(self, sha256: str, size: int) -> bool:
        """Whether a body of this hash and size is there. Raises OSError when the directory cannot be looked into."""
        try:
            return self.path(sha256).stat().st_size == size
        except FileNotFoundError:
            return False

    def put(self, content: Content) -> None:
        """Make the content durable under its hash; a body that is there is not written again.

        Raises OSError, and StoreError for bytes that do not have the hash they claim; no half body is left then.
        """
        path = self.path(content.sha256)
        if not self.has(content.sha256, content.size):
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            write_durably(path, _checked(content))
        # Another process may have made an entry and not yet synced it; syncing a clean directory costs next to nothing.
        for directory in (path.parent, path.parent.parent, self._directory):
            sync_directory(directory)

    def read(self, sha256: str) -> bytes:
        """The body, checked against its hash. Raises StoreError when it is missing, unreadable or not what it was."""
        try:
            content = self.path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise StoreError(f"body {sha256} is missing") from error
        except OSError as error:
            raise StoreError(f"body {sha256} cannot be read: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreError(f"body {sha256} is corrupt: its bytes do not have this hash")
        return content

    @contextmanager
    def opened(self, sha256: str, size: int) -> Iterator[Content]:
        """The body as a mail's content, to be looked at again. Raises StoreError when it is not there."""
        try:
            descriptor = os.open(self.path(sha256), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StoreError(f"body {sha256} cannot be read: {error.strerror}") from error
        try:
            yield Content(descriptor, size, sha256)
        finally:
            os.close(descriptor)

    def remove(self, sha256: str) -> None:
        """Delete a body; one that is gone already is no error. Raises OSError."""
        path = self.path(sha256)
        if path.exists():
            path.unlink()
            sync_directory(path.parent)

    def stored(self, before: float) -> Iterator[str]:
        """The hashes of all bodies last written before this time (seconds since the epoch)."""
        for path in self._old_files(before):
            if _HASH.fullmatch(path.name) and path == self.path(path.name):
                yield path.name

    def remove_temporary(self, before: float) -> int:
        """Delete what writers that were killed left behind before this time; returns how many files."""
        left = [path for path in self._old_files(before) if path.name.startswith(_TEMPORARY)]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _old_files(self, before: float) -> Iterator[Path]:
        for path in self._directory.glob("??/??/*"):
            try:
                if path.is_file() and path.stat().st_mtime < before:
                    yield path
            except FileNotFoundError:
                continue


def _checked(content: Content) -> Iterator[bytes]:
    found = hashlib.sha256()
    for chunk in content.chunks():
        found.update(chunk)
        yield chunk
    if found.hexdigest() != content.sha256:
        raise StoreError(f"body {content.sha256} was changed or cut before it was written")
