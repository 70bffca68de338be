"""Confirmed hits: turns what analysts found mails to be into sightings for the feeds whose indicators hit them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sekisho_quarantine.judgement import Finding, Judged, judgements_since
from sqlalchemy import Engine

from sekisho_feeds.outbox import put, subjects
from sekisho_feeds.sighting import is_indicator, sighting

# Whole days of mail that sightings are told of; a mail that is judged later is told to nobody.
LONGEST = timedelta(days=90)


@dataclass
class _Day:
    """What was judged of one indicator's hits on one day."""

    seen: dict[Finding, list[datetime]] = field(default_factory=lambda: {finding: [] for finding in Finding})
    judged_at: list[datetime] = field(default_factory=list)

    def add(self, judged: Judged) -> None:
        self.seen[judged.finding].append(judged.received_at)
        self.judged_at.append(judged.judged_at)


def queue_sightings(engine: Engine, accepting: Mapping[str, str], identity: str, now: datetime) -> int:
    """Put a sighting into the outbox for each judged indicator and day of a feed in `accepting`, which maps the feed's
    name (the source of its indicators) to the kind of its outbox, such as "taxii" or "misp"; returns how many are new
    or say something new.

    `identity` is the id of this organisation's STIX identity. The count is that of judged mails. What a changed
    judgement takes back is revoked where it was told. Called again, nothing is new. Raises SightingError for an
    identity that is none, SQLAlchemyError when the database fails.
    """
    start = datetime.combine((now - LONGEST).astimezone(UTC).date(), time(), UTC)
    days = _days(judgements_since(engine, start), accepting)
    with engine.begin() as connection:
        told = {source: subjects(connection, source) for source in accepting}
        return sum(
            put(connection, source, accepting[source], document, now)
            for (source, indicator, day), found in days.items()
            for document in _documents(identity, indicator, day, found)
            if document["id"] in told[source] or not document.get("revoked")
        )


def _days(all_judged: Iterable[Judged], accepting: Collection[str]) -> dict[tuple[str, str, date], _Day]:
    """By source, indicator and day (UTC); a mail counts once for each."""
    found: defaultdict[tuple[str, str, date], _Day] = defaultdict(_Day)
    for judged in all_judged:
        for source, rule in judged.reasons:
            if source in accepting and is_indicator(rule):
                found[source, rule, judged.received_at.date()].add(judged)
    return found


def _documents(identity: str, indicator: str, day: date, found: _Day) -> Iterator[dict[str, Any]]:
    """A sighting of each kind. Both have the time of the latest judgement of either as their version: one that was
    changed moves a hit from one to the other."""
    every = sorted(moment for seen in found.seen.values() for moment in seen)
    for finding, seen in found.seen.items():
        first, last = min(seen, default=every[0]), max(seen, default=every[-1])
        is_false = finding is Finding.FALSE_POSITIVE
        yield sighting(indicator, identity, day, len(seen), first, last, is_false, max(found.judged_at))
