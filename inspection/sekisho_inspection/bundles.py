"""Bundles: cpio, ar (Debian packages), RPM and xar, whose members libarchive hands out."""

from __future__ import annotations

from sekisho_core.vocabulary import PartState

from sekisho_inspection import libarchive
from sekisho_inspection.archive import list_folders, note_path, room, within
from sekisho_inspection.libarchive import Archive, Entry
from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes

# By kind, the formats and the filters that a bundle is read with, as libarchive calls them.
_WAYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "application/x-cpio": (("cpio",), ()),
    "application/x-ar": (("ar",), ()),
    "application/x-rpm": (("cpio",), ("rpm", "gzip", "bzip2", "xz", "lzma", "zstd")),
    "application/x-xar": (("xar",), ()),
}
KINDS = frozenset(_WAYS)
READINGS = frozenset(kind.rpartition("-")[2] for kind in _WAYS)


def read_bundle(item: Item, notes: Notes) -> PartState:
    """Every member as a child, in the order of the bundle; links and devices are listed by name and never made."""
    reading = item.sniffed.rpartition("-")[2]
    states, folders = {PartState.READ}, list[tuple[str, ...]]()
    try:
        with Archive(item.content, *_WAYS[item.sniffed]) as archive:
            for entry in archive.entries():
                if notes.slots <= 0:
                    notes.gap("mail", "limit", "more parts than the limit")
                    break
                if entry.kind == "folder":
                    folders.append(member_names(entry.name))
                else:
                    states.add(_member(archive, entry, reading, item, notes))
    except libarchive.Unreadable as problem:
        notes.gap(item.gap, "unreadable", f"{reading}: {problem}")
        return PartState.UNREADABLE
    list_folders(folders, item, notes, reading)
    return PartState.UNREADABLE if PartState.UNREADABLE in states else PartState.READ


def _member(archive: Archive, entry: Entry, reading: str, item: Item, notes: Notes) -> PartState:
    names = member_names(entry.name)
    kind = {"file": "", "link": "a link"}.get(entry.kind, "no regular file")
    note_path(names, item, notes, kind)
    # cpio keeps the data of a file with several names at the last of them.
    if kind and not (entry.kind == "link" and entry.size):
        notes.closed_child(item, names, 0, PartState.SKIPPED, reading)
        return PartState.READ
    content, problem = archive.read(room(len(item.content), notes))
    if problem == "unreadable":
        notes.gap(item.gap, "unreadable", f"{reading}: a member that does not unpack")
    if (problem and not content) or not within(len(content), len(item.content), item, notes):
        notes.closed_child(item, names, entry.size, PartState.UNREADABLE, reading)
        return PartState.UNREADABLE
    if notes.spend(len(content), item):
        notes.child(item, content, names, reading)
    return PartState.READ
