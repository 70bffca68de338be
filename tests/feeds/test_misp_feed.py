"""The index of a MISP feed: its manifest against what is remembered, and the hashes of its values."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.misp_feed import Changes, changes, event_file, read_hashes, read_manifest

A, B, C, D = (f"5b6464ca-e73c-4707-9b8a-00000000000{letter}" for letter in "abcd")
MD5 = "0cc175b9c0f1b6a831c399e269772661"


def manifest(entries: Any) -> bytes:
    """A manifest's file."""
    return json.dumps(entries).encode()


def test_manifest() -> None:
    """Timestamps may be texts, and further keys occur."""
    entry = {"Orgc": {"name": "x"}, "Tag": [], "info": "標的型", "date": "2026-01-31", "threat_level_id": 1, "new": []}
    read = read_manifest(manifest({A: entry | {"timestamp": "1700000000"}, B: {"timestamp": 1700000001}}), "isac")
    assert read.events == {A: 1700000000, B: 1700000001}
    assert read.refused == []


@pytest.mark.parametrize("empty", [{}, []])
def test_no_events(empty: Any) -> None:
    """PHP writes an empty object as an empty list."""
    assert read_manifest(manifest(empty), "isac").events == {}


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        f"{A}/../x",
        f"{A}.json",
        f"{A}\n",
        "",
        "%2e%2e",
        "a" * 36,
        f"{{{A}}}",
        f"{A} ",
    ],
)
def test_path_traversal(name: str) -> None:
    """A key that is no UUID becomes no file's name: it is a refusal, and the others are read."""
    read = read_manifest(manifest({name: {"timestamp": 1}, A: {"timestamp": 2}}), "isac")
    assert read.events == {A: 2}
    assert [one.reason for one in read.refused] == ["the name of an event is not a UUID"]
    with pytest.raises(ValueError, match="not a UUID"):
        event_file(name)


@pytest.mark.parametrize("entry", [None, 1, [], {}, {"timestamp": "soon"}, {"timestamp": -1}, {"timestamp": 1.5},
                                   {"timestamp": "9" * 20}, {"timestamp": True}])  # fmt: skip
def test_no_timestamp(entry: Any) -> None:
    """An entry without a time cannot be compared: a refusal that names the event."""
    read = read_manifest(manifest({A: entry}), "isac")
    assert read.events == {}
    assert [(one.id, one.file, one.reason) for one in read.refused] == [(A, "manifest.json", "no timestamp in seconds")]


@pytest.mark.parametrize("content", [b"", b"[1]", b"1", b"{", b'{"a": NaN}', b"<html>", b'{"a":1,"a":2}'])
def test_no_manifest(content: bytes) -> None:
    """What is no manifest, such as a page that a proxy put in its place, is refused with its place."""
    with pytest.raises(FeedError, match=r"^isac: manifest\.json: "):
        read_manifest(content, "isac")


def test_too_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest is bounded in its events."""
    monkeypatch.setattr("sekisho_feeds.misp_feed.MOST_EVENTS", 1)
    with pytest.raises(FeedError, match="2 events, more than 1"):
        read_manifest(manifest({A: {}, B: {}}), "isac")


def test_changes() -> None:
    """New and newer events are to be fetched; those gone and those with an earlier time are told apart."""
    found = changes({A: 1, B: 5, C: 3}, {B: 4, C: 4, D: 1})
    assert found == Changes(changed=(A, B), vanished=(D,), older=(C,))


@given(st.dictionaries(st.sampled_from((A, B, C, D)), st.integers(0, 9)))
def test_nothing_changes_twice(events: dict[str, int]) -> None:
    """What was just remembered has not changed."""
    assert changes(events, events) == Changes((), (), ())
    assert set(changes(events, {}).changed) == set(events)


def test_event_file() -> None:
    """An event's file is its UUID, as the manifest spells it."""
    assert event_file(A.upper()) == f"{A.upper()}.json"


def test_hashes() -> None:
    """A value may be stated by two events, and an event twice by one value."""
    lines = f"{MD5},{A}\n{MD5.upper()},{B}\r\n{MD5},{A}\n\n"
    assert read_hashes(lines.encode(), "isac") == {MD5: (A, B)}


@pytest.mark.parametrize("line", [MD5, f"{MD5},x", f"{MD5[:-1]},{A}", f"{MD5},{A},x", f"{MD5},../../x", "\xff"])
def test_no_hash(line: str) -> None:
    """A line that is none is named by its number."""
    with pytest.raises(FeedError, match=r"^isac: hashes\.csv: line 2: not an MD5"):
        read_hashes(f"{MD5},{A}\n{line}".encode(), "isac")
