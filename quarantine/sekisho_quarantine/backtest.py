"""The backtest: what indicators would have stopped of the mail in the journal, before they stop any.

The indicators are compiled as for the filter and asked about the facts of each mail, whatever their own state and time
say: the question is what they would do, were they in force. What the journal does not hold (contents for YARA, texts)
cannot be tried, and the result names it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from pathlib import Path

import msgspec
from sekisho_core.display import counted
from sekisho_core.scan import silent
from sekisho_core.vocabulary import Action
from sekisho_rules.compile import NOBODY, compile_snapshot
from sekisho_rules.guard import Protected
from sekisho_rules.indicator import Indicator, Refusal, newest, refusal_of
from sekisho_rules.pattern import parse
from sekisho_rules.snapshot import IndexSnapshot
from sekisho_rules.tree import Observation, PatternError, Tree, Window, comparisons

from sekisho_quarantine.journal import BODY, Entry

Key = tuple[str, str]
"""An indicator: its source and its id."""

_DAY = 86_400
_EXAMPLES = 5
# Distinct senders and recipients are counted to here: beyond, it is too many whatever the number.
_MOST_DISTINCT = 10_000
_STEP = 1000


class Example(msgspec.Struct, frozen=True):
    """A mail that would have been stopped; `sender` is the envelope's, `action` what was done."""

    id: str
    received: datetime
    sender: str
    subject: str
    action: Action


class Hits(msgspec.Struct, frozen=True):
    """What one indicator would have stopped: mails, how many of them pass now (accepted or tagged), distinct domains of
    envelope senders and distinct recipients (each up to 10,000), the share of all mail, and the first mails."""

    source: str
    id: str
    mails: int
    passing: int
    senders: int
    recipients: int
    share: float
    examples: tuple[Example, ...]


class Backtest(msgspec.Struct, frozen=True):
    """The result over `mails` received from `first` to `last`; an indicator that is in neither `hits` nor `untested`
    met none of them. `ended` says why not all of the journal was looked at, "" when it was."""

    mails: int
    first: datetime | None
    last: datetime | None
    hits: tuple[Hits, ...]
    untested: tuple[Refusal, ...]
    ended: str = ""

    @property
    def days(self) -> int:
        """The days that the mails span, 1 or more."""
        if self.first is None or self.last is None:
            return 1
        return max(1, ceil((self.last - self.first).total_seconds() / _DAY))


class Thresholds(msgspec.Struct, frozen=True):
    """What an indicator may stop at most: a share of all mail, which counts from `least_mails` in the journal on, and
    distinct domains of senders."""

    most_share: float = 0.001
    most_senders: int = 5
    least_mails: int = 1000


class Effort(msgspec.Struct, frozen=True):
    """How much a backtest looks at: mails, and seconds over them."""

    most_mails: int = 2_000_000
    most_seconds: float = 600.0


THRESHOLDS, EFFORT = Thresholds(), Effort()


def backtest(
    indicators: Sequence[Indicator],
    entries: Iterable[Entry],
    effort: Effort = EFFORT,
    protected: Protected = NOBODY,
    progress: Callable[[], None] = silent,
    directory: Path | None = None,
) -> Backtest:
    """Try indicators on the mails of a journal (`journal.entries`). `progress` is called after each 1,000 mails; the
    indicators are compiled below `directory` (None: where temporary files go).

    Raises SnapshotError when they cannot be compiled, and what `entries` raises.
    """
    untested: list[Refusal] = []
    tried = list(_tried(newest(indicators), untested))
    with tempfile.TemporaryDirectory(prefix="sekisho-backtest-", dir=directory) as place:
        report = compile_snapshot(tried, Path(place), lambda rules, sources: (b"", {}), 0, protected)
        with closing(IndexSnapshot(Path(place) / str(report.serial))) as snapshot:
            count = _Count(snapshot, progress)
            ended = count.all(entries, effort)
    return count.result((*untested, *report.refused, *report.without_effect), ended)


def objections(result: Backtest, thresholds: Thresholds = THRESHOLDS) -> dict[Key, str]:
    """Why indicators must not enforce without a person's consent, for people; those within the thresholds are not in
    it."""
    found = {}
    for hits in result.hits:
        beyond = []
        if result.mails >= thresholds.least_mails and hits.share > thresholds.most_share:
            beyond.append(f"{_percent(thresholds.most_share)} of all mail")
        if hits.senders > thresholds.most_senders:
            beyond.append(counted(thresholds.most_senders, "sender domain"))
        if beyond:
            found[hits.source, hits.id] = f"{said(hits, result)}; at most {' and '.join(beyond)} may be"
    return found


