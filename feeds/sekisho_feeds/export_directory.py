"""The directory of an export: consumers find whole files there, the last good ones while new ones are doubted."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sekisho_core.display import visible
from sekisho_core.files import adopt, sync_directory, write_durably

from sekisho_feeds.export_items import Export
from sekisho_feeds.harvest import FeedError

MANIFEST = "sekisho-export.json"
# Share of entries (percent) that an export may lose at once: what is more is a feed's fault until somebody says not.
MOST_LOST = 20
# Services of other users read the files.
_MODE = 0o644
_CHECK_TIMEOUT = 120.0
Check = Callable[[Mapping[str, bytes]], str]
"""Why files must not be published, "" where nothing speaks against it."""


class Published(msgspec.Struct, frozen=True):
    """What was done, by file name; `refused` is why all stayed as it was, "" where it did not."""

    written: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    refused: str = ""


class _Manifest(msgspec.Struct, frozen=True):
    """What the directory holds: SHA-256 by file name, and how many entries the export had."""

    entries: int = 0
    files: dict[str, str] = {}


def write_exports(
    directory: Path, export: Export, *, most_lost: int = MOST_LOST, check: Check | None = None
) -> Published:
    """Publish the files of an export: all, or where an export is doubted none.

    Doubted is what `check` refuses, what has no entry where the last had some, and what lost more than `most_lost`
    percent of them (100 lets everything pass). Each file is replaced at once and durably, in the export's order; one
    that did not change is not touched; one that the last export had and this has not is removed at the end. The
    manifest comes last, so that after a crash the next run completes the work. Raises FeedError.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _locked(directory):
            last = _manifest(directory)
            refused = _lost(last.entries, export.entries, most_lost) or (check(export.files) if check else "")
            return Published(refused=refused) if refused else _publish(directory, export, last)
    except OSError as error:
        raise FeedError(f"{directory}: {error.strerror or error}") from error


def published_files(directory: Path) -> dict[str, bytes]:
    """The files of the last export by name, for `Options.previous`; those that are gone are left out. Raises
    FeedError."""
    try:
        names = _manifest(directory).files
        return {name: (directory / name).read_bytes() for name in names if (directory / name).is_file()}
    except OSError as error:
        raise FeedError(f"{directory}: {error.strerror or error}") from error


def checked_by(*command: str) -> Check:
    """A check by the consumer's own tool, such as `named-checkzone example {}/sekisho.rpz`: `{}` is a directory with
    the new files. An exit status other than 0, a tool that is missing and one that takes too long are refusals."""

    def check(files: Mapping[str, bytes]) -> str:
        with tempfile.TemporaryDirectory(prefix="sekisho-export-") as directory:
            for name, content in files.items():
                (Path(directory) / name).write_bytes(content)
            return _fault_by([word.replace("{}", directory) for word in command])

    return check


def _fault_by(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_CHECK_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]}: took longer than {_CHECK_TIMEOUT:.0f} s"
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    lines = done.stdout.decode(errors="replace").split("\n")
    said = "; ".join(visible(line) for line in lines[:3] if line)
    return f"{command[0]}: {said or f'exit status {done.returncode}'}" if done.returncode else ""


def _lost(before: int, now: int, most_lost: int) -> str:
    if before and not now and most_lost < 100:
        return f"no entry, where the last export had {before}"
    if now * 100 < before * (100 - most_lost):
        return f"{now} entries, where the last export had {before}: more than {most_lost} % lost"
    return ""


def _publish(directory: Path, export: Export, last: _Manifest) -> Published:
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in export.files.items()}
    manifest = msgspec.json.format(msgspec.json.encode(_Manifest(export.entries, digests))) + b"\n"
    written: list[str] = []
    unchanged: list[str] = []
    for name, content in [*export.files.items(), (MANIFEST, manifest)]:
        (written if _write(directory / _plain(name), content) else unchanged).append(name)
    removed = [name for name in last.files if name not in digests and (directory / name).exists()]
    for name in removed:
        (directory / name).unlink()
    sync_directory(directory)
    return Published(tuple(written), tuple(unchanged), tuple(removed))


def _write(path: Path, content: bytes) -> bool:
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return False
    write_durably(path, [content], _MODE)
    adopt(path)
    return True


def _plain(name: str) -> str:
    if "/" in name or name.startswith(".") or not name:
        raise FeedError(f"{name!r}: no name for an exported file")
    return name


def _manifest(directory: Path) -> _Manifest:
    path = directory / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except FileNotFoundError:
        return _Manifest()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FeedError(f"{path}: not readable, remove it to publish anew: {error}") from error
    for name in manifest.files:
        _plain(name)
    return manifest


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
