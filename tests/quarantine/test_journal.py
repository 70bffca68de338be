"""The journal: every inbound passage, in files that survive a crash, within bounds."""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.database import open_database
from sekisho_core.events import Events
from sekisho_core.settings import Database
from sekisho_core.vocabulary import Action, Direction, Header, Match, Mode, Observable, Passage, Reading, Subject
from sekisho_quarantine.journal import (
    MOST_NAMED,
    MOST_VALUE,
    MOST_VALUES,
    Entry,
    Journal,
    JournalBounds,
    Rule,
    Tail,
    entries,
    entry_of,
)
from sekisho_quarantine.journal_files import MOST_RECORD, Damage, contents, file_name, frame, listed, trim

Make = Callable[..., Passage]
DAY = date(2026, 11, 22)
MATCH = Match("indicator", "indicator--1", "feed", "green", 80, "targeted", "exact", "header:subject", "said")


@pytest.fixture
def told() -> list[tuple[str, dict[str, Any]]]:
    """The events that were emitted."""
    return []


@pytest.fixture
def journal(tmp_path: Path, told: list[Any]) -> Journal:
    """A journal below the test's directory, which is not there yet."""
    bounds = JournalBounds(tmp_path / "journal", 30, 0)
    return Journal(bounds, Events(lambda _, name, fields: told.append((name, fields))))


def read(tmp_path: Path, **options: Any) -> list[Entry]:
    """All entries of the test's journal."""
    return list(entries(tmp_path / "journal", **options))


def test_every_verdict_is_noted(journal: Journal, make_passage: Make, tmp_path: Path) -> None:
    """Accepted mail too, in both modes, with envelope, facts and verdict; the newest is last."""
    reading = Reading(
        subject=Subject("raw", "会議の件", "normal"),
        headers=(Header("X-Mailer", "Mailer 1", b" Mailer 1"),),
        observables=(
            Observable("email-message:from_ref.value", "a@example.com", "header:from"),
            Observable("email-message:body", "secret text", "1"),
        ),
    )
    made = [
        make_passage(b"1", Action.ACCEPT, reading=reading),
        make_passage(b"2", Action.QUARANTINE, mode=Mode.OBSERVE),
    ]
    assert all(map(journal.append, made))
    first, second = read(tmp_path)
    assert (first.id, first.key, first.action, first.serial) == (made[0].id, made[0].key, Action.ACCEPT, 7)
    assert (first.mail_from, first.header_from, first.subject) == ("a@example.com", "a@example.com", "会議の件")
    assert (first.rcpt_to, first.recipients) == (("b@example.jp", "c@example.jp"), 2)
    assert abs(first.received - time.time()) < 60
    assert (second.action, second.mode) == (Action.QUARANTINE, Mode.OBSERVE)
    paths = {fact.path: fact.value for fact in first.facts}
    assert paths["email-message:additional_header_fields.x-mailer"] == "Mailer 1"
    assert b"secret text" not in msgspec.msgpack.encode(first)


def test_rules_that_matched(make_passage: Make) -> None:
    """An entry names each rule of the verdict once, with its source and whether it had effect."""
    passage = make_passage()
    verdict = msgspec.structs.replace(passage.verdict, reasons=(MATCH, msgspec.structs.replace(MATCH, where="1")))
    entry = entry_of(Passage(**{**vars(passage), "verdict": verdict}), 0.0)
    assert entry.rules == (Rule("indicator", "indicator--1", "feed", "enforce"),)


def test_outbound_mail_is_not_noted(journal: Journal, make_passage: Make, tmp_path: Path) -> None:
    """Shares are of inbound mail; what our own users send is not among it."""
    passage = make_passage()
    envelope = msgspec.structs.replace(passage.mail.envelope, direction=Direction.OUTBOUND)
    mail = type(passage.mail)(passage.id, envelope, passage.mail.content)
    assert journal.append(Passage(**{**vars(passage), "mail": mail}))
    assert read(tmp_path) == []


def test_switched_off(make_passage: Make, tmp_path: Path) -> None:
    """Without a directory nothing is written and nothing fails."""
    assert Journal(JournalBounds(None, 30, 0), Events(lambda *_: None)).append(make_passage())
    assert list(tmp_path.iterdir()) == []


def test_modes_of_files(journal: Journal, make_passage: Make, tmp_path: Path) -> None:
    """Nobody beyond owner and group reads who writes to whom."""
    journal.append(make_passage())
    (path,) = listed(tmp_path / "journal")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o007 == 0


def test_retries_are_one_entry(journal: Journal, make_passage: Make, tmp_path: Path) -> None:
    """The first try that was not put off counts: one that was put off may have been read badly."""
    put_off = make_passage(action=Action.TEMPFAIL)
    later = [make_passage(action=action) for action in (Action.QUARANTINE, Action.ACCEPT)]
    for passage in (put_off, *later):
        journal.append(passage)
    assert [entry.id for entry in read(tmp_path)] == [later[0].id]


