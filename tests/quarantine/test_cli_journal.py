"""`sekisho quarantine journal`: what passed in the last weeks, told to people and programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from sekisho_core.events import Events
from sekisho_core.vocabulary import Action, Match, Passage, Reading, Subject
from sekisho_quarantine.journal import Journal, JournalBounds
from sekisho_quarantine.journal_files import listed

Run = Callable[..., tuple[int, str, str]]
HOSTILE = "\x1b]0;owned\x07\u202egpj.exe"


@pytest.fixture
def noted(make_passage: Callable[..., Passage], tmp_path: Path) -> list[Passage]:
    """Three mails in the journal: one accepted, one that a rule stopped, one hostile."""
    found = Match("indicator", "indicator--1", "feed", "green", 80, "targeted", "exact", "header:subject", "said")
    stopped = make_passage(b"2")
    stopped = Passage(**{**vars(stopped), "verdict": msgspec.structs.replace(stopped.verdict, reasons=(found,))})
    hostile = make_passage(b"3", Action.ACCEPT, reading=Reading(subject=Subject("", HOSTILE, "")), sender=HOSTILE)
    made = [make_passage(b"1", Action.ACCEPT), stopped, hostile]
    journal = Journal(JournalBounds(tmp_path / "journal", 30, 0), Events(lambda *_: None))
    assert all(map(journal.append, made))
    return made


def test_list(noted: list[Passage], sekisho: Run) -> None:
    """A line a mail, the newest last; nothing of a mail reaches the terminal raw."""
    status, out, _ = sekisho("journal")
    assert status == 0
    assert [one.id in line for one, line in zip(noted, out.splitlines(), strict=True)] == [True] * 3
    assert "accept" in out.splitlines()[0] and "indicator--1" in out.splitlines()[1]
    assert not {"\x1b", "\x07", "\u202e"} & set(out)


def test_filters(noted: list[Passage], sekisho: Run) -> None:
    """By rule, by time, and the newest of many."""
    assert noted[1].id in sekisho("journal", "--rule", "indicator--1")[1]
    assert len(sekisho("journal", "--rule", "indicator--1")[1].splitlines()) == 1
    assert noted[2].id in sekisho("journal", "--limit", "1")[1]
    assert len(sekisho("journal", "--since", "1h")[1].splitlines()) == 3
    status, out, err = sekisho("journal", "--until", "1h")
    assert (status, out) == (1, "") and "nothing found" in err


def test_json(noted: list[Passage], sekisho: Run) -> None:
    """Programs get every field by its name."""
    first, second, _ = json.loads(sekisho("journal", "--json")[1])
    assert (first["id"], first["action"], first["recipients"]) == (noted[0].id, "accept", 2)
    assert second["rules"] == [{"kind": "indicator", "rule": "indicator--1", "source": "feed", "state": "enforce"}]
    assert {"path": "email-addr:value", "value": "a@example.com", "where": "envelope:mail_from"} in first["facts"]


def test_damage_is_told(noted: list[Passage], sekisho: Run, tmp_path: Path) -> None:
    """What could not be read is said, and the rest is shown."""
    (path,) = listed(tmp_path / "journal")
    path.write_bytes(path.read_bytes()[:-5])
    status, out, err = sekisho("journal")
    assert (status, len(out.splitlines())) == (0, 2)
    assert "1 damaged place" in err


def test_no_journal_is_kept(sekisho: Run, config: Path) -> None:
    """Where it is switched off the command says so."""
    config.write_text(config.read_text().replace('journal = "', 'journal = "" # "'))
    status, _, err = sekisho("journal")
    assert status == 2 and "quarantine.journal" in err
