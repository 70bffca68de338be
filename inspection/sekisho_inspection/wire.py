"""The packets between client, supervisor and worker: their fields, their bounds, and the descriptors that travel along.

One packet is one msgpack message on an AF_UNIX SOCK_SEQPACKET socket. Bytes of any size go beside it as descriptors
(SCM_RIGHTS): the mail as the client holds it, a large answer as a sealed memfd. Every packet may come from a hostile
process: its size, its types and the kind of its descriptors are checked before it is believed.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Annotated, Literal, TypeVar

import msgspec
from sekisho_core.passwords import NO_KEYS, NONE, Keys, Passwords
from sekisho_core.vocabulary import (
    Decoding,
    Finding,
    Header,
    Incomplete,
    Link,
    Observable,
    Part,
    Reading,
    Reason,
    Text,
)

# A packet must fit the kernel's default socket buffer (208 KiB) with room to spare; what is larger goes by memfd.
# Beside the body there is room for passwords: 64 of 128 characters of at most four bytes, twice in a request.
MAX_PACKET = 96 << 10
MAX_INLINE = 60 << 10
MAX_BODY = 1 << 27
MAX_READING = 1 << 26
_MAX_DESCRIPTORS = 2
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE

Task = Literal["read", "check", "compile", "measure", "status"]
OF_RULES = ("check", "compile", "measure")
# All rules are compiled in one go, which may take as long as so many mails.
COMPILE_DEADLINES = 10


class WireError(Exception):
    """A packet or an answer that is not what this protocol allows."""


class Request(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A task. Its descriptors: for `read` the mail and, if `yara` is set, the compiled rules; for `check`, `compile`
    and `measure` the sources; for `status` none. `size` is the first descriptor's length in bytes, `sha256` the hash of
    its content, `yara` the serial of the index that the rules belong to, `keys` the passwords to read with. `turn` is
    the supervisor's; the answer bears it."""

    task: Task
    size: int = 0
    sha256: str = ""
    yara: int | None = None
    keys: Keys = NO_KEYS
    turn: int = 0


class Answer(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The result of a task in `body`, or in the one descriptor; or `failure` with a detail for people.

    `leaving` is a worker's word that this was its last task. `stated` are the passwords that the mail states, where
    they were wanted: they are beside the body, which is kept and shown.
    """

    failure: Reason | None = None
    detail: str = ""
    leaving: bool = False
    body: bytes = b""
    stated: Passwords = NONE
    turn: int = 0


class Hello(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A worker's first packet: it is locked in; `missing` names each protection that is not in force, with why."""

    active: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]


class Compiled(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Compiled YARA rules (none of a check), and an error for each namespace that is not good."""

    rules: bytes
    errors: dict[str, str]


class Sources(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """YARA sources by namespace, the rule set of each, and the rule from which on costs are measured."""

    sources: dict[str, str]
    sets: dict[str, str]
    begin: int = 0


class Costs(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """By namespace each rule with its cost, in times that of a plain string (None where it was not measured), and an
    error for each other namespace."""

    costs: dict[str, dict[str, float | None]]
    errors: dict[str, str]


class Status(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The supervisor's state: counts of workers (slow ones were set aside) and of waiting tasks now, of workers lost in
    the middle of a task and of outcomes since it began."""

    workers: int
    idle: int
    busy: int
    slow: int
    waiting: int
    lost: int
    outcomes: dict[str, int]
    active: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]


class _BoundedReading(Reading, frozen=True, forbid_unknown_fields=True):
    """A Reading that was checked for length while it was decoded: a few bytes of msgpack can name a large object, so
    the size of a packet alone does not bound the memory it takes."""

    headers: Annotated[tuple[Header, ...], msgspec.Meta(max_length=50_000)] = ()
    texts: Annotated[tuple[Text, ...], msgspec.Meta(max_length=50_000)] = ()
    parts: Annotated[tuple[Part, ...], msgspec.Meta(max_length=50_000)] = ()
    observables: Annotated[tuple[Observable, ...], msgspec.Meta(max_length=200_000)] = ()
    findings: Annotated[tuple[Finding, ...], msgspec.Meta(max_length=50_000)] = ()
    incomplete: Annotated[tuple[Incomplete, ...], msgspec.Meta(max_length=50_000)] = ()
    decodings: Annotated[tuple[Decoding, ...], msgspec.Meta(max_length=50_000)] = ()
    links: Annotated[tuple[Link, ...], msgspec.Meta(max_length=50_000)] = ()


