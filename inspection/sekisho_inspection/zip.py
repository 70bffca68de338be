"""ZIP: members by the central directory, checked against their local headers, opened with the mail's passwords.

Nothing touches the disk. Names are only words. What the two headers disagree on is read by both and said.
"""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import pyzipper
from sekisho_core.vocabulary import PartState

from sekisho_inspection.archive import inflate, within
from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes

_CENTRAL = struct.Struct("<4s2B5H3L5H2L")
_LOCAL = struct.Struct("<4s2B4HL2L2H")
_END = b"PK\x05\x06"
_LOCAL_MAGIC = b"PK\x03\x04"
_ENCRYPTED, _UTF8 = 0x1, 0x800
_ZIP64 = 0xFFFFFFFF
_STREAMED = 0x8
_STORED, _DEFLATE, _BZIP2, _LZMA, _AES = 0, 8, 12, 14, 99
# Directory entries of one file; an Office file has some thousand at most.
MAX_ENTRIES = 20_000
# The traditional cipher runs at 2 MB a second here.
_MAX_CLASSIC = 24 << 20
# Rounds of hashing for one AES key (1,000 for each of its blocks), as the budget counts them.
_ROUNDS = 2000
# The end record and its comment lie within so many bytes of the end, and some junk may follow.
_TAIL = 1 << 17


@dataclass(frozen=True)
class Member:
    """One directory entry: where its local header is, how it is packed, its raw name and sizes in bytes."""

    index: int
    header: int
    flags: int
    method: int
    packed: int
    size: int
    crc: int
    raw_name: bytes
    local_name: bytes = b""

    @property
    def names(self) -> tuple[str, ...]:
        """By the directory, then by the local header where that says otherwise."""
        utf8 = bool(self.flags & _UTF8)
        other = member_names(self.local_name, utf8) if self.local_name else ()
        return tuple(dict.fromkeys(member_names(self.raw_name, utf8) + other))

    @property
    def is_folder(self) -> bool:
        return self.raw_name.endswith(b"/") and not self.size

    @property
    def encrypted(self) -> bool:
        return bool(self.flags & _ENCRYPTED)


class DamagedZip(Exception):
    """A ZIP whose directory cannot be read; the text says what is wrong."""


def directory(data: bytes) -> list[Member]:
    """The entries of the central directory (APPNOTE 4.3.12), in order. Raises DamagedZip.

    Bytes before the archive (a stub of a self-extractor) shift all positions; that is allowed for.
    """
    end = data.rfind(_END)
    if end < 0 or len(data) < end + 22:
        raise DamagedZip("no end of central directory")
    count, size, start = struct.unpack_from("<HLL", data, end + 10)
    if 0xFFFFFFFF in (size, start) or count == 0xFFFF:
        raise DamagedZip("ZIP64")
    shift = end - size - start
    if shift < 0:
        raise DamagedZip("central directory outside of the file")
    members = list(islice(_entries(data, start + shift, end, shift), MAX_ENTRIES + 1))
    if len(members) > MAX_ENTRIES:
        raise DamagedZip(f"more than {MAX_ENTRIES} entries")
    if len(members) != count:
        raise DamagedZip(f"{count} entries stated, {len(members)} found")
    return members


def _entries(data: bytes, at: int, end: int, shift: int) -> Iterator[Member]:
    index = 0
    while at + _CENTRAL.size <= end and data[at : at + 4] == b"PK\x01\x02":
        fields = _CENTRAL.unpack_from(data, at)
        flags, method, crc, packed, size = fields[4], fields[5], fields[8], fields[9], fields[10]
        name_size, extra, comment, header = fields[11], fields[12], fields[13], fields[17]
        name = data[at + _CENTRAL.size : at + _CENTRAL.size + name_size]
        yield Member(index, header + shift, flags, method, packed, size, crc, name)
        at += _CENTRAL.size + name_size + extra + comment
        index += 1


def local_members(data: bytes, limit: int) -> list[Member]:
    """What the local headers say, for a file whose directory is damaged; each runs up to the next header."""
    found: list[Member] = []
    at = data.find(_LOCAL_MAGIC)
    while at >= 0 and at + _LOCAL.size <= len(data) and len(found) < limit:
        fields = _LOCAL.unpack_from(data, at)
        name = data[at + _LOCAL.size : at + _LOCAL.size + fields[10]]
        body = at + _LOCAL.size + fields[10] + fields[11]
        following = data.find(_LOCAL_MAGIC, body)
        packed = fields[8] or (following if following >= 0 else len(data)) - body
        found.append(Member(len(found), at, fields[3], fields[4], max(0, packed), fields[9], fields[7], name))
        at = following
    return found