def test_since_and_until(journal: Journal, make_passage: Make, tmp_path: Path) -> None:
    """Only mail of the time that was asked for."""
    journal.append(make_passage())
    now = datetime.now(UTC)
    assert len(read(tmp_path, since=now - timedelta(hours=1), until=now + timedelta(hours=1))) == 1
    assert read(tmp_path, since=now + timedelta(hours=1)) == []
    assert read(tmp_path, until=now - timedelta(hours=1)) == []


def test_values_are_bounded(make_passage: Make) -> None:
    """What a sender piles up is left out and counted; the envelope stays, and recipients go before it."""
    long = Observable("file:name", "x" * (MOST_VALUE + 1), "1")
    many = tuple(Observable("file:name", f"{number:04}" * 500, str(number)) for number in range(200))
    crowd = tuple(f"user{number}@example.jp" for number in range(5000))
    entry = entry_of(make_passage(to=crowd, reading=Reading(observables=(long, *many))), 0.0)
    assert sum(len(fact.value) for fact in entry.facts) <= MOST_VALUES
    assert entry.cut > 5000
    assert ("email-addr:value", "a@example.com", "envelope:mail_from") in entry.facts
    assert (len(entry.rcpt_to), entry.recipients) == (MOST_NAMED, 5000)


def test_lone_surrogates(journal: Journal, make_passage: Make, tmp_path: Path) -> None:
    """A value that UTF-8 cannot hold is noted with an escape."""
    journal.append(make_passage(reading=Reading(subject=Subject("", "bad \udcff", ""))))
    assert [entry.subject for entry in read(tmp_path)] == ["bad \\udcff"]


def test_a_failure_is_told_once_and_delays_nothing(
    journal: Journal, make_passage: Make, told: list[Any], tmp_path: Path
) -> None:
    """A journal that cannot be written costs one line, and is written again once it can be."""
    (tmp_path / "journal").write_text("no directory")
    assert [journal.append(make_passage()) for _ in range(3)] == [False] * 3
    assert [name for name, _ in told] == ["journal-failed"]
    (tmp_path / "journal").unlink()
    assert journal.append(make_passage())
    assert len(read(tmp_path)) == 1


def test_a_removed_file(journal: Journal, make_passage: Make, tmp_path: Path) -> None:
    """A writer whose file was taken away begins another: later mail is not lost with it."""
    journal.append(make_passage(b"1"))
    listed(tmp_path / "journal")[0].unlink()
    journal.append(make_passage(b"2"))
    assert len(read(tmp_path)) == 1


@pytest.mark.parametrize("cut", [1, 7, 8, 15, 16, 17, 40])
def test_a_torn_tail(journal: Journal, make_passage: Make, tmp_path: Path, cut: int) -> None:
    """A28: wherever a crash cut the last record, those before it are read, and the damage is counted."""
    made = [make_passage(bytes([number])) for number in range(3)]
    for passage in made:
        journal.append(passage)
    (path,) = listed(tmp_path / "journal")
    os.truncate(path, path.stat().st_size - cut)
    damage = Damage()
    assert [entry.id for entry in read(tmp_path, damage=damage)] == [one.id for one in made[:2]]
    assert damage.places == 1


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=8), st.data())
def test_damage_costs_only_what_it_touches(tmp_path_factory: Any, written: list[bytes], data: st.DataObject) -> None:
    """A28: bytes overwritten anywhere lose the records they are in, and never one of the others or a wrong content."""
    path = tmp_path_factory.getbasetemp() / file_name(DAY, 1)
    frames = [frame(path, content) for content in written]
    whole = b"".join(frames)
    start = data.draw(st.integers(0, len(whole) - 1))
    noise = data.draw(st.binary(min_size=1, max_size=40))
    path.write_bytes(whole[:start] + noise + whole[start + len(noise) :])
    ends = [sum(map(len, frames[: number + 1])) for number in range(len(frames))]
    untouched = [
        content
        for content, one, end in zip(written, frames, ends, strict=True)
        if end <= start or end - len(one) >= start + len(noise)
    ]
    with path.open("rb") as file:
        found = [content for content, _ in contents(path, file, 0, Damage())]
    path.unlink()
    assert [one for one in found if one in written] == found
    position = 0
    for content in untouched:
        position = found.index(content, position) + 1


def test_a_packed_bomb_is_bounded(tmp_path: Path) -> None:
    """A record that unpacks to more than a record may have is damage."""
    path = tmp_path / file_name(DAY, 1)
    path.write_bytes(frame(path, bytes(MOST_RECORD * 4)) + frame(path, b"next"))
    damage = Damage()
    with path.open("rb") as file:
        assert [content for content, _ in contents(path, file, 0, damage)] == [b"next"]
    assert damage.places == 1


