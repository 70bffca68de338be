from __future__ import annotations

import json
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sekisho_core.database import METADATA
from sekisho_feeds import confirmed  # noqa: F401
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.published_table import PublishedRows, Wanted, publish, revoke, stix_time
from sekisho_rules.tlp import TLPS
from sqlalchemy import Engine

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def indicator(number: int, **more: Any) -> dict[str, Any]:
    """The least of an indicator that is published."""
    name = f"indicator--{uuid.UUID(int=number)}"
    return {"type": "indicator", "id": name, "spec_version": "2.1", "modified": "2026-03-01T00:00:00.000Z", **more}


def _all(engine: Engine, versions: str = "all") -> list[Any]:
    return list(PublishedRows(engine).page(Wanted(versions=(versions,)), TLPS, 10_000))  # type: ignore[arg-type]


def test_migration_makes_the_tables_that_are_used(engine: Engine) -> None:
    """The migrated schema has no difference from these tables."""
    ours = {"published", "outbox", "judgements"}
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": lambda o, name, kind, *_: kind != "table" or name in ours}
        )
        assert compare_metadata(context, METADATA) == []


def test_publishing_again_changes_nothing(engine: Engine) -> None:
    """What stands is not added twice, within one call or by another."""
    objects = [indicator(1), indicator(2), indicator(1)]
    assert [publish(engine, objects, NOW), publish(engine, objects, NOW + timedelta(days=1))] == [2, 0]
    assert [json.loads(row.document) for row in _all(engine)] == objects[:2]


def test_positions_rise_whatever_the_clock_says(engine: Engine) -> None:
    """What is added later stands later, also when the clock was set back, and no two stand at one place."""
    for number in range(5):
        publish(engine, [indicator(2 * number), indicator(2 * number + 1)], NOW - timedelta(days=number))
    rows = _all(engine)
    added = [row.added for row in rows]
    assert [row.id for row in rows] == [indicator(number)["id"] for number in range(10)]
    assert added == sorted(set(added)) and added[0] == NOW


def test_many_publish_at_once(engine: Engine) -> None:
    """Publishers that race wait for each other: all is there, in places of its own."""
    threads = [
        threading.Thread(target=publish, args=(engine, [indicator(10 * one + number) for number in range(10)], NOW))
        for one in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = _all(engine)
    assert len({row.id for row in rows}) == len({row.added for row in rows}) == 40


def test_revoked_is_final(engine: Engine) -> None:
    """A revoked version follows the newest, however new that is; nothing of the object comes after."""
    ahead = NOW + timedelta(days=9)
    publish(engine, [indicator(1, modified=stix_time(ahead), name="x")], NOW)
    name = indicator(1)["id"]
    assert [revoke(engine, name, NOW), revoke(engine, name, NOW)] == [True, False]
    assert publish(engine, [indicator(1, modified="2027-01-01T00:00:00Z")], NOW) == 0
    (row,) = _all(engine, "last")
    assert json.loads(row.document) == indicator(
        1, modified=stix_time(ahead + timedelta(milliseconds=1)), name="x", revoked=True
    )
    with pytest.raises(FeedError, match="was not published"):
        revoke(engine, indicator(2)["id"], NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"id": 5},
        indicator(1, id="indicator--x"),
        indicator(1, type="malware"),
        indicator(1, spec_version="2.0"),
        indicator(1, modified="yesterday"),
        indicator(1, modified=5),
        indicator(1, modified="0001-01-01T00:00:00+23:00"),
        indicator(1, object_marking_refs="x"),
        indicator(1, object_marking_refs=["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"]),
        indicator(1, name="\ud800"),
        indicator(1, name=float("nan")),
        indicator(1, name=object()),
        indicator(1, name="x" * (1 << 20)),
    ],
)
def test_what_cannot_be_published(engine: Engine, wrong: dict[str, Any]) -> None:
    """What is no object of STIX 2.1, too large or TLP:RED is an error, and what came with it is not published."""
    with pytest.raises(FeedError):
        publish(engine, [indicator(2), wrong], NOW)
    assert _all(engine) == []


def test_what_bears_no_marking(engine: Engine) -> None:
    """An unmarked indicator counts as what the caller says; an identity or marking is for everybody."""
    identity = {"type": "identity", "id": f"identity--{uuid.UUID(int=1)}", "created": "2026-03-01T00:00:00Z"}
    publish(engine, [indicator(1), identity], NOW)
    publish(engine, [indicator(2)], NOW, "green")
    rows = PublishedRows(engine)
    assert [row.id for row in rows.page(Wanted(), ("clear", "green"), 9)] == [identity["id"], indicator(2)["id"]]
    assert not rows.has(indicator(1)["id"], ("clear", "green")) and rows.has(indicator(1)["id"], ("amber",))
