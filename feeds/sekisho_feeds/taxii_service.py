"""The TAXII 2.1 service: what this organisation publishes for its members to read, and their sightings taken back.

Discovery, one API root and two collections: `indicators`, which can be read, and `sightings`, which can be written.
`taxii_http` carries it. Nothing here waits but the doorkeeper's pause after wrong credentials.
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import unquote

import msgspec

from sekisho_feeds.published_table import Published, PublishedSet, Wanted, stix_time
from sekisho_feeds.sighting import SightingError, received
from sekisho_feeds.taxii_members import Doorkeeper, Member
from sekisho_feeds.taxii_query import (
    STIX,
    TAXII,
    TaxiiError,
    next_of,
    require_accept,
    require_content_type,
    rows_wanted,
    wanted_of,
)

LARGEST_BODY = 1 << 20
ROOT = "members"
METHODS = ("GET", "HEAD", "POST")
_MOST_OBJECTS = 1000
_LARGEST_PAGE = 8 << 20
_MOST_STATUSES = 1000
_LONGEST_PATH = 1000
_NAMESPACE = uuid.UUID("a1f9f0d2-52f1-5d3e-8f64-8d7b3c4e2b90")


class Site(msgspec.Struct, frozen=True):
    """What the service says of itself. `url` is where members reach it, such as "https://taxii.example.jp", "" where
    it does not say; `identity` is the organisation's, from which the ids of the collections are made."""

    title: str
    identity: str
    description: str = ""
    contact: str = ""
    url: str = ""


