from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sekisho_core.database import open_database
from sekisho_core.settings import Database
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.outbox import (
    GIVE_UP,
    Delivered,
    Delivery,
    Refused,
    claimed,
    counts,
    deliver,
    done,
    due,
    failed,
    forget,
    listed,
    put,
    retry,
)
from sqlalchemy import Engine

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def document(number: int, version: int = 1) -> dict[str, Any]:
    """A document of the least that the outbox asks for."""
    return {"id": f"sighting--{number}", "modified": f"2026-03-01T00:00:0{version}.000Z", "count": version}


def _put(engine: Engine, *documents: dict[str, Any], feed: str = "hub", at: datetime = NOW) -> list[bool]:
    with engine.begin() as connection:
        return [put(connection, feed, "sighting", one, at) for one in documents]


def _states(engine: Engine) -> dict[str, Delivery]:
    return {letter.subject: letter.state for letter in listed(engine)}


def _no_jitter() -> float:
    return 0.0


def test_each_is_sent_once(engine: Engine) -> None:
    """What was put is sent in order, once, and a repeated put is no other."""
    sent: list[dict[str, Any]] = []
    assert _put(engine, document(1), document(2), document(1)) == [True, True, False]
    assert deliver(engine, {"hub": sent.append}, NOW) == Delivered(sent=2)
    assert sent == [document(1), document(2)]
    assert _put(engine, document(1)) == [False]
    assert deliver(engine, {"hub": sent.append}, NOW + 99 * MINUTE) == Delivered()
    assert counts(engine) == {("hub", Delivery.SENT): 2}


def test_newer_version_takes_the_place(engine: Engine) -> None:
    """A newer version replaces one that waits, and is sent after one that was sent; an older one is passed over."""
    sent: list[dict[str, Any]] = []
    _put(engine, document(1, 1))
    assert _put(engine, document(1, 3), document(1, 2)) == [True, False]
    deliver(engine, {"hub": sent.append}, NOW)
    _put(engine, document(1, 4))
    deliver(engine, {"hub": sent.append}, NOW)
    assert sent == [document(1, 3), document(1, 4)]
    assert len(listed(engine)) == 1


def test_one_subject_for_two_feeds(engine: Engine) -> None:
    """Each feed gets its own copy, and its own state."""
    _put(engine, document(1), feed="a")
    _put(engine, document(1), feed="b")
    sent: list[dict[str, Any]] = []
    deliver(engine, {"a": sent.append, "b": _broken}, NOW)
    assert counts(engine) == {("a", Delivery.SENT): 1, ("b", Delivery.PENDING): 1}


def _broken(document: dict[str, Any]) -> None:
    raise FeedError("hub.example: no answer")


def test_an_outage(engine: Engine) -> None:
    """During an outage one letter is tried, and other feeds do not wait; afterwards all arrive."""
    _put(engine, *map(document, range(5)))
    _put(engine, document(9), feed="other")
    tried: list[dict[str, Any]] = []

    def out(document: dict[str, Any]) -> None:
        tried.append(document)
        _broken(document)

    sent: list[dict[str, Any]] = []
    assert deliver(engine, {"hub": out, "other": sent.append}, NOW, _no_jitter) == Delivered(sent=1, waiting=1)
    assert (len(tried), sent) == (1, [document(9)])
    late = NOW + timedelta(days=1)
    assert deliver(engine, {"hub": sent.append}, late) == Delivered(sent=5)
    assert {letter.error for letter in listed(engine)} == {""}


def test_pauses_grow_and_are_bounded(engine: Engine) -> None:
    """Each failure doubles the pause up to six hours; jitter lengthens it by up to half."""
    _put(engine, document(1))
    at, pauses = NOW, []
    for jitter in [0.0] * 12 + [1.0]:
        (letter,) = due(engine, at)
        claim = claimed(engine, letter, at)
        assert claim is not None
        failed(engine, letter, claim, "no answer", at, jitter)
        (after,) = listed(engine)
        pauses.append((after.next_try - at) / MINUTE)
        assert due(engine, after.next_try - timedelta(seconds=1)) == []
        at = after.next_try
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360, 540]


def test_giving_up_is_told(engine: Engine) -> None:
    """After too many days, or when the receiver refuses for good, a letter has failed, with the reason."""
    _put(engine, document(1), document(2))

    def send(document: dict[str, Any]) -> None:
        if document["id"].endswith("2"):
            raise Refused("not wanted \x1b[31m here")
        _broken(document)

    assert deliver(engine, {"hub": send}, NOW, _no_jitter) == Delivered(waiting=1)
    assert deliver(engine, {"hub": send}, NOW + MINUTE / 2, _no_jitter) == Delivered(given_up=1)
    assert deliver(engine, {"hub": send}, NOW + GIVE_UP, _no_jitter) == Delivered(given_up=1)
    errors = {letter.subject: letter.error for letter in listed(engine)}
    assert errors == {"sighting--1": "hub.example: no answer", "sighting--2": "not wanted ⟨U+001B⟩[31m here"}
    sent: list[dict[str, Any]] = []
    assert deliver(engine, {"hub": sent.append}, NOW + 2 * GIVE_UP) == Delivered()
    assert retry(engine, NOW + 2 * GIVE_UP) == 2
    assert deliver(engine, {"hub": sent.append}, NOW + 2 * GIVE_UP) == Delivered(sent=2)


