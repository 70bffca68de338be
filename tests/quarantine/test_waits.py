"""The waits of locked mail: how they begin, join retries, and end in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sekisho_core.database import open_database
from sekisho_core.events import Events
from sekisho_core.settings import Database, default_table
from sekisho_core.vocabulary import Action, Incomplete, Mode, Passage, Reading, RecipientVerdict, Verdict, Wait
from sekisho_quarantine import audit, waits
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.records import Filter, listed, load
from sekisho_quarantine.release import Order, Releaser
from sekisho_quarantine.retention import delete_mail
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.store import Store
from sekisho_quarantine.tables import ReleaseState, WaitState
from sqlalchemy import Engine

Make = Callable[..., Passage]
B, C = "b@example.jp", "c@example.jp"
LOCKED = Reading(incomplete=(Incomplete("part:2", "locked"),))
OPENED = Reading()


def judged(passage: Passage, reading: Reading = LOCKED, mode: Mode = Mode.ENFORCE, **actions: Action) -> Passage:
    """The passage under another verdict: an action for b and c, hold with a wait where none is given."""
    waiting = Wait(600.0, Action.QUARANTINE)
    each = tuple(
        RecipientVerdict(one, actions.get(one[0], Action.HOLD), "p", None if one[0] in actions else waiting)
        for one in passage.mail.envelope.rcpt_to
    )
    gravest = max((one.action for one in each), key=lambda action: action.gravity)
    return replace(passage, reading=reading, verdict=Verdict(gravest, each, incomplete=reading.incomplete, mode=mode))


@pytest.fixture
def held(store: Store, make_passage: Make) -> Passage:
    """A mail of which both copies wait."""
    passage = judged(make_passage())
    store.record(passage)
    return passage


def all_waiting(engine: Engine) -> list[waits.Waiting]:
    """Every mail that waits."""
    with engine.connect() as connection:
        return waits.waiting(connection)


def states(engine: Engine, passage: Passage) -> tuple[str, list[str], list[str]]:
    """The state of a mail, of its copies, and of their waits."""
    with engine.connect() as connection:
        record = load(connection, passage.id)
    return record.row.state, [one.state for one in record.recipients], [one.state for one in record.waits]


def soon() -> datetime:
    """A time before that of any wait here ends."""
    return datetime.now(UTC)


def late() -> datetime:
    """A time after it."""
    return datetime.now(UTC) + timedelta(seconds=601)


def test_a_copy_that_waits_is_kept(engine: Engine, held: Passage) -> None:
    """It is ours, not the MTA's, and the list says until when it waits."""
    assert states(engine, held) == ("kept", ["kept", "kept"], ["waiting", "waiting"])
    (found,) = all_waiting(engine)
    assert found.passage_id == held.id and 590 < (found.until - datetime.now(UTC)).total_seconds() <= 600
    with engine.connect() as connection:
        (row,) = listed(connection, Filter(waiting=True))
    assert row["held_until"] == found.until


@pytest.mark.parametrize("order", ["b-waits", "c-waits"])
def test_only_those_wait_whose_verdict_says_so(engine: Engine, store: Store, make_passage: Make, order: str) -> None:
    """One recipient's copy waits beside one that passes."""
    passage = make_passage()
    passage = judged(passage, c=Action.ACCEPT) if order == "b-waits" else judged(passage, b=Action.ACCEPT)
    store.record(passage)
    wanted = ["kept", "delivered"] if order == "b-waits" else ["delivered", "kept"]
    assert states(engine, passage) == ("kept", wanted, ["waiting"])


def test_nothing_waits_in_observe_mode(engine: Engine, store: Store, make_passage: Make) -> None:
    """What is delivered has nothing to wait for."""
    passage = judged(make_passage(), mode=Mode.OBSERVE)
    store.record(passage)
    assert states(engine, passage) == ("delivered", ["delivered"] * 2, []) and all_waiting(engine) == []


def test_a_retry_keeps_the_time(engine: Engine, store: Store, held: Passage) -> None:
    """The MTA's retry joins the record and neither lengthens the wait nor begins another after its end."""
    before = all_waiting(engine)
    assert store.record(held) == 1 and all_waiting(engine) == before
    waits.settle(engine, held, late())
    assert store.record(held) == 2 and all_waiting(engine) == []
    assert states(engine, held) == ("kept", ["kept"] * 2, ["expired"] * 2)


