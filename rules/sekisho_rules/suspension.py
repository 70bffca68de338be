"""The suspensions: rules that were taken out of force while they stand in the index, and why.

They are one small file beside the link to the current snapshot, replaced as a whole, so that a compile does not lift
them. A filter process looks at the file's status for each mail and reads it when that changed. What cannot be read is
never taken for "no filter": what was known last stays.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from sekisho_core.errors import SnapshotError
from sekisho_core.events import Events
from sekisho_core.files import adopt, write_durably
from sekisho_core.vocabulary import Match

FILE = "suspended.json"
_LOCK = ".suspended.lock"
# Beyond this it is no file of ours.
_MOST_BYTES = 1 << 24
_MOST_REASON = 500
# A suspension that was lifted is told of for so long: whoever counts hits must not count those from before.
_REMEMBERED = timedelta(days=7)

Key = tuple[str, str]
"""A rule: its source and its id."""


class Suspension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule out of force since `at`, by whom and why; `lifted_at` is when a person put it in force again (None: it is
    out of force)."""

    source: str
    id: str
    at: datetime
    who: str
    reason: str
    lifted_at: datetime | None = None

    @property
    def key(self) -> Key:
        """The rule."""
        return self.source, self.id


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    suspensions: tuple[Suspension, ...]


def suspensions(index: Path) -> tuple[Suspension, ...]:
    """What the file of an index directory says, lifted ones too; nothing where there is none. Raises SnapshotError
    naming the file and the fault."""
    path = index / FILE
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise SnapshotError(f"{path}: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise SnapshotError(f"{path}: damaged: more than {_MOST_BYTES} bytes")
    try:
        return msgspec.json.decode(content, type=_Document).suspensions
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SnapshotError(f"{path}: damaged: {error}") from error


def in_effect(found: Iterable[Suspension]) -> dict[Key, Suspension]:
    """Those that were not lifted, by rule."""
    return {one.key: one for one in found if one.lifted_at is None}


def suspend(index: Path, added: Iterable[Suspension]) -> list[Suspension]:
    """Take rules out of force; returns those that were in force until now. Raises SnapshotError when the file is
    damaged or cannot be written."""
    with _changing(index) as known:
        fresh = [_bounded(one) for one in added if one.key not in in_effect(known.values())]
        if fresh:
            _write(index, {**known, **{one.key: one for one in fresh}})
    return fresh


def resume(index: Path, wanted: Callable[[Suspension], bool], now: datetime) -> list[Suspension]:
    """Put the suspended rules that are `wanted` in force again; returns their suspensions, lifted. Raises
    SnapshotError when the file is damaged or cannot be written."""
    with _changing(index) as known:
        chosen = [one for one in in_effect(known.values()).values() if wanted(one)]
        lifted = [msgspec.structs.replace(one, lifted_at=now) for one in chosen]
        if lifted:
            _write(index, {**known, **{one.key: one for one in lifted}})
    return lifted


class Suspended:
    """The suspensions in effect as a filter process asks for them with each mail. Safe to share between threads."""

    def __init__(self, index: Path, events: Events | None = None) -> None:
        self._index = index
        # A Path for each mail costs ten times the system call.
        self._file = str(index / FILE)
        self._events = events
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] = ()
        self._known: Mapping[Key, Suspension] = {}

    def __call__(self) -> Mapping[Key, Suspension]:
        """Those in effect by rule; of a damaged file the last that could be read, which the log is told once."""
        seen = self._status()
        if seen != self._seen:
            with self._lock:
                self._read(seen)
        return self._known

    def _status(self) -> tuple[int, ...]:
        """What tells one state of the file from another; () where there is none."""
        try:
            status = os.stat(self._file)  # noqa: PTH116
        except OSError:
            return ()
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _read(self, seen: tuple[int, ...]) -> None:
        try:
            self._known = in_effect(suspensions(self._index))
        except SnapshotError as error:
            if self._events is not None:
                self._events.error("suspensions-damaged", reason=error)
        self._seen = seen


def applied(matches: Iterable[Match], suspended: Mapping[Key, Suspension]) -> tuple[Match, ...]:
    """The matches, those of suspended rules without effect and with the reason."""
    return tuple(_without_effect(one, suspended.get((one.source, one.rule))) for one in matches)


def _without_effect(match: Match, suspension: Suspension | None) -> Match:
    if suspension is None:
        return match
    since = suspension.at.astimezone(UTC)
    why = f"{match.explain} The rule is suspended since {since:%Y-%m-%dT%H:%M:%SZ}: {suspension.reason}."
    return msgspec.structs.replace(match, state="observe", explain=why)


def _bounded(suspension: Suspension) -> Suspension:
    return msgspec.structs.replace(suspension, reason=suspension.reason[:_MOST_REASON])


@contextmanager
def _changing(index: Path) -> Iterator[dict[Key, Suspension]]:
    """What the file says, for one who alone may write it."""
    try:
        with (index / _LOCK).open("a") as lock:
            adopt(index / _LOCK)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield {one.key: one for one in suspensions(index)}
    except OSError as error:
        raise SnapshotError(f"{index / FILE}: cannot be written: {error.strerror}") from error


def _write(index: Path, known: Mapping[Key, Suspension]) -> None:
    oldest = datetime.now(UTC) - _REMEMBERED
    kept = tuple(one for one in known.values() if one.lifted_at is None or one.lifted_at > oldest)
    write_durably(index / FILE, [msgspec.json.format(msgspec.json.encode(_Document(kept)))])
    adopt(index / FILE)
