"""The feed and its standing, and the table of both."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sekisho_core.database import open_database
from sekisho_core.settings import Database
from sekisho_feeds import feed_table
from sekisho_feeds.feed import Feed, Keys, Standing, due, failed, require_sound, stale, succeeded
from sekisho_feeds.harvest import FeedError
from sqlalchemy import Engine

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine on an empty, migrated database."""
    found = open_database(Database(url=f"sqlite:///{tmp_path}/x.sqlite", timeout=5.0))
    yield found
    found.dispose()


def feed(**properties: object) -> Feed:
    """A feed of a folder."""
    base: dict[str, object] = {
        "name": "npa", "location": "/srv/npa", "format": "stix", "via": "file", "added_at": NOW,
    }  # fmt: skip
    return Feed(**base | properties)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"name": "../x"}, "name"),
        ({"name": ""}, "name"),
        ({"tlp": "purple"}, "tlp"),
        ({"confidence": 101}, "confidence"),
        ({"trust": -1}, "trust"),
        ({"interval": 1.0}, "interval"),
        ({"location": "srv/npa"}, "absolute path"),
        ({"via": "web", "location": "file:///etc/passwd"}, "HTTP"),
    ],
)
def test_unsound_feed(wrong: dict[str, object], named: str) -> None:
    """A value that cannot be is named."""
    with pytest.raises(FeedError, match=named):
        require_sound(feed(**wrong))
    require_sound(feed())


def test_back_off() -> None:
    """Each failure doubles the pause up to a day, keeps what was remembered, and a success ends it."""
    standing = Standing(remembered={"cursor": "x"}, last_success=NOW)
    pauses = []
    for _ in range(12):
        standing = failed(feed(), standing, NOW, "no route")
        assert standing.next_try is not None
        pauses.append(standing.next_try - NOW)
    assert pauses[:3] == [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]
    assert (pauses[-1], standing.failures, standing.remembered) == (timedelta(days=1), 12, {"cursor": "x"})
    assert not due(feed(), standing, NOW) and due(feed(), standing, NOW + timedelta(days=1))
    well = succeeded(feed(), standing, NOW, {"cursor": "y"}, {"added": 3})
    assert (well.failures, well.error, well.next_try, well.counts) == (0, "", NOW + HOUR, {"added": 3})


def test_paused_feed_is_not_due() -> None:
    """A feed that is paused waits for a person."""
    assert due(feed(), Standing(), NOW)
    assert not due(feed(paused="rolled back"), Standing(), NOW)


def test_staleness() -> None:
    """A28: a feed without a success for longer than allowed is stale; a slow one gets three of its intervals."""
    standing = Standing(last_success=NOW)
    assert not stale(feed(), standing, NOW + 72 * HOUR, 72)
    assert stale(feed(), standing, NOW + 73 * HOUR, 72)
    assert stale(feed(), Standing(), NOW + 73 * HOUR, 72)
    assert not stale(feed(interval=7 * 86400.0), standing, NOW + 80 * HOUR, 72)


def test_table(engine: Engine) -> None:
    """Feeds come back as they were added, by name, with their standing."""
    one = feed(keys=Keys(user="alice", password_file="/etc/sekisho/npa"), options={"to_ids": "force"})
    feed_table.add(engine, one)
    feed_table.add(engine, feed(name="a"))
    with pytest.raises(FeedError, match="npa"):
        feed_table.add(engine, one)
    feed_table.note(engine, "npa", Standing(error="x", remembered={"etag": "1"}))
    feed_table.change(engine, feed(paused="p"))
    assert [found.name for found, _ in feed_table.feeds(engine)] == ["a", "npa"]
    assert feed_table.feed_of(engine, "npa") == (feed(paused="p"), Standing(error="x", remembered={"etag": "1"}))
    assert feed_table.remove(engine, "npa") and not feed_table.remove(engine, "npa")
    with pytest.raises(FeedError, match="npa"):
        feed_table.feed_of(engine, "npa")
