"""A memory of passwords that fails keeps no mail: it is told in the log, without the words."""

from __future__ import annotations

from pathlib import Path

import msgspec
from sekisho_core.database import connect
from sekisho_core.events import Events
from sekisho_core.passwords import Passwords
from sekisho_core.settings import Database, default_table
from sekisho_core.vocabulary import Content, Envelope, Mail, Reading
from sekisho_milter.pairing import Pairing
from sekisho_quarantine.password_memory import PasswordMemory
from sekisho_quarantine.seal import Seal
from sekisho_quarantine.settings import QuarantineSettings

MAIL = Mail("0" * 26, Envelope(mail_from="a@example.net", rcpt_to=("b@example.jp",)), Content(-1, 0, "x"))


def logged() -> tuple[Events, list[str]]:
    """Events, and the lines that they leave."""
    told: list[str] = []
    return Events(lambda _, name, fields: told.append(f"{name} {fields}")), told


def test_a_database_without_tables_and_a_seal_that_is_none(tmp_path: Path) -> None:
    """Neither remembering nor looking up raises, whichever of the two is at fault."""
    (tmp_path / "short").write_bytes(b"short")
    table = msgspec.convert(default_table()["quarantine"], QuarantineSettings)
    engine = connect(Database(f"sqlite:///{tmp_path}/empty.sqlite", 5.0))
    for seal in (Seal("", b"k" * 32), Seal(str(tmp_path / "short"), b"")):
        events, told = logged()
        pairing = Pairing(PasswordMemory(engine, seal, table), events)
        pairing.hear(MAIL, Reading(), Passwords(("Kasumi2012",)))
        assert pairing.akin(MAIL, Reading()) == []
        assert [line.partition(" ")[0] for line in told] == ["password-not-remembered", "passwords-not-looked-up"]
        assert "Kasumi" not in str(told)
