"""The index snapshot as filter processes use it: opened whole and checked, matched against, given up after a swap."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import hyperscan
import lmdb
from sekisho_core.errors import SnapshotError
from sekisho_core.events import Events
from sekisho_core.scan import YaraRules
from sekisho_core.vocabulary import Envelope, Finding, Match, Reading

from sekisho_rules.anchors import searched_text
from sekisho_rules.evaluate import Fact
from sekisho_rules.hosts import network_of
from sekisho_rules.layout import (
    CURRENT,
    ENTRIES,
    KEYS,
    MANIFEST,
    TABLES,
    YARA,
    Entry,
    Manifest,
    RegexSet,
    decode_entry,
    key_of,
    number_bytes,
    read_manifest,
)
from sekisho_rules.match import judged, mail_facts, yara_matches
from sekisho_rules.suspension import Key, Suspended, Suspension, applied
from sekisho_rules.values import is_network, seen_forms

Clock = Callable[[], datetime]
Suspensions = Callable[[], Mapping[Key, Suspension]]


def _now() -> datetime:
    return datetime.now(UTC)


def _none() -> Mapping[Key, Suspension]:
    return {}


class IndexSnapshot:
    """One snapshot directory, open in this process; implements `core.scan.Snapshot`. Safe for several threads."""

    def __init__(self, directory: Path, clock: Clock = _now, suspended: Suspensions = _none) -> None:
        """Open and check every file; `suspended` is asked with each mail. Raises SnapshotError naming the directory and
        the fault."""
        self._directory = directory
        self._clock = clock
        self._suspended = suspended
        try:
            # A shared lock on the manifest says "in use" to the pruning of a later compile.
            held = os.open(directory / MANIFEST, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SnapshotError(f"{directory / MANIFEST}: cannot open the snapshot: {error.strerror}") from error
        self._release = weakref.finalize(self, os.close, held)
        fcntl.flock(held, fcntl.LOCK_SH)
        self._manifest = read_manifest(directory)
        _verify(directory, self._manifest)
        self._tables = _open_tables(directory)
        self._keys = self._tables.open_db(KEYS, create=False)
        self._entries = self._tables.open_db(ENTRIES, create=False)
        self._regexes = [_Regexes(directory, one) for one in self._manifest.regexes]

    @property
    def serial(self) -> int:
        return self._manifest.serial

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    @property
    def yara(self) -> YaraRules | None:
        present = YARA in self._manifest.files
        return YaraRules(self._directory / YARA, self._manifest.serial) if present else None

    def match(self, envelope: Envelope, reading: Reading) -> tuple[Match, ...]:
        """Every indicator in force that the mail meets, at each place, in the order of the index. None is left out: a
        mail may meet many that do nothing before the one that does."""
        now = self._clock()
        found = (*self.match_facts(mail_facts(envelope, reading), now), *self._by_yara(reading.findings, now))
        suspended = self._suspended()
        return tuple(dict.fromkeys(applied(found, suspended) if suspended else found))

    def match_facts(self, facts: Sequence[Fact], moment: datetime) -> tuple[Match, ...]:
        """Every indicator in force at `moment` (aware) that these facts of one mail meet, as `match` does; what YARA
        found is no fact, and suspensions do not count."""
        with self._tables.begin() as transaction:
            numbers = sorted({*self._by_value(transaction, facts), *self._by_expression(facts)})
            entries = list(self._load(transaction, numbers))
        return tuple(dict.fromkeys(judged(entries, facts, moment)))

    def close(self) -> None:
        """Give the mapping up; not to be used afterwards."""
        self._tables.close()
        self._release()

    def _by_yara(self, findings: Iterable[Finding], now: datetime) -> list[Match]:
        named = [(one, one.rule.rpartition(":")[0]) for one in findings if one.kind == "yara"]
        with self._tables.begin() as transaction:
            rules = [
                (finding, list(self._load(transaction, self._lookup(transaction, [key_of("yara", "", namespace)]))))
                for finding, namespace in named
            ]
        return yara_matches(rules, now)

    def _by_value(self, transaction: lmdb.Transaction, facts: Sequence[Fact]) -> Iterator[int]:
        keys = {key_of("path", path, "") for path in {fact.path for fact in facts}}
        for path, value in {(fact.path, fact.value) for fact in facts}:
            keys.update(key_of("value", path, form) for form in seen_forms(path, value, self._lengths(path, value)))
        return self._lookup(transaction, keys)

    def _lengths(self, path: str, value: str) -> list[int]:
        network = network_of(value) if is_network(path) else None
        return [] if network is None else self._manifest.prefixes.get(str(network.version), [])

    def _lookup(self, transaction: lmdb.Transaction, keys: Iterable[bytes]) -> Iterator[int]:
        with transaction.cursor(self._keys) as cursor:
            for key in keys:
                if cursor.set_range(key):
                    for found in map(bytes, cursor.iternext(keys=True, values=False)):
                        if not found.startswith(key):
                            break
                        yield int.from_bytes(found[len(key) :], "big")

    def _by_expression(self, facts: Sequence[Fact]) -> Iterator[int]:
        for regexes in self._regexes:
            for value in {fact.value for fact in facts if fact.path == regexes.path}:
                yield from regexes.search(value)

    def _load(self, transaction: lmdb.Transaction, numbers: Iterable[int]) -> Iterator[Entry]:
        for number in numbers:
            content = transaction.get(number_bytes(number), db=self._entries)
            if content is None:
                raise SnapshotError(f"{self._directory}: entry {number} is missing")
            yield decode_entry(bytes(content))


class SnapshotStore:
    """Where the current snapshot comes from: opened in the process that asks, anew after a fork or a swap.

    A snapshot that is still in use elsewhere stays mapped until its last user lets it go.
    """

    def __init__(self, index: Path, clock: Clock = _now, events: Events | None = None) -> None:
        """`events` is told of a file of suspensions that is damaged."""
        self._link = index / CURRENT
        self._clock = clock
        self._suspended = Suspended(index, events)
        self._lock = threading.Lock()
        self._pid = 0
        self._target = ""
        self._snapshot: IndexSnapshot | None = None

    def current(self) -> IndexSnapshot:
        """The snapshot that the link names now; a readlink when it has not changed. Raises SnapshotError when there is
        none or it is damaged."""
        snapshot = self._snapshot
        if snapshot is not None and self._pid == os.getpid() and self._read_link() == self._target:
            return snapshot
        with self._lock:
            return self._opened()

    def _opened(self) -> IndexSnapshot:
        if self._pid != os.getpid():
            # A parent's environment must not be used, and while it is there LMDB opens the file no second time.
            # Closing it here is safe because it has no lock table: only this process's mapping and descriptor go.
            if self._snapshot is not None:
                self._snapshot.close()
            self._snapshot, self._target, self._pid = None, "", os.getpid()
        target = self._read_link()
        if self._snapshot is None or target != self._target:
            self._snapshot = _open_linked(self._link, target, self._clock, self._suspended)
            self._target = target
        return self._snapshot

    def _read_link(self) -> str:
        try:
            return os.readlink(self._link)  # noqa: PTH115 - a Path for each mail costs ten times the system call
        except OSError as error:
            raise SnapshotError(
                f"{self._link}: no index snapshot ({error.strerror}); run: sekisho rules compile"
            ) from error


class _Regexes:
    """One Hyperscan database: the expressions over one path's values. It only proposes; RE2 decides."""

    def __init__(self, directory: Path, described: RegexSet) -> None:
        self.path = described.path
        self._kind = described.kind
        # One scratch space for each database: threads take turns.
        self._lock = threading.Lock()
        try:
            content = (directory / described.file).read_bytes()
            self._database = hyperscan.loadb(content, hyperscan.HS_MODE_BLOCK)
            self._scratch = hyperscan.Scratch(self._database)
        except (OSError, hyperscan.error) as error:
            raise SnapshotError(f"{directory / described.file}: cannot be loaded on this machine: {error}") from error

    def search(self, value: str) -> list[int]:
        """The numbers of the entries whose expression fires on the value."""
        found: list[int] = []
        text = searched_text(self._kind, self.path, value).encode(errors="replace")

        def note(number: int, start: int, end: int, flags: int, context: object) -> None:
            found.append(number)

        with self._lock:
            self._database.scan(text, match_event_handler=note, scratch=self._scratch)
        return found


def _open_linked(link: Path, target: str, clock: Clock, suspended: Suspensions) -> IndexSnapshot:
    with suppress(SnapshotError):
        return IndexSnapshot(link.parent / target, clock, suspended)
    # Between our reading of the link and the opening a compile may have swapped and pruned: look once more.
    return IndexSnapshot(link.parent / os.readlink(link), clock, suspended)  # noqa: PTH115


def _verify(directory: Path, manifest: Manifest) -> None:
    # A damaged LMDB file can end the process that reads it, so every byte is checked before it is mapped.
    for name, stated in manifest.files.items():
        try:
            with (directory / name).open("rb") as file:
                seen = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise SnapshotError(f"{directory / name}: {error.strerror}") from error
        if seen != stated:
            raise SnapshotError(f"{directory / name}: damaged: its checksum is not the manifest's")


def _open_tables(directory: Path) -> lmdb.Environment:
    try:
        return lmdb.open(
            str(directory / TABLES),
            subdir=False,
            readonly=True,
            lock=False,
            max_dbs=2,
            readahead=False,
            max_spare_txns=8,
        )
    except lmdb.Error as error:
        raise SnapshotError(f"{directory / TABLES}: {error}") from error
