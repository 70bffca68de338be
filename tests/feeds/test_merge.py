"""What a feed says is laid over what all feeds said, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sekisho_core.database import open_database
from sekisho_core.settings import Database
from sekisho_feeds.merge import Merged, Removals, merge
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


def one(number: int, source: str = "s", days: int = 0, revoked: bool = False) -> tuple[Indicator, str]:
    """An indicator of source s that has effect."""
    pattern = f"[domain-name:value = 'c2-{number}.example']"
    modified = NOW + timedelta(days=days)
    return Indicator(id=f"i{number:04}", source=source, pattern=pattern, modified=modified, revoked=revoked), ""


def put(
    engine: Engine, *stated: tuple[Indicator, str], complete: bool = True, source: str = "s", confirmed: bool = False
) -> Merged:
    """Merge what a source states."""
    return merge(engine, source, stated, complete, Removals(0.2, confirmed), NOW)


def held(engine: Engine, source: str = "s") -> set[str]:
    """The ids that hold."""
    return {one.id for one in table.stored(engine, source=source, active=True)}


def test_withdrawal_of_one_source(engine: Engine) -> None:
    """What one source leaves out is withdrawn for it alone, and may come back; an incomplete feed withdraws nothing."""
    put(engine, one(1), one(2))
    put(engine, one(1, "t"), one(2, "t"), source="t")
    assert put(engine, one(1)) == Merged(unchanged=1, withdrawn=1)
    assert (held(engine), held(engine, "t")) == ({"i0001"}, {"i0001", "i0002"})
    assert put(engine, complete=False) == Merged()
    assert put(engine, one(1), one(2)) == Merged(added=1, unchanged=1)


def test_revocation_is_final(engine: Engine) -> None:
    """A revoked indicator stays so for its source, whatever comes later; that of another source holds."""
    put(engine, one(1))
    put(engine, one(1, "t"), source="t")
    put(engine, one(1, revoked=True))
    assert put(engine, one(1, days=9)) == Merged(unchanged=1)
    assert (held(engine), held(engine, "t")) == (set(), {"i0001"})


def test_older_version_is_ignored(engine: Engine) -> None:
    """The highest `modified` wins, in whatever order versions come."""
    put(engine, one(1, days=2))
    assert put(engine, one(1, days=1)) == Merged(unchanged=1)
    assert put(engine, one(1, days=3)) == Merged(updated=1)


@pytest.mark.parametrize("revoked", [False, True])
def test_mass_removal_waits_for_a_person(engine: Engine, revoked: bool) -> None:
    """C31: more than a fifth of a feed removed or revoked at once stays in force until confirmed; new ones come."""
    put(engine, *(one(number) for number in range(40)))
    left = [one(number) for number in range(20)]
    rest = [one(number, revoked=True, days=1) for number in range(20, 40)] if revoked else []
    assert put(engine, *left, *rest, one(99)) == Merged(added=1, unchanged=20, kept_back=20)
    assert len(held(engine)) == 41
    done = put(engine, *left, *rest, one(99), confirmed=True)
    assert (done.kept_back, done.withdrawn + done.updated) == (0, 20)
    assert len(held(engine)) == 21


def test_few_removals_need_nobody(engine: Engine) -> None:
    """Of a small feed a few may always go."""
    put(engine, *(one(number) for number in range(6)))
    assert put(engine, one(1)).withdrawn == 5


def test_merge_without_a_change_is_no_revision(engine: Engine) -> None:
    """What says nothing new leaves nothing to compile; what a killed pull left is seen by the next."""
    put(engine, one(1))
    assert history.is_pending(engine)
    history.compiled(engine, 1, history.newest(engine))
    put(engine, one(1))
    assert (history.newest(engine), history.is_pending(engine)) == (1, False)