def read_zip(item: Item, notes: Notes) -> PartState:
    """Every member as a child. The state is that of the worst: locked, unreadable, opened, read."""
    try:
        members = directory(item.content)
    except DamagedZip as problem:
        notes.gap(item.gap, "malformed", f"ZIP: {problem}")
        members = local_members(item.content, notes.slots)
    compare_counts(item, members, notes)
    return _read_members(item, members, notes)


def read_appended(item: Item, notes: Notes) -> None:
    """The ZIP at the end of a file of another type: programs that look for the end record open it as one."""
    if item.content.find(_END, max(0, len(item.content) - _TAIL)) < 0:
        return
    try:
        members = directory(item.content)
    except DamagedZip:
        return
    _read_members(item, [member for member in members if _local(item.content, member) is not None], notes)


def _read_members(item: Item, members: list[Member], notes: Notes) -> PartState:
    states = {PartState.READ}
    opener = _Opener(item, notes)
    for member in members:
        if member.is_folder:
            continue
        if notes.slots <= 0:
            notes.gap("mail", "limit", "more parts than the limit")
            break
        states.add(_read_member(item, member, opener, notes))
    for state in (PartState.LOCKED, PartState.UNREADABLE, PartState.OPENED):
        if state in states:
            return state
    return PartState.READ


def compare_counts(item: Item, members: list[Member], notes: Notes) -> None:
    """A local header between the listed members belongs to a file that the directory hides."""
    spans = sorted(
        (member.header, member.header + _LOCAL.size + len(member.raw_name) + member.packed) for member in members
    )
    gaps = [(0, spans[0][0])] if spans else [(0, len(item.content))]
    gaps += [(before[1], after[0]) for before, after in _neighbours(spans)]
    gaps += [(spans[-1][1], len(item.content))] if spans else []
    for start, end in gaps:
        if end > start and item.content.find(_LOCAL_MAGIC, start, end) >= 0:
            notes.gap(item.gap, "ambiguous", "a member that the directory does not list")
            _read_hidden(item, start, end, notes)
            return


def _neighbours(spans: list[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Neighbours in a list."""
    yield from ((spans[index], spans[index + 1]) for index in range(len(spans) - 1))


def _read_hidden(item: Item, start: int, end: int, notes: Notes) -> None:
    for member in local_members(item.content[start:end], notes.slots):
        packed = item.content[start:end]
        _read_plain(item, packed, member, member.method, notes)


def _read_member(item: Item, member: Member, opener: _Opener, notes: Notes) -> PartState:
    local = _local(item.content, member)
    if local is None:
        notes.gap(item.gap, "malformed", "a member without a local header")
        return PartState.UNREADABLE
    flags, method, raw_name, _, sizes = local
    if raw_name != member.raw_name:
        notes.gap(item.gap, "ambiguous", "directory and local header give a member different names")
        member = replace(member, local_name=raw_name)
    if (flags & _ENCRYPTED, method) != (member.flags & _ENCRYPTED, member.method):
        notes.gap(item.gap, "ambiguous", "directory and local header disagree on a member")
        _read_plain(item, item.content, member, method, notes)
    elif not flags & _STREAMED and sizes != (member.crc, member.packed, member.size) and _ZIP64 not in sizes:
        notes.gap(item.gap, "ambiguous", "directory and local header give a member different sizes")
        other = replace(member, crc=sizes[0], packed=sizes[1], size=sizes[2])
        _read_plain(item, item.content, other, method, notes)
    if member.encrypted:
        return opener.open(member)
    return _read_plain(item, item.content, member, member.method, notes)


def _local(data: bytes, member: Member) -> tuple[int, int, bytes, int, tuple[int, int, int]] | None:
    """Flags, method, name, the position of the packed bytes, and checksum and sizes by the local header; None where
    there is none."""
    if data[member.header : member.header + 4] != _LOCAL_MAGIC or len(data) < member.header + _LOCAL.size:
        return None
    fields = _LOCAL.unpack_from(data, member.header)
    start = member.header + _LOCAL.size
    behind = start + fields[10] + fields[11]
    return fields[3], fields[4], data[start : start + fields[10]], behind, (fields[7], fields[8], fields[9])


def _read_plain(item: Item, data: bytes, member: Member, method: int, notes: Notes) -> PartState:
    content = _plain(item, data, member, method, notes)
    if content is None:
        notes.closed_child(item, member.names, member.size, PartState.UNREADABLE, "zip")
        return PartState.UNREADABLE
    notes.child(item, content, member.names, "zip", member.header, member.packed)
    return PartState.READ


def content_of(item: Item, member: Member, notes: Notes) -> bytes | None:
    """A member's content, unlocked members only; None, noted as a gap, where it is out of reach."""
    local = _local(item.content, member)
    if local is not None and local[1] != member.method:
        notes.gap(item.gap, "ambiguous", "directory and local header disagree on a member")
    return _plain(item, item.content, member, member.method, notes)


def _plain(item: Item, data: bytes, member: Member, method: int, notes: Notes) -> bytes | None:
    local = _local(data, member)
    if local is None:
        notes.gap(item.gap, "malformed", "a member without a local header")
        return None
    # A stated size of 0 for a packed member is a lie that some readers pass over.
    packed = data[local[3] : local[3] + member.packed] if member.packed or not member.size else data[local[3] :]
    try:
        content = _unpacked(packed, method, item, notes)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError, struct.error) as error:
        notes.gap(item.gap, "unreadable", f"a member that does not unpack: {type(error).__name__}")
        return None
    if content is not None and zlib.crc32(content) != member.crc:
        notes.gap(item.gap, "malformed", "a member whose checksum is wrong")
    return content


def _unpacked(packed: bytes, method: int, item: Item, notes: Notes) -> bytes | None:
    if method == _STORED:
        return packed if notes.spend(len(packed), item) else None
    if method == _DEFLATE:
        got = inflate(packed, -15, item, notes)
        return got[0] if got else None
    if method in (_BZIP2, _LZMA):
        return _expanded(packed, method, item, notes)
    notes.gap(item.gap, "unreadable", f"ZIP method {method}")
    return None


def _expanded(packed: bytes, method: int, item: Item, notes: Notes) -> bytes | None:
    room = min(notes.unpacked, max(notes.limits.max_ratio * len(packed), 1 << 20)) + 1
    if method == _BZIP2:
        content = bz2.BZ2Decompressor().decompress(packed, room)
    else:
        # APPNOTE 5.8.8: two bytes of version, two of size, then the LZMA1 properties.
        size = struct.unpack_from("<H", packed, 2)[0]
        filters = [lzma._decode_filter_properties(lzma.FILTER_LZMA1, packed[4 : 4 + size])]  # type: ignore[attr-defined]
        content = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters).decompress(packed[4 + size :], room)
    return content if within(len(content), len(packed), item, notes) and notes.spend(len(content), item) else None


