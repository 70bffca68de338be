"""The verb `explain`: shows a person how one mail was read and judged, on the terminal, as JSON or as a page."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click
from sekisho_core.cli_options import json_option, password_option, read_passwords
from sekisho_core.errors import SekishoError
from sekisho_core.files import write_durably
from sekisho_core.settings import load
from sekisho_core.vocabulary import Action

from sekisho_rules.cli_run import ACCEPTED, NOT_ACCEPTED, passage_of, run_options, stages_of
from sekisho_rules.explain_html import as_page
from sekisho_rules.explain_json import as_json_object
from sekisho_rules.explain_text import Look, as_text
from sekisho_rules.explanation import explain
from sekisho_rules.mail_files import mail_file, read_envelope
from sekisho_rules.policy import Policy

_NARROWEST, _WIDEST, _ELSEWHERE = 80, 120, 100
_TREE_LINES = "├└│─"


@click.command("explain")
@run_options
@password_option()
@json_option
@click.option("--html", default="", metavar="FILE", help='Write a page of its own to FILE; "-" is standard output.')
@click.option(
    "--colour", "--color", type=click.Choice(["auto", "always", "never"]), default="auto",
    help="Colours on the terminal; auto is for terminals, unless NO_COLOR is set.",
)  # fmt: skip
@click.option("--all", "every", is_flag=True, help="On the terminal: header fields too, and long lists whole.")
@click.argument("path", type=click.Path(path_type=Path), metavar="PATH")
def explain_command(
    config: Path | None, indicator_files: tuple[Path, ...], envelope_file: Path | None, password_file: str | None,
    as_json: bool, html: str, colour: str, every: bool, path: Path,
) -> None:  # fmt: skip
    """Show how the mail at PATH was read and judged: a mail file, or one mail of an mbox as BOX#NUMBER.

    The verdict with its reasons, the subject as sent, decoded and normalised, the tree of parts, links as shown and as
    meant, and every fact with its place and what the policy does with it. Nothing is delivered, kept or changed.

    Exit status: 0 the mail is accepted, 1 it is not, 2 an error.
    """
    if as_json and html:
        raise click.UsageError("--json and --html exclude each other")
    settings = load(config)
    found, policy = mail_file(path), Policy.of(settings)
    envelope = read_envelope(envelope_file) if envelope_file else None
    target = _target(html, found.file)
    typed = read_passwords(password_file)
    with stages_of(settings, indicator_files, policy, 1, typed) as stages:
        try:
            passage = passage_of(found, envelope, stages)
        except SekishoError as error:
            raise SekishoError(f"{found.path}: {error}") from error
    explanation = explain(found.path, passage, policy)
    if html:
        _write(as_page(explanation), target)
    else:
        print(as_json_object(explanation) if as_json else as_text(explanation, _look(colour, every)))
    raise click.exceptions.Exit(ACCEPTED if explanation.verdict is Action.ACCEPT else NOT_ACCEPTED)


def _target(html: str, mail: Path) -> Path | None:
    """The file for the page; None for standard output. A page may take an older page's place, not the mail's, and not
    that of a device or a pipe."""
    if html in ("", "-"):
        return None
    target = Path(html)
    if target.exists() and (not target.is_file() or target.samefile(mail)):
        raise SekishoError(f"{target}: cannot write the page: {'the mail itself' if target.is_file() else 'no file'}")
    return target


def _write(page: str, target: Path | None) -> None:
    if target is None:
        sys.stdout.buffer.write(page.encode())
        return
    try:
        write_durably(target, [page.encode()], mode=0o600)
    except OSError as error:
        raise SekishoError(f"{target}: cannot write the page: {error.strerror}") from error


def _look(colour: str, every: bool) -> Look:
    """What this terminal can show: its width, its characters, its colours."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else _ELSEWHERE
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    coloured = colour == "always" or (colour == "auto" and terminal and not plain)
    return Look(min(max(width, _NARROWEST), _WIDEST), coloured, _has_tree_lines(), every)


def _has_tree_lines() -> bool:
    try:
        _TREE_LINES.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True
