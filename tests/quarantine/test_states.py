"""What a record says of each copy, whatever mix of actions, retries and lost answers it joins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sekisho_core.vocabulary import Action, Passage, graver
from sekisho_quarantine.store import Store
from sekisho_quarantine.tables import State, passages, recipients
from sqlalchemy import Engine, select

Make = Callable[..., Passage]


def _rows(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(passages)))


def _states(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(recipients.c.state).order_by(recipients.c.position)))


@pytest.mark.parametrize(
    ("actions", "states"),
    [
        ("accept hold", "delivered kept"),
        ("hold hold", "held held"),
        ("hold quarantine", "kept kept"),
        ("reject reject", "refused refused"),
        ("tag reject", "delivered kept"),
        ("quarantine tempfail", "not-effective not-effective"),
    ],
)
def test_state_says_what_the_mta_was_told(
    engine: Engine, store: Store, make_passage: Make, actions: str, states: str
) -> None:
    """A30: the MTA holds and rejects whole mails only, and keeps what is put off for anybody: the copies' states say
    where they really are, so that none is looked for where it is not."""
    first, second = (Action(word) for word in actions.split())
    given = {"b@example.jp": first, "c@example.jp": second}
    store.record(make_passage(action=graver(first, second), actions=given))
    assert _states(engine) == states.split()
    assert _rows(engine)[0].state == ("kept" if "kept" in states else states.split()[0])


def test_a_busy_moment_does_not_undo_a_record(engine: Engine, store: Store, make_passage: Make) -> None:
    """A11: the same delivery comes again and is put off: what the first one left here stays kept."""
    store.record(make_passage())
    assert store.record(make_passage(action=Action.TEMPFAIL)) == 1
    assert (_rows(engine)[0].state, _rows(engine)[0].action, _states(engine)) == ("kept", "quarantine", ["kept"] * 2)


def test_one_late_try_does_not_undo_another(engine: Engine, store: Store, make_passage: Make) -> None:
    """A11: of two tries one was heard: the record stays kept; only when none was heard is it not effective."""
    passage = make_passage()
    store.record(passage)
    store.record(make_passage())
    store.mark_not_effective(passage.key)
    assert (_rows(engine)[0].state, _states(engine)) == ("kept", ["kept"] * 2)
    store.mark_not_effective(passage.key)
    assert (_rows(engine)[0].state, _states(engine)) == ("not-effective", ["not-effective"] * 2)


def test_released_to_some_is_not_released(engine: Engine, store: Store, make_passage: Make) -> None:
    """A33: a mail counts as released only when nobody is left whom it is kept from."""
    passage = make_passage(to=("b@example.jp", "c@example.jp"))
    store.record(passage)
    for address, released in (("b@example.jp", False), ("c@example.jp", True)):
        with engine.begin() as connection:
            this = recipients.c.address == address
            connection.execute(recipients.update().where(this).values(state=State.RELEASED))
        assert store.is_released(passage.key) is released
