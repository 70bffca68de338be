from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sekisho_core.vocabulary import Passage
from sekisho_quarantine import audit
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.tables import audit as table
from sqlalchemy import Engine, delete, update

Make = Callable[..., Passage]


def _fill(engine: Engine, count: int = 5) -> None:
    for number in range(count):
        with engine.begin() as connection:
            audit.append(connection, "hanako", "shown", f"mail {number}", "why\0\udcff", "detail")


def _faults(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(audit.faults(connection))


def test_untouched_chain_holds(engine: Engine) -> None:
    """Entries are numbered from 1 and each follows the one before it, whatever texts they hold."""
    _fill(engine)
    assert _faults(engine) == []
    with engine.connect() as connection:
        assert [entry.number for entry in audit.entries(connection)] == [1, 2, 3, 4, 5]
        assert [entry.number for entry in audit.entries(connection, "mail 3")] == [4]


@pytest.mark.parametrize("column", ["at", "who", "what", "subject", "why", "detail", "previous", "hash"])
def test_edited_entry_shows(engine: Engine, column: str) -> None:
    """A change to any field of an entry is found and named."""
    _fill(engine)
    value = datetime(2012, 6, 30, tzinfo=UTC) if column == "at" else "0" * 64
    with engine.begin() as connection:
        connection.execute(update(table).where(table.c.number == 3).values({column: value}))
    assert any("entry 3" in fault for fault in _faults(engine))


@pytest.mark.parametrize("number", [1, 3])
def test_deleted_entry_shows(engine: Engine, number: int) -> None:
    """An entry that was taken out, also the first, is found."""
    _fill(engine)
    with engine.begin() as connection:
        connection.execute(delete(table).where(table.c.number == number))
    assert f"entries {number} to {number} are missing" in _faults(engine)


def test_deleted_entry_shows_after_renumbering(engine: Engine) -> None:
    """Closing the gap of numbers does not hide it."""
    _fill(engine)
    with engine.begin() as connection:
        connection.execute(delete(table).where(table.c.number == 5))
        connection.execute(delete(table).where(table.c.number == 3))
        connection.execute(update(table).where(table.c.number == 4).values(number=3))
    assert _faults(engine) == ["entry 3 does not follow entry 2", "entry 3 was changed"]


def test_pruning_is_itself_an_entry(engine: Engine) -> None:
    """Old entries go, what went is noted, and the rest still verifies; a cut that is not noted does not."""
    _fill(engine)
    with engine.begin() as connection:
        assert audit.prune(connection, datetime.now(UTC) + timedelta(seconds=1)) == 5
        assert audit.prune(connection, datetime(2012, 1, 1, tzinfo=UTC)) == 0
    assert _faults(engine) == []
    _fill(engine, 1)
    with engine.begin() as connection:
        (pruned, _) = list(audit.entries(connection))
        assert (pruned.number, pruned.what) == (6, "audit-pruned")
        connection.execute(delete(table).where(table.c.number == 6))
    assert _faults(engine) == ["entries 1 to 6 are missing"]


def test_processes_write_one_chain(
    engine: Engine, bodies: Bodies, make_passage: Make, record_in_children: Callable[..., list[int]]
) -> None:
    """A13: eight processes that record fifteen mails each: none is refused, and the chain holds."""
    lists = [[make_passage(b"%d %d\r\n" % (number, turn)) for turn in range(15)] for number in range(8)]
    assert record_in_children(lists) == [0] * 8
    with engine.connect() as connection:
        assert list(audit.faults(connection)) == [] and audit.head(connection)[0] == 120
