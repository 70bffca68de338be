"""The operator's log: one line an outcome, with a fixed name and fields, to the journal or to standard error."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable
from enum import IntEnum

from sekisho_core.display import field, visible


class Level(IntEnum):
    """Syslog priorities (RFC 5424 section 6.2.1)."""

    ERROR = 3
    WARNING = 4
    INFO = 6
    DEBUG = 7


Sink = Callable[[Level, str, dict[str, object]], None]
_JOURNAL = "/run/systemd/journal/socket"


class Events:
    """Writes events at or above a level to a sink. Logging never raises and never waits: mail goes before its log."""

    def __init__(self, sink: Sink, level: Level = Level.INFO) -> None:
        self._sink = sink
        self._level = level

    def emit(self, level: Level, name: str, **fields: object) -> None:
        """One event: `name` is fixed text, values go into fields. Fields that are None are left out."""
        if level <= self._level:
            self._sink(level, name, {key: value for key, value in fields.items() if value is not None})

    def info(self, name: str, **fields: object) -> None:
        self.emit(Level.INFO, name, **fields)

    def warning(self, name: str, **fields: object) -> None:
        self.emit(Level.WARNING, name, **fields)

    def error(self, name: str, **fields: object) -> None:
        self.emit(Level.ERROR, name, **fields)

    def debug(self, name: str, **fields: object) -> None:
        self.emit(Level.DEBUG, name, **fields)


def operator_events(level: str) -> Events:
    """Events to the journal where standard error is one of its streams (systemd.exec(5), JOURNAL_STREAM), else to
    standard error."""
    sink = _journal_sink() if _is_journal(2) else stream_sink(2)
    return Events(sink, Level[level.upper()])


def line(name: str, fields: dict[str, object]) -> str:
    """The event as one line of printable text: `name key=value …`."""
    return " ".join([name, *(f"{key}={field(value)}" for key, value in fields.items())])


def stream_sink(descriptor: int) -> Sink:
    """Lines with time and level to a descriptor. A line that would block or fails is dropped."""

    def write(level: Level, name: str, fields: dict[str, object]) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        text = f"{stamp} {level.name.lower()} {line(name, fields)}\n".encode(errors="backslashreplace")
        _write_unless_blocked(descriptor, text)

    return write


def _write_unless_blocked(descriptor: int, text: bytes) -> None:
    try:
        # POLLOUT on a pipe promises PIPE_BUF (4096) bytes; a longer line could block.
        if select.select([], [descriptor], [], 0)[1]:
            os.write(descriptor, text[:4095] + b"\n" if len(text) > 4096 else text)
    except (OSError, ValueError):
        return


def _is_journal(descriptor: int) -> bool:
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    if not inode:
        return False
    status = os.fstat(descriptor)
    return (str(status.st_dev), str(status.st_ino)) == (device, inode)


def _journal_sink() -> Sink:
    """The journal's native protocol: one datagram of NAME=value lines; our values hold no line breaks."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    client.setblocking(False)

    def write(level: Level, name: str, fields: dict[str, object]) -> None:
        entry = {"MESSAGE": line(name, fields), "PRIORITY": int(level), "SYSLOG_IDENTIFIER": "sekisho"}
        entry |= {"SEKISHO_EVENT": name} | {
            f"SEKISHO_{key.upper()}": visible(str(value), 500) for key, value in fields.items()
        }
        text = "".join(f"{key}={value}\n" for key, value in entry.items())
        try:
            client.sendto(text.encode(errors="backslashreplace"), _JOURNAL)
        except OSError:
            _write_unless_blocked(2, f"{line(name, fields)}\n".encode(errors="backslashreplace"))

    return write
