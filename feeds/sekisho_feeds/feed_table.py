"""The table of feeds: each as it was added, and how it stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from sekisho_core.database import METADATA, error_line, reader
from sekisho_core.errors import DatabaseError
from sqlalchemy import Column, Connection, Engine, String, Table, Text, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from sekisho_feeds.feed import Feed, Standing
from sekisho_feeds.harvest import FeedError

FEEDS = Table(
    "feeds",
    METADATA,
    Column("name", String(64), primary_key=True),
    # JSON documents of the types of `feed`.
    Column("feed", Text, nullable=False),
    Column("standing", Text, nullable=False),
)


def add(engine: Engine, feed: Feed) -> None:
    """Add a feed. Raises FeedError when there is one of that name, DatabaseError."""
    with _writing(engine) as connection:
        if connection.scalar(select(FEEDS.c.name).where(FEEDS.c.name == feed.name)):
            raise FeedError(f"feed {feed.name}: there is one of that name")
        row = {"name": feed.name, "feed": _text(feed), "standing": _text(Standing())}
        connection.execute(insert(FEEDS).values(**row))


def change(engine: Engine, feed: Feed) -> None:
    """Put the feed in the place of the one of its name. Raises DatabaseError."""
    with _writing(engine) as connection:
        connection.execute(update(FEEDS).where(FEEDS.c.name == feed.name).values(feed=_text(feed)))


def note(engine: Engine, name: str, standing: Standing) -> None:
    """Note how the feed stands now. Raises DatabaseError."""
    with _writing(engine) as connection:
        connection.execute(update(FEEDS).where(FEEDS.c.name == name).values(standing=_text(standing)))


def remove(engine: Engine, name: str) -> bool:
    """Forget the feed, not its indicators; whether there was one. Raises DatabaseError."""
    with _writing(engine) as connection:
        return connection.execute(delete(FEEDS).where(FEEDS.c.name == name)).rowcount > 0


def feeds(engine: Engine) -> list[tuple[Feed, Standing]]:
    """All feeds by name. Raises DatabaseError."""
    try:
        with reader(engine).connect() as connection:
            rows = connection.execute(select(FEEDS.c.feed, FEEDS.c.standing).order_by(FEEDS.c.name)).all()
    except SQLAlchemyError as error:
        raise DatabaseError(f"feeds: {error_line(error)}") from error
    return [(msgspec.json.decode(feed, type=Feed), msgspec.json.decode(held, type=Standing)) for feed, held in rows]


def feed_of(engine: Engine, name: str) -> tuple[Feed, Standing]:
    """The feed of that name. Raises FeedError when there is none, DatabaseError."""
    for feed, standing in feeds(engine):
        if feed.name == name:
            return feed, standing
    raise FeedError(f"feed {name}: there is none of that name")


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseError(f"feeds: {error_line(error)}") from error


def _text(value: Feed | Standing) -> str:
    return msgspec.json.encode(value).decode()
