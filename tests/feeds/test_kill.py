"""A pull that is killed anywhere leaves the old state or the new one, never a mixture (A29)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from member import Member
from sekisho_core.database import open_database
from sekisho_core.settings import Database
from sekisho_rules import table
from sekisho_rules.snapshot import SnapshotStore

COUNT = 4000
# Over the whole of a pull: fetch, merge, compile and swap; the last is for one that came to its end.
DELAYS = (0.4, 0.8, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0, 30.0)


def bundle(path: Path, generation: int) -> None:
    """A STIX file with many indicators, all of one generation; the lure is in every one."""
    names = [f"[domain-name:value = 'c2-{number}.g{generation}.evil.example']" for number in range(COUNT)]
    objects = [
        {
            "type": "indicator", "spec_version": "2.1", "id": f"indicator--{generation:08}-0000-4000-8000-{number:012}",
            "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z", "pattern": pattern,
            "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z",
        }
        for number, pattern in enumerate(names)
    ]  # fmt: skip
    path.write_text(json.dumps({"type": "bundle", "objects": objects}), encoding="utf-8")


def generations(member: Member) -> set[str]:
    """The generations of what is stored; each is there whole."""
    engine = open_database(Database(url=f"sqlite:///{member.home}/x.sqlite", timeout=5.0))
    found: dict[str, int] = {}
    for one in table.stored(engine, active=True):
        generation = one.id[11:19]
        found[generation] = found.get(generation, 0) + 1
    engine.dispose()
    assert set(found.values()) <= {COUNT}
    return set(found)


@pytest.mark.slow
def test_killed_pull(tmp_path: Path) -> None:
    """Killed at any moment, the database has one generation whole, the index opens and holds one whole, and the next
    pull ends well; nothing that was half built stays."""
    member = Member(tmp_path / "member")
    feed = tmp_path / "feed.json"
    bundle(feed, 0)
    member.run("add", "npa", str(feed))
    member.run("pull")
    index = tmp_path / "member" / "index"
    command = [str(Path(sys.executable).parent / "sekisho"), "feeds", "pull", "--confirm-removal"]
    for generation, delay in enumerate(DELAYS, 1):
        bundle(feed, generation)
        with subprocess.Popen(
            [*command, "--config", str(member.config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                process.wait(delay)
            except subprocess.TimeoutExpired:
                process.kill()
            process.wait(30)
        assert len(generations(member)) == 1
        assert SnapshotStore(index).current().manifest.counts["indicators"] == COUNT
    member.run("pull", "--confirm-removal")
    assert generations(member) == {f"{len(DELAYS):08}"}
    assert member.json("status")[0]["failures"] == 0
    assert all(one["serial"] for one in member.json("diff"))
    assert not [path for path in index.iterdir() if path.name.startswith(".build-")]
