"""The live breaker: takes a rule out of force whose hits spread too wide, before a person could.

An indicator that the guard and the backtest let through may still stop a country's mail. The breaker looks at the mail
that was stopped within a window: a rule that stops more than a share of all mail, or mail of more sender domains than
one campaign has, is suspended; what it alone held is listed for release. Whoever sends much known-bad mail from many
domains can trip it as well: a suspension is told as loudly as a fault, and only a person lifts it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sekisho_core.database import error_line, reader
from sekisho_core.display import counted
from sekisho_core.errors import SekishoError
from sekisho_core.events import Events
from sekisho_core.vocabulary import Action, Direction, Mode
from sekisho_rules.suspension import Key, Suspension, in_effect, suspend, suspensions
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from sekisho_quarantine import audit
from sekisho_quarantine.journal import Tail, domain_of
from sekisho_quarantine.reasons import Reasons, reasons_of
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.tables import State, passages

WHO = "breaker"
_STOPPING = (Action.HOLD, Action.QUARANTINE, Action.REJECT)
# Rows of one look; of a greater flood the newest are enough to see a rule that stops too much.
_MOST_ROWS = 20_000
# A record becomes visible some time after the time that it states.
_OVERLAP = timedelta(minutes=1)
# Seconds by which a mail may stand in the database before it stands in the journal.
_LAG = 10.0


@dataclass(frozen=True)
class Limits:
    """What a rule may stop within `window`: a share of all mail, which counts from `mails` hits on, and mail of so many
    sender domains."""

    share: float
    senders: int
    mails: int
    window: timedelta

    @classmethod
    def of(cls, settings: QuarantineSettings) -> Limits:
        """What the settings say."""
        window = timedelta(minutes=settings.breaker_window)
        return cls(settings.breaker_share, settings.breaker_senders, settings.breaker_mails, window)


def held_by(engine: Engine, rule: str, since: datetime, source: str = "") -> list[str]:
    """The ids of the mails received at or after `since` that are kept here or held at the MTA for nothing but this
    rule (of this source, "" for any), oldest first. Raises SQLAlchemyError."""
    waiting = passages.c.state.in_((State.KEPT, State.HELD)) & passages.c.body_gone_at.is_(None)
    query = select(passages.c.id, passages.c.verdict).where(waiting, passages.c.received_at >= since)
    with reader(engine).connect() as connection:
        rows = connection.execute(query.order_by(passages.c.received_at), execution_options={"yield_per": 1000})
        return [row.id for row in rows if _is_held_by(reasons_of(row.verdict), rule, source)]


def _is_held_by(reasons: Reasons, rule: str, source: str) -> bool:
    keys = {key for key in reasons.rules() if key[1] == rule and source in ("", key[0])}
    return any(map(reasons.is_alone, keys))


@dataclass(frozen=True)
class _Stop:
    """A mail that was stopped: when, from which domain, by which rules."""

    at: datetime
    sender: str
    rules: frozenset[Key]


class Breaker:
    """Looks at what was stopped, one turn after another. `journal` is the journal's directory, None where none is kept:
    shares are not known then."""

    def __init__(
        self,
        engine: Engine,
        index: Path,
        journal: Path | None,
        limits: Limits,
        events: Events,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._index = index
        self._limits = limits
        self._events = events
        self._now = now
        self._tail = Tail(journal, now() - limits.window) if journal else None
        self._mails: deque[float] = deque()
        self._stops: dict[str, _Stop] = {}

    def turn(self) -> list[Suspension]:
        """One look; returns the rules that were suspended. What fails is told, and tried again with the next."""
        now = self._now()
        try:
            self._learn(now - self._limits.window)
            known = suspensions(self._index)
            lifted = {one.key: one.lifted_at for one in known if one.lifted_at is not None}
            tripped = [
                Suspension(*key, now, WHO, reason)
                for key, reason in self._beyond(lifted)
                if key not in in_effect(known)
            ]
            fresh = suspend(self._index, tripped)
            for one in fresh:
                self._tell(one)
            return fresh
        except (SekishoError, SQLAlchemyError, OSError) as error:
            self._events.error("breaker-fault", reason=error_line(error))
            return []

    def _learn(self, since: datetime) -> None:
        """Take in what is new, and forget what is older than the window."""
        self._stops = {id: one for id, one in self._stops.items() if one.at >= since}
        newest = max((one.at for one in self._stops.values()), default=since)
        for id, stop in self._stopped(max(since, newest - _OVERLAP)):
            self._stops[id] = stop
        self._mails.extend(entry.received for entry in (self._tail.fresh() if self._tail else ()))
        while self._mails and self._mails[0] < since.timestamp():
            self._mails.popleft()

    def _stopped(self, since: datetime) -> Iterator[tuple[str, _Stop]]:
        columns = (passages.c.id, passages.c.received_at, passages.c.mail_from, passages.c.verdict)
        stopped = (passages.c.mode == Mode.ENFORCE) & passages.c.action.in_(_STOPPING)
        inbound = (passages.c.direction == Direction.INBOUND) & (passages.c.received_at >= since)
        query = select(*columns).where(stopped, inbound).order_by(passages.c.received_at.desc()).limit(_MOST_ROWS)
        with reader(self._engine).connect() as connection:
            for row in connection.execute(query):
                if row.id not in self._stops:
                    sender = domain_of(row.mail_from)
                    yield row.id, _Stop(row.received_at, sender, reasons_of(row.verdict).rules())

    def _beyond(self, lifted: dict[Key, datetime]) -> Iterator[tuple[Key, str]]:
        """The rules beyond the limits, each with the reason in words; hits from before a rule was put in force again
        do not count."""
        hits: dict[Key, list[_Stop]] = {}
        for stop in self._stops.values():
            for key in stop.rules:
                if key not in lifted or stop.at > lifted[key]:
                    hits.setdefault(key, []).append(stop)
        for key, stops in hits.items():
            if reason := self._reason(stops):
                yield key, reason

    def _reason(self, stops: list[_Stop]) -> str:
        minutes = int(self._limits.window.total_seconds() // 60)
        senders = len({stop.sender for stop in stops})
        if senders > self._limits.senders:
            said = f"stopped {counted(len(stops), 'mail')} of {senders} sender domains within {minutes} minutes"
            return f"{said}, more than {self._limits.senders}"
        # Only hits since the journal began can be a share of what it holds.
        begun = self._mails[0] - _LAG if self._mails else float("inf")
        known = sum(stop.at.timestamp() >= begun for stop in stops)
        total = max(len(self._mails), known)
        if known < self._limits.mails or known <= self._limits.share * total:
            return ""
        share = f"{known} of {total} mails ({known / total:.1%}) within {minutes} minutes"
        return f"stopped {share}, more than {self._limits.share:.1%}"

    def _tell(self, one: Suspension) -> None:
        held = held_by(self._engine, one.id, one.at - self._limits.window, one.source)
        self._events.error("rule-suspended", rule=one.id, source=one.source, reason=one.reason, held=len(held))
        with self._engine.begin() as connection:
            audit.append(connection, WHO, "rule-suspended", why=one.reason, detail=f"{one.id} of {one.source}")
