"""Verdict to reply: the table of sekisho_milter.replies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.vocabulary import Action, Mode, RecipientVerdict, Verdict, graver
from sekisho_milter.replies import Answer, plan

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
        ("hold", "hold", ()),
        ("hold hold", "hold", ()),
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
