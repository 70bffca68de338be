"""The judgement: what a person found a recorded mail to be, who said so and why. The latest one stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
from sekisho_core.database import reader
from sekisho_core.errors import StoreError
from sekisho_core.vocabulary import Verdict
from sqlalchemy import Engine, delete, insert, select

from sekisho_quarantine import audit
from sekisho_quarantine.tables import judgements, passages, storable


class Finding(StrEnum):
    """`confirmed`: the mail is what its reasons say. `false-positive`: it is harmless, and they hit it by mistake."""

    CONFIRMED = "confirmed"
    FALSE_POSITIVE = "false-positive"


@dataclass(frozen=True)
class Judged:
    """A mail that was judged, when it came and when it was judged, and the (source, rule) of each reason that was in
    force against it: none where its record is damaged."""

    passage_id: str
    finding: Finding
    received_at: datetime
    judged_at: datetime
    reasons: tuple[tuple[str, str], ...]


def judge(engine: Engine, passage_id: str, finding: Finding, who: str, why: str) -> None:
    """Note a judgement, in place of an earlier one, and say so in the audit.

    Raises StoreError when there is no such record, SQLAlchemyError when the database fails.
    """
    row = {"verdict": finding, "who": storable(who), "why": storable(why), "at": datetime.now(UTC)}
    with engine.begin() as connection:
        known = select(passages.c.id).where(passages.c.id == passage_id).with_for_update()
        if connection.execute(known).first() is None:
            raise StoreError(f"{passage_id}: no such record")
        connection.execute(delete(judgements).where(judgements.c.passage_id == passage_id))
        connection.execute(insert(judgements).values(passage_id=passage_id, **row))
        audit.append(connection, who, f"judged-{finding}", passage_id, why)


def judgements_since(engine: Engine, at: datetime) -> list[Judged]:
    """The judged mails that came at or after this time, the oldest first, whenever they were judged."""
    columns = (passages.c.id, passages.c.received_at, passages.c.verdict.label("document"))
    query = select(*columns, judgements.c.verdict, judgements.c.at).join(judgements).where(passages.c.received_at >= at)
    with reader(engine).connect() as connection:
        rows = connection.execute(query.order_by(passages.c.received_at, passages.c.id)).all()
    return [Judged(row.id, Finding(row.verdict), row.received_at, row.at, _in_force(row.document)) for row in rows]


def _in_force(document: bytes) -> tuple[tuple[str, str], ...]:
    try:
        verdict = msgspec.msgpack.decode(document, type=Verdict)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ()
    found = ((match.source, match.rule) for match in verdict.reasons if match.state == "enforce")
    return tuple(dict.fromkeys(found))
