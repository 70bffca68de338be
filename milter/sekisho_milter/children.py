"""The filter processes as their parent sees them: how many there should be, who is ready, who is leaving.

One rule serves start, crash, recycling and reload: as long as there are fewer current processes than wanted, one is
forked; when all current ones are ready, every other one is told to leave. So a replacement always stands before the
one it replaces goes, and a new generation that does not come up leaves the old one at work.
"""

from __future__ import annotations

import math
import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from sekisho_core.events import Events

from sekisho_milter.filter import Lines

# A process that dies younger than this, or before it was ready, makes the next one wait longer.
_YOUNG = 0.3
_FIRST_DELAY = 0.05
_LONGEST_DELAY = 10.0
# A process that leaves ends itself when its drain is over; one that does not is stuck.
_GRACE = 2.0

Start = Callable[[Lines, str], None]
"""Runs a filter process with its lines and slot after the fork; does not return."""


@dataclass
class Child:
    """A filter process: its slot, the generation of settings that it runs with, and our ends of its pipes."""

    pid: int
    slot: int
    generation: int
    orders: int
    status: int
    started: float
    ready: bool = False
    worn: bool = False
    leaving: bool = False
    leave_by: float = math.inf
    buffer: bytes = field(default=b"", repr=False)


class Children:
    """The parent's book of filter processes. Single-threaded; forks. `drain` is seconds that one may take to leave."""

    def __init__(self, wanted: int, start: Start, events: Events, drain: float) -> None:
        self._wanted = wanted
        self._drain = drain
        self._start = start
        self._events = events
        self._children: dict[int, Child] = {}
        self._generation = 0
        self._failures = 0
        self._not_before = 0.0
        self._closing = False

    @property
    def all_ready(self) -> bool:
        """Whether as many current processes as wanted are ready."""
        return sum(child.ready for child in self._current()) >= self._wanted

    @property
    def alive(self) -> int:
        """Processes that have not ended, leaving ones included."""
        return len(self._children)

    def descriptors(self) -> dict[int, Child]:
        """The status pipes to wait on."""
        return {child.status: child for child in self._children.values()}

    def pipes(self) -> list[int]:
        """Every descriptor of ours that a forked process must close, or orders would never end."""
        held = self._children.values()
        return [child.status for child in held] + [child.orders for child in held if not child.leaving]

    def renew(self, wanted: int, start: Start, drain: float) -> None:
        """A new generation: with the next ticks it takes over from the present one."""
        self._wanted, self._start, self._drain = wanted, start, drain
        self._generation += 1
        self._failures, self._not_before = 0, 0.0

    def tick(self) -> None:
        """Fork what is missing and send away what is superfluous."""
        while not self._closing and len(self._current()) < self._wanted and time.monotonic() >= self._not_before:
            try:
                self._fork()
            except OSError as error:
                self._events.error("filter-not-forked", reason=error.strerror)
                self._wait_longer()
        if self.all_ready and not self._closing:
            current = self._current()
            for child in list(self._children.values()):
                if child not in current:
                    self._send_away(child)
        self._end_overdue()

    def read(self, child: Child) -> None:
        """What a process tells; the end of its pipe is its own end."""
        data = os.read(child.status, 4096)
        if not data:
            self._bury(child)
            return
        *lines, child.buffer = (child.buffer + data).split(b"\n")
        for line in lines:
            self._hear(child, line.decode("utf-8", "replace"))

    def close(self) -> None:
        """Send all away; no more are forked."""
        self._closing = True
        for child in self._children.values():
            self._send_away(child)

    def kill(self) -> None:
        """End those that did not go."""
        for child in self._children.values():
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)

    def _end_overdue(self) -> None:
        for child in self._children.values():
            if child.leave_by < time.monotonic():
                self._events.error("filter-killed", pid=child.pid, reason="did not leave in time")
                child.leave_by = math.inf
                os.kill(child.pid, signal.SIGKILL)

    def _current(self) -> list[Child]:
        return [
            child
            for child in self._children.values()
            if child.generation == self._generation and not child.worn and not child.leaving
        ]

    def _fork(self) -> None:
        taken = {child.slot for child in self._children.values()}
        slot = next(number for number in range(len(taken) + 1) if number not in taken)
        orders, our_orders = os.pipe()
        our_status, status = os.pipe()
        try:
            pid = os.fork()
        except OSError:
            for end in (orders, our_orders, our_status, status):
                os.close(end)
            raise
        if pid == 0:
            for end in (our_orders, our_status, *self.pipes()):
                os.close(end)
            run_and_exit(lambda: self._start(Lines(orders, status), str(slot)))
        os.close(orders)
        os.close(status)
        self._children[pid] = Child(pid, slot, self._generation, our_orders, our_status, time.monotonic())

    def _hear(self, child: Child, line: str) -> None:
        word, _, text = line.partition(" ")
        if word == "ready":
            child.ready = True
            self._events.info("filter-ready", pid=child.pid)
        elif word == "recycle":
            child.worn = True
        elif word == "error":
            self._events.error("filter-not-started", pid=child.pid, reason=text)

    def _bury(self, child: Child) -> None:
        _, status = os.waitpid(child.pid, 0)
        del self._children[child.pid]
        os.close(child.status)
        if child.leaving:
            self._events.info("filter-left", pid=child.pid)
            return
        os.close(child.orders)
        self._events.error("filter-died", pid=child.pid, status=os.waitstatus_to_exitcode(status))
        if not child.ready or time.monotonic() - child.started < _YOUNG:
            self._wait_longer()
        else:
            self._failures = 0

    def _wait_longer(self) -> None:
        self._failures += 1
        self._not_before = time.monotonic() + min(_LONGEST_DELAY, _FIRST_DELAY * 2**self._failures)

    def _send_away(self, child: Child) -> None:
        if not child.leaving:
            child.leaving = True
            child.leave_by = time.monotonic() + self._drain + _GRACE
            # The end of its orders is the order to leave; so it also leaves when this process dies.
            os.close(child.orders)


def run_and_exit(function: Callable[[], object]) -> None:
    """Run `function` in a forked process and end the process whatever comes of it."""
    try:
        function()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)
