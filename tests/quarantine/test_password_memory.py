"""The memory of passwords: found by kinship, bounded, sealed, and gone in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sekisho_core.database import connect
from sekisho_core.errors import StoreError
from sekisho_core.events import Events
from sekisho_core.passwords import Passwords
from sekisho_core.settings import Database, default_table
from sekisho_core.vocabulary import Content, Envelope, Mail, Reading
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.password_memory import PasswordMemory
from sekisho_quarantine.retention import Retention
from sekisho_quarantine.seal import Seal
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.tables import password_links, passwords
from sqlalchemy import Engine, select

ALICE, BOB = "alice@partner.example", "bob@example.jp"
NOTHING = Reading()
Open = Callable[..., PasswordMemory]


class Clock:
    """A time that tests set."""

    def __init__(self) -> None:
        self.now = datetime(2024, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def later(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def clock() -> Clock:
    """The memory's clock."""
    return Clock()


@pytest.fixture
def memory(engine: Engine, clock: Clock) -> Open:
    """Opens memories on the test's database; settings by keyword."""

    def opened(secret: bytes = b"k" * 32, **changes: int) -> PasswordMemory:
        table = msgspec.convert(default_table()["quarantine"] | changes, QuarantineSettings)
        return PasswordMemory(engine, Seal("", secret), table, clock)

    return opened


def mail(sender: str = ALICE, *to: str, content: str = "0", client: str = "192.0.2.1") -> Mail:
    """A mail of which only the envelope and the hash matter."""
    envelope = Envelope(client_ip=client, mail_from=sender, rcpt_to=to or (BOB,))
    return Mail("0" * 26, envelope, Content(-1, 0, content))


def words(*said: str) -> Passwords:
    """What a mail states."""
    return Passwords(said)


def test_kin_find_it_and_strangers_do_not(memory: Open) -> None:
    """What a mail states is found for its sender and its recipients, and for nobody else."""
    one = memory()
    one.remember(mail(content="1"), NOTHING, words("Kasumi2012"))
    assert one.akin(mail(), NOTHING) == one.akin(mail("x@other.example"), NOTHING) == ["Kasumi2012"]
    assert one.akin(mail(ALICE, "dave@example.jp"), NOTHING) == ["Kasumi2012"]
    assert one.akin(mail("x@partner.example", "dave@example.jp"), NOTHING) == []
    # What the locked mail states itself was tried before.
    assert one.akin(mail(content="1"), NOTHING) == []


def test_the_nearest_and_newest_first(memory: Open, clock: Clock) -> None:
    """The sender's own come before a colleague's and a stranger's, and of equals the newer first."""
    one = memory()
    for number, sender in enumerate([ALICE, "x@other.example", "carol@partner.example", ALICE]):
        one.remember(mail(sender, content=f"c{number}"), NOTHING, words(f"w{number}"))
        clock.later(1)
    assert one.akin(mail(), NOTHING) == ["w3", "w0", "w2", "w1"]


def test_a_flood_pushes_out_nothing_of_others(memory: Open, clock: Clock) -> None:
    """A stranger who states hundreds of passwords, to the same recipient or in the sender's name from elsewhere, has a
    few of them tried, and the sender's own still are."""
    one = memory()
    one.remember(mail(content="true"), NOTHING, words("Kasumi2012"))
    for number in range(60):
        clock.later(0.1)
        one.remember(
            mail("x@other.example", content=f"a{number}"), NOTHING, words(*(f"a{number}-{n}" for n in range(20)))
        )
        one.remember(mail(content=f"b{number}", client="203.0.113.9"), NOTHING, words(f"b{number}"))
    found = one.akin(mail(), NOTHING)
    assert "Kasumi2012" in found and len(found) <= 32
    assert len(one.ids()) == 1 + 2 * 20


def test_a_retry_is_remembered_once(memory: Open, engine: Engine) -> None:
    """The MTA brings a mail twice: one row, with the words of the last."""
    one = memory()
    for said in ("a", "b"):
        one.remember(mail(content="1"), NOTHING, words(said))
    assert one.akin(mail(), NOTHING) == ["b"] and len(one.ids()) == 1


def test_time_is_over(memory: Open, clock: Clock, engine: Engine) -> None:
    """After its minutes a password is neither found nor in the database."""
    one = memory(password_minutes=10)
    one.remember(mail(content="1"), NOTHING, words("Kasumi2012"))
    clock.later(9.9)
    assert one.akin(mail(), NOTHING) == ["Kasumi2012"]
    clock.later(0.2)
    assert one.akin(mail(), NOTHING) == [] and one.ids() == set()
    assert one.forget_old() == 1
    with engine.connect() as connection:
        assert connection.execute(select(passwords)).all() == connection.execute(select(password_links)).all() == []


def test_retention_takes_what_is_over_its_time(memory: Open, clock: Clock, engine: Engine, bodies: Bodies) -> None:
    """Also where no milter runs that would, and nothing else."""
    one = memory()
    for number in range(2):
        one.remember(mail(content=f"{number}"), NOTHING, words("Kasumi2012"))
        clock.later(40)
    table = msgspec.convert(default_table()["quarantine"], QuarantineSettings)
    Retention(engine, bodies, table, Events(lambda *_: None), clock).run()
    with engine.connect() as connection:
        assert len(connection.execute(select(passwords)).all()) == 1


def test_room_for_so_many(memory: Open, clock: Clock) -> None:
    """Beyond the number that is kept the oldest go."""
    one = memory(password_mails=3)
    for number in range(5):
        clock.later(1)
        one.remember(mail(f"s{number}@x.example", content=f"{number}"), NOTHING, words(f"w{number}"))
    assert one.akin(mail(), NOTHING) == ["w4", "w3", "w2"]


def test_nothing_is_remembered_where_none_is_wanted(memory: Open) -> None:
    """0 minutes, or room for none: no row at all."""
    for off in ({"password_minutes": 0}, {"password_mails": 0}):
        one = memory(**off)
        one.remember(mail(content="1"), NOTHING, words("Kasumi2012"))
        assert not one.remembers and one.ids() == set()


def test_nothing_stands_in_clear(memory: Open, engine: Engine) -> None:
    """Neither a word, an address, a subject nor a hash of the content stands in the tables; under another key there is
    nothing to be found."""
    one = memory()
    one.remember(mail(content="f" * 64), NOTHING, words("Kasumi2012"))
    with engine.connect() as connection:
        rows = [*connection.execute(select(passwords)), *connection.execute(select(password_links))]
    shown = " ".join(str(tuple(row)) for row in rows)
    assert not [clear for clear in ("Kasumi", "alice", "partner", "bob", "192.0.2", "f" * 20) if clear in shown]
    assert memory(b"j" * 32).akin(mail(), NOTHING) == []


def test_a_database_that_fails(tmp_path: Path) -> None:
    """Both questions say so in one error, which holds no secret."""
    table = msgspec.convert(default_table()["quarantine"], QuarantineSettings)
    one = PasswordMemory(connect(Database(f"sqlite:///{tmp_path}/empty.sqlite", 5.0)), Seal("", b"k" * 32), table)
    with pytest.raises(StoreError) as told:
        one.remember(mail(content="1"), NOTHING, words("Kasumi2012"))
    assert "Kasumi" not in str(told.value)
    with pytest.raises(StoreError):
        one.akin(mail(), NOTHING)
