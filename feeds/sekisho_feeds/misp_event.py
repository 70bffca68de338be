"""The format "misp": events and answers of searches as MISP gives them in JSON, to indicators."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sekisho_core.display import visible
from sekisho_rules.indicator import UNDATED, Indicator, Refusal, newest, utc
from sekisho_rules.indicator_files import Provenance
from sekisho_rules.stix_objects import LARGEST_DOCUMENT

from sekisho_feeds.bounded_json import decode
from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_feeds.misp_tags import cluster_names, names, said
from sekisho_feeds.misp_types import MAIL_TYPES, TYPES, VICTIMS, AttributeType, pattern_of, type_of
from sekisho_feeds.options import chosen, one_of

OPTIONS = {"to_ids": "honour", "types": ""}
LARGEST_EVENT = 1 << 28
MOST_ATTRIBUTES = 1_000_000
_POLICIES = ("honour", "force", "per-type")
# What a feed's folder holds beside its events.
_INDEXES = ("manifest.json", "hashes.csv")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_LONGEST_NAME, _LONGEST_TEXT = 500, 10_000
# A type is another's word: beyond these many the others are counted together.
_MOST_REASONS = 300
_YES = (True, 1, "1", "true", "True")
_SEEN = ("0", 0)


class Statement(msgspec.Struct, frozen=True):
    """One attribute with what stands around it: `event` and `object` are their JSON objects, {} where there is none."""

    attribute: dict[str, Any]
    object: dict[str, Any]
    event: dict[str, Any]
    reference: str = ""


class Reading(msgspec.Struct):
    """What became of attributes: each is in one of the three; `skipped` counts by type and reason."""

    indicators: list[Indicator] = []
    refused: list[Refusal] = []
    skipped: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)


def misp(documents: Iterable[Document], provenance: Provenance, options: Mapping[str, str]) -> Harvest:
    """The indicators of MISP documents: `{"Event": …}`, a bare event, `{"response": …}` of one or several, a list of
    them, and `{"response": {"Attribute": […]}}` of attributes/restSearch. A feed's manifest and hashes are passed over.

    An attribute's indicator has the attribute's UUID, and the document's name as its file. Option `to_ids`: "honour"
    takes what its author set for detection, "per-type" also what only a mail has (subject, body, Reply-To …) and MISP
    leaves unset by default, "force" everything; what names a victim is never taken. `types`: the only types to take,
    with commas. Attributes that are not taken are refusals: one for each type and reason, with their count.
    Raises FeedError as `Format` says, and beyond LARGEST_EVENT and MOST_ATTRIBUTES.
    """
    given = chosen(OPTIONS, options)
    policy, types = one_of(given, "to_ids", _POLICIES), _types(given["types"])
    reading, count = Reading(), 0
    for document in documents:
        if document.name.rpartition("/")[2] in _INDEXES:
            continue
        for statement in statements(document.content, f"{provenance.source}: {document.name}"):
            count += 1
            if count > MOST_ATTRIBUTES:
                raise FeedError(f"{provenance.source}: more than {MOST_ATTRIBUTES} attributes")
            read(statement, document.name, provenance, policy, types, reading)
    return Harvest(newest(reading.indicators), [*reading.refused, *_counted(reading.skipped, provenance.source)])


def statements(content: bytes, place: str) -> Iterator[Statement]:
    """The attributes of a document in their order, with their events. Raises FeedError for what is no MISP document."""
    for event, attributes in _events(decode(content, place, most_bytes=LARGEST_EVENT), place):
        reference = _reference(attributes)
        yield from (Statement(one, {}, _event_of(one, event), reference) for one in attributes)
        for item in _list(event, "Object", place):
            inner = _list(item, "Attribute", place)
            yield from (Statement(one, item, event, reference) for one in inner)


def read(
    statement: Statement, file: str, provenance: Provenance, policy: str, types: frozenset[str], reading: Reading
) -> None:
    """Put one attribute where it belongs in `reading`. Never raises."""
    attribute = statement.attribute
    kind = attribute.get("type")
    kind = kind if isinstance(kind, str) else ""
    form = type_of(kind, _text(statement.attribute.get("object_relation"), _LONGEST_NAME))
    reason = _why_not(attribute, kind, form, policy, types)
    if reason or form is None:
        reading.skipped[kind, reason] += 1
        return
    try:
        reading.indicators.append(_indicator(statement, form, file, provenance))
    except ValueError as error:
        id, name = _id(attribute), _name(statement.event)
        reading.refused.append(Refusal(id, provenance.source, f"{kind}: {error}", file, name))


def _types(text: str) -> frozenset[str]:
    types = frozenset(word.strip() for word in text.split(",") if word.strip())
    for name in sorted(types - TYPES.keys()):
        raise FeedError(f"option types: no mail shows a MISP attribute of type {name}")
    return types


def _events(value: Any, place: str) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The events of a document, each with its own attributes; what a search answers has no event."""
    if isinstance(value, dict) and "response" in value:
        value = value["response"]
    for item in value if isinstance(value, list) else [value]:
        event = item.get("Event", item) if isinstance(item, dict) else None
        # PHP writes an empty object as an empty list.
        if not isinstance(event, dict) or not ("Attribute" in event or "Object" in event or "info" in event):
            raise FeedError(f"{place}: not a MISP event")
        yield event, _list(event, "Attribute", place)


