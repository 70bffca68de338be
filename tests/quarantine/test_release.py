from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sekisho_core.display import local_time
from sekisho_core.errors import StoreError
from sekisho_core.events import Events
from sekisho_core.settings import load
from sekisho_core.vocabulary import Action, Passage
from sekisho_quarantine import audit, hold
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.records import Filter, listed
from sekisho_quarantine.release import Order, Releaser
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.store import Store
from sekisho_quarantine.tables import ReleaseState, passages, recipients, releases
from sqlalchemy import Engine, event, select, update

Make = Callable[..., Passage]
Sink = Callable[..., Any]
ReleaserFor = Callable[[int], Releaser]


@pytest.fixture
def log() -> list[tuple[str, dict[str, object]]]:
    """The events that were emitted."""
    return []


@pytest.fixture
def releaser(engine: Engine, bodies: Bodies, log: list[tuple[str, dict[str, object]]], config: Path) -> ReleaserFor:
    """Makes a releaser that hands over to a port."""
    base = load(config).of(QuarantineSettings)

    def make(port: int) -> Releaser:
        settings = msgspec.structs.replace(base, release_port=port, release_timeout=5.0)
        return Releaser(
            engine, bodies, settings, Events(lambda _, name, fields: log.append((name, fields))), "X-Sekisho"
        )

    return make


def _order(passage: Passage, *to: str, again: bool = False) -> Order:
    return Order(passage.id, "hanako", "false alarm", to or None, again)


def _column(engine: Engine, column: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.scalars(select(column)))


def test_release_gives_the_original_mail_once(
    engine: Engine, store: Store, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink, log: list[Any]
) -> None:
    """Original sender, all recipients, original bytes; the record, the audit and the log say who and why."""
    sink, passage = smtp_sink(), make_passage()
    store.record(passage)
    outcomes = releaser(sink.port).release(_order(passage))
    assert [one.state for one in outcomes] == ["sent", "sent"]
    (mail, to, content, _), *more = sink.mails
    assert (mail.split()[1], len(to), content, more) == ("FROM:<a@example.com>", 2, passage.mail.content.read(), [])
    assert _column(engine, passages.c.state) == ["released"]
    assert _column(engine, recipients.c.state) == ["released", "released"]
    with engine.connect() as connection:
        noted = [(one.who, one.what, one.why) for one in audit.entries(connection, passage.id)][1:]
    expected = ["release-requested", "release-begun", "release-sent", "release-sent"]
    assert noted == [("hanako", what, "false alarm") for what in expected]
    assert [(name, fields["state"]) for name, fields in log] == [("release", "sent")] * 2
    assert store.is_released(passage.key)


def test_mta_that_is_down_gets_it_later(
    engine: Engine, store: Store, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink, refused_port: int
) -> None:
    """A34: the MTA is down; a later run delivers once, with the original bytes, and a third has nothing to do."""
    passage = make_passage()
    store.record(passage)
    assert {one.state for one in releaser(refused_port).release(_order(passage))} == {ReleaseState.PENDING}
    sink = smtp_sink()
    assert {one.state for one in releaser(sink.port).retry_pending()} == {ReleaseState.SENT}
    assert releaser(sink.port).retry_pending() == []
    assert [content for _, _, content, _ in sink.mails] == [passage.mail.content.read()]
    assert _column(engine, releases.c.attempts) == [2, 2]


def test_connection_lost_halfway_is_tried_again(
    store: Store, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink
) -> None:
    """A34: lost before the end of the content, the same command again delivers it once."""
    passage = make_passage()
    store.record(passage)
    assert {one.state for one in releaser(smtp_sink({"DATA": None}).port).release(_order(passage))} == {"pending"}
    sink = smtp_sink()
    assert {one.state for one in releaser(sink.port).release(_order(passage))} == {"sent"}
    assert len(sink.mails) == 1


