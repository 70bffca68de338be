"""The table of indicators, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sekisho_core.database import open_database
from sekisho_core.settings import Database
from sekisho_rules.indicator import UNDATED, Indicator
from sekisho_rules.table import Imported, count_active, details, remove, store, stored
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


def indicator(**properties: object) -> Indicator:
    """An indicator of source s."""
    base = Indicator(
        id="indicator--1",
        source="s",
        pattern="[file:name = '報告書.exe']",
        modified=NOW,
        valid_until=NOW + timedelta(days=1),
        labels=("a", "b"),
        document="{}",
    )
    return Indicator(**{name: getattr(base, name) for name in base.__struct_fields__} | properties)


def put(engine: Engine, *indicators: Indicator) -> Imported:
    """Store indicators that have effect."""
    return store(engine, [(one, "") for one in indicators], NOW)


def test_round_trip(engine: Engine) -> None:
    """What is stored comes back, times with their zone; the raw document, reason and time of import are kept."""
    store(engine, [(indicator(), "inert: why")], NOW)
    assert list(stored(engine)) == [indicator(document="")]
    row = details(engine, "indicator--1")[0]
    assert (row["document"], row["reason"], row["imported_at"]) == ("{}", "inert: why", NOW)


def test_one_row_for_each_source(engine: Engine) -> None:
    """Two sources of one id are two rows; withdrawing one leaves the other."""
    put(engine, indicator(), indicator(source="t"))
    put(engine, indicator(source="t", revoked=True))
    assert [one.source for one in stored(engine, active=True)] == ["s"]
    assert len(details(engine, "indicator--1")) == 2


def test_versions(engine: Engine) -> None:
    """Only a newer version changes a row, and nothing changes a revoked one."""
    later = NOW + timedelta(days=1)
    assert put(engine, indicator()) == Imported(added=1)
    assert put(engine, indicator(name="same")) == Imported(unchanged=1)
    assert put(engine, indicator(name="new", modified=later)) == Imported(updated=1)
    assert put(engine, indicator(name="old")) == Imported(unchanged=1)
    assert [one.name for one in stored(engine)] == ["new"]
    assert put(engine, indicator(revoked=True)) == Imported(updated=1)
    assert put(engine, indicator(modified=later + timedelta(days=9))) == Imported(unchanged=1)
    assert not list(stored(engine, active=True))


def test_changed_files(engine: Engine) -> None:
    """A changed YARA file takes the place of what it was, whether it states no time of change or left it; not with an
    older one. A changed pattern of a STIX version does not."""
    file = indicator(pattern_type="yara", pattern="rule a")
    undated = indicator(pattern_type="yara", pattern="rule b", modified=UNDATED)
    older = indicator(pattern_type="yara", pattern="rule d", modified=NOW - timedelta(days=1))
    assert put(engine, file) == Imported(added=1)
    assert put(engine, undated) == Imported(updated=1)
    assert put(engine, undated) == Imported(unchanged=1)
    assert put(engine, file) == Imported(updated=1)
    assert put(engine, indicator(pattern_type="yara", pattern="rule c")) == Imported(updated=1)
    assert put(engine, older) == Imported(unchanged=1)
    assert put(engine, indicator(pattern="[file:name = 'b.exe']")) == Imported(unchanged=1)
    assert [one.pattern for one in stored(engine)] == ["rule c"]


def test_filters_and_removal(engine: Engine) -> None:
    """Source, type and text choose rows; a removed row is gone, its twin of another source not."""
    put(engine, indicator(), indicator(source="t"), indicator(id="indicator--2", pattern_type="yara", pattern="100%"))
    assert len(list(stored(engine, source="s"))) == 2
    assert [one.id for one in stored(engine, kind="yara")] == ["indicator--2"]
    assert [one.id for one in stored(engine, text="0%")] == ["indicator--2"]
    assert remove(engine, "indicator--1", "t", NOW) == 1
    assert remove(engine, "indicator--1", "t", NOW) == 0
    assert {one.id for one in stored(engine)} == {"indicator--1", "indicator--2"}


def test_many(engine: Engine) -> None:
    """An import larger than one batch is one transaction; all that is not revoked is counted."""
    many = ((indicator(id=f"indicator--{number}"), "") for number in range(1200))
    assert store(engine, many, NOW) == Imported(added=1200)
    store(engine, [(indicator(id="indicator--1", modified=NOW, revoked=True), "")], NOW)
    assert count_active(engine) == 1199
    assert len(list(stored(engine))) == 1200