@dataclass(frozen=True)
class Request:
    """One HTTP request. Names of headers are in lower case; `body` reads the content, and may raise TaxiiError."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: Callable[[], bytes] = bytes


@dataclass(frozen=True)
class Response:
    """The answer: JSON, its status, and headers besides those of every answer. `member` asked, "" where unknown."""

    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()
    member: str = ""


class Accept(Protocol):
    """Takes over a member's sighting, durably, before it returns; one that was taken before is no error.

    Raises SightingError for one that is not wanted; the member is told why.
    """

    def __call__(self, member: str, sighting: Mapping[str, Any]) -> None: ...


class _Envelope(msgspec.Struct):
    objects: list[msgspec.Raw]


class _Named(msgspec.Struct):
    id: str = ""
    modified: str = ""


@dataclass
class _Statuses:
    """The newest status resources, each for the member whose objects they are about. They end with the process: what
    is in them was answered to the request itself, too."""

    kept: OrderedDict[tuple[str, str], dict[str, Any]] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, member: str, status: dict[str, Any]) -> None:
        with self.lock:
            self.kept[member, status["id"]] = status
            if len(self.kept) > _MOST_STATUSES:
                self.kept.popitem(last=False)

    def find(self, member: str, name: str) -> dict[str, Any]:
        with self.lock:
            found = self.kept.get((member, name))
        if found is None:
            raise TaxiiError(404, "no such status; they are kept for a while only")
        return found


class Service:
    """Answers requests. It is used by several threads at once."""

    def __init__(
        self,
        site: Site,
        published: PublishedSet,
        accept: Accept,
        doorkeeper: Doorkeeper,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._site, self._published, self._accept, self._doorkeeper, self._now = (
            site,
            published,
            accept,
            doorkeeper,
            now,
        )
        self._statuses = _Statuses()
        self._lock = threading.Lock()
        self._collections = {alias: _collection(site, alias) for alias in ("indicators", "sightings")}
        self.answered: Counter[int] = Counter()
        """How many requests were answered, by HTTP status."""

    def answer(self, request: Request) -> Response:
        """The answer to a request; what is wrong with it is an error resource (TAXII 2.1 section 3.7.1). Raises what
        `accept` and the published set raise when they fail, after which a request may be sent again."""
        name = ""
        try:
            member = self._doorkeeper.member_of(request.headers.get("authorization"))
            name = member.name
            response = self._answer(request, member)
        except TaxiiError as error:
            response = Response(error.status, error_resource(error.status, error.title), error.headers, name)
        with self._lock:
            self.answered[response.status] += 1
        return response

    def _answer(self, request: Request, member: Member) -> Response:
        path, _, query = request.target.partition("?")
        place = _segments(path)
        if request.method not in METHODS:
            raise TaxiiError(405, "nothing can be done so here", (("Allow", ", ".join(METHODS)),))
        require_accept(request.headers.get("accept"))
        match place:
            case [root, "collections", name, *rest] if root == ROOT:
                return self._of_collection(request, member, self._alias(name), rest, query)
        if request.method == "POST":
            raise TaxiiError(405, "nothing can be added here", (("Allow", "GET, HEAD"),))
        return _json(200, self._resource(place, member), member)

    def _resource(self, place: Sequence[str], member: Member) -> dict[str, Any]:
        """Discovery, the API root, the collections and a status (TAXII 2.1 sections 4.1, 4.2, 4.3 and 5.1)."""
        root = f"{self._site.url.rstrip('/')}/{ROOT}/"
        match place:
            case ["taxii2"]:
                said = _said(self._site.title, self._site.description)
                contact = {"contact": self._site.contact} if self._site.contact else {}
                return said | contact | {"default": root, "api_roots": [root]}
            case [name] if name == ROOT:
                said = _said(self._site.title, self._site.description)
                return said | {"versions": [TAXII], "max_content_length": LARGEST_BODY}
            case [name, "collections"] if name == ROOT:
                return {"collections": list(self._collections.values())}
            case [name, "status", status] if name == ROOT:
                return self._statuses.find(member.name, status)
        raise TaxiiError(404, "there is nothing here")

    def _alias(self, name: str) -> str:
        for alias, collection in self._collections.items():
            if name in (alias, collection["id"]):
                return alias
        raise TaxiiError(404, "no such collection")

    def _of_collection(self, request: Request, member: Member, alias: str, rest: Sequence[str], query: str) -> Response:
        if request.method == "POST":
            if list(rest) != ["objects"]:
                raise TaxiiError(405, "nothing can be added here", (("Allow", "GET, HEAD"),))
            if not self._collections[alias]["can_write"]:
                raise TaxiiError(403, "this collection can only be read")
            return _json(202, self._added(request, member), member)
        if not rest:
            return _json(200, self._collections[alias], member)
        if rest[0] not in ("objects", "manifest") or len(rest) > (3 if rest[0] == "objects" else 1):
            raise TaxiiError(404, "there is nothing here")
        if not self._collections[alias]["can_read"]:
            raise TaxiiError(403, "this collection can only be written")
        return self._read(member, rest, query)

    def _read(self, member: Member, rest: Sequence[str], query: str) -> Response:
        """Objects, the manifest, one object or its versions (TAXII 2.1 sections 5.3, 5.4, 5.6 and 5.8)."""
        wanted, limit = wanted_of(query)
        match rest:
            case ["manifest"]:
                return self._page(member, wanted, limit, "objects", _manifest_entry)
            case ["objects"]:
                return self._page(member, wanted, limit, "objects", _object)
            case [_, object_id, *deeper] if self._published.has(object_id, member.sees()):
                if not deeper:
                    return self._page(member, rows_wanted(wanted, object_id), limit, "objects", _object)
                if deeper == ["versions"]:
                    every = rows_wanted(wanted, object_id, ("all",))
                    return self._page(member, every, limit, "versions", _version)
        raise TaxiiError(404, "no such object, or it is not for you")

    def _page(
        self, member: Member, wanted: Wanted, limit: int, name: str, entry: Callable[[Published], Any]
    ) -> Response:
        rows = self._published.page(wanted, member.sees(), limit + 1)
        page = _bounded(rows[:limit])
        if not page:
            return _json(200, {}, member)
        resource: dict[str, Any] = {"more": len(page) < len(rows), name: [entry(row) for row in page]}
        if resource["more"]:
            resource["next"] = next_of(page[-1].added)
        first, last = _precise(page[0].added), _precise(page[-1].added)
        dates = (("X-TAXII-Date-Added-First", first), ("X-TAXII-Date-Added-Last", last))
        return _json(200, resource, member, dates)

    def _added(self, request: Request, member: Member) -> dict[str, Any]:
        """Take the sightings of an envelope over, each by itself (TAXII 2.1 section 5.5); returns the status."""
        require_content_type(request.headers.get("content-type"))
        objects = _objects(request.body())
        at = stix_time(self._now())
        successes, failures = [], []
        for content in objects:
            named = _named(content, at)
            try:
                self._take(member, content)
                successes.append(named)
            except SightingError as error:
                failures.append(named | {"message": str(error)})
        status = {
            "id": str(uuid.uuid4()),
            "status": "complete",
            "request_timestamp": at,
            "total_count": len(objects),
            "success_count": len(successes),
            **({"successes": successes} if successes else {}),
            "failure_count": len(failures),
            **({"failures": failures} if failures else {}),
            "pending_count": 0,
        }
        self._statuses.keep(member.name, status)
        return status

    def _take(self, member: Member, content: msgspec.Raw) -> None:
        found, document = received(content)
        if not self._published.has(found.sighting_of_ref, member.sees()):
            raise SightingError("a sighting of nothing that is published here")
        self._accept(member.name, document)


def error_resource(status: int, title: str) -> bytes:
    """The error message resource (TAXII 2.1 section 3.7.1)."""
    return msgspec.json.encode({"title": title, "http_status": str(status)})


def _collection(site: Site, alias: str) -> dict[str, Any]:
    reads = alias == "indicators"
    said = "what this organisation publishes" if reads else "what members saw of it, as STIX sightings"
    return {
        "id": str(uuid.uuid5(_NAMESPACE, f"{site.identity} {alias}")),
        "title": alias,
        "description": said,
        "alias": alias,
        "can_read": reads,
        "can_write": not reads,
        "media_types": [STIX],
    }


def _said(title: str, description: str) -> dict[str, str]:
    return {"title": title, "description": description} if description else {"title": title}


def _segments(path: str) -> list[str]:
    """The parts of a path. Nothing is looked up by them but names that are known here, so ".." is but a wrong name."""
    if len(path) > _LONGEST_PATH or not path.startswith("/"):
        raise TaxiiError(404, "there is nothing here")
    parts = path.removesuffix("/").split("/")[1:]
    return [unquote(part) for part in parts]


def _bounded(rows: Sequence[Published]) -> Sequence[Published]:
    """As many rows as a page's bytes have room for, and one in any case."""
    size = 0
    for number, row in enumerate(rows):
        size += len(row.document)
        if number and size > _LARGEST_PAGE:
            return rows[:number]
    return rows