def test_opened_and_good(engine: Engine, store: Store, held: Passage) -> None:
    """Both copies are released by the keeper, pending when that is settled, and the record says what was read."""
    ends = waits.settle(engine, judged(held, OPENED, b=Action.ACCEPT, c=Action.TAG), soon())
    assert ends == {B: WaitState.RELEASED, C: WaitState.RELEASED}
    with engine.connect() as connection:
        record = load(connection, held.id)
    assert [(one.state, one.who, one.attempts) for one in record.releases] == [("pending", "keeper", 0)] * 2
    assert record.reading == OPENED and record.row.action == "tag" and record.row.state == "kept"
    assert store.given_back(held.key) == {B, C}


def test_opened_and_bad(engine: Engine, store: Store, held: Passage) -> None:
    """It stays, and waits no more; whoever may have it gets it."""
    ends = waits.settle(engine, judged(held, OPENED, b=Action.QUARANTINE, c=Action.ACCEPT), soon())
    assert ends == {B: WaitState.QUARANTINED, C: WaitState.RELEASED}
    assert store.given_back(held.key) == {C} and all_waiting(engine) == []


@pytest.mark.parametrize("action", [Action.REJECT, Action.HOLD, Action.QUARANTINE])
def test_whatever_else_stops_it_keeps_it(engine: Engine, held: Passage, action: Action) -> None:
    """A mail that was taken from the MTA can neither be refused nor held there: it is kept."""
    waits.settle(engine, judged(held, OPENED, b=action, c=action), soon())
    assert states(engine, held) == ("kept", ["kept"] * 2, ["quarantined"] * 2)


def test_still_locked_or_put_off(engine: Engine, held: Passage) -> None:
    """A futile try, or one without an inspection, ends nothing; put off, it waits beyond its time too: never let go
    unseen."""
    for passage, now in ((held, soon()), (judged(held, b=Action.TEMPFAIL, c=Action.TEMPFAIL), late())):
        assert waits.settle(engine, passage, now) == {}
    assert states(engine, held)[2] == ["waiting"] * 2


def test_the_time_is_over(engine: Engine, store: Store, make_passage: Make) -> None:
    """Each copy gets what its policy says for then."""
    passage = make_passage()
    each = tuple(RecipientVerdict(one, Action.HOLD, "p", Wait(60.0, otherwise)) for one, otherwise in
                 ((B, Action.QUARANTINE), (C, Action.ACCEPT)))  # fmt: skip
    passage = replace(passage, reading=LOCKED, verdict=Verdict(Action.HOLD, each, incomplete=LOCKED.incomplete))
    store.record(passage)
    assert waits.settle(engine, passage, late()) == {B: WaitState.EXPIRED, C: WaitState.RELEASED_LOCKED}
    with engine.connect() as connection:
        record = load(connection, passage.id)
        found = [len(listed(connection, Filter(wait=state))) for state in ("released-locked", "expired", "released")]
    assert found == [1, 1, 0]
    assert (record.row.action, [one.action for one in record.recipients]) == ("quarantine", ["quarantine", "accept"])
    assert "policy lets it go" in record.releases[0].why


def test_let_go_unopened_before_its_time(engine: Engine, held: Passage, make_passage: Make, store: Store) -> None:
    """The policy was changed meanwhile, to let locked mail go or to observe: it goes, and is not told as opened."""
    assert waits.settle(engine, judged(held, b=Action.ACCEPT, c=Action.TAG), soon()) == dict.fromkeys(
        (B, C), WaitState.RELEASED_LOCKED
    )
    other = judged(make_passage(b"Subject: other\r\n\r\nx\r\n"))
    store.record(other)
    assert set(waits.settle(engine, judged(other, mode=Mode.OBSERVE), soon()).values()) == {WaitState.RELEASED_LOCKED}
    again = judged(make_passage(b"Subject: third\r\n\r\nx\r\n"))
    store.record(again)
    opened = judged(again, OPENED, mode=Mode.OBSERVE, b=Action.QUARANTINE, c=Action.QUARANTINE)
    assert set(waits.settle(engine, opened, soon()).values()) == {WaitState.RELEASED}


