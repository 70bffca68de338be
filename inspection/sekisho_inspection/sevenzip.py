"""7z: an archive's members, packed together in folders, behind locked headers too."""

from __future__ import annotations

import struct
import zlib

from sekisho_core.vocabulary import PartState

from sekisho_inspection.archive import list_folders, note_path, within
from sekisho_inspection.locks import Keyring
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.sevenzip_coders import Checks, Damaged, Locked, Unsupported, unpack
from sekisho_inspection.sevenzip_header import ENCODED, HEADER, Cursor, File, Streams, read_header, read_streams

KIND = "application/x-7z-compressed"
MAGIC = b"7z\xbc\xaf\x27\x1c"
READING = "7z"
_START = 32
# How often a header may be packed in a header.
_MAX_LAYERS = 4
_WORST = (PartState.LOCKED, PartState.UNREADABLE, PartState.OPENED)


class _TooMuch(Exception):
    """More unpacked bytes than a limit allows, noted as a gap."""


def read_sevenzip(item: Item, notes: Notes) -> PartState:
    """Every member as a child; those of a folder that cannot be read are listed. The state is that of the worst."""
    archive = _Archive(item, notes)
    try:
        streams, files, opened = archive.header()
    except Locked:
        notes.gap(item.gap, "locked", "7z: no password that was tried opens the list of names")
        return PartState.LOCKED
    except (Damaged, Unsupported, _TooMuch) as problem:
        notes.gap(item.gap, "unreadable", f"7z: {problem}")
        return PartState.UNREADABLE
    states = {PartState.OPENED if opened else PartState.READ}
    with_content = iter([file for file in files if file.has_stream])
    for index, sizes in enumerate(streams.sizes):
        members = [(file, size) for size, file in zip(sizes, with_content, strict=False)]
        states.add(archive.members(streams, index, members))
    if left := [(file, 0) for file in with_content]:
        states.add(archive.closed(Damaged("files without a stream"), left))
    for file in files:
        if not file.has_stream and not file.is_folder:
            notes.child(item, b"", file.names, READING)
    list_folders((file.names for file in files if file.is_folder), item, notes, READING)
    return next((state for state in _WORST if state in states), PartState.READ)


class _Archive:
    """One archive being read."""

    def __init__(self, item: Item, notes: Notes) -> None:
        self._item = item
        self._notes = notes
        self._ring = Keyring(item, notes)

    def header(self) -> tuple[Streams, list[File], bool]:
        """The streams and files, and whether a password was needed. Raises Damaged, Unsupported, Locked, _TooMuch."""
        data = self._item.content
        if len(data) < _START:
            raise Damaged("header ends early")
        offset, size, crc = struct.unpack_from("<QQL", data, 12)
        header = data[_START + offset : _START + offset + size]
        if len(header) < size:
            raise Damaged("header beyond the end")
        if zlib.crc32(header) != crc:
            self._notes.gap(self._item.gap, "malformed", "7z: the header's checksum is wrong")
        opened = False
        for _ in range(_MAX_LAYERS):
            cursor = Cursor(header)
            kind = cursor.byte() if header else HEADER
            if kind != ENCODED:
                return (*read_header(cursor, kind), opened)
            streams = read_streams(cursor)
            if not streams.folders:
                raise Damaged("no header in the packed header")
            header, locked = self._folder(streams, 0)
            opened |= locked
        raise Damaged("headers in headers")

    def members(self, streams: Streams, index: int, members: list[tuple[File, int]]) -> PartState:
        """The files of a folder as children. Returns how far they could be read."""
        try:
            content, opened = self._folder(streams, index)
        except (Locked, Damaged, Unsupported, _TooMuch) as problem:
            return self.closed(problem, members)
        if not self._notes.spend(len(content), self._item):
            return self.closed(_TooMuch(), members)
        at = 0
        for (file, size), crc in zip(members, streams.crcs[index], strict=False):
            piece = content[at : at + size]
            at += size
            if crc is not None and zlib.crc32(piece) != crc:
                self._notes.gap(self._item.gap, "malformed", "7z: a member whose checksum is wrong")
            self._member(file, piece)
        return PartState.OPENED if opened else PartState.READ

    def _member(self, file: File, content: bytes) -> None:
        if self._notes.slots <= 0:
            self._notes.gap("mail", "limit", "more parts than the limit")
            return
        note_path(file.names, self._item, self._notes, "a link" if file.is_link else "")
        self._notes.child(self._item, content, file.names, READING)

    def closed(self, problem: Exception, members: list[tuple[File, int]]) -> PartState:
        """List files that cannot be read for this reason, which is noted as a gap."""
        state = PartState.UNREADABLE
        if isinstance(problem, Locked):
            state = PartState.LOCKED
            self._notes.gap(self._item.gap, "locked", "no password that was tried opens it")
        elif not isinstance(problem, _TooMuch):
            self._notes.gap(self._item.gap, "unreadable", f"7z: {problem}")
        for file, size in members:
            if self._notes.slots <= 0:
                self._notes.gap("mail", "limit", "more parts than the limit")
                break
            note_path(file.names, self._item, self._notes, "a link" if file.is_link else "")
            self._notes.closed_child(self._item, file.names, size, state, READING)
        return state

    def _folder(self, streams: Streams, index: int) -> tuple[bytes, bool]:
        """A folder's content, and whether a password opened it. Raises Damaged, Unsupported, Locked, _TooMuch."""
        folder = streams.folders[index]
        packed = [self._item.content[_START + start : _START + end] for start, end in streams.spans(index)]
        whole = sum(map(len, packed))
        # What a coder in between gives is kept too for a while.
        if not all(within(size, whole, self._item, self._notes) for size in folder.sizes):
            raise _TooMuch
        checks: Checks = list(zip(streams.sizes[index], streams.crcs[index], strict=False))
        if folder.crc is not None:
            checks = [(folder.size, folder.crc)]
        return unpack(folder, packed, checks, self._ring)
