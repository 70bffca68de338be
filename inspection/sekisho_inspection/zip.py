"""ZIP: members by the central directory, checked against their local headers, opened with the mail's passwords.

Nothing touches the disk. Names are only words. What the two headers disagree on is read by both and said.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from sekisho_core.vocabulary import PartState

from sekisho_inspection import filetype, zip_locks
from sekisho_inspection.archive import list_folders, note_path, room, within
from sekisho_inspection.locks import Keyring
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.zip_directory import (
    ENCRYPTED,
    END,
    LOCAL_MAGIC,
    STREAMED,
    STRONG,
    DamagedZip,
    Local,
    Member,
    directory,
    local_header,
    local_members,
)
from sekisho_inspection.zip_methods import DEFLATE, LIKELY, STORED, Broken, Unsupported, unpack

__all__ = [
    "DamagedZip", "Member", "compare_counts", "content_of", "directory", "is_appended", "read_appended", "read_zip",
]  # fmt: skip

# The end record and its comment lie within so many bytes of the end, and some junk may follow; further before it a file
# that may hold others holds one of them.
_TAIL = 1 << 17
_LOCAL_SIZE = 30
_AES = 99
_WORST = (PartState.LOCKED, PartState.UNREADABLE, PartState.OPENED)
# Begins the central directory of an archive whose names are locked (APPNOTE 7.3.5).
_LOCKED_DIRECTORY = b"PK\x06\x08"


def read_zip(item: Item, notes: Notes) -> PartState:
    """Every member as a child. The state is that of the worst: locked, unreadable, opened, read."""
    reader = _Reader(item, notes)
    try:
        members = directory(item.content)
    except DamagedZip as problem:
        notes.gap(item.gap, "malformed", f"ZIP: {problem}")
        members = problem.members or local_members(item.content, notes.slots)
    states = {reader.read(member) for member in members}
    states |= {reader.read(member) for member in _hidden(item, members, notes)}
    list_folders((member.names for member in members if member.is_folder), item, notes, "zip")
    if _LOCKED_DIRECTORY in item.content and all(member.flags & STRONG for member in members):
        notes.gap(item.gap, "locked", "ZIP: the list of names is locked")
        states.add(PartState.LOCKED)
    return next((state for state in _WORST if state in states), PartState.READ)


def read_appended(item: Item, notes: Notes) -> PartState:
    """The ZIP at the end of a file of another type: programs that look for the end record open it as one. The state is
    locked or opened where a member is."""
    holds_none = item.sniffed.startswith("image/") or item.sniffed in ("", filetype.PE)
    if item.content.find(END, 0 if holds_none else max(0, len(item.content) - _TAIL)) < 0:
        return PartState.READ
    try:
        members = directory(item.content)
    except DamagedZip as problem:
        members = problem.members
    reader = _Reader(item, notes)
    states = {reader.read(member) for member in members if local_header(item.content, member.header) is not None}
    return next((state for state in (PartState.LOCKED, PartState.OPENED) if state in states), PartState.READ)


def is_appended(content: bytes) -> bool:
    """Whether a sound ZIP stands in content of no type: what is before and behind it is passed over by programs."""
    if END not in content:
        return False
    try:
        members = directory(content)
    except DamagedZip:
        return False
    return any(local_header(content, member.header) is not None for member in members)


def compare_counts(item: Item, members: list[Member], notes: Notes) -> None:
    """Read the files that the directory hides: a local header between the listed members belongs to one."""
    reader = _Reader(item, notes)
    for member in _hidden(item, members, notes):
        reader.read(member)


def _hidden(item: Item, members: list[Member], notes: Notes) -> Iterator[Member]:
    """Members that the directory does not list, in its gaps; and a word on members that overlap."""
    data = item.content
    spans = sorted((member.header, _end(data, member)) for member in members)
    if any(after[0] < before[1] for before, after in pairwise(spans)):
        notes.gap(item.gap, "ambiguous", "members that overlap")
    edges = [(0, 0), *spans, (len(data), len(data))]
    for before, after in pairwise(edges):
        if after[0] > before[1] and data.find(LOCAL_MAGIC, before[1], after[0]) >= 0:
            notes.gap(item.gap, "ambiguous", "a member that the directory does not list")
            yield from local_members(data, notes.slots, before[1], after[0])


def _end(data: bytes, member: Member) -> int:
    local = local_header(data, member.header)
    return (local.start if local else member.header + _LOCAL_SIZE + len(member.raw_name)) + member.packed


def content_of(item: Item, member: Member, notes: Notes) -> bytes | None:
    """A member's content; None, noted as a gap, where it is out of reach."""
    reader = _Reader(item, notes)
    for view in reader.views(member):
        for content in reader.contents(view):
            return content
    return None


