"""A Postfix configuration as Postfix itself reads it: parameters, services and milter lists, through postconf(1)."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sekisho_milter.doctor import DoctorError

_POSTCONF = "/usr/sbin/postconf"
_BLANKS = re.compile(r"\s*=\s*")


@dataclass(frozen=True)
class Service:
    """One line of master.cf: `name` is host:port, port or a service name; `options` are its -o overrides."""

    name: str
    type: str
    chroot: bool
    command: str
    options: dict[str, str]

    @property
    def place(self) -> str:
        return f"{self.name}/{self.type}"

    @property
    def port(self) -> str:
        return self.name.rpartition(":")[2]

    @property
    def host(self) -> str:
        """The address it listens on, "" for all that inet_interfaces names."""
        return self.name.rpartition(":")[0].strip("[]")


@dataclass(frozen=True)
class MilterEntry:
    """One member of a milter list: its endpoint and its own settings, such as default_action."""

    endpoint: str
    options: dict[str, str]


@dataclass(frozen=True)
class PostfixConfiguration:
    """Effective values of main.cf, the same as they are written ($variables in them), and the services of master.cf."""

    directory: Path | None
    main: dict[str, str]
    written: dict[str, str]
    services: tuple[Service, ...]

    def smtpd(self) -> tuple[Service, ...]:
        """The services through which mail enters by SMTP."""
        return tuple(service for service in self.services if service.command == "smtpd")

    def value(self, service: Service, key: str) -> str:
        """A parameter as this service has it."""
        return service.options.get(key, self.main.get(key, ""))


def read_postfix(directory: Path | None) -> PostfixConfiguration:
    """Read the live configuration in `directory`, or the machine's own for None.

    Raises DoctorError when postconf is missing or cannot read it.
    """
    main = _assignments(_postconf(directory, "-x"))
    overrides = _overrides(_postconf(directory, "-xP"))
    default_chroot = main.get("compatibility_level", "0") == "0"
    services = [_service(line, overrides, default_chroot) for line in _postconf(directory, "-M") if line.strip()]
    return PostfixConfiguration(directory, main, _assignments(_postconf(directory)), tuple(services))


def milter_list(text: str) -> list[MilterEntry]:
    """The members of smtpd_milters or non_smtpd_milters; `{ endpoint, name=value, { name = value }, … }` is one."""
    return [_entry(member) for member in _members(text)]


def _postconf(directory: Path | None, *options: str) -> list[str]:
    place = ["-c", str(directory)] if directory else []
    try:
        result = subprocess.run(
            [_POSTCONF, *place, *options], capture_output=True, text=True, errors="backslashreplace", check=False
        )
    except OSError as error:
        raise DoctorError(f"{_POSTCONF}: {os.strerror(error.errno or 0)}") from error
    fatal = [line for line in result.stderr.splitlines() if "fatal:" in line]
    if result.returncode != 0 or fatal:
        raise DoctorError(
            f"{directory or 'Postfix'}: {(fatal or result.stderr.splitlines() or ['postconf failed'])[0]}"
        )
    return result.stdout.splitlines()


def _assignments(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _overrides(lines: list[str]) -> dict[str, dict[str, str]]:
    """postconf -P writes service/type/parameter = value."""
    result: dict[str, dict[str, str]] = {}
    for path, value in _assignments(lines).items():
        place, _, key = path.rpartition("/")
        result.setdefault(place, {})[key] = value
    return result


def _service(line: str, overrides: dict[str, dict[str, str]], default_chroot: bool) -> Service:
    name, kind, _private, _unprivileged, chroot, _wakeup, _limit, command = line.split(None, 7)
    chrooted = default_chroot if chroot == "-" else chroot == "y"
    return Service(name, kind, chrooted, Path(command.split()[0]).name, overrides.get(f"{name}/{kind}", {}))


def _members(text: str) -> list[str]:
    members, depth, current = [], 0, ""
    for char in text + " ":
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth == 0 and (char.isspace() or char == ","):
            members.append(current)
            current = ""
        else:
            current += char
    return [member for member in members if member]


def _entry(member: str) -> MilterEntry:
    # Postfix itself takes blanks around "=" within inner braces alone; without them it would not start.
    endpoint, *settings = _members(_BLANKS.sub("=", _bare(member))) or [""]
    return MilterEntry(endpoint, _assignments([_bare(setting) for setting in settings]))


def _bare(text: str) -> str:
    """Without the braces around it, one pair."""
    return text[1:-1].strip() if text.startswith("{") and text.endswith("}") else text
