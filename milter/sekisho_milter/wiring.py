"""What a filter process opens after its fork: database, index, inspection, policy; wired by hand here."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sekisho_core.database import connect, open_database
from sekisho_core.errors import SekishoError
from sekisho_core.scan import Stages
from sekisho_core.settings import Database, Settings
from sekisho_inspection.client import InspectionClient
from sekisho_inspection.settings import InspectionSettings
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.store import Store
from sekisho_rules.policy import Policy
from sekisho_rules.settings import PolicySettings, RulesSettings
from sekisho_rules.snapshot import SnapshotStore

from sekisho_milter.gate import Tools
from sekisho_milter.settings import MilterSettings

OpenTools = Callable[[Settings], Tools]

# What the inspection client allows itself beyond its own bounds.
_CLIENT_GRACE = 10.0


def open_tools(settings: Settings) -> Tools:
    """The tools of one filter process. Raises DatabaseError for a URL that is none of ours."""
    milter = settings.of(MilterSettings)
    store = Store(connect(settings.of(Database)), Path(settings.of(QuarantineSettings).bodies))
    stages = Stages(
        snapshot=SnapshotStore(Path(settings.of(RulesSettings).index)).current,
        inspect=_inspection(settings.of(InspectionSettings), milter),
        judge=Policy(settings.of(PolicySettings), lambda: datetime.now(UTC)),
        record=store.record,
    )
    return Tools(stages, store.is_released, store.mark_not_effective)


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
    open_tools(settings).stages.snapshot()


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
