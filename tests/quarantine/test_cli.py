from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sekisho_core.database import open_database
from sekisho_core.display import visible
from sekisho_core.settings import Database
from sekisho_core.vocabulary import Action, Incomplete, Match, Observable, Passage, Reading, Subject
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.store import Store
from sekisho_quarantine.tables import audit as audit_table
from sqlalchemy import Engine, update

Make = Callable[..., Passage]
Run = Callable[..., tuple[int, str, str]]
HOSTILE = "\x1b]0;owned\x07\u202egpj.exe\u200b\r\n\x9b31m\0"
UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ud800-\udfff]")


@pytest.fixture
def engine(sqlite_url: str) -> Engine:
    """The commands' own database: SQLite."""
    return open_database(Database(sqlite_url, 5.0))


@pytest.fixture
def kept(store: Store, make_passage: Make) -> Passage:
    """One mail in the quarantine."""
    link = Observable("url:value", "http://evil.example.com/x", "part:1")
    reading = Reading(
        subject=Subject("=?x?=", "対北朝鮮措置の延長について", "対北朝鮮措置の延長について"), observables=(link,)
    )
    passage = make_passage(reading=reading)
    store.record(passage)
    return passage


def _hostile(make_passage: Make) -> Passage:
    texts = Reading(
        subject=Subject(HOSTILE, HOSTILE, HOSTILE),
        observables=(
            Observable("url:value", HOSTILE, HOSTILE),
            Observable("email-message:from_ref.value", HOSTILE, ""),
        ),
        incomplete=(Incomplete(HOSTILE, "malformed", HOSTILE),),
    )
    return make_passage(reading=texts, sender=HOSTILE, to=(HOSTILE,), queue_id=HOSTILE)


@pytest.mark.parametrize("json_flag", [(), ("--json",)])
def test_nothing_raw_reaches_the_terminal(
    store: Store, make_passage: Make, sekisho: Run, json_flag: tuple[str, ...]
) -> None:
    """Control, bidi and invisible characters in every field of a mail are marks in all outputs."""
    passage = _hostile(make_passage)
    store.record(passage)
    outputs = [
        sekisho("list", *json_flag),
        sekisho("show", passage.id, *json_flag),
        sekisho("audit", *json_flag),
        sekisho("release", passage.id, "--reason", HOSTILE.replace("\0", "")),
        sekisho("show", "\x1b[31m"),
    ]
    assert [found for _, out, err in outputs for found in UNSAFE.findall(out + err)] == []


def test_list_fits_and_filters(kept: Passage, store: Store, make_passage: Make, sekisho: Run) -> None:
    """Each filter finds the mail it describes and not the other; nothing found is exit status 1."""
    other = make_passage(b"other\r\n", action=Action.TAG, sender="x@example.org", to=("z@example.jp",))
    store.record(other)
    for found, missed in (
        (("--state", "kept"), ("--state", "held")),
        (("--action", "quarantine"), ("--action", "reject")),
        (("--since", "1h"), ("--since", "2999-01-01")),
        (("--until", "2999-01-01T00:00"), ("--until", "1h")),
        (("--sender", "A@EXAMPLE.com"), ("--sender", "nobody")),
        (("--recipient", "b@"), ("--recipient", "%")),
        (("--subject", "北朝鮮"), ("--subject", "100%_")),
    ):
        status, out, _ = sekisho("list", "--json", *found)
        assert (status, kept.id in [one["id"] for one in json.loads(out)]) == (0, True), found
        assert sekisho("list", *missed)[0] == 1, missed
    assert [one["id"] for one in json.loads(sekisho("list", "--json", "--limit", "1")[1])] == [other.id]


