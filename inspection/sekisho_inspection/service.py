"""The supervisor's process: its socket, its event loop, and its life from start to drain."""

from __future__ import annotations

import gc
import os
import resource
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from sekisho_core.events import Events, operator_events

from sekisho_inspection import sandbox, wire, worker
from sekisho_inspection.errors import InspectionError
from sekisho_inspection.pool import Job, Pool
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.wire import Answer, Request, WireError

_BACKLOG = 1024
# Clients that may be connected beyond those that wait and are served; and seconds in which one must say what it wants.
_SPARE_CLIENTS = 64
_SPEAK_LIMIT = 10.0
_SYNTHETIC_MAIL = b"Subject: =?UTF-8?B?5pel5qyh54K55qSc?=\r\nFrom: watchdog@example.jp\r\n\r\nA mail of our own.\r\n"

Prepare = Callable[["Supervisor"], Callable[[], None]]
"""Given the supervisor before its loop begins; returns what is to run at each turn of the loop."""


class Supervisor:
    """Serves clients on `listener` with a pool of workers until told to drain."""

    def __init__(
        self, settings: InspectionSettings, listener: socket.socket, start: Callable[[], tuple[int, socket.socket]],
        events: Events,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._listener = listener
        self._events = events
        self._selector = selectors.DefaultSelector()
        count = worker_count(settings)
        self._pool = Pool(settings, count, start, self._selector, events, time.monotonic)
        self._capacity = settings.queue_length + count + _SPARE_CLIENTS
        self._clients: dict[socket.socket, Job | None] = {}
        self._silent: dict[socket.socket, float] = {}
        self._draining = False

    def run(self, each_turn: Callable[[], None]) -> None:
        """Serve until `drain` was called and nothing is left to do; `each_turn` runs at least once a second."""
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        while not (self._draining and self._pool.resting and not self._silent):
            self._pool.tick()
            each_turn()
            for key, _ in self._selector.select(self._pool.next_event()):
                key.data()
            self._drop_silent()
        self._pool.close()

    @property
    def has_worker(self) -> bool:
        """Whether a worker is locked in and waits for mail."""
        return self._pool.status().idle > 0

    def watch(self, readable: int, action: Callable[[], None]) -> None:
        """Call `action` whenever the descriptor has something to read."""
        self._selector.register(readable, selectors.EVENT_READ, action)

    def unwatch(self, readable: int) -> None:
        """Take a `watch` back."""
        self._selector.unregister(readable)

    def drain(self) -> None:
        """Take the clients that are connected, no more, and finish what they ask."""
        if not self._draining:
            self._draining = True
            with suppress(OSError):
                Path(self._listener.getsockname()).unlink()
            while self._accept():
                pass
            self._selector.unregister(self._listener)
            self._listener.close()
            self._events.info("inspection-drain", waiting=self._pool.status().waiting)

    def try_synthetic(self, succeeded: Callable[[], None]) -> None:
        """Send a mail of our own through a worker; `succeeded` is called when it was read."""

        def reply(answer: Answer, descriptors: Sequence[int]) -> None:
            body = wire.body_of(answer, descriptors, wire.MAX_READING)
            if not answer.failure and not wire.decode_reading(body).incomplete:
                succeeded()

        content = wire.sealed(_SYNTHETIC_MAIL, "synthetic")
        self._pool.submit(Job(Request("read", len(_SYNTHETIC_MAIL)), [content], reply, time.monotonic()))

    def _accept(self) -> bool:
        try:
            connection = self._listener.accept()[0]
        except OSError:
            # None waits, it gave up meanwhile, or we lack descriptors for now.
            return False
        connection.setblocking(False)
        if len(self._clients) >= self._capacity:
            self._answer(connection, Answer("busy", "too many clients"), ())
            return True
        self._clients[connection] = None
        self._silent[connection] = time.monotonic() + _SPEAK_LIMIT
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._hear(connection))
        self._hear(connection)
        return True

    def _hear(self, connection: socket.socket) -> None:
        if connection not in self._clients:
            return
        try:
            request, descriptors = wire.receive(connection, Request)
        except BlockingIOError:
            return
        except (EOFError, WireError, OSError):
            self._forget(connection)
            return
        wanted = {"status": 0, "read": 1 if request.yara is None else 2}.get(request.task, 1)
        if self._clients[connection] is not None or len(descriptors) != wanted:
            wire.close_all(descriptors)
            self._forget(connection)
        elif request.task == "status":
            self._answer(connection, Answer(body=wire.encode(self._pool.status())), ())
        else:
            self._take(connection, request, descriptors)

    def _take(self, connection: socket.socket, request: Request, descriptors: list[int]) -> None:
        job = Job(
            request, descriptors, lambda answer, body: self._answer(connection, answer, body), time.monotonic()
        )  # fmt: skip
        self._clients[connection] = job
        self._silent.pop(connection, None)
        self._pool.submit(job)

    def _answer(self, connection: socket.socket, answer: Answer, descriptors: Sequence[int]) -> None:
        # An answer always fits an empty socket buffer; a client that is gone needs none.
        with suppress(OSError):
            wire.send(connection, answer, descriptors)
        self._clients[connection] = None
        self._forget(connection)

    def _forget(self, connection: socket.socket) -> None:
        job = self._clients.pop(connection, None)
        self._silent.pop(connection, None)
        with suppress(KeyError, ValueError):
            self._selector.unregister(connection)
        connection.close()
        if job is not None:
            self._pool.abandon(job)

    def _drop_silent(self) -> None:
        now = time.monotonic()
        for connection in [connection for connection, limit in self._silent.items() if limit <= now]:
            self._forget(connection)


