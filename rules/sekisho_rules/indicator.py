"""The indicator: what some source says is bad, how sure it is, how long it holds, and who may see it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

import msgspec
from sekisho_core.vocabulary import Severity

State = Literal["enforce", "observe"]
DEFAULT_CONFIDENCE = 75
# The `modified` of what states none.
UNDATED = datetime.fromtimestamp(0, UTC)


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """One source's statement. Times are aware datetimes; `valid_until` None means until revoked.

    `pattern` is a STIX pattern, or YARA source for `pattern_type` "yara"; other types are kept but unsupported.
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
    document: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """An indicator that is not used, and why."""

    id: str
    source: str
    reason: str


def newest(indicators: Iterable[Indicator]) -> list[Indicator]:
    """One indicator for each (source, id), in the order first seen: a revoked one is final, else the highest
    `modified` wins (STIX 2.1 section 3.6)."""
    found: dict[tuple[str, str], Indicator] = {}
    for indicator in indicators:
        key = (indicator.source, indicator.id)
        if key not in found or supersedes(indicator, found[key].modified, found[key].revoked):
            found[key] = indicator
    return list(found.values())


def supersedes(indicator: Indicator, modified: datetime, revoked: bool) -> bool:
    """Whether `indicator` takes the place of a version with this `modified` and `revoked`."""
    return not revoked and (indicator.revoked or indicator.modified > modified)
