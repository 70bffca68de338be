from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sekisho_core.ids import new_id
from sekisho_core.scan import passage_key
from sekisho_core.vocabulary import Action, Content, Envelope, Mail, Match, Passage, Reading, Verdict
from sekisho_feeds.confirmed import LONGEST, queue_sightings
from sekisho_feeds.outbox import deliver, listed
from sekisho_feeds.sighting import FALSE_POSITIVE
from sekisho_quarantine.judgement import Finding, judge
from sekisho_quarantine.store import Store
from sekisho_quarantine.tables import passages
from sqlalchemy import Engine, update

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
IDENTITY = "identity--7b82c6f0-0a5c-4c1e-9c0e-2f9b3f6a1d11"
ONE, TWO = (f"indicator--{uuid.UUID(int=number)}" for number in (1, 2))
Kept = Callable[..., str]


def _match(source: str, rule: str, state: Any) -> Match:
    return Match("indicator", rule, source, "amber", 90, "targeted", "exact", "header:subject", "why", state=state)


@pytest.fixture
def kept(engine: Engine, tmp_path: Path) -> Iterator[Kept]:
    """Records a mail with these (source, rule) reasons, received at this time; returns its id."""
    (tmp_path / "bodies").mkdir()
    store = Store(engine, tmp_path / "bodies")
    opened: list[int] = []

    def keep(*reasons: tuple[str, str], at: datetime = NOW, state: str = "enforce") -> str:
        descriptor = os.memfd_create("test")
        opened.append(descriptor)
        body = uuid.uuid4().bytes
        os.write(descriptor, body)
        content = Content(descriptor, len(body), hashlib.sha256(body).hexdigest())
        envelope = Envelope("192.0.2.1", "mx.example", "helo", "a@example.com", ("b@example.jp",), queue_id=new_id())
        mail = Mail(new_id(), envelope, content)
        verdict = Verdict(Action.TAG, (), tuple(_match(*one, state) for one in reasons))
        store.record(Passage(mail.id, passage_key(mail), mail, Reading(), verdict, 7, {}))
        with engine.begin() as connection:
            connection.execute(update(passages).where(passages.c.id == mail.id).values(received_at=at))
        return mail.id

    yield keep
    for descriptor in opened:
        os.close(descriptor)


def _judge(engine: Engine, *mails: str, finding: Finding = Finding.CONFIRMED) -> None:
    for one in mails:
        judge(engine, one, finding, "hanako", "looked at")


def _queued(engine: Engine) -> list[dict[str, Any]]:
    return sorted((json.loads(letter.document) for letter in listed(engine)), key=lambda one: one["id"])


def _queue(engine: Engine, *feeds: str) -> int:
    return queue_sightings(engine, dict.fromkeys(feeds or ("npa",), "taxii"), IDENTITY, NOW)


def test_confirmed_mails_are_counted_by_indicator_and_day(engine: Engine, kept: Kept) -> None:
    """Each indicator's hits of a day are one sighting; another day is another, and a second call adds nothing."""
    early, late, before = NOW - timedelta(hours=2), NOW + timedelta(hours=2), NOW - timedelta(days=1)
    _judge(engine, kept(("npa", ONE), ("npa", ONE), at=late), kept(("npa", ONE), ("npa", TWO), at=early))
    _judge(engine, kept(("npa", ONE), at=before))
    assert [_queue(engine), _queue(engine)] == [3, 0]
    told = {(one["sighting_of_ref"], one["first_seen"], one["last_seen"], one["count"]) for one in _queued(engine)}
    assert told == {
        (ONE, "2026-03-10T10:00:00.000Z", "2026-03-10T14:00:00.000Z", 2),
        (TWO, "2026-03-10T10:00:00.000Z", "2026-03-10T10:00:00.000Z", 1),
        (ONE, "2026-03-09T12:00:00.000Z", "2026-03-09T12:00:00.000Z", 1),
    }
    assert {letter.kind for letter in listed(engine)} == {"taxii"}


def test_nothing_of_the_mail_is_told(engine: Engine, kept: Kept) -> None:
    """No address, subject, reason or name of an analyst is in what goes out."""
    _judge(engine, kept(("npa", ONE)))
    _queue(engine)
    (document,) = _queued(engine)
    for secret in ("example", "hanako", "looked", "192.0.2", "why"):
        assert secret not in json.dumps(document)


def test_who_is_told(engine: Engine, kept: Kept) -> None:
    """Only the feed whose indicator hit, if it takes sightings; not for a rule without an indicator's id, for one that
    was only observed, or for a mail that nobody judged."""
    _judge(engine, kept(("npa", ONE), ("vendor", TWO), ("own", ONE), ("npa", "yara-rule")))
    _judge(engine, kept(("npa", TWO), state="observe"))
    kept(("npa", TWO))
    assert _queue(engine, "npa", "vendor") == 2
    assert {(letter.feed, json.loads(letter.document)["sighting_of_ref"]) for letter in listed(engine)} == {
        ("npa", ONE),
        ("vendor", TWO),
    }


def test_more_hits_are_a_newer_version(engine: Engine, kept: Kept) -> None:
    """Another confirmed mail of the day raises the count under the same id, also after it was sent."""
    sent: list[dict[str, Any]] = []
    for _ in range(2):
        _judge(engine, kept(("npa", ONE)))
        assert _queue(engine) == 1
        deliver(engine, {"npa": sent.append}, NOW)
    assert [one["count"] for one in sent] == [1, 2]
    assert sent[0]["id"] == sent[1]["id"] and sent[0]["modified"] < sent[1]["modified"]


def test_a_changed_judgement(engine: Engine, kept: Kept) -> None:
    """A mail that turns out to be harmless is told as a false positive, and what was told before is revoked."""
    mail = kept(("npa", ONE))
    _judge(engine, mail)
    _queue(engine)
    _judge(engine, mail, finding=Finding.FALSE_POSITIVE)
    assert [_queue(engine), _queue(engine)] == [2, 0]
    said = [(one["count"], one.get(FALSE_POSITIVE), one.get("revoked", False)) for one in _queued(engine)]
    assert sorted(said, key=str) == [(0, 1, False), (0, None, True)]
    _judge(engine, mail)
    assert _queue(engine) == 2
    said = [(one["count"], one.get(FALSE_POSITIVE), one.get("revoked", False)) for one in _queued(engine)]
    assert sorted(said, key=str) == [(0, 0, True), (1, None, False)]


def test_both_kinds_on_one_day(engine: Engine, kept: Kept) -> None:
    """One indicator may be right and wrong on one day: two sightings that leave each other alone."""
    _judge(engine, kept(("npa", ONE)))
    _judge(engine, kept(("npa", ONE)), kept(("npa", ONE)), finding=Finding.FALSE_POSITIVE)
    assert _queue(engine) == 2
    assert sorted((one["count"], one.get(FALSE_POSITIVE, 0)) for one in _queued(engine)) == [(0, 2), (1, 0)]


def test_old_mail_and_damaged_records(engine: Engine, kept: Kept) -> None:
    """Mail that is too old is told to nobody, and a record that cannot be read does not keep the others."""
    damaged = kept(("npa", ONE))
    _judge(engine, kept(("npa", ONE), at=NOW - LONGEST - timedelta(days=1)), damaged, kept(("npa", TWO)))
    with engine.begin() as connection:
        connection.execute(update(passages).where(passages.c.id == damaged).values(verdict=b"\xc1"))
    assert _queue(engine) == 1
    assert _queued(engine)[0]["sighting_of_ref"] == TWO
