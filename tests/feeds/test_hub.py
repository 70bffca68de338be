"""A hub and two members on loopback: what the hub publishes stops a mail at one, and what it saw comes back."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from member import Member
from sekisho_core.cli import root
from sekisho_core.database import open_database
from sekisho_core.events import Events, Level
from sekisho_core.ids import new_id
from sekisho_core.scan import Record, Stages, scan
from sekisho_core.settings import Database, load
from sekisho_core.vocabulary import Content, Envelope, Mail, Passage
from sekisho_inspection.client import private_workers
from sekisho_inspection.settings import InspectionSettings
from sekisho_quarantine.journal import Journal, JournalBounds
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.store import Store
from sekisho_rules.policy import Policy
from sekisho_rules.settings import RulesSettings
from sekisho_rules.snapshot import SnapshotStore

LURE = "対北朝鮮措置の延長について"
MAIL = f"From: a@example.net\r\nTo: b@example.jp\r\nSubject: Re: {LURE}\r\n\r\ntext\r\n".encode()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def served(hub: Member, port: int) -> Iterator[None]:
    """The hub's service, in a process of its own, until the block ends."""
    command = [str(Path(sys.executable).parent / "sekisho"), "feeds", "serve", "--config", str(hub.config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                with socket.socket() as found:
                    if found.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None
                time.sleep(0.1)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def received(member: Member, record: Record, received: bytes = MAIL) -> Passage:
    """A mail's way through the member's filter, by the stages of the daemon."""
    settings = load(member.config)
    descriptor = os.memfd_create("mail")
    try:
        os.write(descriptor, received)
        content = Content(descriptor, len(received), hashlib.sha256(received).hexdigest())
        mail = Mail(new_id(), Envelope(mail_from="a@example.net", rcpt_to=("b@example.jp",)), content)
        with private_workers(settings.of(InspectionSettings), 1) as client:
            snapshot = SnapshotStore(Path(settings.of(RulesSettings).index)).current
            return scan(mail, Stages(snapshot, client, Policy.of(settings), record))
    finally:
        os.close(descriptor)


def recorded(member: Member) -> Passage:
    """As `received`, kept in the member's quarantine."""
    settings = load(member.config)
    store = Store(open_database(settings.of(Database)), Path(settings.of(QuarantineSettings).bodies))
    return received(member, store.record)


def journalled(member: Member) -> None:
    """As `received`, noted in the member's journal as the filter does."""
    settings = load(member.config)
    journal = Journal(JournalBounds.of(settings.of(QuarantineSettings)), Events(lambda *_: None, Level.ERROR))
    passage = received(member, lambda passage: 0)
    assert journal.append(passage)


@pytest.fixture
def hub(tmp_path: Path) -> tuple[Member, int, str]:
    """A hub with one analysts' indicator, its port, and the password of its members."""
    port, secret = free_port(), CliRunner().invoke(root, ["feeds", "hash-secret", "member"]).stdout
    hashed = re.search(r'secret = "([^"]+)"', secret)
    password = re.search(r"password: +(\S+)", secret)
    assert hashed and password
    made = Member(tmp_path / "hub", listen=f"127.0.0.1:{port}")
    text = made.config.read_text(encoding="utf-8")
    made.config.write_text(f'{text}\nmembers = [{{ name = "member", secret = "{hashed[1]}" }}]\n', encoding="utf-8")
    return made, port, password[1]


def joined(member: Member, hub: tuple[Member, int, str]) -> Member:
    """The member with the hub as its feed."""
    _, port, password = hub
    (member.home / "secret").write_text(password)
    keys = ("--user", "member", "--password-file", str(member.home / "secret"), "--allow-private")
    where = (f"http://127.0.0.1:{port}/taxii2/", "--format", "taxii", "--option", "collection=indicators")
    member.run("add", "hub", *where, *keys, "--sightings", "--tlp", "green")
    return member


def indicator_of(member: Member) -> str:
    """The id of what the member's own analyst wrote down."""
    bundle: dict[str, Any] = {
        "type": "indicator", "spec_version": "2.1", "id": "indicator--0b6c1a52-9c0a-4c1e-8a53-7b0c6f0a1c55",
        "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z", "valid_from": "2026-01-01T00:00:00Z",
        "pattern": f"[email-message:subject = '{LURE}']", "pattern_type": "stix",
    }  # fmt: skip
    path = member.home / "own.json"
    path.write_text(json.dumps(bundle), encoding="utf-8")
    arguments = ["rules", "import", "--config", str(member.config), "--source", "own", "--tlp", "green", str(path)]
    assert CliRunner().invoke(root, arguments).exit_code == 0
    return str(bundle["id"])


def test_hub_and_members(hub: tuple[Member, int, str], tmp_path: Path) -> None:
    """The lure that the hub publishes is seen in mail at A within one pull; A's sighting arrives at the hub, once
    however often it is sent, with nothing of the mail; B, who looks at the feed, sees the copy that came before."""
    home, port, _ = hub
    one = joined(Member(tmp_path / "a"), hub)
    other = joined(Member(tmp_path / "b"), hub)
    indicator = indicator_of(home)
    CliRunner().invoke(root, ["rules", "compile", "--config", str(other.config)])
    journalled(other)
    assert "published" in home.run("publish", "--tlp", "green", indicator).output
    with served(home, port):
        assert one.json("pull")["feeds"][0]["merged"]["added"] == 1
        passage = recorded(one)
        assert (passage.verdict.action, passage.verdict.reasons[0].source) == ("quarantine", "hub")
        judge = ["quarantine", "judge", passage.id, "--confirm", "--reason", "the lure", "--config", str(one.config)]
        assert CliRunner().invoke(root, judge).exit_code == 0
        one.run("outbox", "--send")
        one.run("outbox", "--send")
        sightings = home.json("sightings")
        assert [(row["member"], row["indicator"], row["count"]) for row in sightings] == [("member", indicator, 1)]
        assert [row["state"] for row in one.json("outbox")] == ["sent"]
        assert "b@example.jp" not in (document := one.run("outbox", "--json").output) and LURE not in document

        keys = ("--user", "member", "--password-file", str(other.home / "secret"), "--allow-private")
        place = (f"http://127.0.0.1:{port}/taxii2/", "--format", "taxii", "--option", "collection=indicators")
        seen = other.json("test", *place, *keys)["backtest"]
        assert [(hits["id"], hits["mails"]) for hits in seen["hits"]] == [(indicator, 1)]


def test_outage_of_the_hub(hub: tuple[Member, int, str], tmp_path: Path) -> None:
    """While the hub is away what it said stays in force, and the sighting waits."""
    home, port, _ = hub
    one = joined(Member(tmp_path / "a"), hub)
    home.run("publish", "--tlp", "green", indicator_of(home))
    with served(home, port):
        one.run("pull")
    passage = recorded(one)
    judge = ["quarantine", "judge", passage.id, "--false-positive", "--reason", "x", "--config", str(one.config)]
    assert CliRunner().invoke(root, judge).exit_code == 0
    assert one.json("pull", status=1)["feeds"][0]["error"]
    assert one.verdict(LURE)["verdict"] == "quarantine"
    assert [row["state"] for row in one.json("outbox")] == ["pending"]


def test_revocation_reaches_members(hub: tuple[Member, int, str], tmp_path: Path) -> None:
    """What the hub withdraws is out of force at its members with the next pull."""
    home, port, _ = hub
    one = joined(Member(tmp_path / "a"), hub)
    indicator = indicator_of(home)
    home.run("publish", "--tlp", "green", indicator)
    with served(home, port):
        one.run("pull")
        home.run("publish", "--withdraw", indicator)
        one.run("pull")
    assert one.verdict(LURE)["verdict"] == "accept"


def test_second_person(hub: tuple[Member, int, str]) -> None:
    """Where the settings ask for two, one person alone publishes nothing, also not by asking twice."""
    home, _, _ = hub
    home.config.write_text(home.config.read_text(encoding="utf-8") + "publish_by_two = true\n", encoding="utf-8")
    indicator = indicator_of(home)
    for _ in range(2):
        assert "second person" in home.run("publish", "--by", "a", indicator, status=1).output
    assert "published" in home.run("publish", "--by", "b", indicator).output


def test_marking_is_not_made_milder(hub: tuple[Member, int, str]) -> None:
    """What is for the organisation's clients is not published to the community."""
    home, _, _ = hub
    indicator = indicator_of(home)
    arguments = ["rules", "import", "--config", str(home.config), "--source", "b", "--tlp", "amber"]
    CliRunner().invoke(root, [*arguments, str(home.home / "own.json")])
    publish = ["feeds", "publish", "--config", str(home.config), "--tlp", "clear", "--source", "own", indicator]
    done = CliRunner().invoke(root, publish)
    assert done.exit_code != 0
    assert "cannot be published as clear" in str(done.exception)
