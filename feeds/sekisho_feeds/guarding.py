"""The guard: what warning lists, an indicator's author and the mail of the last days say against its enforcing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from sekisho_core.vocabulary import Action
from sekisho_quarantine.backtest import Backtest, Thresholds, backtest, objections
from sekisho_quarantine.journal import entries
from sekisho_rules.guard import Protected
from sekisho_rules.indicator import Indicator, utc

from sekisho_feeds.assay import assess
from sekisho_feeds.feed import Feed
from sekisho_feeds.lifetime import NIDS, PHISHING, Decay, decayed, validity
from sekisho_feeds.settings import FeedsSettings
from sekisho_feeds.warninglist import Warninglists

_DAY = 86400
_MODELS: dict[str, Decay] = {"phishing": PHISHING, "nids": NIDS}


@dataclass(frozen=True)
class Guard:
    """What the guard knows: warning lists, protected domains, how long indicators hold, and the journal of recent mail
    (None: none is kept). `progress` is called after each 1,000 mails of it."""

    lists: Warninglists
    protected: Protected
    settings: FeedsSettings
    journal: Path | None
    progress: Callable[[], None]


def guarded(feed: Feed, indicators: Sequence[Indicator], guard: Guard) -> list[Indicator]:
    """The indicators of a feed with what our guard says of each. Raises SnapshotError where they cannot be tried."""
    now = datetime.now(UTC)
    assessed = [_assessed(feed, one, guard, now) for one in indicators]
    against = objections(tried(assessed, guard, now), _thresholds(guard.settings))
    return [
        msgspec.structs.replace(one, guard=against[one.source, one.id]) if (one.source, one.id) in against else one
        for one in assessed
    ]


def tried(indicators: Sequence[Indicator], guard: Guard, now: datetime) -> Backtest:
    """What those that nothing else speaks against would have stopped of the journal's mail."""
    free = [one for one in indicators if not one.guard and not one.revoked]
    since = now - timedelta(days=guard.settings.backtest_days)
    kept = guard.journal is not None and guard.journal.is_dir() and guard.settings.backtest_days and free
    mails = entries(guard.journal, since) if kept and guard.journal else iter(())
    return backtest(free if kept else [], mails, protected=guard.protected, progress=guard.progress)


def _assessed(feed: Feed, indicator: Indicator, guard: Guard, now: datetime) -> Indicator:
    # Which of its author's weak ones are taken is an option of that format: those that came are wanted.
    weighed = msgspec.structs.replace(indicator, to_ids=True) if feed.format == "misp" else indicator
    assessment = assess(weighed, guard.lists, guard.protected)
    confidence = _confidence(feed, indicator, now)
    spent = confidence < NIDS.threshold and bool(feed.decay)
    against = [*assessment.reasons] if assessment.verdict == "observe" else []
    against += [f"its confidence has fallen to {confidence} ({feed.decay} model)"] if spent else []
    return msgspec.structs.replace(
        indicator,
        confidence=confidence,
        valid_until=validity(indicator, now, guard.settings.lifetime_days),
        guard="; ".join(against),
        action_cap=Action(assessment.action_cap) if assessment.action_cap else None,
        observe_until=feed.observe_until if feed.observe_until and now < feed.observe_until else None,
    )


def _confidence(feed: Feed, indicator: Indicator, now: datetime) -> int:
    stated = indicator.confidence * feed.trust // 100
    if not feed.decay:
        return stated
    dated = [one for one in (indicator.last_seen, indicator.valid_from, indicator.modified) if one]
    return int(decayed(stated, (now - utc(dated[0])).total_seconds() / _DAY, _MODELS[feed.decay]))


def _thresholds(settings: FeedsSettings) -> Thresholds:
    return Thresholds(settings.backtest_share, settings.backtest_senders, settings.backtest_mails)
