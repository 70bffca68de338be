"""Local files: a feed that is a file or a folder on this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sekisho_core.display import counted, visible

from sekisho_feeds.harvest import Document, FeedError

_DEEPEST = 16
# Entries looked at for each file that may be had: a folder of other things does not hold a pull up without end.
_LOOKED_AT = 10
_READ_AT_ONCE = 1 << 20


def read_local(path: Path, max_bytes: int, max_files: int) -> list[Document]:
    """The file, or the files of a folder and its folders in the order of their names; at most `max_bytes` in all.

    Names are paths within the folder, with "/". What begins with a dot is not of the feed. A symbolic link to a file
    within the folder is that file, one that leads out of it an error. Raises FeedError that names the place.
    """
    try:
        root = path.resolve(strict=True)
        if not root.is_dir():
            return [Document(path.name, _content(root, max_bytes))]
        return _documents(root, max_bytes, max_files)
    except OSError as error:
        raise FeedError(f"{_shown(error.filename or path)}: cannot be read: {error.strerror}") from error
    except (RuntimeError, ValueError) as error:
        # A circle of links before Python 3.13; a null in the path.
        raise FeedError(f"{_shown(path)}: cannot be read: it is no path that leads anywhere") from error


def _documents(root: Path, max_bytes: int, max_files: int) -> list[Document]:
    found: list[Document] = []
    left = max_bytes
    for file in _files(root, max_files * _LOOKED_AT):
        if len(found) == max_files:
            raise FeedError(f"{_shown(root)}: has more than {counted(max_files, 'file')}")
        content = _content(_within(file, root), left)
        left -= len(content)
        name = os.fsencode(file.relative_to(root)).decode(errors="backslashreplace")
        found.append(Document(name, content))
    return found


def _files(root: Path, most: int) -> Iterator[Path]:
    """What is no folder in `root` and below, by name. Folders behind links are left out, as they may be circles."""
    waiting = [(root, 0)]
    seen = 0
    while waiting:
        place, depth = waiting.pop()
        if not place.is_dir() or (place.is_symlink() and place != root):
            if not place.is_dir():
                yield place
            continue
        if depth > _DEEPEST:
            raise FeedError(f"{_shown(place)}: is nested deeper than {_DEEPEST} folders")
        entries = [entry for entry in place.iterdir() if not entry.name.startswith(".")]
        seen += len(entries)
        if seen > most:
            raise FeedError(f"{_shown(root)}: has more than {most} entries")
        waiting += [(entry, depth + 1) for entry in sorted(entries, reverse=True)]


def _within(file: Path, root: Path) -> Path:
    target = file.resolve(strict=True)
    if not target.is_relative_to(root):
        raise FeedError(f"{_shown(file)}: is a link that leads out of the folder")
    return target


def _content(file: Path, max_bytes: int) -> bytes:
    # No link is followed any more, and a pipe that nobody writes to is not waited for.
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FeedError(f"{_shown(file)}: is neither a file nor a folder")
        content = bytearray()
        # A file may grow while it is read.
        while piece := opened.read(_READ_AT_ONCE):
            content += piece
            if len(content) > max_bytes:
                raise FeedError(f"{_shown(file)}: is larger than the {max_bytes} bytes that are left for it")
    return bytes(content)


def _shown(path: object) -> str:
    return visible(str(path), 300)