def test_uncertain_release_is_never_sent_by_itself(
    store: Store, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink
) -> None:
    """Lost after the end of the content: neither a retry nor the command sends again, until a person insists."""
    passage = make_passage(to=("b@example.jp",))
    store.record(passage)
    assert [one.state for one in releaser(smtp_sink({".": None}).port).release(_order(passage))] == ["uncertain"]
    sink = smtp_sink()
    assert releaser(sink.port).retry_pending() == []
    with pytest.raises(StoreError, match="may have arrived; look for it in the MTA's log"):
        releaser(sink.port).release(_order(passage))
    assert sink.mails == []
    assert [one.state for one in releaser(sink.port).release(_order(passage, again=True))] == ["sent"]


def test_racing_releases_deliver_once(
    engine: Engine, store: Store, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink
) -> None:
    """Six releases of one mail at once: one delivery; the others find it taken."""
    sink, passage = smtp_sink(), make_passage()
    store.record(passage)
    start = threading.Barrier(6)
    errors: list[StoreError] = []

    def race() -> None:
        start.wait()
        try:
            releaser(sink.port).release(_order(passage))
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line for _, to, _, _ in sink.mails for line in to) == [
        "RCPT TO:<b@example.jp>",
        "RCPT TO:<c@example.jp>",
    ]
    taken = ("was released", "is being sent", "nothing to release (released)")
    assert [str(error) for error in errors if not any(words in str(error) for words in taken)] == []
    assert set(_column(engine, releases.c.state)) == {"sent"}


def test_some_recipients_now_the_others_later(
    engine: Engine, store: Store, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink
) -> None:
    """Released to one recipient the mail stays kept for the other, who can get it afterwards, alone."""
    sink, passage = smtp_sink(), make_passage()
    store.record(passage)
    releaser(sink.port).release(_order(passage, "c@example.jp"))
    assert _column(engine, passages.c.state) == ["kept"]
    releaser(sink.port).release(_order(passage))
    assert _column(engine, passages.c.state) == ["released"]
    assert [to for _, to, _, _ in sink.mails] == [["RCPT TO:<c@example.jp>"], ["RCPT TO:<b@example.jp>"]]


def test_refused_recipient_is_noted_and_can_be_tried_again(
    engine: Engine, store: Store, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink
) -> None:
    """The MTA's own words for a recipient are kept; a retry leaves that one alone, the command tries it anew."""
    passage = make_passage()
    store.record(passage)
    outcomes = releaser(smtp_sink({"RCPT TO:<b@": "550 5.1.1 nobody"}).port).release(_order(passage))
    assert {one.address: one.reply for one in outcomes}["b@example.jp"] == "550 5.1.1 nobody"
    sink = smtp_sink()
    assert releaser(sink.port).retry_pending() == []
    releaser(sink.port).release(_order(passage, "b@example.jp"))
    assert sink.mails[0][1] == ["RCPT TO:<b@example.jp>"]


@pytest.mark.parametrize(
    ("action", "to", "message"),
    [
        (Action.TAG, (), r"nothing to release \(delivered\)"),
        (Action.TAG, ("b@example.jp",), "cannot be released, it is delivered"),
        (Action.QUARANTINE, ("x@example.jp",), "x@example.jp is no recipient"),
        (Action.HOLD, ("b@example.jp",), "can only let it go on to all"),
    ],
)
def test_what_cannot_be_released_says_why(
    store: Store,
    make_passage: Make,
    releaser: ReleaserFor,
    smtp_sink: Sink,
    action: Action,
    to: tuple[str, ...],
    message: str,
) -> None:
    """Nothing is sent to who has it, to strangers, or to a part of those whom one held mail is for."""
    sink, passage = smtp_sink(), make_passage(action=action)
    store.record(passage)
    with pytest.raises(StoreError, match=message):
        releaser(sink.port).release(_order(passage, *to))
    assert sink.mails == []


