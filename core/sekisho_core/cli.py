"""The root command: finds verbs and groups by entry point and loads the one that is called."""

from __future__ import annotations

import io
import os
import sys
from importlib.metadata import entry_points
from typing import Any

import click

from sekisho_core.display import visible
from sekisho_core.errors import SekishoError

_GROUP = "sekisho.commands"
_SUMMARIES = {
    "scan": "Judge mail files, folders, mbox and Maildir.",
    "explain": "Show how one mail was read and judged.",
    "rules": "Indicators, packs and the index.",
    "feeds": "Indicators in from feeds, and given on.",
    "inspection": "The sandboxed workers that read mail.",
    "quarantine": "List, show, open, export, release and delete what was kept.",
    "milter": "The filter beside the MTA.",
    "check": "Read the MTA's live configuration and name what would let mail pass unscanned.",
    "setup": "Print or apply the MTA's lines.",
}


class LazyGroup(click.Group):
    """Commands by entry point; a command's module is imported when it is called, not for the list."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({point.name for point in entry_points(group=_GROUP)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for point in entry_points(group=_GROUP, name=cmd_name):
            command = point.load()
            assert isinstance(command, click.Command)
            return command
        return None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Stopped half-way it has no answer: click's status for that would say "no"."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise SekishoError("interrupted") from error
        except BrokenPipeError:
            sys.exit(2)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list without importing any room; a command of another distribution is listed by name."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _SUMMARIES.get(name, "")) for name in self.list_commands(ctx)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sekisho")
def root() -> None:
    """sekisho: stop known targeted mail at the gate.

    Exit status: 0 done, 1 the answer is no (a mail was stopped, a check found a fault), 2 an error.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; an operator's error becomes one line and exit status 2."""
    _print_anything()
    try:
        try:
            root.main(args=arguments, prog_name="sekisho", standalone_mode=True)
        finally:
            # What is still buffered would fail at the interpreter's end, in words and with a status of its own.
            sys.stdout.flush()
    except SekishoError as error:
        print(f"sekisho: {visible(str(error), 1000)}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        # A full disk under a redirected output, a file that somebody took away: no command foresees them all.
        _give_output_up()
        place = f"{error.filename}: " if error.filename else ""
        print(f"sekisho: {visible(f'{place}{error.strerror or error}', 1000)}", file=sys.stderr)
        sys.exit(2)


def _give_output_up() -> None:
    """Send what standard output still holds nowhere, where it cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_anything() -> None:
    """Characters that the terminal's encoding lacks become escapes, not the end of the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
