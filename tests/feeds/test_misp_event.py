"""MISP documents to indicators: wrappings, `to_ids`, victims, withdrawals, and the account of what is not taken."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_feeds.misp_event import misp
from sekisho_feeds.misp_types import VICTIMS
from sekisho_rules.indicator import UNDATED, Indicator
from sekisho_rules.indicator_files import Provenance

PROVENANCE = Provenance("isac", "green", 60)
U = [f"5b6464ca-e73c-4707-9b8a-{number:012x}" for number in range(20)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


def attribute(kind: str = "domain", value: str = "evil.example", number: int = 1, **more: Any) -> dict[str, Any]:
    """An attribute as MISP writes one."""
    return {
        "id": "1",
        "type": kind,
        "category": "Network activity",
        "to_ids": True,
        "uuid": U[number],
        "timestamp": "1700000000",
        "comment": "",
        "deleted": False,
        "value": value,
        **more,
    }


def event(*attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An event with these attributes."""
    return {"uuid": U[0], "info": "標的型メール", "date": "2026-01-31", "Attribute": list(attributes), **more}


def harvest(*values: Any, **options: str) -> Harvest:
    """What the format makes of documents."""
    names = (f"{number}.json" for number in range(100))
    documents = [Document(next(names), json.dumps(value).encode()) for value in values]
    return misp(documents, PROVENANCE, options)


def only(*values: Any, **options: str) -> Indicator:
    """The one indicator of documents."""
    found = harvest(*values, **options)
    assert found.refused == []
    assert len(found.indicators) == 1
    return found.indicators[0]


@pytest.mark.parametrize(
    "document",
    [
        {"Event": event(attribute())},
        {"response": {"Event": event(attribute())}},
        {"response": [{"Event": event(attribute())}]},
        event(attribute()),
        [{"Event": event(attribute())}],
        [event(attribute())],
        {"Event": event(Object=[{"name": "x", "Attribute": [attribute()]}])},
        {"response": {"Attribute": [attribute(Event={"info": "標的型メール", "date": "2026-01-31"})]}},
    ],
)
def test_wrappings(document: Any) -> None:
    """An event alone, in `Event`, in `response` as an object or a list, in a list, and an answer of attributes."""
    one = only(document)
    assert (one.id, one.source, one.pattern) == (f"indicator--{U[1]}", "isac", "[domain-name:value = 'evil.example']")
    assert (one.name, one.created) == ("標的型メール", datetime(2026, 1, 31, tzinfo=UTC))
    assert one.modified == datetime.fromtimestamp(1700000000, UTC)


@pytest.mark.parametrize("document", [{"response": []}, [], {"response": {"Attribute": []}}, {"Event": event()}])
def test_nothing(document: Any) -> None:
    """Documents without events or attributes have no indicators and are no error."""
    assert harvest(document) == Harvest([], [])


@pytest.mark.parametrize(
    "document",
    [{"result": {}}, 1, "x", None, [1], {"name": "no", "message": "403"}, {"Event": 1}, {"response": [[]]},
     {"Event": {"info": "x", "Attribute": [1]}}, {"Event": {"info": "x", "Object": "x"}}],
)  # fmt: skip
def test_no_event(document: Any) -> None:
    """What is no MISP document, as an error message of a server is not, is refused as a whole with its place."""
    with pytest.raises(FeedError, match=r"^isac: 0\.json: "):
        harvest(document)


def test_an_index_of_the_feed_is_no_event() -> None:
    """A folder with a feed holds its manifest and its hashes too."""
    documents = [Document("feed/manifest.json", b"{}"), Document("hashes.csv", b"x")]
    assert misp(documents, PROVENANCE, {}) == Harvest([], [])


def test_fields() -> None:
    """What an attribute says of itself is kept: comment, times, tags, the event's report and the text as received."""
    one = harvest(
        event(
            attribute(
                comment="C2",
                first_seen="2026-01-02T09:00:00.000000+09:00",
                last_seen="2026-01-03T00:00:00+00:00",
                Tag=[{"name": "b"}],
                data="AAAA",
            ),
            attribute("link", "https://report.example/1", 2, to_ids=False),
            Tag=[{"name": "a"}, {"name": "b"}],
        )
    ).indicators[0]
    assert one.first_seen == datetime(2026, 1, 2, tzinfo=UTC)
    assert one.last_seen == datetime(2026, 1, 3, tzinfo=UTC)
    assert (one.description, one.labels, one.reference) == ("C2", ("b", "a"), "https://report.example/1")
    assert (one.tlp, one.confidence, one.file, one.to_ids, one.valid_from) == ("green", 60, "0.json", True, None)
    assert json.loads(one.document)["value"] == "evil.example"
    assert "data" not in json.loads(one.document)


