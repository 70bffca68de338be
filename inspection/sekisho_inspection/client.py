"""The client of the inspection service: hands a mail over and waits, within bounds, for what was read in it.

Cheap to import: no reader is loaded here.
"""

from __future__ import annotations

import hashlib
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec
from sekisho_core.addresses import senders
from sekisho_core.passwords import NO_KEYS, Keys
from sekisho_core.scan import Progress, YaraRules, silent
from sekisho_core.unlock import Examined, Source
from sekisho_core.vocabulary import Incomplete, Mail, Reading, Reason

from sekisho_inspection import wire
from sekisho_inspection.errors import InspectionError
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.wire import Answer, Compiled, Costs, Request, Sources, Status, Task, WireError

T = TypeVar("T")

READER = "sekisho_inspection.reader:read_mail"
# Seconds beyond the supervisor's own bounds after which it counts as dead, and for a place in its backlog.
_GRACE = 10.0
_CONNECT_LIMIT = 5
_START_LIMIT = 60.0


class InspectionClient:
    """Implements `core.scan.Inspect` over the service's socket; may be shared by threads and used after a fork.

    `progress_interval` is seconds between calls of `progress` while a mail is read.
    """

    def __init__(self, socket_path: str, settings: InspectionSettings, progress_interval: float = 10.0) -> None:
        self.socket_path = socket_path
        self._settings = settings
        self._interval = progress_interval

    def __call__(self, mail: Mail, yara: YaraRules | None, progress: Progress) -> Reading:
        """What the workers read in the mail with no other passwords than its own."""
        return self.examine(mail, yara, progress, NO_KEYS).reading

    def examine(self, mail: Mail, yara: YaraRules | None, progress: Progress, keys: Keys) -> Examined:
        """What the workers read in the mail with these keys (implements `core.unlock.Read`).

        Raises nothing: a failure is an `Incomplete` at "mail" with the reason busy, unavailable, timeout, crashed,
        poison or limit.
        """
        content = mail.content
        if content.size > self._settings.max_mail_bytes:
            return _gap("limit", f"{content.size} bytes")
        request = Request("read", content.size, content.sha256, yara.serial if yara else None, keys)
        try:
            with ExitStack() as opened:
                descriptors = [_held(opened, f"/proc/self/fd/{content.fd}")]
                if yara is not None:
                    descriptors.append(_held(opened, yara.path))
                answer, body = self._ask(request, descriptors, progress)
            if answer.failure:
                return _gap(answer.failure, answer.detail)
            return Examined(wire.decode_reading(body), answer.stated)
        except OSError as error:
            return _gap("unavailable", error.strerror or "")
        except WireError as error:
            return _gap("crashed", str(error))

    def compile_yara(
        self, sources: Mapping[str, str], sets: Mapping[str, str] | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Check YARA sources by namespace, each for itself, and compile the good ones, in a worker: the compiled rules,
        and an error for each other namespace. `sets` names the rule set of each. A source that kills its compiler
        counts as a bad one.

        Raises InspectionError when the service cannot be reached or has no time.
        """
        errors = self.check_yara(sources)
        good = {namespace: text for namespace, text in sources.items() if namespace not in errors}
        compiled = self._compiled("compile", good, sets or {})
        return compiled.rules, errors | compiled.errors

    def check_yara(self, sources: Mapping[str, str]) -> dict[str, str]:
        """Why YARA sources are not used, by namespace; nothing of those that may be. Raises InspectionError as
        `compile_yara` does."""
        errors: dict[str, str] = {}
        for namespace, text in sources.items():
            errors |= self._compiled("check", {namespace: text}, {}).errors
        return errors

    def yara_costs(
        self, sources: Mapping[str, str], seconds: float
    ) -> tuple[dict[str, dict[str, float | None]], dict[str, str]]:
        """By namespace each YARA rule that is not private with its cost, in times that of a plain string over the
        samples that sources are tried on, or None when `seconds` had passed before it was measured; and an error for
        each source that was not measured to its end. Raises InspectionError as `compile_yara` does."""
        until = time.monotonic() + seconds
        costs: dict[str, dict[str, float | None]] = {}
        errors: dict[str, str] = {}
        for namespace, text in sources.items():
            known: dict[str, float | None] = {}
            for found in self._measured({namespace: text}, until):
                told = found.costs.get(namespace, {})
                known |= {name: cost for name, cost in told.items() if cost is not None or name not in known}
                errors |= found.errors
            costs[namespace] = known
        return costs, errors

    def _measured(self, sources: Mapping[str, str], until: float) -> Iterator[Costs]:
        """The costs of the rules of one source piece by piece, since no worker has the time for thousands."""
        begin, more = 0, True
        while more:
            answer, body = self._of_rules("measure", Sources(dict(sources), {}, begin))
            if answer.failure:
                yield Costs({}, dict.fromkeys(sources, self._ended(answer)))
                return
            found = self._decoded(wire.decode_costs, body)
            yield found
            rules = [cost for costs in found.costs.values() for cost in costs.values()]
            measured = sum(cost is not None for cost in rules)
            begin += measured
            more = measured > 0 and begin < len(rules) and time.monotonic() < until

    def _compiled(self, task: Task, sources: Mapping[str, str], sets: Mapping[str, str]) -> Compiled:
        answer, body = self._of_rules(task, Sources(dict(sources), dict(sets)))
        if answer.failure:
            return Compiled(b"", dict.fromkeys(sources, self._ended(answer)))
        return self._decoded(wire.decode_compiled, body)

    def _ended(self, answer: Answer) -> str:
        """How a compiler ended for what it was given. Raises InspectionError when it is not to blame."""
        if answer.failure not in ("crashed", "poison", "timeout", "limit"):
            raise InspectionError(
                f"inspection: {self.socket_path}: YARA was not compiled: {answer.failure} {answer.detail}"
            )
        return f"compiling it ended in: {answer.failure}"

    def status(self) -> Status:
        """The supervisor's state. Raises InspectionError when it does not answer."""
        try:
            body = self._ask(Request("status"), (), silent)[1]
            return msgspec.msgpack.decode(body, type=Status)
        except OSError as error:
            raise InspectionError(f"inspection: {self.socket_path}: {error.strerror or error}") from error
        except (WireError, msgspec.MsgspecError) as error:
            raise InspectionError(
                f"inspection: {self.socket_path}: what answers there is no inspection service"
            ) from error

    def _of_rules(self, task: Task, sources: Sources) -> tuple[Answer, bytes]:
        content = wire.encode(sources)
        request = Request(task, len(content), hashlib.sha256(content).hexdigest())
        descriptor = wire.sealed(content, "sources")
        try:
            return self._ask(request, [descriptor], silent)
        except OSError as error:
            raise InspectionError(f"inspection: {self.socket_path}: {error.strerror or error}") from error
        except WireError as error:
            raise InspectionError(f"inspection: {self.socket_path}: {error}") from error
        finally:
            os.close(descriptor)

    def _decoded(self, decode: Callable[[bytes], T], body: bytes) -> T:
        try:
            return decode(body)
        except WireError as error:
            raise InspectionError(f"inspection: {self.socket_path}: {error}") from error

    def _ask(self, request: Request, descriptors: Sequence[int], progress: Progress) -> tuple[Answer, bytes]:
        with self._connected() as connection:
            wire.send(connection, request, descriptors)
            if not self._wait(connection, progress, self._patience(request.task)):
                return Answer("timeout", "the service does not answer"), b""
            try:
                answer, attached = wire.receive(connection, Answer)
            except EOFError:
                return Answer("unavailable", "the service went away"), b""
            try:
                return answer, wire.body_of(answer, attached, wire.MAX_BODY)
            finally:
                wire.close_all(attached)

    def _connected(self) -> closing[socket.socket]:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            # With a full backlog a blocking connect waits as long as a send may (unix(7) says nothing; the kernel's
            # unix_stream_connect does).
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _CONNECT_LIMIT, 0))
            connection.connect(self.socket_path)
        except OSError:
            connection.close()
            raise
        return closing(connection)

    def _patience(self, task: Task) -> float:
        deadlines = wire.COMPILE_DEADLINES if task == "compile" else 1
        return self._settings.queue_wait + deadlines * self._settings.deadline + _GRACE

    def _wait(self, connection: socket.socket, progress: Progress, patience: float) -> bool:
        limit = time.monotonic() + patience
        poller = select.poll()
        poller.register(connection, select.POLLIN)
        while (rest := limit - time.monotonic()) > 0:
            if poller.poll(min(self._interval, rest) * 1000):
                return True
            # A peer that is gone must not end the inspection: its verdict is still worth a record.
            with suppress(Exception):
                progress()
        return False


