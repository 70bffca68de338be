"""The command `sekisho quarantine open`: opens a kept mail with a password that a person knows."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from sekisho_core.cli_options import config_option, json_option, password_option, read_passwords
from sekisho_core.database import reader
from sekisho_core.display import local_time
from sekisho_core.errors import StoreError
from sekisho_core.scan import scan
from sekisho_core.unlock import is_locked
from sekisho_core.vocabulary import Action, Mail, PartState, Passage, Reading

from sekisho_quarantine import audit, waits
from sekisho_quarantine.desk import Desk, open_desk, person
from sekisho_quarantine.records import Record, find, load
from sekisho_quarantine.tables import WaitState


@click.command("open")
@click.argument("passage", metavar="ID")
@password_option(default="-")
@json_option
@config_option
def open_command(passage: str, password_file: str, as_json: bool, config: Path | None) -> None:
    """Open a locked mail with your password, judge it anew and show the result.

    The record takes the result over; nothing is released. A mail that waited for its password waits no more: it is
    yours to release. Exit status: 0 opened and accepted, 1 not opened or not accepted.
    """
    from sekisho_rules.report import as_object, as_text

    with open_desk(config) as desk:
        with reader(desk.engine).connect() as connection:
            record = load(connection, find(connection, passage))
        found = _judged(desk, record, password_file)
        opened = _opens(record.reading, found.reading)
        kept = _note(desk, found, opened)
    said = as_object(found.id, found) | {"opened": opened}
    click.echo(json.dumps(said) if as_json else as_text(found.id, found))
    if not opened:
        locked = is_locked(found.reading)
        click.echo("no password opened it" if locked else "nothing in it is locked", err=True)
    elif found.verdict.action is Action.ACCEPT and kept:
        click.echo(f"it stays here until you release it: sekisho quarantine release {found.id}", err=True)
    sys.exit(0 if opened and found.verdict.action is Action.ACCEPT else 1)


def _judged(desk: Desk, record: Record, password_file: str) -> Passage:
    """The mail on its way through all stages once more, with workers of our own. Passwords are asked for when it is
    known to be there."""
    from sekisho_rules.cli_run import stages_of
    from sekisho_rules.policy import Policy

    settings, row = desk.all_settings, record.row
    if row.body_gone_at:
        raise StoreError(f"{row.id}: its body is gone since {local_time(row.body_gone_at)}: there is nothing to open")
    with desk.bodies.opened(row.sha256, row.size) as content:
        typed = read_passwords(password_file)
        with stages_of(settings, (), Policy.of(settings), 1, typed) as stages:
            return scan(Mail(row.id, record.envelope, content), stages)


def _opens(before: Reading, now: Reading) -> bool:
    """Whether the password opened anything. What the mail's own passwords open was open before."""
    was, found = _open_parts(before), _open_parts(now)
    # A mail that is open already is opened once more by what opened it.
    return bool(found - was) if is_locked(before) else bool(found) and was <= found


def _open_parts(reading: Reading) -> set[tuple[str, str]]:
    return {(part.id, part.sha256) for part in reading.parts if part.state is PartState.OPENED}


def _note(desk: Desk, found: Passage, opened: bool) -> list[str]:
    """Take over what was read in an opened mail, and who opened it; also who tried in vain. Returns the recipients
    whose copies are kept."""
    taken = 0
    with desk.engine.begin() as connection:
        addresses = waits.kept(connection, found.id)
        if opened:
            waits.take_over(connection, found, found.verdict, addresses)
            if not is_locked(found.reading):
                taken = waits.end(connection, found.id, addresses, WaitState.TAKEN_OVER)
        audit.append(connection, person(), "opened" if opened else "not-opened", found.id, detail=found.verdict.action)
    if taken:
        desk.events.info("wait", passage=found.id, outcome=WaitState.TAKEN_OVER, recipients=taken)
    return addresses
