"""The STIX 2.1 bundle: the producer's identity, TLP 2.0 markings, and one indicator for each item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sekisho_rules.hosts import network_of
from sekisho_rules.indicator import utc
from sekisho_rules.tlp import id_of_tlp

from sekisho_feeds.export_items import Export, Item, Options
from sekisho_feeds.export_values import Kind
from sekisho_feeds.export_versions import is_same, label, previous_object, uuid_of

FILE = "sekisho.stix.json"
_PATHS: Mapping[Kind, str] = {
    "domain": "domain-name:value",
    "url": "url:value",
    "md5": "file:hashes.MD5",
    "sha1": "file:hashes.'SHA-1'",
    "sha256": "file:hashes.'SHA-256'",
    "email": "email-addr:value",
}
# OASIS, "TLP 2.0" extension definition: when it was made, which each of its markings carries.
_TLP_EXTENSION, _TLP_MADE = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d", "2022-10-01T00:00:00.000Z"
_TIMES = ("created", "modified")


def export_stix(items: Sequence[Item], options: Options) -> Export:
    """One bundle. Ids stay from export to export; `modified` rises where an indicator changed (section 3.6).

    The indicators are the producer's own: `external_references` name those that they rest on. Reads `producer`, `now`
    and `previous`.
    """
    published = {
        one["id"]: one
        for one in previous_object(options, FILE).get("objects", ())
        if isinstance(one, dict) and "id" in one
    }
    objects = [*heads({item.tlp for item in items}, options.producer), *(_indicator(item, options) for item in items)]
    dated = [_dated(one, published.get(one["id"], {}), options.now) for one in objects]
    lines = b",\n".join(map(msgspec.json.encode, dated))
    id = uuid_of(options.producer, "bundle", lines.decode())
    return Export(
        {FILE: b'{"type":"bundle","id":"bundle--%s","objects":[\n%s\n]}\n' % (id.encode(), lines)}, len(items)
    )


def identity_of(producer: str) -> str:
    """The id of the identity under which an organisation publishes."""
    return f"identity--{uuid_of(producer)}"


def pattern_of(item: Item) -> str:
    """The STIX pattern (part 9) that holds for an item's value."""
    path, operator = _PATHS.get(item.kind, ""), "ISSUBSET" if item.kind == "network" else "="
    if network := network_of(item.value) if not path else None:
        path = f"ipv{network.version}-addr:value"
    value = item.value.replace("\\", "\\\\").replace("'", "\\'")
    return f"[{path} {operator} '{value}']"


def heads(tlps: Iterable[str], producer: str) -> Iterator[dict[str, Any]]:
    """The objects that others refer to, undated: the producer's identity, and the marking of each TLP."""
    yield {
        "type": "identity",
        "spec_version": "2.1",
        "id": identity_of(producer),
        "name": producer,
        "identity_class": "organization",
    }
    for tlp in sorted(set(tlps)):
        yield {
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": id_of_tlp(tlp),
            "created": _TLP_MADE,
            "name": f"TLP:{tlp.upper()}",
            "extensions": {_TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": tlp}},
        }


def _indicator(item: Item, options: Options) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid_of(options.producer, 'indicator', item.kind, item.value)}",
        "created_by_ref": identity_of(options.producer),
        "name": label(item) or item.value,
        "indicator_types": ["malicious-activity"],
        "pattern": pattern_of(item),
        "pattern_type": "stix",
        "pattern_version": "2.1",
        "confidence": item.confidence,
        "object_marking_refs": [id_of_tlp(item.tlp)],
        "external_references": [{"source_name": source, "external_id": id} for source, id in item.rests_on],
    }
    if item.valid_from:
        content["valid_from"] = _stamp(item.valid_from)
    if item.valid_until:
        content["valid_until"] = _stamp(item.valid_until)
    return content


def _dated(content: dict[str, Any], published: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    if content["type"] == "marking-definition":
        return content
    # What nobody dates holds from when it is first published.
    if content["type"] == "indicator" and "valid_from" not in content:
        content["valid_from"] = published.get("created") or _stamp(now)
    if is_same(content, published, *_TIMES):
        return dict(published)
    modified = _stamp(now)
    if published and modified <= published["modified"]:
        modified = _stamp(datetime.fromisoformat(published["modified"]) + timedelta(milliseconds=1))
    return content | {"created": published.get("created", modified), "modified": modified}


def _stamp(moment: datetime) -> str:
    return f"{utc(moment).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