@pytest.mark.parametrize(
    ("policy", "taken"),
    [
        ("honour", {"domain"}),
        ("per-type", {"domain", "email-subject", "email-reply-to"}),
        ("force", {"domain", "email-subject", "email-reply-to", "url"}),
    ],
)
def test_to_ids(policy: str, taken: set[str]) -> None:
    """By default only what its author set; per type also what only mails have; by force all but references."""
    found = harvest(
        event(
            attribute(),
            attribute("email-subject", "資料送付の件", 2, to_ids=False),
            attribute("email-reply-to", "a@evil.example", 3, to_ids="0"),
            attribute("url", "http://evil.example/", 4, to_ids=0),
            attribute("link", "http://report.example/", 5, to_ids=False),
        ),
        to_ids=policy,
    )
    assert {json.loads(one.document)["type"] for one in found.indicators} == taken
    # The author's own word stays, whatever is taken.
    assert [one.to_ids for one in found.indicators] == [True, *[False] * (len(taken) - 1)]
    assert len(found.refused) == 5 - len(taken)
    assert all(one.reason == "1 not taken: to_ids is false" for one in found.refused)


@pytest.mark.parametrize(("stated", "taken"), [({"to_ids": "1"}, 1), ({"to_ids": 1}, 1), ({}, 1)])
def test_to_ids_spellings(stated: dict[str, Any], taken: int) -> None:
    """`to_ids` is a truth, a number or its text; where it is missing the type's default holds."""
    bare = {key: value for key, value in attribute().items() if key != "to_ids"}
    subject = {key: value for key, value in attribute("email-subject", "件名", 2).items() if key != "to_ids"}
    assert len(harvest(event(bare | stated, subject)).indicators) == taken


@pytest.mark.parametrize("kind", sorted(VICTIMS))
@pytest.mark.parametrize("policy", ["honour", "per-type", "force"])
def test_victims(kind: str, policy: str) -> None:
    """Who was attacked is never an indicator, whatever its author set and the feed's option asks."""
    found = harvest(event(attribute(kind, "victim@ours.example")), to_ids=policy)
    assert found.indicators == []
    assert [(one.id, one.reason) for one in found.refused] == [
        (f"attributes of type {kind}", "1 not taken: names a victim")
    ]


def test_types() -> None:
    """A feed may be limited to types; one that no mail shows is an error in the settings."""
    both = event(attribute(), attribute("url", "http://evil.example/", 2))
    assert [one.pattern for one in harvest(both, types="url, md5").indicators] == [
        "[url:value = 'http://evil.example/']"
    ]
    with pytest.raises(FeedError, match="no mail shows a MISP attribute of type mutex"):
        harvest(both, types="url,mutex")


@pytest.mark.parametrize("options", [{"to_ids": "yes"}, {"ids": "force"}])
def test_wrong_options(options: dict[str, str]) -> None:
    """An option that does not exist, or a word that it does not know, is an error."""
    with pytest.raises(FeedError, match="option"):
        harvest(event(), **options)


@pytest.mark.parametrize("where", ["attribute", "object"])
@pytest.mark.parametrize("deleted", [True, "1", 1])
def test_withdrawn(where: str, deleted: Any) -> None:
    """A deleted attribute, or one of a deleted object, is withdrawn, even where it would not be taken otherwise."""
    gone = attribute(to_ids=False, **({"deleted": deleted} if where == "attribute" else {}))
    of_object = {"name": "x", "deleted": deleted, "Attribute": [attribute(to_ids=True)]}
    one = only(event(gone) if where == "attribute" else event(Object=[of_object]))
    assert (one.id, one.revoked) == (f"indicator--{U[1]}", True)


def test_withdrawn_without_value() -> None:
    """A withdrawal whose value was taken away still withdraws."""
    assert only(event(attribute(deleted=True, value=""))).revoked


