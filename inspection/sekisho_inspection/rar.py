"""RAR: members of an archive as files, unpacked by libarchive out of an archive rebuilt without the locks."""

from __future__ import annotations

import zlib

from Cryptodome.Cipher import AES
from sekisho_core.vocabulary import PartState

from sekisho_inspection import libarchive, rar4, rar5
from sekisho_inspection.archive import list_folders, note_path, within
from sekisho_inspection.locks import Keyring
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.rar_members import Listing, Member

KIND = "application/vnd.rar"
MAGIC = b"Rar!\x1a\x07"
READING = "rar"
_WORST = (PartState.LOCKED, PartState.UNREADABLE, PartState.OPENED)


def read_rar(item: Item, notes: Notes) -> PartState:
    """Every member as a child; those that cannot be read are listed. The state is that of the worst."""
    ring = Keyring(item, notes)
    read = rar5.read_blocks if item.content.startswith(rar5.MAGIC) else rar4.read_blocks
    listing = read(item.content, ring)
    if listing.is_locked:
        notes.gap(item.gap, "locked", "RAR: no password that was tried opens the list of names")
        return PartState.LOCKED
    states = _Members(item, notes, ring, listing).read()
    states.add(PartState.OPENED if listing.was_opened else PartState.READ)
    list_folders((member.names for member in listing.members if member.is_folder), item, notes, READING)
    if listing.problem:
        notes.gap(item.gap, "unreadable", listing.problem)
        states.add(PartState.UNREADABLE)
    return next((state for state in _WORST if state in states), PartState.READ)


class _Members:
    """One archive's members being read. A member and the solid ones behind it are a run, which is unpacked as an
    archive of its own: what is broken in one run concerns no other."""

    def __init__(self, item: Item, notes: Notes, ring: Keyring, listing: Listing) -> None:
        self._item = item
        self._notes = notes
        self._ring = ring
        self._listing = listing
        self._run: list[tuple[Member, bytes]] = []

    def read(self) -> set[PartState]:
        """Note all members; returns the states that they are in."""
        states = set[PartState]()
        for member in self._listing.members:
            if self._notes.slots <= len(self._run):
                self._notes.gap("mail", "limit", "more parts than the limit")
                break
            if not member.is_solid:
                states |= self._contents()
            if not member.is_folder:
                states |= self._member(member)
        return states | self._contents()

    def _member(self, member: Member) -> set[PartState]:
        note_path(member.names, self._item, self._notes, member.kind)
        if member.kind:
            return self._closed(member, PartState.SKIPPED)
        if member.is_split:
            self._notes.gap(self._item.gap, "unreadable", "a member that goes on in another volume")
            return self._closed(member, PartState.UNREADABLE)
        if member.is_newer:
            self._notes.gap(self._item.gap, "unreadable", "a member packed by RAR 7")
            return self._closed(member, PartState.UNREADABLE)
        if not within(member.size, len(member.packed), self._item, self._notes):
            return self._closed(member, PartState.UNREADABLE)
        if (plain := self._unlocked(member)) is None:
            self._notes.gap(self._item.gap, "locked", "no password that was tried opens it")
            return self._closed(member, PartState.LOCKED)
        self._run.append((member, plain))
        return set()

    def _closed(self, member: Member, state: PartState) -> set[PartState]:
        self._notes.closed_child(self._item, member.names, member.size, state, READING)
        return {state}

    def _unlocked(self, member: Member) -> bytes | None:
        """The member's packed bytes without the lock; None where no password opens it."""
        if member.lock is None or not member.packed:
            return member.packed
        for word in self._ring.words():
            if (key := member.lock.key(word)) is None:
                continue
            plain = _decrypted(member, key)
            if member.lock.sure or self._proves(member, plain):
                self._ring.promote(word)
                return plain
        return None

    def _proves(self, member: Member, plain: bytes) -> bool:
        """Whether the content has the right checksum: the only proof of a password in old archives."""
        if member.crc is None:
            return False
        if member.is_stored:
            return zlib.crc32(plain) == member.crc
        contents = self._unpacked([*self._run, (member, plain)])
        return bool(contents) and not contents[-1][1] and zlib.crc32(contents[-1][0]) == member.crc

    def _unpacked(self, run: list[tuple[Member, bytes]]) -> list[tuple[bytes, str]]:
        """Content of each member, and what was wrong with it; shorter than the run where the archive breaks off."""
        rebuilt = b"".join([self._listing.start, *(member.rebuilt(plain) for member, plain in run), self._listing.end])
        left, contents = self._notes.unpacked, list[tuple[bytes, str]]()
        try:
            with libarchive.Archive(rebuilt, ("rar", "rar5")) as archive:
                for _ in archive.entries():
                    contents.append(archive.read(left))
                    left -= min(left, len(contents[-1][0]))
        except libarchive.Unreadable:
            pass
        return contents

    def _contents(self) -> set[PartState]:
        """Note the members of the run, and begin another."""
        run, self._run, states = self._run, [], set[PartState]()
        if not run:
            return states
        stored = [(plain[: member.size], "") for member, plain in run]
        contents = stored if all(member.is_stored for member, _ in run) else self._unpacked(run)
        contents += [(b"", "unreadable")] * (len(run) - len(contents))
        for (member, _), (content, problem) in zip(run, contents, strict=False):
            states |= self._content(member, content, problem)
        return states

    def _content(self, member: Member, content: bytes, problem: str) -> set[PartState]:
        if not within(len(content), len(member.packed), self._item, self._notes):
            return self._closed(member, PartState.UNREADABLE)
        wrong = len(content) < member.size or (member.crc is not None and zlib.crc32(content) != member.crc)
        if problem or wrong:
            self._notes.gap(self._item.gap, "unreadable", "RAR: a member that does not unpack")
            if not content:
                return self._closed(member, PartState.UNREADABLE)
        if not self._notes.spend(len(content), self._item):
            return self._closed(member, PartState.UNREADABLE)
        self._notes.child(self._item, content, member.names, READING)
        return {PartState.OPENED if member.lock else PartState.READ}


def _decrypted(member: Member, key: tuple[bytes, bytes]) -> bytes:
    packed = member.packed[: len(member.packed) // 16 * 16]
    plain = AES.new(key[0], AES.MODE_CBC, key[1]).decrypt(packed)
    return plain[: member.size] if member.is_stored else plain
