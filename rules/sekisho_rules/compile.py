"""Indicators to an index snapshot: built beside the old one, checked, and put in force by one rename."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import hyperscan
import lmdb
import msgspec
from sekisho_core.errors import SnapshotError
from sekisho_core.files import adopt, sync_directory, write_durably

from sekisho_rules.anchors import Anchor, anchors
from sekisho_rules.guard import Protected, refusal
from sekisho_rules.hosts import network_of
from sekisho_rules.indicator import Indicator, Refusal, effective_state, refusal_of
from sekisho_rules.layout import (
    CURRENT,
    ENTRIES,
    FORMAT,
    KEYS,
    MANIFEST,
    TABLES,
    YARA,
    Entry,
    Manifest,
    RegexSet,
    encode_entry,
    key_of,
    manifest_bytes,
    number_bytes,
)
from sekisho_rules.observed import unobserved
from sekisho_rules.pattern import parse
from sekisho_rules.snapshot import IndexSnapshot
from sekisho_rules.tree import PatternError, Tree
from sekisho_rules.values import is_network

CompileYara = Callable[[Mapping[str, str], Mapping[str, str]], tuple[bytes, dict[str, str]]]
"""YARA sources by namespace, and the source (feed) of each, to compiled rules and errors by namespace."""
NOBODY = Protected()
_LOCK = ".lock"
_BUILD = ".build-"
_BATCH = 20_000
# The file is sparse and cut to what was used; this only bounds the address space.
_MAP_SIZE = 1 << 36
_REGEX_FLAGS = (
    hyperscan.HS_FLAG_DOTALL
    | hyperscan.HS_FLAG_UTF8
    | hyperscan.HS_FLAG_SINGLEMATCH
    | hyperscan.HS_FLAG_ALLOWEMPTY
    | hyperscan.HS_FLAG_PREFILTER
)


class CompileReport(msgspec.Struct, frozen=True):
    """What became of a compile: the serial in force, counts by kind, the indicators that were refused, and those that
    can have no effect here (inert or unsupported), each with its reason."""

    serial: int
    counts: dict[str, int]
    refused: list[Refusal]
    without_effect: list[Refusal]


def is_refusal(reason: str) -> bool:
    """Whether the reason why an indicator does nothing is a fault of it, and not only beyond what is read here."""
    return not reason.startswith(("inert: ", "unsupported: "))


def yara_reason(problem: str) -> str:
    """The reason why YARA source does nothing, of what its check says."""
    return problem if problem.startswith("inert: ") else f"refused: {problem}"


def without_effect(indicator: Indicator, protected: Protected = NOBODY) -> str:
    """Why an indicator does nothing: refused, unsupported or inert, with the reason; "" when it has effect. Of YARA
    source only its check in a worker can say so."""
    if indicator.pattern_type == "yara":
        return ""
    try:
        _tree(indicator, protected)
    except _LeftOut as reason:
        return str(reason)
    return ""


def compile_snapshot(
    indicators: Iterable[Indicator],
    index: Path,
    compile_yara: CompileYara,
    keep: int,
    protected: Protected = NOBODY,
) -> CompileReport:
    """Build `<index>/<serial>/` from the indicators and make `<index>/current` name it; keep `keep` older ones.

    Compiles of one index wait for each other. Whatever fails leaves the last good snapshot in force. Raises
    SnapshotError when the directory cannot be written.
    """
    try:
        index.mkdir(parents=True, exist_ok=True)
        with _locked(index):
            build = Path(tempfile.mkdtemp(prefix=_BUILD, dir=index))
            try:
                report = _build(indicators, build, _next_serial(index), compile_yara, protected)
                _put_in_force(index, build, report.serial)
            finally:
                shutil.rmtree(build, ignore_errors=True)
            _prune(index, keep)
            return report
    except (OSError, lmdb.Error) as error:
        raise SnapshotError(f"{index}: the snapshot was not built: {error}") from error


class _LeftOut(Exception):
    """Carries the reason for which an indicator is left out."""


class _Gathered:
    """What is collected over all indicators before the tables are written."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.expressions: dict[tuple[str, str], list[tuple[str, int]]] = {}
        self.yara: dict[str, str] = {}
        self.yara_sources: dict[str, str] = {}
        self.yara_indicators: dict[str, list[Indicator]] = {}
        self.prefixes: dict[int, set[int]] = {}
        self.counts = {"indicators": 0, "yara": 0, "revoked": 0, "refused": 0, "without_effect": 0}
        self.refused: list[Refusal] = []
        self.without_effect: list[Refusal] = []

    def hang(self, anchor: Anchor, number: int) -> None:
        """Make `anchor` find the entry."""
        if anchor.kind in ("value", "path"):
            self.keys.append(key_of(anchor.kind, anchor.path, anchor.text) + number_bytes(number))
            if "/" in anchor.text and is_network(anchor.path) and (network := network_of(anchor.text)) is not None:
                self.prefixes.setdefault(network.version, set()).add(network.prefixlen)
        else:
            self.expressions.setdefault((anchor.kind, anchor.path), []).append((anchor.text, number))

    def namespace(self, indicator: Indicator) -> str:
        """The YARA namespace of an indicator: its id, or with its source where another source's id is the same."""
        free = self.yara.get(indicator.id, indicator.pattern) == indicator.pattern
        name = indicator.id if free else f"{indicator.id}@{indicator.source}"
        self.yara[name] = indicator.pattern
        self.yara_sources[name] = indicator.source
        self.yara_indicators.setdefault(name, []).append(indicator)
        return name

    def leave_out(self, indicator: Indicator, reason: str) -> None:
        """Note an indicator that is left out."""
        refused = is_refusal(reason)
        self.counts["refused" if refused else "without_effect"] += 1
        (self.refused if refused else self.without_effect).append(refusal_of(indicator, reason))


