from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from sekisho_core.database import open_database
from sekisho_core.errors import SettingsError
from sekisho_core.events import Events, Level
from sekisho_core.settings import Database
from sekisho_feeds.published_table import PublishedRows, publish, revoke
from sekisho_feeds.sighting import SightingError, sighting
from sekisho_feeds.taxii_http import TaxiiServer, server_tls
from sekisho_feeds.taxii_members import Doorkeeper, Member, hashed, token_of
from sekisho_feeds.taxii_query import TAXII
from sekisho_feeds.taxii_service import LARGEST_BODY, Service, Site
from sqlalchemy import Engine
from taxii2client.exceptions import AccessError
from taxii2client.v21 import Collection, Server, as_pages

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
RED = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
IDENTITY = "identity--7b82c6f0-0a5c-4c1e-9c0e-2f9b3f6a1d11"
SECRETS = {"alice": "correct-horse", "bob": "battery-staple"}
HASHES = {name: hashed(secret) for name, secret in SECRETS.items()}
ACCEPT = {"Accept": TAXII}


def indicator(number: int, tlp: str = GREEN, modified: str = "2026-03-01T00:00:00.000Z") -> dict[str, Any]:
    """One indicator of a set."""
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid.UUID(int=number)}",
        "created": "2026-03-01T00:00:00.000Z",
        "modified": modified,
        "name": f"囮 {number}",
        "pattern": f"[domain-name:value = 'host{number}.example']",
        "pattern_type": "stix",
        "valid_from": "2026-03-01T00:00:00Z",
        "object_marking_refs": [tlp],
    }


class Running:
    """A service on loopback, and what it was given."""

    def __init__(self, engine: Engine, **options: Any) -> None:
        self.engine = engine
        self.taken: list[tuple[str, Mapping[str, Any]]] = []
        self.events: list[tuple[str, dict[str, object]]] = []
        members = [Member("alice", HASHES["alice"]), Member("bob", HASHES["bob"], "amber")]
        self.doors = Doorkeeper(members, pause=lambda: None)
        self.service = Service(Site("関所", IDENTITY), PublishedRows(engine), self.take, self.doors)
        sink = Events(lambda level, name, fields: self.events.append((name, fields)), Level.DEBUG)
        self.server = TaxiiServer(self.service, sink, ("127.0.0.1", 0), **options)
        self.scheme = "https" if options.get("tls") else "http"
        self.port = self.server.server_port
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"

    def take(self, member: str, sighting: Mapping[str, Any]) -> None:
        if sighting.get("count") == 13:
            raise SightingError("thirteen is not wanted")
        self.taken.append((member, sighting))

    def collection(self, alias: str, user: str = "alice") -> Collection:
        found = Server(f"{self.url}/taxii2/", user=user, password=SECRETS[user]).api_roots[0].collections
        return next(one for one in found if one.title == alias)

    def get(self, path: str, user: str = "alice", **headers: str) -> httpx.Response:
        given = ACCEPT | {name.replace("_", "-"): value for name, value in headers.items()}
        with httpx.Client(auth=(user, SECRETS[user]), trust_env=False) as client:
            return client.get(self.url + path, headers=given)

    def objects(self, query: str = "", user: str = "alice") -> Any:
        return self.get(f"/members/collections/indicators/objects/?{query}", user).json()

    def post(self, content: bytes, **headers: str) -> httpx.Response:
        given = ACCEPT | {"Content-Type": TAXII} | {name.replace("_", "-"): text for name, text in headers.items()}
        with httpx.Client(auth=("alice", SECRETS["alice"]), trust_env=False) as client:
            return client.post(f"{self.url}/members/collections/sightings/objects/", content=content, headers=given)

    def raw(self, content: bytes, end: bool = True) -> bytes:
        """What the server answers to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as connection:
            try:
                connection.sendall(content)
                if end:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            answer = b""
            try:
                while piece := connection.recv(65536):
                    answer += piece
            except ConnectionError:
                pass
            return answer


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    opened = open_database(Database(f"sqlite:///{tmp_path}/set.sqlite", 5.0))
    yield opened
    opened.dispose()


@contextmanager
def running(engine: Engine, **options: Any) -> Iterator[Running]:
    """A service that listens, and has stopped afterwards."""
    found = Running(engine, **options)
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield found
    finally:
        found.server.shutdown()
        thread.join()
        found.server.server_close()


@pytest.fixture
def taxii(engine: Engine) -> Iterator[Running]:
    """A service that listens."""
    with running(engine) as found:
        yield found


def test_a_client_finds_its_way(taxii: Running) -> None:
    """Discovery, API root and collections are read by taxii2-client as it stands."""
    server = Server(f"{taxii.url}/taxii2/", user="alice", password=SECRETS["alice"])
    root = server.api_roots[0]
    assert (server.title, root.versions, root.max_content_length) == ("関所", [TAXII], LARGEST_BODY)
    rights = {one.title: (one.can_read, one.can_write, one.media_types) for one in root.collections}
    assert rights == {
        "indicators": (True, False, ["application/stix+json;version=2.1"]),
        "sightings": (False, True, ["application/stix+json;version=2.1"]),
    }


@pytest.mark.parametrize("each", [1000, 300, 7])
def test_every_object_comes_once(taxii: Running, each: int) -> None:
    """A client that pages gets each of 1,000 objects once, in the order of publishing, whatever the page's size."""
    publish(taxii.engine, map(indicator, range(1000)), NOW)
    pages = list(as_pages(taxii.collection("indicators").get_objects, per_request=each))
    found = [one["id"] for page in pages for one in page["objects"]]
    assert found == [indicator(number)["id"] for number in range(1000)]
    assert [page["more"] for page in pages] == [True] * (len(pages) - 1) + [False]
    assert ["next" in page for page in pages] == [page["more"] for page in pages]
    manifest = list(as_pages(taxii.collection("indicators").get_manifest, per_request=each))
    dates = [one["date_added"] for page in manifest for one in page["objects"]]
    assert dates == sorted(set(dates)) and len(dates) == 1000


