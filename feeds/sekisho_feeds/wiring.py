"""What the commands on feeds work with: database, guard, fetchers and formats; wired by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec
from sekisho_core.database import open_database
from sekisho_core.scan import silent
from sekisho_core.settings import Database, Organisation, Settings
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_rules.cli_compile import reasons
from sekisho_rules.guard import Protected
from sekisho_rules.indicator import Indicator
from sekisho_rules.indicator_files import Provenance
from sekisho_rules.progress import Bar

from sekisho_feeds.feed import Feed
from sekisho_feeds.formats import format_of
from sekisho_feeds.guarding import Guard, guarded
from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_feeds.local_files import read_local
from sekisho_feeds.obtain import COLLECTION, SIGHTINGS, obtain
from sekisho_feeds.pull import Tools
from sekisho_feeds.settings import FeedsSettings
from sekisho_feeds.warninglist import LARGEST_LIST, Warninglists, read_warninglist, shipped_warninglists

_MOST_LISTS = 1000


def open_tools(settings: Settings, directory: str = "") -> Tools:
    """The tools of a pull; a `directory` that is given takes the place of `feeds.directory`. Raises DatabaseError, and
    FeedError naming a warning list that cannot be read."""
    ours = settings.of(FeedsSettings)
    ours = msgspec.structs.replace(ours, directory=directory or ours.directory)
    guard = open_guard(settings)
    return Tools(
        engine=open_database(settings.of(Database)),
        directory=Path(ours.directory),
        obtain=partial(obtain, settings=ours),
        read=partial(_read, most=ours.max_objects),
        guard=lambda feed, indicators: guarded(feed, indicators, guard),
        prove=partial(_prove, settings=settings),
    )


def open_guard(settings: Settings) -> Guard:
    """The guard of these settings."""
    journal = settings.of(QuarantineSettings).journal
    return Guard(
        lists=warninglists(settings),
        protected=Protected.of(settings.of(Organisation)),
        settings=settings.of(FeedsSettings),
        journal=Path(journal) if journal else None,
        progress=silent,
    )


def warninglists(settings: Settings) -> Warninglists:
    """The shipped warning lists and those of the settings. Raises FeedError naming one that cannot be read."""
    places = settings.of(FeedsSettings).warninglists
    documents = [one for place in places for one in read_local(Path(place), LARGEST_LIST * 4, _MOST_LISTS)]
    return Warninglists([*shipped_warninglists(), *(read_warninglist(one.content, one.name) for one in documents)])


def require_options(feed: Feed) -> None:
    """Raise FeedError for a format or an option that does not exist."""
    _harvest(feed, [])


def _harvest(feed: Feed, documents: Sequence[Document]) -> Harvest:
    options = {name: value for name, value in feed.options.items() if name not in (COLLECTION, SIGHTINGS)}
    return format_of(feed.format)(documents, Provenance(feed.name, feed.tlp, feed.confidence), options)


def _read(feed: Feed, documents: Sequence[Document], most: int) -> Harvest:
    harvest = _harvest(feed, documents)
    if len(harvest.indicators) > most:
        raise FeedError(f"feed {feed.name}: {len(harvest.indicators)} indicators, more than feeds.max_objects ({most})")
    return harvest


def _prove(indicators: Sequence[Indicator], settings: Settings) -> Iterator[str]:
    bar = Bar(len(indicators))
    yield from reasons(indicators, settings, bar)
    bar.clear()