def test_no_room(engine: Engine, tmp_path: Path, bodies: Bodies, make_passage: Make) -> None:
    """Beyond the limit a wait is over when it begins."""
    crowded = Store(engine, tmp_path / "bodies", wait_limit=2)
    first, second = judged(make_passage()), judged(make_passage(b"Subject: other\r\n\r\nx\r\n"))
    for passage in (first, second):
        crowded.record(passage)
    until = {one.passage_id: one.until for one in all_waiting(engine)}
    assert until[second.id] <= datetime.now(UTC) < until[first.id]


def test_a_retry_that_is_open_by_now(engine: Engine, store: Store, held: Passage) -> None:
    """The MTA brings it again, its password came, and it is told to deliver: nothing is left for the keeper."""
    store.record(judged(held, OPENED, b=Action.ACCEPT, c=Action.ACCEPT))
    assert states(engine, held) == ("delivered", ["delivered"] * 2, ["delivered"] * 2)
    assert waits.settle(engine, judged(held, OPENED, b=Action.ACCEPT, c=Action.ACCEPT), soon()) == {}
    assert store.given_back(held.key) == frozenset()


def test_a_retry_after_the_release_was_ordered(
    engine: Engine, store: Store, held: Passage, bodies: Bodies, smtp_sink: Callable[..., Any]
) -> None:
    """The retry is told to deliver while our release waits: the copies stay ours, so that a release that the MTA
    refuses for good leaves them kept, and not for delivered."""
    good = judged(held, OPENED, b=Action.ACCEPT, c=Action.ACCEPT)
    waits.settle(engine, good, soon())
    store.record(good)
    assert states(engine, held)[:2] == ("kept", ["kept"] * 2) and store.given_back(held.key) == {B, C}
    sink = smtp_sink({f"RCPT TO:<{C}>": "550 no such user"})
    Releaser(engine, bodies, release_settings(sink.port), Events(lambda *_: None), "X-Sekisho").retry_pending(waits.WHO)
    assert states(engine, held)[1] == ["released", "kept"] and store.given_back(held.key) == {B}


def test_room_is_for_those_that_wait(engine: Engine, tmp_path: Path, bodies: Bodies, make_passage: Make) -> None:
    """What a person deleted or the MTA still has takes no room."""
    crowded = Store(engine, tmp_path / "bodies", wait_limit=2)
    first, second = judged(make_passage()), judged(make_passage(b"Subject: other\r\n\r\nx\r\n"))
    crowded.record(first)
    crowded.mark_not_effective(first.key)
    crowded.record(second)
    (found,) = all_waiting(engine)
    assert found.passage_id == second.id and found.until > datetime.now(UTC)


def test_what_a_person_took_in_hand(
    engine: Engine, store: Store, held: Passage, refused_port: int, bodies: Bodies
) -> None:
    """A release that a person ordered, a mail that the MTA still has: the keeper adds nothing to either."""
    Releaser(engine, bodies, release_settings(refused_port), Events(lambda *_: None), "X-Sekisho").release(
        Order(held.id, "hanako", "known to us", (B,))
    )
    waits.settle(engine, judged(held, OPENED, b=Action.ACCEPT, c=Action.ACCEPT), soon())
    with engine.connect() as connection:
        record = load(connection, held.id)
    assert {one.address: one.who for one in record.releases} == {B: "hanako", C: "keeper"}


def test_a_person_ends_a_wait(engine: Engine, held: Passage, bodies: Bodies, smtp_sink: Callable[..., Any]) -> None:
    """A copy that a person releases, and one that a person deletes, waits no more, and an event says so."""
    told: list[dict[str, object]] = []
    events = Events(lambda _, name, fields: told.append(fields) if name == "wait" else None)
    releaser = Releaser(engine, bodies, release_settings(smtp_sink().port), events, "X-Sekisho")
    releaser.release(Order(held.id, "hanako", "known to us", (B,)))
    assert states(engine, held)[2] == ["taken-over", "waiting"]
    assert told == [{"passage": held.id, "outcome": "taken-over", "recipients": 1}]
    assert delete_mail(engine, bodies, held.id, "hanako", "sample taken") == 1
    assert states(engine, held)[2] == ["taken-over"] * 2


def test_a_mail_that_the_mta_still_has(engine: Engine, store: Store, held: Passage) -> None:
    """Our answer was not heard: the copy is the sender's, and waits with us again when it comes again."""
    store.mark_not_effective(held.key)
    assert all_waiting(engine) == []
    store.record(held)
    assert [one.passage_id for one in all_waiting(engine)] == [held.id]


