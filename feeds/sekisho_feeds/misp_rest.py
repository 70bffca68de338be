"""MISP's REST interface: the bodies of searches and sightings, and answers page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Literal

import msgspec

from sekisho_feeds.bounded_json import decode
from sekisho_feeds.harvest import Document, FeedError
from sekisho_feeds.misp_event import statements

Post = Callable[[str, dict[str, Any]], bytes]
"""Posts a body as JSON to a path below the server's address and gives the answer's content; raises FeedError."""
SightingKind = Literal["seen", "false-positive", "expired"]
SEARCH = "attributes/restSearch"
ADD_SIGHTING = "sightings/add"
MOST_PAGES = 10_000
LARGEST_ANSWER = 1 << 20
_SIGHTING_TYPES: dict[SightingKind, str] = {"seen": "0", "false-positive": "1", "expired": "2"}


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask attributes/restSearch for; "" , () and None ask for nothing in particular.

    `since` is an aware time: attributes changed at or after it. Of `tags`, those that begin with `!` are not wanted.
    `to_ids` None takes both. `warned_too` keeps what the server's own warninglists name, `decayed_too` what its decay
    models hold for outdated. Withdrawn attributes are always asked for. `limit` is the attributes of a page.
    """

    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    to_ids: bool | None = None
    since: datetime | None = None
    warned_too: bool = True
    decayed_too: bool = True
    limit: int = 5000


def search_body(search: Search, page: int) -> dict[str, Any]:
    """The body of a POST of attributes/restSearch for one page, the first being 1."""
    body: dict[str, Any] = {
        "returnFormat": "json",
        "limit": search.limit,
        "page": page,
        "deleted": [0, 1],
        "includeEventTags": 1,
        "enforceWarninglist": 0 if search.warned_too else 1,
        "excludeDecayed": 0 if search.decayed_too else 1,
    }
    if search.types:
        body["type"] = list(search.types)
    if search.tags:
        body["tags"] = list(search.tags)
    if search.to_ids is not None:
        body["to_ids"] = int(search.to_ids)
    if search.since is not None:
        body["timestamp"] = int(search.since.timestamp())
    return body


def pages(post: Post, search: Search, place: str) -> Iterator[Document]:
    """The answers to a search as documents of the format "misp", until a page is short. Where the server is to leave
    out what it warns of or holds for outdated, until one is empty: it does so after it has cut the page.

    Raises FeedError, which names `place` and the page, for an answer that is none, for more than MOST_PAGES, and for a
    server that gives the same page again, as one does that knows no pages.
    """
    before, unfiltered = b"", search.warned_too and search.decayed_too
    for page in range(1, MOST_PAGES + 1):
        content = post(SEARCH, search_body(search, page))
        named = f"{place}: {SEARCH} page {page}"
        found = sum(1 for _ in statements(content, named))
        if found and content == before:
            raise FeedError(f"{named}: the same as the page before")
        yield Document(f"{SEARCH}/{page}", content)
        if found < (search.limit if unfiltered else 1):
            return
        before = content
    raise FeedError(f"{place}: {SEARCH}: more than {MOST_PAGES} pages")


def sighting_body(indicator: str, kind: SightingKind, at: datetime, organisation: str) -> dict[str, Any]:
    """The body of a POST of sightings/add for an indicator of the format "misp", whose id holds the attribute's UUID.

    `at` is an aware time; `organisation` is who saw it. Nothing of a mail or of who received it is in it.
    """
    return {
        "uuid": indicator.removeprefix("indicator--"),
        "type": _SIGHTING_TYPES[kind],
        "source": organisation,
        "timestamp": int(at.timestamp()),
    }


def add_sighting(post: Post, indicator: str, kind: SightingKind, at: datetime, organisation: str, place: str) -> None:
    """Tell a server of a sighting. Raises FeedError when the server does not say that it has it."""
    answer = decode(
        post(ADD_SIGHTING, sighting_body(indicator, kind, at, organisation)),
        f"{place}: {ADD_SIGHTING}",
        most_bytes=LARGEST_ANSWER,
    )
    if not (isinstance(answer, dict) and not answer.get("errors") and (answer.get("saved") or answer.get("Sighting"))):
        raise FeedError(f"{place}: {ADD_SIGHTING}: the sighting was not taken")
