"""What a mail might make its reader do, once it has taken the reader over. `denied` is the kernel's refusal."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import resource
import signal
import socket
import stat
import struct
import time
from collections.abc import Callable
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_REFUSALS = (errno.EPERM, errno.EACCES)


def _attempt(act: Callable[[], object]) -> str:
    try:
        return f"did it: {act()!r}"
    except OSError as error:
        return "denied" if error.errno in _REFUSALS else f"failed otherwise: {error}"


def _call(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def _own(kind: Callable[[int], bool]) -> int:
    """The first descriptor beyond the standard streams whose mode is of this kind."""
    for descriptor in range(3, 64):
        try:
            if kind(os.fstat(descriptor).st_mode):
                return descriptor
        except OSError:
            continue
    raise LookupError("no such descriptor")


def _say(data: bytes, *descriptors: int) -> None:
    """A packet to the supervisor, past the worker's own code."""
    speaker = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, _own(stat.S_ISSOCK))
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(descriptors)}i", *descriptors))]
    speaker.sendmsg([data], rights if descriptors else [])
    speaker.detach()


# Faults.


def nap(seconds: str) -> str:
    """Take a while, and come to an end."""
    time.sleep(float(seconds))
    return "slept"


def hang_in_c(_: str) -> str:
    """Wait in C with every signal blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        _libc.pause()


def hang_in_regex(_: str) -> str:
    """Backtrack in the interpreter's own C code."""
    return str(re.match(r"(a+)+$", "a" * 64 + "b"))


def segfault(_: str) -> str:
    """Read address zero."""
    return str(ctypes.string_at(0))


def abort(_: str) -> str:
    """End as a failed assertion in a C library does."""
    os.abort()


def exit_well(_: str) -> str:
    """End with status 0 and no answer."""
    os._exit(0)


def exit_after_half(_: str) -> str:
    """Send the beginning of an answer, then end with status 0."""
    _say(b"\x94\xa0\xa0\xc2\xc4\xff{")
    os._exit(0)


def eat_memory(_: str) -> str:
    """Allocate until the limit."""
    eaten = []
    while True:
        eaten.append(bytearray(1 << 26))


def eat_descriptors(_: str) -> str:
    """Open until the limit."""
    opened = []
    while True:
        opened.append(os.memfd_create("more"))


def eat_disk(_: str) -> str:
    """Grow a file until the limit."""
    descriptor = os.memfd_create("large")
    while True:
        os.write(descriptor, bytes(1 << 26))


def raise_exit(_: str) -> str:
    """What a library does that thinks it is a program."""
    raise SystemExit("the password is hunter2")


def raise_recursion(_: str) -> str:
    """Nest beyond the interpreter's limit."""
    return raise_recursion(_)


def surrogate(_: str) -> str:
    """A text that has no UTF-8."""
    return "\ud800"


def slow(seconds: str) -> str:
    """Take time, then succeed."""
    time.sleep(float(seconds))
    return f"slow {seconds}"


def large(size: str) -> str:
    """An answer that does not fit a packet."""
    return "x" * int(size)


def pid(_: str) -> str:
    """Which worker this is."""
    return str(os.getpid())


# Answers that no honest worker gives.


def say_garbage(_: str) -> str:
    """Say garbage."""
    _say(os.urandom(200))
    return "unseen"


def say_wrong_schema(_: str) -> str:
    """Say wrong schema."""
    _say(b"\x94\xa0\xa0\xc2\xc4\x0f\x81\xa5texts\xa7nothing")
    return "unseen"


def say_pickle(_: str) -> str:
    """Say pickle."""
    _say(
        b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94."
    )
    return "unseen"


def say_too_much(_: str) -> str:
    """Say too much."""
    _say(bytes(100_000))
    return "unseen"


def say_endlessly(_: str) -> str:
    """Say endlessly."""
    while True:
        _say(b"\x94\xa0\xa0\xc2\xc4\x00")


def say_deep(_: str) -> str:
    """Say deep."""
    _say(b"\x91" * 50_000)
    return "unseen"


def say_unsealed(_: str) -> str:
    """Say unsealed."""
    _say(b"\x94\xa0\xa0\xc2\xc4\x00", os.memfd_create("open"))
    return "unseen"


def say_pipe(_: str) -> str:
    """Say pipe."""
    _say(b"\x94\xa0\xa0\xc2\xc4\x00", os.pipe()[0])
    return "unseen"


def say_many_descriptors(_: str) -> str:
    """Say many descriptors."""
    _say(b"\x94\xa0\xa0\xc2\xc4\x00", *[0] * 40)
    return "unseen"


def say_gigantic(_: str) -> str:
    """A sealed memfd of more bytes than any reading may have; sparse, so it costs the sender nothing."""
    import fcntl

    descriptor = os.memfd_create("giant", os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, 200 << 20)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, 15)
    _say(b"\x94\xa0\xa0\xc2\xc4\x00", descriptor)
    return "unseen"


def say_many_objects(_: str) -> str:
    """Few bytes that name many objects."""
    import msgspec

    body = msgspec.msgpack.encode({"incomplete": [{"where": "", "reason": ""}] * 2_000_000})
    from sekisho_inspection import wire

    _say(b"\x94\xa0\xa0\xc2\xc4\x00", wire.sealed(body, "many"))
    return "unseen"