@contextmanager
def private_workers(settings: InspectionSettings, workers: int, reader: str = READER) -> Iterator[InspectionClient]:
    """A client with a supervisor and `workers` workers of its own, which end with the block or with this process.

    `reader` is `module:function` with the signature of `reader.read_mail`. Raises InspectionError when they do not
    start.
    """
    table = msgspec.json.encode(msgspec.structs.replace(settings.without_secrets(), workers=workers)).decode()
    with tempfile.TemporaryDirectory(prefix="sekisho-") as directory:
        path = str(Path(directory) / "inspection.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(path)
            listener.listen()
            process = _start([str(listener.fileno()), table, reader], listener.fileno())
        with process:
            try:
                _await_ready(process)
                yield InspectionClient(path, settings)
            finally:
                _end(process)


def listed_passwords(settings: InspectionSettings) -> Source:
    """The passwords of the settings, for mail whose envelope or header names a partner as its sender."""

    def listed(mail: Mail, reading: Reading) -> Iterator[str]:
        return settings.passwords_for(senders(mail.envelope, reading))

    return listed


def _start(arguments: list[str], kept: int) -> subprocess.Popen[bytes]:
    # Its own session: a Ctrl-C in the terminal is for us, who end it in order. -P: code is not taken from the
    # directory that the operator happens to be in.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "sekisho_inspection.service", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[kept], start_new_session=True,
    )  # fmt: skip


def _await_ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout
    readable = select.select([process.stdout], [], [], _START_LIMIT)[0]
    if not readable or not process.stdout.readline():
        raise InspectionError("inspection: the private workers did not start")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    assert process.stdin
    process.stdin.close()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def _held(opened: ExitStack, path: Path | str) -> int:
    """A descriptor for reading only, whatever ours can do: a worker must not be able to change a mail."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    opened.callback(os.close, descriptor)
    return descriptor


def _gap(reason: Reason, detail: str) -> Examined:
    return Examined(Reading(incomplete=(Incomplete("mail", reason, detail),)))
