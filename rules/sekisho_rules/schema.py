"""The room's tables: indicators as their sources state them, their earlier versions, and the revisions between.

SQL is the truth, with provenance. A revision is one change of many rows: an import, a pull, a removal, a rollback. What
it replaced or took away stays in the history, so that what was in force at any serial of the index can be had again.
"""

from __future__ import annotations

from typing import Any

from sekisho_core.database import METADATA, Utc
from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table, Text


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _statement() -> list[Column[Any]]:
    """What a source states of an indicator, and what we know of the statement."""
    return [
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
        _text("file"),
        Column("created", Utc),
        Column("first_seen", Utc),
        Column("last_seen", Utc),
        Column("to_ids", Boolean, nullable=False),
        Column("pap", String(16), nullable=False),
        _text("threat_name"),
        _text("guard"),
        Column("action_cap", String(16)),
        Column("observe_until", Utc),
        # The canonical indicator: the same for every statement of one meaning.
        Column("meaning", String(36), nullable=False),
        # The revision by which this version came.
        Column("revision", Integer, nullable=False),
    ]


INDICATORS = Table(
    "indicators",
    METADATA,
    Column("source", String(255), primary_key=True),
    Column("id", String(255), primary_key=True),
    *_statement(),
    Index("indicators_id", "id"),
    Index("indicators_meaning", "meaning"),
    Index("indicators_revision", "revision"),
)

HISTORY = Table(
    "indicator_history",
    METADATA,
    Column("source", String(255), primary_key=True),
    Column("id", String(255), primary_key=True),
    # The revision that ended this version.
    Column("until", Integer, primary_key=True, autoincrement=False),
    *_statement(),
    Index("indicator_history_until", "until"),
)

REVISIONS = Table(
    "revisions",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("what", Text, nullable=False),
    # The first index that holds it; NULL until one is compiled.
    Column("serial", Integer),
)