def _object(row: Published) -> msgspec.Raw:
    return msgspec.Raw(row.document.encode())


def _version(row: Published) -> str:
    return stix_time(row.version)


def _manifest_entry(row: Published) -> dict[str, str]:
    return {"id": row.id, "date_added": _precise(row.added), "version": _version(row), "media_type": STIX}


def _precise(moment: datetime) -> str:
    """With all six digits, so that a reader's `added_after` leaves nothing out and repeats nothing."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _json(status: int, resource: object, member: Member, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, msgspec.json.encode(resource), headers, member.name)


def _objects(content: bytes) -> list[msgspec.Raw]:
    try:
        envelope = msgspec.json.decode(content, type=_Envelope)
    except msgspec.ValidationError:
        raise TaxiiError(422, "not an envelope with objects") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise TaxiiError(400, "not JSON, or too deep") from None
    if not 0 < len(envelope.objects) <= _MOST_OBJECTS:
        raise TaxiiError(422, f"1 to {_MOST_OBJECTS} objects are taken at once")
    return envelope.objects


def _named(content: msgspec.Raw, at: str) -> dict[str, str]:
    """Which object, and version of it, is meant; what does not say it is named by what a status must have."""
    try:
        named = msgspec.json.decode(content, type=_Named)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        named = _Named()
    return {"id": named.id[:160], "version": named.modified[:40] or at}
