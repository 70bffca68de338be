"""The feed: where indicators come from, how it is read and trusted, and how its pulls went."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sekisho_rules.tlp import TLPS

from sekisho_feeds.harvest import FeedError

Via = Literal["file", "web", "taxii", "misp-feed", "misp-rest"]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# After a failure: twice as long each time, up to a day.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=5), timedelta(days=1)


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to be let in and whom to believe. Secrets stand in files of their own, never here."""

    ca_file: str = ""
    proxy: str = ""
    client_certificate: str = ""
    client_key: str = ""
    user: str = ""
    password_file: str = ""
    token_file: str = ""
    header: str = ""
    allow_private: bool = False
    public_key: str = ""
    keyring: str = ""


class Feed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One feed, as it was added. `location` is a URL or an absolute path; `interval` is in seconds.

    A `complete` feed lists all that it holds, so that what it leaves out is withdrawn. `trust` (0 to 100) scales the
    confidence of what it says, which falls with the time since an indicator was seen by the `decay` model. Until
    `observe_until` its indicators are observed only. Sightings go back where `sightings` says so. `paused` is why it is
    not pulled by itself, "" where it is.
    """

    name: str
    location: str
    format: str
    via: Via
    added_at: datetime
    options: dict[str, str] = {}
    keys: Keys = Keys()
    tlp: str = "amber"
    confidence: int = 75
    trust: int = 100
    interval: float = 3600.0
    complete: bool = True
    observe_until: datetime | None = None
    decay: Literal["", "phishing", "nids"] = ""
    sightings: bool = False
    paused: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a feed stands: what its fetcher remembers for the next time, and how the last pulls went. `read_at` is when
    its documents were last read, which a pull without news does not."""

    remembered: dict[str, Any] = {}
    last_try: datetime | None = None
    last_success: datetime | None = None
    read_at: datetime | None = None
    failures: int = 0
    next_try: datetime | None = None
    error: str = ""
    counts: dict[str, int] = {}


def require_sound(feed: Feed) -> None:
    """Raise FeedError naming the value of a feed that cannot be."""
    signed = bool(feed.keys.public_key), bool(feed.keys.keyring)
    wrong = (
        (not NAME.fullmatch(feed.name), f"name {feed.name!r}: letters, digits, dots, hyphens, 64 at most"),
        (feed.tlp not in TLPS, f"tlp {feed.tlp!r}: one of {', '.join(TLPS)}"),
        (not 0 <= feed.confidence <= 100, f"confidence {feed.confidence}: between 0 and 100"),
        (not 0 <= feed.trust <= 100, f"trust {feed.trust}: between 0 and 100"),
        (feed.interval < 60, f"interval {feed.interval:g}: at least 60 seconds"),
        (feed.via == "file" and not feed.location.startswith("/"), f"{feed.location}: not an absolute path"),
        (feed.via != "file" and not feed.location.startswith(("http://", "https://")), "location: not an HTTP(S) URL"),
        (any(signed) and feed.via not in ("file", "web"), "signatures are checked of files and single URLs only"),
        (all(signed), "public-key and keyring: one of them"),
    )
    for fault, what in wrong:
        if fault:
            raise FeedError(f"feed {feed.name}: {what}")


def due(feed: Feed, standing: Standing, now: datetime) -> bool:
    """Whether the feed is to be pulled by itself now."""
    return not feed.paused and (standing.next_try is None or standing.next_try <= now)


def stale(feed: Feed, standing: Standing, now: datetime, hours: float) -> bool:
    """Whether the last success is older than is allowed, or than three of its intervals where that is more."""
    longest = max(timedelta(hours=hours), 3 * timedelta(seconds=feed.interval))
    return now - (standing.last_success or feed.added_at) > longest


def succeeded(
    feed: Feed, standing: Standing, now: datetime, remembered: dict[str, Any], counts: dict[str, int]
) -> Standing:
    """The standing after a pull that went well; without counts nothing was read, and those of the last reading stay."""
    return Standing(
        remembered=remembered,
        last_try=now,
        last_success=now,
        read_at=now if counts else standing.read_at,
        next_try=now + timedelta(seconds=feed.interval),
        counts=counts or standing.counts,
    )


def failed(feed: Feed, standing: Standing, now: datetime, error: str) -> Standing:
    """The standing after a pull that failed: what was remembered stays, and the next try waits longer each time."""
    pause = min(_FIRST_PAUSE * 2 ** min(standing.failures, 12), _LONGEST_PAUSE)
    return msgspec.structs.replace(
        standing, last_try=now, failures=standing.failures + 1, next_try=now + pause, error=error
    )
