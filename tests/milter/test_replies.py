"""Verdict to reply: the table of sekisho_milter.replies."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.vocabulary import Action, Mode, RecipientVerdict, Verdict, Wait, graver
from sekisho_milter.replies import Answer, Plan, plan

PASSING = {Action.ACCEPT, Action.TAG}
actions = st.lists(st.sampled_from(list(Action)), min_size=1, max_size=6)


def verdict(chosen: list[Action], mode: Mode = Mode.ENFORCE) -> tuple[Verdict, list[str]]:
    """A verdict with one recipient an action."""
    recipients = [f"u{number}@example.jp" for number in range(len(chosen))]
    named = tuple(RecipientVerdict(one, action, "p") for one, action in zip(recipients, chosen, strict=True))
    return Verdict(graver(*chosen), named, mode=mode), recipients


@pytest.mark.parametrize(
    ("words", "answer", "removed"),
    [
        ("accept", "pass", ()),
        ("tag accept", "pass", ()),
        ("accept quarantine", "pass", (1,)),
        ("hold tag reject", "pass", (0, 2)),
        ("hold", "hold-queue", ()),
        ("hold hold", "hold-queue", ()),
        ("hold quarantine", "discard", ()),
        ("quarantine", "discard", ()),
        ("reject", "reject", ()),
        ("reject reject", "reject", ()),
        ("reject quarantine", "discard", ()),
        ("reject hold", "discard", ()),
        ("tempfail", "tempfail", ()),
        ("tempfail accept", "tempfail", ()),
        ("tempfail quarantine", "tempfail", ()),
    ],
)
def test_table(words: str, answer: str, removed: tuple[int, ...]) -> None:
    """Each row of the table in the module."""
    judged, recipients = verdict([Action(word) for word in words.split()])
    chosen = plan(judged, recipients)
    assert (chosen.answer, chosen.removed) == (answer, removed)


@given(actions)
def test_nobody_gets_what_was_stopped_for_them(chosen: list[Action]) -> None:
    """Whatever the mix: who stays on the envelope of a passing mail may have it, and a stopped mail reaches nobody."""
    judged, recipients = verdict(chosen)
    result = plan(judged, recipients)
    if result.answer is Answer.PASS:
        assert all((action in PASSING) != (index in result.removed) for index, action in enumerate(chosen))
    else:
        assert result.removed == () and (Action.TEMPFAIL in chosen or not PASSING & set(chosen))


@given(actions)
def test_observe_and_re_entry_stop_nothing(chosen: list[Action]) -> None:
    """In mode observe, and for a mail that was released before, all get the mail."""
    observed, recipients = verdict(chosen, Mode.OBSERVE)
    enforced, _ = verdict(chosen)
    assert plan(observed, recipients) == plan(enforced, recipients, released=True)
    assert plan(observed, recipients).answer is Answer.PASS and plan(observed, recipients).removed == ()


def test_a_copy_that_waits_is_taken_from_the_mta() -> None:
    """Held for its password, a mail is not put into the MTA's hold queue: for all recipients it is discarded there, for
    some they are taken off, beside a hold of the MTA's it is kept."""
    given, recipients = verdict([Action.HOLD, Action.HOLD])
    wait = Wait(600.0, Action.QUARANTINE)
    waiting = [msgspec.structs.replace(one, wait=wait) for one in given.recipients]
    both = msgspec.structs.replace(given, recipients=tuple(waiting))
    assert plan(both, recipients) == Plan(Answer.DISCARD, (), Action.HOLD)
    one = msgspec.structs.replace(given, recipients=(waiting[0], given.recipients[1]))
    assert plan(one, recipients).answer is Answer.DISCARD
    passing = (waiting[0], msgspec.structs.replace(waiting[1], action=Action.ACCEPT, wait=None))
    assert plan(msgspec.structs.replace(given, recipients=passing), recipients) == Plan(
        Answer.PASS, (0,), Action.ACCEPT
    )


@given(actions, st.sets(st.integers(0, 5)), st.sampled_from(list(Mode)))
def test_nobody_gets_a_mail_twice(chosen: list[Action], served: set[int], mode: Mode) -> None:
    """Who has got the mail from us is never among those to whom the MTA delivers it; the others' plan is the same."""
    given, recipients = verdict(chosen, mode)
    had = {f"u{index}@example.jp" for index in served}
    before, after = plan(given, recipients), plan(given, recipients, served=had)
    if before.answer is not Answer.PASS:
        assert after == before
        return
    getting = {one for index, one in enumerate(recipients) if index not in before.removed}
    left = {one for index, one in enumerate(recipients) if index not in after.removed}
    assert (left if after.answer is Answer.PASS else set()) == getting - had