# Escapes.


def open_passwd(_: str) -> str:
    """Open passwd."""
    return _attempt(lambda: Path("/etc/passwd").read_bytes()[:4])


def open_given(path: str) -> str:
    """Open given."""
    return _attempt(lambda: Path(path).read_bytes()[:4])


def list_root(_: str) -> str:
    """List root."""
    return _attempt(lambda: next(Path("/").iterdir()).name)


def write_file(path: str) -> str:
    """Write file."""
    return _attempt(lambda: Path(path).write_text("was here", encoding="ascii"))


def write_beside_code(_: str) -> str:
    """Write beside code."""
    return _attempt(lambda: Path(__file__).with_suffix(".new").write_text("", encoding="ascii"))


def remove_file(path: str) -> str:
    """Remove file."""
    return _attempt(lambda: Path(path).unlink())


def reopen_mail_for_writing(_: str) -> str:
    """Reopen mail for writing."""
    mail = _own(stat.S_ISREG)
    return _attempt(lambda: os.write(os.open(f"/proc/self/fd/{mail}", os.O_RDWR), b"forged"))


def truncate_mail(_: str) -> str:
    """Truncating needs a writable descriptor; this one is none (EINVAL), and the call by path is refused."""
    mail = _own(stat.S_ISREG)
    return _attempt(lambda: os.truncate(f"/proc/self/fd/{mail}", 0))


def connect_tcp(port: str) -> str:
    """Connect tcp."""
    return _attempt(lambda: socket.create_connection(("127.0.0.1", int(port)), 2))


def connect_unix(path: str) -> str:
    """Connect unix."""

    def act() -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)

    return _attempt(act)


def send_udp(_: str) -> str:
    """Send udp."""
    return _attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 53)))


def fork(_: str) -> str:
    """Fork."""

    def act() -> int:
        child = os.fork()
        if child == 0:
            os._exit(0)
        return os.waitpid(child, 0)[0]

    return _attempt(act)


def fork_raw(_: str) -> str:
    """clone(2) with only SIGCHLD, past the C library."""
    return _attempt(lambda: _call(_libc.syscall(_CLONE, 17, 0, 0, 0, 0)))


def start_thread(_: str) -> str:
    """clone3(2): refused too, so that a filter on clone is not passed by."""
    return _attempt(lambda: _call(_libc.syscall(435, 0, 0)))


def execute(_: str) -> str:
    """Execute."""
    return _attempt(lambda: os.execv("/bin/true", ["true"]))


def trace_parent(_: str) -> str:
    """Trace parent."""
    return _attempt(lambda: _call(_libc.ptrace(16, os.getppid(), 0, 0)))


def kill_parent(_: str) -> str:
    """Kill parent."""
    return _attempt(lambda: os.kill(os.getppid(), 0))


def kill_everyone(_: str) -> str:
    """Kill everyone."""
    return _attempt(lambda: os.kill(-1, 0))


def signal_by_descriptor(_: str) -> str:
    """F_SETOWN makes the kernel send a signal when a socket has news."""
    import fcntl

    return _attempt(lambda: fcntl.fcntl(_own(stat.S_ISSOCK), fcntl.F_SETOWN, os.getppid()))


def read_parents_memory(_: str) -> str:
    """Read parents memory."""
    return _attempt(lambda: os.open(f"/proc/{os.getppid()}/mem", os.O_RDONLY))


def read_parents_environment(_: str) -> str:
    """Read parents environment."""
    return _attempt(lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes())


def read_foreign_memory(_: str) -> str:
    """Read foreign memory."""
    return _attempt(lambda: _call(_libc.process_vm_readv(os.getppid(), None, 0, None, 0, 0)))


def take_parents_descriptor(_: str) -> str:
    """Take parents descriptor."""
    return _attempt(lambda: _call(_libc.syscall(434, os.getppid(), 0)))


def set_up_io_uring(_: str) -> str:
    """Set up io uring."""
    return _attempt(lambda: _call(_libc.syscall(425, 1, 0)))


def leave_namespaces(_: str) -> str:
    """Leave namespaces."""
    return _attempt(lambda: _call(_libc.unshare(0x10000000)))


def raise_limits(_: str) -> str:
    """Raise limits."""
    return _attempt(lambda: _call(_libc.setrlimit(resource.RLIMIT_NOFILE, struct.pack("QQ", 4096, 4096))))


def mount_something(_: str) -> str:
    """Mount something."""
    return _attempt(lambda: _call(_libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)))


def survive_parent(_: str) -> str:
    """Take back the wish to die with the supervisor."""
    return _attempt(lambda: _call(_libc.prctl(1, 0, 0, 0, 0)))


def descriptors(_: str) -> str:
    """The kinds of all descriptors beyond the standard streams."""
    kinds = []
    for descriptor in range(3, 1024):
        try:
            kinds.append("socket" if stat.S_ISSOCK(os.fstat(descriptor).st_mode) else "file")
        except OSError:
            continue
    return ",".join(sorted(kinds))


def user(_: str) -> str:
    """Effective capabilities cannot be read from /proc here; asking the kernel is refused as well."""
    return _attempt(lambda: os.setuid(12345))


_CLONE = {"x86_64": 56}.get(os.uname().machine, 220)
