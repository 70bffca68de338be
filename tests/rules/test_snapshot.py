"""The compiled index: built, swapped, shared, damaged, crashed."""

import fcntl
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from sekisho_core.errors import SnapshotError
from sekisho_core.vocabulary import Envelope, Finding, Observable, Reading
from sekisho_rules.compile import CompileReport, compile_snapshot
from sekisho_rules.indicator import Indicator
from sekisho_rules.snapshot import IndexSnapshot, SnapshotStore


def compiled(sources: Mapping[str, str], sets: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Stands for the inspection worker: every source compiles that is not "bad"."""
    errors = {name: "syntax error" for name, text in sources.items() if text == "bad"}
    return "\n".join(name for name in sources if name not in errors).encode(), errors


def stix(pattern: str, id: str = "indicator--1", source: str = "s") -> Indicator:
    """An indicator with this pattern."""
    return Indicator(id=id, source=source, pattern=pattern)


def named(name: str) -> Indicator:
    """An indicator for a file name."""
    return stix(f"[file:name = '{name}']")


def build(index: Path, *indicators: Indicator, keep: int = 1) -> CompileReport:
    """Compile these."""
    return compile_snapshot(indicators, index, compiled, keep)


def has(snapshot: IndexSnapshot, name: str) -> bool:
    """Whether a mail with a file of this name is matched."""
    return bool(snapshot.match(Envelope(), Reading(observables=(Observable("file:name", name, "part:1"),))))


def test_serials_and_pruning(tmp_path: Path) -> None:
    """Each compile has the next serial; the current one and `keep` before it stay."""
    assert [build(tmp_path, named(f"{number}.exe"), keep=2).serial for number in range(1, 6)] == [1, 2, 3, 4, 5]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "3", "4", "5", "current"]
    assert SnapshotStore(tmp_path).current().serial == 5


def test_a_snapshot_in_use_is_not_pruned(tmp_path: Path) -> None:
    """What a process has open stays until it lets go."""
    build(tmp_path, named("old.exe"))
    held = SnapshotStore(tmp_path).current()
    for number in range(3):
        build(tmp_path, named(f"{number}.exe"))
    assert (tmp_path / "1").exists()
    assert has(held, "old.exe")
    held.close()
    build(tmp_path, named("x.exe"))
    assert not (tmp_path / "1").exists()


def test_swap_is_seen_without_restart(tmp_path: Path) -> None:
    """A store gives the new snapshot for the next mail; the old one still answers whoever holds it."""
    build(tmp_path, named("old.exe"))
    store = SnapshotStore(tmp_path)
    old = store.current()
    assert store.current() is old
    build(tmp_path, named("new.exe"))
    new = store.current()
    assert (has(new, "new.exe"), has(new, "old.exe")) == (True, False)
    assert (has(old, "new.exe"), has(old, "old.exe")) == (False, True)


def test_swap_is_seen_by_a_running_child(tmp_path: Path) -> None:
    """A child forked from a process with an open snapshot opens its own, and sees a later swap."""
    build(tmp_path, named("old.exe"))
    store = SnapshotStore(tmp_path)
    assert has(store.current(), "old.exe")
    asks, answers = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            while os.read(asks[0], 1) == b"?":
                snapshot = store.current()
                os.write(answers[1], bytes([snapshot.serial, has(snapshot, "old.exe"), has(snapshot, "new.exe")]))
            code = 0
        finally:
            os._exit(code)
    os.write(asks[1], b"?")
    assert os.read(answers[0], 3) == bytes([1, True, False])
    build(tmp_path, named("new.exe"))
    os.write(asks[1], b"?")
    assert os.read(answers[0], 3) == bytes([2, False, True])
    os.write(asks[1], b"!")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for end in (*asks, *answers):
        os.close(end)


def test_threads_share_a_store(tmp_path: Path) -> None:
    """Threads that match while the index is swapped again and again see one whole set or another (A29)."""
    build(tmp_path, named("both.exe"), stix("[file:name LIKE 'both%']", "indicator--2"))
    store, done, seen = SnapshotStore(tmp_path), threading.Event(), set()

    def work() -> None:
        reading = Reading(observables=(Observable("file:name", "both.exe", "part:1"),))
        while not done.is_set():
            seen.add(len(store.current().match(Envelope(), reading)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        build(tmp_path, named("both.exe"), stix("[file:name LIKE 'both%']", "indicator--2"))
    done.set()
    for thread in threads:
        thread.join()
    assert seen == {2}


def test_crash_in_a_compile(tmp_path: Path) -> None:
    """A29: a compile that dies at any moment leaves the last good snapshot, and the next one clears its rests."""
    build(tmp_path, named("good.exe"))

    def dying() -> Iterator[Indicator]:
        yield named("new.exe")
        os._exit(9)

    child = os.fork()
    if child == 0:
        compile_snapshot(dying(), tmp_path, compiled, 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert list(tmp_path.glob(".build-*"))
    assert has(SnapshotStore(tmp_path).current(), "good.exe")
    assert build(tmp_path, named("new.exe")).serial == 2
    assert not list(tmp_path.glob(".build-*"))


def test_failure_in_a_compile(tmp_path: Path) -> None:
    """A29: an error while YARA is compiled leaves the last good snapshot and no rests."""
    build(tmp_path, named("good.exe"))

    def failing(sources: Mapping[str, str], sets: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
        raise OSError("no worker")

    rule = Indicator(id="indicator--y", source="s", pattern="rule", pattern_type="yara")
    with pytest.raises(SnapshotError, match="no worker"):
        compile_snapshot([rule], tmp_path, failing, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "1", "current"]
    assert has(SnapshotStore(tmp_path).current(), "good.exe")


def test_compiles_wait_for_each_other(tmp_path: Path) -> None:
    """A compile begins when the one before has ended."""
    build(tmp_path, named("a.exe"))
    worker = threading.Thread(target=build, args=(tmp_path, named("b.exe")))
    with (tmp_path / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        worker.start()
        worker.join(0.2)
        assert SnapshotStore(tmp_path).current().serial == 1
    worker.join(60)
    assert SnapshotStore(tmp_path).current().serial == 2


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _edit(path: Path) -> None:
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"serial": 99}))


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("manifest.json", _edit),
        ("manifest.json", _truncate),
        ("manifest.json", Path.unlink),
        ("tables.lmdb", _flip),
        ("tables.lmdb", _truncate),
        ("tables.lmdb", Path.unlink),
        ("regex-0.hs", _flip),
        ("rules.yarc", _flip),
    ],
)
def test_damage(tmp_path: Path, name: str, harm: Callable[[Path], None]) -> None:
    """A damaged file of a snapshot is one clear line that names it, before anything is mapped."""
    build(tmp_path, stix("[file:name LIKE '%evil%']"), Indicator(id="y", source="s", pattern="r", pattern_type="yara"))
    harm(tmp_path / "1" / name)
    with pytest.raises(SnapshotError, match=name) as caught:
        SnapshotStore(tmp_path).current()
    assert "\n" not in str(caught.value)


def test_no_snapshot(tmp_path: Path) -> None:
    """No index, or a link to nothing, is a clear line with what to do."""
    with pytest.raises(SnapshotError, match="sekisho rules compile"):
        SnapshotStore(tmp_path / "none").current()
    build(tmp_path, named("a.exe"))
    shutil.rmtree(tmp_path / "1")
    with pytest.raises(SnapshotError, match="cannot open"):
        SnapshotStore(tmp_path).current()


def test_unwritable_index(tmp_path: Path) -> None:
    """An index that cannot be written is one clear line."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match="was not built"):
        build(tmp_path / "file" / "index")


def test_report(tmp_path: Path) -> None:
    """The report counts what is in force and names what is not, with the reason."""
    report = build(
        tmp_path,
        named("a.exe"),
        stix("[", "indicator--bad"),
        stix("[a:b = '1'] FOLLOWEDBY [a:b = '2']", "indicator--inert"),
        stix("[domain-name:value = 'com']", "indicator--wide"),
        Indicator(id="indicator--gone", source="s", pattern="[", revoked=True),
        Indicator(id="indicator--sigma", source="s", pattern="x", pattern_type="sigma"),
        Indicator(id="indicator--y1", source="s", pattern="good", pattern_type="yara"),
        Indicator(id="indicator--y2", source="s", pattern="bad", pattern_type="yara"),
    )
    assert report.counts == {"indicators": 1, "yara": 1, "revoked": 1, "refused": 2, "without_effect": 3}
    assert {one.id: one.reason.partition(":")[0] for one in report.refused} == {
        "indicator--wide": "refused",
        "indicator--y2": "refused",
    }
    assert {one.id: one.reason.partition(":")[0] for one in report.without_effect} == {
        "indicator--bad": "unsupported",
        "indicator--inert": "inert",
        "indicator--sigma": "unsupported",
    }
    assert {refusal.source for refusal in report.refused + report.without_effect} == {"s"}
    assert SnapshotStore(tmp_path).current().manifest.counts == report.counts


def test_refused_yara_is_named_by_its_indicators(tmp_path: Path) -> None:
    """Of two sources' rules of one id the one that is refused is named, and of equal ones both are."""
    fine = Indicator(id="indicator--y", source="lab", pattern="good", pattern_type="yara")
    report = build(tmp_path, fine, *(msgspec.structs.replace(fine, source=name, pattern="bad") for name in ("b", "c")))
    assert [(one.id, one.source) for one in report.refused] == [("indicator--y", "b"), ("indicator--y", "c")]
    assert (report.counts["yara"], report.counts["refused"]) == (1, 2)
    both = [msgspec.structs.replace(fine, source=name, pattern="bad") for name in ("b", "c")]
    assert [one.source for one in build(tmp_path, *both).refused] == ["b", "c"]


def test_yara_belongs_to_its_indicator(tmp_path: Path) -> None:
    """A YARA finding becomes a match with the provenance of the indicator whose namespace it names."""
    rule = Indicator(id="indicator--y", source="lab", tlp="green", pattern="r", pattern_type="yara")
    build(tmp_path, rule, Indicator(id="indicator--y", source="other", pattern="another", pattern_type="yara"))
    snapshot = SnapshotStore(tmp_path).current()
    assert snapshot.yara is not None
    assert (snapshot.yara.path.read_text(), snapshot.yara.serial) == ("indicator--y\nindicator--y@other", 1)
    findings = (Finding("yara", "part:2", "", "indicator--y:evil"), Finding("yara", "part:3", "", "unknown:evil"))
    found = snapshot.match(Envelope(), Reading(findings=findings))
    assert [(one.kind, one.rule, one.source, one.tlp, one.where) for one in found] == [
        ("yara", "indicator--y", "lab", "green", "part:2")
    ]
    assert "evil" in found[0].explain
