"""Mail through the whole gateway, nothing stood in for: Postfix, workers, compiled packs, policy, store, release."""

from __future__ import annotations

import json
import os
import shutil
import signal
import smtplib
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import RealMilter, until
from sekisho_milter.gateway import Gateway
from sekisho_milter.samples import LISTED_URL
from traffic import Load, disturb, kill_one, settle

pytestmark = pytest.mark.mta
HEAD = b"From: a@example.net\r\nMessage-ID: <1@example.net>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0900\r\n"
LISTED = b"\r\n" + LISTED_URL.encode() + b"\r\n"
ACTIONS = ("accept", "tag", "hold", "quarantine", "reject", "tempfail")
OVERRIDES = [
    {"recipients": [f"{action}@example.jp"], "name": action, "severity": {"targeted": action, "malicious": action}}
    for action in ACTIONS
] + [{"recipients": ["watched@example.jp"], "name": "watched", "mode": "observe"}]
TABLES: dict[str, dict[str, Any]] = {
    "policy": {"overrides": OVERRIDES, "outbound_mode": "observe"},
    "milter": {"own_networks": ["198.51.100.0/24"], "spool_memory": 65536},
}
PROGRAM = Path(__file__).with_name("inspection_program.py")


class Hostile(Gateway):
    """A gateway whose reader obeys mails that order it to hang or die."""

    def program(self, service: str) -> list[str]:
        ours = [sys.executable, str(PROGRAM), str(self.config)]
        return ours if service == "inspection" else super().program(service)


@pytest.fixture(scope="module")
def running(needs_postfix: None) -> Iterator[Gateway]:
    """One gateway for the tests that leave it as it was; each uses mails of its own."""
    root = Path(tempfile.mkdtemp(prefix="sekisho-whole-"))
    root.chmod(0o755)
    with Gateway(root, TABLES) as made:
        yield made
    shutil.rmtree(root)


def send(gateway: Gateway, to: list[str], content: bytes, *options: str, xclient: str = "") -> None:
    """One mail in a connection of its own, from what XCLIENT says if given."""
    with gateway.postfix.smtp() as client:
        client.ehlo()
        if xclient:
            assert client.docmd(f"XCLIENT {xclient}")[0] == 220
            client.ehlo()
        client.sendmail("sender@example.net", to, content, mail_options=options)


def delivered(gateway: Gateway, recipient: str, token: bytes) -> bytes:
    """The one delivered mail for a recipient that holds the token."""

    def found() -> list[bytes]:
        contents = (file.read_bytes() for file in gateway.postfix.delivered(recipient))
        return [content for content in contents if token in content]

    until(found, f"the mail {token!r} for {recipient}")
    (content,) = found()
    return content


def record(gateway: Gateway, content: bytes) -> dict[str, Any]:
    """The one record whose stored bytes are these."""
    milter = RealMilter(gateway)
    (found,) = [row for row in milter.records() if milter.body(row) == content]
    shown: dict[str, Any] = json.loads(gateway.command("quarantine", "show", "--json", str(found["id"])))
    return shown | {name: found[name] for name in ("state", "queue_id", "mail_from")}


@pytest.mark.parametrize("action", ["accept", "tag"])
def test_accept_and_tag(running: Gateway, action: str) -> None:
    """Accept and tag: a listed URL reaches who may have it, with our headers and the sender's bytes."""
    send(
        running,
        [f"{action}@example.jp"],
        HEAD + b"X-Sekisho-Action: forged\r\n" + LISTED + b"%s one\r\n" % action.encode(),
    )
    content = delivered(running, f"{action}@example.jp", b"%s one" % action.encode())
    assert content.count(b"\nX-Sekisho-Action: ") == 1 and b"\nX-Sekisho-Action: %s" % action.encode() in content
    assert content.endswith(LISTED.replace(b"\r\n", b"\n") + b"%s one\n" % action.encode())


