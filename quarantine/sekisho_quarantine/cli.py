"""The analysts' commands on what was kept: `sekisho quarantine …`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.database import reader
from sekisho_core.display import counted, visible
from sekisho_core.errors import SekishoError, StoreError
from sekisho_core.files import write_durably
from sekisho_core.vocabulary import Action
from sekisho_rules.settings import RulesSettings
from sekisho_rules.suspension import suspensions
from sqlalchemy import Connection

from sekisho_quarantine import audit as audit_log
from sekisho_quarantine import show as shown
from sekisho_quarantine.breaker import held_by
from sekisho_quarantine.cli_journal import journal_command
from sekisho_quarantine.cli_open import open_command
from sekisho_quarantine.cli_options import Moment, by_option, reason_option
from sekisho_quarantine.desk import Desk, open_desk, person
from sekisho_quarantine.judgement import Finding, judge
from sekisho_quarantine.records import Filter, find, listed
from sekisho_quarantine.records import load as load_record
from sekisho_quarantine.release import Order, Outcome, Releaser
from sekisho_quarantine.retention import Retention, delete_mail
from sekisho_quarantine.tables import ReleaseState, State, WaitState

_ANY_WIDTH = 100


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def quarantine() -> None:
    """List, show, open, export, judge, release and delete what was kept. An ID may be cut to what is unique of it."""


quarantine.add_command(open_command)
quarantine.add_command(journal_command)


@quarantine.command("list")
@click.option(
    "--state",
    type=click.Choice([state.value for state in State]),
    help="What became of the mail; kept is here, held in the MTA's hold queue.",
)
@click.option(
    "--action",
    type=click.Choice([action.value for action in Action]),
    help="The verdict; hold waits here (--waiting) or in the MTA's hold queue (--state held).",
)
@click.option("--since", type=Moment(), help="Received at or after: ISO time, or 7d, 12h, 30m ago.")
@click.option("--until", type=Moment(), help="Received before.")
@click.option("--sender", default="", help="Text in the envelope's or the header's sender.")
@click.option("--recipient", default="", help="Text in a recipient's address.")
@click.option("--subject", default="", help="Text in the subject, also under the normal form of lures.")
@click.option("--rule", default="", metavar="ID", help="Only what this rule matched.")
@click.option("--waiting", is_flag=True, help="Only what waits here for its password.")
@click.option(
    "--wait",
    type=click.Choice([state.value for state in WaitState if state is not WaitState.WAITING]),
    help="How a wait for its password ended; released-locked went unopened.",
)
@click.option(
    "--release",
    type=click.Choice([state.value for state in ReleaseState]),
    help="How a release of it stands; uncertain may have arrived: a person decides.",
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
@json_option
@config_option
def list_command(config: Path | None, as_json: bool, **wanted: Any) -> None:
    """The newest records. Exit status 1 when none fits."""
    with open_desk(config) as desk, _reading(desk) as connection:
        records = listed(connection, Filter(**wanted))
    if as_json:
        click.echo(shown.as_json(records))
    elif records:
        width = shutil.get_terminal_size((_ANY_WIDTH, 24)).columns
        click.echo("\n".join(shown.table(records, width)))
    else:
        click.echo("nothing found", err=True)
    sys.exit(0 if records else 1)


@quarantine.command("show")
@click.argument("passage", metavar="ID")
@json_option
@config_option
def show_command(passage: str, config: Path | None, as_json: bool) -> None:
    """Everything about one mail. Who looked goes into the audit."""
    with open_desk(config) as desk:
        with desk.engine.begin() as connection:
            record = load_record(connection, find(connection, passage))
            audit_log.append(connection, person(), "shown", record.row.id)
        click.echo(shown.as_json(shown.document(record)) if as_json else "\n".join(shown.page(record)))


@quarantine.command("export")
@click.argument("passage", metavar="ID")
@click.option("--output", default="", metavar="FILE", help='Where to; "-" is standard output.')
@config_option
def export_command(passage: str, output: str, config: Path | None) -> None:
    """The mail's bytes as they came. They are live: open them only where that does no harm."""
    if not output and sys.stdout.isatty():
        raise click.UsageError('a mail\'s bytes could drive this terminal: give --output FILE (or "-" to insist)')
    with open_desk(config) as desk:
        with _reading(desk) as connection:
            record = load_record(connection, find(connection, passage))
        content = desk.bodies.read(record.row.sha256)
        with desk.engine.begin() as connection:
            audit_log.append(connection, person(), "exported", record.row.id, detail=output or "-")
        _write(content, output)


