"""Members of RAR archives, and what the two formats have in common: headers that are read, locked or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Lock:
    """How a member is locked: what opens it is tried by `key`, which gives key and vector for a password, or None for
    one that is known to be wrong. `sure` says that wrong ones are known."""

    key: Callable[[str], tuple[bytes, bytes] | None]
    sure: bool


@dataclass(frozen=True)
class Member:
    """A file in the archive: its names, unpacked size and packed bytes, what it is if no file, how it is packed.

    `solid` members are packed with those before them in mind, `newer` ones in a way that is not known here. `crc` is
    that of the content, None where none is known; `rebuilt` gives the bytes of a header without a lock for packed bytes
    without one.
    """

    names: tuple[str, ...]
    size: int
    packed: bytes
    kind: str
    is_folder: bool
    is_split: bool
    is_stored: bool
    is_solid: bool
    crc: int | None
    lock: Lock | None
    rebuilt: Callable[[bytes], bytes]
    is_newer: bool = False


@dataclass
class Listing:
    """What the headers gave: members in order, beginning and end of an archive rebuilt of them, and what was wrong."""

    start: bytes
    end: bytes
    members: list[Member] = field(default_factory=list)
    is_volume: bool = False
    is_locked: bool = False
    was_opened: bool = False
    problem: str = ""
