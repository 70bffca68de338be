"""The sandbox of a worker: what the process takes away from itself, for good, before it sees the first mail.

Each protection is put on if the system has it; which are in force and which are not is told to the supervisor, which
says so at start. There is no scratch directory: workers read from descriptors and write nothing. What a worker keeps
from one mail for the next is in its own memory and of files alone, never of mails (`file_cache`).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import pyseccomp

from sekisho_inspection import landlock
from sekisho_inspection.wire import MAX_BODY, Hello

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_CAPABILITY_VERSION_3 = 0x20080522
_WRITING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | (os.O_TMPFILE & ~os.O_DIRECTORY)
# Not F_SETOWN and F_SETSIG, which send signals.
_DESCRIPTOR_CALLS = (
    fcntl.F_DUPFD, fcntl.F_DUPFD_CLOEXEC, fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, fcntl.F_ADD_SEALS,
    fcntl.F_GET_SEALS,
)  # fmt: skip
# What an interpreter needs that computes, reads what it was handed, imports late, and answers on the socket it has.
# Everything else fails with EPERM, which a reader meets as an OSError; new system calls are refused unseen.
_ALLOWED = (
    "access", "arch_prctl", "brk", "clock_getres", "clock_gettime", "clock_nanosleep", "close", "dup", "dup2", "dup3",
    "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "exit", "exit_group", "faccessat", "faccessat2",
    "fstat", "fstat64", "fstatfs", "ftruncate", "futex", "futex_waitv", "getcwd", "getdents", "getdents64", "getegid",
    "geteuid", "getgid", "getpgrp", "getpid", "getppid", "getrandom", "getresgid", "getresuid", "getrlimit",
    "getrusage", "gettid", "gettimeofday", "getuid", "lseek", "lstat", "madvise", "membarrier", "memfd_create",
    "mincore", "mmap", "mprotect", "mremap", "munmap", "nanosleep", "newfstatat", "pause", "pipe2",
    "poll", "ppoll", "pread64", "preadv", "pselect6", "pwrite64", "read", "readlink", "readlinkat", "readv", "recvfrom",
    "recvmsg", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn",
    "rt_sigtimedwait", "sched_getaffinity", "sched_yield", "select", "sendmsg", "sendto", "set_robust_list",
    "set_tid_address", "sigaltstack", "stat", "statfs", "statx", "sysinfo", "time", "times", "umask", "uname", "write",
    "writev",
)  # fmt: skip


def keep_only(connection: socket.socket) -> None:
    """Close every descriptor but `connection`; the standard streams become /dev/null, so that nothing a library
    prints reaches the operator's terminal."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    kept = connection.fileno()
    os.closerange(3, kept)
    os.closerange(kept + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def lock(memory: int, cpu: int) -> Hello:
    """Put on all protections; `memory` is bytes of address space, `cpu` seconds over the worker's life."""
    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("rlimits", lambda: _limit(memory, cpu)),
        ("oom-first", lambda: Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")),
        ("no-new-privs", lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1)),
        ("not-dumpable", lambda: _prctl(_PR_SET_DUMPABLE, 0)),
        ("landlock", lambda: landlock.restrict(late_imports())),
        ("no-capabilities", _drop_capabilities),
        ("dies-with-supervisor", lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)),
        ("seccomp", _filter_system_calls),
    )
    # The C library reads the time zone's file at first use; afterwards there are no files.
    time.tzset()
    return _apply(steps)


def without_network() -> Hello:
    """Leave the network: for the supervisor, once, before it forks; sockets with a path still work.

    A unit with PrivateNetwork= has no network already.
    """

    def leave() -> None:
        # Read from the file, not asked by a socket: a unit may forbid all address families but AF_UNIX.
        lines = Path("/proc/self/net/dev").read_text(encoding="ascii").splitlines()[2:]
        if [line.partition(":")[0].strip() for line in lines] == ["lo"]:
            return
        # Root may simply leave; others may in a user namespace of their own.
        if _libc.unshare(_CLONE_NEWNET) < 0:
            _checked(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))

    return _apply((("no-network", leave),))


def late_imports() -> list[Path]:
    """The only files that a worker may read: the directories of installed code, because libraries import modules,
    codecs and character maps (pdfminer.six) when a mail first needs them. They hold no secrets and no mail."""
    return [path for path in map(Path, dict.fromkeys(sys.path)) if path.is_absolute() and path.exists()]


def _apply(steps: Iterable[tuple[str, Callable[[], object]]]) -> Hello:
    active: list[str] = []
    missing: list[tuple[str, str]] = []
    for name, step in steps:
        try:
            step()
            active.append(name)
        except (OSError, ValueError, RuntimeError) as error:
            missing.append((name, str(error)))
    return Hello(tuple(active), tuple(missing))


def _limit(memory: int, cpu: int) -> None:
    # Files in memory are not counted as address space: their size times their number bounds what a worker can take.
    for kind, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_FSIZE, MAX_BODY),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def _drop_capabilities() -> None:
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, bytes(24)))


def _filter_system_calls() -> None:
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(1))
    for name in _ALLOWED:
        # A name that this architecture does not have needs no rule.
        with suppress(OSError, ValueError):
            rules.add_rule(pyseccomp.ALLOW, name)
    for call in _DESCRIPTOR_CALLS:
        rules.add_rule(pyseccomp.ALLOW, "fcntl", pyseccomp.Arg(1, pyseccomp.EQ, call))
    # Reading only: a memfd can be opened anew through /proc whatever Landlock says, so the stored mail would be
    # writable otherwise.
    reading = pyseccomp.MASKED_EQ, _WRITING, 0
    rules.add_rule(pyseccomp.ALLOW, "openat", pyseccomp.Arg(2, *reading))
    with suppress(OSError, ValueError):
        rules.add_rule(pyseccomp.ALLOW, "open", pyseccomp.Arg(1, *reading))
    rules.load()


def _prctl(option: int, value: int) -> None:
    _checked(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def _checked(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
