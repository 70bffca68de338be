"""The way of a mail: inspect, match, judge, record. The daemon, `sekisho scan` and look-backs all take this one.

The stages are plain callables behind the Protocols below. They return additions, never change what they were given and
never decide: only `judge` turns matches into a verdict.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sekisho_core.vocabulary import Envelope, Incomplete, Mail, Match, Passage, Reading, Verdict

Progress = Callable[[], None]
"""Called every few seconds while a stage works, so that the caller can keep its peer waiting."""


@dataclass(frozen=True)
class YaraRules:
    """Compiled YARA rules of a snapshot: a file to be opened and handed to the worker, named by the index serial."""

    path: Path
    serial: int


class Snapshot(Protocol):
    """The part of an index snapshot that the way of a mail needs."""

    @property
    def serial(self) -> int: ...

    @property
    def yara(self) -> YaraRules | None: ...

    def match(self, envelope: Envelope, reading: Reading) -> tuple[Match, ...]:
        """Every rule of this snapshot that the mail meets."""


class Inspect(Protocol):
    """Bytes to Reading, in a sandbox. Raises nothing: what fails is an `Incomplete` in the reading."""

    def __call__(self, mail: Mail, yara: YaraRules | None, progress: Progress) -> Reading: ...


class Judge(Protocol):
    """Matches and gaps to a Verdict, by policy."""

    def __call__(
        self, mail: Mail, reading: Reading, matches: tuple[Match, ...], incomplete: tuple[Incomplete, ...]
    ) -> Verdict: ...


class Record(Protocol):
    """Puts the passage on disk where its verdict takes the mail away from the MTA, and returns how often this delivery
    was recorded before; raises when it cannot."""

    def __call__(self, passage: Passage) -> int: ...


@dataclass(frozen=True)
class Stages:
    """The four stages, and where the current snapshot comes from."""

    snapshot: Callable[[], Snapshot]
    inspect: Inspect
    judge: Judge
    record: Record


def silent() -> None:
    """The progress of a caller whose peer needs none."""


def discard(passage: Passage) -> int:
    """The record of a caller that keeps nothing."""
    return 0


def scan(mail: Mail, stages: Stages, progress: Progress = silent) -> Passage:
    """Take one mail through all stages and return its passage.

    Raises what `stages.record` and `stages.snapshot` raise (the caller then refuses the mail with a temporary error);
    failures of inspection and matching are in the passage as `Incomplete`.
    """
    clock = _Clock()
    snapshot = stages.snapshot()
    reading = stages.inspect(mail, snapshot.yara, progress)
    clock.lap("inspect")
    matches, gaps = _match(snapshot, mail, reading)
    clock.lap("match")
    verdict = stages.judge(mail, reading, matches, reading.incomplete + gaps)
    clock.lap("judge")
    passage = Passage(mail.id, passage_key(mail), mail, reading, verdict, snapshot.serial, clock.timings)
    stages.record(passage)
    clock.lap("record")
    return passage


def passage_key(mail: Mail) -> str:
    """SHA-256 over the content and what the envelope delivers it by: sender and the set of recipients.

    A retry may come from another client address and with its recipients in another order; it is the same delivery.
    """
    fields = [mail.envelope.mail_from, *sorted(set(mail.envelope.rcpt_to)), mail.content.sha256]
    return hashlib.sha256("\0".join(fields).encode()).hexdigest()


def _match(snapshot: Snapshot, mail: Mail, reading: Reading) -> tuple[tuple[Match, ...], tuple[Incomplete, ...]]:
    try:
        return snapshot.match(mail.envelope, reading), ()
    # Whatever a matcher dies of, the mail is not clean: the gap is judged by policy like any other.
    except Exception as error:
        return (), (Incomplete("match", "crashed", f"{type(error).__name__}: {error}"),)


class _Clock:
    """Milliseconds between laps."""

    def __init__(self) -> None:
        self.timings: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.timings[stage] = (now - self._last) * 1000
        self._last = now
