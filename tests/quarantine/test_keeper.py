"""The keeper's turns: what it tries, when, and that nothing stops it from the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sekisho_core.events import Events
from sekisho_core.passwords import Passwords
from sekisho_core.scan import Progress, Stages, YaraRules, discard
from sekisho_core.settings import default_table
from sekisho_core.vocabulary import (
    Action,
    Content,
    Envelope,
    Incomplete,
    Mail,
    Match,
    Passage,
    Reading,
    RecipientVerdict,
    Verdict,
    Wait,
)
from sekisho_quarantine import waits
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.keeper import BUSY, IDLE, Holdings, Keeper
from sekisho_quarantine.password_memory import PasswordMemory
from sekisho_quarantine.records import load
from sekisho_quarantine.release import Releaser
from sekisho_quarantine.seal import Seal
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.store import Store
from sekisho_quarantine.tables import passages
from sekisho_quarantine.tables import waits as wait_table
from sqlalchemy import Engine, update

Make = Callable[..., Passage]
LOCKED = Reading(incomplete=(Incomplete("part:2", "locked"),))
KEY = "Kasumi2012"


def all_waiting(engine: Engine) -> list[waits.Waiting]:
    """Every mail that waits."""
    with engine.connect() as connection:
        return waits.waiting(connection)


class Clock:
    """Seconds that tests let pass."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class World:
    """What the keeper looks at: real rows, and stages that are stood in for. A mail opens by KEY alone, waits for
    `seconds`, then is treated as `otherwise` says, and cannot be read while the inspection `is_away`."""

    engine: Engine
    store: Store
    memory: PasswordMemory
    make_passage: Make
    clock: Clock = field(default_factory=Clock)
    tried: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    seconds: float = 600.0
    otherwise: Action = Action.QUARANTINE
    is_away: bool = False
    serial: int = 7
    yara: YaraRules | None = None

    def match(self, envelope: Envelope, reading: Reading) -> tuple[Match, ...]:
        """No rule."""
        return ()

    def inspect(self, mail: Mail, yara: YaraRules | None, progress: Progress) -> Reading:
        """Open or locked."""
        self.tried.append(mail.id)
        if self.is_away:
            return Reading(incomplete=(Incomplete("mail", "unavailable"),))
        return Reading() if KEY in self.memory.akin(mail, LOCKED) else LOCKED

    def judge(
        self, mail: Mail, reading: Reading, matches: tuple[Match, ...], incomplete: tuple[Incomplete, ...]
    ) -> Verdict:
        """A lock holds, another gap puts off."""
        reasons = {gap.reason for gap in incomplete}
        action = Action.HOLD if "locked" in reasons else Action.TEMPFAIL if reasons else Action.ACCEPT
        wait = Wait(self.seconds, self.otherwise) if action is Action.HOLD else None
        each = tuple(RecipientVerdict(one, action, "p", wait) for one in mail.envelope.rcpt_to)
        return Verdict(action, each, incomplete=incomplete)

    def hold(self, text: str = "x", sender: str = "a@example.com", also: tuple[str, ...] = ()) -> Passage:
        """Record a mail that waits."""
        made = self.make_passage(
            f"Subject: {text}\r\n\r\nx\r\n".encode(), sender=sender, to=(f"{text}@example.jp", *also)
        )
        held = replace(made, reading=LOCKED, verdict=self.judge(made.mail, LOCKED, (), LOCKED.incomplete))
        self.store.record(held)
        return held

    def state(self, one: str, password: str) -> None:
        """A mail from this sender to nobody of the others states a password."""
        mail = Mail("0" * 26, Envelope(mail_from=one, rcpt_to=("z@example.jp",)), Content(-1, 0, password))
        self.memory.remember(mail, Reading(), Passwords((password,)))

    def outcome(self, passage: Passage) -> str:
        """How the wait of a mail stands."""
        with self.engine.connect() as connection:
            return str(load(connection, passage.id).waits[0].state)

    def waiting(self, count: int) -> None:
        """Told by the keeper."""

    def waited(self, outcome: str) -> None:
        """Told by the keeper."""
        self.told.append(outcome)


@pytest.fixture
def world(engine: Engine, store: Store, make_passage: Make) -> World:
    """An empty store."""
    return World(engine, store, PasswordMemory(engine, Seal("", b"k" * 32), table()), make_passage)


@pytest.fixture
def keeper(world: World, bodies: Bodies, smtp_sink: Callable[..., Any]) -> Keeper:
    """A keeper over it, whose MTA takes everything."""
    return keeper_of(world, bodies, smtp_sink().port)


def table(port: int = 1) -> QuarantineSettings:
    """The settings, with the MTA at a port of this machine."""
    return msgspec.convert(default_table()["quarantine"] | {"release_port": port}, QuarantineSettings)


def keeper_of(world: World, bodies: Bodies, port: int, log: list[str] | None = None) -> Keeper:
    """A keeper whose events go to `log`."""
    told = log if log is not None else []
    events = Events(lambda _, name, fields: told.append(f"{name} {fields}"))
    stages = Stages(lambda: world, world.inspect, world.judge, discard)
    releaser = Releaser(world.engine, bodies, table(port), events, "X-Sekisho")
    return Keeper(Holdings(world.engine, bodies, world.memory, stages, releaser), events, world, world.clock)


def test_each_is_tried_once_without_news(world: World, keeper: Keeper) -> None:
    """A mail that is new to the keeper is tried; without a new password never again before its end."""
    held = world.hold()
    for _ in range(5):
        assert keeper.turn() == BUSY
        world.clock.seconds += 100
    assert world.tried == [held.id] and world.outcome(held) == "waiting"


