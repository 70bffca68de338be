import os
from itertools import permutations
from typing import Any

import msgspec
import pytest
from sekisho_core.vocabulary import (
    Action,
    Content,
    Envelope,
    Finding,
    Header,
    Incomplete,
    Match,
    Observable,
    Part,
    PartState,
    Reading,
    Subject,
    Text,
    graver,
)

READING = Reading(
    subject=Subject("=?UTF-8?B?...?=", "件名", "件名"),
    headers=(Header("Subject", "件名", b"\x8c\x8f\x96\xbc\xff\x00"),),
    texts=(Text("part:1", "cp932", "本文"),),
    parts=(Part("2.1", ("報告書.pdf",), "application/pdf", "text/plain", 3, "m", "s", "h", PartState.OPENED),),
    observables=(Observable("file:name", "報告書.pdf", "part:2.1"),),
    findings=(Finding("pdf-launch", "part:2.1"),),
    incomplete=(Incomplete("part:2", "locked"),),
)


def test_actions_by_gravity() -> None:
    """A temporary failure is milder than every action that keeps the mail, and rejection the gravest."""
    order = sorted(Action, key=lambda action: action.gravity)
    assert [action.value for action in order] == ["accept", "tag", "tempfail", "hold", "quarantine", "reject"]


@pytest.mark.parametrize("actions", list(permutations([Action.TAG, Action.QUARANTINE, Action.TEMPFAIL])))
def test_gravest_whatever_the_order(actions: tuple[Action, ...]) -> None:
    """The gravest action is the same in whatever order actions come."""
    assert graver(*actions) is Action.QUARANTINE


def test_gravest_of_none() -> None:
    """Nothing against a mail means that it is accepted."""
    assert graver() is Action.ACCEPT


@pytest.mark.parametrize("codec", [msgspec.json, msgspec.msgpack])
def test_reading_survives_the_wire(codec: Any) -> None:
    """A reading, raw header bytes included, is the same after it was encoded and decoded."""
    assert codec.decode(codec.encode(READING), type=Reading) == READING


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (Reading, b'{"unknown": 1}'),
        (Reading, b'{"parts": [{"id": 1}]}'),
        (Reading, b'{"subject": []}'),
        (Envelope, b'{"rcpt_to": "user@example.jp"}'),
        (Envelope, b'{"direction": "sideways"}'),
        (Match, b'{"kind": "guess"}'),
    ],
)
def test_answer_of_another_shape(kind: type[object], document: bytes) -> None:
    """C16: an answer with an unknown field, a wrong type or an unknown word is refused."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(document, type=kind)


def test_words_are_frozen() -> None:
    """No stage can change what another has said."""
    with pytest.raises(AttributeError):
        READING.subject = Subject()  # type: ignore[misc]


def test_content_is_read_by_position() -> None:
    """Two readers of one descriptor do not disturb each other, whatever the offset is."""
    data = bytes(range(256)) * 5000
    descriptor = os.memfd_create("content")
    try:
        os.write(descriptor, data)
        content = Content(descriptor, len(data), "")
        first, second = content.chunks(1000), content.chunks(777)
        assert next(first) == data[:1000]
        assert b"".join(second) == data
        assert b"".join(first) == data[1000:]
        assert content.read() == data
    finally:
        os.close(descriptor)
