"""The index of a MISP feed: which events its manifest lists, what is to be fetched, and which event states a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from sekisho_core.display import visible
from sekisho_rules.indicator import Refusal

from sekisho_feeds.bounded_json import decode
from sekisho_feeds.harvest import FeedError

MANIFEST = "manifest.json"
HASHES = "hashes.csv"
LARGEST_MANIFEST = 1 << 27
LARGEST_HASHES = 1 << 30
MOST_EVENTS = 500_000
MOST_HASHES = 20_000_000
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)
_HASH_LINE = re.compile(r"([0-9a-f]{32}),([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\r?", re.IGNORECASE | re.ASCII)


class Manifest(msgspec.Struct, frozen=True):
    """A feed's events: for each UUID, as the manifest spells it, its timestamp in seconds since 1970; and the entries
    that cannot be used."""

    events: dict[str, int]
    refused: list[Refusal]


class Changes(msgspec.Struct, frozen=True):
    """Events of a manifest against those remembered, by UUID: `changed` are new or newer, `vanished` are no longer
    there, `older` have a timestamp below the remembered one, as a replayed manifest has."""

    changed: tuple[str, ...]
    vanished: tuple[str, ...]
    older: tuple[str, ...]


def read_manifest(content: bytes, source: str) -> Manifest:
    """The manifest of a feed: an object of entries by event UUID. An entry without a UUID for its key (which becomes a
    file's name) or without a timestamp is a refusal; what else an entry holds is not looked at.

    Raises FeedError for what is no manifest, and beyond LARGEST_MANIFEST and MOST_EVENTS.
    """
    place = f"{source}: {MANIFEST}"
    entries = decode(content, place, most_bytes=LARGEST_MANIFEST)
    # PHP writes an empty object as an empty list.
    entries = {} if entries == [] else entries
    if not isinstance(entries, dict):
        raise FeedError(f"{place}: not an object of events")
    if len(entries) > MOST_EVENTS:
        raise FeedError(f"{place}: {len(entries)} events, more than {MOST_EVENTS}")
    events: dict[str, int] = {}
    refused: list[Refusal] = []
    for uuid, entry in entries.items():
        try:
            events[_checked(uuid)] = _timestamp(entry)
        except ValueError as error:
            refused.append(Refusal(visible(uuid, 80), source, str(error), MANIFEST))
    return Manifest(events, refused)


def changes(events: Mapping[str, int], remembered: Mapping[str, int]) -> Changes:
    """What a manifest's events say against the timestamps that were remembered when each was last read."""
    known = [(uuid, stamp, remembered.get(uuid)) for uuid, stamp in events.items()]
    return Changes(
        changed=tuple(uuid for uuid, stamp, before in known if before is None or stamp > before),
        vanished=tuple(uuid for uuid in remembered if uuid not in events),
        older=tuple(uuid for uuid, stamp, before in known if before is not None and stamp < before),
    )


def event_file(uuid: str) -> str:
    """The name of an event's file within its feed. Raises ValueError for what is no UUID, such as `../../etc/x`."""
    return f"{_checked(uuid)}.json"


def read_hashes(content: bytes, source: str) -> dict[str, tuple[str, ...]]:
    """The UUIDs of the events that state a value, by the value's MD5 in lower case: lines `md5,event-uuid`. Of a
    composite value each half has a line.

    Raises FeedError naming the line that is none, and beyond LARGEST_HASHES and MOST_HASHES.
    """
    place = f"{source}: {HASHES}"
    if len(content) > LARGEST_HASHES:
        raise FeedError(f"{place}: {len(content)} bytes, more than {LARGEST_HASHES}")
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(content.decode("ascii", "replace").split("\n"), 1):
        if not line.strip():
            continue
        entry = _HASH_LINE.fullmatch(line)
        if entry is None:
            raise FeedError(f"{place}: line {number}: not an MD5 and the UUID of an event")
        if number > MOST_HASHES:
            raise FeedError(f"{place}: more than {MOST_HASHES} lines")
        value, uuid = entry[1].lower(), entry[2].lower()
        if uuid not in found.get(value, ()):
            found[value] = (*found.get(value, ()), uuid)
    return found


def _checked(uuid: str) -> str:
    if not _UUID.fullmatch(uuid):
        raise ValueError("the name of an event is not a UUID")
    return uuid


def _timestamp(entry: Any) -> int:
    stated = entry.get("timestamp") if isinstance(entry, dict) else None
    text = str(stated) if isinstance(stated, int | str) else ""
    if not _NUMBER.fullmatch(text):
        raise ValueError("no timestamp in seconds")
    return int(text)