def test_paging_is_stable_while_objects_arrive(taxii: Running) -> None:
    """New objects and new versions between two pages come at the end: nothing is missed, and no version twice."""
    publish(taxii.engine, map(indicator, range(10)), NOW)
    first = taxii.objects("limit=4")
    newer = "2026-03-02T00:00:00.000Z"
    publish(taxii.engine, [indicator(2, modified=newer), indicator(8, modified=newer), indicator(10)], NOW)
    rest = taxii.objects(f"limit=100&next={first['next']}")
    seen = [(one["name"], one["modified"] == newer) for one in first["objects"] + rest["objects"]]
    assert len(seen) == len(set(seen)) == 12
    assert {name for name, _ in seen} == {f"囮 {number}" for number in range(11)}
    assert seen[-3:] == [("囮 2", True), ("囮 8", True), ("囮 10", False)]


def test_dates_lead_a_client_on(taxii: Running) -> None:
    """`added_after` with the last date of a page goes on exactly behind it, though all was published at one time."""
    publish(taxii.engine, map(indicator, range(50)), NOW)
    path, names = "/members/collections/indicators/objects/?limit=9", []
    response = taxii.get(path)
    while response.json():
        names += [one["name"] for one in response.json()["objects"]]
        response = taxii.get(f"{path}&added_after={response.headers['X-TAXII-Date-Added-Last']}")
    assert names == [f"囮 {number}" for number in range(50)]
    assert "X-TAXII-Date-Added-Last" not in response.headers
    first = taxii.get(path).headers["X-TAXII-Date-Added-First"]
    assert first == "2026-03-01T12:00:00.123456Z"


def test_filters(taxii: Running) -> None:
    """Each filter of the standard, alone and together; values of one are alternatives, filters are not."""
    v2, v3 = "2026-03-02T00:00:00.000Z", "2026-03-03T00:00:00.000Z"
    mark = {
        "type": "identity", "spec_version": "2.1", "id": IDENTITY, "name": "e", "created": v2, "modified": v2,
    }  # fmt: skip
    publish(taxii.engine, [mark, indicator(1), indicator(1, modified=v2), indicator(1, modified=v3), indicator(2)], NOW)

    def found(query: str) -> list[str]:
        return [one["modified"][8:10] + one["type"][:2] for one in taxii.objects(query).get("objects", [])]

    one = indicator(1)["id"]
    assert found("") == ["02id", "03in", "01in"]
    assert found("match[type]=identity") == ["02id"]
    assert found("match[type]=identity,indicator&limit=2") == ["02id", "03in"]
    assert found(f"match[id]={one}") == ["03in"]
    assert found(f"match[id]={one}&match[type]=identity") == []
    assert found(f"match[id]={one}&match[version]=all") == ["01in", "02in", "03in"]
    assert found(f"match[id]={one}&match[version]=first,last") == ["01in", "03in"]
    assert found(f"match[version]={v2}") == ["02id", "02in"]
    assert found("match[spec_version]=2.0") == []
    assert found("match[spec_version]=2.0,2.1") == ["02id", "03in", "01in"]
    assert found("unknown=1") == ["02id", "03in", "01in"]


