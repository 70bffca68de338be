"""The metrics of feeds, in Prometheus's text format (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sekisho_feeds.feed import Feed, Standing, stale

_GAUGES = {
    "sekisho_feed_last_success_seconds": "When the feed was last pulled well, in seconds since 1970; 0 for never.",
    "sekisho_feed_failures": "Pulls that failed since the last success.",
    "sekisho_feed_stale": "Whether the feed had no success for longer than allowed.",
    "sekisho_feed_paused": "Whether the feed is paused.",
}
_COUNTS = "sekisho_feed_counts"


def exposition(feeds: Iterable[tuple[Feed, Standing]], now: datetime, stale_hours: float) -> str:
    """One line a feed and gauge, and one for each count of its last pull."""
    found = list(feeds)
    lines: list[str] = []
    for gauge, says in _GAUGES.items():
        lines += [f"# HELP {gauge} {says}", f"# TYPE {gauge} gauge"]
        lines += [
            f'{gauge}{{feed="{feed.name}"}} {_value(gauge, feed, held, now, stale_hours)}' for feed, held in found
        ]
    lines += [f"# HELP {_COUNTS} What the last pull with something new brought.", f"# TYPE {_COUNTS} gauge"]
    for feed, standing in found:
        lines += [f'{_COUNTS}{{feed="{feed.name}",what="{what}"}} {count}' for what, count in standing.counts.items()]
    return "\n".join(lines) + "\n"


def _value(gauge: str, feed: Feed, standing: Standing, now: datetime, stale_hours: float) -> str:
    values = {
        "sekisho_feed_last_success_seconds": standing.last_success.timestamp() if standing.last_success else 0,
        "sekisho_feed_failures": standing.failures,
        "sekisho_feed_stale": int(stale(feed, standing, now, stale_hours)),
        "sekisho_feed_paused": int(bool(feed.paused)),
    }
    return f"{values[gauge]:g}" if gauge.endswith(("failures", "stale", "paused")) else f"{values[gauge]:.0f}"
