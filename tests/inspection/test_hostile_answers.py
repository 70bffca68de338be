"""Answers that no honest process gives: each is an Incomplete, never an exception, never another mail's trouble."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sekisho_core.scan import silent
from sekisho_core.vocabulary import Decoding, Incomplete, Link, Mail, Reading, Reason, Subject
from sekisho_inspection import client as client_module
from sekisho_inspection import wire
from sekisho_inspection.client import InspectionClient
from sekisho_inspection.errors import InspectionError
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.wire import Answer, WireError

MakeMail = Callable[[bytes], Mail]
Workers = Callable[..., InspectionClient]
SAYINGS = (
    "say_garbage", "say_wrong_schema", "say_pickle", "say_too_much", "say_endlessly", "say_deep", "say_unsealed",
    "say_pipe", "say_many_descriptors", "say_gigantic", "say_many_objects", "say_truncated", "say_more_behind",
    "say_huge_length", "say_huge_array", "say_no_utf8", "say_wrong_types", "say_unknown_field", "say_unknown_reason",
    "say_nested_body", "say_many_in_one", "say_two_bodies", "say_directory", "say_socket", "say_a_request",
)  # fmt: skip


def test_sayings(workers: Workers, mail: MakeMail) -> None:
    """C16: garbage, wrong schemas, pickles, gigantic, endless and blocking answers cost the worker its life and the
    mail its reading; the next mail is read."""
    client = workers(1, poison_after=1)
    for saying in SAYINGS:
        found = client(mail(f"!{saying}\n".encode()), None, silent)
        assert [gap.reason for gap in found.incomplete] == ["poison"], saying
        assert client(mail(b"plain\n"), None, silent).subject.decoded == "plain", saying
    assert client.status().lost == len(SAYINGS)


def test_an_answer_out_of_turn(workers: Workers, mail: MakeMail) -> None:
    """C16: a worker that answers more than it was asked answers no other mail: what waits in line gets its own reading
    from another worker."""
    client = workers(1)
    mails = [mail(b"!say_twice\n"), *(mail(b"mail %d\n" % number) for number in range(6))]
    with ThreadPoolExecutor(len(mails)) as threads:
        found = list(threads.map(lambda one: client(one, None, silent).subject.decoded, mails))
    assert found == ["forged", *(f"mail {number}" for number in range(6))]


@contextmanager
def service(path: Path, act: Callable[[socket.socket], None]) -> Iterator[None]:
    """Somebody who answers one client at `path`, in his own way."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection = listener.accept()[0]
            with connection:
                wire.close_all(wire.receive(connection, wire.Request)[1])
                act(connection)

        server = threading.Thread(target=serve)
        server.start()
        yield
        server.join(30)
        assert not server.is_alive()


def _say(data: bytes) -> Callable[[socket.socket], None]:
    def act(connection: socket.socket) -> None:
        connection.send(data)

    return act


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (_say(b"nonsense"), "crashed"),
        (_say(bytes(100_000)), "crashed"),
        (_say(msgspec.msgpack.encode(Answer(body=b"\x81\xa1x\x01"))), "crashed"),
        (lambda connection: connection.shutdown(socket.SHUT_RDWR), "unavailable"),
        (lambda connection: connection.recv(1), "timeout"),
    ],
    ids=["garbage", "too large", "unknown field", "goes away", "silent"],
)
def test_client_alone(
    act: Callable[[socket.socket], None], reason: str, tmp_path: Path, limits: InspectionSettings, mail: MakeMail,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """C16: the client believes nothing either: whatever answers, or does not, it returns an Incomplete in its time."""
    monkeypatch.setattr(client_module, "_GRACE", 0.1)
    impatient = msgspec.structs.replace(limits, queue_wait=0.2, deadline=0.2)
    with service(tmp_path / "s", act):
        found = InspectionClient(str(tmp_path / "s"), impatient)(mail(b"x"), None, silent)
    assert [gap.reason for gap in found.incomplete] == [reason]


def test_no_service(tmp_path: Path, limits: InspectionSettings, mail: MakeMail) -> None:
    """Without a service a mail is unavailable, for policy to refuse for now; commands say it in one line."""
    client = InspectionClient(str(tmp_path / "none"), limits)
    assert [gap.reason for gap in client(mail(b"x"), None, silent).incomplete] == ["unavailable"]
    with pytest.raises(InspectionError, match="none: No such file"):
        client.status()
    with pytest.raises(InspectionError, match="none: No such file"):
        client.compile_yara({"a": "rule a {condition: true}"})


def test_too_large_mail(tmp_path: Path, limits: InspectionSettings, mail: MakeMail) -> None:
    """A mail above `max_mail_bytes` is incomplete by its limit, without a worker."""
    client = InspectionClient(str(tmp_path / "none"), msgspec.structs.replace(limits, max_mail_bytes=10))
    assert client(mail(b"x" * 11), None, silent).incomplete == (Incomplete("mail", "limit", "11 bytes"),)
    assert client(mail(b"x" * 10), None, silent).incomplete[0].reason == "unavailable"


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    """C16: any bytes are a Reading or a WireError, as body and as packet."""
    for decode in (wire.decode_reading, wire.decode_compiled):
        try:
            assert isinstance(decode(data), Reading | wire.Compiled)
        except WireError as error:
            assert str(error)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.send(data)
        try:
            assert isinstance(wire.receive(theirs, Answer)[0], Answer)
        except (WireError, EOFError) as error:
            assert isinstance(error, WireError) == bool(data)


@given(st.text(), st.sampled_from(get_args(Reason)))
def test_readings_survive(text: str, reason: Reason) -> None:
    """What a worker read arrives unchanged, inline and by memfd."""
    reading = Reading(Subject(decoded=text), incomplete=(Incomplete("mail", reason),))
    body = wire.encode(reading)
    assert wire.decode_reading(body) == reading
    descriptor = wire.sealed(body, "answer")
    try:
        assert wire.decode_reading(wire.body_of(Answer(), [descriptor], len(body))) == reading
        with pytest.raises(WireError, match="too large"):
            wire.body_of(Answer(), [descriptor], len(body) - 1)
        with pytest.raises(PermissionError):
            os.write(descriptor, b"x")
    finally:
        os.close(descriptor)


def test_every_field_of_a_reading_arrives(limits: InspectionSettings) -> None:
    """What a worker read is what the client gets, decodings and links among it."""
    sent = msgspec.structs.replace(
        read_mail(b"Subject: s\r\n\r\nhttp://evil.example/", limits, None),
        decodings=(Decoding("header:subject", "x-none", "cp932", "s"),),
        links=(Link("part:1", "shown", "written", ("http://evil.example/",)),),
    )
    assert wire.decode_reading(wire.encode(sent)) == sent