def test_one_object_and_its_versions(taxii: Running) -> None:
    """One object, its versions with dates, and 404 for one that does not exist; what a filter leaves empty is {}."""
    v2 = "2026-03-02T00:00:00.000Z"
    publish(taxii.engine, [indicator(1), indicator(1, modified=v2), indicator(2)], NOW)
    name = indicator(1)["id"]
    collection = taxii.collection("indicators")
    assert [one["modified"] for one in collection.get_object(name)["objects"]] == [v2]
    assert collection.object_versions(name)["versions"] == ["2026-03-01T00:00:00.000Z", v2]
    base = f"/members/collections/indicators/objects/{name}/"
    assert taxii.get(f"{base}?match[version]=2000-01-01T00:00:00Z").json() == {}
    assert taxii.get(f"{base}?match[spec_version]=2.0").json() == {}
    limited = taxii.get(f"{base}versions/?limit=1").json()
    assert limited["more"] and taxii.get(f"{base}versions/?next={limited['next']}").json()["versions"] == [v2]
    assert taxii.get("/members/collections/indicators/objects/indicator--none/").status_code == 404


def test_revocation(taxii: Running) -> None:
    """A revoked object is published as a newer version, once, and nothing after it is."""
    publish(taxii.engine, [indicator(1), indicator(2)], NOW)
    name = indicator(1)["id"]
    assert revoke(taxii.engine, name, NOW + timedelta(days=1))
    assert not revoke(taxii.engine, name, NOW + timedelta(days=2))
    assert publish(taxii.engine, [indicator(1, modified="2027-01-01T00:00:00.000Z")], NOW) == 0
    found = taxii.objects()["objects"]
    assert [(one["id"], one.get("revoked", False)) for one in found] == [(indicator(2)["id"], False), (name, True)]


def test_a_member_sees_up_to_its_tlp(taxii: Running) -> None:
    """An amber object is for who may see amber: in no list, page, manifest, version or direct request of others."""
    publish(taxii.engine, [indicator(1, AMBER), indicator(2)], NOW)
    name = indicator(1)["id"]
    assert [one["name"] for one in taxii.objects()["objects"]] == ["囮 2"]
    assert [one["name"] for one in taxii.objects(user="bob")["objects"]] == ["囮 1", "囮 2"]
    base = f"/members/collections/indicators/objects/{name}/"
    assert [taxii.get(base + end, "alice").status_code for end in ("", "versions/")] == [404, 404]
    assert [taxii.get(base + end, "bob").status_code for end in ("", "versions/")] == [200, 200]
    manifest = taxii.get("/members/collections/indicators/manifest/").json()
    assert [one["id"] for one in manifest["objects"]] == [indicator(2)["id"]]
    newer = indicator(2, AMBER, "2026-03-02T00:00:00.000Z")
    publish(taxii.engine, [newer], NOW)
    assert taxii.objects() == {}