def test_nothing_waits(world: World, keeper: Keeper) -> None:
    """With nothing to do it looks seldom."""
    assert keeper.turn() == IDLE and world.tried == []


def test_the_password_comes(world: World, keeper: Keeper) -> None:
    """At the next turn after it the mail is opened and sent, and both are told."""
    held = world.hold()
    keeper.turn()
    world.clock.seconds += 1.0
    world.state("a@example.com", KEY)
    keeper.turn()
    assert world.outcome(held) == "released" and world.told == ["released"]
    with world.engine.connect() as connection:
        assert load(connection, held.id).row.state == "released"
    assert keeper.turn() == IDLE


def test_strangers_do_not_make_it_try(world: World, keeper: Keeper) -> None:
    """A password that no kin of the mail states is no news for it."""
    held = world.hold()
    keeper.turn()
    world.clock.seconds += 100
    world.state("x@other.example", KEY)
    keeper.turn()
    assert world.tried == [held.id] and world.outcome(held) == "waiting"


def test_many_wrong_passwords(world: World, keeper: Keeper) -> None:
    """A sender who states a wrong password each second is answered ever more rarely, and the right one still opens."""
    held = world.hold()
    for number in range(120):
        world.state("a@example.com", f"wrong{number}")
        keeper.turn()
        world.clock.seconds += 1.0
    assert 5 < len(world.tried) < 12
    world.state("a@example.com", KEY)
    world.clock.seconds += 30.0
    keeper.turn()
    assert world.outcome(held) == "released"


def test_the_time_is_over(world: World, keeper: Keeper) -> None:
    """It is tried a last time, and kept."""
    world.seconds = 0.0
    held = world.hold()
    keeper.turn()
    assert world.tried == [held.id] and world.outcome(held) == "expired" and world.told == ["expired"]


def test_the_time_is_over_and_policy_lets_it_go(world: World, bodies: Bodies, smtp_sink: Callable[..., Any]) -> None:
    """It is sent in the same turn; metric and log tell it from mail that was opened."""
    world.seconds, world.otherwise = 0.0, Action.ACCEPT
    held, sink, log = world.hold(), smtp_sink(), list[str]()
    keeper_of(world, bodies, sink.port, log).turn()
    assert world.outcome(held) == "released-locked" and world.told == ["released-locked"] and len(sink.mails) == 1
    assert [line for line in log if line.startswith("wait ") and "'released-locked'" in line]


def test_the_inspection_is_away(world: World, keeper: Keeper) -> None:
    """Whatever the time, nothing ends unseen; when the inspection is back the wait ends as it should."""
    world.seconds, world.is_away = 0.0, True
    held = world.hold()
    for _ in range(20):
        keeper.turn()
        world.clock.seconds += 1.0
    assert world.outcome(held) == "waiting" and 3 < len(world.tried) < 8
    world.is_away = False
    world.clock.seconds += 30.0
    keeper.turn()
    assert world.outcome(held) == "expired"


def test_the_mta_is_away(world: World, bodies: Bodies, refused_port: int, smtp_sink: Callable[..., Any]) -> None:
    """The release waits and is tried again by a keeper that was started since."""
    world.state("a@example.com", KEY)
    held = world.hold()
    keeper_of(world, bodies, refused_port).turn()
    assert world.outcome(held) == "released"
    sink = smtp_sink()
    keeper_of(world, bodies, sink.port).turn()
    assert len(sink.mails) == 1


@pytest.mark.parametrize("damage", ["record", "body", "inspection"])
def test_one_that_cannot_be_looked_at(
    world: World, bodies: Bodies, smtp_sink: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """A damaged record, a lost body, or a stage that dies of a mail: it is told, the mail stays, the others go on."""
    log: list[str] = []
    bad, good = world.hold("bad"), world.hold("good")
    if damage == "record":
        with world.engine.begin() as connection:
            connection.execute(update(passages).where(passages.c.id == bad.id).values(reading=b"?"))
    elif damage == "body":
        bodies.remove(bad.mail.content.sha256)
    else:
        truly = world.inspect
        monkeypatch.setattr(world, "inspect", lambda mail, *rest: 1 // (mail.id != bad.id) and truly(mail, *rest))
    world.state("a@example.com", KEY)
    keeper = keeper_of(world, bodies, smtp_sink().port, log)
    keeper.turn()
    assert (world.outcome(good), any("keeper-fault" in line and bad.id in line for line in log)) == ("released", True)
    assert [one.passage_id for one in all_waiting(world.engine)] == [bad.id]


def test_copies_whose_times_differ(world: World, keeper: Keeper, engine: Engine) -> None:
    """The end of one copy's time does not hide that of another's."""
    held = world.hold(also=("b@example.jp",))
    for address in ("x@example.jp", "b@example.jp"):
        with engine.begin() as connection:
            past = datetime.now(UTC) - timedelta(seconds=1)
            connection.execute(update(wait_table).where(wait_table.c.address == address).values(until=past))
        keeper.turn()
        world.clock.seconds += 1.0
    assert world.told == ["expired", "expired"] and all_waiting(engine) == []
    assert len(world.tried) == 2 and world.outcome(held) == "expired"


def test_without_the_seal(world: World, bodies: Bodies, tmp_path: Path) -> None:
    """Where the key cannot be read nothing is opened, but every wait ends in time."""
    (tmp_path / "key").write_bytes(b"short")
    world.seconds = 0.0
    held = world.hold()
    world.memory = PasswordMemory(world.engine, Seal(str(tmp_path / "key"), b""), table())
    world.inspect = lambda mail, yara, progress: LOCKED  # type: ignore[method-assign]
    log: list[str] = []
    keeper_of(world, bodies, 1, log).turn()
    assert world.outcome(held) == "expired" and any("seal_file" in line for line in log)
