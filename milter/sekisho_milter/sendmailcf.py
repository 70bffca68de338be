"""A sendmail.cf: its options and its mail filters, as far as they concern us."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from sekisho_milter.doctor import DoctorError

# Sendmail Installation and Operation Guide, section 5.11 (X): C, S, R and E with their defaults in seconds.
DEFAULT_TIMEOUTS = {"C": "5m", "S": "10s", "R": "10s", "E": "5m"}
_FIELD = re.compile(r"\s*([A-Za-z])[A-Za-z]*\s*=\s*([^,]*)")


@dataclass(frozen=True)
class SendmailFilter:
    """One X line: endpoint, F= flags, T= timeouts by letter, defaults filled in."""

    name: str
    socket: str
    flags: str
    timeouts: dict[str, str]


@dataclass(frozen=True)
class SendmailConfiguration:
    """The X lines and the options of one file, by lower-case name (Sendmail minds no case); an option may be given
    several times (DaemonPortOptions)."""

    path: Path
    filters: tuple[SendmailFilter, ...]
    options: dict[str, tuple[str, ...]]

    @property
    def run_as(self) -> str:
        """The account that talks to filters: RunAsUser without its group, else root."""
        return self.option("RunAsUser").partition(":")[0] or "root"

    def option(self, name: str) -> str:
        """The last value of an option, "" if it is not set."""
        return self.all(name)[-1] if self.all(name) else ""

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of an option, in the order given."""
        return self.options.get(name.lower(), ())


def read_sendmail(path: Path) -> SendmailConfiguration:
    """Read a sendmail.cf. Raises DoctorError when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise DoctorError(f"{path}: {os.strerror(error.errno or 0)}") from error
    filters, options = [], dict[str, tuple[str, ...]]()
    for line in _logical_lines(text):
        if line.startswith("X"):
            filters.append(_filter(line))
        elif line.startswith("O "):
            name, _, value = line[2:].partition("=")
            key = name.strip().lower()
            options[key] = (*options.get(key, ()), value.strip())
    return SendmailConfiguration(path, tuple(filters), options)


def fields(text: str) -> dict[str, str]:
    """`Name=MTA, InputMailFilters=a;b` by first letter, N and I: Sendmail looks at no more of a field's name."""
    return {key.upper(): value.strip() for key, value in _FIELD.findall(text)}


def _logical_lines(text: str) -> list[str]:
    """Lines without comments; a line that begins with white space continues the one before."""
    lines: list[str] = []
    for line in text.splitlines():
        if line[:1].isspace() and lines:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return [line for line in lines if line and not line.startswith("#")]


def _filter(line: str) -> SendmailFilter:
    name, _, rest = line[1:].partition(",")
    given = fields(rest)
    times = (part.partition(":") for part in given.get("T", "").split(";") if part.strip())
    timeouts = DEFAULT_TIMEOUTS | {letter.strip(): value.strip() for letter, _, value in times}
    return SendmailFilter(name.strip(), given.get("S", ""), given.get("F", ""), timeouts)
