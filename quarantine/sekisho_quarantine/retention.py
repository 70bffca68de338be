"""The retention: takes bodies and records away when their time or room is up, and says so for every mail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sekisho_core.database import reader
from sekisho_core.errors import StoreError
from sekisho_core.events import Events
from sqlalchemy import Connection, Engine, Row, delete, func, select, update

from sekisho_quarantine import audit, waits
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.journal import JournalBounds
from sekisho_quarantine.journal_files import trim
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.store import lock_body
from sekisho_quarantine.tables import ReleaseState, State, WaitState, passages, passwords, recipients, releases

_UNDER_WAY = (ReleaseState.PENDING, ReleaseState.SENDING)
_ORPHAN_AGE = timedelta(days=1)
_WHO = "retention"


@dataclass(frozen=True)
class Summary:
    """Counts of one run."""

    expired: int
    records_removed: int
    audit_removed: int
    orphans: int
    temporary: int
    journal: int


class Retention:
    """One run over the store; `now` is the clock."""

    def __init__(
        self,
        engine: Engine,
        bodies: Bodies,
        settings: QuarantineSettings,
        events: Events,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._bodies = bodies
        self._settings = settings
        self._events = events
        self._now = now

    def run(self) -> Summary:
        """Expire by age, then by size; remove old records and passwords; sweep files that nothing names.

        Raises OSError and SQLAlchemyError; what was done until then stays done and noted.
        """
        expired = self._expire_by_age() + self._expire_by_size()
        removed, pruned = self._remove_records()
        with self._engine.begin() as connection:
            # The milter does so each minute; it may have been away for long.
            connection.execute(delete(passwords).where(passwords.c.expires_at <= self._now()))
        old = (self._now() - _ORPHAN_AGE).timestamp()
        orphans = sum(self._remove_if_free(sha256) for sha256 in list(self._bodies.stored(old)))
        summary = Summary(expired, removed, pruned, orphans, self._bodies.remove_temporary(old), self._trim_journal())
        self._conclude(summary)
        return summary

    def _expire_by_age(self) -> int:
        limit = self._now() - timedelta(days=self._settings.keep_days)
        why = f"older than {self._settings.keep_days} days"
        return sum(self._expire(row.sha256, row.last, why) for row in self._bodies_by_age() if row.last < limit)

    def _expire_by_size(self) -> int:
        rows = self._bodies_by_age()
        total, limit, count = sum(row.size for row in rows), self._settings.keep_bytes, 0
        for row in rows if limit else []:
            if total <= limit:
                break
            expired = self._expire(row.sha256, row.last, f"bodies outgrew {limit} bytes, oldest first")
            count, total = count + expired, total - (row.size if expired else 0)
        return count

    def _bodies_by_age(self) -> list[Row[Any]]:
        """Every body in use with the time of the youngest record that names it, oldest first."""
        last = func.max(passages.c.last_at, type_=passages.c.last_at.type).label("last")
        query = select(passages.c.sha256, func.max(passages.c.size).label("size"), last)
        query = query.where(passages.c.body_gone_at.is_(None)).group_by(passages.c.sha256).order_by(last)
        with reader(self._engine).connect() as connection:
            return list(connection.execute(query))

    def _expire(self, sha256: str, last: datetime, why: str) -> int:
        """Give up one body and all records' claim on it; 0 when a record came in or a release began meanwhile."""
        with self._engine.begin() as connection:
            lock_body(connection, sha256)
            rows = _users(connection, sha256)
            if _under_way(connection, sha256) or any(row.last_at > last for row in rows):
                return 0
            for row in rows:
                forget_body(connection, row, self._now())
            for row in rows:
                audit.append(connection, _WHO, "expired", row.id, why)
        for row in rows:
            self._events.info("expired", passage=row.id, queue=row.queue_id, sha256=sha256, why=why)
        self._remove_if_free(sha256)
        return len(rows)

    def _remove_if_free(self, sha256: str) -> bool:
        """Remove a body that no record names. Recording the same content waits until this is over."""
        with self._engine.begin() as connection:
            lock_body(connection, sha256)
            if _users(connection, sha256):
                return False
            self._bodies.remove(sha256)
        return True

    def _remove_records(self) -> tuple[int, int]:
        limit = self._now() - timedelta(days=self._settings.keep_record_days)
        with self._engine.begin() as connection:
            old = connection.execute(select(passages).where(passages.c.body_gone_at < limit)).all()
            for row in old:
                connection.execute(delete(passages).where(passages.c.id == row.id))
            for row in old:
                audit.append(connection, _WHO, "record-removed", row.id, f"{self._settings.keep_record_days} days old")
            pruned = audit.prune(connection, limit)
        for row in old:
            self._events.info("record-removed", passage=row.id, queue=row.queue_id)
        return len(old), pruned

    def _trim_journal(self) -> int:
        bounds = JournalBounds.of(self._settings)
        if bounds.directory is None:
            return 0
        return trim(bounds.directory, bounds.days, bounds.most_bytes, self._now().astimezone(UTC).date())

    def _conclude(self, summary: Summary) -> None:
        counts = {name: getattr(summary, name) for name in Summary.__dataclass_fields__}
        with self._engine.begin() as connection:
            audit.append(connection, _WHO, "retention", detail=" ".join(f"{k}={v}" for k, v in counts.items()))
            number, seal = audit.head(connection)
        # The chain cannot show that its newest entries were cut off; this line outside the database can.
        self._events.info("retention", **counts, audit_number=number, audit_hash=seal)


