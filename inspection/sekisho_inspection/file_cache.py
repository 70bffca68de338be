"""What the reading of a file wrote down, kept for the same file in a later mail.

A record holds the facts and the files inside, in the order found, and what they took of the mail's limits. Only what
depended on nothing but the file and what is in its key is kept: no reading that a limit, the mail's passwords or
another part had a share in. A cache belongs to one worker, one set of limits and one set of YARA rules; who gets other
rules begins with an empty one.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec
from sekisho_core.vocabulary import Decoding, Finding, Incomplete, Link, Observable, Origin, Part, Text

from sekisho_inspection.facts import Fact
from sekisho_inspection.notes import Item, Left, Notes
from sekisho_inspection.yara_scan import CompiledYara

Read = Callable[[Item, Notes], None]
_MOST_RECORDS = 5000
# One file must not push all others out.
_MOST_OF_ONE = 4
# What a fact takes beside its texts.
_FACT = 300
# Gaps that another mail or another hour need not have.
_PASSING = frozenset(["limit", "timeout", "crashed", "busy"])
_Key = tuple[object, ...]
_Entry = Fact | Item


@dataclass(frozen=True)
class Record:
    """What one file's reading wrote down: under which part's id, the facts in order, how many files inside, the codes
    of pictures, whether it is locked, and what it took of each limit; `size` is about its bytes."""

    id: str
    facts: tuple[_Entry, ...]
    children: int
    codes: dict[bytes, tuple[str, ...]]
    locked: bool
    spent: Left
    size: int

    def fits(self, left: Left) -> bool:
        """Whether a mail that has so much left would have let the reading come to its end."""
        return all(rest > spent for rest, spent in zip(left, self.spent, strict=True))

    def replay(self, item: Item, notes: Notes) -> None:
        """Write the same down for `item`."""
        for fact in self.facts:
            moved = _moved(fact, self.id, item)
            notes.enqueue(moved) if isinstance(moved, Item) else notes.add(moved)
        notes.reserve(item.id, self.children)
        notes.codes.update(self.codes)
        if self.locked:
            notes.locked.add(item.id)
        notes.spend_again(self.spent)


class FileCache:
    """Records of files, the least used ones dropped beyond `most_bytes`; 0 keeps none. `hits` counts replays."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._records: OrderedDict[_Key, Record] = OrderedDict()
        self._size = 0
        self.hits = 0

    def read(self, item: Item, notes: Notes, yara: CompiledYara | None, read: Read) -> None:
        """Read the file with `read`, or write down what a record of it says."""
        key = _key(item, notes, yara) if self._most else None
        if key is None:
            read(item, notes)
            return
        record = self._records.get(key)
        if record is not None and record.fits(notes.left()):
            self._records.move_to_end(key)
            self.hits += 1
            record.replay(item, notes)
        elif record := _recorded(item, notes, read):
            self._keep(key, record)

    def _keep(self, key: _Key, record: Record) -> None:
        if record.size > self._most // _MOST_OF_ONE:
            return
        if old := self._records.pop(key, None):
            self._size -= old.size
        self._records[key] = record
        self._size += record.size
        while self._size > self._most or len(self._records) > _MOST_RECORDS:
            self._size -= self._records.popitem(last=False)[1].size


def _key(item: Item, notes: Notes, yara: CompiledYara | None) -> _Key | None:
    """All that the reading of a file depends on; None where that is more than can be said."""
    if item.id in notes.texts_read or item.id in notes.explained or notes.has_children(item.id):
        return None
    raw = hashlib.sha256(item.raw).digest() if yara and item.raw else b""
    place = item.id if yara and yara.by_place else ""
    around = notes.is_locked(item.id)
    return item.sha256, item.names, item.declared, item.origin.reading, item.depth, raw, place, around


def _recorded(item: Item, notes: Notes, read: Read) -> Record | None:
    """Read a file; what it wrote down, where that would be the same in every mail."""
    left, shared, codes = notes.left(), notes.shared(), set(notes.codes)
    journal: list[_Entry] = []
    notes.journal = journal.append
    try:
        read(item, notes)
    finally:
        notes.journal = None
    rest = notes.left()
    if notes.shared() != shared or min(rest) <= 0 or not all(_lasts(fact, item.id) for fact in journal):
        return None
    added = {key: texts for key, texts in notes.codes.items() if key not in codes}
    spent = Left(*(before - after for before, after in zip(left, rest, strict=True)))
    children, locked = notes.has_children(item.id), item.id in notes.locked
    return Record(item.id, tuple(journal), children, added, locked, spent, sum(map(_size, journal)))


def _lasts(fact: _Entry, id: str) -> bool:
    """Whether a fact is one of the file alone, and one that any mail would have."""
    if isinstance(fact, Incomplete) and fact.reason in _PASSING:
        return False
    if isinstance(fact, Finding) and fact.kind == "picture-unread":
        return False
    if isinstance(fact, Part | Item):
        return fact.id == id or fact.id.startswith(f"{id}.")
    return _is_at(fact.where, f"part:{id}")


def _is_at(where: str, place: str) -> bool:
    return where.startswith(place) and where[len(place) : len(place) + 1] in ("", "/", ":")


def _moved(fact: _Entry, old: str, item: Item) -> _Entry:
    """The fact for a file that has another place, and perhaps another id."""
    if isinstance(fact, Part) and fact.id == old:
        return msgspec.structs.replace(fact, id=item.id, origin=item.origin)
    if item.id == old:
        return fact
    if isinstance(fact, Part):
        return msgspec.structs.replace(fact, id=_below(fact.id, old, item.id), origin=_origin(fact, old, item.id))
    if isinstance(fact, Item):
        return replace(fact, id=_below(fact.id, old, item.id), origin=_origin(fact, old, item.id))
    return msgspec.structs.replace(fact, where=f"part:{item.id}{fact.where[len(old) + 5 :]}")


def _origin(entry: Part | Item, old: str, new: str) -> Origin:
    return msgspec.structs.replace(entry.origin, parent=_below(entry.origin.parent, old, new))


def _below(id: str, old: str, new: str) -> str:
    return new + id[len(old) :]


def _size(fact: _Entry) -> int:
    return _FACT + sum(map(len, _long(fact)))


def _long(fact: _Entry) -> Sequence[str | bytes]:
    """The texts and bytes of a fact that may be large."""
    if isinstance(fact, Observable):
        return (fact.value,)
    if isinstance(fact, Text | Decoding):
        return (fact.text,)
    if isinstance(fact, Item):
        return (fact.content,)
    if isinstance(fact, Link):
        return (fact.shown, fact.written, *fact.meant)
    return (fact.detail,) if isinstance(fact, Finding | Incomplete) else fact.names
