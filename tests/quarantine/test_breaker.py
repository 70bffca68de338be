"""The live breaker: a rule whose hits spread too wide is suspended, and what it held can be released at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sekisho_core import cli as root
from sekisho_core.database import open_database
from sekisho_core.events import Events
from sekisho_core.settings import Database
from sekisho_core.vocabulary import Action, Direction, Incomplete, Match, Mode, Passage
from sekisho_quarantine import audit
from sekisho_quarantine.breaker import Breaker, Limits, held_by
from sekisho_quarantine.journal import Journal, JournalBounds
from sekisho_quarantine.store import Store
from sekisho_quarantine.tables import passages
from sekisho_rules.suspension import FILE, in_effect, resume, suspensions
from sqlalchemy import Engine, update

Make = Callable[..., Passage]
LIMITS = Limits(share=0.05, senders=20, mails=20, window=timedelta(hours=1))
MATCH = Match("indicator", "bad", "feed", "green", 80, "targeted", "exact", "header:subject", "said")
LURE = msgspec.structs.replace(MATCH, rule="lure")
FINDING = Match("attachment", "office-macro", "policy", "clear", 100, "malicious", "exact", "1", "said")


class World:
    """A store, a journal, an index directory and a breaker over them."""

    def __init__(self, engine: Engine, store: Store, tmp_path: Path, make: Make) -> None:
        self.engine = engine
        self.index = tmp_path / "index"
        self.index.mkdir()
        self.directory = tmp_path / "journal"
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.now = datetime.now(UTC)
        self._store = store
        self._make = make
        self._journal = Journal(JournalBounds(self.directory, 30, 0), self.events)
        self._number = 0

    @property
    def events(self) -> Events:
        return Events(lambda _, name, fields: self.told.append((name, fields)))

    def breaker(self, journal: bool = True) -> Breaker:
        """A breaker that begins now."""
        directory = self.directory if journal else None
        return Breaker(self.engine, self.index, directory, LIMITS, self.events, lambda: self.now)

    def passed(self, count: int) -> None:
        """So many mails are accepted."""
        for _ in range(count):
            self._journal.append(self._next(Action.ACCEPT, "a@partner.example", ()))

    def stopped(
        self,
        count: int,
        domains: int = 1,
        reasons: Sequence[Match] = (MATCH,),
        incomplete: tuple[Incomplete, ...] = (),
        **options: Any,
    ) -> list[Passage]:
        """So many mails are stopped, from so many sender domains."""
        made = []
        for number in range(count):
            passage = self._next(
                Action.QUARANTINE, f"a@{number % domains}.example", reasons, incomplete=incomplete, **options
            )
            self._store.record(passage)
            self._journal.append(passage)
            made.append(passage)
        return made

    def suspended(self) -> set[tuple[str, str]]:
        """The rules that are out of force."""
        return set(in_effect(suspensions(self.index)))

    def _next(
        self,
        action: Action,
        sender: str,
        reasons: Sequence[Match],
        incomplete: tuple[Incomplete, ...] = (),
        direction: Direction = Direction.INBOUND,
        mode: Mode = Mode.ENFORCE,
    ) -> Passage:
        self._number += 1
        passage = self._make(f"\r\n{self._number}".encode(), action, sender=sender, mode=mode)
        verdict = msgspec.structs.replace(passage.verdict, reasons=tuple(reasons), incomplete=incomplete)
        envelope = msgspec.structs.replace(passage.mail.envelope, direction=direction)
        mail = type(passage.mail)(passage.mail.id, envelope, passage.mail.content)
        return Passage(**{**vars(passage), "verdict": verdict, "mail": mail})


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    """SQLite, which the commands open too."""
    opened = open_database(Database(sqlite_url, 5.0))
    yield opened
    opened.dispose()


@pytest.fixture
def world(engine: Engine, store: Store, tmp_path: Path, make_passage: Make) -> World:
    """An empty store, journal and index."""
    return World(engine, store, tmp_path, make_passage)


def test_too_large_a_share(world: World) -> None:
    """C23: twenty of less than four hundred mails: the rule is suspended, audited and told, with what it holds."""
    world.passed(370)
    world.stopped(20)
    (one,) = world.breaker().turn()
    assert one.key == ("feed", "bad") and world.suspended() == {("feed", "bad")}
    assert one.reason == "stopped 20 of 390 mails (5.1%) within 60 minutes, more than 5.0%"
    ((name, fields),) = world.told
    assert (name, fields["rule"], fields["source"], fields["held"]) == ("rule-suspended", "bad", "feed", 20)
    with world.engine.connect() as connection:
        assert [(one.who, one.what, one.detail) for one in audit.entries(connection)][-1] == (
            "breaker",
            "rule-suspended",
            "bad of feed",
        )


@pytest.mark.parametrize(("passed", "stopped"), [(380, 20), (0, 19)])
def test_within_the_limits(world: World, passed: int, stopped: int) -> None:
    """A share of five in a hundred, or fewer than twenty mails, is what a campaign may be."""
    world.passed(passed)
    world.stopped(stopped)
    assert world.breaker().turn() == [] and world.told == []


def test_too_many_senders(world: World) -> None:
    """C23: mail of more than twenty sender domains is no campaign's, however small its share."""
    world.passed(500)
    world.stopped(20, 20)
    breaker = world.breaker()
    assert breaker.turn() == []
    world.stopped(21, 21)
    (one,) = breaker.turn()
    assert one.reason == "stopped 41 mails of 21 sender domains within 60 minutes, more than 20"


