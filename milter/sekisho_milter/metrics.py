"""What Prometheus is told. Every filter process counts in files of its own, which the sentry adds up.

A file belongs to a slot, not to a process id: a process that takes a slot over goes on counting where the last one
stopped, so that recycling makes neither new files nor lost counts.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sekisho_core.errors import SnapshotError
from sekisho_core.vocabulary import Action, Passage
from sekisho_rules.suspension import in_effect, suspensions

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,31}")


class Metrics:
    """The counters of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._mails = Counter("sekisho_mails", "Mails by what was done.", ["action"], registry=registry)
        self._gaps = Counter("sekisho_incomplete", "Mails by reason of incompleteness.", ["reason"], registry=registry)
        self._stages = Histogram(
            "sekisho_stage_seconds", "Time by stage.", ["stage"], buckets=_BUCKETS, registry=registry
        )
        self._retries = Counter("sekisho_retries", "Recorded mails that came again.", registry=registry)
        self._failures = Counter("sekisho_failures", "Mails put off by an error.", ["error"], registry=registry)
        self._sessions = Counter("sekisho_sessions", "Sessions of the MTA.", ["event"], registry=registry)
        self._waits = Counter("sekisho_waits", "Locked mails whose wait ended.", ["outcome"], registry=registry)
        self._waiting = Gauge("sekisho_waiting", "Locked mails that wait.", multiprocess_mode="sum", registry=registry)
        self._unjournalled = Counter("sekisho_journal_failures", "Mails that the journal lacks.", registry=registry)
        self._serial = Gauge(
            "sekisho_index_serial", "Serial of the index in use.", multiprocess_mode="max", registry=registry
        )

    def judged(self, passage: Passage, action: Action, elapsed: float, again: bool) -> None:
        """Count a mail that was answered by its verdict; `elapsed` is seconds since the end of the message, `again` is
        said of one that joined an earlier record."""
        self._mails.labels(action).inc()
        self._retries.inc(again)
        for reason in {gap.reason for gap in passage.verdict.incomplete}:
            self._gaps.labels(reason if _WORD.fullmatch(reason) else "other").inc()
        for stage, milliseconds in passage.timings.items():
            self._stages.labels(stage).observe(milliseconds / 1000)
        self._stages.labels("all").observe(elapsed)
        self._serial.set(passage.serial)

    def failed(self, error: str) -> None:
        """Count a mail that was put off because of an error."""
        self._mails.labels(Action.TEMPFAIL).inc()
        self._failures.labels(error).inc()

    def not_journalled(self) -> None:
        """Count a mail that could not be noted in the journal."""
        self._unjournalled.inc()

    def waiting(self, count: int) -> None:
        """How many mails wait for their password now."""
        self._waiting.set(count)

    def waited(self, outcome: str) -> None:
        """Count a mail whose wait ended."""
        self._waits.labels(outcome).inc()

    def session(self, event: str) -> None:
        """Count a session that was "opened" or "closed"."""
        self._sessions.labels(event).inc()


def slot_metrics(directory: Path, slot: str) -> Metrics:
    """The counters of this process in the files of `slot`, which no other living process may use."""
    # prometheus_client finds its directory by this name only.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]
    return Metrics(CollectorRegistry())


def sum_of_slots(directory: Path, index: Path) -> CollectorRegistry:
    """A registry that adds up the files of all slots and tells the age of the index and its suspended rules."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
    registry.register(_IndexAge(index))
    registry.register(_SuspendedRules(index))
    return registry


class _IndexAge(Collector):
    """Seconds since the index was last swapped; absent where there is none."""

    def __init__(self, index: Path) -> None:
        self._link = index / "current"

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            swapped = self._link.lstat().st_mtime
        except OSError:
            return
        yield GaugeMetricFamily("sekisho_index_age_seconds", "Time since the last swap.", value=time.time() - swapped)


class _SuspendedRules(Collector):
    """How many rules are suspended; absent where their file is damaged."""

    def __init__(self, index: Path) -> None:
        self._index = index

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            count = len(in_effect(suspensions(self._index)))
        except SnapshotError:
            return
        yield GaugeMetricFamily("sekisho_suspended_rules", "Rules that are out of force.", value=count)
