"""What filter processes and the keeper open after their fork: database, index, inspection, policy; wired by hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from sekisho_core.database import connect, open_database
from sekisho_core.errors import SekishoError
from sekisho_core.events import Events
from sekisho_core.scan import Record, Stages, discard
from sekisho_core.settings import Database, Settings
from sekisho_core.unlock import Hear, Unlocking
from sekisho_inspection.client import InspectionClient, listed_passwords
from sekisho_inspection.settings import InspectionSettings
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.breaker import Breaker, Limits
from sekisho_quarantine.journal import Journal, JournalBounds
from sekisho_quarantine.keeper import Holdings
from sekisho_quarantine.password_memory import PasswordMemory
from sekisho_quarantine.release import Releaser
from sekisho_quarantine.seal import Seal
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.store import Store
from sekisho_rules.policy import Policy
from sekisho_rules.settings import RulesSettings
from sekisho_rules.snapshot import SnapshotStore

from sekisho_milter.gate import Tools
from sekisho_milter.pairing import Pairing
from sekisho_milter.settings import MilterSettings

OpenTools = Callable[[Settings, bytes, Events], Tools]
"""Opens the tools of one filter process. The bytes are the running milter's own secret: a key where no file has one."""

# What the inspection client allows itself beyond its own bounds.
_CLIENT_GRACE = 10.0


def open_tools(settings: Settings, secret: bytes, events: Events) -> Tools:
    """The tools of one filter process. Raises DatabaseError for a URL that is none of ours."""
    ours = settings.of(QuarantineSettings)
    engine = connect(settings.of(Database))
    memory = PasswordMemory(engine, Seal(ours.seal_file, secret), ours)
    pairing = Pairing(memory, events)
    store = Store(engine, Path(ours.bodies), ours.wait_limit)
    stages = _stages(settings, pairing, store.record, pairing.hear if memory.remembers else None, events)
    journal = Journal(JournalBounds.of(ours), events)
    return Tools(stages, store.is_released, store.given_back, store.mark_not_effective, journal.append)


def open_holdings(settings: Settings, secret: bytes, events: Events) -> Holdings:
    """What the keeper works on. Raises DatabaseError for a URL that is none of ours."""
    ours = settings.of(QuarantineSettings)
    engine = connect(settings.of(Database))
    memory = PasswordMemory(engine, Seal(ours.seal_file, secret), ours)
    bodies = Bodies(Path(ours.bodies))
    stages = _stages(settings, Pairing(memory, events), discard, None, events)
    prefix = settings.of(MilterSettings).header_prefix
    return Holdings(engine, bodies, memory, stages, Releaser(engine, bodies, ours, events, prefix))


def open_breaker(settings: Settings, events: Events) -> Breaker | None:
    """The live breaker; None where it is switched off. Raises DatabaseError for a URL that is none of ours."""
    ours = settings.of(QuarantineSettings)
    if not ours.breaker_mails:
        return None
    index = Path(settings.of(RulesSettings).index)
    return Breaker(connect(settings.of(Database)), index, JournalBounds.of(ours).directory, Limits.of(ours), events)


def _stages(settings: Settings, pairing: Pairing, record: Record, hear: Hear | None, events: Events) -> Stages:
    inspection = settings.of(InspectionSettings)
    client = _inspection(inspection, settings.of(MilterSettings))
    return Stages(
        snapshot=SnapshotStore(Path(settings.of(RulesSettings).index), events=events).current,
        inspect=Unlocking(client.examine, [listed_passwords(inspection), pairing.akin], hear=hear),
        judge=Policy.of(settings),
        record=record,
    )


def check(settings: Settings) -> None:
    """Look once at all that filter processes need, and bring the database's schema up to date.

    Raises the SekishoError of what is missing, naming it.
    """
    if not settings.of(InspectionSettings).socket:
        raise SekishoError("inspection.socket: the milter needs the inspection service (sekisho inspection run)")
    open_database(settings.of(Database)).dispose()
    for key, directory in directories(settings).items():
        if not is_writable(directory):
            raise SekishoError(f"{key}: {directory}: not a directory that can be written to")
    SnapshotStore(Path(settings.of(RulesSettings).index)).current()


def directories(settings: Settings) -> dict[str, str]:
    """The directories that filter processes write to, by their keys."""
    return {
        "quarantine.bodies": settings.of(QuarantineSettings).bodies,
        "milter.spool": settings.of(MilterSettings).spool,
    }


def is_writable(directory: str) -> bool:
    """Whether this process can make files in it."""
    return Path(directory).is_dir() and os.access(directory, os.W_OK | os.X_OK)


def _inspection(settings: InspectionSettings, milter: MilterSettings) -> InspectionClient:
    # A mail may not wait longer for its worker than the MTA waits for us.
    longest = max(0.1, milter.content_limit - settings.deadline - _CLIENT_GRACE)
    bounded = msgspec.structs.replace(settings, queue_wait=min(settings.queue_wait, longest))
    return InspectionClient(settings.socket, bounded, min(1.0, milter.progress))
