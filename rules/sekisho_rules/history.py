"""The history of indicators: what each revision replaced, which index held it, and the way back to any serial."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from sekisho_core.database import error_line, reader
from sekisho_core.errors import DatabaseError
from sqlalchemy import ColumnElement, Connection, Engine, Select, delete, func, insert, literal, select, update
from sqlalchemy.exc import SQLAlchemyError

from sekisho_rules.schema import HISTORY, INDICATORS, REVISIONS

_NAMES = [column.name for column in INDICATORS.c]


class Revision(msgspec.Struct, frozen=True):
    """One change of the indicators: its number, when and what it was, and the first index that held it."""

    number: int
    at: datetime
    what: str
    serial: int | None


class RolledBack(msgspec.Struct, frozen=True):
    """What a rollback did: its revision, how many rows it took away and brought back, and of which sources."""

    revision: int
    taken: int
    restored: int
    sources: tuple[str, ...]


@contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """A transaction on the indicators; of several at once one waits for the other. Raises DatabaseError."""
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # SQLite's transactions have the whole database's write lock already.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7347654)")
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseError(f"indicators: {error_line(error)}") from error


def begin(connection: Connection, what: str, now: datetime) -> int:
    """A new revision's number."""
    number = (connection.scalar(select(func.max(REVISIONS.c.number))) or 0) + 1
    connection.execute(insert(REVISIONS).values(number=number, at=now, what=what, serial=None))
    return number


def drop(connection: Connection, revision: int) -> None:
    """Forget a revision that changed nothing."""
    connection.execute(delete(REVISIONS).where(REVISIONS.c.number == revision))


def keep(connection: Connection, condition: ColumnElement[bool], revision: int) -> None:
    """Copy the rows that `revision` is about to replace or take away into the history."""
    rows = select(*(INDICATORS.c[name] for name in _NAMES), literal(revision)).where(condition)
    connection.execute(insert(HISTORY).from_select([*_NAMES, "until"], rows))


def compiled(engine: Engine, serial: int, number: int) -> None:
    """Note that the index `serial` holds all revisions up to `number`. Raises DatabaseError."""
    held = REVISIONS.c.serial.is_(None) & (REVISIONS.c.number <= number)
    with changing(engine) as connection:
        connection.execute(update(REVISIONS).where(held).values(serial=serial))


def newest(engine: Engine) -> int:
    """The number of the newest revision, 0 when there is none. Raises DatabaseError."""
    try:
        with reader(engine).connect() as connection:
            return connection.scalar(select(func.max(REVISIONS.c.number))) or 0
    except SQLAlchemyError as error:
        raise DatabaseError(f"revisions: {error_line(error)}") from error


def is_pending(engine: Engine) -> bool:
    """Whether some revision stands in no index yet. Raises DatabaseError."""
    try:
        with reader(engine).connect() as connection:
            return (
                connection.execute(select(REVISIONS.c.number).where(REVISIONS.c.serial.is_(None))).first() is not None
            )
    except SQLAlchemyError as error:
        raise DatabaseError(f"revisions: {error_line(error)}") from error


def revisions(engine: Engine, limit: int) -> list[Revision]:
    """The newest revisions, newest first. Raises DatabaseError."""
    try:
        with reader(engine).connect() as connection:
            rows = connection.execute(select(REVISIONS).order_by(REVISIONS.c.number.desc()).limit(limit))
            return [Revision(**row._asdict()) for row in rows]
    except SQLAlchemyError as error:
        raise DatabaseError(f"revisions: {error_line(error)}") from error


def at_serial(engine: Engine, serial: int) -> int:
    """The newest revision that the index `serial` holds, 0 where it holds none. Raises DatabaseError."""
    try:
        with reader(engine).connect() as connection:
            query = select(func.max(REVISIONS.c.number)).where(REVISIONS.c.serial <= serial)
            return connection.scalar(query) or 0
    except SQLAlchemyError as error:
        raise DatabaseError(f"revisions: {error_line(error)}") from error


def roll_back(engine: Engine, revision: int, what: str, now: datetime) -> RolledBack:
    """Make the indicators those of `revision` again, by one new revision. Raises DatabaseError."""
    later, earlier = _since(revision)
    with changing(engine) as connection:
        sources = _sources(connection, revision)
        number = begin(connection, what, now)
        keep(connection, later, number)
        taken = connection.execute(delete(INDICATORS).where(later)).rowcount
        restored = connection.scalar(select(func.count()).select_from(HISTORY).where(earlier)) or 0
        connection.execute(insert(INDICATORS).from_select(_NAMES, _again(earlier, number)))
        return RolledBack(number, taken, restored, sources)


def sources_since(engine: Engine, revision: int) -> tuple[str, ...]:
    """Whose statements a rollback to `revision` would change. Raises DatabaseError."""
    try:
        with reader(engine).connect() as connection:
            return _sources(connection, revision)
    except SQLAlchemyError as error:
        raise DatabaseError(f"indicators: {error_line(error)}") from error


def _since(revision: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Rows that came after a revision, and earlier versions that held at it."""
    return INDICATORS.c.revision > revision, (HISTORY.c.revision <= revision) & (HISTORY.c.until > revision)


def _sources(connection: Connection, revision: int) -> tuple[str, ...]:
    later, earlier = _since(revision)
    sources = {*connection.scalars(select(INDICATORS.c.source).where(later).distinct())}
    return tuple(sorted(sources | {*connection.scalars(select(HISTORY.c.source).where(earlier).distinct())}))


def changes(engine: Engine, older: int, newer: int, limit: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What `newer` has and `older` has not, and the other way round: rows of source, id and pattern, at most `limit`
    each. Raises DatabaseError."""
    try:
        with reader(engine).connect() as connection:
            return _between(connection, newer, older, limit), _between(connection, older, newer, limit)
    except SQLAlchemyError as error:
        raise DatabaseError(f"indicators: {error_line(error)}") from error


def _again(earlier: ColumnElement[bool], number: int) -> Select[Any]:
    columns: Sequence[Any] = [literal(number) if name == "revision" else HISTORY.c[name] for name in _NAMES]
    return select(*columns).where(earlier)


def _between(connection: Connection, held: int, other: int, limit: int) -> list[dict[str, Any]]:
    """The versions that revision `held` had and revision `other` had not."""
    found: list[dict[str, Any]] = []
    for table in (INDICATORS, HISTORY):
        there, elsewhere = _had(table, held), _had(table, other)
        query = select(*(table.c[name] for name in ("source", "id", "pattern", "revoked"))).where(there, ~elsewhere)
        found += [row._asdict() for row in connection.execute(query.limit(limit))]
    return found[:limit]


def _had(table: Any, revision: int) -> ColumnElement[bool]:
    came: ColumnElement[bool] = table.c.revision <= revision
    return came if table is INDICATORS else came & (table.c.until > revision)