def test_a_second_release_says_who_did_the_first(
    store: Store, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink
) -> None:
    """Asking again for a recipient that was served is refused with time and name."""
    sink, passage = smtp_sink(), make_passage()
    store.record(passage)
    releaser(sink.port).release(_order(passage))
    with pytest.raises(StoreError, match=r"b@example.jp: was released at .* by hanako"):
        releaser(sink.port).release(_order(passage, "b@example.jp"))
    assert len(sink.mails) == 1


def test_lost_body_is_never_sent(
    store: Store, bodies: Bodies, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink, log: list[Any]
) -> None:
    """A15: a body that is not what it was stays here; retries say so and go on with other mail."""
    sink, damaged, whole = smtp_sink(), make_passage(), make_passage(b"whole\r\n")
    for passage in (damaged, whole):
        store.record(passage)
    bodies.path(damaged.mail.content.sha256).write_bytes(b"changed")
    with pytest.raises(StoreError, match="corrupt"):
        releaser(sink.port).release(_order(damaged))
    releaser(sink.port).retry_pending()
    assert [name for name, _ in log] == ["release-impossible"]
    releaser(sink.port).release(_order(whole))
    assert [content for _, _, content, _ in sink.mails] == [b"whole\r\n"]


def test_killed_sender_leaves_uncertainty(
    engine: Engine, store: Store, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink
) -> None:
    """A claim that nobody settled for an hour is uncertain: not sent again, and the record says why."""
    sink, passage = smtp_sink(), make_passage(to=("b@example.jp",))
    store.record(passage)
    releaser(sink.port).release(_order(passage))
    for age, expected in ((timedelta(minutes=5), "sending"), (timedelta(hours=2), "uncertain")):
        with engine.begin() as connection:
            connection.execute(update(releases).values(state="sending", at=datetime.now(UTC) - age))
        releaser(sink.port).retry_pending()
        assert _column(engine, releases.c.state) == [expected]
    assert len(sink.mails) == 1


def test_a_person_settles_what_a_killed_sender_left(
    engine: Engine, store: Store, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink, log: list[Any]
) -> None:
    """The command itself sees that the sender is gone: it names the time at which that one began, the log tells of it,
    the list finds it, and --again sends the mail."""
    sink, passage = smtp_sink(), make_passage(to=("b@example.jp",))
    store.record(passage)
    releaser(smtp_sink({"DATA": None}).port).release(_order(passage))
    begun = datetime.now(UTC) - timedelta(hours=2)
    with engine.begin() as connection:
        connection.execute(update(releases).values(state="sending", at=begun))
    log.clear()
    ours = releaser(sink.port)
    with pytest.raises(StoreError, match=f"release at {re.escape(local_time(begun))} ended without the MTA's answer"):
        ours.release(_order(passage))
    assert [(name, fields["state"]) for name, fields in log] == [("release", "uncertain")]
    with engine.connect() as connection:
        assert [one["id"] for one in listed(connection, Filter(release="uncertain"))] == [passage.id]
        assert listed(connection, Filter(release="sent")) == []
    assert [one.state for one in ours.release(_order(passage, again=True))] == ["sent"] and len(sink.mails) == 1


def test_answer_that_cannot_be_noted_is_not_sent_twice(
    engine: Engine, store: Store, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink
) -> None:
    """The database fails after the MTA took the mail: the claim stays, and nothing is sent again."""
    sink, passage = smtp_sink(), make_passage()
    store.record(passage)

    def fail(connection: Any) -> None:
        if sink.mails:
            event.remove(engine, "begin", fail)
            raise OSError("disk full")

    event.listen(engine, "begin", fail)
    with pytest.raises(OSError, match="disk full"):
        releaser(sink.port).release(_order(passage))
    with pytest.raises(StoreError, match="is being sent"):
        releaser(sink.port).release(_order(passage))
    assert len(sink.mails) == 1


