"""Faults of a worker: each ends as Incomplete, harms no other mail, and the pool is whole afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sekisho_core.scan import silent
from sekisho_core.vocabulary import Incomplete, Mail, Reading, Reason
from sekisho_inspection.client import InspectionClient
from sekisho_inspection.pool import Poison

MakeMail = Callable[[bytes], Mail]
Workers = Callable[..., InspectionClient]


def gap(reading: Reading) -> Incomplete:
    """The one gap of a reading that has nothing else."""
    assert len(reading.incomplete) == 1
    assert not reading.parts
    assert not reading.observables
    return reading.incomplete[0]


def reads_on(client: InspectionClient, mail: MakeMail) -> None:
    """A plain mail is read as ever."""
    reading = client(mail(b"plain mail\n\ntext"), None, silent)
    assert reading.subject.decoded == "plain mail"
    assert reading.incomplete == ()


@pytest.mark.parametrize("act", ["hang_in_c", "hang_in_regex"])
def test_hang(act: str, workers: Workers, mail: MakeMail) -> None:
    """A7: a worker that hangs in C with all signals blocked is killed at the deadline; its mail is a timeout, other
    mails are read meanwhile and afterwards."""
    client = workers(2, deadline=1.5)
    found: list[Reading] = []
    hanging = threading.Thread(target=lambda: found.append(client(mail(f"!{act}\n".encode()), None, silent)))
    hanging.start()
    for _ in range(20):
        reads_on(client, mail)
    hanging.join(60)
    assert gap(found[0]).where == "mail"
    assert gap(found[0]).reason == "timeout"
    reads_on(client, mail)


@pytest.mark.parametrize(
    ("act", "detail"),
    [
        ("segfault", "worker died of SIGSEGV"),
        ("abort", "worker died of SIG"),
        ("exit_well", "worker exited with status 0"),
        ("exit_after_half", "packet is not a Answer"),
    ],
)
def test_death(act: str, detail: str, workers: Workers, mail: MakeMail) -> None:
    """A8: a worker that crashes, or ends with status 0 without or with half an answer, leaves its mail incomplete and
    the pool is filled again."""
    client = workers(1, poison_after=2)
    found = gap(client(mail(f"!{act}\n".encode()), None, silent))
    assert found.reason == "poison"
    assert found.detail.startswith(detail)
    reads_on(client, mail)
    assert client.status().lost == 2


@pytest.mark.parametrize(
    ("act", "reason", "detail"),
    [
        ("eat_memory", "limit", "memory"),
        ("eat_descriptors", "crashed", "OSError"),
        ("eat_disk", "crashed", "OSError"),
        ("raise_exit", "crashed", "SystemExit"),
        ("raise_recursion", "crashed", "RecursionError"),
        ("surrogate", "crashed", "UnicodeEncodeError"),
    ],
)
def test_limit_and_exception(act: str, reason: Reason, detail: str, workers: Workers, mail: MakeMail) -> None:
    """A8: a resource limit or an exception in a reader is an Incomplete of that mail; the exception's text, which may
    hold a password, stays in the worker."""
    client = workers(1, memory=1 << 30)
    assert gap(client(mail(f"!{act}\n".encode()), None, silent)) == Incomplete("mail", reason, detail)
    reads_on(client, mail)
    assert client.status().lost == 0


def test_poison(workers: Workers, mail: MakeMail) -> None:
    """A9: a mail that kills a worker three times is poison at once ever after, and kills no more."""
    client = workers(1, poison_after=3)
    deadly = mail(b"!segfault\n")
    assert gap(client(deadly, None, silent)).reason == "poison"
    assert client.status().lost == 3
    for _ in range(3):
        assert gap(client(deadly, None, silent)).reason == "poison"
    assert client.status().lost == 3
    reads_on(client, mail)


def test_timeout_counts_towards_poison(workers: Workers, mail: MakeMail) -> None:
    """A9: a timeout is not retried within one scan, but counts; the MTA's retries then find the content poisoned."""
    client = workers(1, poison_after=2, deadline=0.5)
    hanging = mail(b"!hang_in_c\n")
    assert gap(client(hanging, None, silent)).reason == "timeout"
    assert client.status().lost == 1
    assert gap(client(hanging, None, silent)).reason == "timeout"
    assert gap(client(hanging, None, silent)).reason == "poison"
    assert client.status().lost == 2


def test_poison_memory_is_bounded() -> None:
    """A9: the memory of deadly content forgets the oldest beyond its length, and what was read after all."""
    memory = Poison(threshold=2, length=3)
    for sha256 in ("a", "a", "b", "b", "c", "c"):
        memory.blame(sha256)
    assert [memory.knows(name) for name in "abc"] == [True, True, True]
    memory.blame("d")
    assert not memory.knows("a")
    memory.absolve("b")
    assert not memory.knows("b")
    assert memory.knows("c")
