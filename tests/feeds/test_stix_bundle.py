"""STIX over documents: bundles of 2.0 and 2.1, envelopes of TAXII, and what lies on several pages."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_feeds.stix_bundle import stix
from sekisho_rules.indicator import Indicator
from sekisho_rules.indicator_files import Provenance

MALWARE = {"type": "malware", "id": "malware--1", "name": "Xrat"}
INDICATES = {
    "type": "relationship", "id": "relationship--1", "relationship_type": "indicates",
    "source_ref": "indicator--1", "target_ref": "malware--1",
}  # fmt: skip


def indicator(**properties: Any) -> dict[str, Any]:
    """An indicator object."""
    base = {"type": "indicator", "id": "indicator--1", "pattern": "[url:value = 'http://c2.example/']"}
    return {**base, "modified": "2026-01-02T00:00:00Z", **properties}


def read(*pages: Any, **options: str) -> Harvest:
    """The harvest of pages of JSON."""
    documents = [Document(f"page{at}.json", json.dumps(page).encode()) for at, page in enumerate(pages)]
    return stix(documents, Provenance(source="hub", tlp="amber", confidence=40), options)


def one(*objects: Any) -> Indicator:
    """The only indicator of an envelope of objects."""
    found = read({"objects": list(objects)})
    assert found.refused == []
    (only,) = found.indicators
    return only


@pytest.mark.parametrize(
    "page",
    [
        {"type": "bundle", "id": "bundle--1", "spec_version": "2.0", "objects": [indicator()]},
        {"type": "bundle", "id": "bundle--1", "objects": [indicator(spec_version="2.1", pattern_type="stix")]},
        {"more": False, "objects": [indicator()]},
        {"objects": [indicator()]},
        [indicator()],
        indicator(),
    ],
)
def test_shapes(page: Any) -> None:
    """Bundles of both versions, envelopes, arrays and a single object."""
    found = read(page)
    assert [(one.id, one.source, one.confidence) for one in found.indicators] == [("indicator--1", "hub", 40)]


@pytest.mark.parametrize("page", [{}, {"more": False}, {"objects": []}, {"type": "bundle"}])
def test_empty(page: Any) -> None:
    """A page without objects is empty, not wrong (TAXII 2.1 section 3.7)."""
    assert read(page) == Harvest([], [])


def test_over_pages() -> None:
    """A marking, a relationship and a malware on later pages count for an indicator of the first."""
    marking = {"type": "marking-definition", "id": "marking-definition--x", "definition": {"tlp": "green"}}
    pages = [
        {"objects": [item]}
        for item in (indicator(object_marking_refs=["marking-definition--x"]), INDICATES, MALWARE, marking)
    ]
    (found,) = read(*pages).indicators
    assert (found.threat_name, found.tlp, found.file) == ("Xrat", "green", "page0.json")


@pytest.mark.parametrize("kind", ["malware", "intrusion-set", "campaign", "threat-actor"])
def test_threat_name(kind: str) -> None:
    """What an indicator indicates names the threat; a revoked or another relationship does not."""
    threat = {"type": kind, "id": f"{kind}--1", "name": "Name"}
    relation = {**INDICATES, "target_ref": f"{kind}--1"}
    assert one(relation, threat, indicator()).threat_name == "Name"
    assert one({**relation, "revoked": True}, threat, indicator()).threat_name == ""
    assert one({**relation, "relationship_type": "related-to"}, threat, indicator()).threat_name == ""


@pytest.mark.parametrize(
    ("properties", "pap"),
    [
        ({}, ""),
        ({"labels": ["PAP:RED"]}, "red"),
        ({"labels": ["pap:white"]}, "clear"),
        ({"labels": ["pap:green", "PAP:AMBER"]}, "amber"),
        ({"object_marking_refs": ["marking-definition--p"]}, "amber"),
        ({"labels": ["papers"]}, ""),
    ],
)
def test_pap(properties: dict[str, Any], pap: str) -> None:
    """The permitted use, by marking or label; the narrowest counts."""
    marking = {"type": "marking-definition", "id": "marking-definition--p", "definition": {"statement": "PAP:AMBER"}}
    assert one(marking, indicator(**properties)).pap == pap


def test_granular_markings() -> None:
    """A marking of a part counts for the whole: the strictest of all."""
    red = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
    clear = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
    parts = [{"marking_ref": red, "selectors": ["description"]}]
    assert one(indicator(object_marking_refs=[clear], granular_markings=parts)).tlp == "red"


@pytest.mark.parametrize(
    "properties",
    [
        {"x_first_seen": "2026-01-01T09:00:00+09:00", "x_last_seen": "2026-01-05T00:00:00Z"},
        {"x_sekisho_first_seen": "2026-01-01T00:00:00Z", "x_sekisho_last_seen": "2026-01-05T00:00:00Z"},
        {"first_seen": "2026-01-01T00:00:00Z", "last_seen": "2026-01-05T00:00:00.000Z"},
        {"labels": ["first_seen:2026-01-01", 'last-seen="2026-01-05"']},
        {"x_first_seen": [1], "labels": ["first-seen: 2026-01-01", "lastseen=2026-01-05"]},
    ],
)
def test_times(properties: dict[str, Any]) -> None:
    """When it was seen, by properties that are not of the standard, and by labels."""
    found = one(indicator(created="2025-12-31T00:00:00Z", **properties))
    assert (found.first_seen, found.last_seen) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 5, tzinfo=UTC))
    assert found.created == datetime(2025, 12, 31, tzinfo=UTC)


def test_to_ids() -> None:
    """What MISP exports as too weak for detection stays so."""
    assert not one(indicator(labels=['misp:to_ids="False"'])).to_ids
    assert one(indicator(labels=['misp:to_ids="True"'])).to_ids


def test_one_version_twice() -> None:
    """The same version again is one; with another pattern it is refused; a newer one takes the place."""
    assert len(read([indicator(), indicator()]).indicators) == 1
    other = indicator(pattern="[url:value = 'http://b.example/']")
    found = read([indicator(), other])
    assert [one.pattern for one in found.indicators] == [indicator()["pattern"]]
    assert [one.reason for one in found.refused] == ["stands there twice in one version, with another pattern"]
    assert read([indicator(), {**other, "modified": "2026-01-03T00:00:00Z"}]).indicators[0].pattern == other["pattern"]


def test_a_time_that_utc_has_not() -> None:
    """It costs that indicator alone."""
    found = read([indicator(id="indicator--2", valid_from="0001-01-01T00:00:00+09:00"), indicator()])
    assert ([one.id for one in found.indicators], len(found.refused)) == (["indicator--1"], 1)


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        (b"", {}, "hub: a.json: not a STIX bundle"),
        (b"[" * 100_000, {}, "hub: a.json: not a STIX bundle"),
        (b'{"objects": ' + b'{"a":' * 100_000, {}, "not a STIX bundle"),
        (b'{"objects": [{"type": NaN}]}', {}, "not a STIX bundle"),
        (b'{"type": "report"}', {}, "neither a STIX bundle nor an indicator"),
        (b'{"name": "x"}', {}, "neither a STIX bundle nor an indicator"),
        (b"[{}, {}, {}]", {"most_objects": "2"}, "more than 2 objects"),
        (b"[{}, {}, {}]", {"largest_document": "2"}, "larger than 2 bytes"),
        (b"[]", {"object": "2"}, "option object does not exist"),
    ],
)
def test_no_bundle(content: bytes, options: dict[str, str], told: str) -> None:
    """A document that is no bundle, or beyond the bounds, is one error with the place and the fault (catalogue 27)."""
    with pytest.raises(FeedError, match=told):
        stix([Document("a.json", content)], Provenance(source="hub"), options)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=4)
KEYS = st.sampled_from(["type", "id", "labels", "definition", "source_ref", "granular_markings", "name", "last_seen"])
KINDS = st.sampled_from(["indicator", "relationship", "malware", "marking-definition"])


@given(KINDS, st.dictionaries(KEYS, JSON))
def test_any_object(kind: str, properties: dict[str, Any]) -> None:
    """Whatever an object holds, the one beside it is read."""
    found = read([{"type": kind, **properties}, indicator(id="indicator--9")])
    assert "indicator--9" in [one.id for one in found.indicators]
