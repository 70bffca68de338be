"""Records as analysts ask for them: found by a part of their id, filtered, and read with everything about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from sekisho_core.errors import StoreError
from sekisho_core.ids import ID_PATTERN
from sekisho_core.normalise import normalise_subject
from sekisho_core.vocabulary import Envelope, Reading, Verdict
from sqlalchemy import ColumnElement, Connection, Row, Select, select

from sekisho_quarantine import audit, waits
from sekisho_quarantine.reasons import reasons_of
from sekisho_quarantine.tables import judgements, passages, recipients, releases
from sekisho_quarantine.tables import waits as wait_table

_SUMMARY = (
    "id", "received_at", "state", "action", "mode", "direction", "mail_from", "header_from", "subject_raw",
    "subject_decoded", "subject_normalised", "queue_id", "sha256", "size", "serial", "retries", "body_gone_at",
)  # fmt: skip
_SHOWN_CANDIDATES = 3


class NotFound(Exception):
    """No record fits what was asked for."""


@dataclass(frozen=True)
class Filter:
    """What a listed record must meet; None or "" asks for nothing. Texts fit anywhere, whatever their case."""

    state: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    waiting: bool = False
    wait: str | None = None
    release: str | None = None
    rule: str = ""
    limit: int = 100


@dataclass(frozen=True)
class Record:
    """Everything kept about one mail but its body."""

    row: Row[Any]
    envelope: Envelope
    reading: Reading
    verdict: Verdict
    recipients: list[Row[Any]]
    releases: list[Row[Any]]
    waits: list[Row[Any]]
    judgement: Row[Any] | None
    audit: list[audit.Entry]


def find(connection: Connection, prefix: str) -> str:
    """The id that begins so. Raises NotFound when none does, StoreError when several do."""
    if len(prefix) > 26 or ID_PATTERN.fullmatch(prefix.lower().ljust(26, "0")) is None:
        raise NotFound(f"{prefix}: not an id")
    query = select(passages.c.id).where(passages.c.id.startswith(prefix.lower())).order_by(passages.c.id)
    ids: list[str] = list(connection.scalars(query.limit(_SHOWN_CANDIDATES + 1)))
    if not ids:
        raise NotFound(f"{prefix}: no such record")
    if len(ids) > 1:
        more = " …" if len(ids) > _SHOWN_CANDIDATES else ""
        raise StoreError(f"{prefix}: several records begin so: {', '.join(ids[:_SHOWN_CANDIDATES])}{more}")
    return ids[0]


def listed(connection: Connection, wanted: Filter) -> list[dict[str, Any]]:
    """Summaries, newest first, each with its recipients, and until when it waits for a password (None: not)."""
    query = select(*(passages.c[name] for name in _SUMMARY)).where(*_conditions(wanted))
    query = query.order_by(passages.c.received_at.desc(), passages.c.id.desc())
    found = [{name: row._mapping[name] for name in _SUMMARY} for row in _rows(connection, query, wanted)]
    for record in found:
        record["recipients"] = [dict(row._mapping) for row in _recipients(connection, record["id"])]
    until = {one.passage_id: one.until for one in waits.waiting(connection)}
    for record in found:
        record["held_until"] = until.get(record["id"])
    return found


def _rows(connection: Connection, query: Select[Any], wanted: Filter) -> list[Row[Any]]:
    if not wanted.rule:
        return list(connection.execute(query.limit(wanted.limit)))
    # Verdicts are documents, which SQL cannot ask.
    documents = connection.execute(query.add_columns(passages.c.verdict), execution_options={"yield_per": 1000})
    fitting = (row for row in documents if wanted.rule in {one.rule for one in reasons_of(row.verdict).reasons})
    return list(islice(fitting, wanted.limit))


def load(connection: Connection, passage_id: str) -> Record:
    """One record. Raises StoreError when its documents cannot be read."""
    row = connection.execute(select(passages).where(passages.c.id == passage_id)).one()
    try:
        envelope = msgspec.msgpack.decode(row.envelope, type=Envelope)
        reading = msgspec.msgpack.decode(row.reading, type=Reading)
        verdict = msgspec.msgpack.decode(row.verdict, type=Verdict)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{passage_id}: its record is damaged: {error}") from error
    history = select(releases).where(releases.c.passage_id == passage_id).order_by(releases.c.requested_at)
    waited = select(wait_table).where(wait_table.c.passage_id == passage_id)
    return Record(
        row,
        envelope,
        reading,
        verdict,
        _recipients(connection, passage_id),
        list(connection.execute(history)),
        list(connection.execute(waited.order_by(wait_table.c.address))),
        connection.execute(select(judgements).where(judgements.c.passage_id == passage_id)).first(),
        list(audit.entries(connection, passage_id)),
    )


def _recipients(connection: Connection, passage_id: str) -> list[Row[Any]]:
    columns = (recipients.c.address, recipients.c.action, recipients.c.policy, recipients.c.state)
    query = select(*columns).where(recipients.c.passage_id == passage_id)
    return list(connection.execute(query.order_by(recipients.c.position)))


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.state:
        found.append(passages.c.state == wanted.state)
    if wanted.action:
        found.append(passages.c.action == wanted.action)
    if wanted.since:
        found.append(passages.c.received_at >= wanted.since)
    if wanted.until:
        found.append(passages.c.received_at < wanted.until)
    if wanted.waiting:
        found.append(passages.c.id.in_(waits.live_ids()))
    if wanted.wait:
        found.append(passages.c.id.in_(select(wait_table.c.passage_id).where(wait_table.c.state == wanted.wait)))
    if wanted.release:
        stands = select(releases.c.passage_id).where(releases.c.state == wanted.release)
        found.append(passages.c.id.in_(stands))
    return found + _text_conditions(wanted)


def _text_conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.sender:
        columns = (passages.c.mail_from, passages.c.header_from)
        fits = [column.icontains(wanted.sender, autoescape=True) for column in columns]
        found.append(fits[0] | fits[1])
    if wanted.recipient:
        to = select(recipients.c.passage_id).where(recipients.c.address.icontains(wanted.recipient, autoescape=True))
        found.append(passages.c.id.in_(to))
    if wanted.subject:
        fit = passages.c.subject_decoded.icontains(wanted.subject, autoescape=True)
        if normal := normalise_subject(wanted.subject):
            fit |= passages.c.subject_normalised.contains(normal, autoescape=True)
        found.append(fit)
    return found
