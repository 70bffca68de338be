"""Feeds over real servers of loopback: a web server with files, a MISP feed that another sekisho wrote, signatures."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from member import Member

PATTERNS = ("[domain-name:value = 'c2.evil.example']", "[url:value = 'http://www.evil.example/in.php']")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of a folder on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def bundle(path: Path, *patterns: str) -> None:
    """A STIX file with an indicator for each pattern."""
    objects = [
        {
            "type": "indicator", "spec_version": "2.1", "id": f"indicator--00000000-0000-4000-8000-{number:012}",
            "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z", "pattern": pattern,
            "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z", "confidence": 80,
        }
        for number, pattern in enumerate(patterns)
    ]  # fmt: skip
    path.write_text(json.dumps({"type": "bundle", "objects": objects}), encoding="utf-8")


@pytest.fixture
def member(tmp_path: Path) -> Member:
    """A member without feeds."""
    return Member(tmp_path / "member")


def test_file_of_a_web_server(member: Member, tmp_path: Path) -> None:
    """A file is had once: asked again, the server says that nothing is new; a loopback address must be allowed."""
    bundle(tmp_path / "a.json", *PATTERNS)
    with served(tmp_path) as url:
        member.run("add", "refused", f"{url}/a.json")
        assert "127.0.0.1" in member.json("pull", "refused", status=1)["feeds"][0]["error"]
        member.run("add", "npa", f"{url}/a.json", "--allow-private")
        assert member.json("pull", "npa")["feeds"][0]["merged"]["added"] == 2
        assert member.json("pull", "npa")["feeds"][0]["unchanged"]
    assert member.json("pull", "npa", status=1)["feeds"][0]["error"]
    assert len(member.json("merged")) == 2


def test_misp_feed_of_another(member: Member, tmp_path: Path) -> None:
    """What one sekisho exports as a MISP feed another pulls as one; events that go take their indicators with them."""
    hub, place = Member(tmp_path / "hub"), tmp_path / "misp"
    bundle(tmp_path / "a.json", *PATTERNS)
    hub.run("add", "own", str(tmp_path / "a.json"), "--tlp", "green")
    hub.run("pull")
    hub.run("export", "--format", "misp", str(place))
    with served(place) as url:
        member.run("add", "hub", f"{url}/", "--format", "misp", "--allow-private")
        assert member.json("pull")["feeds"][0]["merged"]["added"] == 2
        assert {one["value"] for one in member.json("merged")} == {one["value"] for one in hub.json("merged")}
        assert member.json("pull")["feeds"][0]["unchanged"]
        bundle(tmp_path / "a.json", PATTERNS[0])
        hub.run("pull")
        hub.run("export", "--format", "misp", "--accept-loss", str(place))
        assert member.json("pull")["feeds"][0]["merged"]["withdrawn"] == 1


@pytest.mark.parametrize("by_web", [True, False])
def test_signature_is_demanded(member: Member, tmp_path: Path, by_web: bool) -> None:
    """C29: a file without the signature of the key that was named, or changed since, brings nothing."""
    place = tmp_path / "signed"
    place.mkdir()
    bundle(place / "a.json", *PATTERNS)
    key, secret = tmp_path / "key.pub", tmp_path / "key"
    minisign = ("minisign", "-W", "-p", str(key), "-s", str(secret))
    subprocess.run([*minisign, "-G"], check=True, capture_output=True)
    subprocess.run([*minisign, "-S", "-m", str(place / "a.json")], check=True, capture_output=True)
    public = key.read_text().splitlines()[1]
    with served(place) as url:
        where = f"{url}/a.json" if by_web else str(place / "a.json")
        member.run("add", "npa", where, "--allow-private", "--public-key", public)
        assert member.json("pull")["feeds"][0]["merged"]["added"] == 2
        bundle(place / "a.json", *PATTERNS, "[file:name = 'forged.exe']")
        assert "signature" in member.json("pull", status=1)["feeds"][0]["error"]
    assert len(member.json("merged")) == 2
