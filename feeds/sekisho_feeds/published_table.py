"""The published set: every version of what this organisation publishes, in the order in which it was added."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

import msgspec
from sekisho_core.database import METADATA, Utc, reader
from sekisho_rules.indicator import utc
from sekisho_rules.stix_objects import LARGEST_DOCUMENT
from sekisho_rules.tlp import strictest, tlp_of_id
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    String,
    Table,
    Text,
    func,
    insert,
    or_,
    select,
)

from sekisho_feeds.harvest import FeedError

published = Table(
    "published",
    METADATA,
    Column("id", String(160), primary_key=True),
    Column("version", Utc, primary_key=True),
    # The position: no two rows share one, and what is added later has a later one, whatever the clock says.
    Column("added", Utc, nullable=False, unique=True),
    Column("type", String(64), nullable=False),
    Column("tlp", String(16), nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("document", Text, nullable=False),
)

_ID = re.compile(r"([a-z0-9-]{3,64})--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TICK = timedelta(microseconds=1)
_AT_ONCE = 500
# What others refer to; of no use to anybody who may not see it, and it says nothing of an attack.
_OPEN_TYPES = ("marking-definition", "identity", "extension-definition")


class Published(msgspec.Struct, frozen=True):
    """One version of an object; `document` is its JSON. `added` rises strictly from one row to the next."""

    id: str
    version: datetime
    added: datetime
    type: str
    document: str


class Wanted(msgspec.Struct, frozen=True):
    """What a reader asks for: rows added later than `after`, that meet every filter; None asks for nothing.

    `versions` are "first", "last", "all" or times, any of which may fit (TAXII 2.1 section 3.5, match[version]).
    """

    after: datetime | None = None
    ids: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    versions: tuple[datetime | Literal["first", "last", "all"], ...] = ("last",)


class PublishedSet(Protocol):
    """What the service asks of the set; `tlps` are the markings that the reader may see."""

    def page(self, wanted: Wanted, tlps: Collection[str], most: int) -> Sequence[Published]:
        """At most `most` rows in the order of `added`."""

    def has(self, object_id: str, tlps: Collection[str]) -> bool:
        """Whether any version of this object may be seen."""


class PublishedRows:
    """The published set in the database. A reader who may not see the newest version of an object gets none by
    "last": an older one with a milder marking would be out of date."""

    def __init__(self, engine: Engine) -> None:
        self._engine = reader(engine)

    def page(self, wanted: Wanted, tlps: Collection[str], most: int) -> Sequence[Published]:
        """At most `most` rows in the order of `added`. Raises SQLAlchemyError when the database fails."""
        columns = (published.c[name] for name in Published.__struct_fields__)
        query = select(*columns).where(published.c.tlp.in_(tlps), *_conditions(wanted))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(published.c.added).limit(most)).all()
        return [Published(*row) for row in rows]

    def has(self, object_id: str, tlps: Collection[str]) -> bool:
        """Whether any version of this object may be seen. Raises SQLAlchemyError when the database fails."""
        query = select(published.c.id).where(published.c.id == object_id, published.c.tlp.in_(tlps)).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.after is not None:
        found.append(published.c.added > wanted.after)
    if wanted.ids is not None:
        found.append(published.c.id.in_(wanted.ids))
    if wanted.types is not None:
        found.append(published.c.type.in_(wanted.types))
    if "all" not in wanted.versions:
        found.append(or_(*map(_is_version, wanted.versions)))
    return found


def _is_version(version: datetime | str) -> ColumnElement[bool]:
    if isinstance(version, datetime):
        return published.c.version == version
    other = published.alias()
    end = func.max(other.c.version) if version == "last" else func.min(other.c.version)
    return published.c.version == select(end).where(other.c.id == published.c.id).scalar_subquery()


def publish(engine: Engine, objects: Iterable[Mapping[str, Any]], now: datetime, default_tlp: str = "amber") -> int:
    """Add STIX 2.1 objects in this order, in one transaction; returns how many versions are new.

    A version that stands already is passed over, and so is every later version of a withdrawn object: a revocation is
    final (STIX 2.1 section 3.6). An object without a marking counts as `default_tlp`. Raises FeedError, and adds
    nothing, for what is no such object, is larger than LARGEST_DOCUMENT or is TLP:RED; SQLAlchemyError when the
    database fails.
    """
    rows = [_row(one, default_tlp) for one in objects]
    added = 0
    with engine.begin() as connection:
        last = _locked_last(connection)
        for start in range(0, len(rows), _AT_ONCE):
            fresh = _fresh(connection, rows[start : start + _AT_ONCE])
            for row in fresh:
                last = now if last is None or now > last else last + _TICK
                row["added"] = last
            if fresh:
                connection.execute(insert(published), fresh)
            added += len(fresh)
    return added


def revoke(engine: Engine, object_id: str, now: datetime) -> bool:
    """Publish a revoked version of an object; False when it is withdrawn already.

    Raises FeedError for an object that was not published or cannot be revoked (STIX 2.1 section 3.6: marking
    definitions have no versions); SQLAlchemyError when the database fails.
    """
    query = select(published.c.version, published.c.withdrawn, published.c.document, published.c.tlp)
    newest = query.where(published.c.id == object_id).order_by(published.c.version.desc()).limit(1)
    with reader(engine).connect() as connection:
        row = connection.execute(newest).first()
    if row is None:
        raise FeedError(f"{object_id}: was not published")
    document = json.loads(row.document)
    if "modified" not in document:
        raise FeedError(f"{object_id}: has no versions, and so cannot be revoked")
    if row.withdrawn:
        return False
    # STIX times have milliseconds at least; a newer version is newer by one of them.
    modified = max(now, row.version + timedelta(milliseconds=1))
    return publish(engine, [document | {"revoked": True, "modified": stix_time(modified)}], now, row.tlp) > 0


def stix_time(moment: datetime) -> str:
    """A STIX timestamp: UTC, three digits behind the second, or six where they say more (STIX 2.1 section 2.16)."""
    whole = "milliseconds" if moment.microsecond % 1000 == 0 else "microseconds"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=whole) + "Z"


def _row(document: Mapping[str, Any], default_tlp: str) -> dict[str, Any]:
    name, kind = document.get("id"), document.get("type")
    found = _ID.fullmatch(name) if isinstance(name, str) else None
    if found is None or found[1] != kind:
        raise FeedError(f"{str(name)[:160]!r}: not the id of a STIX object of type {str(kind)[:64]!r}")
    if document.get("spec_version", "2.1") != "2.1":
        raise FeedError(f"{name}: not of STIX 2.1")
    tlp = _tlp(document, default_tlp)
    if tlp == "red":
        raise FeedError(f"{name}: is TLP:RED, which is for nobody but those who were told")
    row = {"id": name, "version": _version(document), "type": kind, "tlp": tlp}
    return row | {"withdrawn": document.get("revoked") is True, "document": _text(document)}


def _text(document: Mapping[str, Any]) -> str:
    try:
        content = json.dumps(document, ensure_ascii=False, allow_nan=False)
        content.encode()
    except (TypeError, ValueError, RecursionError):
        raise FeedError(f"{document['id']}: cannot be written as JSON") from None
    if len(content) > LARGEST_DOCUMENT:
        raise FeedError(f"{document['id']}: larger than {LARGEST_DOCUMENT} characters")
    return content


def _tlp(document: Mapping[str, Any], default: str) -> str:
    markings = document.get("object_marking_refs", [])
    if not isinstance(markings, list):
        raise FeedError(f"{document['id']}: object_marking_refs is no list")
    known = [tlp for one in markings if isinstance(one, str) and (tlp := tlp_of_id(one))]
    return strictest(known, "clear" if document["type"] in _OPEN_TYPES else default)


def _version(document: Mapping[str, Any]) -> datetime:
    """`modified`, else `created` (TAXII 2.1 section 5.6)."""
    try:
        return utc(datetime.fromisoformat(document.get("modified", document.get("created"))))
    except (TypeError, ValueError, OverflowError):
        raise FeedError(f"{document['id']}: neither modified nor created is a time") from None


def _fresh(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows whose version does not stand yet and whose object is not withdrawn."""
    query = select(published.c.id, published.c.version, published.c.withdrawn)
    stands = connection.execute(query.where(published.c.id.in_({row["id"] for row in rows}))).all()
    known = {(row.id, row.version) for row in stands}
    gone = {row.id for row in stands if row.withdrawn}
    fresh = []
    for row in rows:
        key = (row["id"], row["version"])
        if key not in known and row["id"] not in gone:
            fresh.append(row)
            known.add(key)
            gone |= {row["id"]} if row["withdrawn"] else set()
    return fresh


def _locked_last(connection: Connection) -> datetime | None:
    """The newest position; until the transaction ends nobody else adds one."""
    if connection.dialect.name == "postgresql":
        # SQLite's transactions have the whole database's write lock already.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7347655)")
    last: datetime | None = connection.scalar(select(func.max(published.c.added)))
    return last
