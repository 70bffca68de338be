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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import msgspec
from sekisho_core.addresses import senders
from sekisho_core.passwords import NO_KEYS, Keys
from sekisho_core.scan import Progress, YaraRules, silent
from sekisho_core.unlock import Examined, Source
from sekisho_core.vocabulary import Incomplete, Mail, Reading, Reason

from sekisho_inspection import wire
from sekisho_inspection.errors import InspectionError
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.wire import Answer, Compiled, Request, Status, WireError

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
        self._patience = settings.queue_wait + settings.deadline + _GRACE

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

    def compile_yara(self, sources: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
        """Compile YARA sources by namespace in a worker: the compiled rules of all good ones, and an error for each
        other namespace. A source that kills its compiler counts as a bad one.

        Raises InspectionError when the service cannot be reached or has no time.
        """
        answer, compiled = self._compile(sources)
        if compiled:
            return compiled.rules, compiled.errors
        if answer.failure not in ("crashed", "poison", "timeout", "limit"):
            raise InspectionError(
                f"inspection: {self.socket_path}: YARA was not compiled: {answer.failure} {answer.detail}"
            )
        if len(sources) == 1:
            return b"", dict.fromkeys(sources, f"compiling it ended in: {answer.failure}")
        errors: dict[str, str] = {}
        for namespace, source in sources.items():
            errors |= self.compile_yara({namespace: source})[1]
        rules, more = self.compile_yara({name: text for name, text in sources.items() if name not in errors})
        return rules, errors | more

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

    def _compile(self, sources: Mapping[str, str]) -> tuple[Answer, Compiled | None]:
        content = wire.encode(dict(sources))
        request = Request("compile", len(content), hashlib.sha256(content).hexdigest())
        descriptor = wire.sealed(content, "sources")
        try:
            answer, body = self._ask(request, [descriptor], silent)
            return answer, None if answer.failure else wire.decode_compiled(body)
        except OSError as error:
            raise InspectionError(f"inspection: {self.socket_path}: {error.strerror or error}") from error
        except WireError as error:
            raise InspectionError(f"inspection: {self.socket_path}: {error}") from error
        finally:
            os.close(descriptor)

    def _ask(self, request: Request, descriptors: Sequence[int], progress: Progress) -> tuple[Answer, bytes]:
        with self._connected() as connection:
            wire.send(connection, request, descriptors)
            if not self._wait(connection, progress):
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

    def _wait(self, connection: socket.socket, progress: Progress) -> bool:
        limit = time.monotonic() + self._patience
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
