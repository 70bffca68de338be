"""The operator's commands on indicators: `sekisho rules import | list | show | remove | compile | packs | test`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import click
import msgspec
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.database import open_database
from sekisho_core.display import column, counted, defanged, visible
from sekisho_core.settings import Database, Settings, load
from sqlalchemy import Engine

from sekisho_rules import table
from sekisho_rules.cli_compile import compile_index, reasons
from sekisho_rules.cli_trial import test_command
from sekisho_rules.compile import CompileReport, is_refusal
from sekisho_rules.indicator import DEFAULT_CONFIDENCE, Indicator, Refusal, refusal_of
from sekisho_rules.indicator_files import SUFFIXES, IndicatorFileError, Provenance, indicator_files, read_indicators
from sekisho_rules.packs import pack_names, read_packs
from sekisho_rules.progress import Bar
from sekisho_rules.settings import RulesSettings
from sekisho_rules.tlp import TLPS

_MOST_SHOWN = 20


@click.group("rules")
def rules() -> None:
    """Indicators, packs and the index."""


@rules.command("import")
@config_option
@click.option("--source", default="", help="Who says so (default: the file's name).")
@click.option("--tlp", type=click.Choice(TLPS), default="amber", show_default=True, help="For unmarked indicators.")
@click.option(
    "--confidence",
    type=click.IntRange(0, 100),
    default=DEFAULT_CONFIDENCE,
    show_default=True,
    help="For indicators that state none.",
)
@json_option
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
def import_command(
    config: Path | None, source: str, tlp: str, confidence: int, as_json: bool, paths: tuple[Path, ...]
) -> None:
    """Read STIX bundles, YARA files or folders of them into the database; `compile` puts them in force.

    YARA is compiled and tried in a worker, as `compile` does. Exit status 1 when some indicator was refused; what was
    imported of it before stays. Those that are kept but can have no effect (a pattern that cannot be read, for one) are
    named with the reason.
    """
    settings = load(config)
    provenance = Provenance(source, tlp, confidence)
    refusals: list[Refusal] = []
    idle: list[Refusal] = []
    if not any(map(indicator_files, paths)):
        raise IndicatorFileError(f"no file in {', '.join(map(str, paths))} ends in {', '.join(SUFFIXES)}")
    found = read_indicators(paths, provenance, refusals)
    bar = Bar(len(found))
    proven = list(reasons(found, settings, bar))
    accepted = list(_accepted(zip(found, proven, strict=True), refusals, idle))
    done = table.store(_engine(settings), accepted, datetime.now(UTC))
    bar.clear()
    if as_json:
        told = {"refused": msgspec.to_builtins(refusals), "without_effect": msgspec.to_builtins(idle)}
        _print_json(msgspec.to_builtins(done) | told)
    else:
        counts = f"{done.added} added, {done.updated} updated, {done.unchanged} unchanged, {len(refusals)} refused"
        print(f"{counts}, {len(idle)} without effect")
        _print_refusals(refusals + idle)
    sys.exit(1 if refusals else 0)


rules.add_command(test_command)


@rules.command("list")
@config_option
@click.option("--source", default="", help="Only of this source.")
@click.option("--type", "kind", default="", help="Only of this pattern type (stix, yara).")
@click.option("--text", default="", help="Only those whose pattern contains this.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many.")
@json_option
def list_command(config: Path | None, source: str, kind: str, text: str, limit: int, as_json: bool) -> None:
    """List the indicators of the packs in use and of the database."""
    settings = load(config)
    packed = (
        one
        for one in read_packs(settings.of(RulesSettings).packs)
        if source in ("", one.source) and kind in ("", one.pattern_type) and text in one.pattern
    )
    found = chain(packed, table.stored(_engine(settings), source=source, kind=kind, text=text))
    chosen = [indicator for indicator, _ in zip(found, range(limit), strict=False)]
    if as_json:
        _print_json([msgspec.to_builtins(indicator) for indicator in chosen])
        return
    for one in chosen:
        state = "revoked" if one.revoked else one.state
        # Of YARA the first line says little.
        shown = one.file if one.pattern_type == "yara" and one.file else defanged(one.pattern.partition("\n")[0])
        print(
            column(one.id, 47),
            column(one.source, 16),
            column(one.tlp, 12),
            column(state, 8),
            column(shown, 70),
        )


@rules.command("show")
@config_option
@json_option
@click.argument("id", metavar="ID")
def show_command(config: Path | None, as_json: bool, id: str) -> None:
    """Show all that is known of an indicator, from every source and pack in use. Exit status 1 when there is none."""
    settings = load(config)
    packed = [one for one in read_packs(settings.of(RulesSettings).packs) if one.id == id]
    rows = [msgspec.structs.asdict(one) for one in packed] + table.details(_engine(settings), id)
    if not rows:
        print(f"no indicator {visible(id)} in the database or the packs in use", file=sys.stderr)
    if as_json:
        _print_json([{key: _plain(value) for key, value in row.items()} for row in rows])
    else:
        for row in rows:
            print("\n".join(_lines(key, value) for key, value in row.items()), "\n")
    sys.exit(0 if rows else 1)


@rules.command("remove")
@config_option
@click.option("--source", default="", help="Only this source's statement.")
@click.argument("id", metavar="ID")
def remove_command(config: Path | None, source: str, id: str) -> None:
    """Delete an indicator from the database; `compile` takes it out of force. Exit status 1 when there is none."""
    count = table.remove(_engine(load(config)), id, source, datetime.now(UTC))
    print(f"{count} removed")
    sys.exit(0 if count else 1)


@rules.command("compile")
@config_option
@json_option
def compile_command(config: Path | None, as_json: bool) -> None:
    """Build the index from the database and the packs and put it in force; running filters take it up by themselves.

    Exit status 1 when some indicator was refused; all others are in force. Those that can have no effect are named with
    the reason.
    """
    settings = load(config)
    report = compile_index(settings, _engine(settings))
    _print_report(report, as_json)
    sys.exit(1 if report.refused else 0)


@rules.command("packs")
@config_option
@json_option
def packs_command(config: Path | None, as_json: bool) -> None:
    """List the bundled packs, and which are in use."""
    used = load(config).of(RulesSettings).packs
    found = [{"name": name, "indicators": len(read_packs([name])), "used": name in used} for name in pack_names()]
    if as_json:
        _print_json(found)
        return
    for pack in found:
        print(column(str(pack["name"]), 20), f"{pack['indicators']:>5}", "in use" if pack["used"] else "")


def _accepted(
    found: Iterable[tuple[Indicator, str]], refusals: list[Refusal], idle: list[Refusal]
) -> Iterator[tuple[Indicator, str]]:
    """The indicators to keep, each with the reason why it has no effect; refused ones go to `refusals`, those without
    effect to `idle` as well."""
    for indicator, reason in found:
        if reason and not indicator.revoked:
            refused = is_refusal(reason)
            (refusals if refused else idle).append(refusal_of(indicator, reason))
            if refused:
                continue
        yield indicator, reason


def _print_report(report: CompileReport, as_json: bool) -> None:
    if as_json:
        _print_json(msgspec.to_builtins(report))
        return
    counts = dict(report.counts)
    used = f"{counted(counts.pop('indicators'), 'STIX indicator')}, {counted(counts.pop('yara'), 'YARA indicator')}"
    others = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    print(f"index {report.serial} is in force: {used}, {others}")
    _print_refusals(report.refused + report.without_effect)


def _print_refusals(refusals: list[Refusal]) -> None:
    for refusal in refusals[:_MOST_SHOWN]:
        print(f"  {visible(str(refusal), 1000)}", file=sys.stderr)
    if len(refusals) > _MOST_SHOWN:
        print(f"  and {len(refusals) - _MOST_SHOWN} more (--json lists all)", file=sys.stderr)


def _engine(settings: Settings) -> Engine:
    return open_database(settings.of(Database))


def _lines(key: str, value: Any) -> str:
    """A value beside its key; its further lines are set in, so that none looks like a key."""
    first, *others = (visible(line, 4000) for line in str(_plain(value)).splitlines() or [""])
    return "\n".join([f"{key + ':':<14}{first}", *(f"{'':<14}{line}" for line in others)])


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))