def _postsuper(directory: Path, script: str) -> str:
    program = directory / "postsuper"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("script", "state", "reply"),
    [
        ('echo "postsuper: Released from hold: 1 message" >&2', "sent", "Released from hold: 1 message"),
        ("exit 0", "failed", "not in the MTA's hold queue"),
        (
            'echo "postsuper: fatal: use of this command is reserved for the superuser" >&2; exit 1',
            "pending",
            "reserved",
        ),
    ],
)
def test_held_mail_goes_on_by_the_mta(
    engine: Engine,
    store: Store,
    make_passage: Make,
    releaser: ReleaserFor,
    smtp_sink: Sink,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    state: str,
    reply: str,
) -> None:
    """Held mail is moved by postsuper and never sent by us; what postsuper says is the outcome."""
    program = _postsuper(tmp_path, f'echo "$@" > {tmp_path}/called\n{script}')
    monkeypatch.setattr("shutil.which", lambda *_, **__: program)
    sink, passage = smtp_sink(), make_passage(action=Action.HOLD)
    store.record(passage)
    outcomes = releaser(sink.port).release(_order(passage))
    assert {one.state for one in outcomes} == {state}
    assert all(reply in one.reply for one in outcomes)
    assert ((tmp_path / "called").read_text(), sink.mails) == ("-H 4Xabcdefgh\n", [])


@pytest.mark.parametrize("queue_id", ["ALL", "", "-d ALL", "4Xabc;reboot", "x" * 50])
def test_queue_ids_cannot_mean_more_than_one_mail(queue_id: str) -> None:
    """A word that postsuper takes for every mail, or for an option, never reaches it."""
    reply = hold.release_held(queue_id, "")
    assert (reply.state, "no queue id" in reply.text) == (ReleaseState.FAILED, True)


def test_mixed_verdicts_go_their_own_ways(
    store: Store,
    make_passage: Make,
    releaser: ReleaserFor,
    smtp_sink: Sink,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The MTA holds whole mails only: where hold is for some recipients, all copies are sent from here."""
    program = _postsuper(tmp_path, f"touch {tmp_path}/called")
    monkeypatch.setattr("shutil.which", lambda *_, **__: program)
    sink, passage = smtp_sink(), make_passage(actions={"b@example.jp": Action.HOLD})
    store.record(passage)
    outcomes = releaser(sink.port).release(_order(passage))
    assert {one.state for one in outcomes} == {"sent"}
    assert [to for _, to, _, _ in sink.mails] == [["RCPT TO:<b@example.jp>", "RCPT TO:<c@example.jp>"]]
    assert not (tmp_path / "called").exists()


def test_held_mail_that_the_mta_lost_is_sent_from_here(
    store: Store,
    make_passage: Make,
    releaser: ReleaserFor,
    smtp_sink: Sink,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A held mail that somebody took out of the MTA's queue: the release says so, and --again sends the kept copy."""
    program = _postsuper(tmp_path, "exit 0")
    monkeypatch.setattr("shutil.which", lambda *_, **__: program)
    sink, passage = smtp_sink(), make_passage(action=Action.HOLD)
    store.record(passage)
    order = _order(passage)
    assert {one.state for one in releaser(sink.port).release(order)} == {"failed"} and sink.mails == []
    outcomes = releaser(sink.port).release(replace(order, again=True))
    assert {one.state for one in outcomes} == {"sent"}
    assert [mail[2] for mail in sink.mails] == [passage.mail.content.read()]


def test_not_effective_mail_needs_a_named_recipient(
    store: Store, make_passage: Make, releaser: ReleaserFor, smtp_sink: Sink
) -> None:
    """A11: mail that may still be with its sender is released only to a recipient whom a person names."""
    sink, passage = smtp_sink(), make_passage()
    store.record(passage)
    store.mark_not_effective(passage.key)
    with pytest.raises(StoreError, match="not-effective"):
        releaser(sink.port).release(_order(passage))
    assert [one.state for one in releaser(sink.port).release(_order(passage, "b@example.jp"))] == ["sent"]