def test_two_keepers_release_once(
    engine: Engine, url: str, held: Passage, bodies: Bodies, smtp_sink: Callable[..., Any],
    in_children: Callable[..., list[int]],
) -> None:  # fmt: skip
    """Four processes settle and send the same mail at once: each copy is delivered once."""
    sink = smtp_sink()
    good = judged(held, OPENED, b=Action.ACCEPT, c=Action.ACCEPT)

    def keeper() -> None:
        own = open_database(Database(url, 20.0))
        waits.settle(own, good, soon())
        Releaser(own, bodies, release_settings(sink.port), Events(lambda *_: None), "X-Sekisho").retry_pending(
            waits.WHO
        )

    assert in_children(*[keeper] * 4) == [0] * 4
    assert sorted(to for _, addresses, _, _ in sink.mails for to in addresses) == [f"RCPT TO:<{B}>", f"RCPT TO:<{C}>"]
    assert states(engine, held) == ("released", ["released"] * 2, ["released"] * 2)


def test_what_is_let_go_by_itself_bears_our_headers(
    engine: Engine, store: Store, make_passage: Make, bodies: Bodies, smtp_sink: Callable[..., Any]
) -> None:
    """Forged ones go and ours stand there, as on mail that passes at once; a person's release has the bytes kept."""
    content = b"Subject: x\r\nX-Sekisho-Action: forged\r\n\r\nbody\r\n"
    passage = judged(make_passage(content))
    store.record(passage)
    sink, quiet = smtp_sink(), Events(lambda *_: None)
    waits.settle(engine, judged(passage, OPENED, b=Action.TAG, c=Action.QUARANTINE), soon())
    releaser = Releaser(engine, bodies, release_settings(sink.port), quiet, "X-Sekisho")
    releaser.retry_pending(waits.WHO)
    releaser.release(Order(passage.id, "hanako", "known to us", (C,)))
    ours = f"X-Sekisho-Id: {passage.id}\r\nX-Sekisho-Action: tag; would=quarantine\r\n".encode()
    assert [mail[2] for mail in sink.mails] == [ours + b"Subject: x\r\n\r\nbody\r\n", content]


def test_a_release_that_fails_half_way(
    engine: Engine, held: Passage, bodies: Bodies, refused_port: int, smtp_sink: Callable[..., Any]
) -> None:
    """The MTA does not listen when the wait ends: the release waits, and the next try delivers."""
    waits.settle(engine, judged(held, OPENED, b=Action.ACCEPT, c=Action.ACCEPT), soon())
    quiet = Events(lambda *_: None)
    failed = Releaser(engine, bodies, release_settings(refused_port), quiet, "X-Sekisho").retry_pending(waits.WHO)
    assert {one.state for one in failed} == {ReleaseState.PENDING}
    sink = smtp_sink()
    sent = Releaser(engine, bodies, release_settings(sink.port), quiet, "X-Sekisho").retry_pending(waits.WHO)
    assert {one.state for one in sent} == {ReleaseState.SENT} and len(sink.mails) == 1


def test_a_keeper_retries_its_own_orders_only(
    engine: Engine, store: Store, make_passage: Make, bodies: Bodies, refused_port: int
) -> None:
    """What a person ordered is retried by `maintain`, as before."""
    passage = make_passage()
    store.record(passage)
    releaser = Releaser(engine, bodies, release_settings(refused_port), Events(lambda *_: None), "X-Sekisho")
    releaser.release(Order(passage.id, "hanako", "known to us"))
    assert releaser.retry_pending(waits.WHO) == [] and len(releaser.retry_pending()) == 2


def test_the_audit_tells_it(engine: Engine, held: Passage) -> None:
    """How a wait ended stands in the audit, whose chain holds."""
    waits.settle(engine, judged(held, OPENED, b=Action.ACCEPT, c=Action.QUARANTINE), soon())
    with engine.connect() as connection:
        told = [entry.what for entry in audit.entries(connection, held.id)]
        assert list(audit.faults(connection)) == []
    assert told == ["recorded", "wait-quarantined", "wait-released"]


def release_settings(port: int) -> QuarantineSettings:
    """The settings of a release to a port of this machine."""
    changes = {"release_port": port, "release_timeout": 5.0}
    return msgspec.convert(default_table()["quarantine"] | changes, QuarantineSettings)
