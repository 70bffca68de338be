"""The worker process: reads one mail after another inside the sandbox, and knows nothing but the bytes it is handed."""

from __future__ import annotations

import encodings
import importlib
import os
import pkgutil
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from sekisho_core.vocabulary import Incomplete, Reading, Reason

from sekisho_inspection import sandbox, wire, yara_compile, yara_scan
from sekisho_inspection.file_cache import FileCache
from sekisho_inspection.keyring import Keyring
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.wire import Answer, Request

Reader = Callable[[bytes, InspectionSettings, Any, Keyring, FileCache], Reading]
# CPU seconds over a worker's life: a last bound should the supervisor be stopped. It leaves by itself well before.
_CPU_DEADLINES = 40


def load_reader(name: str) -> Reader:
    """Import the reader `module:function` with all it needs, and every codec, so that workers begin warm.

    Called before the fork: workers share these pages. Raises ImportError, AttributeError.
    """
    for codec in pkgutil.iter_modules(encodings.__path__):
        # Some exist on other systems only.
        with suppress(ImportError):
            importlib.import_module(f"encodings.{codec.name}")
    module, _, function = name.partition(":")
    reader: Reader = getattr(importlib.import_module(module), function)
    return reader


def start(reader: Reader, settings: InspectionSettings) -> tuple[int, socket.socket]:
    """Fork a worker; returns its process id and the supervisor's end of its socket. Raises OSError."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        pid = os.fork()
        if pid == 0:
            _live(theirs, reader, settings)
    ours.setblocking(False)
    return pid, ours


def _live(connection: socket.socket, reader: Reader, settings: InspectionSettings) -> None:
    # The child must never return into the supervisor's loop, whatever it dies of.
    try:
        # The supervisor ends its workers; a signal to the whole group must not cut a mail that is being drained.
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        sandbox.keep_only(connection)
        cpu = int(settings.deadline * _CPU_DEADLINES) + 1
        wire.send(connection, sandbox.lock(settings.memory, cpu))
        Worker(connection, reader, settings, cpu / 2).serve()
    finally:
        os._exit(0)


class Worker:
    """Answers requests on its socket until the other end closes or `cpu` seconds are spent."""

    def __init__(self, connection: socket.socket, reader: Reader, settings: InspectionSettings, cpu: float) -> None:
        self._connection = connection
        self._reader = reader
        self._settings = settings
        self._cpu = cpu
        self._rules: tuple[object, yara_scan.CompiledYara] | None = None
        self._cache = FileCache(settings.cache_bytes)
        self._cache_without_rules = FileCache(settings.cache_bytes)

    def serve(self) -> None:
        """Read until the supervisor closes the socket or this worker has spent its time."""
        leaving = False
        while not leaving:
            try:
                request, descriptors = wire.receive(self._connection, Request)
            except EOFError:
                return
            try:
                answer = self._answer(request, descriptors)
            finally:
                wire.close_all(descriptors)
            leaving = answer.leaving or _cpu_spent() > self._cpu
            self._send(msgspec.structs.replace(answer, leaving=leaving, turn=request.turn))

    def _send(self, answer: Answer) -> None:
        if len(answer.body) <= wire.MAX_INLINE:
            wire.send(self._connection, answer)
            return
        descriptor = wire.sealed(answer.body, "answer")
        wire.send(self._connection, msgspec.structs.replace(answer, body=b""), [descriptor])
        os.close(descriptor)

    def _answer(self, request: Request, descriptors: list[int]) -> Answer:
        try:
            content = _read(descriptors[0], request.size)
            if request.task in wire.OF_RULES:
                return _of_rules(request.task, content)
            keyring = Keyring(request.keys)
            return _packed(self._reading(request, content, descriptors[1:], keyring), keyring)
        except MemoryError:
            # What the mail left behind goes with this process.
            return _failed(request.task, "limit", "memory", leaving=True)
        # A library may raise anything, SystemExit too. The message stays here: it may hold a password.
        except BaseException as error:
            return _failed(request.task, "crashed", type(error).__name__)

    def _reading(self, request: Request, content: bytes, rules: list[int], keyring: Keyring) -> Reading:
        if request.yara is None:
            return self._reader(content, self._settings, None, keyring, self._cache_without_rules)
        compiled = self._compiled(request.yara, rules[0])
        return self._reader(content, self._settings, compiled, keyring, self._cache)

    def _compiled(self, serial: int, descriptor: int) -> yara_scan.CompiledYara:
        status = os.fstat(descriptor)
        # A scan with rules of its own may bear a serial that the service knows for another file.
        key = (serial, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if self._rules is None or self._rules[0] != key:
            # What older rules did not find the new ones may.
            self._cache = FileCache(self._settings.cache_bytes)
            self._rules = key, yara_scan.load_rules(_read(descriptor, status.st_size))
        return self._rules[1]


def _of_rules(task: wire.Task, content: bytes) -> Answer:
    given = msgspec.msgpack.decode(content, type=wire.Sources)
    if task == "measure":
        return Answer(body=wire.encode(wire.Costs(*yara_compile.costs_of(given.sources, given.begin))))
    if task == "compile":
        return Answer(body=wire.encode(wire.Compiled(*yara_compile.bundle(given.sources, given.sets))))
    problems = {namespace: yara_compile.check(text) for namespace, text in given.sources.items()}
    return Answer(body=wire.encode(wire.Compiled(b"", {name: told for name, told in problems.items() if told})))


def _packed(reading: Reading, keyring: Keyring) -> Answer:
    body = wire.encode(reading)
    if len(body) > wire.MAX_READING:
        return _failed("read", "limit", "answer")
    return Answer(body=body, stated=keyring.stated)


def _failed(task: wire.Task, reason: Reason, detail: str, leaving: bool = False) -> Answer:
    if task in wire.OF_RULES:
        return Answer(reason, detail, leaving)
    return Answer(body=wire.encode(Reading(incomplete=(Incomplete("mail", reason, detail),))), leaving=leaving)


def _read(descriptor: int, size: int) -> bytes:
    content = os.pread(descriptor, size, 0)
    while len(content) < size:
        more = os.pread(descriptor, size - len(content), len(content))
        if not more:
            raise EOFError
        content += more
    return content


def _cpu_spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