def test_credentials(taxii: Running) -> None:
    """Basic and bearer let in; all else is 401 with both challenges, counted, and nothing secret is told."""
    discovery = f"{taxii.url}/taxii2/"
    with httpx.Client(trust_env=False) as client:
        token = token_of("bob", SECRETS["bob"])
        assert client.get(discovery, headers=ACCEPT | {"Authorization": f"Bearer {token}"}).status_code == 200
        wrong = [
            "Bearer bob.wrong-secret", "Bearer nobody.battery-staple", "Bearer battery-staple", "Basic !!!", "Basic",
            "Basic Ym9iOndyb25n", "Negotiate x", "Bearer " + "a" * 5000, "Basic gICA",
        ]  # fmt: skip
        for one in wrong:
            refused = client.get(discovery, headers=ACCEPT | {"Authorization": one})
            assert refused.status_code == 401, one
            assert [text.split()[0] for text in refused.headers.get_list("WWW-Authenticate")] == ["Basic", "Bearer"]
        assert client.get(discovery, headers=ACCEPT).status_code == 401
        assert client.get(f"{taxii.url}/nothing/", headers=ACCEPT).status_code == 401
    assert taxii.doors.failures == len(wrong)
    assert not [one for one in (*SECRETS.values(), "wrong-secret") if one in repr(taxii.events)]
    assert HASHES["bob"] not in repr(Member("bob", HASHES["bob"]))


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (TAXII, 200),
        ("application/taxii+json", 200),
        ("application/taxii+json; version=2.1", 200),
        ('Application/TAXII+json;version="2.1"', 200),
        ("*/*", 200),
        ("text/html, application/taxii+json;version=2.1;q=0.5", 200),
        ("application/taxii+json;version=2.0", 406),
        ("application/vnd.oasis.taxii+json", 406),
        ("application/json", 406),
        ("application/taxii+json;version=2.1;q=0", 406),
        ("text/html", 406),
    ],
)
def test_accept(taxii: Running, accept: str, status: int) -> None:
    """What the client takes decides; the answer, and the error too, is TAXII 2.1."""
    response = taxii.get("/taxii2/", Accept=accept)
    assert (response.status_code, response.headers["Content-Type"]) == (status, TAXII)
    if status == 406:
        assert response.json()["http_status"] == "406"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/taxii2", 200),
        ("/members", 200),
        ("/members/collections/../../../../etc/passwd", 404),
        ("/members/collections/%2e%2e%2f%2e%2e%2fetc%2fpasswd/", 404),
        ("/members/collections/indicators/objects/..%2f..%2fetc/", 404),
        ("/members/collections/indicators/objects/%00/", 404),
        ("/members/collections/indicators/manifest/x/", 404),
        ("/members/collections/indicators/objects/a/versions/b/", 404),
        ("/members/collections/sightings/", 200),
        ("/members/collections/sightings/objects/", 403),
        ("/members/collections/sightings/manifest/", 403),
        ("/members/collections/nothing/objects/", 404),
        ("/members/status/nothing/", 404),
        ("/members/collections/indicators/objects/?limit=-1", 400),
        ("/members/collections/indicators/objects/?limit=0", 400),
        ("/members/collections/indicators/objects/?limit=x", 400),
        ("/members/collections/indicators/objects/?limit=１", 400),
        ("/members/collections/indicators/objects/?limit=999999999", 200),
        ("/members/collections/indicators/objects/?next=%00", 400),
        ("/members/collections/indicators/objects/?next=' OR 1=1", 400),
        ("/members/collections/indicators/objects/?next=999999999999999999", 400),
        ("/members/collections/indicators/objects/?added_after=yesterday", 400),
        ("/members/collections/indicators/objects/?added_after=2026-13-01T00:00:00Z", 400),
        ("/members/collections/indicators/objects/?match[version]=newest", 400),
        ("/members/collections/indicators/objects/?match[id]=", 400),
        ("/members/collections/indicators/objects/?match[name]=x", 400),
        ("/members/collections/indicators/objects/?limit=1&limit=2", 400),
        ("/members/collections/indicators/objects/?match[id]=" + "a," * 101 + "a", 400),
        ("/members/collections/indicators/objects/?match[id]=%ff", 400),
        ("/members/collections/indicators/objects/?" + "&".join(f"a{n}=1" for n in range(40)), 400),
        ("/members/collections/indicators/objects/?match[id]=" + "a" * 9000, 414),
        ("/" + "a" * 2000, 404),
    ],
)
def test_hostile_paths(taxii: Running, path: str, status: int) -> None:
    """A path or parameter that is wrong is refused with its status, and read as nothing else."""
    assert taxii.get(path).status_code == status


def _sighted(number: int, count: int = 2) -> dict[str, Any]:
    day = NOW.date()
    return sighting(indicator(number)["id"], IDENTITY, day, count, NOW, NOW, False, NOW)


