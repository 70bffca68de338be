"""The sighting: that an indicator was seen here on a day and how often, or hit there falsely, and nothing else."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

import msgspec
from sekisho_core.errors import SekishoError

from sekisho_feeds.published_table import stix_time

LARGEST = 16 * 1024
MOST_COUNT = 999_999_999
FALSE_POSITIVE = "x_sekisho_false_positive"
_NAMESPACE = uuid.UUID("3f0d7c1e-6a55-5b0c-9d51-0a7e5b6c2f48")
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_INDICATOR = re.compile(rf"indicator--({_UUID})")


class SightingError(SekishoError):
    """A sighting that cannot be made or taken; says what is wrong with it."""


def sighting(
    indicator_id: str,
    identity: str,
    day: date,
    count: int,
    first_seen: datetime,
    last_seen: datetime,
    false_positive: bool,
    modified: datetime,
) -> dict[str, Any]:
    """A STIX 2.1 Sighting (section 5.2) of one indicator by one organisation on one day (UTC).

    `identity` is the organisation's identity id. The id is a UUIDv5 of indicator, organisation, day and whether the
    hits were false, so that a re-send is the same object, new counts are a newer version of it, and both kinds of one
    day stand side by side. False positives have the count 0, which asserts that what the indicator is for was not
    there, and say it in FALSE_POSITIVE with their number. A count of 0 here withdraws what was said: it is revoked.
    Raises SightingError for what is no indicator's or identity's id.
    """
    if not is_indicator(indicator_id) or re.fullmatch(rf"identity--{_UUID}", identity) is None:
        raise SightingError("a sighting needs the ids of an indicator and of an identity")
    counts: dict[str, Any] = {"count": min(count, MOST_COUNT)}
    if false_positive:
        counts = {"count": 0, FALSE_POSITIVE: min(count, MOST_COUNT)}
    created = datetime.combine(day, time(), UTC)
    return {
        "type": "sighting",
        "spec_version": "2.1",
        "id": sighting_id(indicator_id, identity, day, false_positive),
        "created_by_ref": identity,
        "created": stix_time(created),
        "modified": stix_time(max(modified, created)),
        **({"revoked": True} if count == 0 else {}),
        "sighting_of_ref": indicator_id,
        "where_sighted_refs": [identity],
        "first_seen": stix_time(first_seen),
        "last_seen": stix_time(max(first_seen, last_seen)),
        "summary": True,
        **counts,
    }


def is_indicator(name: str) -> bool:
    """Whether this is the id of a STIX indicator, which alone can be sighted; YARA rules may have other names."""
    return _INDICATOR.fullmatch(name) is not None


def sighting_id(indicator_id: str, identity: str, day: date, false_positive: bool) -> str:
    """The id of `sighting`."""
    kind = " false-positive" if false_positive else ""
    return f"sighting--{uuid.uuid5(_NAMESPACE, f'{indicator_id} {identity} {day.isoformat()}{kind}')}"


def misp_sighting(document: Mapping[str, Any], source: str) -> dict[str, str] | None:
    """The body of MISP's `sightings/add` for one of our sightings: type 0 is seen, 1 a false positive.

    `source` names this organisation. The attribute is the one whose uuid the indicator's id ends with. MISP keeps each
    one that it gets, without a count: send one for an indicator and a day. None for a revoked one: MISP cannot be told.
    """
    found = _INDICATOR.fullmatch(document["sighting_of_ref"])
    if found is None or document.get("revoked"):
        return None
    seen = int(datetime.fromisoformat(document["last_seen"]).timestamp())
    kind = "1" if document.get(FALSE_POSITIVE) else "0"
    return {"uuid": found[1], "type": kind, "source": source, "timestamp": str(seen)}


def _id_of(kind: str) -> msgspec.Meta:
    return msgspec.Meta(pattern=rf"\A{kind}--{_UUID}\Z")


_Time = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{1,9})?Z\Z")]
_Few = msgspec.Meta(max_length=100)


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What a sighting that somebody else sends must have, and of what form (STIX 2.1 section 5.2)."""

    type: Annotated[str, msgspec.Meta(pattern=r"\Asighting\Z")]
    spec_version: Annotated[str, msgspec.Meta(pattern=r"\A2\.1\Z")]
    id: Annotated[str, _id_of("sighting")]
    created: _Time
    modified: _Time
    sighting_of_ref: Annotated[str, _id_of("indicator")]
    where_sighted_refs: Annotated[list[Annotated[str, _id_of("(identity|location)")]], _Few] = []
    count: Annotated[int, msgspec.Meta(ge=0, le=MOST_COUNT)] = 1
    first_seen: _Time | None = None
    last_seen: _Time | None = None
    revoked: bool = False
    summary: bool = False


def received(content: bytes | msgspec.Raw) -> tuple[Received, dict[str, Any]]:
    """A sighting from outside, checked, and the whole of it. Raises SightingError."""
    if len(bytes(content)) > LARGEST:
        raise SightingError(f"larger than {LARGEST} bytes")
    try:
        document = msgspec.json.decode(content, type=dict[str, Any])
        if document.get("type") != "sighting":
            raise SightingError("only sightings are taken")
        found = msgspec.json.decode(content, type=Received)
        times = [datetime.fromisoformat(text) for text in (found.created, found.modified)]
        seen = [datetime.fromisoformat(text) for text in (found.first_seen, found.last_seen) if text]
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise SightingError(f"not a sighting of STIX 2.1: {str(error)[:200]}") from None
    if times != sorted(times) or seen != sorted(seen):
        raise SightingError("its times run backwards")
    return found, document
