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
import sys
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
    _say(_answer(b"\x81\xa5texts\xa7nothing"))
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
        _say(_answer(b""))


def say_deep(_: str) -> str:
    """Say deep."""
    _say(b"\x91" * 50_000)
    return "unseen"


def say_unsealed(_: str) -> str:
    """Say unsealed."""
    _say(_answer(b""), os.memfd_create("open"))
    return "unseen"


def say_pipe(_: str) -> str:
    """Say pipe."""
    _say(_answer(b""), os.pipe()[0])
    return "unseen"


def say_many_descriptors(_: str) -> str:
    """Say many descriptors."""
    _say(_answer(b""), *[0] * 40)
    return "unseen"


def say_gigantic(_: str) -> str:
    """A sealed memfd of more bytes than any reading may have; sparse, so it costs the sender nothing."""
    import fcntl

    descriptor = os.memfd_create("giant", os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, 100 << 20)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, 15)
    _say(_answer(b""), descriptor)
    return "unseen"


def say_many_objects(_: str) -> str:
    """Few bytes that name many objects."""
    import msgspec

    body = msgspec.msgpack.encode({"incomplete": [{"where": "", "reason": ""}] * 2_000_000})
    from sekisho_inspection import wire

    _say(_answer(b""), wire.sealed(body, "many"))
    return "unseen"


def say_truncated(_: str) -> str:
    """A sound answer that is cut off."""
    _say(_clean()[:-1])
    return "unseen"


def say_more_behind(_: str) -> str:
    """A sound answer with another one behind it."""
    _say(_clean() * 2)
    return "unseen"


def say_huge_length(_: str) -> str:
    """Few bytes that state four gigabytes."""
    _say(b"\x94\xa0\xa0\xc2\xc6\xff\xff\xff\xff" + bytes(20))
    return "unseen"


def say_huge_array(_: str) -> str:
    """A reading that states four thousand million headers."""
    _say(_answer(b"\x81\xa7headers\xdd\xff\xff\xff\xff"))
    return "unseen"


def say_no_utf8(_: str) -> str:
    """A text that is none."""
    _say(_answer(b"\x81\xa7subject\x81\xa7decoded\xa2\xff\xfe"))
    return "unseen"


def say_wrong_types(_: str) -> str:
    """Not a number where there should be one."""
    _say(_answer(b"\x81\xa5parts\x91\x88\xa2id\xcb\x7f\xf8\0\0\0\0\0\0"))
    return "unseen"


def say_unknown_field(_: str) -> str:
    """A reading with a field that there is not."""
    _say(_answer(b"\x81\xa7verdict\xa6accept"))
    return "unseen"


def say_unknown_reason(_: str) -> str:
    """A gap whose reason there is not."""
    _say(_answer(b"\x81\xaaincomplete\x91\x82\xa5where\xa1x\xa6reason\xa4fine"))
    return "unseen"


def say_nested_body(_: str) -> str:
    """A reading of lists in lists."""
    _say(_answer(b"\x81\xa8findings" + b"\x91" * 40_000))
    return "unseen"


def say_many_in_one(_: str) -> str:
    """One finding of a rule with more strings than any has."""
    import msgspec

    place = {"identifier": "", "offset": 0, "length": 0, "before": "", "matched": "", "after": ""}
    hit = {"view": "", "tags": [], "meta": [], "strings": [place] * 500}
    _say(_answer(msgspec.msgpack.encode({"findings": [{"kind": "yara", "where": "", "hit": hit}]})))
    return "unseen"


def say_two_bodies(_: str) -> str:
    """One body in the packet and one beside it."""
    from sekisho_inspection import wire

    _say(_answer(b"\x80"), wire.sealed(b"\x80", "another"))
    return "unseen"


def say_directory(_: str) -> str:
    """A descriptor that is no file."""
    _say(_answer(b""), os.open(os.path.dirname(__file__), os.O_RDONLY))  # noqa: PTH120
    return "unseen"


def say_socket(_: str) -> str:
    """The worker's own socket as a body."""
    _say(_answer(b""), _own(stat.S_ISSOCK))
    return "unseen"


def say_a_request(_: str) -> str:
    """What only the supervisor may say."""
    _say(b"\x94\xa4read\x05\xa0\xc0")
    return "unseen"


def say_twice(_: str) -> str:
    """A sound answer for this mail, and more for those to come."""
    for _answered in range(5):
        _say(_clean())
    return "unseen"


def _answer(body: bytes) -> bytes:
    from sekisho_inspection import wire

    return wire.encode(wire.Answer(body=body, turn=_turn()))


