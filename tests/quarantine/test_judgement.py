from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sekisho_core.database import open_database
from sekisho_core.errors import StoreError
from sekisho_core.settings import Database
from sekisho_core.vocabulary import Passage
from sekisho_quarantine.judgement import Finding, judge, judgements_since
from sekisho_quarantine.store import Store
from sekisho_quarantine.tables import audit, judgements, passages
from sqlalchemy import Engine, delete, select

Make = Callable[..., Passage]
Run = Callable[..., tuple[int, str, str]]
EVER = datetime.fromtimestamp(0, UTC)


def test_the_latest_judgement_stands(engine: Engine, store: Store, make_passage: Make) -> None:
    """A judgement takes the place of the earlier one; the audit has both, with who and why."""
    passage = make_passage()
    store.record(passage)
    judge(engine, passage.id, Finding.CONFIRMED, "hanako", "analysed\0")
    judge(engine, passage.id, Finding.FALSE_POSITIVE, "taro", "asked her")
    (found,) = judgements_since(engine, EVER)
    assert (found.passage_id, found.finding, found.reasons) == (passage.id, Finding.FALSE_POSITIVE, ())
    with engine.connect() as connection:
        said = connection.execute(select(audit.c.who, audit.c.what, audit.c.why).order_by(audit.c.number)).all()
    assert [tuple(one) for one in said[1:]] == [
        ("hanako", "judged-confirmed", "analysed\u2400"),
        ("taro", "judged-false-positive", "asked her"),
    ]
    assert judgements_since(engine, datetime.now(UTC) + timedelta(hours=1)) == []


def test_a_mail_that_is_not_there(engine: Engine, store: Store) -> None:
    """What has no record cannot be judged, and leaves nothing behind."""
    with pytest.raises(StoreError, match="no such record"):
        judge(engine, "0" * 26, Finding.CONFIRMED, "hanako", "why")
    with engine.connect() as connection:
        assert connection.execute(select(audit)).all() == []


def test_a_judgement_goes_with_its_record(engine: Engine, store: Store, make_passage: Make) -> None:
    """When retention takes the record away, its judgement goes as well."""
    passage = make_passage()
    store.record(passage)
    judge(engine, passage.id, Finding.CONFIRMED, "hanako", "why")
    with engine.begin() as connection:
        connection.execute(delete(passages))
        assert connection.execute(select(judgements)).all() == []


@pytest.fixture
def engine_of_commands(sqlite_url: str) -> Engine:
    """The commands' own database: SQLite."""
    return open_database(Database(sqlite_url, 5.0))


def test_judge_command(engine_of_commands: Engine, tmp_path: Path, make_passage: Make, sekisho: Run) -> None:
    """`judge` notes who found what and why, `show` tells it, and one of the two findings must be given."""
    passage = make_passage()
    Store(engine_of_commands, tmp_path / "bodies").record(passage)
    assert json.loads(sekisho("show", passage.id, "--json")[1])["judgement"] is None
    for flags in ((), ("--confirm", "--false-positive")):
        assert sekisho("judge", passage.id, "--reason", "x", *flags)[0] == 2
    assert sekisho("judge", passage.id, "--confirm", "--reason", " ")[0] == 2
    assert sekisho("judge", "0000", "--confirm", "--reason", "x")[0] == 1
    code, out, _ = sekisho("judge", passage.id[:20], "--false-positive", "--reason", "\x1b[31mred", "--by", "taro")
    assert (code, out) == (0, f"{passage.id} false-positive\n")
    shown = sekisho("show", passage.id)[1]
    assert "judged       false-positive" in shown and "by taro: ⟨U+001B⟩[31mred" in shown
    told = json.loads(sekisho("show", passage.id, "--json")[1])["judgement"]
    assert (told["verdict"], told["who"], told["why"]) == ("false-positive", "taro", "\x1b[31mred")
