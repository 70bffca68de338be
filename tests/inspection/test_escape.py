"""Attempts to leave the sandbox, made from inside a reader: the kernel refuses each."""

from __future__ import annotations

import importlib
import os
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
    "execute_memory", "share_memory", "write_through_mapping",
)  # fmt: skip
# What a sandbox is for, by name; `call_all` tries whatever else there is.
CALLS = (
    "socket", "socketpair", "connect", "bind", "listen", "accept4", "clone", "clone3", "execve", "execveat", "ptrace",
    "process_vm_readv", "process_vm_writev", "process_madvise", "kill", "tkill", "tgkill", "rt_sigqueueinfo",
    "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "kcmp", "io_uring_setup", "io_uring_enter", "bpf",
    "perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl", "mount", "umount2", "pivot_root",
    "move_mount", "open_tree", "fsopen", "unshare", "setns", "chroot", "prlimit64", "setrlimit", "setpriority",
    "sched_setattr", "sched_setaffinity", "prctl", "seccomp", "landlock_create_ruleset", "capset", "setuid",
    "setresuid", "setgroups", "personality", "init_module", "finit_module", "delete_module", "kexec_load", "reboot",
    "swapon", "sethostname", "settimeofday", "clock_settime", "adjtimex", "syslog", "acct", "quotactl", "shmget",
    "shmat", "msgget", "semget", "mq_open", "inotify_init1", "fanotify_init", "open_by_handle_at", "name_to_handle_at",
    "openat2", "ioctl", "memfd_secret", "splice", "vmsplice", "tee", "copy_file_range", "sendfile", "timer_create",
    "timerfd_create", "eventfd2", "signalfd4", "process_mrelease", "move_pages", "migrate_pages", "mbind",
    "quotactl_fd",
)  # fmt: skip
PRIVATE = (
    "/proc/self/mem", "/proc/self/environ", "/proc/self/maps", "/proc/self/cmdline", "/proc/1/environ", "/proc/1/mem",
    "/etc/shadow", "/etc/sekisho/sekisho.toml", "/proc/kcore", "/proc/net/tcp", "/dev/shm", "/tmp", "/var/lib", "/proc",
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


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86-64")
def test_every_system_call(workers: Workers, mail: MakeMail) -> None:
    """C15: of all system calls, those of future kernels and of another ABI among them, none passes but those on the
    list; the same holds for the commands of fcntl."""
    client = workers(1)
    found = {name: client(mail(f"!call {name}\n".encode()), None, silent).subject.decoded for name in CALLS}
    assert found == dict.fromkeys(CALLS, "denied")
    for act in ("call_all", "descriptor_calls"):
        assert client(mail(f"!{act}\n".encode()), None, silent).subject.decoded == "passed: []"


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="code of x86")
@pytest.mark.parametrize("act", ["call_as_32_bits", "call_by_other_numbers"])
def test_other_ways_to_call(act: str, workers: Workers, mail: MakeMail) -> None:
    """C15: a call through the gate of 32-bit programs, or by the numbers of x32, where calls are counted otherwise, is
    the worker's end."""
    client = workers(1, poison_after=1)
    found = client(mail(f"!{act}\n".encode()), None, silent)
    assert [(gap.reason, gap.detail) for gap in found.incomplete] == [("poison", "worker died of SIGSYS")]
    assert client(mail(b"plain\n"), None, silent).subject.decoded == "plain"


def test_private_files(workers: Workers, mail: MakeMail, tmp_path: Path) -> None:
    """C15: neither the own process, nor other processes, nor the other worker's mail can be read or listed, and no path
    can be changed in any way."""
    present = tmp_path / "present"
    present.write_text("secret", encoding="ascii")
    client, another = workers(1), workers(1)
    other = another(mail(b"!pid\n"), None, silent).subject.decoded
    paths = [*PRIVATE, *(f"/proc/{other}/{name}" for name in ("fd", "fd/0", "fd/3", "mem", "root/etc")), str(tmp_path)]
    for path in paths:
        for act in ("open_given", "list_given"):
            said = client(mail(f"!{act} {path}\n".encode()), None, silent).subject.decoded
            assert said == "denied" or "No such file" in said or "Not a directory" in said, (act, path, said)
    assert client(mail(f"!change_path {present}\n".encode()), None, silent).subject.decoded == "passed: []"
    assert [path.name for path in tmp_path.iterdir()] == ["present"]
    assert present.read_text(encoding="ascii") == "secret"


def test_limits(workers: Workers, mail: MakeMail) -> None:
    """C15, C18: no core dump, no process, few descriptors."""
    assert workers(1)(mail(b"!protections\n"), None, silent).subject.decoded == "0,0,32"


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
