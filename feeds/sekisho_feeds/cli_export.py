"""`sekisho feeds export`: call-home addresses in the forms of those who block connections."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import click
import msgspec
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.database import open_database
from sekisho_core.display import visible
from sekisho_core.settings import Database, Organisation, Settings, load
from sekisho_rules import table
from sekisho_rules.guard import Protected
from sekisho_rules.indicator import Indicator, Refusal, effective_state
from sekisho_rules.packs import read_packs
from sekisho_rules.settings import RulesSettings

from sekisho_feeds.export_directory import MOST_LOST, Published, checked_by, published_files, write_exports
from sekisho_feeds.export_items import CONNECTIONS, Audience, Choice, Export, IsWarned, Options, items
from sekisho_feeds.export_values import Kind
from sekisho_feeds.exporters import consumers_check, exporters
from sekisho_feeds.settings import FeedsSettings
from sekisho_feeds.warninglist import Kind as ListedKind
from sekisho_feeds.warninglist import Warninglists
from sekisho_feeds.wiring import warninglists

_MOST_SHOWN = 10
_LISTED: dict[str, ListedKind] = {
    "domain": "domain", "url": "url", "ip": "ip", "network": "ip", "email": "email",
    "md5": "hash", "sha1": "hash", "sha256": "hash",
}  # fmt: skip
_KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}


@click.command("export")
@config_option
@json_option
@click.option("--format", "format", type=click.Choice(sorted(exporters)), required=True, help="For whom.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(sorted(_KINDS)), help="Only such values (repeatable)."
)
@click.option(
    "--audience", type=click.Choice(get_args(Audience)), default="community", show_default=True, help="Who reads it."
)
@click.option("--min-confidence", type=click.IntRange(0, 100), default=50, show_default=True)
@click.option("--source", "sources", multiple=True, help="Only of this feed (repeatable).")
@click.option("--senders", is_flag=True, help="Also hosts that mail came from.")
@click.option("--origin", default="rpz.invalid", show_default=True, help="Of an RPZ: the zone's name.")
@click.option("--policy", default="nxdomain", show_default=True, help="Of an RPZ: its answer, or a sinkhole.")
@click.option("--check", "command", default="", help="A command that must accept the new files ({}: their folder).")
@click.option("--accept-loss", is_flag=True, help=f"Also where more than {MOST_LOST} % of the entries go.")
@click.argument("directory", type=click.Path(path_type=Path))
def export_command(
    config: Path | None,
    as_json: bool,
    format: str,
    kinds: tuple[str, ...],
    audience: Audience,
    min_confidence: int,
    sources: tuple[str, ...],
    senders: bool,
    origin: str,
    policy: str,
    command: str,
    accept_loss: bool,
    directory: Path,
) -> None:
    """Write what is in force into DIRECTORY, for programs that block connections or members that take feeds.

    Only what its TLP and PAP let this audience have, and nothing that a warning list knows. Files are replaced one by
    one; doubtful ones are not: the last good ones stay, and the exit status is 1.
    """
    settings, now = load(config), datetime.now(UTC)
    choice = Choice(
        now=now,
        kinds=frozenset(_KINDS[kind] for kind in kinds) or CONNECTIONS,
        audience=audience,
        passive=exporters[format].passive,
        min_confidence=min_confidence,
        senders=senders,
        protected=Protected.of(settings.of(Organisation)),
    )
    left_out: list[Refusal] = []
    chosen = list(items(_in_force(settings, sources, now), choice, _warned_by(warninglists(settings)), left_out))
    options = _options(settings, directory.absolute(), origin, policy, now)
    export = exporters[format].write(chosen, options)
    check = checked_by(*command.split()) if command else consumers_check(format, options)
    done = write_exports(directory, export, most_lost=100 if accept_loss else MOST_LOST, check=check)
    _print(export, done, left_out, as_json)
    sys.exit(1 if done.refused else 0)


def _in_force(settings: Settings, sources: tuple[str, ...], now: datetime) -> list[Indicator]:
    engine = open_database(settings.of(Database))
    found = [*read_packs(settings.of(RulesSettings).packs), *table.stored(engine, active=True)]
    chosen = (one for one in found if not sources or one.source in sources)
    return [msgspec.structs.replace(one, state=effective_state(one, now)) for one in chosen]


def _options(settings: Settings, directory: Path, origin: str, policy: str, now: datetime) -> Options:
    return Options(
        now=now,
        producer=settings.of(FeedsSettings).identity or "sekisho",
        origin=origin,
        policy=policy,
        directory=str(directory),
        previous=published_files(directory) if directory.is_dir() else {},
    )


def _warned_by(lists: Warninglists) -> IsWarned:
    return lambda kind, value: bool(lists.hits(_LISTED[kind], value))


def _print(export: Export, done: Published, left_out: list[Refusal], as_json: bool) -> None:
    reasons = [*export.left_out, *map(str, left_out)]
    if as_json:
        told = msgspec.to_builtins(done) | {"entries": export.entries, "left_out": reasons}
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    if done.refused:
        print(f"not published: {visible(done.refused, 1000)}", file=sys.stderr)
    else:
        files = f"{len(done.written)} written, {len(done.unchanged)} unchanged, {len(done.removed)} removed"
        print(f"entries: {export.entries}; files: {files}")
    for reason in reasons[:_MOST_SHOWN]:
        print(f"  left out: {visible(reason, 300)}", file=sys.stderr)
    if len(reasons) > _MOST_SHOWN:
        print(f"  and {len(reasons) - _MOST_SHOWN} more (--json lists all)", file=sys.stderr)
