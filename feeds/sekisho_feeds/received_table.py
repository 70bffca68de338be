"""The sightings that members sent: kept once for each version, counted by indicator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sekisho_core.database import METADATA, Utc, error_line, reader
from sekisho_core.errors import DatabaseError
from sqlalchemy import Boolean, Column, Engine, Index, Integer, String, Table, Text, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

RECEIVED = Table(
    "received_sightings",
    METADATA,
    Column("id", String(160), primary_key=True),
    Column("member", String(64), primary_key=True),
    Column("indicator", String(160), nullable=False),
    Column("modified", Utc, nullable=False),
    Column("count", Integer, nullable=False),
    Column("false_positive", Boolean, nullable=False),
    Column("at", Utc, nullable=False),
    Column("document", Text, nullable=False),
    Index("received_sightings_indicator", "indicator"),
)


def take(engine: Engine, member: str, sighting: Mapping[str, Any], false_positive: bool) -> None:
    """Keep a checked sighting of a member's; an older version, or the same once more, changes nothing. Raises
    DatabaseError."""
    modified = datetime.fromisoformat(sighting["modified"])
    row = {
        "indicator": sighting["sighting_of_ref"],
        "modified": modified,
        "count": sighting.get("count", 1),
        "false_positive": false_positive,
        "at": datetime.now(UTC),
        "document": json.dumps(sighting, ensure_ascii=False),
    }
    ours = (RECEIVED.c.id == sighting["id"]) & (RECEIVED.c.member == member)
    try:
        with engine.begin() as connection:
            known = connection.scalar(select(RECEIVED.c.modified).where(ours))
            if known is None:
                connection.execute(insert(RECEIVED).values(id=sighting["id"], member=member, **row))
            elif known < modified:
                connection.execute(update(RECEIVED).where(ours).values(**row))
    except SQLAlchemyError as error:
        raise DatabaseError(f"sightings: {error_line(error)}") from error


def received(engine: Engine, limit: int) -> list[dict[str, Any]]:
    """The newest sightings, without their documents. Raises DatabaseError."""
    columns = [column for column in RECEIVED.c if column.name != "document"]
    try:
        with reader(engine).connect() as connection:
            rows = connection.execute(select(*columns).order_by(RECEIVED.c.at.desc()).limit(limit))
            return [row._asdict() for row in rows]
    except SQLAlchemyError as error:
        raise DatabaseError(f"sightings: {error_line(error)}") from error