def test_quarantine_and_release(running: Gateway) -> None:
    """Quarantine: what is stored is what was sent (8-bit headers, odd folds, lone dots); it names its rule; a release
    delivers those bytes once, and a second release nothing."""
    content = (
        HEAD + b"X-Odd:\tno space\r\n\tfolded \xe9\r\nSubject: \x83\x65\x83\x58\r\n" + LISTED + b"..dot\r\n\xff\r\n"
    )
    send(running, ["quarantine@example.jp"], content, "BODY=8BITMIME")
    kept = record(running, content)
    assert running.postfix.delivered("quarantine@example.jp") == [] and kept["state"] == "kept"
    assert kept["reasons"][0]["source"] and f"queue={kept['queue_id']}" in running.log("milter")
    running.command("quarantine", "release", kept["id"], "--reason", "known to us")
    with pytest.raises(Exception, match="nothing to release"):
        running.command("quarantine", "release", kept["id"], "--reason", "again")
    assert delivered(running, "quarantine@example.jp", b"..dot").endswith(content.replace(b"\r\n", b"\n"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may take mail out of Postfix's hold queue")
def test_hold_and_release(running: Gateway) -> None:
    """Hold: the mail waits in Postfix's hold queue, and the release lets it go on from there, once."""
    content = HEAD + LISTED + b"held\r\n"
    send(running, ["hold@example.jp"], content)
    held = record(running, content)
    assert held["queue_id"] in running.postfix.queue_ids("hold") and held["state"] == "held"
    running.command("quarantine", "release", held["id"], "--reason", "known to us")
    assert b"\nX-Sekisho-Action: hold\n" in delivered(running, "hold@example.jp", b"\nheld\n")


def test_reject_and_tempfail(running: Gateway) -> None:
    """Reject and tempfail: the sender hears 550 and 451, and nobody gets the mail."""
    for action, code in (("reject", "550"), ("tempfail", "451")):
        with pytest.raises(smtplib.SMTPDataError, match=code):
            send(running, [f"{action}@example.jp"], HEAD + LISTED)
        assert running.postfix.delivered(f"{action}@example.jp") == []


def test_recipients_of_every_policy(running: Gateway) -> None:
    """A30: one mail to recipients of six policies: those who may have it get it, the others' copies are kept and can be
    released, and a hold for some is a kept copy, not one at the MTA."""
    to = [f"{action}@example.jp" for action in ("accept", "tag", "hold", "quarantine", "reject")] + [
        "watched@example.jp"
    ]
    content = HEAD + LISTED + b"mixed\r\n"
    send(running, to, content)
    for recipient in ("accept@example.jp", "tag@example.jp", "watched@example.jp"):
        delivered(running, recipient, b"\nmixed\n")
    kept = record(running, content)
    assert [one["state"] for one in kept["recipients"]] == ["delivered"] * 2 + ["kept"] * 3 + ["delivered"]
    running.command("quarantine", "release", kept["id"], "--to", "hold@example.jp", "--reason", "asked for it")
    assert b"\nX-Sekisho" not in delivered(running, "hold@example.jp", b"\nmixed\n")
    assert not [
        file for file in running.postfix.delivered("quarantine@example.jp") if b"\nmixed\n" in file.read_bytes()
    ]


@pytest.mark.parametrize("client", ["ADDR=198.51.100.7", "ADDR=192.0.2.1 LOGIN=hanako"])
def test_our_own_users(running: Gateway, client: str) -> None:
    """Mail from own_networks, and of a user who logged in, is outbound: observed by default, and recorded."""
    content = HEAD + LISTED + client.encode() + b"\r\n"
    send(running, ["quarantine@example.jp"], content, xclient=client)
    assert b"would=quarantine" in delivered(running, "quarantine@example.jp", client.encode())
    found = record(running, content)
    assert (found["direction"], found["state"]) == ("outbound", "delivered")


def test_internationalised_null_sender_and_chunks(running: Gateway) -> None:
    """A31: SMTPUTF8 addresses, the null sender and BDAT: the record holds what was said and what was sent."""
    content = HEAD + "Subject: 件名\r\n".encode() + LISTED + b".bdat\r\n"
    with running.postfix.smtp() as client:
        client.ehlo()
        client.docmd("MAIL FROM:<> SMTPUTF8 BODY=8BITMIME")
        client.command_encoding = "utf-8"
        assert client.docmd("RCPT TO:<受信@example.jp>")[0] == 250
        for piece, last in ((content[:50], ""), (content[50:], " LAST")):
            client.send(b"BDAT %d%s\r\n%s" % (len(piece), last.encode(), piece))
            assert client.getreply()[0] == 250
    kept = record(running, content)
    assert (kept["mail_from"], [one["address"] for one in kept["recipients"]]) == ("", ["受信@example.jp"])


def test_a_large_mail(running: Gateway) -> None:
    """A31: twenty megabytes go through the disk, are read, and stored as they were sent."""
    content = HEAD + LISTED + b"".join(b"%07d %s\r\n" % (number, b"x" * 90) for number in range(200_000))
    send(running, ["quarantine@example.jp"], content)
    assert record(running, content)["state"] == "kept"
    assert list((running.root / "spool").iterdir()) == []


def test_observe(gateway_factory: Callable[..., Gateway]) -> None:
    """Mode observe: everything is delivered and recorded, nothing is stopped."""
    gateway = gateway_factory({"policy": {"mode": "observe"}})
    gateway.start()
    content = HEAD + LISTED
    send(gateway, ["anybody@example.jp"], content)
    assert b"would=quarantine" in delivered(gateway, "anybody@example.jp", b"X-Sekisho")
    assert record(gateway, content)["state"] == "delivered"


@pytest.mark.slow
def test_a_rule_that_stops_too_much(gateway_factory: Callable[..., Gateway]) -> None:
    """C23: a rule whose mail comes from too many sender domains is suspended while the gateway runs: the next mail
    passes, what was kept is released at once, and resumed the rule stops mail again."""
    gateway = gateway_factory({"quarantine": {"breaker_mails": 20, "breaker_senders": 2}})
    gateway.start()
    kept = [HEAD + LISTED + b"%d\r\n" % number for number in range(3)]
    for number, content in enumerate(kept):
        with gateway.postfix.smtp() as client:
            client.sendmail(f"a@sender-{number}.example", ["victim@example.jp"], content)
    until(lambda: "rule-suspended" in gateway.log("milter"), "the breaker", 40.0)
    suspended = json.loads(gateway.command("rules", "suspended", "--json"))
    send(gateway, ["victim@example.jp"], HEAD + LISTED + b"after\r\n")
    delivered(gateway, "victim@example.jp", b"after")
    gateway.command("quarantine", "release", "--rule", suspended[0]["id"], "--reason", "a test")
    assert {one["state"] for one in gateway.quarantined()} == {"released"}
    for one in suspended:
        gateway.command("rules", "resume", one["id"], "--reason", "a test")
    send(gateway, ["victim@example.jp"], HEAD + LISTED + b"again\r\n")
    assert [one["state"] for one in gateway.quarantined()].count("kept") == 1


def test_a_reader_that_hangs_or_dies(needs_postfix: None, open_directory: Path) -> None:
    """A7, A8, A9: a mail whose reader hangs, crashes or vanishes is kept with the reason, by policy; other mail flows
    meanwhile; content that killed its worker as often as is allowed is not tried again."""
    tables: dict[str, dict[str, object]] = {"inspection": {"deadline": 3.0, "workers": 2}}
    with Hostile(open_directory, tables) as gateway:
        for order, reason in ((b"hang", "timeout"), (b"die", "poison"), (b"vanish", "poison")):
            content = HEAD + b"X-Test-Reader: %s\r\n\r\nx\r\n" % order
            with gateway.postfix.smtp() as waiting:
                waiting.ehlo()
                waiting.mail("a@example.net")
                waiting.rcpt("victim@example.jp")
                waiting.putcmd("DATA")
                assert waiting.getreply()[0] == 354
                waiting.send(content + b".\r\n")
                send(gateway, [f"{order.decode()}@example.jp"], HEAD + b"\r\nmeanwhile\r\n")
                assert waiting.getreply()[0] == 250
            delivered(gateway, f"{order.decode()}@example.jp", b"meanwhile")
            assert [gap["reason"] for gap in record(gateway, content)["incomplete"]] == [reason]
        assert gateway.postfix.delivered("victim@example.jp") == []


def real(token: str) -> bytes:
    """A mail that is listed if its token says so."""
    return HEAD + (LISTED if token.startswith("quarantine") else b"\r\nnothing\r\n")


@pytest.mark.slow
def test_kills_of_every_process_lose_nothing(gateway_factory: Callable[..., Gateway]) -> None:
    """A1, A2: a thousand mails with real workers, index, policy and store, while filter processes, workers and the
    supervisor are killed in turn, every half second: each is delivered scanned, kept, or refused with 4xx and sent
    again; none is doubled or lost."""
    gateway = gateway_factory({"inspection": {"queue_wait": 5.0}})
    gateway.start()
    milter, turn = RealMilter(gateway), [0]

    def kill() -> None:
        turn[0] += 1
        if turn[0] % 3 == 0:
            kill_one(milter, [])
        elif turn[0] % 3 == 1:
            kill_worker(gateway)
        else:
            os.kill(gateway.pid("inspection"), signal.SIGKILL)
            gateway.start_service("inspection", gateway.root / "inspection.sock")

    load = Load(gateway.postfix, 1000, content=real).start()
    disturb(load, kill, 0.5)
    found = settle(gateway.postfix, milter, load)
    assert len(found.accepted) == 1000 and len(found.delivered) + len(found.kept) == 1000
    assert turn[0] >= 6 and {word.partition("-")[0] for word in found.delivered} == {"ok", "tag"}


def kill_worker(gateway: Gateway) -> None:
    """SIGKILL to one inspection worker."""
    pid = gateway.pid("inspection")
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[:1]:
        os.kill(int(child), signal.SIGKILL)