def test_versions() -> None:
    """Of an attribute in several documents the newest version counts, and a withdrawal for good."""
    old, new = attribute(timestamp=1), attribute(value="new.example", timestamp="2")
    assert only(event(new), event(old)).pattern == "[domain-name:value = 'new.example']"
    assert only(event(attribute(deleted=True, timestamp=1)), event(new)).revoked


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        ({"uuid": "../../etc/passwd"}, "has no UUID"),
        ({"uuid": None}, "has no UUID"),
        ({"value": "not a host"}, "not a host name"),
        ({"value": ["evil.example"]}, "an empty value"),
        ({"value": "evil\0.example"}, "a NUL character"),
        ({"timestamp": "yesterday"}, "timestamp yesterday is no time"),
        ({"timestamp": 10**18}, "is no time"),
        ({"comment": "x", "more": "y" * (1 << 20)}, "larger than"),
    ],
)
def test_refused(stated: dict[str, Any], fault: str) -> None:
    """One bad attribute is a refusal that names its type and fault, and the others are read."""
    found = harvest(event(attribute(**stated), attribute(number=2)))
    assert [one.id for one in found.indicators] == [f"indicator--{U[2]}"]
    assert len(found.refused) == 1
    assert found.refused[0].reason.startswith("domain: ")
    assert fault in found.refused[0].reason
    assert (found.refused[0].file, found.refused[0].name) == ("0.json", "標的型メール")


def test_no_time_for_the_rest() -> None:
    """Times that only inform, and none at all, do not cost the indicator."""
    one = only(event(attribute(first_seen="soon", timestamp=None, last_seen=5), date="0000-00-00"))
    assert (one.first_seen, one.modified, one.last_seen, one.created) == (None, UNDATED, None, None)


def test_sightings() -> None:
    """The latest sighting is when it was last seen; false positives and other kinds are not."""
    sightings = [
        {"type": "0", "date_sighting": "1700000100"},
        {"type": 0, "date_sighting": 1700000200},
        {"type": "1", "date_sighting": "1700000300"},
        {"type": "0", "date_sighting": "x"},
        None,
    ]
    one = only(event(attribute(Sighting=sightings, last_seen="2020-01-01T00:00:00Z")))
    assert one.last_seen == datetime.fromtimestamp(1700000200, UTC)


def test_proposals_are_not_read() -> None:
    """What others propose to an event is not its author's word."""
    assert harvest(event(ShadowAttribute=[attribute()])).indicators == []


def test_counts() -> None:
    """Every attribute is accounted for: an indicator, a refusal of its own, or counted by type and reason."""
    found = harvest(
        event(
            *(attribute("mutex", "m", number) for number in range(1, 4)),
            *(attribute("comment", "c", number, to_ids=False) for number in range(4, 6)),
            attribute("x\u202emade-up", "v", 6),
            attribute("domain", "evil.example", 7),
            attribute("md5", "short", 8),
            attribute("url", "http://evil.example/", 9, to_ids=False),
            {"value": "no type"},
        )
    )
    assert len(found.indicators) == 1
    assert [(one.id, one.reason) for one in found.refused] == [
        (f"indicator--{U[8]}", "md5: not 32 hexadecimal digits"),
        ("attributes of type mutex", "3 not taken: nothing that a mail shows"),
        ("attributes of type comment", "2 not taken: nothing that a mail shows"),
        ("attributes of type x⟨U+202E⟩made-up", "1 not taken: nothing that a mail shows"),
        ("attributes of type url", "1 not taken: to_ids is false"),
        ("attributes of type ", "1 not taken: nothing that a mail shows"),
    ]


def test_types_made_up_without_end() -> None:
    """A feed that makes up types is told of in a bounded list, with the rest counted together."""
    found = harvest(event(*(attribute(f"t{number}") for number in range(1000))))
    assert len(found.refused) == 301
    assert found.refused[-1].reason == "700 not taken"


def test_rules_of_other_languages() -> None:
    """YARA is YARA; rules of other languages are kept under their own name."""
    found = harvest(event(*(attribute(kind, "r", number) for number, kind in enumerate(("yara", "sigma", "bro"), 1))))
    assert [one.pattern_type for one in found.indicators] == ["yara", "sigma", "zeek"]


@given(
    st.dictionaries(st.sampled_from(sorted({*attribute(), "Tag", "Sighting", "Galaxy", "Event", "first_seen"})), JSON)
)
def test_any_attribute(stated: dict[str, Any]) -> None:
    """Whatever stands in an attribute, it is an indicator or refused, and the one beside it is read."""
    found = harvest(event(attribute(**stated), attribute(number=2)), to_ids="force")
    assert len(found.indicators) + len(found.refused) == 2
    assert found.indicators[-1].id == f"indicator--{U[2]}"
    for one in found.indicators:
        uuid.UUID(one.id.removeprefix("indicator--"))
        one.document.encode()


@given(JSON)
def test_any_document(value: Any) -> None:
    """Whatever a document holds, it is read or refused as a whole."""
    for document in (value, {"response": value}, {"Event": value}, event(Object=value), event(Tag=value, Galaxy=value)):
        try:
            harvest(document)
        except FeedError as error:
            assert str(error).startswith("isac: 0.json: ")
