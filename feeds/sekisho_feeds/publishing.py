"""Publishing: an indicator of this organisation's own is given on with a TLP, after a second person's consent where
the settings ask for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sekisho_core.database import METADATA, Utc, error_line
from sekisho_core.errors import DatabaseError
from sekisho_rules.indicator import UNDATED, Indicator
from sekisho_rules.tlp import TLPS, id_of_tlp
from sqlalchemy import Column, Engine, String, Table, Text, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from sekisho_feeds.export_stix import Identity, identity_of, marking
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.published_table import publish, stix_time

CONSENTS = Table(
    "publish_consents",
    METADATA,
    Column("id", String(160), primary_key=True),
    Column("tlp", String(16), nullable=False),
    Column("who", Text, nullable=False),
    Column("at", Utc, nullable=False),
)

# An identity has no time of its own: any that is before all it publishes.
_FOUNDED = "2020-01-01T00:00:00.000Z"


class Wish(msgspec.Struct, frozen=True):
    """That somebody wants an indicator published under a TLP, in the name of an organisation."""

    indicator: Indicator
    tlp: str
    who: str
    producer: str


def consented(engine: Engine, wish: Wish, now: datetime) -> bool:
    """Whether this person is the second who wants the same; the first one's wish is noted and waits. Raises
    DatabaseError, and FeedError where the first wanted another TLP."""
    ours = CONSENTS.c.id == wish.indicator.id
    try:
        with engine.begin() as connection:
            first = connection.execute(select(CONSENTS).where(ours)).first()
            if first is None:
                row = {"id": wish.indicator.id, "tlp": wish.tlp, "who": wish.who, "at": now}
                connection.execute(insert(CONSENTS).values(**row))
                return False
            if first.tlp != wish.tlp:
                raise FeedError(f"{wish.indicator.id}: {first.who} wants TLP {first.tlp}, not {wish.tlp}")
            if first.who != wish.who:
                connection.execute(delete(CONSENTS).where(ours))
            return bool(first.who != wish.who)
    except SQLAlchemyError as error:
        raise DatabaseError(f"consents: {error_line(error)}") from error


def publish_indicator(engine: Engine, wish: Wish, now: datetime) -> bool:
    """Publish an indicator with its producer's identity and its marking; False where this version is out already.

    Raises FeedError for a TLP milder than the source allows or that may not leave, DatabaseError.
    """
    if TLPS.index(wish.tlp) < TLPS.index(wish.indicator.tlp):
        raise FeedError(f"{wish.indicator.id}: is TLP {wish.indicator.tlp} and cannot be published as {wish.tlp}")
    if not wish.producer:
        raise FeedError('feeds.identity: say who publishes, such as "Example City CSIRT"')
    if wish.tlp in ("amber+strict", "red"):
        raise FeedError(f"TLP {wish.tlp} never leaves this organisation")
    try:
        return publish(engine, [*_heads(wish), statement(wish, now)], now, wish.tlp) > 0
    except SQLAlchemyError as error:
        raise DatabaseError(f"published: {error_line(error)}") from error


def statement(wish: Wish, now: datetime) -> dict[str, Any]:
    """The STIX 2.1 indicator (section 4.7) that is published."""
    one = wish.indicator
    modified = now if one.modified == UNDATED else one.modified
    document: dict[str, Any] = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": one.id,
        "created_by_ref": identity_of(wish.producer),
        "created": stix_time(min(one.created or modified, modified)),
        "modified": stix_time(modified),
        "name": one.name,
        "description": one.description,
        "indicator_types": ["malicious-activity"],
        "pattern": one.pattern,
        "pattern_type": one.pattern_type,
        "valid_from": stix_time(one.valid_from or modified),
        "confidence": one.confidence,
        "revoked": one.revoked,
        "object_marking_refs": [id_of_tlp(wish.tlp)],
    }
    if one.valid_until:
        document["valid_until"] = stix_time(one.valid_until)
    return {key: value for key, value in document.items() if value != ""}


def _heads(wish: Wish) -> list[dict[str, Any]]:
    """The objects that others refer to: who publishes, in the one version that there is, and the marking."""
    who = Identity(id=identity_of(wish.producer), created=_FOUNDED, modified=_FOUNDED, name=wish.producer)
    return [msgspec.to_builtins(who), msgspec.to_builtins(marking(wish.tlp))]
