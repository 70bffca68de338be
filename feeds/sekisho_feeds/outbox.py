"""The outbox: what goes back to feeds, kept until each has it, over outages and kills.

A document for a feed is a row, found again by its subject: a newer version takes the place of an older one. A
deliverer claims a row by a conditional update in a transaction of its own before it sends, so of two that race one
finds nothing. A claim that was not settled is tried again when it is old: receivers know a subject that they have.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from sekisho_core.database import METADATA, Utc, reader
from sekisho_core.display import visible
from sekisho_core.ids import new_id
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from sekisho_feeds.harvest import FeedError


class Delivery(StrEnum):
    """How far a document is. `failed` is given up, with the reason; a newer version starts anew."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


outbox = Table(
    "outbox",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("feed", Text, nullable=False),
    Column("subject", String(160), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("document", Text, nullable=False),
    Column("created", Utc, nullable=False),
    Column("next_try", Utc, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("claim", String(26), nullable=False),
    Column("error", Text, nullable=False),
    UniqueConstraint("feed", "subject", name="outbox_feed_subject"),
    Index("outbox_due", "state", "next_try"),
)

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
# A sender's own time-outs are far shorter: a claim this old belongs to a deliverer that was killed.
_CLAIMED = timedelta(minutes=15)
GIVE_UP = timedelta(days=14)
_MOST_AT_ONCE = 1000
Sender = Callable[[dict[str, Any]], None]


class Refused(FeedError):
    """A receiver's answer that no later try will change; the document is given up at once."""


class Letter(msgspec.Struct, frozen=True):
    """One document for one feed. `claim` is "" while nobody sends it; `created` is when this version was put."""

    id: str
    feed: str
    subject: str
    kind: str
    document: str
    created: datetime
    next_try: datetime
    attempts: int
    state: Delivery
    claim: str
    error: str


class Delivered(msgspec.Struct, frozen=True):
    """What one call of `deliver` did: documents that were sent, that wait for another try, and that were given up."""

    sent: int = 0
    waiting: int = 0
    given_up: int = 0


def put(connection: Connection, feed: str, kind: str, document: Mapping[str, Any], now: datetime) -> bool:
    """Have `document` sent to `feed`, in the caller's transaction; whether that is new.

    Its `id` is the subject and its `modified` the version (times of STIX): an older or equal version is passed over.
    Raises SQLAlchemyError when the database fails.
    """
    if connection.dialect.name == "postgresql":
        # Two that put one subject for the first time; SQLite's transactions have the whole database's lock already.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7347656)")
    subject, content = document["id"], json.dumps(document)
    query = select(outbox).where(outbox.c.feed == feed, outbox.c.subject == subject).with_for_update()
    row = connection.execute(query).first()
    if row is not None and _modified(json.loads(row.document)) >= _modified(document):
        return False
    # The claim goes: a deliverer that is just sending the older version settles nothing.
    fresh = {"kind": kind, "document": content, "created": now, "next_try": now, "attempts": 0, "error": ""}
    fresh |= {"state": Delivery.PENDING, "claim": ""}
    if row is None:
        connection.execute(insert(outbox).values(id=new_id(), feed=feed, subject=subject, **fresh))
    else:
        connection.execute(update(outbox).where(outbox.c.id == row.id).values(**fresh))
    return True


def due(engine: Engine, now: datetime, most: int = _MOST_AT_ONCE) -> Sequence[Letter]:
    """What is to be sent now, the longest waiting first; a claim whose deliverer was killed counts again."""
    query = select(outbox).where(outbox.c.state == Delivery.PENDING, outbox.c.next_try <= now)
    return _letters(engine, query.order_by(outbox.c.next_try, outbox.c.id).limit(most))


def listed(engine: Engine, most: int = _MOST_AT_ONCE) -> Sequence[Letter]:
    """The newest letters, in whatever state."""
    return _letters(engine, select(outbox).order_by(outbox.c.created.desc(), outbox.c.id.desc()).limit(most))


def retry(engine: Engine, now: datetime) -> int:
    """Make what was given up due once more, as if it were new; returns how many letters."""
    fresh = {"state": Delivery.PENDING, "created": now, "next_try": now, "attempts": 0}
    with engine.begin() as connection:
        return connection.execute(update(outbox).where(outbox.c.state == Delivery.FAILED).values(**fresh)).rowcount


def forget(engine: Engine, before: datetime) -> int:
    """Take away what was sent or given up and is older; returns how many letters. What is put again is new then."""
    over = outbox.c.state.in_((Delivery.SENT, Delivery.FAILED)) & (outbox.c.created < before)
    with engine.begin() as connection:
        return connection.execute(delete(outbox).where(over)).rowcount


def claimed(engine: Engine, letter: Letter, now: datetime) -> str | None:
    """Take a letter that is due, so that nobody else sends it for a while; None where another was faster."""
    claim = new_id()
    this = (outbox.c.id == letter.id) & (outbox.c.state == Delivery.PENDING)
    # As it was when it was seen to be due: neither claimed by another since, nor replaced by a newer version.
    unchanged = (outbox.c.claim == letter.claim) & (outbox.c.next_try == letter.next_try)
    unchanged &= outbox.c.document == letter.document
    values = {"claim": claim, "attempts": outbox.c.attempts + 1, "next_try": now + _CLAIMED}
    with engine.begin() as connection:
        taken = connection.execute(update(outbox).where(this, unchanged).values(**values)).rowcount
    return claim if taken else None


def done(engine: Engine, letter: Letter, claim: str) -> None:
    """Note that a claimed letter arrived; what replaced it meanwhile is still to be sent."""
    _settle(engine, letter, claim, {"state": Delivery.SENT, "claim": "", "error": ""})


def failed(
    engine: Engine, letter: Letter, claim: str, reason: str, now: datetime, jitter: float = 0.0, final: bool = False
) -> Delivery:
    """Note that a claimed letter did not arrive: it is tried again later, or given up when it is `final` or older than
    GIVE_UP. `jitter`, from 0 to 1, lengthens the pause by up to half of it. `reason` must hold no secrets."""
    over = final or now - letter.created >= GIVE_UP
    state = Delivery.FAILED if over else Delivery.PENDING
    values = {"state": state, "claim": "", "error": visible(reason, 500), "next_try": now + _pause(letter, jitter)}
    _settle(engine, letter, claim, values)
    return state


def deliver(
    engine: Engine,
    senders: Mapping[str, Sender],
    now: datetime,
    jitter: Callable[[], float] = random.random,
) -> Delivered:
    """Send what is due to the feeds that there are senders for; one feed that fails does not keep the others.

    A sender raises Refused for what will never be taken, FeedError (which names no secrets) for what may be later.
    After the first of the latter its feed is left alone until the next call: an outage is not tried for each letter.
    What is for a feed without a sender waits, and is given up with that reason in the end. Raises SQLAlchemyError
    when the database fails.
    """
    counts = dict.fromkeys(Delivery, 0)
    out_of_order: set[str] = set()
    start = time.monotonic()
    for letter in due(engine, now):
        at = now + timedelta(seconds=time.monotonic() - start)
        if letter.feed in out_of_order or (claim := claimed(engine, letter, at)) is None:
            continue
        state = _sent(engine, letter, claim, senders, at, jitter())
        counts[state] += 1
        if state is Delivery.PENDING:
            out_of_order.add(letter.feed)
    return Delivered(counts[Delivery.SENT], counts[Delivery.PENDING], counts[Delivery.FAILED])


def subjects(connection: Connection, feed: str) -> set[str]:
    """The ids of all documents that were put for a feed and not forgotten since."""
    return set(connection.scalars(select(outbox.c.subject).where(outbox.c.feed == feed)))


def counts(engine: Engine) -> dict[tuple[str, Delivery], int]:
    """How many documents each feed has in each state."""
    query = select(outbox.c.feed, outbox.c.state, func.count()).group_by(outbox.c.feed, outbox.c.state)
    with reader(engine).connect() as connection:
        return {(feed, Delivery(state)): count for feed, state, count in connection.execute(query)}


def _letters(engine: Engine, query: Select[Any]) -> Sequence[Letter]:
    with reader(engine).connect() as connection:
        rows = connection.execute(query).all()
    return [Letter(**{**row._mapping, "state": Delivery(row.state)}) for row in rows]


def _sent(
    engine: Engine, letter: Letter, claim: str, senders: Mapping[str, Sender], now: datetime, jitter: float
) -> Delivery:
    try:
        if letter.feed not in senders:
            raise FeedError("there is no such feed any more, or it takes no sightings")
        senders[letter.feed](json.loads(letter.document))
    except FeedError as error:
        return failed(engine, letter, claim, str(error), now, jitter, isinstance(error, Refused))
    # A sender's fault must not keep the other feeds waiting; its own words may hold a secret.
    except Exception as error:
        return failed(engine, letter, claim, f"a fault in the sender: {type(error).__name__}", now, jitter)
    done(engine, letter, claim)
    return Delivery.SENT


def _settle(engine: Engine, letter: Letter, claim: str, values: dict[str, Any]) -> None:
    ours = (outbox.c.id == letter.id) & (outbox.c.claim == claim)
    with engine.begin() as connection:
        connection.execute(update(outbox).where(ours).values(**values))


def _pause(letter: Letter, jitter: float) -> timedelta:
    # Capped before it is raised: attempts may be many.
    pause = min(_FIRST_PAUSE * (1 << min(letter.attempts, 20)), _LONGEST_PAUSE)
    return pause * (1 + jitter / 2)


def _modified(document: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(document["modified"])
