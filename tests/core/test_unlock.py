"""Reading once more what stayed locked."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest
from sekisho_core.addresses import senders
from sekisho_core.passwords import NONE, Keys, Passwords
from sekisho_core.scan import Progress, YaraRules, silent
from sekisho_core.unlock import Examined, Unlocking
from sekisho_core.vocabulary import Content, Envelope, Header, Incomplete, Mail, Observable, Part, PartState, Reading

MAIL = Mail("0" * 26, Envelope(mail_from="A@Example.net"), Content(-1, 0, ""))
LOCKED = Reading(headers=(Header("Subject", "x", b"x"),), incomplete=(Incomplete("part:1", "locked"),))
SHUT = Part("1", ("a.zip",), "application/zip", "", 1, "", "", "", PartState.LOCKED)
LOCKED = msgspec.structs.replace(LOCKED, parts=(SHUT,))
OPEN = Reading(LOCKED.subject, LOCKED.headers, parts=(msgspec.structs.replace(SHUT, state=PartState.OPENED),))
BUSY = Reading(incomplete=(Incomplete("mail", "busy"),))


@dataclass
class Reader:
    """Answers in turn and remembers with what keys it was asked."""

    answers: list[Reading]
    stated: Passwords = NONE
    asked: list[Keys] = field(default_factory=list)

    def __call__(self, mail: Mail, yara: YaraRules | None, progress: Progress, keys: Keys) -> Examined:
        self.asked.append(keys)
        return Examined(self.answers[len(self.asked) - 1], self.stated)


def test_an_open_mail_is_read_once() -> None:
    """No source is asked for a mail that has no lock."""
    reader = Reader([OPEN])
    assert Unlocking(reader, [lambda *_: pytest.fail("asked")])(MAIL, None, silent) == OPEN
    assert reader.asked == [Keys()]


def test_a_locked_mail_is_read_again_with_all_sources() -> None:
    """A person's words come first, both times; the sources' after them, in their order and without repeats."""
    reader = Reader([LOCKED, OPEN])
    first = Passwords.of(["typed"])
    inspect = Unlocking(reader, [lambda *_: ["a", "b"], lambda *_: ["b", "c"]], first)
    assert inspect(MAIL, None, silent) == OPEN
    assert reader.asked == [Keys(first), Keys(first, Passwords.of(["a", "b", "c"]))]


def test_without_any_password_there_is_no_second_reading() -> None:
    """Where no source knows one, the first reading stands."""
    assert Unlocking(Reader([LOCKED]), [lambda *_: []])(MAIL, None, silent) == LOCKED


def test_a_second_reading_that_fails() -> None:
    """What the worker died of with the password counts beside the lock: neither hides the other."""
    found = Unlocking(Reader([LOCKED, BUSY]), [lambda *_: ["a"]])(MAIL, None, silent)
    assert found.headers == LOCKED.headers and [gap.reason for gap in found.incomplete] == ["locked", "busy"]


def test_wrong_passwords_change_nothing() -> None:
    """A second reading that opened nothing, but spent what may be tried, does not add to the first: a flood of wrong
    passwords cannot turn a mail that waits into one that is stopped."""
    spent = msgspec.structs.replace(LOCKED, incomplete=(*LOCKED.incomplete, Incomplete("part:1", "limit")))
    assert Unlocking(Reader([LOCKED, spent]), [lambda *_: ["a"]])(MAIL, None, silent) == LOCKED


def test_what_a_mail_states_is_heard_once() -> None:
    """It is asked for at the first reading only, and told with that reading."""
    heard: list[tuple[Reading, Passwords]] = []
    stated = Passwords.of(["Kasumi2012"])
    reader = Reader([LOCKED, OPEN], stated)
    Unlocking(reader, [lambda *_: ["a"]], hear=lambda _, reading, words: heard.append((reading, words)))(
        MAIL, None, silent
    )
    assert heard == [(LOCKED, stated)] and [keys.wanted for keys in reader.asked] == [True, False]


def test_senders_are_those_of_the_mail_itself() -> None:
    """The envelope's, From and Sender count, in lower case; an attached mail's do not, nor the null sender."""
    seen = [("from_ref", "B@example.net", "header:from"), ("sender_ref", "c@example.net", "header:sender"),
            ("from_ref", "d@example.net", "part:2"), ("to_refs[*]", "e@example.jp", "header:to")]  # fmt: skip
    reading = Reading(observables=tuple(Observable(f"email-message:{path}.value", *rest) for path, *rest in seen))
    assert senders(MAIL.envelope, reading) == ("a@example.net", "b@example.net", "c@example.net")
    assert senders(Envelope(), Reading()) == ()
