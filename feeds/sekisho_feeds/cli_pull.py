"""`sekisho feeds pull`: feeds in, and the index built where something changed."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.display import visible
from sekisho_core.errors import SekishoError
from sekisho_core.files import write_durably
from sekisho_core.settings import Settings, load
from sekisho_rules import history, table
from sekisho_rules.cli_compile import compile_index
from sqlalchemy.exc import SQLAlchemyError

from sekisho_feeds import feed_table
from sekisho_feeds.cli_outbox import send_sightings
from sekisho_feeds.feed import Feed, Standing, due
from sekisho_feeds.merge import Removals
from sekisho_feeds.metrics import exposition
from sekisho_feeds.pull import Pulled, Tools, pull
from sekisho_feeds.settings import FeedsSettings
from sekisho_feeds.wiring import open_tools

_MOST_SHOWN = 10


@click.command("pull")
@config_option
@json_option
@click.option("--due", "only_due", is_flag=True, help="Only those whose time has come, as the timer does.")
@click.option("--confirm-removal", is_flag=True, help="However many indicators go.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def pull_command(
    config: Path | None, as_json: bool, only_due: bool, confirm_removal: bool, names: tuple[str, ...]
) -> None:
    """Get the feeds (all, or those named), merge what they say, and put a new index in force where something changed.

    A feed that fails leaves what it said in force. Exit status 1 when some feed failed or removals wait for you.
    """
    settings = load(config)
    tools, ours, now = open_tools(settings), settings.of(FeedsSettings), datetime.now(UTC)
    removals = Removals(ours.most_removed, confirm_removal)
    chosen = [(feed, held) for feed, held in _chosen(tools, names) if not only_due or due(feed, held, now)]
    pulls = [_one(feed.name, bool(names), tools, removals, as_json) for feed, _ in chosen]
    ended = table.end_observation(tools.engine, now)
    serial = None
    # A pull that was killed after its merge has left this to the next.
    if ended or history.is_pending(tools.engine):
        serial = compile_index(settings, tools.engine).serial
    _write_metrics(settings, tools)
    # What goes back to feeds goes when what came in is in force.
    _send(settings, tools)
    if as_json:
        print(json.dumps({"feeds": msgspec.to_builtins(pulls), "index": serial}, ensure_ascii=False, indent=2))
    elif serial is not None:
        print(f"index {serial} is in force")
    sys.exit(1 if any(one.error or one.merged.kept_back for one in pulls) else 0)


def _chosen(tools: Tools, names: tuple[str, ...]) -> list[tuple[Feed, Standing]]:
    if names:
        return [feed_table.feed_of(tools.engine, name) for name in names]
    return [(feed, held) for feed, held in feed_table.feeds(tools.engine) if not feed.paused]


def _one(name: str, asked: bool, tools: Tools, removals: Removals, quiet: bool) -> Pulled:
    try:
        pulled = pull(name, asked, tools, removals, datetime.now(UTC))
    except SekishoError as error:
        pulled = Pulled(name, error=str(error))
    if not quiet:
        print(f"{name}: {_told(pulled)}", file=sys.stderr if pulled.error else sys.stdout)
        for refusal in pulled.refused[:_MOST_SHOWN]:
            print(f"  {visible(str(refusal), 1000)}", file=sys.stderr)
        if len(pulled.refused) > _MOST_SHOWN:
            print(f"  and {len(pulled.refused) - _MOST_SHOWN} more (--json lists them)", file=sys.stderr)
    return pulled


def _told(pulled: Pulled) -> str:
    if pulled.error:
        return visible(pulled.error, 1000)
    if pulled.unchanged:
        return "nothing new"
    counts: dict[str, Any] = pulled.counts | msgspec.structs.asdict(pulled.merged)
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    kept = pulled.merged.kept_back
    advice = f"; {kept} removals wait: sekisho feeds pull {pulled.feed} --confirm-removal" if kept else ""
    return (told or "empty") + advice


def _send(settings: Settings, tools: Tools) -> None:
    """Sightings; what stands in their way does not concern what came in."""
    try:
        send_sightings(settings, tools.engine)
    except (SQLAlchemyError, SekishoError) as error:
        print(f"sightings: {visible(str(error), 300)}", file=sys.stderr)


def _write_metrics(settings: Settings, tools: Tools) -> None:
    hours = settings.of(FeedsSettings).stale_hours
    text = exposition(feed_table.feeds(tools.engine), datetime.now(UTC), hours)
    tools.directory.mkdir(parents=True, exist_ok=True)
    write_durably(tools.directory / "feeds.prom", [text.encode()], 0o644)
