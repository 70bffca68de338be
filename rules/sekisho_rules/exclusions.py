"""Exclusions: matches that an administrator has taken out of force until a day, and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone

from sekisho_core.addresses import closeness
from sekisho_core.vocabulary import Mail, Match, Reading

from sekisho_rules.settings import Exclusion

JST = timezone(timedelta(hours=9), "JST")


def today(now: datetime) -> date:
    """The day by which exclusions end: the calendar day of Japan, whatever zone the machine keeps."""
    return now.astimezone(JST).date()


def in_force(exclusions: Iterable[Exclusion], mail: Mail, day: date) -> tuple[Exclusion, ...]:
    """Those that can concern `mail` on `day`; the day of `expires` is the last one.

    `sender` is the envelope's: the null sender fits none.
    """
    return tuple(one for one in exclusions if one.expires >= day and _fits_sender(one, mail.envelope.mail_from))


def for_recipient(exclusions: Iterable[Exclusion], recipient: str) -> tuple[Exclusion, ...]:
    """Those of `exclusions` that hold for `recipient`."""
    return tuple(one for one in exclusions if not one.recipient or closeness(one.recipient, recipient) > 0)


def exclusion_of(match: Match, exclusions: Iterable[Exclusion], mail: Mail, reading: Reading) -> Exclusion | None:
    """The first exclusion that takes `match` out of force."""
    return next((one for one in exclusions if _fits(one, match, mail, reading)), None)


def explained(match: Match, exclusion: Exclusion) -> str:
    """The match's explanation and why it has no effect."""
    return f"{match.explain}; excluded until {exclusion.expires.isoformat()} because {exclusion.reason}"


def _fits_sender(exclusion: Exclusion, sender: str) -> bool:
    return not exclusion.sender or closeness(exclusion.sender, sender) > 0


def _fits(exclusion: Exclusion, match: Match, mail: Mail, reading: Reading) -> bool:
    if exclusion.rule and exclusion.rule != match.rule:
        return False
    return not exclusion.sha256 or _fits_content(exclusion.sha256.lower(), match.where, mail, reading)


def _fits_content(sha256: str, where: str, mail: Mail, reading: Reading) -> bool:
    """A part's hash excludes what was found in that part alone: a harmless part must not excuse its neighbours."""
    if sha256 == mail.content.sha256:
        return True
    place = where.removeprefix("part:").partition("/")[0]
    return where.startswith("part:") and any(
        place == part.id or place.startswith(f"{part.id}.") for part in reading.parts if part.sha256 == sha256
    )
