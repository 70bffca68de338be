"""The pull: one feed fetched, read, guarded, proven and merged; whatever fails leaves what it said before."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sekisho_core.errors import SekishoError
from sekisho_core.files import adopt
from sekisho_rules.compile import is_refusal
from sekisho_rules.indicator import Indicator, Refusal, refusal_of
from sqlalchemy import Engine

from sekisho_feeds import feed_table
from sekisho_feeds.feed import Feed, Standing, failed, succeeded
from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_feeds.merge import Merged, Removals, merge

_LONGEST_ID = 255
_HALF = re.compile("[\ud800-\udfff]")
# Lifetimes are counted in days.
_ANEW = timedelta(hours=20)
# Reasons that stand in a report; the counts are of all.
_MOST_REFUSALS = 1000


class Obtained(msgspec.Struct, frozen=True):
    """What a fetch brought: documents, None where nothing is new, and what to remember for the next time."""

    documents: list[Document] | None
    remembered: dict[str, Any]


@dataclass(frozen=True)
class Tools:
    """What a pull works with. `obtain` is told what was remembered, and whether all is to be read anew; `guard` gives
    each indicator its state, `prove` says why each has no effect."""

    engine: Engine
    directory: Path
    obtain: Callable[[Feed, dict[str, Any], bool], Obtained]
    read: Callable[[Feed, Sequence[Document]], Harvest]
    guard: Callable[[Feed, Sequence[Indicator]], list[Indicator]]
    prove: Callable[[Sequence[Indicator]], Iterator[str]]


class Proven(msgspec.Struct, frozen=True):
    """What a feed's documents bring: indicators to store, each with the reason why it has no effect, and refusals."""

    stored: list[tuple[Indicator, str]]
    refused: list[Refusal]

    def counts(self) -> dict[str, int]:
        """How many were read, refused, have no effect, and are observed only."""
        effective = [one for one, reason in self.stored if not reason and not one.revoked]
        return {
            "indicators": len(self.stored),
            "refused": len(self.refused),
            "without_effect": sum(bool(reason) for _, reason in self.stored),
            "held_back": sum(bool(one.guard) for one in effective),
        }


class Pulled(msgspec.Struct, frozen=True):
    """How the pull of one feed went. `error` is "" where it went well."""

    feed: str
    error: str = ""
    unchanged: bool = False
    counts: dict[str, int] = {}
    merged: Merged = Merged()
    refused: list[Refusal] = []


def pull(name: str, asked: bool, tools: Tools, removals: Removals, now: datetime) -> Pulled:
    """Pull the feed of that name and note how it went; one that is paused only where a person `asked` for it.

    Raises DatabaseError, and FeedError where there is none or another pull of it is at work.
    """
    with _alone(tools.directory, name):
        feed, standing = feed_table.feed_of(tools.engine, name)
        if feed.paused and not asked:
            return Pulled(name, unchanged=True)
        try:
            pulled, remembered = _pulled(feed, standing, tools, removals, now)
        except (SekishoError, OSError) as error:
            feed_table.note(tools.engine, feed.name, failed(feed, standing, now, str(error)))
            return Pulled(feed.name, error=str(error))
        if pulled.merged.kept_back:
            # To be had once more when a person has confirmed.
            remembered = standing.remembered
        # Killed before this, the next pull fetches the same once more, and merges it without a change.
        counts = {} if pulled.unchanged else pulled.counts | msgspec.structs.asdict(pulled.merged)
        feed_table.note(tools.engine, feed.name, succeeded(feed, standing, now, remembered, counts))
        return pulled


def prove(feed: Feed, documents: Sequence[Document], tools: Tools) -> Proven:
    """Read, guard and prove documents, without storing anything. Raises FeedError."""
    harvest = tools.read(feed, documents)
    guarded = tools.guard(feed, harvest.indicators)
    stored: list[tuple[Indicator, str]] = []
    refused = list(harvest.refused)
    for indicator, reason in zip(guarded, tools.prove(guarded), strict=True):
        reason = _unstorable(indicator) or reason
        if reason and is_refusal(reason) and not indicator.revoked:
            refused.append(refusal_of(indicator, reason))
        else:
            stored.append((indicator, reason))
    return Proven(stored, refused)


def _unstorable(indicator: Indicator) -> str:
    """Why a database could not hold an indicator: PostgreSQL has no NUL in texts, and ids have a length."""
    if len(indicator.id) > _LONGEST_ID:
        return f"refused: its id is longer than {_LONGEST_ID} characters"
    texts = (indicator.id, indicator.pattern, indicator.pattern_type, indicator.name, indicator.description)
    more = (indicator.reference, indicator.threat_name, indicator.document, *indicator.labels)
    if any("\0" in text or (not text.isascii() and _HALF.search(text)) for text in (*texts, *more)):
        return "refused: a text of it holds NUL or half a character"
    return ""


def _pulled(
    feed: Feed, standing: Standing, tools: Tools, removals: Removals, now: datetime
) -> tuple[Pulled, dict[str, Any]]:
    obtained = tools.obtain(feed, standing.remembered, _is_anew(feed, standing, now))
    if obtained.documents is None:
        return Pulled(feed.name, unchanged=True), obtained.remembered
    proven = prove(feed, obtained.documents, tools)
    merged = merge(tools.engine, feed.name, proven.stored, feed.complete, removals, now)
    refused = proven.refused[:_MOST_REFUSALS]
    return Pulled(feed.name, counts=proven.counts(), merged=merged, refused=refused), obtained.remembered


def _is_anew(feed: Feed, standing: Standing, now: datetime) -> bool:
    """Whether a feed that lists all it holds is to be read though nothing is new: what it lists goes on holding."""
    return feed.complete and (standing.read_at is None or now - standing.read_at >= _ANEW)


@contextmanager
def _alone(directory: Path, name: str) -> Iterator[None]:
    """The only pull of this feed."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{name}.lock"
        lock = path.open("a")
        adopt(path)
    except OSError as error:
        raise FeedError(f"{directory}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FeedError(f"feed {name}: another pull of it is at work") from error
        yield
