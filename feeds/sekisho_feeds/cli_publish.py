"""`sekisho feeds publish | serve | hash-secret | sightings`: what this organisation gives on, and what comes back."""

from __future__ import annotations

import json
import secrets
import signal
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.database import open_database
from sekisho_core.display import column, local_time, visible
from sekisho_core.errors import SekishoError
from sekisho_core.events import Events, operator_events
from sekisho_core.settings import Database, Log, Settings, load
from sekisho_quarantine.desk import person
from sekisho_rules import table
from sekisho_rules.indicator import Indicator
from sekisho_rules.packs import read_packs
from sekisho_rules.settings import RulesSettings
from sekisho_rules.tlp import strictest
from sqlalchemy import Engine

from sekisho_feeds.harvest import FeedError
from sekisho_feeds.published_table import PublishedRows, revoke
from sekisho_feeds.publishing import Wish, consented, publish_indicator
from sekisho_feeds.received_table import received, take
from sekisho_feeds.settings import FeedsSettings
from sekisho_feeds.sighting import FALSE_POSITIVE
from sekisho_feeds.taxii_http import TaxiiServer, server_tls
from sekisho_feeds.taxii_members import Doorkeeper, Member, hashed, token_of
from sekisho_feeds.taxii_service import Service, Site

_TLPS = ("clear", "green", "amber")


@click.command("publish")
@config_option
@click.option("--tlp", type=click.Choice(_TLPS), default="green", show_default=True, help="For whom it is.")
@click.option("--source", default="", help="Whose statement, where several state the ID.")
@click.option("--withdraw", is_flag=True, help="Revoke what was published; that is for good.")
@click.option("--by", metavar="NAME", help="Who does this (default: you).")
@click.argument("id", metavar="ID")
def publish_command(config: Path | None, tlp: str, source: str, withdraw: bool, by: str | None, id: str) -> None:
    """Give the indicator ID on to members, in the name of feeds.identity.

    With feeds.publish_by_two it waits until a second person publishes it as well; the exit status is 1 then.
    """
    settings, now = load(config), datetime.now(UTC)
    engine = open_database(settings.of(Database))
    if withdraw:
        print("withdrawn" if revoke(engine, id, now) else "was withdrawn before")
        return
    ours = settings.of(FeedsSettings)
    wish = Wish(_indicator(settings, engine, id, source), tlp, by or person(), ours.identity)
    if ours.publish_by_two and not consented(engine, wish, now):
        print(f"{id} waits for a second person: sekisho feeds publish --tlp {tlp} {id}")
        sys.exit(1)
    print("published" if publish_indicator(engine, wish, now) else "this version is published already")


@click.command("hash-secret")
@click.argument("name")
def hash_command(name: str) -> None:
    """Make a secret for the member NAME: its hash for feeds.members, and the token that the member is given."""
    secret = secrets.token_urlsafe(32)
    print(f'feeds.members: {{ name = "{name}", secret = "{hashed(secret)}", tlp = "green" }}')
    print(f"password:      {secret}")
    print(f"bearer token:  {token_of(name, secret)}")


@click.command("serve")
@config_option
def serve_command(config: Path | None) -> None:
    """Serve what is published to the members over TAXII 2.1, and take their sightings, until it is ended."""
    settings = load(config)
    events = operator_events(settings.of(Log).level)
    server = _server(settings, open_database(settings.of(Database)), events)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    events.info("taxii-serving", address=settings.of(FeedsSettings).listen)
    ended.wait()
    server.shutdown()
    server.server_close()


@click.command("sightings")
@config_option
@json_option
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="At most so many.")
def sightings_command(config: Path | None, as_json: bool, limit: int) -> None:
    """List the sightings that members sent, the newest first."""
    rows = received(open_database(load(config).of(Database)), limit)
    if as_json:
        print(json.dumps(msgspec.to_builtins(rows), ensure_ascii=False, indent=2))
        return
    for row in rows:
        what = "false positive" if row["false_positive"] else f"{row['count']} seen"
        print(
            f"{local_time(row['at'])}  {column(row['member'], 16)} {column(what, 15)} {visible(row['indicator'], 60)}"
        )


def _indicator(settings: Settings, engine: Engine, id: str, source: str) -> Indicator:
    """The statement, under the strictest marking that any source of the id gives it."""
    packed = [one for one in read_packs(settings.of(RulesSettings).packs) if one.id == id]
    every = [*packed, *table.stored(engine, id=id)]
    found = [one for one in every if source in ("", one.source)]
    if not found:
        raise FeedError(f"no indicator {visible(id)} in the database or the packs in use")
    if len(found) > 1:
        raise FeedError(f"{id}: is of {', '.join(one.source for one in found)}; say --source")
    return msgspec.structs.replace(found[0], tlp=strictest((one.tlp for one in every), found[0].tlp))


def _server(settings: Settings, engine: Engine, events: Events) -> TaxiiServer:
    ours = settings.of(FeedsSettings)
    if not ours.identity:
        raise SekishoError('feeds.identity: say who publishes, such as "Example City CSIRT"')

    def accept(member: str, sighting: Mapping[str, Any]) -> None:
        take(engine, member, sighting, bool(sighting.get(FALSE_POSITIVE)))
        events.info("sighting", member=member, indicator=sighting["sighting_of_ref"], count=sighting.get("count", 1))

    members = [Member(one.name, one.secret, one.tlp) for one in ours.members]
    site = Site(ours.identity, ours.identity, url=ours.url)
    service = Service(site, PublishedRows(engine), accept, Doorkeeper(members))
    # A PEM file may hold the key as well.
    keyed = Path(ours.certificate_key or ours.certificate)
    tls = server_tls(Path(ours.certificate), keyed) if ours.certificate else None
    host, _, port = ours.listen.rpartition(":")
    try:
        return TaxiiServer(service, events, (host.strip("[]"), int(port)), tls)
    except OSError as error:
        raise SekishoError(f"feeds.listen: {ours.listen}: {error.strerror or error}") from error