def test_a_feed_that_is_gone(engine: Engine) -> None:
    """What is for a feed without a sender waits and says why."""
    _put(engine, document(1))
    assert deliver(engine, {}, NOW) == Delivered(waiting=1)
    assert "no such feed" in listed(engine)[0].error


def test_a_sender_with_a_fault(engine: Engine) -> None:
    """A sender that raises something else is told by the kind of its fault alone, and others go on."""
    _put(engine, document(1))
    _put(engine, document(2), feed="other")
    sent: list[dict[str, Any]] = []

    def faulty(document: dict[str, Any]) -> None:
        raise ValueError("https://user:geheim@hub.example")

    assert deliver(engine, {"hub": faulty, "other": sent.append}, NOW) == Delivered(sent=1, waiting=1)
    assert {letter.error for letter in listed(engine)} == {"", "a fault in the sender: ValueError"}


def test_two_deliverers_at_once(engine: Engine) -> None:
    """Deliverers that race send each letter once."""
    _put(engine, *map(document, range(30)))
    sent: list[str] = []
    start = threading.Barrier(3)

    def run() -> None:
        start.wait()
        deliver(engine, {"hub": lambda document: sent.append(document["id"])}, NOW)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent) == sorted(document(number)["id"] for number in range(30))


def test_one_claim_wins(engine: Engine) -> None:
    """Of two that saw the same letter one gets it; the other's word does not settle it."""
    _put(engine, document(1))
    first, second = due(engine, NOW), due(engine, NOW)
    claim = claimed(engine, first[0], NOW)
    assert claim is not None and claimed(engine, second[0], NOW) is None
    done(engine, second[0], "other")
    assert _states(engine) == {"sighting--1": Delivery.PENDING}
    done(engine, first[0], claim)
    assert _states(engine) == {"sighting--1": Delivery.SENT}


def test_replaced_while_it_is_sent(engine: Engine) -> None:
    """A newer version that comes while the older is on its way is still sent."""
    sent: list[dict[str, Any]] = []
    _put(engine, document(1, 1))

    def send(document_: dict[str, Any]) -> None:
        sent.append(document_)
        if len(sent) == 1:
            _put(engine, document(1, 2))

    deliver(engine, {"hub": send}, NOW)
    assert _states(engine) == {"sighting--1": Delivery.PENDING}
    deliver(engine, {"hub": send}, NOW)
    assert sent == [document(1, 1), document(1, 2)]
    assert _states(engine) == {"sighting--1": Delivery.SENT}


def test_put_by_two_at_once(engine: Engine) -> None:
    """Two that put one subject for the first time make one letter of the newer version."""
    threads = [threading.Thread(target=_put, args=(engine, document(1, version))) for version in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (letter,) = listed(engine)
    assert '"count": 3' in letter.document


def test_forgetting(engine: Engine) -> None:
    """Old letters that were settled go; what waits stays, however old."""
    _put(engine, document(1), at=NOW - 9 * MINUTE)
    deliver(engine, {"hub": lambda document: None}, NOW)
    _put(engine, document(2), at=NOW - 9 * MINUTE)
    _put(engine, document(3), at=NOW)
    assert forget(engine, NOW - MINUTE) == 1
    assert _states(engine).keys() == {"sighting--2", "sighting--3"}


@pytest.mark.parametrize("place", ["before the send", "between send and mark"])
def test_a_kill(engine: Engine, place: str) -> None:
    """A28: a deliverer killed before or after it sent loses nothing: a later one sends what was not marked, and the
    receiver gets the same subject and version again, which it knows."""
    _put(engine, document(1))
    reading, writing = os.pipe()
    url = engine.url.render_as_string(hide_password=False)

    def send(document: dict[str, Any]) -> None:
        if place != "before the send":
            os.write(writing, b"x")
        os._exit(9)

    assert _in_child(lambda: deliver(_opened(url), {"hub": send}, NOW)) == 9
    os.close(writing)
    arrived = os.read(reading, 10)
    os.close(reading)
    assert arrived == (b"x" if place != "before the send" else b"")
    sent: list[dict[str, Any]] = []
    assert deliver(engine, {"hub": sent.append}, NOW + MINUTE) == Delivered()
    assert deliver(engine, {"hub": sent.append}, NOW + 20 * MINUTE) == Delivered(sent=1)
    assert sent == [document(1)]


def _opened(url: str) -> Engine:
    return open_database(Database(url, 5.0))


def _in_child(function: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        status = 3
        try:
            function()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
