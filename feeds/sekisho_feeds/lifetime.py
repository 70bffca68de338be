"""The lifetime: until when an indicator holds that does not say so, and how its score falls meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sekisho_rules.indicator import UNDATED, Indicator, utc
from sekisho_rules.pattern import parse
from sekisho_rules.tree import PatternError, comparisons

from sekisho_feeds.warninglist import kind_of

OTHER = "other"
DAYS: Mapping[str, int | None] = {
    # What FukuroCTI publishes: addresses change hands within weeks, names are held by the year.
    "ip": 14,
    "url": 30,
    "domain": 90,
    "hash": None,
    # A mailbox is used until it is closed, and a lure comes back with the season: half a year.
    "email": 180,
    "subject": 180,
    # A file name belongs to one wave, and meets harmless files of that name ever after.
    "filename": 90,
    # Display names, header fields, words of a body.
    OTHER: 180,
}
"""Days by kind of value where an indicator states no end; None is without end."""


class Decay(NamedTuple):
    """A decaying model of MISP: days until nothing is left of the score, how slowly it falls at first, and the score
    below which an indicator is spent."""

    lifetime_days: float
    speed: float
    threshold: float = 30


PHISHING = Decay(3, 2.3)
NIDS = Decay(120, 2)


def validity(indicator: Indicator, imported: datetime, days: Mapping[str, int | None] = DAYS) -> datetime | None:
    """Until when the indicator holds, in UTC; None is until it is revoked.

    What it states counts. Else the days of its kind run from the later of `valid_from` and `last_seen`, without both
    from `modified`, else `created`, else `imported`, when it was first had. An edit of old knowledge makes it no
    younger, and what is said to have been seen in the future was seen at `imported`. A pattern of several values holds
    as long as the most lasting of them; YARA, and what cannot be read, until it is revoked.
    """
    try:
        if indicator.valid_until is not None:
            return utc(indicator.valid_until)
        length = _length(indicator, days)
        return None if length is None else _start(indicator, utc(imported)) + timedelta(days=length)
    except OverflowError:
        # The year 10000 is without end.
        return None


def decayed(base: float, age_days: float, model: Decay) -> float:
    """What is left of a score after `age_days` since the last sighting, from `base` down to 0:
    base × (1 − (t / lifetime)^(1 / speed)), the polynomial model of MISP. Raises ValueError for a model whose lifetime
    or speed is not above 0."""
    _check(model)
    share = min(max(age_days / model.lifetime_days, 0), 1)
    return float(base * (1 - share ** (1 / model.speed)))


def spent_after(base: float, model: Decay) -> float:
    """After how many days without a sighting a score falls below the model's threshold; 0 where it starts there.
    Raises ValueError as `decayed` does."""
    _check(model)
    if base <= max(model.threshold, 0):
        return 0.0
    return float(model.lifetime_days * (1 - max(model.threshold, 0) / base) ** model.speed)


def _check(model: Decay) -> None:
    if not (model.lifetime_days > 0 and model.speed > 0):
        raise ValueError(f"decay: lifetime {model.lifetime_days} and speed {model.speed} must be above 0")


def _length(indicator: Indicator, days: Mapping[str, int | None]) -> int | None:
    if indicator.pattern_type != "stix":
        return None
    try:
        found = comparisons(parse(indicator.pattern).tree)
    except PatternError:
        return None
    lengths = [days.get(kind_of(one.path, "".join(one.values[:1])) or OTHER) for one in found]
    known = [length for length in lengths if length is not None]
    return max(known) if len(known) == len(lengths) else None


def _start(indicator: Indicator, imported: datetime) -> datetime:
    seen = None if indicator.last_seen is None else min(utc(indicator.last_seen), imported)
    valid = None if indicator.valid_from is None else utc(indicator.valid_from)
    stated = [moment for moment in (seen, valid) if moment is not None]
    if stated:
        return max(stated)
    edited = [] if indicator.modified == UNDATED else [indicator.modified]
    dated = [*edited, *([] if indicator.created is None else [indicator.created])]
    return min(utc(dated[0]), imported) if dated else imported
