"""Revisions of the indicators and the way back, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sekisho_core.database import open_database
from sekisho_core.settings import Database
from sekisho_rules import history, table
from sekisho_rules.indicator import Indicator
from sqlalchemy import Engine

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine on an empty, migrated database of each kind."""
    postgresql = request.param == "postgresql"
    url = request.getfixturevalue("postgresql_url") if postgresql else f"sqlite:///{tmp_path}/x.sqlite"
    found = open_database(Database(url=url, timeout=5.0))
    yield found
    found.dispose()


def put(engine: Engine, id: str, pattern: str, days: int = 0, source: str = "s") -> None:
    """Store one version of an indicator."""
    one = Indicator(id=id, source=source, pattern=pattern, modified=NOW + timedelta(days=days))
    table.store(engine, [(one, "")], NOW)


def patterns(engine: Engine) -> dict[str, str]:
    """What is stored, by id."""
    return {one.id: one.pattern for one in table.stored(engine)}


def test_roll_back_to_any_serial(engine: Engine) -> None:
    """What was added, changed and removed since an index is as that index had it; other sources are named only when
    theirs changed, and a later serial can be had again in its turn."""
    put(engine, "a", "one")
    put(engine, "b", "two")
    put(engine, "z", "other", source="t")
    history.compiled(engine, 1, history.newest(engine))
    first = patterns(engine)
    put(engine, "a", "changed", days=1)
    table.remove(engine, "b", "", NOW)
    put(engine, "c", "three")
    history.compiled(engine, 2, history.newest(engine))
    second = patterns(engine)
    assert second == {"a": "changed", "c": "three", "z": "other"}

    done = history.roll_back(engine, history.at_serial(engine, 1), "rollback to 1", NOW)
    assert (patterns(engine), done.taken, done.restored, done.sources) == (first, 2, 2, ("s",))
    history.compiled(engine, 3, done.revision)
    history.roll_back(engine, history.at_serial(engine, 2), "rollback to 2", NOW)
    assert patterns(engine) == second


def test_serials(engine: Engine) -> None:
    """A revision is held by the first index that was compiled after it; a serial before all revisions holds none."""
    assert history.at_serial(engine, 9) == history.newest(engine) == 0
    put(engine, "a", "one")
    put(engine, "b", "two")
    history.compiled(engine, 5, 1)
    history.compiled(engine, 6, 2)
    assert [(one.number, one.serial) for one in history.revisions(engine, 9)] == [(2, 6), (1, 5)]
    assert [history.at_serial(engine, serial) for serial in (4, 5, 6, 7)] == [0, 1, 2, 2]


def test_changes(engine: Engine) -> None:
    """Between two revisions: what the newer has and the older has not, and the other way round."""
    put(engine, "a", "one")
    put(engine, "b", "two")
    put(engine, "a", "changed", days=1)
    table.remove(engine, "b", "", NOW)
    came, went = history.changes(engine, 2, 4, 10)
    assert ([one["pattern"] for one in came], sorted(one["pattern"] for one in went)) == (["changed"], ["one", "two"])
    assert history.changes(engine, 4, 4, 10) == ([], [])


def test_withdrawn_and_revoked(engine: Engine) -> None:
    """What a source does not state any more goes; what it revoked stays revoked, also when it is stated again."""
    put(engine, "a", "one")
    put(engine, "b", "two")
    table.store(engine, [(Indicator(id="b", source="s", pattern="two", modified=NOW, revoked=True), "")], NOW)
    with history.changing(engine) as connection:
        number = history.begin(connection, "pull s", NOW)
        assert table.ids_of(connection, "s") == {"a"}
        assert table.withdraw(connection, "s", ["a", "b"], number) == 1
    put(engine, "b", "two", days=5)
    assert [(one.id, one.revoked) for one in table.stored(engine)] == [("b", True)]


def test_guard_of_what_is_not_newer(engine: Engine) -> None:
    """What our guard says changes also where the source's version does not."""
    put(engine, "a", "one")
    held = Indicator(id="a", source="s", pattern="one", modified=NOW, guard="too wide", observe_until=NOW)
    done = table.store(engine, [(held, "")], NOW)
    assert (done.unchanged, done.guarded) == (1, 1)
    assert [(one.guard, one.observe_until) for one in table.stored(engine)] == [("too wide", NOW)]


def test_end_of_observation(engine: Engine) -> None:
    """What is observed acts when its time is over; a source's that is named at once, that of others later."""
    for source in ("s", "t"):
        one = Indicator(id="a", source=source, pattern="one", modified=NOW, observe_until=NOW + timedelta(days=7))
        table.store(engine, [(one, "")], NOW)
    assert table.end_observation(engine, NOW) == 0
    assert table.end_observation(engine, NOW, "s") == 1
    assert table.end_observation(engine, NOW + timedelta(days=8)) == 1
    assert [one.observe_until for one in table.stored(engine)] == [None, None]
