"""The STIX 2.1 bundle: the producer's identity, TLP 2.0 markings, and one indicator for each item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated

import msgspec
from sekisho_rules.hosts import network_of
from sekisho_rules.indicator import utc
from sekisho_rules.tlp import id_of_tlp

from sekisho_feeds.export_items import Export, Item, Options
from sekisho_feeds.export_values import Kind
from sekisho_feeds.export_versions import in_order, label, published_as, uuid_of

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
# Milliseconds as section 3.2 wants them of `created` and `modified`: texts that sort as times do.
_Stamp = Annotated[str, msgspec.Meta(pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:]{8}\.[0-9]{3}Z$")]


class _Reference(msgspec.Struct, frozen=True):
    source_name: str
    external_id: str


class _Marking(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="marking-definition"):
    spec_version: str = "2.1"
    id: str
    created: str = _TLP_MADE
    name: str
    extensions: dict[str, dict[str, str]]


class Identity(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="identity"):
    """Who publishes (section 4.5)."""

    spec_version: str = "2.1"
    id: str
    created: _Stamp
    modified: _Stamp
    name: str
    identity_class: str = "organization"


class _Indicator(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="indicator"):
    spec_version: str = "2.1"
    id: str
    created_by_ref: str
    created: _Stamp
    modified: _Stamp
    name: str
    indicator_types: tuple[str, ...] = ("malicious-activity",)
    pattern: str
    pattern_type: str = "stix"
    pattern_version: str = "2.1"
    valid_from: str
    valid_until: str | msgspec.UnsetType = msgspec.UNSET
    confidence: int
    object_marking_refs: tuple[str, ...]
    external_references: tuple[_Reference, ...]


class _Bundle(msgspec.Struct, frozen=True):
    objects: tuple[Identity | _Marking | _Indicator, ...] = ()


def export_stix(items: Sequence[Item], options: Options) -> Export:
    """One bundle. Ids stay from export to export; `modified` rises where an indicator changed (section 3.6).

    The indicators are the producer's own: `external_references` name those that they rest on. Reads `producer`, `now`
    and `previous`.
    """
    last = {one.id: one for one in published_as(options, FILE, _Bundle, _Bundle()).objects}
    objects: list[Identity | _Marking | _Indicator] = [_identity(options, last)]
    objects += (marking(tlp) for tlp in sorted({item.tlp for item in items}))
    objects += (_indicator(item, options, last) for item in sorted(items, key=in_order))
    lines = b",\n".join(map(msgspec.json.encode, objects))
    id = uuid_of(options.producer, "bundle", lines.decode())
    return Export(
        {FILE: b'{"type":"bundle","id":"bundle--%s","objects":[\n%s\n]}\n' % (id.encode(), lines)}, len(items)
    )


@lru_cache(maxsize=16)
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


def marking(tlp: str) -> _Marking:
    """The marking definition of a TLP (OASIS, "TLP 2.0")."""
    extension = {"extension_type": "property-extension", "tlp_2_0": tlp}
    return _Marking(id=id_of_tlp(tlp), name=f"TLP:{tlp.upper()}", extensions={_TLP_EXTENSION: extension})


def _identity(options: Options, last: Mapping[str, Identity | _Marking | _Indicator]) -> Identity:
    id = identity_of(options.producer)
    known = last.get(id)
    if isinstance(known, Identity) and known.name == options.producer:
        return known
    return Identity(id=id, created=_stamp(options.now), modified=_stamp(options.now), name=options.producer)


def _indicator(item: Item, options: Options, last: Mapping[str, Identity | _Marking | _Indicator]) -> _Indicator:
    id = f"indicator--{uuid_of(options.producer, 'indicator', item.kind, item.value)}"
    known = last.get(id)
    published = known if isinstance(known, _Indicator) else None
    created = published.created if published else _stamp(options.now)
    indicator = _Indicator(
        id=id,
        created_by_ref=identity_of(options.producer),
        created=created,
        modified=published.modified if published else created,
        name=label(item) or item.value,
        pattern=pattern_of(item),
        # What nobody dates holds from when it is first published.
        valid_from=_stamp(item.valid_from) if item.valid_from else created,
        valid_until=_stamp(item.valid_until) if item.valid_until else msgspec.UNSET,
        confidence=item.confidence,
        object_marking_refs=(id_of_tlp(item.tlp),),
        external_references=tuple(_Reference(source, id) for source, id in item.rests_on),
    )
    if published is None or indicator == published:
        return indicator
    return msgspec.structs.replace(indicator, modified=_after(published.modified, options.now))


def _after(modified: str, now: datetime) -> str:
    """The time now, or a millisecond after the last version where the clock went back."""
    try:
        last = datetime.fromisoformat(modified)
    except ValueError:
        return _stamp(now)
    return _stamp(max(utc(now), last + timedelta(milliseconds=1)))


def _stamp(moment: datetime) -> str:
    return f"{utc(moment).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
