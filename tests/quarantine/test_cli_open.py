"""`sekisho quarantine open`: a person's password opens a kept mail, and its record says what was found."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
import pyzipper
from sekisho_core import cli as root
from sekisho_core.database import open_database
from sekisho_core.settings import Database
from sekisho_core.vocabulary import Action, Incomplete, Passage, Reading, RecipientVerdict, Verdict, Wait
from sekisho_quarantine import cli_open, waits
from sekisho_quarantine.records import load
from sekisho_quarantine.store import Store
from sqlalchemy import Engine

Make = Callable[..., Passage]
Run = Callable[..., tuple[int, str, str]]
LOCKED = Reading(incomplete=(Incomplete("part:2/a.zip", "locked"),))


@pytest.fixture
def engine(sqlite_url: str) -> Engine:
    """The commands' own database: SQLite."""
    return open_database(Database(sqlite_url, 5.0))


@pytest.fixture
def config(config: Path, tmp_path: Path) -> Path:
    """The settings with an index of the examples, which list a URL."""
    more = f'[rules]\nindex = "{tmp_path}/index"\npacks = ["examples"]\n'
    config.write_text(config.read_text() + more)
    with pytest.raises(SystemExit):
        root.main(["rules", "compile", "--config", str(config)])
    return config


@pytest.fixture
def waiting(store: Store, make_passage: Make) -> Callable[[bytes], Passage]:
    """Records a mail that waits, with this in its locked ZIP."""

    def record(inner: bytes) -> Passage:
        made = make_passage(letter(inner), reading=LOCKED)
        wait = Wait(600.0, Action.QUARANTINE)
        each = tuple(RecipientVerdict(one, Action.HOLD, "p", wait) for one in made.mail.envelope.rcpt_to)
        held = Passage(made.id, made.key, made.mail, LOCKED, Verdict(Action.HOLD, each, (), LOCKED.incomplete), 7, {})
        store.record(held)
        return held

    return record


def all_waiting(engine: Engine) -> list[waits.Waiting]:
    """Every mail that waits."""
    with engine.connect() as connection:
        return waits.waiting(connection)


def letter(inner: bytes, beside: bytes = b"") -> bytes:
    """A mail with a locked ZIP and no word of its password, and with another whose password it states."""
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a@example.com", "x"
    mail.set_content("The password of b.zip is: Tsubame-77" if beside else "see attached")
    mail.add_attachment(locked(inner, b"Kasumi#2012"), maintype="application", subtype="zip", filename="a.zip")
    if beside:
        mail.add_attachment(locked(beside, b"Tsubame-77"), maintype="application", subtype="zip", filename="b.zip")
    return mail.as_bytes().replace(b"\n", b"\r\n")


def locked(inner: bytes, password: bytes) -> bytes:
    """A ZIP under this password."""
    packed = io.BytesIO()
    with pyzipper.AESZipFile(packed, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password)
        archive.writestr("a.txt", inner)
    return packed.getvalue()


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What the command reads from standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


@pytest.mark.parametrize(
    ("inner", "verdict", "status"),
    [(b"minutes", "accept", 0), (b"http://c2.malware.example/gate.php", "quarantine", 1)],
)
def test_open(
    sekisho: Run, waiting: Callable[[bytes], Passage], engine: Engine, monkeypatch: pytest.MonkeyPatch,
    inner: bytes, verdict: str, status: int,
) -> None:  # fmt: skip
    """The mail is judged anew with the password, the record takes that over, nothing is released, it waits no more."""
    held = waiting(inner)
    type_in(monkeypatch, "wrong\nKasumi#2012\n")
    code, out, err = sekisho("open", held.id, "--json")
    assert ("it stays here until you release it" in err) is (verdict == "accept")
    said = json.loads(out)
    assert (code, said["verdict"], said["opened"]) == (status, verdict, True)
    with engine.connect() as connection:
        record = load(connection, held.id)
    assert record.row.action == verdict and {part.state for part in record.reading.parts} >= {"opened"}
    assert [one.state for one in record.waits] == ["taken-over"] * 2
    assert record.releases == [] and all_waiting(engine) == []
    told = sekisho("audit", "--json")[1] + sekisho("show", held.id)[1]
    assert "opened" in told and "Kasumi" not in told


