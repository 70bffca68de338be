"""`sekisho rules` with what concerns the quarantine too: the rules that are suspended, and their resumption."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.display import local_time, visible
from sekisho_core.settings import load
from sekisho_rules.cli import rules
from sekisho_rules.settings import RulesSettings
from sekisho_rules.suspension import Suspension, in_effect, resume, suspensions

from sekisho_quarantine import audit
from sekisho_quarantine.cli_options import by_option, reason_option
from sekisho_quarantine.desk import open_desk

__all__ = ["rules"]


@rules.command("suspended")
@json_option
@config_option
def suspended_command(as_json: bool, config: Path | None) -> None:
    """The rules that are out of force while they stand in the index, and why."""
    found = sorted(in_effect(suspensions(_index(config))).values(), key=lambda one: one.at)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    for one in found:
        click.echo(_line(one))
    if not found:
        click.echo("no rule is suspended", err=True)


@rules.command("resume")
@click.argument("rule", metavar="ID")
@click.option("--source", default="", help="Only the rule of this source.")
@reason_option
@by_option
@config_option
def resume_command(rule: str, source: str, why: str, who: str, config: Path | None) -> None:
    """Put a suspended rule in force again, from the next mail on. Exit status 1 when it is not suspended."""
    with open_desk(config) as desk:
        lifted = resume(_index(config), lambda one: one.id == rule and source in ("", one.source), datetime.now(UTC))
        for one in lifted:
            with desk.engine.begin() as connection:
                audit.append(connection, who, "rule-resumed", why=why, detail=f"{one.id} of {one.source}")
            desk.events.info("rule-resumed", rule=one.id, source=one.source, who=who, why=why)
            click.echo(visible(f"{one.id} of {one.source} is in force again", 500))
    if not lifted:
        click.echo(f"sekisho: {visible(rule)}: not suspended", err=True)
        sys.exit(1)


def _index(config: Path | None) -> Path:
    return Path(load(config).of(RulesSettings).index)


def _line(one: Suspension) -> str:
    return f"{local_time(one.at)}  {visible(one.id, 80)}  of {visible(one.source, 60)}  by {one.who}: {one.reason}"
