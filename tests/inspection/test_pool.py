"""The pool under many clients: nothing is mixed up, lost or waited for without bound."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sekisho_core.scan import YaraRules, silent
from sekisho_core.vocabulary import Incomplete, Mail
from sekisho_inspection import wire
from sekisho_inspection.client import InspectionClient, private_workers
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.yara_scan import About, load_rules

MakeMail = Callable[[bytes], Mail]
Workers = Callable[..., InspectionClient]


def until(condition: Callable[[], bool]) -> None:
    """Wait, within a bound, until a condition holds."""
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit, "did not come to pass"
        time.sleep(0.02)


def test_many_clients(workers: Workers, mail: MakeMail) -> None:
    """Many clients at few workers, with deadly mails among theirs: each gets the reading of its own mail."""
    client = workers(2, poison_after=2)
    mails = [mail(f"number {number}\n{number}".encode()) for number in range(120)]
    deadly = [mail(f"!segfault\n{number}".encode()) for number in range(3)]
    with ThreadPoolExecutor(12) as threads:
        failing = [threads.submit(client, one, None, silent) for one in deadly]
        found = list(threads.map(lambda one: client(one, None, silent), mails))
    assert [reading.subject.decoded for reading in found] == [f"number {number}" for number in range(120)]
    assert [reading.observables[0].value for reading in found] == [one.content.sha256 for one in mails]
    assert [one.result().incomplete[0].reason for one in failing] == ["poison"] * 3


def test_busy_when_no_worker_gets_free(workers: Workers, mail: MakeMail) -> None:
    """A mail that waited `queue_wait` seconds for a worker is busy, and so is one that finds the queue full."""
    client = workers(1, queue_wait=0.5, queue_length=1, deadline=6.0, slow_after=60.0)
    with ThreadPoolExecutor(4) as threads:
        hanging = threads.submit(client, mail(b"!hang_in_c\n"), None, silent)
        until(lambda: client.status().busy == 1)
        waiting = threads.submit(client, mail(b"one\n"), None, silent)
        until(lambda: client.status().waiting == 1)
        assert client(mail(b"two\n"), None, silent).incomplete == (Incomplete("mail", "busy", "queue is full"),)
        assert waiting.result().incomplete == (Incomplete("mail", "busy", "no worker was free"),)
        assert hanging.result().incomplete[0].reason == "timeout"


def test_slow_mails_stall_no_other(workers: Workers, mail: MakeMail) -> None:
    """A7: mails that take all workers for long lose their turn: others are read while they go on; of more than
    there is room for, the longest at it ends before its deadline."""
    client = workers(1, deadline=60.0, queue_wait=50.0, slow_after=0.2, slow_workers=2)
    with ThreadPoolExecutor(5) as threads:
        first = threads.submit(client, mail(b"!hang_in_c\n1"), None, silent)
        until(lambda: client.status().slow == 1)
        others = [threads.submit(client, mail(f"!hang_in_c\n{number}".encode()), None, silent) for number in (2, 3)]
        assert first.result().incomplete[0].reason == "timeout"
        until(lambda: client.status().slow == 2)
        assert client(mail(b"a quick one\n"), None, silent).subject.decoded == "a quick one"
        assert not any(other.done() for other in others)
        more = [threads.submit(client, mail(f"!nap 3\n{number}".encode()), None, silent) for number in range(2)]
        assert [one.result().subject.decoded for one in more] == ["slept"] * 2
        assert [other.result().incomplete[0].reason for other in others] == ["timeout"] * 2
    until(lambda: client.status().slow == 0)


def test_client_that_leaves(workers: Workers, mail: MakeMail) -> None:
    """A client that goes away while its mail waits takes its place in the queue with it."""
    client = workers(1, deadline=5.0, slow_after=60.0)
    with ThreadPoolExecutor(1) as threads:
        hanging = threads.submit(client, mail(b"!hang_in_c\n"), None, silent)
        until(lambda: client.status().busy == 1)
        with client._connected() as connection:
            _send_read(connection, mail(b"one\n"))
            until(lambda: client.status().waiting == 1)
        until(lambda: client.status().waiting == 0)
        assert hanging.result().incomplete[0].reason == "timeout"


def _send_read(connection: socket.socket, one: Mail) -> None:
    wire.send(connection, wire.Request("read", one.content.size, one.content.sha256), [one.content.fd])


def test_progress(workers: Workers, mail: MakeMail, limits: InspectionSettings) -> None:
    """While a worker reads, progress is called again and again, and an error in it changes nothing."""
    client = InspectionClient(workers(1).socket_path, limits, progress_interval=0.05)
    calls: list[int] = []

    def progress() -> None:
        calls.append(1)
        raise ConnectionError("the MTA went away")

    assert client(mail(b"!slow 1.0\n"), None, progress).subject.decoded == "slow 1.0"
    assert len(calls) > 3


def test_recycling(workers: Workers, mail: MakeMail) -> None:
    """After `recycle` mails a fresh worker takes over; under load no mail is lost by it and no worker counts as
    lost."""
    client = workers(2, recycle=5)
    mails = [mail(f"!pid\n{number}".encode()) for number in range(60)]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda one: client(one, None, silent), mails))
    pids = [reading.subject.decoded for reading in found]
    assert not any(reading.incomplete for reading in found)
    assert max(pids.count(pid) for pid in pids) == 5
    assert client.status().lost == 0


def test_large_answer_and_large_mail(workers: Workers, mail: MakeMail) -> None:
    """A mail and a reading of megabytes travel whole; a reading beyond its bound is incomplete by limit."""
    client = workers(1)
    found = client(mail(b"big\n" + b"x" * (5 << 20)), None, silent)
    assert len(found.texts[0].text) == (5 << 20) + 4
    assert len(client(mail(b"!large 3000000\n"), None, silent).subject.decoded) == 3_000_000
    assert client(mail(b"!large 70000000\n"), None, silent).incomplete == (Incomplete("mail", "limit", "answer"),)


def test_yara_follows_its_serial(workers: Workers, mail: MakeMail, tmp_path: Path) -> None:
    """Rules compiled by a worker are used by workers; a new serial, or another file under an old one, is loaded."""
    client = workers(1)

    def hits(name: str, serial: int) -> list[str]:
        path = tmp_path / f"{name}-{serial}"
        path.write_bytes(client.compile_yara({"n": f"rule {name} {{condition: filesize < 5}}"})[0])
        return [found.rule for found in client(mail(b"a\n"), YaraRules(path, serial), silent).findings]

    assert [hits("one", 1), hits("two", 2), hits("three", 2), hits("one", 1)] == [["one"], ["two"], ["three"], ["one"]]


def test_damaged_yara_is_not_clean(workers: Workers, mail: MakeMail, tmp_path: Path) -> None:
    """Compiled rules that cannot be loaded or opened leave the mail incomplete."""
    client = workers(1)
    damaged = tmp_path / "rules"
    damaged.write_bytes(b"not rules")
    assert client(mail(b"a\n"), YaraRules(damaged, 1), silent).incomplete[0].reason == "crashed"
    gone = YaraRules(tmp_path / "gone", 1)
    assert client(mail(b"a\n"), gone, silent).incomplete[0].reason == "unavailable"


def test_bad_yara_source_does_not_spoil_the_good(workers: Workers) -> None:
    """Compiling gives the rules of the good sources and an error for each other namespace."""
    rules, errors = workers(1).compile_yara(
        {"good": "rule a {condition: filesize < 5}", "bad": "rule", "gone": 'include "x"'}
    )
    assert [hit.rule for hit in load_rules(rules).scanner(5.0).scan(b"", About())[0]] == ["a"]
    assert sorted(errors) == ["bad", "gone"]


def test_workers_end_with_their_owner(stand_in: str, mail: MakeMail, limits: InspectionSettings) -> None:
    """When the block of the private workers ends, supervisor and workers are gone, a hanging one too."""
    with private_workers(limits, 2, stand_in) as client:
        pids = {int(client(mail(f"!pid\n{n}".encode()), None, silent).subject.decoded) for n in range(10)}
        hanging = threading.Thread(target=lambda: client(mail(b"!slow 0.5\n"), None, silent))
        hanging.start()
        until(lambda: client.status().busy == 1)
    hanging.join(30)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    assert not hanging.is_alive()
