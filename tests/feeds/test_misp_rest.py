"""MISP's REST interface against a server on loopback: searches page by page, and sightings."""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.misp_event import misp
from sekisho_feeds.misp_rest import Post, Search, SightingKind, add_sighting, pages, search_body, sighting_body
from sekisho_rules.indicator_files import Provenance

NOW = datetime(2026, 6, 1, tzinfo=UTC)
INDICATOR = "indicator--5b6464ca-e73c-4707-9b8a-d0350acd0835"
Answer = Callable[[str, dict[str, Any]], Any]


class Server(HTTPServer):
    """A MISP of our own: answers by a function of path and body, and keeps what it was asked."""

    answer: Answer
    asked: list[tuple[str, dict[str, Any]]]


class Handler(BaseHTTPRequestHandler):
    """Answers POST with JSON."""

    server: Server

    def do_POST(self) -> None:
        """Answer one request."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))
        content = json.dumps(self.server.answer(self.path, body)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on loopback that ends with the test."""
    with Server(("127.0.0.1", 0), Handler) as one:
        one.asked = []
        thread = threading.Thread(target=one.serve_forever, args=(0.01,))
        thread.start()
        yield one
        one.shutdown()
        thread.join()


@pytest.fixture
def post(server: Server) -> Post:
    """Posts to the server."""

    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def send(path: str, body: dict[str, Any]) -> bytes:
        url = f"http://127.0.0.1:{server.server_port}/{path}"
        with direct.open(urllib.request.Request(url, json.dumps(body).encode())) as answer:
            content: bytes = answer.read()
            return content

    return send


def attributes(*numbers: int) -> dict[str, Any]:
    """An answer of attributes/restSearch."""
    return {"response": {"Attribute": [
        {"type": "domain", "value": f"evil{number}.example", "to_ids": True, "timestamp": "1700000000",
         "uuid": f"5b6464ca-e73c-4707-9b8a-{number:012x}", "Event": {"info": "標的型", "uuid": "x"},
         "Tag": [{"name": "tlp:red", "inherited": 1}]}
        for number in numbers
    ]}}  # fmt: skip


def paged(count: int, skipped: tuple[int, ...] = ()) -> Answer:
    """A server that has `count` attributes and leaves some out of the pages that it has cut."""

    def answer(path: str, body: dict[str, Any]) -> Any:
        start = (body["page"] - 1) * body["limit"]
        return attributes(*(n for n in range(start, min(start + body["limit"], count)) if n not in skipped))

    return answer


def test_bodies() -> None:
    """A search says what is wanted, and always asks for what was withdrawn and for the tags of events."""
    assert search_body(Search(), 1) == {
        "returnFormat": "json",
        "limit": 5000,
        "page": 1,
        "deleted": [0, 1],
        "includeEventTags": 1,
        "enforceWarninglist": 0,
        "excludeDecayed": 0,
    }
    body = search_body(
        Search(types=("email-src", "url"), tags=("tlp:green", "!retired"), to_ids=True, since=NOW, warned_too=False,
               decayed_too=False, limit=10), 3,
    )  # fmt: skip
    assert (
        body
        | {
            "type": ["email-src", "url"],
            "tags": ["tlp:green", "!retired"],
            "to_ids": 1,
            "timestamp": 1780272000,
            "enforceWarninglist": 1,
            "excludeDecayed": 1,
            "limit": 10,
            "page": 3,
        }
        == body
    )


@pytest.mark.parametrize(("count", "asked"), [(0, 1), (1, 1), (2, 2), (5, 3), (6, 4)])
def test_pages(server: Server, post: Post, count: int, asked: int) -> None:
    """Pages are asked for until one is short, and all attributes come, each with its event's name and tags."""
    server.answer = paged(count)
    documents = list(pages(post, Search(limit=2), "isac"))
    found = misp(documents, Provenance("isac"), {}).indicators
    assert [one.pattern for one in found] == [f"[domain-name:value = 'evil{n}.example']" for n in range(count)]
    assert {(one.name, one.tlp) for one in found} <= {("標的型", "red")}
    assert [(path, body["page"]) for path, body in server.asked] == [
        ("/attributes/restSearch", page) for page in range(1, asked + 1)
    ]


def test_pages_that_the_server_thins(server: Server, post: Post) -> None:
    """A page from which the server left out what it warns of is no last page."""
    server.answer = paged(6, skipped=(1, 2))
    documents = list(pages(post, Search(limit=2, warned_too=False), "isac"))
    assert len(misp(documents, Provenance("isac"), {}).indicators) == 4


def test_a_server_without_pages(server: Server, post: Post) -> None:
    """A server that gives the same full page again is not asked for ever."""
    server.answer = lambda path, body: attributes(1, 2)
    with pytest.raises(FeedError, match="isac: attributes/restSearch page 2: the same as the page before"):
        list(pages(post, Search(limit=2), "isac"))
    assert len(server.asked) == 2


def test_too_many_pages(server: Server, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has always more is left after a bounded number of pages."""
    monkeypatch.setattr("sekisho_feeds.misp_rest.MOST_PAGES", 3)
    server.answer = paged(1000)
    with pytest.raises(FeedError, match="more than 3 pages"):
        list(pages(post, Search(limit=2), "isac"))


def test_an_answer_that_is_none(server: Server, post: Post) -> None:
    """What a server says in place of attributes is an error that names the page."""
    server.answer = lambda path, body: {"name": "Authentication failed", "message": "x", "url": "/"}
    with pytest.raises(FeedError, match="isac: attributes/restSearch page 1: not a MISP event"):
        list(pages(post, Search(), "isac"))


@pytest.mark.parametrize(("kind", "code"), [("seen", "0"), ("false-positive", "1"), ("expired", "2")])
def test_sighting(server: Server, post: Post, kind: SightingKind, code: str) -> None:
    """A sighting names the attribute, the kind, the organisation and the time, and nothing else."""
    server.answer = lambda path, body: {"saved": True, "success": True, "message": "1 sighting added"}
    add_sighting(post, INDICATOR, kind, NOW, "example.jp", "isac")
    body = {"uuid": INDICATOR[11:], "type": code, "source": "example.jp", "timestamp": 1780272000}
    assert server.asked == [("/sightings/add", body)]
    assert sighting_body(INDICATOR, kind, NOW, "example.jp") == body


@pytest.mark.parametrize("answer", [{}, [], {"errors": "no"}, {"saved": False}, {"saved": True, "errors": ["x"]}])
def test_a_sighting_that_is_not_taken(server: Server, post: Post, answer: Any) -> None:
    """A server that does not say that it has the sighting does not have it."""
    server.answer = lambda path, body: answer
    with pytest.raises(FeedError, match="isac: sightings/add: the sighting was not taken"):
        add_sighting(post, INDICATOR, "seen", NOW, "example.jp", "isac")