T = TypeVar("T")
_ENCODER = msgspec.msgpack.Encoder()
_READINGS = msgspec.msgpack.Decoder(_BoundedReading)
_COMPILED = msgspec.msgpack.Decoder(Compiled)
_COSTS = msgspec.msgpack.Decoder(Costs)


def send(connection: socket.socket, message: msgspec.Struct, descriptors: Sequence[int] = ()) -> None:
    """Send one packet. Raises OSError; on a blocking socket it waits for room."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(descriptors)}i", *descriptors))]
    connection.sendmsg([_ENCODER.encode(message)], rights if descriptors else [])


def receive(connection: socket.socket, kind: type[T]) -> tuple[T, list[int]]:
    """The next packet as `kind`, and its descriptors, which are now the caller's to close.

    Raises EOFError when the peer is gone, WireError for a packet that is none of ours (its descriptors are closed),
    BlockingIOError when a non-blocking socket has nothing, OSError.
    """
    space = socket.CMSG_SPACE(_MAX_DESCRIPTORS * struct.calcsize("i"))
    data, ancillary, flags, _ = connection.recvmsg(MAX_PACKET, space, socket.MSG_CMSG_CLOEXEC)
    descriptors = _descriptors(ancillary)
    try:
        if not data:
            raise EOFError
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise WireError("packet is too large")
        return msgspec.msgpack.decode(data, type=kind), descriptors
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        close_all(descriptors)
        raise WireError(f"packet is not a {kind.__name__}") from error
    except (EOFError, WireError):
        close_all(descriptors)
        raise


def _descriptors(ancillary: Iterable[tuple[int, int, bytes]]) -> list[int]:
    found: list[int] = []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found += [number for (number,) in struct.iter_unpack("i", data[: len(data) // 4 * 4])]
    return found


def close_all(descriptors: Iterable[int]) -> None:
    """Close each descriptor; one that is closed already is passed over."""
    for descriptor in descriptors:
        with suppress(OSError):
            os.close(descriptor)


def sealed(data: bytes, name: str) -> int:
    """A memfd with `data` that nobody can change any more; the caller closes it. Raises OSError."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def encode(value: msgspec.Struct) -> bytes:
    """A body's bytes. Raises UnicodeEncodeError for text with lone surrogates."""
    return _ENCODER.encode(value)


def body_of(answer: Answer, descriptors: Sequence[int], limit: int) -> bytes:
    """The body of an answer, inline or in its descriptor; that must be a fully sealed memfd of at most `limit` bytes,
    so that it neither blocks, nor ends, nor changes while it is read. Raises WireError."""
    if not descriptors:
        return answer.body
    if len(descriptors) > 1 or answer.body:
        raise WireError("answer has more than one body")
    try:
        if fcntl.fcntl(descriptors[0], fcntl.F_GET_SEALS) & _SEALS != _SEALS:
            raise WireError("answer is not sealed")
        size = os.fstat(descriptors[0]).st_size
        if size > limit:
            raise WireError("answer is too large")
        return os.pread(descriptors[0], size, 0)
    except OSError as error:
        raise WireError("answer is no memfd") from error


def decode_reading(body: bytes) -> Reading:
    """The Reading in a body, every field checked. Raises WireError."""
    found = _decode(_READINGS, body)
    return Reading(*(getattr(found, name) for name in Reading.__struct_fields__))


def decode_compiled(body: bytes) -> Compiled:
    """The compiled rules in a body, every field checked. Raises WireError."""
    return _decode(_COMPILED, body)


def decode_costs(body: bytes) -> Costs:
    """The costs of rules in a body, every field checked. Raises WireError."""
    return _decode(_COSTS, body)


def _decode(decoder: msgspec.msgpack.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, MemoryError) as error:
        raise WireError("answer has the wrong form") from error


def check(task: Task, answer: Answer, descriptors: Sequence[int]) -> None:
    """Whether a worker's answer can be believed in form. Raises WireError."""
    if task in OF_RULES:
        if not answer.failure:
            (decode_costs if task == "measure" else decode_compiled)(body_of(answer, descriptors, MAX_BODY))
        return
    decode_reading(body_of(answer, descriptors, MAX_READING))
