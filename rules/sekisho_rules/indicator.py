"""The indicator: what some source says is bad, how sure it is, how long it holds, and who may see it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, get_args

import msgspec
from sekisho_core.errors import SekishoError
from sekisho_core.vocabulary import Action, Severity

State = Literal["enforce", "observe"]
DEFAULT_CONFIDENCE = 75
# The `modified` of what states none.
UNDATED = datetime.fromtimestamp(0, UTC)
_SEVERITIES: tuple[Severity, ...] = get_args(Severity)


class IndicatorFileError(SekishoError):
    """A file that holds no indicators that we can read."""


class Provenance(msgspec.Struct, frozen=True):
    """What an import says of indicators that do not say it themselves; `source` "" means the file's name."""

    source: str = ""
    tlp: str = "amber"
    confidence: int = DEFAULT_CONFIDENCE


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """One source's statement. Times are aware datetimes; `valid_until` None means until revoked.

    `pattern` is a STIX pattern, or YARA source for `pattern_type` "yara"; other types are kept but unsupported.
    `to_ids` False is what its author holds too weak for detection by itself. `pap` is the permitted use ("clear",
    "green", "amber", "red"; "" where none is stated); `threat_name` the malware, actor or campaign.
    `guard` says why our own guard lets it be observed only, "" where it does not; until `observe_until` it is anyway.
    `action_cap` is the gravest action that our guard lets it lead to.
    `file` is where it was read: the path within the folder that was given, or the file's name; "" where no file was.
    `document` is what was received, as text.
    """

    id: str
    source: str
    pattern: str
    pattern_type: str = "stix"
    name: str = ""
    description: str = ""
    tlp: str = "amber"
    confidence: int = DEFAULT_CONFIDENCE
    severity: Severity = "targeted"
    state: State = "enforce"
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    modified: datetime = UNDATED
    revoked: bool = False
    labels: tuple[str, ...] = ()
    reference: str = ""
    created: datetime | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    to_ids: bool = True
    pap: str = ""
    threat_name: str = ""
    guard: str = ""
    action_cap: Action | None = None
    observe_until: datetime | None = None
    file: str = ""
    document: str = ""


def utc(moment: datetime) -> datetime:
    """A time in UTC, which is what one without a zone is taken for."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def effective_state(indicator: Indicator, now: datetime) -> State:
    """What its source, our guard and the time of observation together make of an indicator."""
    held = indicator.guard or (indicator.observe_until is not None and now < indicator.observe_until)
    return "observe" if held else indicator.state


class Refusal(msgspec.Struct, frozen=True):
    """An indicator that is not used, and why; its file and name where they are known."""

    id: str
    source: str
    reason: str
    file: str = ""
    name: str = ""

    def __str__(self) -> str:
        file = f"{self.file}: " if self.file else ""
        # A YARA file without either has its stem for both.
        name = f' "{self.name}"' if self.name and self.name != self.source else ""
        return f"{file}{self.id}{name} of {self.source}: {self.reason}"


def refusal_of(indicator: Indicator, reason: str) -> Refusal:
    """That an indicator is not used, for this reason."""
    return Refusal(indicator.id, indicator.source, reason, indicator.file, indicator.name)


def newest(indicators: Iterable[Indicator]) -> list[Indicator]:
    """One indicator for each (source, id), in the order first seen: a revoked one is final, else the highest
    `modified` wins (STIX 2.1 section 3.6)."""
    found: dict[tuple[str, str], Indicator] = {}
    for indicator in indicators:
        key = (indicator.source, indicator.id)
        known = found.get(key)
        if known is None or supersedes(indicator, known.modified, known.revoked, known.pattern):
            found[key] = indicator
    return list(found.values())


def supersedes(indicator: Indicator, modified: datetime, revoked: bool, pattern: str) -> bool:
    """Whether `indicator` takes the place of a version with this `modified`, `revoked` and `pattern`.

    What states no `modified`, as most YARA files do, is newer when its pattern is another; a YARA file also when its
    `modified` was left as it was.
    """
    if revoked:
        return False
    if indicator.revoked or indicator.modified > modified:
        return True
    same_age = indicator.pattern_type == "yara" and indicator.modified == modified
    return indicator.pattern != pattern and (indicator.modified == UNDATED or same_age)


def checked_confidence(stated: int) -> int:
    """The confidence as stated, from 0 to 100 (STIX 2.1 section 3.2). Raises ValueError."""
    if not 0 <= stated <= 100:
        raise ValueError(f"confidence {stated} is not between 0 and 100")
    return stated


def stated_severity(stated: str, labels: Iterable[str] = (), types: Iterable[str] = ()) -> Severity:
    """The severity that our own property or else a label states; "targeted" where none does and the indicator's types
    are not benign alone. Raises ValueError for another word in our property."""
    if stated and stated not in _SEVERITIES:
        raise ValueError(f"severity {stated} is none of {', '.join(_SEVERITIES)}")
    words = [stated, *(label.lower().removeprefix("severity:") for label in labels)]
    found = next((severity for word in words for severity in _SEVERITIES if word == severity), None)
    return found or ("info" if list(types) == ["benign"] else "targeted")


def stated_state(stated: str) -> State:
    """The state that our own property states, "enforce" where it is empty. Raises ValueError for another word."""
    if stated not in ("", "enforce", "observe"):
        raise ValueError(f"state {stated} is neither enforce nor observe")
    return "observe" if stated == "observe" else "enforce"
