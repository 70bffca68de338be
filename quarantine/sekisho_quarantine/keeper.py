"""The keeper: opens locked mail when its password came, by the scan that all mail takes, and ends its wait.

It holds nothing that is not in the database, so that it may be killed and started again at any moment, and two of them
do what one does: every wait ends in one transaction, and a release is claimed before it is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Protocol

from sekisho_core.database import error_line, reader
from sekisho_core.errors import SekishoError, StoreError
from sekisho_core.events import Events
from sekisho_core.scan import Stages, scan
from sekisho_core.vocabulary import Action, Mail
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from sekisho_quarantine import waits
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.kinship import Tie, kinship
from sekisho_quarantine.password_memory import PasswordMemory
from sekisho_quarantine.records import load
from sekisho_quarantine.release import Releaser
from sekisho_quarantine.tables import ReleaseState
from sekisho_quarantine.waits import Waiting

BUSY, IDLE = 0.5, 2.0
# Between two tries of one mail: each futile one doubles it. What came meanwhile is tried at the next.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
# Between two tries of releases that wait, likewise.
_RELEASE_PAUSE, _LONGEST_RELEASE_PAUSE = 30.0, 1800.0
_FORGET_EVERY = 60.0


@dataclass(frozen=True)
class Holdings:
    """What the keeper works on."""

    engine: Engine
    bodies: Bodies
    memory: PasswordMemory
    stages: Stages
    releaser: Releaser


@dataclass
class _Held:
    """A mail that waits, as this process knows it: what ties it to others, whether a try is due, and not before when.
    `last` is the time after whose end it was tried: that of one copy may end before that of another."""

    marks: dict[str, Tie]
    due: bool = True
    last: datetime | None = None
    pause: float = _FIRST_PAUSE
    not_before: float = -inf


class Counts(Protocol):
    """Who is told how many mails wait, and of each wait that ended."""

    def waiting(self, count: int) -> None: ...
    def waited(self, outcome: str) -> None: ...


class Keeper:
    """Looks after all that waits, one turn after another. `clock` gives seconds that only grow."""

    def __init__(
        self, holdings: Holdings, events: Events, counts: Counts, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._own = holdings
        self._events = events
        self._counts = counts
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._known: set[str] | None = None
        self._send_at, self._send_pause = clock(), _RELEASE_PAUSE
        self._forget_at = clock()

    def turn(self) -> float:
        """One look at everything; returns the seconds until the next."""
        held: Sequence[Waiting] = ()
        try:
            with reader(self._own.engine).connect() as connection:
                held = waits.waiting(connection)
            self._counts.waiting(len(held))
            self._hear_news(held)
            for one in held:
                self._see_to(one)
                self._send()
            self._send()
            self._forget()
        except (SekishoError, SQLAlchemyError) as error:
            self._events.error("keeper-fault", reason=error_line(error))
        return BUSY if held else IDLE

    def _hear_news(self, held: Sequence[Waiting]) -> None:
        """Note for which mails there are new passwords; a mail that is new here is tried whatever there is."""
        self._held = {one.passage_id: self._held.get(one.passage_id) or self._met(one.passage_id) for one in held}
        if not held:
            self._known = None
            return
        ids = self._own.memory.ids()
        fresh = ids - self._known if self._known is not None else set[str]()
        for marks in self._own.memory.marks_of(fresh):
            for one in self._held.values():
                one.due |= kinship({one.marks[mark] for mark in marks & one.marks.keys()}) > 0
        self._known = ids

    def _met(self, passage_id: str) -> _Held:
        try:
            with reader(self._own.engine).connect() as connection:
                record = load(connection, passage_id)
            return _Held(self._own.memory.marks(record.envelope, record.reading))
        except StoreError as error:
            # With a damaged record, or without the seal, it waits out its time, and the others are seen to.
            self._events.error("keeper-fault", passage=passage_id, reason=error)
            return _Held({})

    def _see_to(self, one: Waiting) -> None:
        held, now, clock = self._held[one.passage_id], datetime.now(UTC), self._clock()
        is_over = one.until <= now and held.last != one.until
        if not is_over and not (held.due and clock >= held.not_before):
            return
        held.due, held.last = False, one.until if is_over else held.last
        held.not_before, held.pause = clock + held.pause, min(2 * held.pause, _LONGEST_PAUSE)
        try:
            held.due = self._try(one.passage_id, now)
        # Whatever one mail makes go wrong, the others are seen to.
        except Exception as error:
            held.due = True
            self._events.error("keeper-fault", passage=one.passage_id, reason=error_line(error))

    def _try(self, passage_id: str, now: datetime) -> bool:
        """Judge one mail anew and end what of its wait is over; returns whether it was put off."""
        with reader(self._own.engine).connect() as connection:
            record = load(connection, passage_id)
        with self._own.bodies.opened(record.row.sha256, record.row.size) as content:
            passage = scan(Mail(passage_id, record.envelope, content), self._own.stages)
        ends = waits.settle(self._own.engine, passage, now)
        for state in sorted(set(ends.values())):
            self._counts.waited(state)
            count = sum(one is state for one in ends.values())
            self._events.info("wait", passage=passage_id, queue=record.row.queue_id, outcome=state, recipients=count)
        if any(state in waits.RELEASING for state in ends.values()):
            self._send_at = self._clock()
        return not ends and passage.verdict.action is Action.TEMPFAIL

    def _send(self) -> None:
        """Carry out the releases that follow from ended waits; what the MTA did not take is tried again."""
        if self._clock() < self._send_at:
            return
        outcomes = self._own.releaser.retry_pending(waits.WHO)
        left = any(one.state is ReleaseState.PENDING for one in outcomes)
        self._send_pause = min(2 * self._send_pause, _LONGEST_RELEASE_PAUSE) if left else _RELEASE_PAUSE
        self._send_at = self._clock() + self._send_pause

    def _forget(self) -> None:
        if self._clock() >= self._forget_at:
            self._own.memory.forget_old()
            self._forget_at = self._clock() + _FORGET_EVERY
