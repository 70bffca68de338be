"""The milter with the real store and stages that obey the mail: run as `python filter_program.py SETTINGS`.

The judge takes each recipient's action from the first word of its address ("reject.a@example.jp"); an `X-Test-Action`
field gives the action for everybody. An `X-Test-Seconds` field makes the inspection take that long. `[policy] mode` is
honoured. Only inspection, index and policy are stood in for; everything that the tests are about is the real thing.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sekisho_core.database import connect, open_database
from sekisho_core.errors import SekishoError, SnapshotError
from sekisho_core.events import Events, operator_events
from sekisho_core.scan import Progress, Stages, YaraRules
from sekisho_core.settings import Database, Settings, load
from sekisho_core.vocabulary import (
    Action,
    Direction,
    Envelope,
    Incomplete,
    Mail,
    Match,
    Passage,
    Reading,
    RecipientVerdict,
    Subject,
    Verdict,
    graver,
)
from sekisho_milter import replies
from sekisho_milter.gate import Tools
from sekisho_milter.letter import Letter
from sekisho_milter.main import Parent
from sekisho_milter.replies import Mta, Plan
from sekisho_milter.replies import carry_out as tell
from sekisho_milter.settings import MilterSettings
from sekisho_quarantine.journal import Journal, JournalBounds
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.store import Store
from sekisho_rules.settings import PolicySettings, RulesSettings


@dataclass(frozen=True)
class Serial:
    """A snapshot without indicators."""

    serial: int
    yara: YaraRules | None = None

    def match(self, envelope: Envelope, reading: Reading) -> tuple[Match, ...]:
        return ()


def current(index: Path) -> Serial:
    """The serial that the file `current` holds."""
    try:
        return Serial(int((index / "current").read_text()))
    except (OSError, ValueError) as error:
        raise SnapshotError(f"rules.index: {index}: no snapshot") from error


def inspect(mail: Mail, yara: YaraRules | None, progress: Progress) -> Reading:
    """Nothing is read but how long to take and an action, which is put into the subject."""
    content = mail.content.read()
    seconds = re.search(rb"(?m)^X-Test-Seconds: ([0-9.]+)\r$", content)
    limit = time.monotonic() + (float(seconds[1]) if seconds else 0.0)
    while time.monotonic() < limit:
        time.sleep(0.02)
        progress()
    action = re.search(rb"(?m)^X-Test-Action: ([a-z]+)\r$", content)
    return Reading(Subject(decoded=action[1].decode() if action else ""))


@dataclass(frozen=True)
class Obey:
    """The judge."""

    settings: PolicySettings

    def __call__(
        self, mail: Mail, reading: Reading, matches: tuple[Match, ...], incomplete: tuple[Incomplete, ...]
    ) -> Verdict:
        given = [Action(reading.subject.decoded)] if reading.subject.decoded else []
        recipients = tuple(
            RecipientVerdict(one, graver(*given) if given else _named(one), "test") for one in mail.envelope.rcpt_to
        )
        outbound = mail.envelope.direction is Direction.OUTBOUND
        mode = self.settings.outbound_mode if outbound else self.settings.mode
        return Verdict(graver(*(one.action for one in recipients)), recipients, incomplete=incomplete, mode=mode)


def _named(recipient: str) -> Action:
    word = re.split(r"[.@]", recipient.lstrip('"'))[0].lower()
    return Action(word) if word in set(Action) else Action.ACCEPT


def open_tools(settings: Settings, secret: bytes, events: Events) -> Tools:
    """The tools of these tests."""
    store = Store(connect(settings.of(Database)), Path(settings.of(QuarantineSettings).bodies))
    index = Path(settings.of(RulesSettings).index)
    stages = Stages(lambda: current(index), inspect, Obey(settings.of(PolicySettings)), store.record)
    journal = Journal(JournalBounds.of(settings.of(QuarantineSettings)), events)
    return Tools(stages, store.is_released, store.given_back, store.mark_not_effective, journal.append)


def check(settings: Settings) -> None:
    """What must be there at the start."""
    open_database(settings.of(Database)).dispose()
    current(Path(settings.of(RulesSettings).index))


def dying(mta: Mta, letter: Letter, passage: Passage, chosen: Plan, settings: MilterSettings) -> int:
    """The replies; a mail from die-before@ or die-after@ kills the process around them, the first time it comes."""
    sender = passage.mail.envelope.mail_from.partition("@")[0]
    mark = Path(settings.pid_file).with_name(f"{sender}.mark")
    dies = sender in ("die-before", "die-after") and not mark.exists()
    if dies:
        mark.touch()
    if dies and sender == "die-before":
        os.kill(os.getpid(), signal.SIGKILL)
    reply = tell(mta, letter, passage, chosen, settings)
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)
    return reply


def main(path: Path) -> int:
    """The milter on these settings."""
    settings = load(path)
    replies.carry_out = dying
    return Parent(path, settings, operator_events("info"), open_tools, check).run()


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1])))
    except SekishoError as error:
        print(f"sekisho: {error}", file=sys.stderr)
        sys.exit(2)
