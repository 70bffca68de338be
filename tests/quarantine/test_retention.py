from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sekisho_core.errors import StoreError
from sekisho_core.events import Events
from sekisho_core.settings import load
from sekisho_core.vocabulary import Action, Passage
from sekisho_quarantine import audit
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.records import Filter, listed
from sekisho_quarantine.release import Order, Releaser
from sekisho_quarantine.retention import Retention, Summary, delete_mail
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.store import Store
from sekisho_quarantine.tables import passages, releases
from sqlalchemy import Engine, insert, select, update

Make = Callable[..., Passage]
NOW = datetime.now(UTC)


@pytest.fixture
def log() -> list[tuple[str, dict[str, object]]]:
    """The events that were emitted."""
    return []


@pytest.fixture
def run(engine: Engine, bodies: Bodies, log: list[Any], config: Path) -> Callable[..., Summary]:
    """Runs retention so many days from now with some settings changed."""
    base = load(config).of(QuarantineSettings)

    def run(days: int = 0, **changed: int) -> Summary:
        settings = msgspec.structs.replace(base, **changed)
        events = Events(lambda _, name, fields: log.append((name, fields)))
        return Retention(engine, bodies, settings, events, lambda: NOW + timedelta(days=days, minutes=1)).run()

    return run


def _age(engine: Engine, passage: Passage, days: int) -> None:
    with engine.begin() as connection:
        this = passages.c.id == passage.id
        connection.execute(update(passages).where(this).values(last_at=NOW - timedelta(days=days)))


def _state(engine: Engine, passage: Passage) -> str | None:
    with engine.connect() as connection:
        return connection.scalar(select(passages.c.state).where(passages.c.id == passage.id))


