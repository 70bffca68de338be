"""Landlock: the kernel's unprivileged ban on files, TCP ports and foreign processes, by its three system calls."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

# The numbers are the same on every architecture (landlock(7)).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_CONNECT_AND_BIND_TCP = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
# Access rights to files that each ABI knows: REFER came with 2, TRUNCATE with 3, IOCTL_DEV with 5.
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_libc = ctypes.CDLL(None, use_errno=True)


def restrict(readable: Iterable[Path]) -> int:
    """Forbid this process, for good, every file but reading beneath `readable`, TCP (from ABI 4), and signals and
    abstract sockets to processes outside (from ABI 6). Returns the ABI; raises OSError where Landlock is not there.

    Needs no_new_privs. Tracing processes outside is forbidden with it (landlock(7), "Ptrace restrictions").
    """
    abi = _call(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    ruleset = _ruleset(abi)
    try:
        for path in readable:
            _allow_reading(ruleset, path)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return abi


def _ruleset(abi: int) -> int:
    attributes = struct.pack("Q", _FILE_RIGHTS[min(abi, 5)])
    if abi >= 4:
        attributes += struct.pack("Q", _CONNECT_AND_BIND_TCP)
    if abi >= 6:
        attributes += struct.pack("Q", _ABSTRACT_SOCKETS_AND_SIGNALS)
    return _call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)


def _allow_reading(ruleset: int, path: Path) -> None:
    rights = _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE
    beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, beneath), 0)
    finally:
        os.close(beneath)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