def delete_mail(engine: Engine, bodies: Bodies, passage_id: str, who: str, why: str) -> int:
    """Delete one mail's body by a person's will; its record and audit stay. A body that another record names stays.

    Returns how many of its copies waited for a password until now.
    Raises StoreError when there is no such record, its body is gone, or a release is under way.
    """
    with engine.begin() as connection:
        row = connection.execute(select(passages).where(passages.c.id == passage_id).with_for_update()).first()
        if row is None or row.body_gone_at is not None:
            raise StoreError(f"{passage_id}: {'no such record' if row is None else 'its body is gone already'}")
        if _under_way(connection, row.sha256, passage_id):
            raise StoreError(f"{passage_id}: a release is under way; it cannot be deleted now")
        taken = forget_body(connection, row, datetime.now(UTC))
        audit.append(connection, who, "deleted", passage_id, why)
    with engine.begin() as connection:
        lock_body(connection, row.sha256)
        if not _users(connection, row.sha256):
            bodies.remove(row.sha256)
    return taken


def forget_body(connection: Connection, row: Row[Any], now: datetime) -> int:
    """Note that a record has no body any more; what was only here is deleted. A held mail is still the MTA's.

    Returns how many of its copies waited for a password until now.
    """
    gone = (State.KEPT, State.REFUSED, State.NOT_EFFECTIVE)
    state = State.DELETED if row.state in gone else row.state
    connection.execute(update(passages).where(passages.c.id == row.id).values(state=state, body_gone_at=now))
    copies = (recipients.c.passage_id == row.id) & recipients.c.state.in_(gone)
    addresses = connection.scalars(select(recipients.c.address).where(copies)).all()
    connection.execute(update(recipients).where(copies).values(state=State.DELETED))
    return waits.end(connection, row.id, addresses, WaitState.TAKEN_OVER)


def _users(connection: Connection, sha256: str) -> list[Row[Any]]:
    """The records that name a body, locked: a release that is being ordered is seen once this returns."""
    in_use = (passages.c.sha256 == sha256) & passages.c.body_gone_at.is_(None)
    return list(connection.execute(select(passages).where(in_use).with_for_update()))


def _under_way(connection: Connection, sha256: str, passage_id: str | None = None) -> bool:
    query = select(releases.c.address).join(passages).where(passages.c.sha256 == sha256)
    query = query.where(releases.c.state.in_(_UNDER_WAY))
    if passage_id is not None:
        query = query.where(passages.c.id == passage_id)
    return connection.execute(query).first() is not None
