"""STIX objects: what bundles, envelopes and arrays of them say of their indicators."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from sekisho_rules.indicator import (
    UNDATED,
    Indicator,
    Provenance,
    Refusal,
    checked_confidence,
    newest,
    stated_severity,
    stated_state,
    utc,
)
from sekisho_rules.tlp import pap_of_name, strictest, strictest_pap, tlp_of_id, tlp_of_name

LARGEST_DOCUMENT = 1 << 20
MOST_OBJECTS = 5_000_000
# Of several that an indicator indicates the first kind gives the name.
_THREATS = ("malware", "intrusion-set", "threat-actor", "campaign")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SEEN = re.compile(r"(first|last)[-_ ]?seen\s*[:=]\s*\"?([0-9TZ:.+\- ]{4,40})\"?", re.IGNORECASE)
_UNDECODABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


class _Reference(msgspec.Struct):
    source_name: str = ""
    url: str = ""


class _Granular(msgspec.Struct):
    marking_ref: str = ""


class _Indicator(msgspec.Struct):
    """The properties of an indicator that we read; all others stay in the raw document."""

    id: str = ""
    modified: datetime | None = None
    created: datetime | None = None
    name: str = ""
    description: str = ""
    pattern: str = ""
    pattern_type: str = "stix"
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    confidence: int | None = None
    revoked: bool = False
    labels: list[str] = []
    indicator_types: list[str] = []
    object_marking_refs: list[str] = []
    granular_markings: list[_Granular] = []
    external_references: list[_Reference] = []
    x_sekisho_severity: str = ""
    x_sekisho_state: str = ""
    # Not of the standard: what they hold is anything, and no fault where it is no time.
    first_seen: Any = None
    last_seen: Any = None
    x_first_seen: Any = None
    x_last_seen: Any = None
    x_sekisho_first_seen: Any = None
    x_sekisho_last_seen: Any = None


class _Marking(msgspec.Struct):
    id: str = ""
    name: str = ""
    definition: dict[str, Any] = {}


class _Threat(msgspec.Struct):
    id: str = ""
    name: str = ""
    revoked: bool = False


class _Relationship(msgspec.Struct):
    relationship_type: str = ""
    source_ref: str = ""
    target_ref: str = ""
    revoked: bool = False


class _Bundle(msgspec.Struct):
    type: str = ""
    objects: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    more: bool | msgspec.UnsetType = msgspec.UNSET


class _Kind(msgspec.Struct):
    type: str = ""


class StixReader:
    """Reads the objects of one source, which may lie in several documents: a marking, a relationship or a malware in
    one counts for the indicators of all. Objects that cannot be read are appended to `refused`."""

    def __init__(self, provenance: Provenance, refused: list[Refusal], most: int = MOST_OBJECTS) -> None:
        self._provenance = provenance
        self._refused = refused
        self._left = self._most = most
        self._pending: list[tuple[_Indicator, msgspec.Raw, str]] = []
        self._markings: dict[str, tuple[str | None, str]] = {}
        self._threats: dict[str, str] = {}
        self._indicates: dict[str, list[str]] = {}

    def add(self, content: bytes, file: str) -> None:
        """Take in a bundle of STIX 2.0 or 2.1, a TAXII envelope (TAXII 2.1 section 3.7), an array of objects or one
        indicator. Raises ValueError for anything else, and beyond the number of objects."""
        objects = _objects(content)
        self._left -= len(objects)
        if self._left < 0:
            raise ValueError(f"more than {self._most} objects")
        for number, raw in enumerate(objects):
            try:
                self._take(raw, file)
            except _UNDECODABLE as error:
                self._refuse(f"object {number + 1}", f"not a STIX object: {error}", file)

    def indicators(self) -> list[Indicator]:
        """The indicators of all documents taken in, for each id the version in force."""
        found: list[Indicator] = []
        patterns: dict[tuple[str, datetime], str] = {}
        for item, raw, file in self._pending:
            try:
                one = self._indicator(item, raw, file)
                if patterns.setdefault((one.id, one.modified), one.pattern) != one.pattern:
                    raise ValueError("stands there twice in one version, with another pattern")
                found.append(one)
            # A time within a day of year 1 or 9999 has none in UTC.
            except (ValueError, OverflowError) as error:
                self._refuse(item.id or "an indicator without id", str(error), file, item.name)
        return newest(found)

    def _refuse(self, id: str, reason: str, file: str, name: str = "") -> None:
        self._refused.append(Refusal(id, self._provenance.source, reason, file, name))

    def _take(self, raw: msgspec.Raw, file: str) -> None:
        kind = msgspec.json.decode(raw, type=_Kind).type
        if kind == "indicator":
            self._pending.append((msgspec.json.decode(raw, type=_Indicator), raw, file))
        elif kind == "marking-definition":
            marking = msgspec.json.decode(raw, type=_Marking)
            self._markings[marking.id] = _meaning(marking)
        elif kind == "relationship":
            self._relate(msgspec.json.decode(raw, type=_Relationship))
        elif kind in _THREATS:
            threat = msgspec.json.decode(raw, type=_Threat)
            self._threats[threat.id] = "" if threat.revoked else threat.name

    def _relate(self, relationship: _Relationship) -> None:
        if relationship.relationship_type == "indicates" and not relationship.revoked:
            self._indicates.setdefault(relationship.source_ref, []).append(relationship.target_ref)

    def _indicator(self, item: _Indicator, raw: msgspec.Raw, file: str) -> Indicator:
        if not item.id.startswith("indicator--"):
            raise ValueError("has no indicator id")
        if len(bytes(raw)) > LARGEST_DOCUMENT:
            raise ValueError(f"larger than {LARGEST_DOCUMENT} bytes")
        tlp, pap = self._marks(item)
        seen = _seen_labels(item.labels)
        return Indicator(
            id=item.id,
            source=self._provenance.source,
            pattern=item.pattern,
            pattern_type=item.pattern_type.lower(),
            name=item.name,
            description=item.description,
            tlp=tlp,
            confidence=checked_confidence(self._provenance.confidence if item.confidence is None else item.confidence),
            severity=stated_severity(item.x_sekisho_severity, item.labels, item.indicator_types),
            state=stated_state(item.x_sekisho_state),
            valid_from=_utc(item.valid_from),
            valid_until=_utc(item.valid_until),
            modified=_utc(item.modified or item.created) or UNDATED,
            revoked=item.revoked,
            labels=tuple(item.labels),
            reference=next((reference.url for reference in item.external_references if reference.url), ""),
            created=_utc(item.created),
            first_seen=_first_time(item.x_sekisho_first_seen, item.x_first_seen, item.first_seen, seen.get("first")),
            last_seen=_first_time(item.x_sekisho_last_seen, item.x_last_seen, item.last_seen, seen.get("last")),
            to_ids=all(label.lower() != 'misp:to_ids="false"' for label in item.labels),
            pap=pap,
            threat_name=self._threat(item.id),
            file=file,
            document=bytes(raw).decode(),
        )

    def _marks(self, item: _Indicator) -> tuple[str, str]:
        """The TLP and the PAP: a marking of a part counts for the whole, and labels where no marking states one."""
        refs = [*item.object_marking_refs, *(part.marking_ref for part in item.granular_markings)]
        marks = [self._markings.get(ref, (tlp_of_id(ref), "")) for ref in refs]
        tlps = [tlp for tlp, _ in marks if tlp] or [tlp for tlp in map(_tlp_label, item.labels) if tlp]
        paps = [pap for _, pap in marks if pap] or [pap for pap in map(pap_of_name, item.labels) if pap]
        return strictest(tlps, self._provenance.tlp), strictest_pap(paps)

    def _threat(self, id: str) -> str:
        targets = sorted(self._indicates.get(id, ()), key=_rank)
        return next((name for target in targets if (name := self._threats.get(target))), "")


def _rank(threat: str) -> int:
    kind = threat.partition("--")[0]
    return _THREATS.index(kind) if kind in _THREATS else len(_THREATS)


def _objects(content: bytes) -> list[msgspec.Raw]:
    # Editors of Windows write a byte order mark, which RFC 8259 section 8.1 lets readers ignore.
    content = content.removeprefix(_BYTE_ORDER_MARK)
    try:
        if content.lstrip()[:1] == b"[":
            return msgspec.json.decode(content, type=list[msgspec.Raw])
        bundle = msgspec.json.decode(content, type=_Bundle)
    except _UNDECODABLE as error:
        raise ValueError(f"not a STIX bundle: {error}") from error
    objects = [] if isinstance(bundle.objects, msgspec.UnsetType) else bundle.objects
    if bundle.type == "bundle" or (not bundle.type and _is_envelope(bundle, content)):
        return objects
    if bundle.type == "indicator":
        return [msgspec.Raw(content)]
    raise ValueError("neither a STIX bundle nor an indicator")


def _is_envelope(bundle: _Bundle, content: bytes) -> bool:
    """An envelope has no type; one without objects may be an empty JSON object."""
    stated = bundle.objects is not msgspec.UNSET or bundle.more is not msgspec.UNSET
    return stated or re.fullmatch(rb"\s*\{\s*\}\s*", content) is not None


def _meaning(marking: _Marking) -> tuple[str | None, str]:
    """The TLP and the PAP that a marking stands for: by its id, its definition, its name or its statement."""
    texts = [text for text in (*marking.definition.values(), marking.name) if isinstance(text, str)]
    stated = marking.definition.get("tlp")
    named = tlp_of_name(stated) if isinstance(stated, str) else next(filter(None, map(_marked_tlp, texts)), None)
    return tlp_of_id(marking.id) or named, strictest_pap(filter(None, map(pap_of_name, texts)))


def _marked_tlp(text: str) -> str | None:
    return tlp_of_name(text) if len(text) < 32 else None


def _tlp_label(label: str) -> str | None:
    return tlp_of_name(label) if label.lower().startswith("tlp") else None


def _seen_labels(labels: Iterable[str]) -> dict[str, str]:
    found = (_SEEN.fullmatch(label.strip()) for label in labels)
    return {match[1].lower(): match[2].strip() for match in found if match}


def _first_time(*stated: Any) -> datetime | None:
    """The first of these that is a time."""
    return next((moment for one in stated if isinstance(one, str) and (moment := _time(one))), None)


def _time(text: str) -> datetime | None:
    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else utc(moment)
