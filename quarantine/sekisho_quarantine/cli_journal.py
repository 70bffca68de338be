"""The analysts' look at the journal of recent mail: `sekisho quarantine journal`."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.display import counted, local_time, visible
from sekisho_core.errors import StoreError
from sekisho_core.settings import load

from sekisho_quarantine import show as shown
from sekisho_quarantine.cli_options import Moment
from sekisho_quarantine.journal import Entry, entries
from sekisho_quarantine.journal_files import Damage
from sekisho_quarantine.settings import QuarantineSettings

_MOST_RULES = 5


@click.command("journal")
@click.option("--since", type=Moment(), help="Received at or after: ISO time, or 7d, 12h, 30m ago.")
@click.option("--until", type=Moment(), help="Received before.")
@click.option("--rule", default="", metavar="ID", help="Only what this rule matched.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
@json_option
@config_option
def journal_command(
    since: datetime | None, until: datetime | None, rule: str, limit: int, as_json: bool, config: Path | None
) -> None:
    """Inbound mail of the last weeks, also what was accepted; the newest is last. Exit status 1 when none fits."""
    directory = load(config).of(QuarantineSettings).journal
    if not directory:
        raise StoreError('quarantine.journal: "", no journal is kept')
    damage = Damage()
    try:
        found = deque(_fitting(entries(Path(directory), since, until, damage), rule), maxlen=limit)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror}") from error
    if as_json:
        click.echo(shown.as_json([_document(entry) for entry in found]))
    for entry in () if as_json else found:
        click.echo(_line(entry))
    if damage.places or damage.files:
        click.echo(f"passed over: {counted(damage.places, 'damaged place')}, {counted(damage.files, 'file')}", err=True)
    if not found:
        click.echo("nothing found", err=True)
    sys.exit(0 if found else 1)


def _fitting(found: Iterator[Entry], rule: str) -> Iterator[Entry]:
    return (entry for entry in found if not rule or any(one.rule == rule for one in entry.rules))


def _line(entry: Entry) -> str:
    received = local_time(datetime.fromtimestamp(entry.received, UTC))
    rules = [visible(one.rule, 60) for one in entry.rules]
    more = [f"and {len(rules) - _MOST_RULES} more"] if len(rules) > _MOST_RULES else []
    named = f"  [{', '.join([*rules[:_MOST_RULES], *more])}]" if rules else ""
    sender = visible(entry.mail_from or "<>", 60)
    return f"{received}  {entry.id}  {entry.action:<10}  {sender}  {visible(entry.subject, 80)}{named}"


def _document(entry: Entry) -> dict[str, Any]:
    """An entry by the names of its fields."""
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__}
    return fields | {
        "received": datetime.fromtimestamp(entry.received, UTC),
        "facts": [fact._asdict() for fact in entry.facts],
        "rules": [{name: getattr(one, name) for name in one.__struct_fields__} for one in entry.rules],
    }