def _turn() -> int:
    """What the answer to this task must bear, taken from the worker's own frames."""
    frame = sys._getframe()
    while "request" not in frame.f_locals:
        assert frame.f_back
        frame = frame.f_back
    return int(frame.f_locals["request"].turn)


def _clean() -> bytes:
    return _answer(b"\x81\xa7subject\x81\xa7decoded\xa6forged")


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


def call(name: str) -> str:
    """A system call by name, with arguments of zero."""
    import pyseccomp

    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    return _attempt(lambda: _call(_libc.syscall(number, 0, 0, 0, 0, 0, 0)))


def call_all(_: str) -> str:
    """Every system call that there is, or may be, but those that are allowed; says which are not refused."""
    import pyseccomp
    from sekisho_inspection import sandbox

    allowed = {*sandbox._ALLOWED, "fcntl", "open", "openat"}
    # uretprobe and uprobe pass every filter: the kernel ends who calls them but from its own trampoline.
    known = {335, 336} | {pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) for name in allowed}
    passed = []
    for number in range(1100):
        if number not in known and _attempt(lambda: _call(_libc.syscall(number, 0, 0, 0, 0, 0, 0))) != "denied":  # noqa: B023
            passed.append(number)
    return f"passed: {passed}"


def descriptor_calls(_: str) -> str:
    """Every command of fcntl but those that are allowed; says which are not refused."""
    from sekisho_inspection import sandbox

    mail = _own(stat.S_ISREG)
    others = [number for number in (*range(40), *range(1024, 1060)) if number not in sandbox._DESCRIPTOR_CALLS]
    return f"passed: {[one for one in others if _attempt(lambda: _call(_libc.fcntl(mail, one, 0))) != 'denied']}"  # noqa: B023


def call_by_other_numbers(_: str) -> str:
    """socket(2) by its number of the x32 ABI."""
    return _attempt(lambda: _call(_libc.syscall(0x40000000 + 41, 2, 1, 0)))


def call_as_32_bits(_: str) -> str:
    """fork(2) through the gate of 32-bit programs, which counts system calls otherwise: mov eax, 2; int 0x80; ret."""
    import mmap

    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x02\0\0\0\xcd\x80\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return f"did it: {ctypes.CFUNCTYPE(ctypes.c_int)(address)()}"


def change_path(path: str) -> str:
    """Everything that makes, moves, links or marks a file; says what is not refused."""
    target, other = Path(path), Path(path).with_name("other")
    acts: dict[str, Callable[[], object]] = {
        "mkdir": lambda: other.mkdir(),
        "symlink": lambda: other.symlink_to(target),
        "link": lambda: other.hardlink_to(target),
        "rename": lambda: target.rename(other),
        "chmod": lambda: target.chmod(0o777),
        "chown": lambda: os.chown(target, 0, 0),
        "utime": lambda: os.utime(target, (0, 0)),
        "mkfifo": lambda: os.mkfifo(other),
        "mknod": lambda: os.mknod(other),
        "setxattr": lambda: os.setxattr(target, "user.x", b"x"),
        "truncate": lambda: os.truncate(target, 0),
        "append": lambda: os.open(target, os.O_WRONLY | os.O_APPEND),
        "temporary": lambda: os.open(target.parent, os.O_TMPFILE | os.O_RDWR),
        "chdir": lambda: os.chdir(target.parent),
        "chroot": lambda: os.chroot(target.parent),
    }
    return f"passed: {[name for name, act in acts.items() if _attempt(act) != 'denied']}"


def list_given(path: str) -> str:
    """List given."""
    return _attempt(lambda: [entry.name for entry in Path(path).iterdir()])


def execute_memory(_: str) -> str:
    """Execute a program from memory."""
    program = os.memfd_create("program")
    os.write(program, b"#!/bin/sh\n")
    return _attempt(lambda: os.execve(program, ["x"], {}))


def share_memory(_: str) -> str:
    """POSIX shared memory."""
    return _attempt(lambda: os.open("/dev/shm/sekisho", os.O_RDWR | os.O_CREAT))


def write_through_mapping(_: str) -> str:
    """A shared mapping of the mail that can be written."""
    import mmap

    mail = _own(stat.S_ISREG)
    return _attempt(lambda: mmap.mmap(mail, 1, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE))


def protections(_: str) -> str:
    """The limits on core dumps, processes, files and descriptors."""
    import pyseccomp

    # The C library's getrlimit is prlimit64, which is refused.
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "getrlimit")
    limits = []
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE):
        found = ctypes.create_string_buffer(16)
        _call(_libc.syscall(number, kind, found))
        limits.append(str(struct.unpack("QQ", found)[1]))
    return ",".join(limits)