def test_sightings_are_taken(taxii: Running) -> None:
    """A client's sightings reach us with its name; each that is none is told in the status, which can be asked for."""
    publish(taxii.engine, [indicator(1), indicator(2), indicator(3, AMBER)], NOW)
    good = [_sighted(1), _sighted(2)]
    bad = [
        indicator(4),
        _sighted(1, 13),
        _sighted(3),
        _sighted(9),
        _sighted(1) | {"count": -1},
        _sighted(1) | {"count": 10**9},
        _sighted(1) | {"id": "sighting--x"},
        _sighted(1) | {"sighting_of_ref": "malware--" + str(uuid.UUID(int=1))},
        _sighted(1) | {"spec_version": "2.0"},
        _sighted(1) | {"modified": "yesterday"},
        _sighted(1) | {"first_seen": "2026-03-02T00:00:00Z", "last_seen": "2026-03-01T00:00:00Z"},
        _sighted(1) | {"description": "x" * 20000},
        _sighted(1) | {"where_sighted_refs": ["mailto:x"]},
    ]
    status = taxii.collection("sightings").add_objects({"objects": [*good, *bad]})
    assert (status.status, status.success_count, status.failure_count) == ("complete", 2, len(bad))
    assert taxii.taken == [("alice", one) for one in good]
    assert [one["id"] for one in status.failures] == [one["id"] for one in bad]
    assert status.failures[1]["message"] == "thirteen is not wanted"
    status.refresh()
    assert (status.total_count, status.pending_count) == (len(good) + len(bad), 0)
    assert taxii.get(f"/members/status/{status.id}/").status_code == 200
    assert taxii.get(f"/members/status/{status.id}/", "bob").status_code == 404


def test_nothing_else_can_be_written(taxii: Running) -> None:
    """The indicators can be read only, and no other place takes anything."""
    with pytest.raises(AccessError):
        taxii.collection("indicators").add_objects({"objects": [indicator(1)]})
    with requests.Session() as client:
        client.auth, client.headers = ("alice", SECRETS["alice"]), client.headers
        client.headers.update(ACCEPT | {"Content-Type": TAXII})
        base = f"{taxii.url}/members/collections"
        asked = [
            ("POST", f"{base}/indicators/objects/"),
            ("POST", f"{base}/sightings/"),
            ("POST", f"{taxii.url}/taxii2/"),
            ("DELETE", f"{base}/indicators/objects/{indicator(1)['id']}/"),
            ("PUT", f"{base}/sightings/objects/"),
            ("BREW", f"{base}/sightings/objects/"),
            ("HEAD", f"{base}/"),
        ]
        answers = [client.request(method, url, data=b"{}") for method, url in asked]
        assert [one.status_code for one in answers] == [403, 405, 405, 405, 405, 405, 200]
        assert answers[3].headers["Allow"] == "GET, HEAD, POST"
    assert taxii.taken == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b'{"objects": [', 400),
        (b"\xff\xfe", 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"objects": {}}', 422),
        (b'{"objects": []}', 422),
        (b'{"objects": [' + b"{}," * 1000 + b"{}]}", 422),
        (b"[" * 100_000, 422),
        (b'{"objects": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", 400),
        (b'{"objects": [{"type": "sighting", "a": ' + b"[" * 5000 + b"]" * 5000 + b"}]}", 400),
        (b'{"objects": [1, null, "a", [], {"id": 5}]}', 202),
        (b" " * (LARGEST_BODY + 1), 413),
    ],
)
def test_hostile_bodies(taxii: Running, content: bytes, status: int) -> None:
    """What is no envelope, too large or too deep is refused as a whole; what is in one, each by itself."""
    response = taxii.post(content)
    assert response.status_code == status
    if status == 202:
        assert response.json()["failure_count"] == 5
    assert taxii.taken == []


def test_media_type_of_a_body(taxii: Running) -> None:
    """An envelope of another media type or version is 415."""
    for wrong in ("application/json", "application/taxii+json;version=2.0", "application/stix+json;version=2.1"):
        assert taxii.post(b"{}", Content_Type=wrong).status_code == 415
    assert taxii.post(b"{}", Content_Type="application/taxii+json").status_code == 422


LOGIN = b"Authorization: Basic YWxpY2U6Y29ycmVjdC1ob3JzZQ==\r\nAccept: */*\r\n"
POST = b"POST /members/collections/sightings/objects/ HTTP/1.1\r\nContent-Type: application/taxii+json\r\n" + LOGIN


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"GET /taxii2/ HTTP/1.1\r\n" + LOGIN + b"\r\n", b"200"),
        (b"GET /taxii2/../members/ HTTP/1.1\r\n" + LOGIN + b"\r\n", b"404"),
        (b"GET http://192.0.2.1/taxii2/ HTTP/1.1\r\n" + LOGIN + b"\r\n", b"404"),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 99 + b"\r\n", b"401"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 5000 + b"\r\n", b"431"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"GET\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400"),
        (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b"400"),
        (POST + b"Content-Length: -1\r\n\r\n{}", b"411"),
        (POST + b"Content-Length: 5\r\n\r\n{}", b"400"),
        (POST + b"Content-Length: 99999999999999999999\r\n\r\n{}", b"413"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"411"),
        (POST + b"\r\n", b"411"),
        (POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", b"100"),
    ],
)
def test_hostile_heads(taxii: Running, content: bytes, status: bytes) -> None:
    """Heads that are too large, malformed or ambiguous end with an error, and the next client is served."""
    answer = taxii.raw(content)
    assert answer.split()[1] == status
    assert taxii.raw(b"") == b""
    assert taxii.get("/taxii2/").status_code == 200


