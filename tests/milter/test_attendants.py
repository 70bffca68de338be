"""The parent's attendants: started again when they die, dismissed politely or not, and without our descriptors."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator

import pytest
from sekisho_core.events import Events
from sekisho_milter.attendants import Attendants, Post

LIMIT = 10.0


def beating(orders: int, beats: int) -> None:
    """Tells that it lives, and leaves when it is told."""
    os.write(beats, b".")
    select.select([orders], [], [])


def stubborn(orders: int, beats: int) -> None:
    """Tells that it lives, and never leaves."""
    os.write(beats, b".")
    time.sleep(600)


class Book:
    """Attendants with their log."""

    def __init__(self, *posts: Post) -> None:
        self.told: list[str] = []
        self.all = Attendants(posts, list[int], Events(lambda _, name, fields: self.told.append(name)))

    def until(self, beats: int = 0, alive: int | None = None) -> None:
        """Work as the parent does until so many signs of life came, or so many are left."""
        limit = time.monotonic() + LIMIT
        while beats > 0 or (alive is not None and self.all.alive != alive):
            assert time.monotonic() < limit
            running = self.all.descriptors()
            for descriptor in select.select(list(running), [], [], 0.05)[0]:
                beats -= self.all.hear(running[descriptor])

    def pids(self) -> list[int]:
        """Who is alive."""
        return [one.pid for one in self.all.descriptors().values()]


@pytest.fixture
def book() -> Iterator[Book]:
    """A polite one and a stubborn one, started."""
    made = Book(Post("keeper", beating, True), Post("sentry", stubborn, False))
    made.all.tick()
    made.until(beats=2)
    yield made
    made.all.kill()


def test_a_dead_one_is_started_again(book: Book) -> None:
    """Its death is told once; the next one comes after a pause, so that no storm of forks can be."""
    first = book.pids()
    os.kill(first[0], signal.SIGKILL)
    book.until(alive=1)
    book.all.tick()
    assert book.all.alive == 1 and book.told == ["attendant-died"]
    time.sleep(1.0)
    book.all.tick()
    assert book.all.alive == 2 and first[0] not in book.pids()


def test_dismissed(book: Book) -> None:
    """The patient one is waited for, the other one killed; nobody calls that a death."""
    patient = book.pids()[0]
    book.all.dismiss()
    assert book.pids() == [patient]
    book.until(alive=0)
    assert book.told == []
    with pytest.raises(ChildProcessError):
        os.waitpid(patient, os.WNOHANG)


def test_orders_end_with_the_parent_alone() -> None:
    """None holds the pipes of one that was started before it: each leaves when its own orders end."""
    book = Book(*(Post(f"keeper-{number}", beating, True) for number in range(3)))
    book.all.tick()
    book.until(beats=3)
    book.all.dismiss()
    book.until(alive=0)
    assert book.told == []
