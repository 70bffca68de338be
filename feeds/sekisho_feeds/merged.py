"""The merged view: one row for each meaning, with what every source says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

import msgspec
from sekisho_core.database import error_line, reader
from sekisho_core.errors import DatabaseError
from sekisho_rules.canonical import canonical
from sekisho_rules.indicator import Indicator, effective_state
from sekisho_rules.schema import INDICATORS
from sekisho_rules.table import indicator_of
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from sekisho_feeds.weigh import Word, confidence_of, tlp_of

_NAMES = [column.name for column in INDICATORS.c if column.name in Indicator.__struct_fields__]


class Statement(msgspec.Struct, frozen=True):
    """What one source says; `state` is enforce, observe, expired or revoked; `reason` why not enforce."""

    source: str
    id: str
    state: str
    tlp: str
    confidence: int
    modified: datetime
    valid_until: datetime | None
    reason: str


class Meaning(msgspec.Struct, frozen=True):
    """One canonical indicator: `state` is enforce where some source's is, `tlp` the strictest, `confidence` the highest
    of its sources that hold."""

    id: str
    type: str
    value: str
    match_on: tuple[str, ...]
    state: str
    tlp: str
    confidence: int
    statements: tuple[Statement, ...]


def merged(engine: Engine, text: str, now: datetime) -> Iterator[Meaning]:
    """The meanings of which some pattern holds `text`, by their ids. Raises DatabaseError."""
    query = select(INDICATORS.c.meaning, *(INDICATORS.c[name] for name in _NAMES))
    if text:
        found = select(INDICATORS.c.meaning).where(INDICATORS.c.pattern.contains(text, autoescape=True))
        query = query.where(INDICATORS.c.meaning.in_(found))
    try:
        with reader(engine).connect().execution_options(stream_results=True, yield_per=2000) as connection:
            rows = connection.execute(query.order_by(INDICATORS.c.meaning, INDICATORS.c.source, INDICATORS.c.id))
            for meaning, group in groupby(rows, key=lambda row: str(row.meaning)):
                yield _meaning(
                    meaning, [indicator_of({name: row._mapping[name] for name in _NAMES}) for row in group], now
                )
    except SQLAlchemyError as error:
        raise DatabaseError(f"indicators: {error_line(error)}") from error


def _meaning(id: str, stated: list[Indicator], now: datetime) -> Meaning:
    statements = tuple(_statement(one, now) for one in stated)
    holding = [one for one in statements if one.state in ("enforce", "observe")] or list(statements)
    words = [Word(one.confidence, tlp=one.tlp) for one in holding]
    key = canonical(stated[0].pattern, stated[0].pattern_type)
    states = [one.state for one in statements]
    state = next(known for known in ("enforce", "observe", "expired", "revoked") if known in states)
    return Meaning(id, key.type, key.value, key.match_on, state, tlp_of(words), confidence_of(words), statements)


def _statement(one: Indicator, now: datetime) -> Statement:
    state: str = effective_state(one, now)
    reason = one.guard
    if one.revoked:
        state, reason = "revoked", "by its source"
    elif one.valid_until is not None and one.valid_until <= now:
        state, reason = "expired", ""
    elif state == "observe" and not reason:
        reason = "its feed is new" if one.observe_until else "its source says so"
    return Statement(one.source, one.id, state, one.tlp, one.confidence, one.modified, one.valid_until, reason)
