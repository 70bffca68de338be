"""Obtaining: a feed's documents, by whatever way it is had, and what to remember so that the next time only news comes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sekisho_core.files import write_durably

from sekisho_feeds import misp_feed, misp_rest, signature, taxii_client
from sekisho_feeds.access import Access
from sekisho_feeds.feed import Feed, Via
from sekisho_feeds.harvest import Document, FeedError
from sekisho_feeds.local_files import read_local
from sekisho_feeds.pull import Obtained
from sekisho_feeds.settings import FeedsSettings
from sekisho_feeds.transport import Validators, fetch, post

_MOST_FILES = 100_000
_LONGEST_SECRET = 1 << 16
# Servers note times in whole seconds and clocks differ: what lies in the overlap comes twice, and is the same.
_OVERLAP = timedelta(minutes=10)


def obtain(feed: Feed, remembered: dict[str, Any], settings: FeedsSettings) -> Obtained:
    """The documents of a feed. Raises FeedError, and then what was remembered still holds."""
    return _WAYS[feed.via](feed, remembered, settings)


def access_of(feed: Feed, settings: FeedsSettings) -> Access:
    """How the feed's server is reached, its secrets read from their files. Raises FeedError naming a file."""
    keys = feed.keys
    token = _secret(keys.token_file)
    return Access(
        url=feed.location,
        ca_file=keys.ca_file,
        proxy=keys.proxy,
        client_certificate=keys.client_certificate,
        client_key=keys.client_key,
        user=keys.user,
        password=_secret(keys.password_file),
        token="" if keys.header else token,
        header=keys.header,
        header_value=token if keys.header else "",
        allow_private=keys.allow_private,
        seconds=settings.timeout,
        max_bytes=settings.max_bytes,
    )


def _secret(file: str) -> str:
    if not file:
        return ""
    try:
        with Path(file).open("rb") as opened:
            return opened.read(_LONGEST_SECRET).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise FeedError(f"{file}: cannot read the secret: {reason}") from None


def _of_files(feed: Feed, remembered: dict[str, Any], settings: FeedsSettings) -> Obtained:
    documents = read_local(Path(feed.location), settings.max_bytes, _MOST_FILES)
    documents = _signed(feed, documents, {one.name: one.content for one in documents}.get, remembered)
    digest = hashlib.sha256()
    for one in documents:
        digest.update(f"{one.name}\0{len(one.content)}\0".encode() + one.content)
    state = {"sha256": digest.hexdigest()}
    return Obtained(None if remembered.get("sha256") == state["sha256"] else documents, state)


def _of_web(feed: Feed, remembered: dict[str, Any], settings: FeedsSettings) -> Obtained:
    access = access_of(feed, settings)
    found = fetch(access, msgspec.convert(remembered.get("validators", {}), Validators))
    if found.unchanged:
        return Obtained(None, remembered)
    name = feed.location.partition("?")[0].rpartition("/")[2] or "feed"
    documents = [Document(name, found.content)]
    _signed(feed, documents, lambda beside: fetch(access, url=_beside(feed.location, beside)).content, remembered)
    return Obtained(documents, {"validators": msgspec.to_builtins(found.validators)})