def worker_count(settings: InspectionSettings) -> int:
    """Worker processes: as set, or one a processor that we may use."""
    return settings.workers or len(os.sched_getaffinity(0))


def listen(path: str) -> socket.socket:
    """A listening socket at `path`, mode 0660; a stale socket is replaced.

    Raises InspectionError when a live service answers there or the path cannot be used.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        _remove_stale(path)
        before = os.umask(0o117)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise InspectionError(f"inspection.socket: {path}: {error.strerror or error}") from error
    except InspectionError:
        listener.close()
        raise
    return listener


def _remove_stale(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(path)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            if not Path(path).is_socket():
                raise InspectionError(f"inspection.socket: {path}: exists and is not a socket") from None
            Path(path).unlink()
            return
    raise InspectionError(f"inspection.socket: {path}: another inspection service answers there")


def serve(settings: InspectionSettings, listener: socket.socket, reader: str, events: Events, prepare: Prepare) -> None:
    """Be the supervisor on `listener` until SIGTERM or SIGINT, then drain. SIGHUP does nothing: settings change by a
    restart. Raises InspectionError when the reader cannot be loaded."""
    try:
        read = worker.load_reader(reader)
    except (ImportError, AttributeError) as error:
        raise InspectionError(f"inspection: cannot load the readers: {error}") from error
    # A mail that waits holds three descriptors here; the usual soft limit of 1024 is for programs that use select.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    network = sandbox.without_network()
    for name, reason in network.missing:
        events.warning("inspection-unprotected", missing=name, detail=reason)
    # Workers share these objects' pages; the collector must not touch them after the fork.
    gc.freeze()
    supervisor = Supervisor(settings, listener, lambda: worker.start(read, settings.without_secrets()), events)
    events.info("inspection-start", workers=worker_count(settings), active=",".join(network.active))
    with _draining_on_signals(supervisor):
        supervisor.run(prepare(supervisor))
    events.info("inspection-stop")


@contextmanager
def _draining_on_signals(supervisor: Supervisor) -> Iterator[None]:
    """While inside, SIGTERM and SIGINT wake the event loop, which then drains."""
    awake, alarm = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def wake() -> None:
        os.read(awake, 512)
        supervisor.drain()

    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        # The handler's work is done by the wake-up descriptor, inside the loop.
        signal.signal(number, lambda _number, _frame: None)
    supervisor.watch(awake, wake)
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        wire.close_all((awake, alarm))


def _be_private(descriptor: str, settings: str, reader: str) -> None:
    """Serve the process that started us: readiness is a line on standard output, the end of standard input drains."""
    listener = socket.socket(fileno=int(descriptor))
    table = msgspec.json.decode(settings, type=InspectionSettings)

    def prepare(supervisor: Supervisor) -> Callable[[], None]:
        told = False

        def left() -> None:
            supervisor.unwatch(0)
            supervisor.drain()

        def each_turn() -> None:
            nonlocal told
            if not told and supervisor.has_worker:
                told = True
                os.write(1, b"ready\n")

        supervisor.watch(0, left)
        return each_turn

    serve(table, listener, reader, operator_events("warning"), prepare)


if __name__ == "__main__":
    try:
        _be_private(*sys.argv[1:])
    except InspectionError as failed:
        sys.exit(f"sekisho: {failed}")
