"""`sekisho feeds outbox`: the sightings of confirmed hits on their way back to their sources."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.database import error_line, open_database
from sekisho_core.display import column, local_time, visible
from sekisho_core.errors import DatabaseError
from sekisho_core.settings import Database, Settings, load
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from sekisho_feeds import feed_table
from sekisho_feeds.confirmed import queue_sightings
from sekisho_feeds.export_stix import identity_of
from sekisho_feeds.outbox import Delivered, Letter, deliver, listed, retry
from sekisho_feeds.senders import KINDS, accepting, senders_of
from sekisho_feeds.settings import FeedsSettings


@click.command("outbox")
@config_option
@json_option
@click.option("--send", is_flag=True, help="Send what is due now, as the timer does.")
@click.option("--retry", "again", is_flag=True, help="Try once more what was given up.")
def outbox_command(config: Path | None, as_json: bool, send: bool, again: bool) -> None:
    """List the sightings that go back to feeds which take them, newest first, and how far each is.

    They come from what analysts judged (`sekisho quarantine judge`): the indicator, how often and when, and whether it
    was a false positive; nothing of the mail or who received it. Exit status 1 when one was given up.
    """
    settings = load(config)
    engine = open_database(settings.of(Database))
    try:
        if again:
            print(f"{retry(engine, datetime.now(UTC))} are tried once more", file=sys.stderr)
        if send:
            done = send_sightings(settings, engine)
            print(f"{done.sent} sent, {done.waiting} wait, {done.given_up} given up", file=sys.stderr)
        letters = listed(engine)
    except SQLAlchemyError as error:
        raise DatabaseError(f"outbox: {error_line(error)}") from error
    if as_json:
        print(json.dumps(msgspec.to_builtins(letters), ensure_ascii=False, indent=2))
    else:
        for letter in letters:
            print(_line(letter))
    sys.exit(1 if any(letter.state == "failed" for letter in letters) else 0)


def send_sightings(settings: Settings, engine: Engine) -> Delivered:
    """Queue the sightings of what was judged and send what is due. Raises SQLAlchemyError when the database fails."""
    ours, now = settings.of(FeedsSettings), datetime.now(UTC)
    feeds = [feed for feed, _ in feed_table.feeds(engine)]
    kinds = {feed.name: KINDS[feed.via] for feed in accepting(feeds)}
    if ours.identity:
        queue_sightings(engine, kinds, identity_of(ours.identity), now)
    return deliver(engine, senders_of(feeds, ours), now)


def _line(letter: Letter) -> str:
    error = f" {visible(letter.error, 200)}" if letter.error else ""
    return f"{local_time(letter.created)}  {column(letter.feed, 16)} {column(letter.state, 8)} {letter.subject}{error}"
