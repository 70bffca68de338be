"""The CPU time and memory of a process and all its descendants, read from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def seconds(roots: Iterable[int]) -> float:
    """User and system seconds of the processes and their living and reaped descendants."""
    return sum(_stat(pid) for pid in _family(roots)) / _TICKS


def pss(roots: Iterable[int]) -> int:
    """Proportional set size of the processes and their descendants, in bytes."""
    return sum(_pss(pid) for pid in _family(roots))


def _family(roots: Iterable[int]) -> set[int]:
    found, todo = set(), list(roots)
    while todo:
        pid = todo.pop()
        if pid in found:
            continue
        found.add(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            todo += [int(child) for child in _read(children).split()]
    return found


def _stat(pid: int) -> int:
    # Fields 14 to 17 of proc(5) stat: own and waited-for children's user and system ticks.
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:15])


def _pss(pid: int) -> int:
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
