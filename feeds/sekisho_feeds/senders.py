"""The senders: how a sighting goes back to the feed that its indicator came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sekisho_feeds import misp_rest
from sekisho_feeds.feed import Feed
from sekisho_feeds.obtain import SIGHTINGS, access_of, misp_post
from sekisho_feeds.outbox import Refused, Sender
from sekisho_feeds.settings import FeedsSettings
from sekisho_feeds.sighting import misp_sighting
from sekisho_feeds.taxii_client import find_collection
from sekisho_feeds.taxii_writer import add_objects
from sekisho_feeds.transport import AnswerError

KINDS = {"taxii": "taxii", "misp-rest": "misp"}
"""The ways by which sightings can go back, and the kinds that the outbox knows them by."""


def senders_of(feeds: Iterable[Feed], settings: FeedsSettings) -> dict[str, Sender]:
    """A sender for each feed that takes sightings. They raise Refused and FeedError, as `outbox.deliver` asks."""
    ways = {"taxii": _by_taxii, "misp-rest": _by_misp}
    return {feed.name: partial(ways[feed.via], feed, settings) for feed in accepting(feeds)}


def accepting(feeds: Iterable[Feed]) -> list[Feed]:
    """The feeds that sightings go back to."""
    return [feed for feed in feeds if feed.sightings and feed.via in KINDS]


def _by_taxii(feed: Feed, settings: FeedsSettings, document: Mapping[str, Any]) -> None:
    access = access_of(feed, settings)
    # A feed may be named by its collection, and another one of its API root takes what comes back.
    root = replace(access, url=feed.location.partition("collections/")[0])
    added = add_objects(root, find_collection(root, feed.options.get(SIGHTINGS, "sightings")), [document])
    if added.failures:
        raise Refused(f"feed {feed.name}: refuses the sighting: {added.failures[0].message}")


def _by_misp(feed: Feed, settings: FeedsSettings, document: Mapping[str, Any]) -> None:
    body = misp_sighting(document, settings.identity)
    if body is None:
        raise Refused(f"feed {feed.name}: MISP cannot be told that a sighting is taken back")
    try:
        misp_post(feed, settings)(misp_rest.ADD_SIGHTING, dict(body))
    except AnswerError as error:
        if error.status in (403, 404):
            raise Refused(str(error)) from error
        raise