def said(hits: Hits, result: Backtest) -> str:
    """What one indicator would have stopped, as a sentence without its end."""
    time = "last day" if result.days == 1 else f"last {result.days} days"
    share = f"{hits.mails:,} of {result.mails:,} mails of the {time} ({_percent(hits.share)})"
    return f"would have stopped {share} from {counted(hits.senders, 'sender domain')}"


@dataclass
class _Tally:
    """What is counted for one indicator."""

    mails: int = 0
    passing: int = 0
    senders: set[str] = field(default_factory=set)
    recipients: set[str] = field(default_factory=set)
    examples: list[Example] = field(default_factory=list)

    def add(self, entry: Entry, received: datetime) -> None:
        """One more mail would have been stopped."""
        self.mails += 1
        self.passing += entry.action in (Action.ACCEPT, Action.TAG)
        if len(self.senders) < _MOST_DISTINCT:
            self.senders.add(entry.sender_domain)
        if len(self.recipients) < _MOST_DISTINCT:
            self.recipients.update(entry.rcpt_to)
        if len(self.examples) < _EXAMPLES:
            self.examples.append(Example(entry.id, received, entry.mail_from, entry.subject, entry.action))


class _Count:
    """Counts over the mails of a journal what a snapshot matches."""

    def __init__(self, snapshot: IndexSnapshot, progress: Callable[[], None]) -> None:
        self._snapshot = snapshot
        self._progress = progress
        self._tallies: dict[Key, _Tally] = {}
        self._mails = 0
        self._first: datetime | None = None
        self._last: datetime | None = None

    def all(self, entries: Iterable[Entry], effort: Effort) -> str:
        """Look at every mail; returns why not at all of them, "" otherwise."""
        end = time.monotonic() + effort.most_seconds
        for entry in entries:
            if self._mails >= effort.most_mails:
                return f"only the first {self._mails:,} mails were looked at"
            if time.monotonic() > end:
                return f"only {self._mails:,} mails were looked at in {effort.most_seconds:g} seconds"
            self._look(entry)
            if self._mails % _STEP == 0:
                self._progress()
        return ""

    def _look(self, entry: Entry) -> None:
        received = datetime.fromtimestamp(entry.received, UTC)
        self._mails += 1
        self._first = min(self._first or received, received)
        self._last = max(self._last or received, received)
        for key in {(one.source, one.rule) for one in self._snapshot.match_facts(entry.facts, received)}:
            self._tallies.setdefault(key, _Tally()).add(entry, received)

    def result(self, untested: tuple[Refusal, ...], ended: str) -> Backtest:
        """What was counted, the most hits first."""
        hits = [
            Hits(
                *key,
                tally.mails,
                tally.passing,
                len(tally.senders),
                len(tally.recipients),
                tally.mails / self._mails,
                tuple(tally.examples),
            )
            for key, tally in self._tallies.items()
        ]
        hits.sort(key=lambda one: (-one.mails, one.source, one.id))
        return Backtest(self._mails, self._first, self._last, tuple(hits), untested, ended)


def _tried(indicators: Iterable[Indicator], untested: list[Refusal]) -> Iterator[Indicator]:
    """The indicators as if they were in force; those of which the journal cannot tell all are noted."""
    for indicator in (one for one in indicators if not one.revoked):
        reason = _blind(indicator)
        if reason:
            untested.append(refusal_of(indicator, reason))
        if indicator.pattern_type != "yara":
            yield msgspec.structs.replace(indicator, state="enforce", valid_from=None, valid_until=None)


def _blind(indicator: Indicator) -> str:
    """Why the journal cannot tell what an indicator would stop, or not all of it; "" where it can."""
    if indicator.pattern_type == "yara":
        return "the journal holds no contents, which YARA rules look at"
    if indicator.pattern_type != "stix":
        # The compile says so.
        return ""
    try:
        tree = parse(indicator.pattern).tree
    except PatternError:
        return ""
    if _has_window(tree):
        return "it holds from START to STOP, other mail than that which it would meet may be in the journal"
    if any(one.path == BODY for one in comparisons(tree)):
        return "it asks for the text, of which the journal holds none"
    return ""


def _has_window(tree: Tree) -> bool:
    if isinstance(tree, Window):
        return True
    return not isinstance(tree, Observation) and any(map(_has_window, tree.operands))


def _percent(share: float) -> str:
    percent = share * 100
    digits = f"{percent:.2f}".rstrip("0").rstrip(".") if percent >= 0.01 else f"{percent:.2g}"
    return f"{digits} %"
