"""The attendants: processes beside the filters, one for each post, that are started again when they end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sekisho_core.events import Events

from sekisho_milter.children import run_and_exit

# One that dies at once must not make a storm of forks.
_AGAIN = 1.0


@dataclass(frozen=True)
class Post:
    """What an attendant does: `work` runs in the forked process until its first argument, a pipe, ends, and may write
    signs of life to the second. One that is not `patient` is killed when it is to leave."""

    name: str
    work: Callable[[int, int], None]
    patient: bool


@dataclass
class Attendant:
    """A running one, and our ends of its pipes; `orders` is -1 once it was told to leave."""

    post: Post
    pid: int
    orders: int
    beats: int


class Attendants:
    """The parent's book of attendants. Single-threaded; forks. `inherited` are descriptors that none of them keeps."""

    def __init__(self, posts: Sequence[Post], inherited: Callable[[], Iterable[int]], events: Events) -> None:
        self._posts = posts
        self._inherited = inherited
        self._events = events
        self._running: dict[str, Attendant] = {}
        self._not_before = dict.fromkeys((post.name for post in posts), 0.0)

    @property
    def alive(self) -> int:
        """Those that have not ended."""
        return len(self._running)

    def descriptors(self) -> dict[int, Attendant]:
        """The pipes to wait on."""
        return {one.beats: one for one in self._running.values()}

    def pipes(self) -> list[int]:
        """Every descriptor of ours that a forked process must close, or orders would never end."""
        running = self._running.values()
        return [one.beats for one in running] + [one.orders for one in running if one.orders >= 0]

    def tick(self) -> None:
        """Start those that are missing."""
        for post in self._posts:
            if post.name not in self._running and time.monotonic() >= self._not_before[post.name]:
                self._running[post.name] = self._fork(post)

    def hear(self, one: Attendant) -> bool:
        """What an attendant tells: True for a sign of life; the end of its pipe is its own end."""
        if os.read(one.beats, 4096):
            return True
        self._bury(one)
        if one.orders >= 0:
            os.close(one.orders)
            self._events.error("attendant-died", which=one.post.name, pid=one.pid)
            self._not_before[one.post.name] = time.monotonic() + _AGAIN
        return False

    def dismiss(self) -> None:
        """Tell all to leave; those that are started after them have the settings of then."""
        for one in list(self._running.values()):
            if one.orders >= 0:
                os.close(one.orders)
                one.orders = -1
            if not one.post.patient:
                self._kill(one)

    def kill(self) -> None:
        """End those that did not leave."""
        for one in list(self._running.values()):
            self._kill(one)

    def _fork(self, post: Post) -> Attendant:
        orders, our_orders = os.pipe()
        our_beats, beats = os.pipe()
        pid = os.fork()
        if pid == 0:
            for end in (our_orders, our_beats, *self._inherited(), *self.pipes()):
                os.close(end)
            run_and_exit(lambda: post.work(orders, beats))
        os.close(orders)
        os.close(beats)
        return Attendant(post, pid, our_orders, our_beats)

    def _kill(self, one: Attendant) -> None:
        with suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
        self._bury(one)

    def _bury(self, one: Attendant) -> None:
        os.waitpid(one.pid, 0)
        os.close(one.beats)
        del self._running[one.post.name]
