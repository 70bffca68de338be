"""LZH: members of LHA archives with headers of level 0 to 3, and of LArc archives before them (header.doc of LHA)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from sekisho_core.vocabulary import PartState

from sekisho_inspection import libarchive
from sekisho_inspection.archive import list_folders, note_path, within
from sekisho_inspection.lzh_old import lh1, lz5, lzs
from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes

KIND = "application/x-lzh"
READING = "lzh"
_STORED = (b"-lh0-", b"-lz4-", b"-pm0-")
_FOLDER = b"-lhd-"
_MAX_HEADER = 1 << 16
_MAX_FOLDERS = 10_000
_MARK, _MAX_PLACES = re.compile(rb"-l[hz][0-9ds]-"), 256
# Unpacked bytes of the old methods, which run here at 1 MB a second.
_MAX_OLD = 4 << 20
_OLD: dict[bytes, Callable[[bytes, int], bytes]] = {b"-lh1-": lh1, b"-lzs-": lzs, b"-lz5-": lz5}
# What libarchive unpacks; -lh4- differs from -lh5- in the reach of its matches only.
_LIBRARY = {b"-lh4-": b"-lh5-", b"-lh5-": b"-lh5-", b"-lh6-": b"-lh6-", b"-lh7-": b"-lh7-"}


class _Damaged(Exception):
    """No header of a member."""


@dataclass(frozen=True)
class _Member:
    """A member: method, raw names, folder, unpacked size, where its packed bytes are, whether it is a link."""

    method: bytes
    name: bytes
    folder: bytes
    wide: tuple[str, ...]
    size: int
    start: int
    end: int
    is_link: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All names: in UTF-16 where a program wrote them so, and in the bytes of its system."""
        folder = self.folder.replace(b"\xff", b"/")
        # Behind a link's name stands what it points to.
        path = folder + self.name
        path = path.partition(b"|")[0] if self.is_link else path
        found = [name for wide in self.wide for name in member_names(wide.encode("utf-8", "replace"), True)]
        return tuple(dict.fromkeys([*found, *(member_names(path) if self.name or not found else ())]))


def read_lzh(item: Item, notes: Notes) -> PartState:
    """Every member as a child; those that cannot be read are listed."""
    at, states, folders = 0, {PartState.READ}, list[tuple[str, ...]]()
    data = item.content
    while 0 <= at < len(data):
        if not data[at]:
            if (at := _behind(data, at)) >= 0:
                notes.gap(item.gap, "ambiguous", "members behind the end of the archive")
            continue
        try:
            member = _member(data, at)
        except (_Damaged, struct.error):
            notes.gap(item.gap, "malformed" if at else "unreadable", "LZH: a header that makes no sense")
            states.add(PartState.READ if at else PartState.UNREADABLE)
            break
        if notes.slots <= 0 or len(folders) >= _MAX_FOLDERS:
            notes.gap("mail", "limit", "more parts than the limit")
            break
        if member.end > len(data):
            notes.gap(item.gap, "malformed", "LZH: a member that ends early")
        if member.method == _FOLDER and not member.is_link:
            folders.append(member.names)
        else:
            states.add(_read(member, item, notes))
        at = member.end
    list_folders(folders, item, notes, READING)
    return PartState.UNREADABLE if PartState.UNREADABLE in states else PartState.READ


def _behind(data: bytes, at: int) -> int:
    """Where an archive goes on behind its end; -1 where it does not."""
    places = (found.start() - 2 for found in islice(_MARK.finditer(data, at), _MAX_PLACES))
    return next((place for place in places if is_one(data, place)), -1)


def is_one(data: bytes, at: int) -> bool:
    """Whether a member's header stands at a position: one that fits into the bytes, with the right sum where it has
    one."""
    try:
        member = _member(data, at)
    except (_Damaged, struct.error):
        return False
    summed = data[at + 20] > 1 or sum(data[at + 2 : at + 2 + data[at]]) & 0xFF == data[at + 1]
    return summed and member.start < member.end <= len(data) and bool(member.names)


def _read(member: _Member, item: Item, notes: Notes) -> PartState:
    note_path(member.names, item, notes, "a link" if member.is_link else "")
    if member.method == _FOLDER:
        notes.closed_child(item, member.names, 0, PartState.SKIPPED, READING)
        return PartState.READ
    packed = item.content[member.start : member.end]
    content = _content(member, packed, item, notes)
    if content == b"" and member.size:
        notes.gap(item.gap, "unreadable", "LZH: a member that does not unpack")
        content = None
    if content is None or not notes.spend(len(content), item):
        notes.closed_child(item, member.names, member.size, PartState.UNREADABLE, READING)
        return PartState.UNREADABLE
    if len(content) < member.size:
        notes.gap(item.gap, "unreadable", "LZH: a member that does not unpack whole")
    if len(content) > member.size:
        # Programs end a member where it says or where its bytes end.
        notes.child(item, content, member.names, READING, member.start, len(packed))
    notes.child(item, content[: member.size], member.names, READING, member.start, len(packed))
    return PartState.READ


