"""The operator's commands on feeds: `sekisho feeds …`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.database import open_database
from sekisho_core.display import column, local_time, visible
from sekisho_core.settings import Database, load
from sekisho_rules import table
from sekisho_rules.cli_compile import compile_index

from sekisho_feeds import feed_table
from sekisho_feeds.access import shown
from sekisho_feeds.cli_add import add_command
from sekisho_feeds.cli_export import export_command
from sekisho_feeds.cli_history import diff_command, rollback_command
from sekisho_feeds.cli_merged import merged_command
from sekisho_feeds.cli_outbox import outbox_command
from sekisho_feeds.cli_publish import hash_command, publish_command, serve_command, sightings_command
from sekisho_feeds.cli_pull import pull_command
from sekisho_feeds.cli_test import test_command
from sekisho_feeds.feed import Feed, Standing, stale
from sekisho_feeds.metrics import exposition
from sekisho_feeds.settings import FeedsSettings


@click.group("feeds")
def feeds() -> None:
    """Indicators in from feeds, and given on."""


for _command in (
    add_command, diff_command, export_command, hash_command, merged_command, outbox_command, publish_command,
    pull_command, rollback_command, serve_command, sightings_command, test_command,
):  # fmt: skip
    feeds.add_command(_command)


@feeds.command("list")
@config_option
@json_option
def list_command(config: Path | None, as_json: bool) -> None:
    """List the feeds."""
    found = [_masked(feed) for feed, _ in feed_table.feeds(open_database(load(config).of(Database)))]
    if as_json:
        _print_json(found)
        return
    for feed in found:
        print(column(feed.name, 20), column(feed.format, 8), column(feed.via, 10), visible(feed.location, 200))


@feeds.command("status")
@config_option
@json_option
@click.option("--prometheus", is_flag=True, help="As metrics, for a collector of text files.")
def status_command(config: Path | None, as_json: bool, prometheus: bool) -> None:
    """How each feed stands: its last success, what it holds, and what is wrong. Exit status 1 when a feed is stale."""
    settings = load(config)
    hours, now = settings.of(FeedsSettings).stale_hours, datetime.now(UTC)
    found = feed_table.feeds(open_database(settings.of(Database)))
    late = [feed.name for feed, standing in found if stale(feed, standing, now, hours)]
    if prometheus:
        print(exposition(found, now, hours), end="")
    elif as_json:
        _print_json([_standing(feed, standing) | {"stale": feed.name in late} for feed, standing in found])
    else:
        for feed, standing in found:
            print("\n".join(_told(feed, standing, feed.name in late)))
    sys.exit(1 if late else 0)


@feeds.command("remove")
@config_option
@click.option("--keep-indicators", is_flag=True, help="Leave what it said in force.")
@click.argument("name")
def remove_command(config: Path | None, keep_indicators: bool, name: str) -> None:
    """Forget a feed, and withdraw what it said."""
    settings = load(config)
    engine = open_database(settings.of(Database))
    feed_table.feed_of(engine, name)
    feed_table.remove(engine, name)
    if not keep_indicators:
        print(f"{table.remove_source(engine, name, datetime.now(UTC))} indicators withdrawn")
        compile_index(settings, engine)


@feeds.command("pause")
@config_option
@click.option("--reason", required=True, help="Why; `status` shows it.")
@click.argument("name")
def pause_command(config: Path | None, reason: str, name: str) -> None:
    """Pull a feed no more by itself; what it said stays in force."""
    _paused(config, name, reason)
    print(f"{name} is paused")


@feeds.command("resume")
@config_option
@click.argument("name")
def resume_command(config: Path | None, name: str) -> None:
    """Pull a feed by itself again, also after a rollback."""
    _paused(config, name, "")
    print(f"{name} is pulled by itself again; now: sekisho feeds pull {name}")


@feeds.command("enforce")
@config_option
@click.argument("name")
def enforce_command(config: Path | None, name: str) -> None:
    """End the time in which a new feed is observed only; what the guard holds back for other reasons stays so."""
    settings = load(config)
    engine = open_database(settings.of(Database))
    feed, _ = feed_table.feed_of(engine, name)
    feed_table.change(engine, msgspec.structs.replace(feed, observe_until=None))
    print(f"{table.end_observation(engine, datetime.now(UTC), name)} indicators are observed no more")
    print(f"index {compile_index(settings, engine).serial} is in force")


def _masked(feed: Feed) -> Feed:
    """Without what is secret in URLs."""
    keys = msgspec.structs.replace(feed.keys, proxy=shown(feed.keys.proxy) if feed.keys.proxy else "")
    location = feed.location if feed.via == "file" else shown(feed.location)
    return msgspec.structs.replace(feed, location=location, keys=keys)


def _paused(config: Path | None, name: str, reason: str) -> None:
    engine = open_database(load(config).of(Database))
    feed, _ = feed_table.feed_of(engine, name)
    feed_table.change(engine, msgspec.structs.replace(feed, paused=reason))


def _standing(feed: Feed, standing: Standing) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(standing)
    del plain["remembered"]
    return {"name": feed.name, "paused": feed.paused, "observe_until": feed.observe_until} | plain


def _told(feed: Feed, standing: Standing, late: bool) -> list[str]:
    words = "paused" if feed.paused else "stale" if late else "failing" if standing.failures else "well"
    last = local_time(standing.last_success) if standing.last_success else "never"
    lines = [f"{column(feed.name, 20)} {column(words, 8)} last success {last}"]
    held = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in standing.counts.items() if count)
    more = [held, feed.paused, standing.error]
    if feed.observe_until and feed.observe_until > datetime.now(UTC):
        more.append(f"new: observed only until {local_time(feed.observe_until)} (sekisho feeds enforce {feed.name})")
    if standing.counts.get("kept_back"):
        more.append(f"removals wait for you: sekisho feeds pull {feed.name} --confirm-removal")
    return lines + [f"{'':<20} {visible(line, 300)}" for line in more if line]


def _print_json(value: object) -> None:
    print(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=2))