def _event_of(attribute: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """The event that an attribute is of: an answer of a search names it within."""
    stated = attribute.get("Event")
    return stated if isinstance(stated, dict) else event


def _list(owner: dict[str, Any], name: str, place: str) -> list[dict[str, Any]]:
    items = owner.get(name) or []
    items = [items] if isinstance(items, dict) else items
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise FeedError(f"{place}: {name} is no list of objects")
    return items


def _why_not(
    attribute: dict[str, Any], kind: str, form: AttributeType | None, policy: str, types: frozenset[str]
) -> str:
    if kind in VICTIMS:
        return "names a victim"
    if form is None:
        return "nothing that a mail shows"
    if types and kind not in types:
        return "not among the types that were asked for"
    # What was withdrawn must go, whatever it was before.
    if _is_deleted(attribute) or _is_set(attribute, form):
        return ""
    taken = (policy == "force" and not form.reference) or (policy == "per-type" and kind in MAIL_TYPES)
    return "" if taken else "to_ids is false"


def _is_set(attribute: dict[str, Any], form: AttributeType) -> bool:
    stated = attribute.get("to_ids")
    return form.to_ids if stated is None else stated in _YES


def _is_deleted(item: dict[str, Any]) -> bool:
    return item.get("deleted") in _YES


def _indicator(statement: Statement, form: AttributeType, file: str, provenance: Provenance) -> Indicator:
    attribute, event = statement.attribute, statement.event
    if not _UUID.fullmatch(_text(attribute.get("uuid"), _LONGEST_NAME)):
        raise ValueError("has no UUID")
    revoked = _is_deleted(attribute) or _is_deleted(statement.object)
    tags = said(_levels(statement), provenance.tlp, provenance.confidence)
    return Indicator(
        id=_id(attribute),
        source=provenance.source,
        pattern=_pattern(attribute, form, revoked),
        pattern_type=form.language,
        name=_name(event),
        description=_text(attribute.get("comment") or statement.object.get("comment"), _LONGEST_TEXT),
        tlp=tags.tlp,
        confidence=tags.confidence,
        modified=_seconds(attribute.get("timestamp")) or UNDATED,
        revoked=revoked,
        labels=tags.labels,
        reference=statement.reference,
        created=_moment(event.get("date")),
        first_seen=_moment(attribute.get("first_seen") or statement.object.get("first_seen")),
        last_seen=_last_seen(statement),
        to_ids=_is_set(attribute, form),
        pap=tags.pap,
        threat_name=tags.threat_name,
        file=file,
        document=_document(attribute),
    )


def _pattern(attribute: dict[str, Any], form: AttributeType, revoked: bool) -> str:
    value = attribute.get("value")
    # MISP writes some values as numbers.
    text = str(value) if isinstance(value, str | int) else ""
    try:
        return pattern_of(form, text, LARGEST_DOCUMENT)
    except ValueError:
        # A withdrawal needs none.
        if revoked:
            return ""
        raise


def _id(attribute: dict[str, Any]) -> str:
    uuid = _text(attribute.get("uuid"), _LONGEST_NAME).lower()
    return f"indicator--{uuid}" if _UUID.fullmatch(uuid) else "an attribute without UUID"


def _name(event: dict[str, Any]) -> str:
    return _text(event.get("info"), _LONGEST_NAME)


def _levels(statement: Statement) -> list[list[str]]:
    """The tags of the attribute, of its object and of its event, without those that stand there twice."""
    attribute, object, event = statement.attribute, statement.object, statement.event
    return [
        [*names(attribute.get("Tag")), *cluster_names(attribute.get("Galaxy"))],
        names(object.get("Tag")),
        [
            *names(event.get("Tag")),
            *names(attribute.get("Tag"), inherited=True),
            *cluster_names(event.get("Galaxy")),
        ],
    ]


def _reference(attributes: list[dict[str, Any]]) -> str:
    """The first report that an event links to."""
    links = (_text(one.get("value"), 2000) for one in attributes if one.get("type") == "link" and not _is_deleted(one))
    return next((link.strip() for link in links if link.strip().startswith(("http://", "https://"))), "")


def _text(value: Any, most: int) -> str:
    """A text of a stranger for the database, which holds no NUL; "" for what is none."""
    return value[:most].replace("\0", "") if isinstance(value, str) else ""


def _seconds(value: Any) -> datetime | None:
    """A time in seconds since 1970, as a number or its text. Raises ValueError for what is none."""
    if value is None or value == "":
        return None
    try:
        return datetime.fromtimestamp(int(str(value)[:20]), UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"timestamp {visible(str(value), 40)} is no time") from None


def _moment(value: Any) -> datetime | None:
    """An ISO 8601 time; None for what is none, since nothing hangs on it but what is shown."""
    try:
        return utc(datetime.fromisoformat(value[:40])) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _last_seen(statement: Statement) -> datetime | None:
    """The latest of what is stated and of sightings (MISP type 0); those of type 1 say that it was a mistake."""
    stated = [_moment(statement.attribute.get("last_seen") or statement.object.get("last_seen"))]
    sightings = statement.attribute.get("Sighting")
    for sighting in sightings if isinstance(sightings, list) else []:
        if isinstance(sighting, dict) and sighting.get("type") in _SEEN:
            stated.append(_sighted(sighting.get("date_sighting")))
    return max(filter(None, stated), default=None)


def _sighted(value: Any) -> datetime | None:
    try:
        return _seconds(value)
    except ValueError:
        return None


def _document(attribute: dict[str, Any]) -> str:
    """The attribute as received, but for `data`, which is a file, and what others added to it."""
    kept = {key: value for key, value in attribute.items() if key not in ("data", "Sighting", "Galaxy")}
    text = json.dumps(kept, ensure_ascii=False)
    if len(text) > LARGEST_DOCUMENT:
        raise ValueError(f"larger than {LARGEST_DOCUMENT} bytes")
    return text


def _counted(skipped: Counter[tuple[str, str]], source: str) -> list[Refusal]:
    """One refusal for each type and reason, in the order of how many there are."""
    told = skipped.most_common(_MOST_REASONS)
    refusals = [
        Refusal(f"attributes of type {visible(kind, 60)}", source, f"{count} not taken: {reason}")
        for (kind, reason), count in told
    ]
    others = skipped.total() - sum(count for _, count in told)
    return [*refusals, Refusal("attributes of other types", source, f"{others} not taken")] if others else refusals
