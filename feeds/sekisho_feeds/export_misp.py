"""The MISP feed: a folder of events with a manifest of them and the hashes of their values (PyMISP, `to_feed`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from sekisho_feeds.export_items import Export, Item, Options
from sekisho_feeds.export_values import Kind
from sekisho_feeds.export_versions import is_same, label, later, previous_object, uuid_of

_TYPES: Mapping[Kind, tuple[str, str]] = {
    "domain": ("domain", "Network activity"),
    "url": ("url", "Network activity"),
    "ip": ("ip-dst", "Network activity"),
    "network": ("ip-dst", "Network activity"),
    "md5": ("md5", "Payload delivery"),
    "sha1": ("sha1", "Payload delivery"),
    "sha256": ("sha256", "Payload delivery"),
    "email": ("email-src", "Payload delivery"),
}
# Readers fetch a changed event whole: many attributes are spread over more events.
_MOST_ATTRIBUTES = 5000
_PARTS = (1, 16, 256)
_COLOURS = {"clear": "#ffffff", "green": "#33ff00", "amber": "#ffc000"}
_TIMES = ("timestamp", "publish_timestamp", "date")


def export_misp(items: Sequence[Item], options: Options) -> Export:
    """Events by TLP, their files before the manifest that names them, and `hashes.csv` last.

    Reads `producer`, `now` and `previous`: the timestamp of an event rises when its attributes change.
    """
    files: dict[str, bytes] = {}
    manifest: dict[str, Any] = {}
    hashes: list[str] = []
    for id, info, tlp, members in _groups(items, options.producer):
        event = _event(id, info, tlp, members, options)
        files[f"{id}.json"] = msgspec.json.encode({"Event": event}) + b"\n"
        manifest[id] = _entry(event)
        hashes += (f"{_md5(attribute['value'])},{id}\n" for attribute in event["Attribute"])
    files["manifest.json"] = msgspec.json.encode(manifest) + b"\n"
    files["hashes.csv"] = "".join(hashes).encode()
    return Export(files, len(items))


def _groups(items: Sequence[Item], producer: str) -> Iterator[tuple[str, str, str, list[Item]]]:
    """Id, title, TLP and items of each event. A value stays in its event while the number of parts is the same."""
    parts = next((parts for parts in _PARTS if len(items) <= parts * _MOST_ATTRIBUTES), _PARTS[-1])
    groups: dict[tuple[str, int], list[Item]] = {}
    for item in items:
        place = hashlib.sha256(item.value.encode()).digest()[0] % parts
        groups.setdefault((item.tlp, place), []).append(item)
    for (tlp, place), members in sorted(groups.items(), key=lambda group: group[0]):
        title = f"sekisho: TLP:{tlp.upper()}, part {place + 1} of {parts}"
        yield uuid_of(producer, "event", tlp, str(parts), str(place)), title, tlp, members


def _event(id: str, info: str, tlp: str, members: Sequence[Item], options: Options) -> dict[str, Any]:
    previous = previous_object(options, f"{id}.json").get("Event", {})
    known = {one["uuid"]: one for one in previous.get("Attribute", [])}
    timestamp = later(int(previous.get("timestamp", 0)), options.now)
    event: dict[str, Any] = {
        "uuid": id,
        "info": info,
        "analysis": "2",
        "threat_level_id": "2",
        "published": True,
        "protected": False,
        "extends_uuid": "",
        "Orgc": {"name": options.producer, "uuid": uuid_of(options.producer)},
        "Tag": [_tag(f"tlp:{tlp}", _COLOURS.get(tlp, "#ff2b2b"))],
        "Attribute": [_attribute(item, known, timestamp, options.producer) for item in members],
    }
    if is_same(event, previous, *_TIMES):
        return {name: previous[name] for name in (*event, *_TIMES)}
    day = datetime.fromtimestamp(timestamp, UTC).date().isoformat()
    return event | {"timestamp": str(timestamp), "publish_timestamp": str(timestamp), "date": day}


def _attribute(item: Item, known: Mapping[str, dict[str, Any]], timestamp: int, producer: str) -> dict[str, Any]:
    kind, category = _TYPES[item.kind]
    attribute = {
        "uuid": uuid_of(producer, "attribute", item.kind, item.value),
        "type": kind,
        "category": category,
        "value": item.value,
        "to_ids": True,
        "disable_correlation": False,
        "comment": label(item),
    }
    if item.pap:
        attribute["Tag"] = [_tag(f"PAP:{item.pap.upper()}", "#6c757d")]
    published = known.get(str(attribute["uuid"]), {})
    return published if is_same(attribute, published, "timestamp") else attribute | {"timestamp": str(timestamp)}


def _tag(name: str, colour: str) -> dict[str, Any]:
    return {"name": name, "colour": colour, "local": False, "relationship_type": ""}


def _entry(event: Mapping[str, Any]) -> dict[str, Any]:
    whole = {name: int(event[name]) for name in ("analysis", "threat_level_id", "timestamp")}
    return {name: event[name] for name in ("Orgc", "Tag", "info", "date")} | whole


def _md5(value: str) -> str:
    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()
