"""The `[rules]` and `[policy]` tables: where the index is, and what matches and gaps lead to."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec
from sekisho_core.addresses import require_entries
from sekisho_core.finding_kinds import FindingKind
from sekisho_core.settings import require
from sekisho_core.vocabulary import Action, Mode, Reason, Severity

SeverityActions = dict[Severity, Action]
FindingActions = dict[FindingKind, Action]
GapActions = dict[Literal[Reason, "other"], Action]
_DAY = 86400
_AFTER_A_WAIT = (Action.ACCEPT, Action.TAG, Action.QUARANTINE)


class RulesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[rules]`."""

    index: str
    packs: tuple[str, ...]
    keep_snapshots: int

    def __post_init__(self) -> None:
        require(self.keep_snapshots >= 1, "keep_snapshots", "1 or more")


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another policy for some recipients: addresses, "@domain" for a domain, "@.domain" for all domains below it.

    An address is closer than its domain, and that than any domain above it; the closest override alone is laid over
    the general tables.
    """

    recipients: tuple[str, ...]
    name: str = ""
    mode: Mode | None = None
    severity: SeverityActions = {}
    findings: FindingActions = {}
    incomplete: GapActions = {}
    locked_wait: float | None = None
    locked_expired: Action | None = None

    def __post_init__(self) -> None:
        require_entries(self.recipients, "recipients")
        _require_wait(self.locked_wait, self.locked_expired)


class Exclusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Matches that have no effect until a day, and why. Every field that is given must fit."""

    reason: str
    expires: date
    rule: str = ""
    sender: str = ""
    recipient: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        require(bool(self.reason.strip()), "reason", "a text that says why")
        given = self.rule or self.sender or self.recipient or self.sha256
        require(bool(given), "rule", "given, or sender, recipient or sha256: an exclusion of everything is refused")


class PolicySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[policy]`: actions by severity, finding and reason of incompleteness, overrides and exclusions."""

    mode: Mode
    outbound_mode: Mode
    min_confidence: int
    severity: SeverityActions
    findings: FindingActions
    incomplete: GapActions
    locked_wait: float
    locked_expired: Action
    overrides: tuple[Override, ...]
    exclusions: tuple[Exclusion, ...]

    def __post_init__(self) -> None:
        require(0 <= self.min_confidence <= 100, "min_confidence", "between 0 and 100")
        require("other" in self.incomplete, "incomplete", "a table with the key other")
        _require_wait(self.locked_wait, self.locked_expired)


def _require_wait(seconds: float | None, expired: Action | None) -> None:
    require(seconds is None or 0 < seconds <= _DAY, "locked_wait", f"more than 0 and at most {_DAY} seconds")
    require(expired in (None, *_AFTER_A_WAIT), "locked_expired", f"one of {', '.join(_AFTER_A_WAIT)}")
