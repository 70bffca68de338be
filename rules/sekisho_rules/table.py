"""The table of indicators: what is stored, found, counted and taken away; one row for each source's id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from sekisho_core.database import error_line, reader
from sekisho_core.errors import DatabaseError
from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.exc import SQLAlchemyError

from sekisho_rules import history
from sekisho_rules.canonical import canonical
from sekisho_rules.indicator import Indicator, supersedes
from sekisho_rules.schema import INDICATORS

_BATCH = 500


_OURS = ("reason", "imported_at", "meaning", "revision")
_LIST = [column for column in INDICATORS.c if column.name not in ("document", "description", *_OURS)]
_GUARD = ("guard", "action_cap", "observe_until", "valid_until", "confidence")


class Imported(msgspec.Struct):
    """What an import did: rows new, rows with a newer version, and rows that were as new or final already; `guarded` of
    the last are those of which our guard says something else now."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    guarded: int = 0


def store(engine: Engine, indicators: Iterable[tuple[Indicator, str]], now: datetime, what: str = "import") -> Imported:
    """Write indicators, each with the reason why it has no effect ("" where it has), in one revision.

    A version that is not newer (`indicator.supersedes`), or any version of a revoked one, changes nothing but what our
    guard says of it. Raises DatabaseError; then nothing was written.
    """
    with history.changing(engine) as connection:
        return put(connection, indicators, now, history.begin(connection, what, now))


def put(connection: Connection, indicators: Iterable[tuple[Indicator, str]], now: datetime, revision: int) -> Imported:
    """As `store`, as a part of a revision that has begun."""
    done = Imported()
    rows = iter(indicators)
    while batch := list(islice(rows, _BATCH)):
        _put_batch(connection, batch, now, revision, done)
    return done


def stored(
    engine: Engine, *, source: str = "", kind: str = "", text: str = "", id: str = "", active: bool = False
) -> Iterator[Indicator]:
    """The stored indicators that meet every given filter, by source and id, without document and description; `active`
    leaves revoked ones out. Raises DatabaseError."""
    query = select(*_LIST).order_by(INDICATORS.c.source, INDICATORS.c.id)
    conditions = [INDICATORS.c.source == source] if source else []
    conditions += [INDICATORS.c.pattern_type == kind] if kind else []
    conditions += [INDICATORS.c.id == id] if id else []
    conditions += [INDICATORS.c.revoked.is_(False)] if active else []
    if text:
        conditions.append(INDICATORS.c.pattern.contains(text, autoescape=True))
    try:
        with reader(engine).connect().execution_options(stream_results=True, yield_per=2000) as connection:
            for row in connection.execute(query.where(*conditions)):
                yield indicator_of(row._asdict())
    except SQLAlchemyError as error:
        raise DatabaseError(f"indicators: {error_line(error)}") from error


def count_active(engine: Engine) -> int:
    """How many stored indicators are not revoked. Raises DatabaseError."""
    query = select(func.count()).select_from(INDICATORS).where(INDICATORS.c.revoked.is_(False))
    try:
        with reader(engine).connect() as connection:
            return connection.scalar(query) or 0
    except SQLAlchemyError as error:
        raise DatabaseError(f"indicators: {error_line(error)}") from error


def details(engine: Engine, id: str) -> list[dict[str, Any]]:
    """All columns of every source's row of an id. Raises DatabaseError."""
    try:
        with reader(engine).connect() as connection:
            rows = connection.execute(select(INDICATORS).where(INDICATORS.c.id == id).order_by(INDICATORS.c.source))
            return [row._asdict() for row in rows]
    except SQLAlchemyError as error:
        raise DatabaseError(f"indicators: {error_line(error)}") from error


def remove(engine: Engine, id: str, source: str, now: datetime) -> int:
    """Delete an id's rows, of one source or of all (""), and return how many there were. Raises DatabaseError."""
    condition = (INDICATORS.c.id == id) & ((INDICATORS.c.source == source) | (source == ""))
    with history.changing(engine) as connection:
        history.keep(connection, condition, history.begin(connection, f"remove {id}", now))
        return connection.execute(delete(INDICATORS).where(condition)).rowcount


def remove_source(engine: Engine, source: str, now: datetime) -> int:
    """Delete all that a source states, and return how many there were. Raises DatabaseError."""
    condition = INDICATORS.c.source == source
    with history.changing(engine) as connection:
        history.keep(connection, condition, history.begin(connection, f"remove {source}", now))
        return connection.execute(delete(INDICATORS).where(condition)).rowcount


def withdraw(connection: Connection, source: str, ids: Sequence[str], revision: int) -> int:
    """Take away what a source does not state any more; those of other sources stay. A revoked row stays for good."""
    gone = 0
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        condition = (INDICATORS.c.source == source) & INDICATORS.c.id.in_(batch) & INDICATORS.c.revoked.is_(False)
        history.keep(connection, condition, revision)
        gone += connection.execute(delete(INDICATORS).where(condition)).rowcount
    return gone


