"""Options that commands of several rooms share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sekisho_core.passwords import LONGEST, MOST, NONE, Passwords

_MOST_BYTES = 1 << 16
Command = TypeVar("Command", bound=Callable[..., Any])

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="SEKISHO_CONFIG",
    help="Settings file (default: /etc/sekisho/sekisho.toml if it exists, else the built-in defaults).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


def _typed(context: click.Context, parameter: click.Parameter, value: str | None) -> Passwords:
    """The lines of a file, of standard input for "-", or what is typed where that is a terminal."""
    if value is None:
        return NONE
    if value == "-" and sys.stdin.isatty():
        lines = [str(click.prompt("Password", hide_input=True, err=True))]
    else:
        lines = _lines(value, context, parameter)
    found = Passwords.of(lines)
    if not found or len(set(lines)) > len(found.words):
        raise click.BadParameter(f"one password a line, at most {MOST} of {LONGEST} characters", context, parameter)
    return found


def _lines(name: str, context: click.Context, parameter: click.Parameter) -> list[str]:
    try:
        with click.open_file(name, "rb") as file:
            text = file.read(_MOST_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        raise click.BadParameter(f"{name}: {error.strerror}", context, parameter) from error
    except UnicodeDecodeError:
        raise click.BadParameter(f"{name}: not UTF-8", context, parameter) from None
    return [line for line in text.splitlines() if line]


def password_option(default: str | None = None) -> Callable[[Command], Command]:
    """`--password-file`, as `typed`: never a value on the command line, which every process list shows."""
    return click.option(
        "--password-file",
        "typed",
        metavar="FILE",
        default=default,
        callback=_typed,
        help='Passwords to try first, one a line; "-" asks for one, or reads standard input.',
    )