class _Reader:
    """One archive's members being read."""

    def __init__(self, item: Item, notes: Notes) -> None:
        self._item = item
        self._notes = notes
        self._ring = Keyring(item, notes)

    def read(self, member: Member) -> PartState:
        """Note a member as a child, as one for each content that it has to some program, or as one without any."""
        if member.is_folder and not self._hides(member):
            return PartState.READ
        if self._notes.slots <= 0:
            self._notes.gap("mail", "limit", "more parts than the limit")
            return PartState.READ
        views = self.views(member)
        names = (views or [member])[0].names
        note_path(names, self._item, self._notes, "a link" if member.is_link else "")
        contents = dict.fromkeys(content for view in views for content in self.contents(view))
        for content in contents:
            self._notes.child(self._item, content, names, "zip", member.header, member.packed)
        locked = any(view.encrypted for view in views)
        if contents:
            return PartState.OPENED if locked else PartState.READ
        state = PartState.LOCKED if locked else PartState.UNREADABLE
        self._notes.closed_child(self._item, names, member.size, state, "zip")
        return state

    def _hides(self, member: Member) -> bool:
        """Whether what the directory calls a folder has content by its local header."""
        local = local_header(self._item.content, member.header)
        return local is not None and bool(local.packed or not local.name.endswith(b"/"))

    def views(self, member: Member) -> list[Member]:
        """The member by the directory and, where they disagree, by its local header; none without such a header."""
        local = local_header(self._item.content, member.header)
        if local is None:
            self._notes.gap(self._item.gap, "malformed", "a member without a local header")
            return []
        if local.name != member.raw_name:
            self._notes.gap(self._item.gap, "ambiguous", "directory and local header give a member different names")
        other = replace(
            member, flags=member.flags & ~ENCRYPTED | local.flags & ENCRYPTED, method=local.method,
            local_name=local.name if local.name != member.raw_name else b"", extra=member.extra + local.extra,
        )  # fmt: skip
        first = replace(other, flags=member.flags, method=member.method)
        views = [first]
        if (other.flags, other.method) != (first.flags, first.method):
            self._notes.gap(self._item.gap, "ambiguous", "directory and local header disagree on a member")
            views.append(other)
        if sized := self._otherwise_long(other, local):
            self._notes.gap(self._item.gap, "ambiguous", "directory and local header give a member different sizes")
            views.append(sized)
        return views

    def _otherwise_long(self, member: Member, local: Local) -> Member | None:
        """The member with the sizes of its local header, where these are stated and others."""
        sizes = (local.crc, local.packed, local.size)
        if local.flags & STREAMED or sizes == (member.crc, member.packed, member.size):
            return None
        return replace(member, crc=local.crc, packed=local.packed, size=local.size)

    def contents(self, member: Member) -> list[bytes]:
        """What one view of a member comes to: nothing, noted as a gap, where it is out of reach."""
        packed = self._packed(member)
        if not within(member.size, len(packed), self._item, self._notes):
            return []
        found = self._opened(member, packed) if member.encrypted else self._plain(member, packed)
        return [content for content in found if self._notes.spend(len(content), self._item)]

    def _packed(self, member: Member) -> bytes:
        local = local_header(self._item.content, member.header)
        start = local.start if local else len(self._item.content)
        # A stated size of 0 for a packed member is a lie that some readers pass over.
        if member.packed or not member.size:
            return self._item.content[start : start + member.packed]
        return self._item.content[start:]

    def _opened(self, member: Member, packed: bytes) -> list[bytes]:
        """A locked member's content, or that of one which is only said to be locked."""
        aes = member.aes if member.method == _AES else None
        method = aes.method if aes else member.method
        checked = aes is None or aes.version == 1

        def proves(plain: bytes) -> bytes | None:
            content, ended = self._tried(plain, method, member.size)
            fits = zlib.crc32(content) == member.crc if checked else ended
            return content if fits else None

        if aes is None and len(packed) > zip_locks.MAX_CLASSIC:
            text = f"more than {zip_locks.MAX_CLASSIC} bytes under the traditional cipher"
            self._notes.gap(self._item.gap, "limit", text)
        elif not member.flags & STRONG:
            content = zip_locks.opened(member, packed, self._ring, proves)
            if content is not None:
                return [content]
        if member.crc and (content := self._matching(member, packed)) is not None:
            self._notes.gap(self._item.gap, "ambiguous", "a member that is only said to be locked")
            return [content]
        self._notes.gap(self._item.gap, "locked", "no password that was tried opens it")
        return []

    def _plain(self, member: Member, packed: bytes) -> list[bytes]:
        problem, content = "", b""
        try:
            content, _ = unpack(packed, member.method, member.size, room(len(packed), self._notes))
        except Broken as error:
            problem = f"a member that does not unpack: {error}"
        except Unsupported as error:
            problem = str(error)
        if not within(len(content), len(packed), self._item, self._notes):
            return []
        if not problem and zlib.crc32(content) == member.crc:
            return [content]
        if (other := self._matching(member, packed)) is not None:
            self._notes.gap(self._item.gap, "ambiguous", "a member that is packed otherwise than it says")
            return [other]
        if problem:
            self._notes.gap(self._item.gap, "unreadable", problem)
            return []
        # Behind a local header alone the checksum may follow the content.
        if member.crc or not member.flags & STREAMED:
            self._notes.gap(self._item.gap, "malformed", "a member whose checksum is wrong")
        return [content, *self._inflated(member, packed)]

    def _inflated(self, member: Member, packed: bytes) -> list[bytes]:
        """What a member that is said to be stored inflates to, where it does so to the end."""
        if member.method != STORED or not self._notes.effort(len(packed)):
            return []
        content, ended = self._tried(packed, DEFLATE, member.size)
        return [content] if content and ended else []

    def _matching(self, member: Member, packed: bytes) -> bytes | None:
        """The content by another method than the stated one, where the checksum proves it."""
        for method in LIKELY:
            if method == member.method and not member.encrypted:
                continue
            if not self._notes.effort(len(packed)):
                break
            content, _ = self._tried(packed, method, member.size)
            if content and zlib.crc32(content) == member.crc:
                return content
        return None

    def _tried(self, packed: bytes, method: int, size: int) -> tuple[bytes, bool]:
        try:
            return unpack(packed, method, size, room(len(packed), self._notes))
        except (Broken, Unsupported):
            return b"", False