def test_without_a_journal(world: World) -> None:
    """Where no journal is kept the spread of senders still counts, and no share does."""
    world.stopped(40, 3)
    breaker = world.breaker(journal=False)
    assert breaker.turn() == []
    world.stopped(21, 21)
    assert len(breaker.turn()) == 1


def test_a_journal_that_begins_later(world: World) -> None:
    """What was stopped before the journal began is no share of it."""
    made = world.stopped(30)
    for path in world.directory.iterdir():
        path.unlink()
    with world.engine.begin() as connection:
        before = world.now - timedelta(minutes=10)
        connection.execute(
            update(passages).where(passages.c.id.in_([one.id for one in made])).values(received_at=before)
        )
    world.passed(1)
    assert world.breaker().turn() == []


def test_what_does_not_count(world: World) -> None:
    """Observed and outbound mail, rules without effect, and reasons of the policy's own tables, which have no index
    entry to suspend."""
    observed = msgspec.structs.replace(MATCH, state="observe")
    world.stopped(30, 30, mode=Mode.OBSERVE)
    world.stopped(30, 30, direction=Direction.OUTBOUND)
    world.stopped(30, 30, reasons=(observed, FINDING))
    assert world.breaker().turn() == []


def test_turn_by_turn(world: World) -> None:
    """Hits add up over turns, and those older than the window are forgotten."""
    breaker = world.breaker()
    world.passed(100)
    world.stopped(10)
    assert breaker.turn() == []
    world.now += timedelta(minutes=61)
    assert breaker.turn() == []
    world.now -= timedelta(minutes=61)
    fresh = world.breaker()
    assert fresh.turn() == []
    world.stopped(10)
    assert len(fresh.turn()) == 1 and fresh.turn() == []
    assert [name for name, _ in world.told] == ["rule-suspended"]


def test_put_in_force_again(world: World) -> None:
    """A person's word holds for what was stopped before; the same again afterwards trips anew."""
    world.stopped(30)
    breaker = world.breaker()
    assert len(breaker.turn()) == 1
    resume(world.index, lambda one: True, datetime.now(UTC))
    assert breaker.turn() == [] and world.suspended() == set()
    world.stopped(30)
    assert len(breaker.turn()) == 1


def test_two_rules(world: World) -> None:
    """Only the rule that spreads is suspended; one that it happens to meet is not."""
    world.passed(500)
    world.stopped(21, 21)
    world.stopped(3, 3, reasons=(MATCH, LURE))
    assert [one.id for one in world.breaker().turn()] == ["bad"]


def test_faults_are_told(world: World) -> None:
    """What fails ends no breaker: it is told and tried again."""
    world.stopped(30)
    breaker = world.breaker()
    (world.index / FILE).write_text("{")
    assert breaker.turn() == []
    assert [name for name, _ in world.told] == ["breaker-fault"]
    (world.index / FILE).unlink()
    assert len(breaker.turn()) == 1


