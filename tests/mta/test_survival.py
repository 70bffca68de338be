"""The filter processes die, leave and come back under load, and no mail is lost, doubled or let through unscanned."""

from __future__ import annotations

import os
import signal
import smtplib

import pytest
from harness import Milter, gate, until
from sekisho_milter.postfix import PrivatePostfix
from traffic import Load, disturb, kill_one, settle

pytestmark = [pytest.mark.mta, pytest.mark.slow]


def test_killed_filters_lose_nothing(needs_postfix: None) -> None:
    """A1, A2: a thousand mails, ten a session, and a filter process killed every half second: every mail is delivered
    scanned, or kept, or refused with 4xx and sent again; no record is doubled by the retries (A3)."""
    with gate() as (postfix, milter):
        load = Load(postfix, 1000).start()
        turn: list[int] = []
        kills = disturb(load, lambda: kill_one(milter, turn), 0.5)
        found = settle(postfix, milter, load)
        assert found.refused == frozenset() and len(found.accepted) == 1000
        assert len(found.kept) == 250 and len(found.delivered) == 750
        assert kills >= 5 and len(milter.events("filter-died")) >= 5


def test_recycling_and_reload_lose_no_connection(needs_postfix: None) -> None:
    """A21, A25: with a fresh process every 15 mails and a reload every half second, each mail is answered 250."""
    with gate({"milter": {"recycle": 15}}) as (postfix, milter):
        load = Load(postfix, 300).start()
        disturb(load, lambda: milter.signal(signal.SIGHUP), 0.5)
        found = settle(postfix, milter, load)
        assert len(found.accepted) == 300 and set(load._seen) == set()
        assert len(milter.events("filter-left")) >= 10 and not milter.events("filter-died")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_is_graceful(needs_postfix: None, number: signal.Signals) -> None:
    """A21: told to stop under load, the milter finishes what it has begun and ends with 0; after a new start the rest
    goes through."""
    with gate({"milter": {"drain": 20.0}}) as (postfix, milter):
        load = Load(postfix, 120).start()
        until(lambda: len(milter.events("mail")) > 20, "the load runs")
        milter.signal(number)
        assert milter.exit_status(25) == 0
        milter.start()
        found = settle(postfix, milter, load)
        assert len(found.accepted) == 120
        assert "killed=" not in milter.events("stopped")[0]


def test_bad_settings_at_a_reload(needs_postfix: None) -> None:
    """A21: a reload with settings that cannot be used is refused with their fault, and the old ones stay in force."""
    with gate() as (postfix, milter):
        before = milter.filters()
        good = milter.config.read_text()
        milter.config.write_text(good + "\n[policy]\nmode = 7\n")
        milter.signal(signal.SIGHUP)
        until(lambda: "policy.mode" in "".join(milter.events("reload-refused")), "the refusal")
        with postfix.smtp() as client:
            client.sendmail("a@example.net", ["quarantine@example.jp"], b"Subject: x\r\n\r\nx\r\n")
        assert len(milter.records()) == 1 and milter.filters() == before
        milter.config.write_text(good + '\n[policy]\nmode = "observe"\n')
        milter.signal(signal.SIGHUP)
        until(lambda: len(milter.events("filter-left")) == len(before), "the old ones left")
        with postfix.smtp() as client:
            client.sendmail("a@example.net", ["quarantine@example.jp"], b"Subject: y\r\n\r\ny\r\n")
        until(lambda: postfix.delivered("quarantine@example.jp"), "observe mode delivers")


@pytest.mark.parametrize(
    ("sender", "recipient"), [("die-before", "quarantine@example.jp"), ("die-after", "hold@example.jp")]
)
def test_death_around_the_reply(needs_postfix: None, sender: str, recipient: str) -> None:
    """A3, A4: a filter dies between the commit and the reply, or between the wish to hold and the final reply: 4xx,
    nothing is delivered, and the retry joins the one record."""
    with gate() as (postfix, milter):
        with pytest.raises(smtplib.SMTPDataError, match=r"4[25]1"):
            one_mail(postfix, f"{sender}@example.net", recipient)
        assert postfix.queue_ids() == [] and postfix.delivered() == []
        one_mail(postfix, f"{sender}@example.net", recipient)
        assert [record["retries"] for record in milter.records()] == [1]
        assert len(postfix.queue_ids("hold")) == (1 if recipient.startswith("hold") else 0)
        assert postfix.delivered() == []


def test_death_at_each_stage(needs_postfix: None) -> None:
    """A1: all filter processes die at a stage of the dialogue: the mail is refused with 4xx, never delivered, and the
    next session is served."""
    with gate() as (postfix, milter):
        for stage in ("connect", "helo", "mail", "rcpt", "data"):
            code = interrupted(postfix, milter, stage)
            assert 400 <= code < 500, (stage, code)
            one_mail(postfix, "a@example.net", f"{stage}@example.jp")
        until(lambda: len(postfix.delivered()) == 5, "the second tries")
        assert all(b"X-Sekisho-Id" in file.read_bytes() for file in postfix.delivered())


def interrupted(postfix: PrivatePostfix, milter: Milter, stage: str) -> int:
    """The first code from 400 on, or the last, of a dialogue in which all filters are killed after `stage`."""
    steps = {"connect": b"", "helo": b"EHLO c.example.net", "mail": b"MAIL FROM:<a@example.net>",
             "rcpt": b"RCPT TO:<never@example.jp>", "data": b"DATA", "end": b"Subject: x\r\n\r\nx\r\n."}  # fmt: skip
    code = 0
    with postfix.smtp() as client:
        for name, line in steps.items():
            if line:
                client.send(line + b"\r\n")
                code = client.getreply()[0]
            if code >= 400:
                return code
            if name == stage:
                kill_all(milter)
    return code


def kill_all(milter: Milter) -> None:
    """SIGKILL to every filter process, and wait for the next ones."""
    ready = len(milter.events("filter-ready"))
    victims = milter.filters()
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(milter.events("filter-ready")) >= ready + len(victims), "new filters")


def one_mail(postfix: PrivatePostfix, sender: str, recipient: str) -> None:
    """A mail in a connection of its own."""
    with postfix.smtp() as client:
        client.sendmail(sender, [recipient], b"Subject: x\r\n\r\nx\r\n")
