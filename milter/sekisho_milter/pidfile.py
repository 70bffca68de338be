"""The file by which the other commands find the running milter: its parent's process id and the probe's name.

Its lock is held as long as the parent lives, so a file that was left behind is known as such.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from sekisho_core.errors import SekishoError


class PidFileError(SekishoError):
    """A process id file that cannot be written, or whose milter does not run."""


@dataclass(frozen=True)
class Running:
    """The parent's process id, and the HELO name by which it knows a health probe."""

    pid: int
    probe: str


def claim(path: Path, probe: str) -> int:
    """Write the file for this process and return the descriptor that holds its lock.

    Raises PidFileError when another milter holds it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PidFileError(f"milter.pid_file: {path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise PidFileError(f"milter.pid_file: {path}: another sekisho milter is running") from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n{probe}\n".encode(), 0)
    return descriptor


def running(path: Path) -> Running:
    """The milter that holds the file. Raises PidFileError when there is none."""
    try:
        with path.open("rb") as file:
            if _unlocked(file.fileno()):
                raise PidFileError(f"milter.pid_file: {path}: its milter is not running")
            pid, probe = file.read(1000).decode("ascii").split()
            return Running(int(pid), probe)
    except OSError as error:
        raise PidFileError(f"milter.pid_file: {path}: {error.strerror}; is the milter running?") from error
    except ValueError as error:
        raise PidFileError(f"milter.pid_file: {path}: is none of ours") from error


def _unlocked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
