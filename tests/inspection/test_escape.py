"""Attempts to leave the sandbox, made from inside a reader: the kernel refuses each."""

from __future__ import annotations

import importlib
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sekisho_core.scan import silent
from sekisho_core.vocabulary import Mail
from sekisho_inspection.client import InspectionClient

MakeMail = Callable[[bytes], Mail]
Workers = Callable[..., InspectionClient]
ATTEMPTS = (
    "open_passwd", "list_root", "write_beside_code", "reopen_mail_for_writing", "truncate_mail", "send_udp", "fork",
    "fork_raw", "start_thread", "execute", "trace_parent", "kill_parent", "kill_everyone", "signal_by_descriptor",
    "read_parents_memory", "read_parents_environment", "read_foreign_memory", "take_parents_descriptor",
    "set_up_io_uring", "leave_namespaces", "raise_limits", "mount_something", "survive_parent", "user",
)  # fmt: skip


@pytest.fixture
def listeners(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A TCP port on loopback and a unix socket where somebody listens."""
    path = tmp_path / "listening.sock"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))
        unix.listen()
        yield tcp.getsockname()[1], path


def test_escapes(workers: Workers, mail: MakeMail) -> None:
    """C15: files, processes, memory, descriptors and rights outside the worker are refused, one attempt after another
    in one worker, which lives on."""
    client = workers(1)
    found = {act: client(mail(f"!{act}\n".encode()), None, silent).subject.decoded for act in ATTEMPTS}
    assert found == dict.fromkeys(ATTEMPTS, "denied")
    assert client.status().lost == 0


def test_network(workers: Workers, mail: MakeMail, listeners: tuple[int, Path]) -> None:
    """C15: neither TCP on loopback nor a unix socket can be connected to, though somebody listens there."""
    port, path = listeners
    client = workers(1)
    for order in (f"!connect_tcp {port}", f"!connect_unix {path}"):
        assert client(mail(order.encode()), None, silent).subject.decoded == "denied"


def test_files(workers: Workers, mail: MakeMail, tmp_path: Path) -> None:
    """C15: a file is neither read, written, made nor removed, even as root."""
    present = tmp_path / "present"
    present.write_text("secret", encoding="ascii")
    client = workers(1)
    for act, path in (
        ("open_given", present), ("write_file", present), ("write_file", tmp_path / "new"), ("remove_file", present),
    ):  # fmt: skip
        assert client(mail(f"!{act} {path}".encode()), None, silent).subject.decoded == "denied"
    assert present.read_text(encoding="ascii") == "secret"
    assert list(tmp_path.iterdir()) == [present]


def test_attempts_work_outside(
    listeners: tuple[int, Path], tmp_path: Path, stand_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C15: the same attempts succeed where there is no sandbox, so a refusal shows the sandbox and not the attempt."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "readers"))
    hostile_acts = importlib.import_module("hostile_acts")
    path = listeners[1]
    made = tmp_path / "new"
    for act, argument in (
        ("open_passwd", ""), ("list_root", ""), ("connect_unix", path), ("write_file", made), ("kill_parent", ""),
    ):  # fmt: skip
        assert getattr(hostile_acts, act)(str(argument)).startswith("did it")
    del sys.modules["hostile_acts"]


def test_mail_bytes_stay(workers: Workers, mail: MakeMail) -> None:
    """C15: a worker cannot change the mail that it was handed, though the spool's descriptor is writable."""
    client = workers(1)
    content = b"!reopen_mail_for_writing\n"
    handed = mail(content)
    assert client(handed, None, silent).subject.decoded == "denied"
    assert handed.content.read() == content


def test_descriptors(workers: Workers, mail: MakeMail) -> None:
    """C15: a worker holds its own socket and the one mail, also a worker that was forked while other mails were in
    the supervisor's hands."""
    client = workers(2, poison_after=1)
    for _ in range(3):
        client(mail(b"!segfault\n" + bytes([_])), None, silent)
        assert client(mail(b"!descriptors\n"), None, silent).subject.decoded == "file,socket"


def test_all_protections(workers: Workers) -> None:
    """The supervisor says what is in force and what is not; every protection is named in one of the two."""
    status = workers(1).status()
    named = {*status.active, *(name for name, _ in status.missing)}
    assert named == {
        "rlimits", "oom-first", "no-new-privs", "not-dumpable", "landlock", "no-capabilities", "dies-with-supervisor",
        "seccomp",
    }  # fmt: skip
    assert "seccomp" in status.active
