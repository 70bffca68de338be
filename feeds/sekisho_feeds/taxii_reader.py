"""The TAXII reader: what was added to a collection since the last time, page by page (TAXII 2.1, 3.4 and 5.4)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import msgspec

from sekisho_feeds.access import Access, shown
from sekisho_feeds.exchange import Passing
from sekisho_feeds.harvest import Document, FeedError
from sekisho_feeds.taxii_client import MEDIA_TYPE, Collection, decoded, moment_of
from sekisho_feeds.transport import PACE, AnswerError, Fetched, Pace, fetch

_NAMESPACE = uuid.UUID("0d3c6b3e-5f0a-5c5b-8a53-7b0c6f0a1c55")
# Answers of servers that do not know a filter or think it malformed.
_FILTER_REFUSED = frozenset((400, 415, 422, 501))
# Servers that filter after they have counted a page give some pages of nothing.
_MOST_IDLE = 20
_BEGINNINGS = 3
_AHEAD = 86400.0


class Cursor(msgspec.Struct, frozen=True):
    """How far a collection was read: the server's time of the last addition that came, RFC 3339; to be stored as JSON
    with the indicators that came, and only then."""

    added_after: str = ""


@dataclass(frozen=True)
class Limits:
    """How much one reading takes at most, `page` objects at a time. Beyond it the reading fails and the cursor stays.

    `overlap` seconds before the cursor are read again: servers finish additions in another order than they begin them.
    """

    page: int = 1000
    pages: int = 10_000
    objects: int = 2_000_000
    total_bytes: int = 1 << 30
    seconds: float = 3600.0
    overlap: float = 60.0


class Reading(msgspec.Struct, frozen=True):
    """What came: all objects as one STIX bundle, how many there are, and the cursor for the next time."""

    document: Document
    count: int
    cursor: Cursor


class _Head(msgspec.Struct):
    id: str
    modified: str = ""
    created: str = ""


class _Envelope(msgspec.Struct):
    more: bool = False
    next: str | None = None
    objects: list[msgspec.Raw] = []


def read_collection(
    access: Access, collection: Collection, cursor: Cursor | None = None, types: Sequence[str] = (),
    limits: Limits | None = None, pace: Pace = PACE,
) -> Reading:  # fmt: skip
    """What was added since `cursor`, page by page to the last (3.4, 5.4); each version of an object once.

    `types` asks for those STIX types alone, where the server lets one ask. The new cursor stands only for a reading
    that came to its end: one that is interrupted raises FeedError and is to be begun anew from the old cursor.
    """
    if not collection.can_read:
        raise FeedError(f"{shown(collection.url)}: the collection may not be read with this user or key")
    return _Reader(access, collection, cursor or Cursor(), types, limits or Limits(), pace).read()


@dataclass
class _Pages:
    """What came so far, and where to go on."""

    after: str
    next: str = ""
    last: str = ""
    count: int = 0
    idle: int = 0
    total_bytes: int = 0
    objects: list[bytes] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)
    asked: set[tuple[str, str]] = field(default_factory=set)


class _Reader:
    def __init__(
        self, access: Access, collection: Collection, cursor: Cursor, types: Sequence[str], limits: Limits, pace: Pace
    ) -> None:
        self._access, self._collection, self._cursor = access, collection, cursor
        self._types, self._limits, self._pace = list(types), limits, pace
        self._place = shown(collection.url)
        self._until = time.monotonic() + limits.seconds

    def read(self) -> Reading:
        for _ in range(_BEGINNINGS - 1):
            try:
                return self._walk()
            except Passing:
                # A server that counts what it sent would leave out the page that was lost: all is asked for again.
                continue
        return self._walk()

    def _walk(self) -> Reading:
        pages = _Pages(_earlier(self._cursor.added_after, self._limits.overlap))
        begun = ""
        for _ in range(self._limits.pages):
            fetched = self._page(pages)
            begun = begun or _server_time(fetched)
            envelope = decoded(fetched, _Envelope)
            self._take(pages, fetched, envelope)
            if not envelope.more:
                return self._reading(pages, begun)
            self._turn(pages, envelope)
        raise FeedError(f"{self._place}: has more than {self._limits.pages} pages")

    def _page(self, pages: _Pages) -> Fetched:
        try:
            return self._asked(pages)
        except AnswerError as error:
            if not self._types or pages.asked or error.status not in _FILTER_REFUSED:
                raise
            self._types = []
            return self._asked(pages)

    def _asked(self, pages: _Pages) -> Fetched:
        query = {"limit": str(self._limits.page)}
        if pages.after:
            query["added_after"] = pages.after
        if self._types:
            query["match[type]"] = ",".join(self._types)
        if pages.next:
            query["next"] = pages.next
        url = f"{self._collection.url}objects/?{urlencode(query, safe='[],:')}"
        return fetch(
            self._access, url=url, headers={"Accept": MEDIA_TYPE}, repeatable=not pages.next, until=self._until,
            pace=self._pace,
        )  # fmt: skip

    def _take(self, pages: _Pages, fetched: Fetched, envelope: _Envelope) -> None:
        before = len(pages.seen)
        pages.total_bytes += len(fetched.content)
        pages.count += len(envelope.objects)
        if pages.total_bytes > self._limits.total_bytes:
            raise FeedError(f"{self._place}: gives more than {self._limits.total_bytes} bytes")
        if pages.count > self._limits.objects:
            raise FeedError(f"{self._place}: gives more than {self._limits.objects} objects")
        for raw in envelope.objects:
            if (version := _version(raw)) is None or version not in pages.seen:
                pages.objects.append(bytes(raw))
                if version:
                    pages.seen.add(version)
        pages.idle = 0 if len(pages.seen) > before else pages.idle + 1
        last = fetched.headers.get("x-taxii-date-added-last", "")
        if moment_of(last) and (not pages.last or _later(last, pages.last)):
            pages.last = last

    def _turn(self, pages: _Pages, envelope: _Envelope) -> None:
        """Where the next page is. Raises FeedError where that is where we were."""
        if envelope.next:
            pages.next = envelope.next
        elif pages.last and _later(pages.last, pages.after):
            # More, and no word where (3.4): what follows was added after the last that came.
            pages.after, pages.next = pages.last, ""
        else:
            raise FeedError(f"{self._place}: says that there is more but not where: it gives no next and no later date")
        # A word for the next page may stay the same, where the server counts; then each page brings something new.
        if pages.idle > (0 if (pages.after, pages.next) in pages.asked else _MOST_IDLE):
            raise FeedError(f"{self._place}: leads in a circle: it says that there is more where we were already")
        pages.asked.add((pages.after, pages.next))

    def _reading(self, pages: _Pages, begun: str) -> Reading:
        # A server that names no date of addition is asked from when it was asked this time, by its own clock.
        reached = pages.last or (begun if pages.objects else "") or self._cursor.added_after
        known = self._cursor.added_after
        if begun and _later(_earlier(reached, _AHEAD), begun):
            # A date of addition that is yet to come would hide what is added until then.
            reached = begun
        cursor = Cursor(reached if not known or _later(reached, known) else known)
        name = f"{self._collection.id}.json"
        return Reading(Document(name, _bundle(self._collection, pages.objects)), len(pages.objects), cursor)


def _bundle(collection: Collection, objects: list[bytes]) -> bytes:
    identity = uuid.uuid5(_NAMESPACE, collection.url)
    head = f'{{"type":"bundle","id":"bundle--{identity}","objects":['.encode()
    return b"".join((head, b",".join(objects), b"]}"))


def _version(raw: msgspec.Raw) -> tuple[str, str] | None:
    try:
        head = msgspec.json.decode(raw, type=_Head)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    return head.id, head.modified or head.created


def _later(text: str, than: str) -> bool:
    moment, other = moment_of(text), moment_of(than)
    return moment is not None and (other is None or moment > other)


def _earlier(text: str, seconds: float) -> str:
    """A cursor's time less `seconds`; nothing, which asks for all, where it is no time."""
    moment = moment_of(text)
    try:
        return _written(moment - timedelta(seconds=seconds)) if moment else ""
    except OverflowError:
        return ""


def _server_time(fetched: Fetched) -> str:
    try:
        return _written(parsedate_to_datetime(fetched.headers.get("date", "")))
    except (ValueError, TypeError, OverflowError):
        return ""


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