def _build(
    indicators: Iterable[Indicator],
    build: Path,
    serial: int,
    compile_yara: CompileYara,
    protected: Protected,
) -> CompileReport:
    gathered = _Gathered()
    _write_tables(build / TABLES, _entries(indicators, gathered, protected), gathered)
    _write_yara(build / YARA, gathered, compile_yara)
    regexes = _write_expressions(build, gathered)
    for path in build.iterdir():
        path.chmod(0o640)
        _sync(path)
    write_durably(build / MANIFEST, [manifest_bytes(_manifest(build, serial, gathered, regexes))])
    # Opened as a filter process will open it: what cannot be used never comes into force.
    IndexSnapshot(build).close()
    return CompileReport(serial, gathered.counts, gathered.refused, gathered.without_effect)


def _entries(
    indicators: Iterable[Indicator], gathered: _Gathered, protected: Protected
) -> Iterator[tuple[bytes, bytes]]:
    number = 0
    for indicator in indicators:
        if indicator.revoked:
            gathered.counts["revoked"] += 1
            continue
        try:
            tree = _taken_in(indicator, number, gathered, protected)
        except _LeftOut as reason:
            gathered.leave_out(indicator, str(reason))
            continue
        yield number_bytes(number), encode_entry(entry_of(indicator, tree))
        number += 1


def _taken_in(indicator: Indicator, number: int, gathered: _Gathered, protected: Protected) -> Tree | None:
    if indicator.pattern_type == "yara":
        gathered.counts["yara"] += 1
        gathered.keys.append(key_of("yara", "", gathered.namespace(indicator)) + number_bytes(number))
        return None
    tree = _tree(indicator, protected)
    for anchor in set(anchors(tree)):
        gathered.hang(anchor, number)
    gathered.counts["indicators"] += 1
    return tree


def _tree(indicator: Indicator, protected: Protected) -> Tree:
    if indicator.pattern_type != "stix":
        raise _LeftOut(f"unsupported: pattern type {indicator.pattern_type}")
    try:
        pattern = parse(indicator.pattern)
        reason = refusal(pattern.tree, protected)
    except PatternError as error:
        raise _LeftOut(f"unsupported: {error}") from error
    if pattern.inert:
        raise _LeftOut(f"inert: {pattern.inert}")
    if reason:
        raise _LeftOut(f"refused: {reason}")
    if path := unobserved(pattern.tree):
        raise _LeftOut(f"inert: no mail has a value of {path}")
    return pattern.tree


