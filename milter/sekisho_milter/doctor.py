"""Checks: the words in which a fault of the set-up is told, and the time and endpoint forms that the checks compare."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import msgspec
from sekisho_core.errors import SekishoError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(\d+)([smhdw]?)")


class DoctorError(SekishoError):
    """A configuration that cannot be read, so that nothing can be said of it."""


class Level(StrEnum):
    """`refuse` lets mail pass unscanned or cannot work; `warn` is unwise; `ok` was looked at and is right."""

    REFUSE = "refuse"
    WARN = "warn"
    OK = "ok"


class Check(msgspec.Struct, frozen=True):
    """One answer: a fixed `code`, how grave it is, the key at fault with its value, and what mends it."""

    code: str
    level: Level
    key: str
    value: str
    remedy: str = ""


class Needs(msgspec.Struct, frozen=True):
    """What the MTA's configuration must agree with. Times are seconds, sizes bytes; `socket` is as libmilter writes."""

    socket: str
    progress: float
    content_limit: float
    max_mail_bytes: int
    release_host: str
    release_port: int


def judged(good: bool, code: str, key: str, value: str, remedy: str, bad: Level = Level.REFUSE) -> Check:
    """An `ok` without a remedy if `good`, else a check of level `bad`."""
    return Check(code, Level.OK, key, value) if good else Check(code, bad, key, value, remedy)


def seconds(key: str, text: str) -> float:
    """A time as Postfix and Sendmail write it ("300s", "5m", "1h30m"), in seconds; a bare number is in seconds.

    Raises DoctorError naming `key` for anything else.
    """
    parts = _DURATION.findall(text.strip())
    if not parts or "".join(number + suffix for number, suffix in parts) != text.strip():
        raise DoctorError(f"{key}: {text!r} is not a time")
    return sum(int(number) * _UNITS[suffix] for number, suffix in parts)


def unix_path(socket: str) -> Path | None:
    """The path of a libmilter or Sendmail endpoint (`unix:/path`, `local:/path`), None for inet."""
    kind, _, rest = socket.partition(":")
    return Path(rest) if kind in ("unix", "local") else None


def inet_address(socket: str) -> tuple[str, int] | None:
    """Host and port of a libmilter or Sendmail endpoint (`inet:port@host`), None for a Unix socket."""
    kind, _, rest = socket.partition(":")
    port, _, host = rest.partition("@")
    return (numeric(host), int(port)) if kind in ("inet", "inet6") and port.isdecimal() else None


def numeric(host: str) -> str:
    """A host without brackets, and `localhost` as its address, so that two spellings of one place compare as equal."""
    bare = host.strip("[]").lower()
    return "127.0.0.1" if bare == "localhost" else bare


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address that is listened on."""
    return numeric(host) == "::1" or numeric(host).startswith("127.")


def bracketed(host: str) -> str:
    """A host as it stands before a colon and a port."""
    return f"[{host}]" if ":" in host else host
