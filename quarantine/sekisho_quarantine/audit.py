"""The audit: who did what to which mail, when and why. Entries are only added, each sealed with the one before it.

An entry's hash covers its fields and the hash of the entry before it, so an entry that was edited, removed or put in
between shows. What the chain alone cannot show is that its newest entries were cut off; the number and hash of the
newest entry go to the operator's log at each retention run for that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, delete, func, insert, select

from sekisho_quarantine.tables import audit, passages, storable

_START = "0" * 64
_PRUNED = "audit-pruned"


@dataclass(frozen=True)
class Entry:
    """One entry; `subject` is a passage id, or "" for what concerns the whole store."""

    number: int
    at: datetime
    who: str
    what: str
    subject: str
    why: str
    detail: str
    previous: str

    def sealed(self) -> str:
        """SHA-256 over every field, lower-case hexadecimal."""
        fields = {**asdict(self), "at": self.at.astimezone(UTC).isoformat(timespec="microseconds")}
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def append(connection: Connection, who: str, what: str, subject: str = "", why: str = "", detail: str = "") -> None:
    """Add an entry within the caller's transaction; others wait with theirs until it ends. Call it last in there."""
    if connection.dialect.name == "postgresql":
        # SQLite's transactions have the whole database's write lock already.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7347654)")
    number, previous = head(connection)
    who, what, subject, why, detail = (storable(text) for text in (who, what, subject, why, detail))
    entry = Entry(number + 1, datetime.now(UTC), who, what, subject, why, detail, previous)
    connection.execute(insert(audit).values(**asdict(entry), hash=entry.sealed()))


def head(connection: Connection) -> tuple[int, str]:
    """Number and hash of the newest entry; (0, zeros) before the first."""
    row = connection.execute(select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)).first()
    return (row.number, row.hash) if row else (0, _START)


def entries(connection: Connection, subject: str | None = None) -> Iterator[Entry]:
    """Entries in order; with `subject`, those of one mail."""
    query = select(audit).order_by(audit.c.number)
    rows = connection.execute(query if subject is None else query.where(audit.c.subject == subject))
    return (_entry(row) for row in rows)


def count(connection: Connection, subject: str, what: Sequence[str]) -> int:
    """How many entries of one mail say one of `what`."""
    wanted = (audit.c.subject == subject) & audit.c.what.in_(what)
    return connection.scalar(select(func.count()).where(wanted)) or 0


def faults(connection: Connection) -> Iterator[str]:
    """One line for each place where the chain does not hold; nothing when it is whole."""
    number, previous = 0, _START
    for row in connection.execute(select(audit).order_by(audit.c.number)):
        if number == 0 and row.number > 1 and _was_pruned(connection, row.number - 1, row.previous):
            number, previous = row.number - 1, row.previous
        if row.number != number + 1:
            yield f"entries {number + 1} to {row.number - 1} are missing"
        elif row.previous != previous:
            yield f"entry {row.number} does not follow entry {number}"
        if _entry(row).sealed() != row.hash:
            yield f"entry {row.number} was changed"
        number, previous = row.number, row.hash


def prune(connection: Connection, before: datetime) -> int:
    """Remove the oldest entries up to the first that is younger or whose mail still has a record; returns how many.

    What was removed, and the hash that the rest hangs on, is itself an entry.
    """
    live = select(passages.c.id)
    first_kept = connection.scalar(
        select(func.min(audit.c.number)).where((audit.c.at >= before) | audit.c.subject.in_(live))
    )
    last = (first_kept or head(connection)[0] + 1) - 1
    seal = connection.scalar(select(audit.c.hash).where(audit.c.number == last))
    if seal is None:
        return 0
    append(connection, "retention", _PRUNED, why="older than the records are kept", detail=f"{last} {seal}")
    return connection.execute(delete(audit).where(audit.c.number <= last)).rowcount


def _was_pruned(connection: Connection, last: int, seal: str) -> bool:
    wanted = (audit.c.what == _PRUNED) & (audit.c.detail == f"{last} {seal}")
    return connection.execute(select(audit.c.number).where(wanted)).first() is not None


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    return Entry(row.number, row.at, row.who, row.what, row.subject, row.why, row.detail, row.previous)