def entry_of(indicator: Indicator, tree: Tree | None) -> Entry:
    """The indicator as the matcher needs it."""
    return Entry(
        indicator.id,
        indicator.source,
        indicator.name,
        indicator.tlp,
        indicator.confidence,
        indicator.severity,
        effective_state(indicator, datetime.now(UTC)),
        _seconds(indicator.valid_from),
        _seconds(indicator.valid_until),
        tree,
        indicator.action_cap,
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _write_tables(path: Path, entries: Iterator[tuple[bytes, bytes]], gathered: _Gathered) -> None:
    # No sync while it grows: the file counts only when it is whole, and `_sync` follows.
    environment = lmdb.open(
        str(path), subdir=False, map_size=_MAP_SIZE, max_dbs=2, sync=False, metasync=False, lock=False, map_async=True
    )
    try:
        _append(environment, ENTRIES, entries)
        # Sorted keys are appended to full pages: half the size and a tenth of the time of random insertion.
        gathered.keys.sort()
        _append(environment, KEYS, ((key, b"") for key in dict.fromkeys(gathered.keys)))
        environment.sync(True)
    finally:
        environment.close()


def _append(environment: lmdb.Environment, name: bytes, items: Iterator[tuple[bytes, bytes]]) -> None:
    table = environment.open_db(name)
    more = True
    while more:
        with environment.begin(write=True, db=table) as transaction:
            more = False
            for count, (key, value) in enumerate(items, 1):
                transaction.put(key, value, append=True)
                if count == _BATCH:
                    more = True
                    break


def _write_yara(path: Path, gathered: _Gathered, compile_yara: CompileYara) -> None:
    if not gathered.yara:
        return
    compiled, errors = compile_yara(gathered.yara, gathered.yara_sources)
    for namespace, problem in errors.items():
        for indicator in gathered.yara_indicators[namespace]:
            gathered.counts["yara"] -= 1
            gathered.leave_out(indicator, yara_reason(problem))
    if compiled:
        path.write_bytes(compiled)


def _write_expressions(build: Path, gathered: _Gathered) -> list[RegexSet]:
    sets: list[RegexSet] = []
    for (kind, path), expressions in sorted(gathered.expressions.items()):
        described = RegexSet(f"regex-{len(sets)}.hs", path, kind)
        (build / described.file).write_bytes(_regex_database(expressions))
        sets.append(described)
    return sets


def _regex_database(expressions: list[tuple[str, int]]) -> bytes:
    try:
        return _hyperscan(expressions)
    except hyperscan.error:
        # One that Hyperscan refuses (RE2 took it) is proposed for every value: RE2 decides then.
        return _hyperscan([(text if _compiles(text, number) else "", number) for text, number in expressions])


def _compiles(text: str, number: int) -> bool:
    try:
        _hyperscan([(text, number)])
    except hyperscan.error:
        return False
    return True


def _hyperscan(expressions: list[tuple[str, int]]) -> bytes:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[text.encode(errors="replace") for text, _ in expressions],
        ids=[number for _, number in expressions],
        elements=len(expressions),
        flags=[_REGEX_FLAGS] * len(expressions),
    )
    return bytes(hyperscan.dumpb(database))


def _manifest(build: Path, serial: int, gathered: _Gathered, regexes: list[RegexSet]) -> Manifest:
    return Manifest(
        format=FORMAT,
        serial=serial,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        counts=gathered.counts,
        files={path.name: _checksum(path) for path in sorted(build.iterdir())},
        prefixes={str(version): sorted(lengths) for version, lengths in gathered.prefixes.items()},
        regexes=regexes,
    )


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _put_in_force(index: Path, build: Path, serial: int) -> None:
    build.chmod(0o750)
    adopt(build)
    sync_directory(build)
    build.rename(index / str(serial))
    link = index / f"{_BUILD}{CURRENT}"
    link.unlink(missing_ok=True)
    link.symlink_to(str(serial))
    link.rename(index / CURRENT)
    sync_directory(index)


@contextmanager
def _locked(index: Path) -> Iterator[None]:
    """The only compile of this index; what a crashed one left half built is cleared."""
    with (index / _LOCK).open("a") as lock:
        adopt(index / _LOCK)
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in index.glob(f"{_BUILD}*"):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() and not left.is_symlink() else left.unlink()
        yield


def _next_serial(index: Path) -> int:
    return max(_serials(index), default=0) + 1


def _serials(index: Path) -> list[int]:
    return sorted(int(path.name) for path in index.iterdir() if path.name.isdigit())


def _prune(index: Path, keep: int) -> None:
    current = os.readlink(index / CURRENT)  # noqa: PTH115
    old = [serial for serial in _serials(index) if str(serial) != current]
    for serial in old[: max(0, len(old) - keep)]:
        if not _in_use(index / str(serial)):
            shutil.rmtree(index / str(serial), ignore_errors=True)


def _in_use(directory: Path) -> bool:
    """Whether some process has the snapshot open: users hold a shared lock on its manifest."""
    with suppress(OSError), (directory / MANIFEST).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    return (directory / MANIFEST).exists()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