@quarantine.command("judge")
@click.argument("passage", metavar="ID")
@click.option("--confirm", is_flag=True, help="It is what the reasons against it say.")
@click.option("--false-positive", is_flag=True, help="It is harmless; the reasons hit it by mistake.")
@reason_option
@by_option
@config_option
def judge_command(passage: str, confirm: bool, false_positive: bool, why: str, who: str, config: Path | None) -> None:
    """Say what a mail was found to be, in place of what was said before. The sources of its reasons may be told how
    often they were right, never of the mail itself."""
    if confirm == false_positive:
        raise click.UsageError("give either --confirm or --false-positive")
    finding = Finding.CONFIRMED if confirm else Finding.FALSE_POSITIVE
    with open_desk(config) as desk:
        with _reading(desk) as connection:
            record = find(connection, passage)
        judge(desk.engine, record, finding, who, why)
        desk.events.info("judged", passage=record, finding=finding, who=who, why=why)
        click.echo(f"{record} {finding}")


@quarantine.command("release")
@click.argument("passage", nargs=-1, metavar="[ID...]")
@reason_option
@click.option("--rule", default="", metavar="ID", help="Instead of mails: all that is held for this rule alone.")
@click.option("--source", default="", help="With --rule: only the rule of this source.")
@click.option(
    "--since",
    type=Moment(),
    help="With --rule: received at or after; without it, from one breaker_window before the rule was suspended.",
)
@click.option("--to", multiple=True, metavar="RECIPIENT", help="Only to this recipient (repeatable).")
@click.option(
    "--again",
    is_flag=True,
    help="Also where a delivery is uncertain or the MTA lost a held mail: may deliver twice.",
)
@by_option
@config_option
def release_command(
    passage: tuple[str, ...],
    why: str,
    rule: str,
    source: str,
    since: datetime | None,
    to: tuple[str, ...],
    again: bool,
    who: str,
    config: Path | None,
) -> None:
    """Give mail back to its recipients through the MTA, behind the filter, once, with its original bytes."""
    if bool(passage) == bool(rule):
        raise click.UsageError("give the IDs of mails, or --rule with the ID of a rule")
    with open_desk(config) as desk:
        releaser = desk.releaser()
        with _reading(desk) as connection:
            ids = [find(connection, one) for one in passage]
        if rule:
            ids = held_by(desk.engine, rule, since or _suspended_since(desk, rule, source), source)
            click.echo(counted(len(ids), "mail") + " held for this rule alone", err=True)
        unsent = [line for one in ids for line in _released(releaser, Order(one, who, why, to or None, again))]
    if unsent:
        raise StoreError(unsent[0] if len(unsent) == 1 else f"{len(unsent)} not released; first: {unsent[0]}")


@quarantine.command("delete")
@click.argument("passage", nargs=-1, required=True, metavar="ID...")
@reason_option
@by_option
@config_option
def delete_command(passage: tuple[str, ...], why: str, who: str, config: Path | None) -> None:
    """Delete kept bodies. Records and audit stay until retention takes them."""
    with open_desk(config) as desk:
        with _reading(desk) as connection:
            records = [load_record(connection, find(connection, one)).row for one in passage]
        for row in records:
            taken = delete_mail(desk.engine, desk.bodies, row.id, who, why)
            if taken:
                desk.events.info("wait", passage=row.id, outcome=WaitState.TAKEN_OVER, recipients=taken)
            desk.events.info("deleted", passage=row.id, queue=row.queue_id, who=who, why=why)
            click.echo(f"{row.id} deleted")
            if row.state == State.HELD:
                click.echo(f"{row.id} is still in the MTA's hold queue: postsuper -d {visible(row.queue_id)} hold")


