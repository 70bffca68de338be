"""`sekisho feeds diff` and `sekisho feeds rollback`: what changed between two indexes, and the way back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.database import open_database
from sekisho_core.display import column, defanged, local_time, visible
from sekisho_core.errors import SekishoError
from sekisho_core.settings import Database, Settings, load
from sekisho_rules import history
from sekisho_rules.cli_compile import compile_index
from sekisho_rules.settings import RulesSettings
from sekisho_rules.snapshot import SnapshotStore
from sqlalchemy import Engine

from sekisho_feeds import feed_table
from sekisho_feeds.feed import Standing

_MOST_REVISIONS = 50


@click.command("diff")
@config_option
@json_option
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="At most so many each way.")
@click.argument("older", type=int, required=False)
@click.argument("newer", type=int, required=False)
def diff_command(config: Path | None, as_json: bool, limit: int, older: int | None, newer: int | None) -> None:
    """What the index of serial NEWER (default: as stored now) has that OLDER has not, and the other way round.

    Without serials it lists the changes and the serials that held them.
    """
    settings = load(config)
    engine = open_database(settings.of(Database))
    if older is None:
        _print_revisions(engine, as_json)
        return
    for serial in filter(None, (older, newer)):
        _require_serial(settings, serial)
    last = history.newest(engine) if newer is None else history.at_serial(engine, newer)
    came, went = history.changes(engine, history.at_serial(engine, older), last, limit)
    if as_json:
        print(json.dumps({"added": came, "removed": went}, ensure_ascii=False, indent=2))
        return
    for sign, rows in (("+", came), ("-", went)):
        for row in rows:
            print(sign, column(row["source"], 16), column(row["id"], 47), _shown(row))


@click.command("rollback")
@config_option
@json_option
@click.argument("serial", type=int)
def rollback_command(config: Path | None, as_json: bool, serial: int) -> None:
    """Make the indicators those of the index SERIAL again, and put them in force as a new index.

    Feeds whose indicators this changes are paused, so that they do not bring back what was taken away; `resume` lets
    them go on.
    """
    settings = load(config)
    engine = open_database(settings.of(Database))
    _require_serial(settings, serial)
    now, why = datetime.now(UTC), f"rolled back to serial {serial}"
    revision = history.at_serial(engine, serial)
    # Paused first: a pull that is at work, or a kill, must not bring back what is taken away.
    paused = _pause(engine, history.sources_since(engine, revision), why)
    done = history.roll_back(engine, revision, why, now)
    report = compile_index(settings, engine)
    if as_json:
        told: dict[str, Any] = msgspec.structs.asdict(done) | {"paused": paused, "index": report.serial}
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    print(f"{done.taken} taken away, {done.restored} brought back; index {report.serial} is in force")
    for name in paused:
        print(f"{name} is paused: sekisho feeds resume {name}")


def _require_serial(settings: Settings, serial: int) -> None:
    current = SnapshotStore(Path(settings.of(RulesSettings).index)).current().serial
    if not 1 <= serial <= current:
        raise SekishoError(f"serial {serial}: the serials are 1 to {current} (sekisho feeds diff)")


def _pause(engine: Engine, sources: tuple[str, ...], why: str) -> list[str]:
    paused = [feed for feed, _ in feed_table.feeds(engine) if feed.name in sources]
    for feed in paused:
        feed_table.change(engine, msgspec.structs.replace(feed, paused=why))
        # Whoever resumes it wants all that it says, not only what is new.
        feed_table.note(engine, feed.name, Standing())
    return [feed.name for feed in paused]


def _print_revisions(engine: Engine, as_json: bool) -> None:
    found = history.revisions(engine, _MOST_REVISIONS)
    if as_json:
        print(json.dumps(msgspec.to_builtins(found), ensure_ascii=False, indent=2))
        return
    for one in found:
        serial = "not compiled" if one.serial is None else f"serial {one.serial}"
        print(f"{local_time(one.at)}  {column(serial, 14)} {visible(one.what, 100)}")


def _shown(row: dict[str, Any]) -> str:
    return ("revoked " if row["revoked"] else "") + visible(defanged(row["pattern"].partition("\n")[0]), 100)
