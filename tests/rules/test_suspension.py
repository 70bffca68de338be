"""Suspended rules: without effect from the next mail on, whatever is compiled, and never "no filter"."""

from __future__ import annotations

import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sekisho_core.errors import SnapshotError
from sekisho_core.events import Events
from sekisho_core.vocabulary import Envelope, Finding, Match, Observable, Reading
from sekisho_rules.compile import compile_snapshot
from sekisho_rules.indicator import Indicator
from sekisho_rules.match import mail_facts
from sekisho_rules.snapshot import SnapshotStore
from sekisho_rules.suspension import FILE, Suspension, in_effect, resume, suspend, suspensions

NOW = datetime.now(UTC).replace(microsecond=0)
LURE = Indicator(id="lure", source="feed", pattern="[file:name = 'lure.exe']")
OTHER = Indicator(id="lure", source="other", pattern="[file:name = 'lure.exe']")
YARA = Indicator(id="yara", source="feed", pattern="rule a { condition: true }", pattern_type="yara")
MAIL = Reading(observables=(Observable("file:name", "lure.exe", "1"),), findings=(Finding("yara", "1", rule="yara:a"),))


def suspension(identity: str = "lure", at: datetime = NOW) -> Suspension:
    """One of the feed's rules."""
    return Suspension("feed", identity, at, "breaker", "20 of 100 mails from 21 domains")


def build(index: Path, *indicators: Indicator) -> None:
    """Compile these."""
    compile_snapshot(indicators, index, lambda rules, sources: (b"rules", {}), 3)


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    """Three rules that the mail meets."""
    build(tmp_path, LURE, OTHER, YARA)
    return SnapshotStore(tmp_path)


def states(store: SnapshotStore) -> dict[tuple[str, str], str]:
    """The state of each rule that the mail meets."""
    return {(one.source, one.rule): one.state for one in found(store)}


def found(store: SnapshotStore) -> tuple[Match, ...]:
    """What the mail meets."""
    return store.current().match(Envelope(), MAIL)


def test_from_the_next_mail_on(store: SnapshotStore, tmp_path: Path) -> None:
    """C23: a suspended rule still matches, without effect and with the reason; the same id of another source has its
    effect. Lifted, it has it again."""
    assert set(states(store).values()) == {"enforce"}
    assert suspend(tmp_path, [suspension()]) == [suspension()]
    assert states(store) == {("feed", "lure"): "observe", ("other", "lure"): "enforce", ("feed", "yara"): "enforce"}
    (told,) = [one.explain for one in found(store) if one.state == "observe"]
    assert "The rule is suspended since " in told and "20 of 100 mails" in told
    assert [one.lifted_at for one in resume(tmp_path, lambda one: one.id == "lure", NOW)] == [NOW]
    assert set(states(store).values()) == {"enforce"}
    assert suspensions(tmp_path)[0].lifted_at == NOW


def test_yara_too(store: SnapshotStore, tmp_path: Path) -> None:
    """A YARA rule is suspended by the id of its indicator."""
    suspend(tmp_path, [suspension("yara")])
    assert states(store)["feed", "yara"] == "observe"


def test_a_compile_lifts_none(store: SnapshotStore, tmp_path: Path) -> None:
    """The next snapshot has them too, in processes that run and in those that begin."""
    suspend(tmp_path, [suspension()])
    build(tmp_path, LURE, OTHER)
    assert states(store)["feed", "lure"] == "observe"
    store.current().close()
    assert states(SnapshotStore(tmp_path))["feed", "lure"] == "observe"


def test_facts_are_matched_without_suspensions(store: SnapshotStore, tmp_path: Path) -> None:
    """The backtest asks what a rule would do in force."""
    suspend(tmp_path, [suspension()])
    matches = store.current().match_facts(mail_facts(Envelope(), MAIL), NOW)
    assert {one.state for one in matches} == {"enforce"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"suspensions": 1}', b"\xff\xfe", b"x" * 100])
def test_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    """What was known last stays in effect, the log is told once, and nothing is ever left unfiltered."""
    build(tmp_path, LURE, OTHER)
    told: list[tuple[str, dict[str, Any]]] = []
    store = SnapshotStore(tmp_path, events=Events(lambda _, name, fields: told.append((name, fields))))
    suspend(tmp_path, [suspension()])
    assert states(store)["feed", "lure"] == "observe"
    (tmp_path / FILE).write_bytes(content)
    for _ in range(3):
        assert states(store) == {("feed", "lure"): "observe", ("other", "lure"): "enforce"}
    assert [name for name, _ in told] == ["suspensions-damaged"]
    with pytest.raises(SnapshotError, match=FILE):
        suspend(tmp_path, [suspension("second")])
    store.current().close()
    assert set(states(SnapshotStore(tmp_path)).values()) == {"enforce"}


def test_a_file_that_goes_away(store: SnapshotStore, tmp_path: Path) -> None:
    """No file means that nothing is suspended."""
    suspend(tmp_path, [suspension()])
    assert states(store)["feed", "lure"] == "observe"
    (tmp_path / FILE).unlink()
    assert states(store)["feed", "lure"] == "enforce"


def test_only_once(tmp_path: Path) -> None:
    """What is suspended keeps its first reason; a lifted one can be suspended again, and is forgotten after a while."""
    suspend(tmp_path, [suspension()])
    later = msgspec.structs.replace(suspension(), reason="again")
    assert suspend(tmp_path, [later]) == []
    assert in_effect(suspensions(tmp_path))["feed", "lure"].reason != "again"
    assert resume(tmp_path, lambda one: False, NOW) == []
    resume(tmp_path, lambda one: True, NOW - timedelta(days=30))
    assert suspend(tmp_path, [later]) == [later]
    resume(tmp_path, lambda one: True, NOW - timedelta(days=30))
    suspend(tmp_path, [suspension("second")])
    assert [one.id for one in suspensions(tmp_path)] == ["second"]


def test_side_by_side(tmp_path: Path) -> None:
    """Writers wait for each other: none loses what another one wrote."""
    threads = [
        threading.Thread(target=lambda number=number: suspend(tmp_path, [suspension(f"rule-{number}")]))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(suspensions(tmp_path)) == 20


def test_kill_of_a_writer(tmp_path: Path) -> None:
    """A29: kill -9 at any moment leaves the old file or the new one."""
    suspend(tmp_path, [suspension("first")])
    for _ in range(5):
        ready, running = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                for number in range(100_000):
                    suspend(tmp_path, [suspension(f"rule-{number % 50}")])
                    resume(tmp_path, lambda one: one.id != "first", NOW)
                    os.write(running, b".")
            finally:
                os._exit(1)
        os.read(ready, 1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(running)
        assert "first" in {one.id for one in suspensions(tmp_path)}