def end_observation(engine: Engine, now: datetime, source: str = "") -> int:
    """Let those act whose time of observation is over; of a `source` that is given, all at once. How many there were.
    Raises DatabaseError."""
    over = INDICATORS.c.source == source if source else INDICATORS.c.observe_until <= now
    observed = INDICATORS.c.observe_until.is_not(None) & over
    with history.changing(engine) as connection:
        number = history.begin(connection, f"end of observation {source}".strip(), now)
        history.keep(connection, observed, number)
        ended = {"observe_until": None, "revision": number}
        count = connection.execute(update(INDICATORS).where(observed).values(**ended)).rowcount
        if not count:
            history.drop(connection, number)
        return count


def ids_of(connection: Connection, source: str) -> set[str]:
    """The ids that a source states and has not revoked."""
    query = select(INDICATORS.c.id).where(INDICATORS.c.source == source, INDICATORS.c.revoked.is_(False))
    return set(connection.scalars(query))


def _put_batch(
    connection: Connection, batch: Sequence[tuple[Indicator, str]], now: datetime, revision: int, done: Imported
) -> None:
    known = _versions(connection, [indicator.id for indicator, _ in batch])
    new: dict[tuple[str, str], dict[str, Any]] = {}
    newer: dict[tuple[str, str], dict[str, Any]] = {}
    guarded: list[dict[str, Any]] = []
    for indicator, reason in batch:
        key = (indicator.source, indicator.id)
        if key in known and not supersedes(indicator, *known[key][:3]):
            done.unchanged += 1
            if known[key][3:] != _guard_of(indicator):
                guarded.append(_guard_row(indicator, revision))
                done.guarded += 1
            continue
        row = _row(indicator, reason, now, revision)
        (newer if key in known and key not in new else new)[key] = row
        known[key] = (indicator.modified, indicator.revoked, indicator.pattern, *_guard_of(indicator))
    _write(connection, new, newer, guarded, revision)
    done.added += len(new)
    done.updated += len(newer)


def _write(
    connection: Connection,
    new: dict[tuple[str, str], dict[str, Any]],
    newer: dict[tuple[str, str], dict[str, Any]],
    guarded: list[dict[str, Any]],
    revision: int,
) -> None:
    if new:
        connection.execute(insert(INDICATORS), list(new.values()))
    if newer:
        history.keep(connection, tuple_(INDICATORS.c.source, INDICATORS.c.id).in_(list(newer)), revision)
        connection.execute(_UPDATE, [row | {"_source": row["source"], "_id": row["id"]} for row in newer.values()])
    if guarded:
        keys = [(row["_source"], row["_id"]) for row in guarded]
        history.keep(connection, tuple_(INDICATORS.c.source, INDICATORS.c.id).in_(keys), revision)
        connection.execute(_UPDATE_GUARD, guarded)


def _row(indicator: Indicator, reason: str, now: datetime, revision: int) -> dict[str, Any]:
    meaning = canonical(indicator.pattern, indicator.pattern_type).id
    ours = {"reason": reason, "imported_at": now, "meaning": meaning, "revision": revision}
    return msgspec.structs.asdict(indicator) | {"labels": list(indicator.labels)} | ours


def _guard_of(indicator: Indicator) -> tuple[Any, ...]:
    return tuple(getattr(indicator, name) for name in _GUARD)


def _guard_row(indicator: Indicator, revision: int) -> dict[str, Any]:
    said = {name: getattr(indicator, name) for name in _GUARD}
    return {"_source": indicator.source, "_id": indicator.id, "revision": revision} | said


_UPDATE = (
    update(INDICATORS)
    .where(INDICATORS.c.source == bindparam("_source"), INDICATORS.c.id == bindparam("_id"))
    .values({column.name: bindparam(column.name) for column in INDICATORS.c if not column.primary_key})
)
_UPDATE_GUARD = (
    update(INDICATORS)
    .where(INDICATORS.c.source == bindparam("_source"), INDICATORS.c.id == bindparam("_id"))
    .values({name: bindparam(name) for name in (*_GUARD, "revision")})
)


def _versions(connection: Connection, ids: list[str]) -> dict[tuple[str, str], tuple[Any, ...]]:
    names = ("source", "id", "modified", "revoked", "pattern", *_GUARD)
    rows = connection.execute(select(*(INDICATORS.c[name] for name in names)).where(INDICATORS.c.id.in_(ids)))
    return {(row.source, row.id): tuple(row)[2:] for row in rows}


def indicator_of(row: dict[str, Any]) -> Indicator:
    """The indicator of a row's columns, by name."""
    return Indicator(**row | {"labels": tuple(row["labels"])})
