"""The table of indicators: SQL is the truth, with provenance; one row for each source's id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from sekisho_core.database import METADATA, Utc, error_line, reader
from sekisho_core.errors import DatabaseError
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from sekisho_rules.indicator import Indicator, supersedes

_BATCH = 500


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


INDICATORS = Table(
    "indicators",
    METADATA,
    Column("source", String(255), primary_key=True),
    Column("id", String(255), primary_key=True),
    *(_text(name) for name in ("name", "description", "pattern", "pattern_type")),
    Column("tlp", String(16), nullable=False),
    Column("confidence", Integer, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("valid_from", Utc),
    Column("valid_until", Utc),
    Column("modified", Utc, nullable=False),
    Column("revoked", Boolean, nullable=False),
    Column("labels", JSON, nullable=False),
    *(_text(name) for name in ("reference", "document", "reason")),
    Column("imported_at", Utc, nullable=False),
    Column("file", Text, nullable=False),
    Column("created", Utc),
    Column("first_seen", Utc),
    Column("last_seen", Utc),
    Column("to_ids", Boolean, nullable=False),
    Column("pap", String(16), nullable=False),
    Column("threat_name", Text, nullable=False),
    Index("indicators_id", "id"),
)
_LIST = [column for column in INDICATORS.c if column.name not in ("document", "description", "reason", "imported_at")]


class Imported(msgspec.Struct):
    """What an import did: rows new, rows with a newer version, and rows that were as new or final already."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0


def store(
    engine: Engine,
    indicators: Iterable[tuple[Indicator, str]],
    now: datetime,
) -> Imported:
    """Write indicators, each with the reason why it has no effect ("" where it has), in one transaction.

    A version that is not newer (`indicator.supersedes`), or any version of a revoked one, changes nothing. Raises
    DatabaseError; then nothing was written.
    """
    done = Imported()
    rows = iter(indicators)
    try:
        with engine.begin() as connection:
            while batch := list(islice(rows, _BATCH)):
                _store_batch(connection, batch, now, done)
    except SQLAlchemyError as error:
        raise DatabaseError(f"indicators: {error_line(error)}") from error
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
                yield _indicator(row._asdict())
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


def remove(engine: Engine, id: str, source: str = "") -> int:
    """Delete an id's rows, of one source or of all, and return how many there were. Raises DatabaseError."""
    conditions = [INDICATORS.c.id == id] + ([INDICATORS.c.source == source] if source else [])
    try:
        with engine.begin() as connection:
            return connection.execute(delete(INDICATORS).where(*conditions)).rowcount
    except SQLAlchemyError as error:
        raise DatabaseError(f"indicators: {error_line(error)}") from error


def _store_batch(connection: Connection, batch: Sequence[tuple[Indicator, str]], now: datetime, done: Imported) -> None:
    known = _versions(connection, [indicator.id for indicator, _ in batch])
    new: dict[tuple[str, str], dict[str, Any]] = {}
    newer: dict[tuple[str, str], dict[str, Any]] = {}
    for indicator, reason in batch:
        key = (indicator.source, indicator.id)
        if key in known and not supersedes(indicator, *known[key]):
            done.unchanged += 1
            continue
        row = msgspec.structs.asdict(indicator) | {
            "labels": list(indicator.labels),
            "reason": reason,
            "imported_at": now,
        }
        (newer if key in known and key not in new else new)[key] = row
        known[key] = (indicator.modified, indicator.revoked, indicator.pattern)
    if new:
        connection.execute(insert(INDICATORS), list(new.values()))
    if newer:
        connection.execute(_UPDATE, [row | {"_source": row["source"], "_id": row["id"]} for row in newer.values()])
    done.added += len(new)
    done.updated += len(newer)


_UPDATE = (
    update(INDICATORS)
    .where(INDICATORS.c.source == bindparam("_source"), INDICATORS.c.id == bindparam("_id"))
    .values({column.name: bindparam(column.name) for column in INDICATORS.c if not column.primary_key})
)


def _versions(connection: Connection, ids: list[str]) -> dict[tuple[str, str], tuple[datetime, bool, str]]:
    names = ("source", "id", "modified", "revoked", "pattern")
    rows = connection.execute(select(*(INDICATORS.c[name] for name in names)).where(INDICATORS.c.id.in_(ids)))
    return {(source, id): (modified, revoked, pattern) for source, id, modified, revoked, pattern in rows}


def _indicator(row: dict[str, Any]) -> Indicator:
    return Indicator(**row | {"labels": tuple(row["labels"])})