def _what(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        assert list(audit.faults(connection)) == []
        return [entry.what for entry in audit.entries(connection)]


def test_bodies_go_by_age_and_never_silently(
    engine: Engine, store: Store, bodies: Bodies, make_passage: Make, run: Callable[..., Summary], log: list[Any]
) -> None:
    """An old body goes with an audit entry and an event of its own and a summary; its record and young mail stay."""
    old, young = make_passage(), make_passage(b"young\r\n")
    for passage in (old, young):
        store.record(passage)
    _age(engine, old, 91)
    assert run().expired == 1
    assert not bodies.path(old.mail.content.sha256).exists()
    assert (_state(engine, old), _state(engine, young)) == ("deleted", "kept")
    assert _what(engine)[2:] == ["expired", "retention"]
    assert [(name, fields.get("passage")) for name, fields in log] == [("expired", old.id), ("retention", None)]
    assert log[-1][1]["audit_number"] == 4


def test_bodies_go_by_size_oldest_first(
    engine: Engine, store: Store, make_passage: Make, run: Callable[..., Summary]
) -> None:
    """Beyond keep_bytes the oldest go until the rest fits."""
    made = [make_passage(b"%d" % n * 1000) for n in range(4)]
    for age, passage in enumerate(made):
        store.record(passage)
        _age(engine, passage, age)
    assert run(keep_bytes=2500).expired == 2
    assert [_state(engine, passage) for passage in made] == ["kept", "kept", "deleted", "deleted"]


def test_shared_body_stays_for_the_younger_record(
    engine: Engine, store: Store, bodies: Bodies, make_passage: Make, run: Callable[..., Summary]
) -> None:
    """One content, two deliveries: nothing goes before the younger one's time is up, then both do."""
    old, young = make_passage(), make_passage(sender="other@example.com")
    for passage in (old, young):
        store.record(passage)
    _age(engine, old, 100)
    assert run().expired == 0
    assert bodies.read(old.mail.content.sha256) == old.mail.content.read()
    assert run(days=91).expired == 2


def test_waiting_release_keeps_its_body(
    engine: Engine, store: Store, bodies: Bodies, make_passage: Make, run: Callable[..., Summary], config: Path
) -> None:
    """A body is neither expired nor deleted while a release of it waits for the MTA."""
    passage = make_passage()
    store.record(passage)
    settings = load(config).of(QuarantineSettings)
    Releaser(engine, bodies, settings, Events(lambda *_: None), "X-Sekisho").release(Order(passage.id, "hanako", "why"))
    assert run(days=200, keep_bytes=1).expired == 0
    with pytest.raises(StoreError, match="a release is under way"):
        delete_mail(engine, bodies, passage.id, "hanako", "why")
    assert bodies.read(passage.mail.content.sha256) == passage.mail.content.read()


def test_records_and_audit_go_at_their_own_time(
    engine: Engine, store: Store, make_passage: Make, run: Callable[..., Summary], log: list[Any]
) -> None:
    """A record stays keep_record_days after its body; what is left of the audit still verifies and says what went."""
    passage = make_passage()
    store.record(passage)
    run(days=91)
    assert _state(engine, passage) == "deleted"
    assert run(days=91 + 1095).records_removed == 0
    assert run(days=91 + 1096).records_removed == 1
    assert _state(engine, passage) is None
    # The audit's own clock is the machine's, so everything in it is older than the run's and goes too.
    assert _what(engine) == ["audit-pruned", "retention"]
    assert ("record-removed", passage.id) in [(name, fields.get("passage")) for name, fields in log]


def test_orphans_and_leftovers_are_swept_after_a_day(
    engine: Engine, store: Store, bodies: Bodies, make_passage: Make, run: Callable[..., Summary]
) -> None:
    """Bodies without a record and half-written files go when older than a day; a recorded one stays."""
    orphan, recorded = make_passage(b"orphan\r\n").mail.content, make_passage()
    bodies.put(orphan)
    store.record(recorded)
    leftover = bodies.path(orphan.sha256).parent / ".new-x"
    leftover.write_bytes(b"half")
    assert (run().orphans, run().temporary) == (0, 0)
    for path in (leftover, bodies.path(orphan.sha256), bodies.path(recorded.mail.content.sha256)):
        os.utime(path, (0, 0))
    summary = run()
    assert (summary.orphans, summary.temporary) == (1, 1)
    assert bodies.read(recorded.mail.content.sha256) == recorded.mail.content.read()


def test_deleted_mail_that_comes_again_is_kept_again(
    engine: Engine, store: Store, bodies: Bodies, make_passage: Make
) -> None:
    """After a deletion the same delivery is recorded with its body; nothing is lost for being known."""
    passage = make_passage()
    store.record(passage)
    delete_mail(engine, bodies, passage.id, "hanako", "spam")
    assert not bodies.path(passage.mail.content.sha256).exists()
    with pytest.raises(StoreError, match="gone already"):
        delete_mail(engine, bodies, passage.id, "hanako", "spam")
    store.record(make_passage())
    assert _state(engine, passage) == "kept"
    assert bodies.read(passage.mail.content.sha256) == passage.mail.content.read()


def test_a_release_that_may_have_arrived_does_not_hinder_a_deletion(
    engine: Engine, store: Store, bodies: Bodies, make_passage: Make
) -> None:
    """A person found the mail in its mailbox: the record is closed by a deletion, and found as open no more."""
    passage = make_passage()
    store.record(passage)
    now = datetime.now(UTC)
    row = {"passage_id": passage.id, "address": "b@example.jp", "state": "uncertain", "who": "hanako", "why": "x"}
    with engine.begin() as connection:
        connection.execute(insert(releases).values(**row, requested_at=now, at=now, claim="", attempts=1, reply=""))
        assert [one["id"] for one in listed(connection, Filter(release="uncertain", state="kept"))] == [passage.id]
    delete_mail(engine, bodies, passage.id, "hanako", "it arrived")
    with engine.connect() as connection:
        assert listed(connection, Filter(release="uncertain", state="kept")) == []


def test_deleting_one_mail_leaves_the_others_body(
    store: Store, engine: Engine, bodies: Bodies, make_passage: Make
) -> None:
    """Two deliveries of one content: deleting one leaves the body for the other."""
    one, other = make_passage(), make_passage(sender="other@example.com")
    for passage in (one, other):
        store.record(passage)
    delete_mail(engine, bodies, one.id, "hanako", "spam")
    assert bodies.read(other.mail.content.sha256) == other.mail.content.read()


def test_held_and_delivered_mail_keeps_its_state_without_a_body(
    engine: Engine, store: Store, make_passage: Make, run: Callable[..., Summary]
) -> None:
    """Our copy's end changes nothing about mail that the MTA holds or delivered."""
    held, delivered = make_passage(action=Action.HOLD), make_passage(b"tagged\r\n", action=Action.TAG)
    for passage in (held, delivered):
        store.record(passage)
    assert run(days=100).expired == 2
    assert (_state(engine, held), _state(engine, delivered)) == ("held", "delivered")