def test_table_fits_the_terminal(kept: Passage, sekisho: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider than the terminal, counting wide characters twice."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = sekisho("list")[1].splitlines()
    widths = [sum(2 if ord(char) > 0x2E80 else 1 for char in line) for line in lines]
    assert (len(lines), max(widths) <= 80) == (2, True)


def test_show_says_everything(store: Store, make_passage: Make, sekisho: Run) -> None:
    """Reasons with their explanation, gaps, defanged links, each recipient's state and the audit are shown."""
    passage = make_passage(
        reading=Reading(observables=(Observable("url:value", "http://evil.example.com/x", "part:1"),)),
    )
    match = Match("indicator", "indicator--1", "npa", "clear", 90, "targeted", "exact", "header:subject", "says so")
    object.__setattr__(
        passage,
        "verdict",
        type(passage.verdict)(
            passage.verdict.action, passage.verdict.recipients, (match,), (Incomplete("part:2/a.zip", "locked"),)
        ),
    )
    store.record(passage)
    out = sekisho("show", passage.id)[1]
    for text in (
        "says so",
        "locked at part:2/a.zip",
        "hxxp://evil[.]example[.]com/x",
        "<b@example.jp> kept",
        "recorded",
    ):
        assert text in out
    data = json.loads(sekisho("show", passage.id, "--json")[1])
    assert (data["verdict"], data["reasons"][0]["explain"], data["incomplete"][0]["reason"]) == (
        "quarantine",
        "says so",
        "locked",
    )


def test_looking_is_audited(kept: Passage, sekisho: Run, tmp_path: Path) -> None:
    """Showing and exporting a mail leave an entry each, with the person's name."""
    sekisho("show", kept.id)
    sekisho("export", kept.id, "--output", str(tmp_path / "out.eml"))
    entries = json.loads(sekisho("audit", kept.id, "--json")[1])
    assert [entry["what"] for entry in entries] == ["recorded", "shown", "exported"]
    assert entries[1]["who"] == entries[2]["who"] != ""


def test_export_is_the_mail_byte_for_byte(kept: Passage, sekisho: Run, tmp_path: Path) -> None:
    """The same bytes in a file that only its owner reads, and on standard output."""
    assert sekisho("export", kept.id, "--output", str(tmp_path / "out.eml"))[0] == 0
    assert (tmp_path / "out.eml").read_bytes() == kept.mail.content.read()
    assert (tmp_path / "out.eml").stat().st_mode & 0o777 == 0o600
    assert sekisho("export", kept.id, "--output", "-")[1].encode() == kept.mail.content.read()


def test_export_does_not_write_to_a_terminal(kept: Passage, sekisho: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --output a terminal gets an error, not the mail."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    status, out, err = sekisho("export", kept.id)
    assert (status, out) == (2, "")
    assert "--output" in err


def test_release_from_the_command_line(
    kept: Passage, sekisho: Run, smtp_sink: Callable[..., Any], config: Path, refused_port: int
) -> None:
    """A34: MTA down is one line and status 2, `maintain` delivers, and a second release says who did it."""
    text = config.read_text()
    config.write_text(text.replace("release_port = 1", f"release_port = {refused_port}"))
    status, _, err = sekisho("release", kept.id[:20], "--reason", "false alarm", "--by", "hanako")
    assert (status, "refused" in err, err.count("sekisho:")) == (2, True, 1)
    sink = smtp_sink()
    config.write_text(text.replace("release_port = 1", f"release_port = {sink.port}"))
    status, out, _ = sekisho("maintain", "--json")
    assert (status, json.loads(out)["releases_sent"]) == (0, 2)
    assert [mail[2] for mail in sink.mails] == [kept.mail.content.read()]
    status, _, err = sekisho("release", kept.id, "--to", "b@example.jp", "--reason", "again")
    assert (status, "by hanako" in err, len(sink.mails)) == (2, True, 1)


def test_delete_says_what_is_left(
    kept: Passage, store: Store, make_passage: Make, sekisho: Run, bodies: Bodies
) -> None:
    """The body goes, the record and the reason stay; for held mail the MTA's copy is named."""
    held = make_passage(b"held\r\n", action=Action.HOLD)
    store.record(held)
    status, out, _ = sekisho("delete", kept.id, held.id, "--reason", "spam")
    assert (status, "postsuper -d 4Xabcdefgh hold" in out) == (0, True)
    assert not bodies.path(kept.mail.content.sha256).exists()
    assert "spam" in sekisho("show", kept.id)[1]
    assert sekisho("export", kept.id, "--output", "-")[0] == 2


def test_audit_verifies(kept: Passage, engine: Engine, sekisho: Run) -> None:
    """A whole chain is status 0; after an edit it is 1 and the entry is named."""
    assert sekisho("audit", "--verify")[0] == 0
    with engine.begin() as connection:
        connection.execute(update(audit_table).values(who="somebody else"))
    status, _, err = sekisho("audit", "--verify")
    assert (status, err) == (1, "entry 1 was changed\n")
    assert json.loads(sekisho("audit", "--verify", "--json")[1])["faults"] == ["entry 1 was changed"]


def test_ids_may_be_cut_to_what_is_unique(kept: Passage, store: Store, make_passage: Make, sekisho: Run) -> None:
    """A unique beginning is enough, an ambiguous one names the candidates, an unknown one is status 1."""
    other = make_passage(b"other\r\n")
    store.record(other)
    assert sekisho("show", kept.id[:20].upper())[0] == 0
    status, _, err = sekisho("show", kept.id[:5])
    assert (status, kept.id in err, other.id in err) == (2, True, True)
    for unknown in ("0" * 26, "%", "", "x" * 40):
        assert sekisho("show", unknown)[0] in (1, 2)
    assert sekisho("show", "zzzz") == (1, "", "sekisho: zzzz: no such record\n")


@pytest.mark.parametrize("command", [("list",), ("audit",), ("maintain",), ("show", "0")])
def test_missing_and_corrupt_databases_are_one_line(sekisho: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    """A13, A15: no database or one that is none: one line that names it, status 2, and none is made."""
    status, out, err = sekisho(*command)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "store.sqlite: no such database" in err
    assert not (tmp_path / "store.sqlite").exists()
    (tmp_path / "store.sqlite").write_bytes(b"no database at all" * 100)
    status, out, err = sekisho(*command)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "not a database" in err


def test_times_that_are_none(kept: Passage, sekisho: Run) -> None:
    """A time that nobody can read is a usage error that names it."""
    status, _, err = sekisho("list", "--since", "yesterday-ish")
    assert (status, visible("yesterday-ish") in err) == (2, True)


@pytest.mark.parametrize("command", ["release", "delete"])
def test_a_reason_is_required(kept: Passage, sekisho: Run, command: str) -> None:
    """Neither a missing nor an empty reason lets anything happen."""
    for reason in ((), ("--reason", " ")):
        assert sekisho(command, kept.id, *reason)[0] == 2
    assert json.loads(sekisho("list", "--json")[1])[0]["state"] == "kept"
