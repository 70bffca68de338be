"""A minimal milter client: plays a mail to a milter as an MTA would, and returns what it answers.

Speaks version 6 of the protocol (libmilter's mfdef.h): packets of a 32-bit length, a command byte and data.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sekisho_core.errors import SekishoError

_ALL_ACTIONS = 0x1FF
_ALL_STEPS = 0x1FFFFF
# Command bytes whose reply the milter may leave out, with the protocol bit that says so.
_NO_REPLY = {
    b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000, b"T": 0x10000, b"L": 0x80, b"N": 0x40000, b"B": 0x80000,
}  # fmt: skip
_FINAL = (b"a", b"c", b"d", b"r", b"t", b"y", b"s")
_LONGEST = 1 << 20
_NAMES = {b"a": "accept", b"c": "continue", b"d": "discard", b"r": "reject", b"t": "tempfail", b"y": "reply"}


class ProbeError(SekishoError):
    """A milter that cannot be reached or does not answer as the protocol wants."""


@dataclass
class Reply:
    """A final reply: its packet and its name."""

    code: bytes
    data: bytes

    @property
    def name(self) -> str:
        """accept, continue, discard, reject or tempfail; a reply with text counts by its first digit."""
        if self.code == b"y":
            return "tempfail" if self.data.startswith(b"4") else "reject"
        return _NAMES.get(self.code, repr(self.code))


@dataclass(frozen=True)
class Script:
    """A mail to be played: header fields as (name, value with its leading space), body in pieces."""

    sender: bytes = b"<>"
    recipients: Sequence[bytes] = (b"<postmaster@localhost>",)
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: Iterable[bytes] = ()
    macros: Sequence[tuple[bytes, bytes]] = ()


class Dialogue:
    """One connection to a milter. Every call may raise ProbeError; a context manager."""

    def __init__(self, endpoint: str, timeout: float, steps: int = _ALL_STEPS) -> None:
        try:
            self._socket = _connected(endpoint, timeout)
        except OSError as error:
            raise ProbeError(f"{endpoint}: {error.strerror or error}") from error
        self._endpoint = endpoint
        try:
            self.actions, self.steps = self._negotiate(steps)
        except ProbeError:
            self.close()
            raise

    def __enter__(self) -> Dialogue:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProbeError):
            self.send(b"Q")
        self.close()

    def close(self) -> None:
        """End the connection without a word."""
        self._socket.close()

    def connect(self, name: bytes, address: str) -> None:
        """The client's host name and IPv4 address."""
        self.command(b"C", name + b"\0" + b"4" + struct.pack(">H", 25) + address.encode() + b"\0")

    def helo(self, name: bytes) -> None:
        """The client's HELO name."""
        self.command(b"H", name + b"\0")

    def play(self, script: Script, heard: Callable[[], None] = lambda: None) -> Reply:
        """A whole mail; the first reply that is not "continue" ends it. `heard` is called for every packet before the
        final reply."""
        for reply in self._steps(script):
            if reply is not None and reply.code not in (b"c", b"s"):
                return reply
        return self.end(heard)

    def end(self, heard: Callable[[], None]) -> Reply:
        """The end of the message, and the milter's final reply."""
        self.send(b"E")
        while True:
            code, data = self.receive()
            if code in _FINAL:
                return Reply(code, data)
            heard()

    def macros(self, command: bytes, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        """Macros for the stage of `command`."""
        self.send(b"D", command + b"".join(name + b"\0" + value + b"\0" for name, value in pairs))

    def command(self, command: bytes, data: bytes = b"") -> Reply | None:
        """A command and its reply; None where the milter said that it gives none."""
        self.send(command, data)
        if self.steps & _NO_REPLY.get(command, 0):
            return None
        return Reply(*self.receive())

    def send(self, command: bytes, data: bytes = b"") -> None:
        """A packet without waiting for anything."""
        try:
            self._socket.sendall(struct.pack(">I", len(data) + 1) + command + data)
        except OSError as error:
            raise ProbeError(f"{self._endpoint}: {error.strerror or error}") from error

    def receive(self) -> tuple[bytes, bytes]:
        """The next packet: its command byte and its data."""
        length = struct.unpack(">I", self._exactly(4))[0]
        if not 0 < length <= _LONGEST:
            raise ProbeError(f"{self._endpoint}: a packet of {length} bytes")
        packet = self._exactly(length)
        return packet[:1], packet[1:]

    def _negotiate(self, steps: int) -> tuple[int, int]:
        self.send(b"O", struct.pack(">III", 6, _ALL_ACTIONS, steps))
        code, data = self.receive()
        if code != b"O" or len(data) < 12:
            raise ProbeError(f"{self._endpoint}: does not negotiate")
        actions, agreed = struct.unpack(">II", data[4:12])
        return actions, agreed

    def _steps(self, script: Script) -> Iterable[Reply | None]:
        self.macros(b"M", script.macros)
        yield self.command(b"M", script.sender + b"\0")
        for recipient in script.recipients:
            yield self.command(b"R", recipient + b"\0")
        for name, value in script.headers:
            yield self.command(b"L", name + b"\0" + value + b"\0")
        yield self.command(b"N")
        for piece in script.body:
            yield self.command(b"B", piece)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                piece = self._socket.recv(size - len(data))
            except OSError as error:
                raise ProbeError(f"{self._endpoint}: {error.strerror or error}") from error
            if not piece:
                raise ProbeError(f"{self._endpoint}: the milter closed the connection")
            data += piece
        return data


def probe(endpoint: str, helo: str, timeout: float, heard: Callable[[], None] = lambda: None) -> Reply:
    """Play a harmless synthetic mail; `helo` is the name by which the milter knows it and leaves no record of it.
    `timeout` is seconds between two packets; `heard` is called for those before the final reply.

    Raises ProbeError when there is no final reply.
    """
    headers = (
        (b"From", b" sekisho <sekisho@localhost>"), (b"To", b" postmaster@localhost"), (b"Subject", b" health"),
        (b"Date", b" Mon, 01 Jan 2024 00:00:00 +0000"), (b"Message-ID", b" <health@localhost>"),
        (b"MIME-Version", b" 1.0"), (b"Content-Type", b" text/plain; charset=us-ascii"),
    )  # fmt: skip
    with Dialogue(endpoint, timeout) as dialogue:
        dialogue.connect(b"localhost", "127.0.0.1")
        dialogue.helo(helo.encode())
        script = Script(headers=headers, body=(b"A mail that only asks whether mail is scanned.\r\n",))
        return dialogue.play(script, heard)


def _connected(endpoint: str, timeout: float) -> socket.socket:
    kind, _, place = endpoint.partition(":")
    if kind == "unix":
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(timeout)
        try:
            client.connect(str(Path(place)))
        except OSError:
            client.close()
            raise
        return client
    port, _, host = place.partition("@")
    # libmilter's listener also takes an IPv6 address in brackets.
    return socket.create_connection((host.strip("[]"), int(port)), timeout)