def test_one_request_a_connection(taxii: Running) -> None:
    """A second request on a connection is not read."""
    request = b"GET /taxii2/ HTTP/1.1\r\n" + LOGIN + b"\r\n"
    assert taxii.raw(request * 3).count(b"HTTP/1.1 200") == 1


def test_slow_clients_end(engine: Engine) -> None:
    """A client that waits in the middle of its head or body does not stay, and others are served."""
    with running(engine, seconds=0.3) as taxii:
        assert b"200" not in taxii.raw(POST + b"Content-Length: 9\r\n\r\n{", end=False)
        assert taxii.raw(b"GET /taxii2/ HTTP/1.1\r\nX: ", end=False) == b""
        assert taxii.get("/taxii2/").status_code == 200


def test_connections_are_bounded(engine: Engine) -> None:
    """Beyond the number of connections one is closed at once; when places are free again, it is served."""
    with running(engine, connections=2) as taxii:
        holders = [socket.create_connection(("127.0.0.1", taxii.port), 20) for _ in range(2)]
        try:
            for holder in holders:
                holder.sendall(b"GET ")
            assert taxii.raw(b"GET /taxii2/ HTTP/1.1\r\n" + LOGIN + b"\r\n") == b""
        finally:
            for holder in holders:
                holder.close()
        _until(lambda: taxii.raw(b"GET /taxii2/ HTTP/1.1\r\n" + LOGIN + b"\r\n").startswith(b"HTTP/1.1 200"))
        assert any(name == "taxii-full" for name, _ in taxii.events)


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.01)
    raise AssertionError("did not come true")


def test_a_fault_behind_the_service(taxii: Running) -> None:
    """When the database fails, the member is told 500 without what failed, and the log has it."""
    with taxii.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE published")
    response = taxii.get("/members/collections/indicators/objects/")
    assert response.status_code == 500 and "published" not in response.text
    assert [fields["reason"] for name, fields in taxii.events if name == "taxii-fault"] == ["no such table: published"]


def test_tls(engine: Engine, tmp_path: Path) -> None:
    """With a certificate and key it speaks TLS, and a client in clear gets nothing and harms nobody."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{tmp_path}/k", "-out", f"{tmp_path}/c"]
    subprocess.run(command, check=True, capture_output=True)
    with running(engine, tls=server_tls(tmp_path / "c", tmp_path / "k")) as taxii:
        assert b"HTTP" not in taxii.raw(b"GET /taxii2/ HTTP/1.1\r\n" + LOGIN + b"\r\n")
        context = ssl.create_default_context(cafile=f"{tmp_path}/c")
        with httpx.Client(verify=context, auth=("alice", SECRETS["alice"]), trust_env=False) as client:
            assert client.get(f"{taxii.url}/taxii2/", headers=ACCEPT).status_code == 200
    with pytest.raises(SettingsError, match="no usable certificate"):
        server_tls(tmp_path / "none", tmp_path / "k")


@pytest.mark.parametrize(
    "member",
    [Member("a b", HASHES["bob"]), Member("a", "plain"), Member("a", HASHES["bob"], "red"), Member("", HASHES["bob"])],
)
def test_members_are_checked(member: Member) -> None:
    """A member without a usable name, hash or TLP is an error of the settings."""
    with pytest.raises(SettingsError):
        Doorkeeper([member])


def test_json_is_what_was_published(taxii: Running) -> None:
    """An object comes back as it was given, whatever its text."""
    given = indicator(1) | {"description": "対北朝鮮措置 \u0000 \u2028 </script>"}
    publish(taxii.engine, [given], NOW)
    assert json.loads(taxii.get("/members/collections/indicators/objects/").content)["objects"] == [given]
