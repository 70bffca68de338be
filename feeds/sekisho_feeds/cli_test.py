"""`sekisho feeds test`: what a feed would bring, before it is added."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.display import column, counted, defanged, visible
from sekisho_core.settings import load
from sekisho_quarantine.backtest import Backtest, said
from sekisho_rules.canonical import canonical
from sekisho_rules.indicator import Indicator, Refusal
from sekisho_rules.tree import PatternError

from sekisho_feeds.cli_add import described, feed_options
from sekisho_feeds.guarding import tried
from sekisho_feeds.pull import Proven, prove
from sekisho_feeds.wiring import open_guard, open_tools

_MOST_SHOWN = 10
_VALUE = re.compile(r"'[^']*+'|\d+")


@click.command("test")
@config_option
@json_option
@feed_options
@click.argument("location")
def test_command(config: Path | None, as_json: bool, location: str, **given: Any) -> None:
    """What the feed at LOCATION would bring, and what of it would be refused or observed only, and why.

    Nothing is stored. Exit status 1 when something would be refused.
    """
    settings, now = load(config), datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="sekisho-feed-") as place:
        tools = open_tools(settings, place)
        feed = described("test", location, given)
        proven = prove(feed, tools.obtain(feed, {}, True).documents or [], tools)
    past = tried([one for one, reason in proven.stored if not reason], open_guard(settings), now)
    if as_json:
        print(json.dumps(_plain(proven) | {"backtest": msgspec.to_builtins(past)}, ensure_ascii=False, indent=2))
    else:
        _print(proven)
        _print_past(past)
    sys.exit(1 if proven.refused else 0)


def _plain(proven: Proven) -> dict[str, Any]:
    observed = [
        {"id": one.id, "name": one.name, "pattern": one.pattern, "reason": one.guard} for one in _guarded(proven)
    ]
    return {
        **proven.counts(),
        "types": _types(proven),
        "refusals": msgspec.to_builtins(proven.refused),
        "observed": observed,
        "idle": [{"id": one.id, "reason": reason} for one, reason in proven.stored if reason],
    }


def _print(proven: Proven) -> None:
    counts = proven.counts()
    print(f"{counted(counts['indicators'], 'indicator')}:")
    for kind, count in _types(proven).items():
        print(f"  {count:>8} {visible(kind, 60)}")
    _print_reasons("refused", ((one.reason.removeprefix("refused: "), _named(one)) for one in proven.refused))
    _print_reasons("would be observed only", ((one.guard, _shown(one)) for one in _guarded(proven)))
    _print_reasons("without effect", ((reason, _shown(one)) for one, reason in proven.stored if reason))


def _print_past(past: Backtest) -> None:
    """What would have been hit, by the mail of the journal."""
    if past.mails:
        print(f"{len(past.hits)} would have hit some of the {past.mails:,} mails of the last {past.days} days:")
    for hits in past.hits[:_MOST_SHOWN]:
        example = hits.examples[0] if hits.examples else None
        shown = f"   e.g. {visible(example.subject, 60)} of {visible(example.sender, 60)}" if example else ""
        print(f"  {visible(hits.id, 60)} {said(hits, past)}{shown}")


def _print_reasons(what: str, reasons: Iterable[tuple[str, str]]) -> None:
    """Reasons that differ in their values only count as one; an example stands beside each."""
    found = list(reasons)
    if not found:
        return
    print(f"{len(found)} {what}:")
    kinds = Counter(_VALUE.sub("…", reason) for reason, _ in found)
    examples = {_VALUE.sub("…", reason): (reason, example) for reason, example in reversed(found)}
    for kind, count in kinds.most_common(_MOST_SHOWN):
        reason, example = examples[kind]
        print(f"  {count:>8} {visible(reason, 160)}   e.g. {visible(example, 80)}")
    if len(kinds) > _MOST_SHOWN:
        print(f"  and {len(kinds) - _MOST_SHOWN} more reasons (--json lists all)")


def _guarded(proven: Proven) -> list[Indicator]:
    return [one for one, reason in proven.stored if one.guard and not reason and not one.revoked]


def _types(proven: Proven) -> dict[str, int]:
    return dict(Counter(_type(one) for one, _ in proven.stored).most_common())


def _type(indicator: Indicator) -> str:
    if indicator.revoked:
        return "revoked"
    try:
        return canonical(indicator.pattern, indicator.pattern_type).type
    except PatternError:
        return "not readable"


def _named(refusal: Refusal) -> str:
    return f"{refusal.name or refusal.id} {refusal.file}".strip()


def _shown(indicator: Indicator) -> str:
    return column(defanged(indicator.pattern.partition("\n")[0]), 80).strip()