def _content(member: _Member, packed: bytes, item: Item, notes: Notes) -> bytes | None:
    if member.method in _STORED:
        return packed
    if not within(member.size, len(packed), item, notes):
        return None
    if member.method in _LIBRARY:
        return _by_library(member, packed)
    if member.method not in _OLD:
        notes.gap(item.gap, "unreadable", f"LZH method {member.method.decode('latin-1')}")
        return None
    if member.size > _MAX_OLD:
        notes.gap(item.gap, "limit", f"more than {_MAX_OLD} bytes packed by an old method")
        return None
    return _OLD[member.method](packed, member.size)


def _by_library(member: _Member, packed: bytes) -> bytes:
    # A header of level 0 may end without a checksum; a wrong one would keep back what programs save all the same.
    fields = struct.pack("<5sLLLBBB1s", _LIBRARY[member.method], len(packed), member.size, 0, 0x20, 0, 1, b"f")
    rebuilt = bytes([len(fields), sum(fields) & 0xFF]) + fields + packed + b"\0"
    try:
        with libarchive.Archive(rebuilt, ("lha",)) as archive:
            for _ in archive.entries():
                return archive.read(member.size)[0]
    except libarchive.Unreadable:
        pass
    return b""


def _member(data: bytes, at: int) -> _Member:
    """The member whose header is at a position. Raises _Damaged, struct.error."""
    if len(data) < at + 24:
        raise _Damaged
    level = data[at + 20]
    method = data[at + 2 : at + 7]
    if not (method.startswith(b"-") and method.endswith(b"-")) or level > 3:
        raise _Damaged
    packed, size = struct.unpack_from("<LL", data, at + 7)
    member = _Member(method, b"", b"", (), size, 0, 0)
    if level < 2:
        return _short(data, at, level, packed, member)
    if level == 2:
        whole, extended = struct.unpack_from("<H", data, at)[0], at + 24
    else:
        whole, extended = struct.unpack_from("<L", data, at + 24)[0], at + 28
    width = 2 if level == 2 else 4
    if not extended <= at + whole <= len(data) or whole > _MAX_HEADER:
        raise _Damaged
    member, _ = _extended(data[at : at + whole], extended - at, width, member)
    return replace(member, start=at + whole, end=at + whole + packed)


def _short(data: bytes, at: int, level: int, packed: int, member: _Member) -> _Member:
    """Levels 0 and 1: the name stands in the header itself."""
    end, length = at + data[at] + 2, data[at + 21]
    name = data[at + 22 : at + 22 + length]
    if at + 22 + length > end:
        raise _Damaged
    folder, mark, last = name.rpartition(b"\xff")
    member = replace(member, name=last, folder=folder + mark, start=end, end=end + packed)
    if level == 1:
        # Headers that follow count as packed bytes.
        member, start = _extended(data, end - 2, 2, member)
        member = replace(member, start=start, end=max(start, end + packed))
    return member


def _extended(data: bytes, at: int, width: int, member: _Member) -> tuple[_Member, int]:
    """The member with what the chain of further headers says of it, and where the chain ends."""
    begin = at
    while at + width <= len(data) and at - begin < _MAX_HEADER:
        size = int.from_bytes(data[at : at + width], "little")
        at += width
        if not size:
            break
        field = data[at : at + size - width]
        member = _further(member, field[0] if field else 0, field[1:])
        at += max(1, size - width)
    return member, at


def _further(member: _Member, kind: int, value: bytes) -> _Member:
    if kind == 0x01:
        return replace(member, name=value.partition(b"\0")[0])
    if kind == 0x02:
        return replace(member, folder=value)
    if kind == 0x44:
        folder = member.wide[0] if member.wide else ""
        return replace(member, wide=(folder + value.decode("utf-16-le", "replace"),))
    if kind == 0x45:
        folder = value.decode("utf-16-le", "replace").replace("\uffff", "/")
        return replace(member, wide=(folder + (member.wide[0] if member.wide else ""),))
    if kind == 0x50 and len(value) >= 2:
        return replace(member, is_link=struct.unpack_from("<H", value)[0] & 0o170000 == 0o120000)
    if kind == 0x42 and len(value) >= 16:
        return replace(member, size=struct.unpack_from("<Q", value, 8)[0])
    return member
