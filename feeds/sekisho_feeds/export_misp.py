"""The MISP feed: a folder of events with a manifest of them and the hashes of their values (PyMISP, `to_feed`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from sekisho_feeds.export_items import Export, Item, Options
from sekisho_feeds.export_values import Kind
from sekisho_feeds.export_versions import in_order, label, published_as, uuid_of

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
_Seconds = Annotated[str, msgspec.Meta(pattern="^[0-9]{1,11}$")]


class _Tag(msgspec.Struct, frozen=True):
    name: str
    colour: str
    local: bool = False
    relationship_type: str = ""


class _Organisation(msgspec.Struct, frozen=True):
    name: str
    uuid: str


class _Attribute(msgspec.Struct, frozen=True, kw_only=True):
    uuid: str
    type: str
    category: str
    value: str
    to_ids: bool = True
    disable_correlation: bool = False
    comment: str
    timestamp: _Seconds
    Tag: list[_Tag] | msgspec.UnsetType = msgspec.UNSET


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    uuid: str
    info: str
    date: str
    timestamp: _Seconds
    publish_timestamp: _Seconds
    analysis: str = "2"
    threat_level_id: str = "2"
    published: bool = True
    protected: bool = False
    extends_uuid: str = ""
    Orgc: _Organisation
    Tag: list[_Tag]
    Attribute: list[_Attribute]


class _File(msgspec.Struct, frozen=True):
    Event: _Event | None = None


def export_misp(items: Sequence[Item], options: Options) -> Export:
    """Events by TLP, their files before the manifest that names them, and `hashes.csv` last.

    Reads `producer`, `now` and `previous`: the timestamp of an event rises when its attributes change.
    """
    files: dict[str, bytes] = {}
    manifest: dict[str, Any] = {}
    hashes: list[str] = []
    for id, info, tlp, members in _groups(items, options.producer):
        event = _event(id, info, tlp, members, options)
        files[f"{id}.json"] = msgspec.json.encode(_File(event)) + b"\n"
        manifest[id] = _entry(event)
        hashes += (f"{_md5(attribute.value)},{id}\n" for attribute in event.Attribute)
    files["manifest.json"] = msgspec.json.encode(manifest) + b"\n"
    files["hashes.csv"] = "".join(hashes).encode()
    return Export(files, len(items))


def _groups(items: Sequence[Item], producer: str) -> Iterator[tuple[str, str, str, list[Item]]]:
    """Id, title, TLP and items of each event. A value stays in its event while the number of parts is the same."""
    parts = next((parts for parts in _PARTS if len(items) <= parts * _MOST_ATTRIBUTES), _PARTS[-1])
    groups: dict[tuple[str, int], list[Item]] = {}
    for item in sorted(items, key=in_order):
        place = hashlib.sha256(item.value.encode()).digest()[0] % parts
        groups.setdefault((item.tlp, place), []).append(item)
    for (tlp, place), members in sorted(groups.items(), key=lambda group: group[0]):
        title = f"sekisho: TLP:{tlp.upper()}, part {place + 1} of {parts}"
        yield uuid_of(producer, "event", tlp, str(parts), str(place)), title, tlp, members


def _event(id: str, info: str, tlp: str, members: Sequence[Item], options: Options) -> _Event:
    last = published_as(options, f"{id}.json", _File, _File()).Event
    known = {one.uuid: one for one in last.Attribute} if last else {}
    # Also where the clock went back, a new version is later than the last.
    moment = max(int(options.now.timestamp()), int(last.timestamp) + 1 if last else 0)
    event = _Event(
        uuid=id,
        info=info,
        date=datetime.fromtimestamp(moment, UTC).date().isoformat(),
        timestamp=str(moment),
        publish_timestamp=str(moment),
        Orgc=_Organisation(options.producer, uuid_of(options.producer)),
        Tag=[_Tag(f"tlp:{tlp}", _COLOURS.get(tlp, "#ff2b2b"))],
        Attribute=[_attribute(item, known, str(moment), options.producer) for item in members],
    )
    times = {"date": event.date, "timestamp": event.timestamp, "publish_timestamp": event.timestamp}
    return last if last and msgspec.structs.replace(last, **times) == event else event


def _attribute(item: Item, known: Mapping[str, _Attribute], timestamp: str, producer: str) -> _Attribute:
    kind, category = _TYPES[item.kind]
    attribute = _Attribute(
        uuid=uuid_of(producer, "attribute", item.kind, item.value),
        type=kind,
        category=category,
        value=item.value,
        comment=label(item),
        timestamp=timestamp,
        Tag=[_Tag(f"PAP:{item.pap.upper()}", "#6c757d")] if item.pap else msgspec.UNSET,
    )
    last = known.get(attribute.uuid)
    return last if last and msgspec.structs.replace(last, timestamp=timestamp) == attribute else attribute


def _entry(event: _Event) -> dict[str, Any]:
    return {
        "Orgc": event.Orgc,
        "Tag": event.Tag,
        "info": event.info,
        "date": event.date,
        "analysis": int(event.analysis),
        "threat_level_id": int(event.threat_level_id),
        "timestamp": int(event.timestamp),
    }


def _md5(value: str) -> str:
    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()
