"""The TAXII client against the real medallion, and against servers that keep to nothing."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from loopback_web import Asked, Web, served
from sekisho_feeds.access import Access
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.taxii_client import Collection, find_collection
from sekisho_feeds.taxii_reader import Cursor, Limits, read_collection
from sekisho_feeds.taxii_writer import add_objects
from sekisho_feeds.transport import AnswerError, Pace

FIRST, SECOND = "91a7b528-80eb-42ed-a74d-c6fbd5a26116", "52892447-4d7e-4f70-b94d-d7f22742ff63"
WAITLESS = Pace(sleep=lambda seconds: None, jitter=lambda: 1.0)
# Small pages; no overlap, so that what a later reading brings is what was added.
SMALL = Limits(page=10, overlap=0.0)


def indicator(number: int, modified: str = "2012-07-02T00:00:00.000Z") -> dict[str, Any]:
    """An indicator of STIX 2.1, of which there may be versions."""
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--00000000-0000-4000-8000-{number:012}",
        "created": "2012-07-02T00:00:00.000Z", "modified": modified, "pattern_type": "stix",
        "valid_from": "2012-07-02T00:00:00Z", "pattern": f"[domain-name:value = 'n{number}.example.jp']",
    }  # fmt: skip


def _listed(identity: str, title: str, **more: Any) -> dict[str, Any]:
    return {
        "id": identity, "title": title, "can_read": True, "can_write": True, "objects": [], "manifest": [],
        "media_types": ["application/stix+json;version=2.1"], **more,
    }  # fmt: skip


@contextmanager
def _medallion(folder: Path, default_is_absolute: bool = True) -> Iterator[Access]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    root = f"http://127.0.0.1:{port}/api1/" if default_is_absolute else "/api1/"
    collections = [_listed(FIRST, "Indicators", alias="ind"), _listed(SECOND, "Sightings", can_read=False)]
    information = {"title": "r", "versions": ["application/taxii+json;version=2.1"], "max_content_length": 9765625}
    data = {
        "/discovery": {"title": "t", "default": root, "api_roots": [root]},
        "api1": {"information": information, "status": [], "collections": collections},
    }
    backend = {
        "module": "medallion.backends.memory_backend", "module_class": "MemoryBackend",
        "filename": str(folder / "data.json"),
    }  # fmt: skip
    config = {"backend": backend, "users": {"alice": "secret"}, "taxii": {"max_page_size": 20}}
    (folder / "data.json").write_text(json.dumps(data))
    (folder / "cfg.json").write_text(json.dumps(config))
    program = [str(Path(sys.executable).with_name("medallion")), "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(
        [*program, str(folder / "cfg.json")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(port, server)
        yield Access(f"http://127.0.0.1:{port}/taxii2/", user="alice", password="secret", allow_private=True)
    finally:
        server.terminate()
        server.wait(30)


def _await(port: int, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("medallion does not start")


@pytest.fixture
def medallion(tmp_path: Path) -> Iterator[Access]:
    """A medallion of its own with two collections, and the access to its discovery."""
    with _medallion(tmp_path) as access:
        yield access


def ids(reading: Any) -> list[str]:
    """The ids of what was read, sorted."""
    return sorted(one["id"] for one in json.loads(reading.document.content)["objects"])


def test_medallion_pages_versions_and_increments(medallion: Access) -> None:
    """All pages are read, each version once; a later reading brings only what was added since."""
    collection = find_collection(medallion, "ind")
    assert add_objects(medallion, collection, [indicator(n) for n in range(55)], pace=WAITLESS).done == 55
    first = read_collection(medallion, collection, limits=SMALL)
    assert ids(first) == [indicator(n)["id"] for n in range(55)]
    assert msgspec.json.decode(msgspec.json.encode(first.cursor), type=Cursor) == first.cursor
    assert read_collection(medallion, collection, first.cursor, limits=SMALL).count == 0
    assert read_collection(medallion, collection, first.cursor, limits=Limits(page=10)).count == 55
    add_objects(medallion, collection, [indicator(1, "2012-07-03T00:00:00.000Z"), indicator(99)], pace=WAITLESS)
    second = read_collection(medallion, collection, first.cursor, limits=SMALL)
    assert ids(second) == [indicator(1)["id"], indicator(99)["id"]]
    document = json.loads(second.document.content)
    assert document["type"] == "bundle" and "2012-07-03T00:00:00.000Z" in {
        one["modified"] for one in document["objects"]
    }
    assert read_collection(medallion, collection, second.cursor, limits=SMALL).cursor == second.cursor


def test_medallion_interrupted(medallion: Access) -> None:
    """A reading that ends after some pages, of objects that all bear one date of addition, loses none: the next from
    the same cursor brings all."""
    collection = find_collection(medallion, FIRST)
    add_objects(medallion, collection, [indicator(1)], pace=WAITLESS)
    cursor = read_collection(medallion, collection, limits=SMALL).cursor
    add_objects(medallion, collection, [indicator(n) for n in range(2, 57)], pace=WAITLESS)
    with pytest.raises(FeedError, match="more than 2 pages"):
        read_collection(medallion, collection, cursor, limits=replace(SMALL, pages=2))
    assert ids(read_collection(medallion, collection, cursor, limits=SMALL)) == [
        indicator(n)["id"] for n in range(2, 57)
    ]


def test_medallion_filter(medallion: Access) -> None:
    """Only the types asked for come, where the server can choose."""
    collection = find_collection(medallion, FIRST)
    identity = {"type": "identity", "spec_version": "2.1", "id": f"identity--{FIRST}", "name": "x",
                "created": "2012-07-02T00:00:00.000Z", "modified": "2012-07-02T00:00:00.000Z"}  # fmt: skip
    add_objects(medallion, collection, [indicator(1), identity], pace=WAITLESS)
    chosen = read_collection(medallion, collection, types=["indicator", "marking-definition"], limits=SMALL)
    assert ids(chosen) == [indicator(1)["id"]]
    assert read_collection(medallion, collection, limits=SMALL).count == 2


def test_medallion_is_added_to_twice(medallion: Access) -> None:
    """A version that is there already, which medallion calls a failure, is done; a sighting goes to a collection that
    may only be written to."""
    collection = find_collection(medallion, FIRST)
    for _ in range(2):
        added = add_objects(medallion, collection, [indicator(n) for n in range(3)], pace=WAITLESS)
        assert (added.done, added.failures) == (3, [])
    assert read_collection(medallion, collection, limits=SMALL).count == 3
    sightings = find_collection(medallion, "sightings")
    sighting = {"type": "sighting", "spec_version": "2.1", "id": f"sighting--{FIRST}",
                "created": "2012-07-02T00:00:00.000Z", "modified": "2012-07-02T00:00:00.000Z",
                "sighting_of_ref": indicator(1)["id"]}  # fmt: skip
    assert add_objects(medallion, sightings, [sighting], pace=WAITLESS).done == 1
    with pytest.raises(FeedError, match="may not be read"):
        read_collection(medallion, sightings)


def test_medallion_by_any_url_and_name(medallion: Access) -> None:
    """A collection is found from the discovery, a bare host, the API root, the collections and its own URL; by id,
    alias and title, or as the only one that can be read."""
    base = medallion.url.removesuffix("/taxii2/")
    wanted = find_collection(medallion, FIRST)
    assert wanted.max_content_length == 9765625
    for name in ("ind", "Indicators", "indicators", ""):
        assert find_collection(medallion, name) == wanted
    for url in ("", "/", "/taxii2", "/api1/", "/api1"):
        assert find_collection(replace(medallion, url=base + url), "ind") == wanted
    for url in ("/api1/collections/", f"/api1/collections/{FIRST}/", f"/api1/collections/{FIRST}/objects/"):
        assert find_collection(replace(medallion, url=base + url)).url == wanted.url
    with pytest.raises(FeedError, match=r"no collection 'none'; it has: Indicators \(91a7"):
        find_collection(medallion, "none")


def test_medallion_with_relative_root(tmp_path: Path) -> None:
    """A discovery whose API roots are relative leads to the collection as well."""
    with _medallion(tmp_path, default_is_absolute=False) as access:
        assert find_collection(access).id == FIRST


def test_medallion_refuses(medallion: Access) -> None:
    """A wrong password is told without being shown."""
    with pytest.raises(AnswerError, match=r"refuses us \(401\)") as raised:
        find_collection(replace(medallion, password="wrong-one"))
    assert "wrong-one" not in str(raised.value)


class Feed:
    """A server of one collection; `page` answers a request for objects by its query."""

    def __init__(self, page: Callable[[dict[str, str]], tuple[dict[str, Any], dict[str, str]]]) -> None:
        self.page = page
        self.queries: list[dict[str, str]] = []

    def __call__(self, asked: Asked) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        self.queries.append(query)
        envelope, headers = self.page(query)
        status = int(headers.get("status", "200"))
        asked.reply(status, json.dumps(envelope).encode(), **{k: v for k, v in headers.items() if k != "status"})


@contextmanager
def collection_of(page: Callable[[dict[str, str]], Any]) -> Iterator[tuple[Access, Collection, Feed, Web]]:
    """That server, and the access to its collection."""
    feed = Feed(page)
    with served(feed) as web:
        collection = Collection(web.url("/api/"), FIRST, "t", True, True)
        yield Access(web.url("/api/"), allow_private=True, attempts=2), collection, feed, web


def dated(moment: str) -> dict[str, str]:
    """The header of a page whose last object was added then."""
    return {"X_TAXII_Date_Added_Last": moment}


def test_more_without_next() -> None:
    """Where a server says that there is more but not where, one goes on after the last date of addition."""
    dates = [f"2024-01-0{day}T00:00:00.123456789Z" for day in range(1, 6)]

    def page(query: dict[str, str]) -> Any:
        number = dates.index(query["added_after"]) + 1 if "added_after" in query else 0
        return {"more": number < 4, "objects": [indicator(number)]}, dated(dates[number])

    with collection_of(page) as (access, collection, feed, _):
        reading = read_collection(access, collection)
        assert (reading.count, reading.cursor.added_after) == (5, dates[-1])
        assert [query.get("added_after") for query in feed.queries] == [None, *dates[:4]]


@pytest.mark.parametrize(
    ("envelope", "fault"),
    [({"more": True}, "not where"), ({"more": True, "next": "a"}, "in a circle"),
     ({"more": True, "objects": [indicator(1)]}, "not where"),
     ({"more": True, "next": "a", "objects": [indicator(1)]}, "in a circle")],
)  # fmt: skip
def test_more_for_ever(envelope: dict[str, Any], fault: str) -> None:
    """A server that always has more, with nothing new, is left with an error."""
    with (
        collection_of(lambda query: (envelope, dated("2024-01-01T00:00:00Z"))) as (access, collection, feed, _),
        pytest.raises(FeedError, match=fault),
    ):
        read_collection(access, collection)
    assert len(feed.queries) <= 3


def test_more_for_ever_with_new_words() -> None:
    """A new `next` for the same objects is no progress; new objects without end meet a bound, of each kind."""
    with collection_of(lambda query: ({}, {})) as (access, collection, feed, _):
        feed.page = lambda query: ({"more": True, "next": str(len(feed.queries)), "objects": [indicator(1)]}, {})
        with pytest.raises(FeedError, match="in a circle"):
            read_collection(access, collection)
        assert len(feed.queries) < 30
        feed.page = lambda query: (
            {"more": True, "next": str(len(feed.queries)), "objects": [indicator(len(feed.queries))]}, {},
        )  # fmt: skip
        for limits, fault in (
            (Limits(pages=5), "more than 5 pages"), (Limits(objects=5), "more than 5 objects"),
            (Limits(total_bytes=1000), "more than 1000 bytes"), (Limits(seconds=0.0), "within the time"),
        ):  # fmt: skip
            with pytest.raises(FeedError, match=fault):
                read_collection(access, collection, limits=limits, pace=WAITLESS)


def test_interrupted_reading_loses_nothing() -> None:
    """A reading that fails at a later page gives no cursor: the next one begins anew, and all objects come, though they
    bear one date."""
    broken = True

    def page(query: dict[str, str]) -> Any:
        number = int(query.get("next", "0"))
        if number == 2 and broken:
            return {}, {"status": "500"}
        more = {"next": str(number + 1)} if number < 4 else {}
        return {"more": number < 4, "objects": [indicator(number)], **more}, dated("2024-01-01T00:00:00Z")

    with collection_of(page) as (access, collection, feed, _):
        with pytest.raises(AnswerError, match="500"):
            read_collection(access, collection, Cursor("2023-01-01T00:00:00Z"), pace=WAITLESS)
        broken = False
        reading = read_collection(access, collection, Cursor("2023-01-01T00:00:00Z"), pace=WAITLESS)
        assert (reading.count, reading.cursor.added_after) == (5, "2024-01-01T00:00:00Z")
        assert {query["added_after"] for query in feed.queries} == {"2022-12-31T23:59:00.000000Z"}


def test_lost_page_of_a_server_that_counts() -> None:
    """A server that goes on with each request by the same word would leave out a page whose answer was lost: all is
    asked for again."""
    sent: list[int] = []

    def answer(asked: Asked) -> None:
        number = sent[-1] + 1 if "next=" in asked.path else 0
        sent.append(number)
        envelope = {"more": number < 4, "next": "same", "objects": [indicator(number)]}
        length = "5000" if sent == [0, 1, 2] else ""
        asked.reply(200, json.dumps(envelope).encode(), **({"Content_Length": length} if length else {}))

    with collection_of(lambda query: ({}, {})) as (access, collection, _, web):
        web.answer = answer
        assert read_collection(access, collection, pace=WAITLESS).count == 5
        assert sent == [0, 1, 2, 0, 1, 2, 3, 4]


def test_versions_once() -> None:
    """The same version on two pages is had once; another version of it, and what has no id, stay."""
    pages = [[indicator(1), {"x": 1}, 7], [indicator(1), indicator(1, "2013-01-01T00:00:00Z"), {"x": 1}]]

    def page(query: dict[str, str]) -> Any:
        number = int(query.get("next", "0"))
        return {"more": number < 1, "next": "1", "objects": pages[number]}, {}

    with collection_of(page) as (access, collection, _, _):
        assert read_collection(access, collection).count == 5


def test_filter_that_the_server_refuses() -> None:
    """A server that does not know the filter is asked without it."""

    def page(query: dict[str, str]) -> Any:
        return ({}, {"status": "400"}) if "match[type]" in query else ({"objects": [indicator(1)]}, {})

    with collection_of(page) as (access, collection, feed, _):
        assert read_collection(access, collection, types=["indicator"]).count == 1
        assert [query.get("match[type]") for query in feed.queries] == ["indicator", None]


def test_cursor_without_a_date_and_with_one_to_come() -> None:
    """Without a date of addition the server's clock serves; a date that is yet to come hides nothing; an empty answer
    and an old date leave the cursor."""
    clock = {"Date": "Mon, 01 Jan 2024 00:00:00 GMT"}
    some = {"objects": [indicator(1)]}
    with collection_of(lambda query: ({}, {})) as (access, collection, feed, web):
        web.answer = lambda asked: asked.reply(200, json.dumps(some).encode(), **clock)
        assert read_collection(access, collection).cursor.added_after == "2024-01-01T00:00:00.000000Z"
        ahead = {**clock, **dated("9999-12-31T23:59:59Z")}
        web.answer = lambda asked: asked.reply(200, json.dumps(some).encode(), **ahead)
        assert read_collection(access, collection).cursor.added_after == "2024-01-01T00:00:00.000000Z"
        known = Cursor("2024-05-01T00:00:00Z")
        web.answer = feed
        assert read_collection(access, collection, known).cursor == known
        feed.page = lambda query: (some, dated("2020-01-01T00:00:00Z"))
        assert read_collection(access, collection, known).cursor == known


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[]", b'{"objects": {}}', b'{"more": "yes"}', b'{"objects": [NaN]}', b"\xff",
     b'{"objects": [' * 9, b'{"objects": ' + b"[" * 100000, b'{"next": 7, "more": true}'],
)  # fmt: skip
def test_answers_that_are_no_taxii(content: bytes) -> None:
    """What is no envelope is told; whatever comes, nothing but a FeedError is raised (C27)."""
    with collection_of(lambda query: ({}, {})) as (access, collection, _, web):
        web.answer = lambda asked: asked.reply(200, content)
        with pytest.raises(FeedError, match="does not answer as TAXII"):
            read_collection(access, collection)
        with pytest.raises(FeedError):
            find_collection(access)


def test_no_taxii_of_this_version() -> None:
    """A server that knows another TAXII alone is told so; the media type names the version."""
    with served(lambda asked: asked.reply(406)) as web:
        with pytest.raises(FeedError, match=r"does not speak TAXII 2\.1"):
            find_collection(Access(web.url("/taxii2/"), allow_private=True))
        assert web.asked[0].headers["Accept"] == "application/taxii+json;version=2.1"


def test_root_on_another_host() -> None:
    """An API root at another private host is refused, and a key is not sent to another origin (C28)."""
    for root in ("http://127.0.0.2:1/", "http://169.254.169.254/", "file:///etc/", "http://[::ffff:127.0.0.2]/"):
        answer = json.dumps({"title": "t", "api_roots": [root]}).encode()
        with served(lambda asked, given=answer: asked.reply(200, given)) as web, pytest.raises(FeedError):  # type: ignore[misc]
            find_collection(Access(web.url("/taxii2/"), token="secret", allow_private=True, attempts=1))
    with served(lambda asked: asked.reply(200, b'{"versions": [], "collections": []}')) as other:
        answer = json.dumps({"title": "t", "api_roots": [other.url("/")]}).encode()
        with served(lambda asked: asked.reply(200, answer)) as web, pytest.raises(FeedError, match="it has: none"):
            find_collection(Access(web.url("/taxii2/"), token="secret", allow_private=True))
        assert {asked.headers["Authorization"] for asked in other.asked} == {None}


def test_status_is_followed() -> None:
    """A server that is not done at once is asked until it is, and no longer than is bounded; a true failure is told."""
    states = iter(["pending", "pending", "complete"])
    detail = {"id": indicator(1)["id"], "version": "2012-07-02T00:00:00Z", "message": "no such luck"}

    def answer(asked: Asked) -> None:
        if asked.path.endswith("/versions/"):
            asked.reply(404)
        else:
            status = {"id": "s1", "status": next(states, "pending"), "failures": [detail]}
            asked.reply(202 if asked.command == "POST" else 200, json.dumps(status).encode())

    with served(answer) as web:
        access = Access(web.url("/"), allow_private=True)
        collection = Collection(web.url("/api/"), FIRST, "t", True, True)
        pauses: list[float] = []
        pace = Pace(sleep=pauses.append)
        added = add_objects(access, collection, [indicator(1), indicator(2)], pace=pace)
        assert (added.done, [(one.id, one.message) for one in added.failures], pauses) == (
            1, [(indicator(1)["id"], "no such luck")], [1.0, 2.0],
        )  # fmt: skip
        with pytest.raises(FeedError, match="not done"):
            add_objects(access, collection, [indicator(1)], pace=pace)


def test_posts_keep_to_the_greatest_length() -> None:
    """Many objects go in several posts, none longer than the server takes; one that is longer by itself is told."""
    with served(lambda asked: asked.reply(202, b'{"id": "s", "status": "complete"}')) as web:
        access = Access(web.url("/"), allow_private=True)
        collection = Collection(web.url("/api/"), FIRST, "t", True, True, max_content_length=1000)
        large = {**indicator(9), "description": "x" * 1000}
        added = add_objects(access, collection, [*map(indicator, range(9)), large], pace=WAITLESS)
        assert (added.done, len(added.failures), added.failures[0].id) == (9, 1, large["id"])
        assert max(len(asked.body) for asked in web.asked) <= 1000
        assert sum(len(json.loads(asked.body)["objects"]) for asked in web.asked) == 9
        with pytest.raises(FeedError, match="may not be written"):
            add_objects(access, msgspec.structs.replace(collection, can_write=False), [])
