"""Options that commands of several rooms share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sekisho_core.errors import SekishoError
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


def password_option(default: str | None = None) -> Callable[[Command], Command]:
    """`--password-file`, for `read_passwords`: never a value on the command line, which every process list shows."""
    return click.option(
        "--password-file",
        metavar="FILE",
        default=default,
        help='Passwords to try first, one a line; "-" asks for one, or reads standard input.',
    )


def read_passwords(name: str | None) -> Passwords:
    """The lines of the file `name`; for "-" those of standard input, or what is typed where that is a terminal.

    Raises SekishoError naming the file and what is wrong with it, with nothing of its content.
    """
    if name is None:
        return NONE
    if name == "-" and sys.stdin.isatty():
        return _usable([_typed()], "the password")
    return _usable(_lines(name), "standard input" if name == "-" else name)


def _typed() -> str:
    try:
        return str(click.prompt("Password", hide_input=True, err=True))
    except click.Abort as error:
        raise SekishoError("interrupted") from error


def _lines(name: str) -> list[str]:
    shown = "standard input" if name == "-" else name
    try:
        with click.open_file(name, "rb") as file:
            content: bytes = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SekishoError(f"{shown}: cannot read the passwords: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise SekishoError(f"{shown}: more than {_MOST_BYTES} bytes, which is no file of passwords")
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise SekishoError(f"{shown}: the passwords are not UTF-8") from None


def _usable(lines: list[str], shown: str) -> Passwords:
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST:
            place = f"line {number}: " if len(lines) > 1 else ""
            raise SekishoError(f"{shown}: {place}a password has at most {LONGEST} characters, this one {len(line)}")
    words = set(filter(None, lines))
    if not words:
        raise SekishoError(f"{shown}: no password in it; one a line is wanted")
    if len(words) > MOST:
        raise SekishoError(f"{shown}: {len(words)} passwords, and at most {MOST} are tried")
    return Passwords.of(lines)