class _Opener:
    """Opens the locked members of one archive; a password that opened one is tried first on the next."""

    def __init__(self, item: Item, notes: Notes) -> None:
        self._item = item
        self._notes = notes
        self._keys: list[bytes] | None = None
        self._archive: Any = None

    def open(self, member: Member) -> PartState:
        """Read a locked member as a child, or list it as locked."""
        if not within(member.size, member.packed, self._item, self._notes):
            self._notes.closed_child(self._item, member.names, member.size, PartState.LOCKED, "zip")
            return PartState.UNREADABLE
        content = None
        if member.method != _AES and member.packed > _MAX_CLASSIC:
            self._notes.gap(self._item.gap, "limit", f"more than {_MAX_CLASSIC} bytes under the traditional cipher")
        else:
            content = self._content(member)
        if content is None:
            self._notes.gap(self._item.gap, "locked", "no password of the mail opens it")
            self._notes.closed_child(self._item, member.names, member.size, PartState.LOCKED, "zip")
            return PartState.LOCKED
        if not self._notes.spend(len(content), self._item):
            return PartState.UNREADABLE
        self._notes.child(self._item, content, member.names, "zip", member.header, member.packed)
        return PartState.OPENED

    def _content(self, member: Member) -> bytes | None:
        archive = self._opened()
        if archive is None:
            return None
        infos = archive.infolist()
        for key in list(self._passwords()):
            if not self._notes.try_password(_ROUNDS, self._item):
                return None
            content = _try(archive, infos[member.index], key, member.size) if member.index < len(infos) else None
            if content is not None:
                self._promote(key)
                return content
        return None

    def _opened(self) -> Any:
        if self._archive is None:
            try:
                self._archive = pyzipper.AESZipFile(io.BytesIO(self._item.content))
            except (pyzipper.BadZipFile, ValueError, OSError, struct.error, NotImplementedError):
                return None
        return self._archive

    def _passwords(self) -> list[bytes]:
        if self._keys is None:
            keys: list[bytes] = []
            for word in self._notes.passwords():
                keys += [word.encode(name, "replace") for name in ("utf-8", "cp932")]
            self._keys = list(dict.fromkeys(keys))
        return self._keys

    def _promote(self, key: bytes) -> None:
        keys = self._passwords()
        keys.remove(key)
        keys.insert(0, key)


def _try(archive: Any, info: Any, key: bytes, size: int) -> bytes | None:
    """The member's content, or None when the password is wrong (wrong check, checksum or stream)."""
    try:
        with archive.open(info, pwd=key) as file:
            content = bytes(file.read(size + 1))
            return content if len(content) == size else None
    # Wrong keys surface as whatever the decompressor makes of noise.
    except Exception:
        return None
