"""The lifetime: until when an indicator holds that does not say so, and how its score falls meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sekisho_rules.indicator import Indicator, utc
from sekisho_rules.pattern import parse
from sekisho_rules.tree import PatternError, comparisons

from sekisho_feeds.warninglist import kind_of

# What FukuroCTI publishes: addresses change hands within weeks, names are held by the year.
DAYS: Mapping[str, int] = {"ip": 14, "url": 30, "domain": 90}
"""Days by kind of value where an indicator states no end; other kinds hold until they are withdrawn."""


class Decay(NamedTuple):
    """A decaying model of MISP: days until nothing is left of the score, how slowly it falls at first, and the score
    below which an indicator is spent."""

    lifetime_days: float
    speed: float
    threshold: float = 30


PHISHING = Decay(3, 2.3)
NIDS = Decay(120, 2)


def validity(indicator: Indicator, stated: datetime, days: Mapping[str, int] = DAYS) -> datetime | None:
    """Until when the indicator holds, in UTC; None is until it is withdrawn or revoked.

    What it states counts. Else the days of its kind run from the end of the day on which its feed stated it (`stated`),
    or of `valid_from` where that is later, so that
    what a feed goes on listing goes on holding. A pattern of several values holds as long as the most lasting
    of them; YARA, and what cannot be read, until it is revoked.
    """
    try:
        if indicator.valid_until is not None:
            return utc(indicator.valid_until)
        length = _length(indicator, days)
        begun = max(utc(stated), utc(indicator.valid_from or stated))
        today = begun.replace(hour=0, minute=0, second=0, microsecond=0)
        return None if length is None else today + timedelta(days=length + 1)
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


def _length(indicator: Indicator, days: Mapping[str, int]) -> int | None:
    if indicator.pattern_type != "stix":
        return None
    try:
        found = comparisons(parse(indicator.pattern).tree)
    except PatternError:
        return None
    lengths = [days.get(kind_of(one.path, "".join(one.values[:1])) or "", 0) for one in found]
    return max(lengths) if all(lengths) else None
