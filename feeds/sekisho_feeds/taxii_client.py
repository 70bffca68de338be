"""The TAXII 2.1 client: what a server says of itself, and the collection that one means.

Sections are those of TAXII 2.1 (OASIS Standard, 10 June 2021).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec
from sekisho_core.display import visible

from sekisho_feeds.access import Access, parsed, shown
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.transport import PACE, AnswerError, Fetched, Pace, fetch

MEDIA_TYPE = "application/taxii+json;version=2.1"
_COLLECTION = re.compile(r"(?P<root>.*/)collections/(?P<id>[^/]++)/?(?:objects/?|manifest/?)?", re.DOTALL)
_MOST_ROOTS = 20
_MOST_NAMED = 10
T = TypeVar("T")


class Collection(msgspec.Struct, frozen=True):
    """A collection at its API root (a URL that ends with "/"); `max_content_length` is the root's, 0 where unknown."""

    root: str
    id: str
    title: str
    can_read: bool
    can_write: bool
    max_content_length: int = 0

    @property
    def url(self) -> str:
        """The collection's own URL, with a slash at its end."""
        return f"{self.root}collections/{quote(self.id, safe='')}/"


class _Listed(msgspec.Struct):
    id: str
    title: str = ""
    alias: str | None = None
    can_read: bool = False
    can_write: bool = False


class _Resource(msgspec.Struct):
    """A discovery resource (4.1.1), an API root (4.2.1) or a list of collections (5.1.1): the keys tell which."""

    api_roots: list[str] = []
    default: str | None = None
    versions: list[str] | None = None
    max_content_length: int = 0
    collections: list[_Listed] | None = None


def find_collection(access: Access, name: str = "", *, until: float | None = None, pace: Pace = PACE) -> Collection:
    """The collection that the access's URL leads to: the URL of the collection, of its API root, of the list of
    collections, or of the server's discovery (5.1, 4.2, 4.1; of a bare host /taxii2/).

    `name` is an id, alias or title; it may be left out where the server has but one collection that can be read.
    Raises FeedError that names what there is.
    """
    url = str(access.home())
    if found := _COLLECTION.fullmatch(url.partition("?")[0]):
        listed = get(access, f"{found['root']}collections/{found['id']}/", _Listed, until, pace)
        return _collection(found["root"], listed, 0)
    known: list[Collection] = []
    for root, size in _roots(access, url, until, pace):
        resource = get(access, f"{root}collections/", _Resource, until, pace)
        known += [_collection(root, listed, size) for listed in resource.collections or []]
        # An id is meant whatever else bears it as a name; roots that come later need not answer then.
        if name and (found_here := _named(known, resource, root, name)):
            return _only(found_here, name, known, url)
    return _only([one for one in known if one.can_read] if not name else [], name, known, url)


def _roots(access: Access, url: str, until: float | None, pace: Pace) -> list[tuple[str, int]]:
    """The API roots that a URL leads to, the server's default first, each with its greatest content length."""
    where = httpx.URL(url)
    start = str(where.copy_with(path="/taxii2/")) if where.path in ("", "/") else _slashed(url)
    if start.endswith("/collections/"):
        return [(start.removesuffix("collections/"), 0)]
    resource = get(access, start, _Resource, until, pace)
    if resource.versions is not None or not resource.api_roots:
        return [(start, max(resource.max_content_length, 0))]
    named = [resource.default, *resource.api_roots] if resource.default in resource.api_roots else resource.api_roots
    roots = dict.fromkeys(_slashed(_joined(start, root)) for root in named if root)
    return [(root, _size(access, root, until, pace)) for root in list(roots)[:_MOST_ROOTS]]


def _size(access: Access, root: str, until: float | None, pace: Pace) -> int:
    try:
        return max(get(access, root, _Resource, until, pace).max_content_length, 0)
    except AnswerError:
        # Some users may read a collection and not the root's information.
        return 0


def _joined(base: str, root: str) -> str:
    try:
        start, joined = httpx.URL(base), parsed(str(httpx.URL(base).join(root)))
    except (httpx.InvalidURL, ValueError):
        raise FeedError(f"{shown(base)}: names an API root that is no URL: {visible(root, 100)}") from None
    if (start.scheme, joined.scheme) == ("https", "http"):
        # A server behind a proxy that ends TLS often does not know how it is called.
        joined = joined.copy_with(scheme="https", port=None if joined.port == 80 else joined.port)
    return str(joined)


def _slashed(url: str) -> str:
    return url.partition("?")[0].rstrip("/") + "/"


def _collection(root: str, listed: _Listed, size: int) -> Collection:
    return Collection(root, listed.id, listed.title, listed.can_read, listed.can_write, size)


def _named(known: list[Collection], resource: _Resource, root: str, name: str) -> list[Collection]:
    aliases = {listed.id for listed in resource.collections or [] if listed.alias == name}
    here = [one for one in known if one.root == root]
    for same in (
        [one for one in here if one.id == name],
        [one for one in here if one.id in aliases],
        [one for one in here if one.title == name],
        [one for one in here if one.title.strip().casefold() == name.strip().casefold()],
    ):
        if same:
            return same
    return []


def _only(found: list[Collection], name: str, known: list[Collection], url: str) -> Collection:
    if len(found) == 1:
        return found[0]
    there = ", ".join(f"{visible(one.title, 60)} ({visible(one.id, 40)})" for one in known[:_MOST_NAMED]) or "none"
    wanted = f"collection {visible(name, 60)!r}" if name else "collection to read without a name"
    fault = f"has more than one {wanted}" if found else f"has no {wanted}"
    raise FeedError(f"{shown(url)}: {fault}; it has: {there}")


def get(access: Access, url: str, kind: type[T], until: float | None, pace: Pace) -> T:
    """A resource of the server. Raises FeedError, AnswerError where it refuses."""
    try:
        return decoded(fetch(access, url=url, headers={"Accept": MEDIA_TYPE}, until=until, pace=pace), kind)
    except AnswerError as error:
        if error.status == 406:
            raise FeedError(f"{shown(url)}: does not speak TAXII 2.1: it answers 406 to {MEDIA_TYPE}") from None
        raise


def decoded(fetched: Fetched, kind: type[T]) -> T:
    """An answer's JSON as `kind`. Raises FeedError."""
    try:
        return msgspec.json.decode(fetched.content, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise FeedError(f"{fetched.place}: does not answer as TAXII 2.1: {visible(str(error), 150)}") from None


def moment_of(text: str) -> datetime | None:
    """A timestamp of TAXII (3.2: RFC 3339 in UTC); None for what is none."""
    try:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except ValueError:
        return None