@quarantine.command("audit")
@click.argument("passage", required=False, metavar="[ID]")
@click.option("--verify", is_flag=True, help="Check the chain; exit status 1 when it was tampered with.")
@json_option
@config_option
def audit_command(passage: str | None, verify: bool, as_json: bool, config: Path | None) -> None:
    """Who did what, when and why; all of it, or what concerns one mail."""
    with open_desk(config) as desk, _reading(desk) as connection:
        if verify:
            _verify(connection, as_json)
        subject = find(connection, passage) if passage else None
        entries = list(audit_log.entries(connection, subject))
    if as_json:
        click.echo(shown.as_json([asdict(entry) for entry in entries]))
    else:
        click.echo("\n".join(shown.entry_line(entry) for entry in entries))


@quarantine.command("maintain")
@json_option
@config_option
def maintain_command(as_json: bool, config: Path | None) -> None:
    """Retry waiting releases, then take away what is too old or too much. Run it from a timer."""
    with open_desk(config) as desk:
        outcomes = desk.releaser().retry_pending()
        summary = Retention(desk.engine, desk.bodies, desk.settings, desk.events).run()
    counts = asdict(summary) | {"releases_sent": sum(one.state is ReleaseState.SENT for one in outcomes)}
    counts["releases_waiting"] = sum(one.state is ReleaseState.PENDING for one in outcomes)
    click.echo(shown.as_json(counts) if as_json else " ".join(f"{name}={count}" for name, count in counts.items()))


def _suspended_since(desk: Desk, rule: str, source: str) -> datetime:
    """The beginning of the window in which a rule was seen to stop too much."""
    known = suspensions(Path(desk.all_settings.of(RulesSettings).index))
    times = [one.at for one in known if one.id == rule and source in ("", one.source)]
    if not times:
        raise click.UsageError(f"{visible(rule)} was not suspended: say with --since from when its mail is wanted")
    return min(times) - timedelta(minutes=desk.settings.breaker_window)


@contextmanager
def _reading(desk: Desk) -> Iterator[Connection]:
    with reader(desk.engine).connect() as connection:
        yield connection


def _released(releaser: Releaser, order: Order) -> list[str]:
    """Carry out one order; prints what was released and returns a line for each recipient that was not."""
    try:
        outcomes = releaser.release(order)
    except SekishoError as error:
        return [str(error)]
    for outcome in (one for one in outcomes if one.state is ReleaseState.SENT):
        click.echo(visible(f"{outcome.passage_id} released to {outcome.address}: {outcome.reply}", 500))
    return [_unsent(outcome) for outcome in outcomes if outcome.state is not ReleaseState.SENT]


def _unsent(outcome: Outcome) -> str:
    advice = {
        ReleaseState.PENDING: "not released, will be tried again by maintain or this command",
        ReleaseState.SENDING: "is being sent by another process",
        ReleaseState.FAILED: "refused",
        ReleaseState.UNCERTAIN: "may have been delivered; look in the MTA's log and the mailbox before --again",
    }[outcome.state]
    return f"{outcome.passage_id} to {outcome.address}: {advice}: {outcome.reply}"


def _write(content: bytes, output: str) -> None:
    if output in ("", "-"):
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        write_durably(Path(output), [content], mode=0o600)


def _verify(connection: Connection, as_json: bool) -> None:
    """Print what is wrong with the chain and end with status 0 or 1."""
    faults = list(audit_log.faults(connection))
    number, seal = audit_log.head(connection)
    if as_json:
        click.echo(shown.as_json({"faults": faults, "number": number, "hash": seal}))
    else:
        for fault in faults:
            click.echo(fault, err=True)
        click.echo(f"{len(faults)} faults; newest entry {number} {seal}")
    sys.exit(1 if faults else 0)