def test_a_wrong_password(
    sekisho: Run, waiting: Callable[[bytes], Passage], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said and noted in the audit, and the mail goes on waiting as it was."""
    held = waiting(b"minutes")
    type_in(monkeypatch, "wrong\n")
    code, out, err = sekisho("open", held.id)
    assert code == 1 and "locked" in out and "no password opened it" in err
    assert [one.passage_id for one in all_waiting(engine)] == [held.id]
    assert "not-opened" in sekisho("audit", held.id)[1]


def test_a_wrong_password_beside_one_that_the_mail_states(
    sekisho: Run, store: Store, make_passage: Make, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the mail's own password opens was open before; with the right one the rest opens, and again later."""
    content = letter(b"minutes", beside=b"agenda")
    type_in(monkeypatch, "wrong\n")
    first = make_passage(content, reading=LOCKED)
    store.record(first)
    sekisho("open", first.id)  # takes over what the mail's own password opens
    type_in(monkeypatch, "wrong\n")
    code, _, err = sekisho("open", first.id)
    assert code == 1 and "no password opened it" in err
    for _ in range(2):
        type_in(monkeypatch, "Kasumi#2012\n")
        assert json.loads(sekisho("open", first.id, "--json")[1])["opened"]
    type_in(monkeypatch, "wrong\n")
    assert not json.loads(sekisho("open", first.id, "--json")[1])["opened"]


def test_what_is_no_password(
    sekisho: Run, waiting: Callable[[bytes], Passage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing at all: a line says where it was looked for, and the mail is as it was."""
    held = waiting(b"minutes")
    type_in(monkeypatch, "\n")
    code, out, err = sekisho("open", held.id)
    assert (code, out, err) == (2, "", "sekisho: standard input: no password in it; one a line is wanted\n")
    assert "opened" not in sekisho("audit", held.id)[1]


def test_nobody_is_asked_in_vain(
    sekisho: Run, waiting: Callable[[bytes], Passage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that is not there, and one whose body is gone, are told before a password is asked for."""
    held = waiting(b"minutes")
    monkeypatch.setattr(cli_open, "read_passwords", lambda _: pytest.fail("asked"))
    assert sekisho("open", "nosuch")[::2] == (1, "sekisho: nosuch: not an id\n")
    assert sekisho("open", "0" * 26)[::2] == (1, f"sekisho: {'0' * 26}: no such record\n")
    sekisho("delete", held.id, "--reason", "sample taken")
    code, _, err = sekisho("open", held.id)
    assert code == 2 and f"{held.id}: its body is gone since" in err


def test_nothing_is_locked(sekisho: Run, store: Store, make_passage: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a mail without a lock it is not said that the password was wrong."""
    made = make_passage(b"Subject: x\r\n\r\nhello\r\n")
    store.record(made)
    type_in(monkeypatch, "Kasumi#2012\n")
    code, _, err = sekisho("open", made.id)
    assert code == 1 and err == "nothing in it is locked\n"


def test_list_and_show(sekisho: Run, waiting: Callable[[bytes], Passage], store: Store, make_passage: Make) -> None:
    """`list` marks what waits and until when, `--waiting` shows that alone, `show` says what comes then."""
    held = waiting(b"minutes")
    store.record(make_passage(b"Subject: other\r\n\r\nx\r\n"))
    assert re.search(r" waits \d\d-\d\d \d\d:\d\d ", sekisho("list")[1])
    (only,) = json.loads(sekisho("list", "--waiting", "--json")[1])
    assert only["id"] == held.id and only["held_until"]
    assert [one["held_until"] for one in json.loads(sekisho("list", "--json")[1])].count(None) == 1
    assert "waiting for its password until" in sekisho("show", held.id)[1]
