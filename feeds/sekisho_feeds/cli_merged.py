"""`sekisho feeds merged`: what all feeds say of one thing, in one place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click
import msgspec
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.database import open_database
from sekisho_core.display import column, defanged, visible
from sekisho_core.settings import Database, load

from sekisho_feeds.merged import Meaning, merged


@click.command("merged")
@config_option
@json_option
@click.option("--text", default="", help="Only those of which a pattern contains this.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many.")
def merged_command(config: Path | None, as_json: bool, text: str, limit: int) -> None:
    """List what the database knows, one row for each meaning, with what each source says of it."""
    found = list(islice(merged(open_database(load(config).of(Database)), text, datetime.now(UTC)), limit))
    if as_json:
        print(json.dumps(msgspec.to_builtins(found), ensure_ascii=False, indent=2))
        return
    for one in found:
        print("\n".join(_lines(one)))


def _lines(one: Meaning) -> list[str]:
    head = f"{column(one.state, 8)} {one.confidence:>3} {column(one.tlp, 12)} {visible(one.type, 40)}"
    lines = [f"{head} {visible(defanged(one.value.partition(chr(10))[0]), 100)}"]
    for said in one.statements:
        why = f": {visible(said.reason, 200)}" if said.reason else ""
        lines.append(f"    {column(said.source, 20)} {column(said.state, 8)} {said.confidence:>3} {said.id}{why}")
    return lines