def test_kill_of_a_writer(
    make_passage: Make, tmp_path: Path, told: list[Any], in_children: Callable[..., list[int]]
) -> None:
    """A28: kill -9 in the middle of writing leaves a journal that is read to the last whole record."""
    made = [make_passage(bytes([number])) for number in range(100)]
    ready, running = os.pipe()

    def write() -> None:
        journal = Journal(JournalBounds(tmp_path / "journal", 30, 0), Events(lambda *_: None))
        for number in range(1_000_000):
            journal.append(made[number % 100])
            if number == 500:
                os.write(running, str(os.getpid()).encode())

    def kill() -> None:
        os.kill(int(os.read(ready, 20)), signal.SIGKILL)

    threading.Thread(target=kill).start()
    assert in_children(write) == [-signal.SIGKILL]
    os.close(ready)
    os.close(running)
    damage = Damage()
    assert len(read(tmp_path, damage=damage)) == 100
    assert damage.places <= 1


def test_threads_and_processes_side_by_side(
    journal: Journal, make_passage: Make, tmp_path: Path, in_children: Callable[..., list[int]]
) -> None:
    """Each process has its own file, and threads of one do not mix their records."""
    made = [make_passage(str(number).encode()) for number in range(200)]

    def write(part: list[Passage]) -> None:
        own = Journal(JournalBounds(tmp_path / "journal", 30, 0), Events(lambda *_: None))
        halves = [threading.Thread(target=lambda half=half: list(map(own.append, half))) for half in (part[::2], part)]
        for thread in halves:
            thread.start()
        for thread in halves:
            thread.join()

    assert in_children(lambda: write(made[:100]), lambda: write(made[100:])) == [0, 0]
    damage = Damage()
    assert {entry.id for entry in read(tmp_path, damage=damage)} == {one.id for one in made}
    assert len(listed(tmp_path / "journal")) == 2 and damage == Damage()


def old_file(directory: Path, days: int, size: int) -> Path:
    """A file of so many days before DAY."""
    path = directory / file_name(DAY - timedelta(days=days), 1)
    path.write_bytes(bytes(size))
    return path


def test_retention_by_days(tmp_path: Path) -> None:
    """Files older than the days that are kept go; foreign files stay."""
    files = [old_file(tmp_path, days, 10) for days in (31, 30, 0)]
    (tmp_path / "notes.txt").write_text("keep")
    assert trim(tmp_path, 30, 0, DAY) == 1
    assert listed(tmp_path) == files[1:]
    assert (tmp_path / "notes.txt").exists()


def test_retention_by_bytes(tmp_path: Path) -> None:
    """Beyond the bytes the oldest go first, until what is left fits."""
    files = [old_file(tmp_path, days, 100) for days in (3, 2, 1, 0)]
    assert trim(tmp_path, 30, 250, DAY) == 2
    assert listed(tmp_path) == files[2:]
    assert trim(tmp_path / "none", 30, 250, DAY) == 0


def test_a_flood_stays_within_the_bytes(make_passage: Make, tmp_path: Path) -> None:
    """A sender cannot fill the disk between two runs of the retention: writers make room themselves."""
    journal = Journal(JournalBounds(tmp_path / "journal", 30, 40_000), Events(lambda *_: None))
    for number in range(400):
        journal.append(make_passage(str(number).encode()))
    total = sum(path.stat().st_size for path in listed(tmp_path / "journal"))
    assert 10_000 < total < 50_000


def test_a_tail_follows(journal: Journal, make_passage: Make, tmp_path: Path) -> None:
    """Each mail is seen once, also one whose record was half written at the last look."""
    tail = Tail(tmp_path / "journal", datetime.now(UTC) - timedelta(hours=1))
    assert list(tail.fresh()) == []
    journal.append(make_passage(b"1"))
    assert len(list(tail.fresh())) == 1
    journal.append(make_passage(b"2"))
    (path,) = listed(tmp_path / "journal")
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert list(tail.fresh()) == []
    path.write_bytes(whole)
    assert len(list(tail.fresh())) == 1
    assert list(tail.fresh()) == []


def test_maintain_takes_the_journal_along(sekisho: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """The retention run removes what is too old of the journal, and counts it."""
    open_database(Database(f"sqlite:///{tmp_path}/store.sqlite", 5.0)).dispose()
    (tmp_path / "bodies").mkdir()
    (tmp_path / "journal").mkdir()
    old_file(tmp_path / "journal", 10_000, 10)
    status, out, _ = sekisho("maintain")
    assert (status, listed(tmp_path / "journal")) == (0, [])
    assert "journal=1" in out
