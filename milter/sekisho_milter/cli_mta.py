"""The verbs `check` and `setup`: what the MTA's configuration says, and what it should say."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.display import visible
from sekisho_core.settings import Settings, load
from sekisho_inspection.settings import InspectionSettings
from sekisho_quarantine.settings import QuarantineSettings

from sekisho_milter import mta_lines
from sekisho_milter.check_own import check_own
from sekisho_milter.check_postfix import check_postfix
from sekisho_milter.check_sendmail import check_sendmail
from sekisho_milter.check_socket import check_socket
from sekisho_milter.doctor import Check, DoctorError, Level, Needs
from sekisho_milter.postconf import read_postfix
from sekisho_milter.sendmailcf import read_sendmail
from sekisho_milter.settings import MilterSettings

_POSTFIX = Path("/etc/postfix")
_SENDMAIL = Path("/etc/mail/sendmail.cf")
_postfix_option = click.option(
    "--postfix-config", type=click.Path(path_type=Path), help="Postfix's configuration directory."
)
_sendmail_option = click.option("--sendmail-cf", type=click.Path(path_type=Path), help="Sendmail's configuration file.")
_apply_option = click.option("--apply", "write", is_flag=True, help="Write the lines, after a backup of each file.")


@click.command()
@_postfix_option
@_sendmail_option
@json_option
@config_option
def check(config: Path | None, postfix_config: Path | None, sendmail_cf: Path | None, as_json: bool) -> None:
    """Read the MTA's live configuration and name what would let mail pass unscanned.

    Without a path, Postfix and Sendmail are looked for where they usually are. Exit status: 0 nothing refused (warnings
    may be), 1 something is refused, 2 the configuration cannot be read.
    """
    settings = load(config)
    found = _check_mta(needs_of(settings), postfix_config, sendmail_cf) + check_own(settings)
    click.echo(msgspec.json.encode(found).decode() if as_json else "\n".join(map(_shown, found)))
    sys.exit(1 if any(one.level is Level.REFUSE for one in found) else 0)


@click.group()
def setup() -> None:
    """Print the lines that put sekisho before an MTA; with --apply, write them. Never restarts the MTA."""


@setup.command("postfix")
@_postfix_option
@_apply_option
@config_option
def setup_postfix(config: Path | None, postfix_config: Path | None, write: bool) -> None:
    """Lines of main.cf and master.cf, with the listener where released mail re-enters."""
    lines = mta_lines.postfix_lines(read_postfix(postfix_config), needs_of(load(config)))
    _print_or_apply(lines, write)


@setup.command("sendmail")
@_sendmail_option
@_apply_option
@config_option
def setup_sendmail(config: Path | None, sendmail_cf: Path | None, write: bool) -> None:
    """Lines of sendmail.mc and sendmail.cf; --apply writes the latter, which sendmail.mc overwrites when it is made."""
    needs = needs_of(load(config))
    if write:
        _print_or_apply(mta_lines.sendmail_changes(read_sendmail(sendmail_cf or _SENDMAIL), needs), write)
    else:
        _print_or_apply(mta_lines.sendmail_lines(needs), write)


def needs_of(settings: Settings) -> Needs:
    """What the MTA must agree with, from our settings."""
    milter, quarantine = settings.of(MilterSettings), settings.of(QuarantineSettings)
    return Needs(
        milter.socket,
        milter.progress,
        milter.content_limit,
        settings.of(InspectionSettings).max_mail_bytes,
        quarantine.release_host,
        quarantine.release_port,
    )


def _check_mta(needs: Needs, postfix_config: Path | None, sendmail_cf: Path | None) -> list[Check]:
    if postfix_config is None and sendmail_cf is None:
        postfix_config = _POSTFIX if (_POSTFIX / "main.cf").exists() else None
        sendmail_cf = _SENDMAIL if _SENDMAIL.exists() else None
    if postfix_config is None and sendmail_cf is None:
        raise DoctorError(f"no MTA here: neither {_POSTFIX}/main.cf nor {_SENDMAIL}; name one by option")
    found: list[Check] = []
    if postfix_config:
        postfix = read_postfix(postfix_config)
        found += check_postfix(postfix, needs) + check_socket(needs, postfix.main.get("mail_owner", "postfix"))
    if sendmail_cf:
        sendmail = read_sendmail(sendmail_cf)
        found += check_sendmail(sendmail, needs) + check_socket(needs, sendmail.run_as)
    return found


def _print_or_apply(lines: mta_lines.MtaLines, write: bool) -> None:
    if not write:
        click.echo(lines.shown)
        return
    written = mta_lines.apply(lines)
    for path in written:
        click.echo(f"written: {path}, its old text is beside it")
    click.echo(f"now: {lines.reload}" if written else "nothing to change")


def _shown(one: Check) -> str:
    line = f"{one.level:<6} {one.code:<20} {visible(one.key)} = {visible(one.value)}"
    return f"{line}\n         {visible(one.remedy, 400)}" if one.remedy else line