def test_held_by(world: World) -> None:
    """Only what is kept for this rule alone: nothing that another rule, a finding or a gap speaks against as well."""
    since = world.now - timedelta(hours=1)
    alone = world.stopped(2, reasons=(MATCH, msgspec.structs.replace(MATCH, where="1")))
    world.stopped(1, reasons=(MATCH, LURE))
    world.stopped(1, reasons=(MATCH, FINDING))
    world.stopped(1, incomplete=(Incomplete("1", "locked"),))
    world.stopped(1, reasons=(LURE,))
    world.stopped(1, mode=Mode.OBSERVE)
    assert held_by(world.engine, "bad", since) == [one.id for one in alone]
    assert held_by(world.engine, "bad", since, "feed") == [one.id for one in alone]
    assert held_by(world.engine, "bad", since, "other") == []
    assert held_by(world.engine, "bad", world.now + timedelta(hours=1)) == []


@pytest.fixture
def command(config: Path, tmp_path: Path, capsysbinary: Any) -> Callable[..., tuple[int, str, str]]:
    """Runs `sekisho …` on the test's settings; returns exit status, output and errors."""
    with config.open("a") as file:
        file.write(f'[rules]\nindex = "{tmp_path}/index"\n')

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            root.main([*arguments, "--config", str(config)])
        out, err = capsysbinary.readouterr()
        return int(ended.value.code or 0), out.decode(), err.decode()

    return run


def test_list_by_rule(world: World, command: Any) -> None:
    """`quarantine list --rule` has what a rule matched, beside others too, the newest first and at most so many."""
    made = world.stopped(2) + world.stopped(1, reasons=(MATCH, LURE))
    world.stopped(1, reasons=(LURE,))
    status, out, _ = command("quarantine", "list", "--rule", "bad", "--json")
    assert status == 0 and {one["id"] for one in json.loads(out)} == {one.id for one in made}
    assert len(json.loads(command("quarantine", "list", "--rule", "bad", "--json", "--limit", "2")[1])) == 2
    assert command("quarantine", "list", "--rule", "none")[0] == 1


def test_bulk_release(world: World, command: Any, config: Path, smtp_sink: Any) -> None:
    """All that a suspended rule alone held goes out with one command; what else speaks against stays."""
    sink = smtp_sink()
    config.write_text(config.read_text().replace("release_port = 1\n", f"release_port = {sink.port}\n"))
    world.stopped(25)
    (stays,) = world.stopped(1, reasons=(MATCH, LURE))
    assert len(world.breaker().turn()) == 1
    status, out, err = command("quarantine", "release", "--rule", "bad", "--reason", "false alarm")
    assert (status, len(out.splitlines()), len(sink.mails)) == (0, 50, 25) and "25 mails held" in err
    kept = json.loads(command("quarantine", "list", "--state", "kept", "--json")[1])
    assert [one["id"] for one in kept] == [stays.id]


def test_bulk_release_must_be_bounded(world: World, command: Any) -> None:
    """A rule that was not suspended may have been right for months: its mail is not let go without a date."""
    world.stopped(2)
    status, _, err = command("quarantine", "release", "--rule", "bad", "--reason", "false alarm")
    assert status == 2 and "--since" in err
    assert command("quarantine", "release", "--reason", "x")[0] == 2
    assert command("quarantine", "release", "abc", "--rule", "bad", "--reason", "x")[0] == 2
    _, _, err = command("quarantine", "release", "--rule", "bad", "--reason", "x", "--since", "1h")
    assert "2 mails held" in err


def test_suspended_and_resume(world: World, command: Any) -> None:
    """`rules suspended` lists with the reason; `rules resume` puts in force again, with who and why in the audit."""
    assert "no rule is suspended" in command("rules", "suspended")[2]
    world.stopped(30)
    world.breaker().turn()
    status, out, _ = command("rules", "suspended")
    assert status == 0 and "bad" in out and "30 of 30 mails" in out
    assert json.loads(command("rules", "suspended", "--json")[1])[0]["id"] == "bad"
    assert command("rules", "resume", "bad", "--source", "other", "--reason", "x")[0] == 1
    status, out, _ = command("rules", "resume", "bad", "--reason", "checked", "--by", "hanako")
    assert status == 0 and "in force again" in out and world.suspended() == set()
    assert command("rules", "resume", "bad", "--reason", "checked")[0] == 1
    with world.engine.connect() as connection:
        last = list(audit.entries(connection))[-1]
        assert (last.who, last.what, last.why, last.detail) == ("hanako", "rule-resumed", "checked", "bad of feed")
