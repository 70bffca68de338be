"""A bar on standard error for long commands, on a terminal and nowhere else."""

from __future__ import annotations

import sys
from typing import TextIO

_WIDTH = 30


class Bar:
    """Counts steps up to `total`. Lines that go to the same terminal are printed through `print`."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._total = max(total, 1)
        self._done = 0
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty()

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        self._draw()

    def print(self, line: str, error: bool = False) -> None:
        """A line to standard output, or to standard error."""
        self.clear()
        print(line, file=sys.stderr if error else sys.stdout, flush=self._shown)
        self._draw()

    def clear(self) -> None:
        """Take the bar off the terminal."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _draw(self) -> None:
        if self._shown:
            filled = self._done * _WIDTH // self._total
            self._stream.write(f"\r[{'#' * filled}{'.' * (_WIDTH - filled)}] {self._done}/{self._total}")
            self._stream.flush()
