"""Indicator files: bundles good and bad, YARA files."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sekisho_rules.indicator import Indicator, Refusal, newest
from sekisho_rules.indicator_files import (
    IndicatorFileError,
    Provenance,
    indicator_files,
    read_indicator_file,
    read_indicators,
)

AMBER_STRICT = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
TLP1_RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
CLEAR = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"


def stix(**properties: Any) -> dict[str, Any]:
    """An indicator object."""
    return {
        "type": "indicator",
        "id": "indicator--1",
        "pattern": "[url:value = 'http://c2.example/']",
        "modified": "2026-01-02T00:00:00Z",
        **properties,
    }


def bundle(path: Path, *objects: Any) -> Path:
    """A bundle file of these objects."""
    path.write_text(json.dumps({"type": "bundle", "id": "bundle--1", "objects": objects}), encoding="utf-8")
    return path


def one(tmp_path: Path, **properties: Any) -> Indicator:
    """The indicator read from a bundle with one."""
    return read_indicator_file(bundle(tmp_path / "feed.json", stix(**properties)))[0]


def test_provenance(tmp_path: Path) -> None:
    """Every property that says who, when and how sure is kept, with the document as received."""
    found = one(
        tmp_path,
        name="n",
        confidence=33,
        valid_from="2026-01-01T09:00:00+09:00",
        valid_until="2026-02-01T00:00:00Z",
        labels=["a"],
        external_references=[{"source_name": "s"}, {"source_name": "t", "url": "https://report.example/"}],
        x_unknown={"kept": [1]},
    )
    assert (found.source, found.id, found.name, found.confidence) == ("feed", "indicator--1", "n", 33)
    assert found.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.valid_until == datetime(2026, 2, 1, tzinfo=UTC)
    assert (found.labels, found.reference) == (("a",), "https://report.example/")
    assert json.loads(found.document)["x_unknown"] == {"kept": [1]}


@pytest.mark.parametrize(
    ("properties", "tlp"),
    [
        ({}, "amber"),
        ({"object_marking_refs": [CLEAR]}, "clear"),
        ({"object_marking_refs": [CLEAR, AMBER_STRICT]}, "amber+strict"),
        ({"object_marking_refs": [TLP1_RED]}, "red"),
        ({"object_marking_refs": ["marking-definition--other"]}, "amber"),
        ({"labels": ["tlp:white"]}, "clear"),
        ({"labels": ["TLP:GREEN"]}, "green"),
    ],
)
def test_tlp(tmp_path: Path, properties: dict[str, Any], tlp: str) -> None:
    """Marking ids of TLP 1 and 2, and labels; the strictest counts; unmarked is the import's default."""
    assert one(tmp_path, **properties).tlp == tlp


def test_tlp_defined_in_the_bundle(tmp_path: Path) -> None:
    """A marking that the bundle itself defines counts."""
    marking = {"type": "marking-definition", "id": "marking-definition--x", "definition": {"tlp": "green"}}
    path = bundle(tmp_path / "f.json", stix(object_marking_refs=["marking-definition--x"]), marking)
    assert read_indicator_file(path, Provenance(tlp="red"))[0].tlp == "green"


@pytest.mark.parametrize(
    ("properties", "severity"),
    [
        ({}, "targeted"),
        ({"x_sekisho_severity": "info"}, "info"),
        ({"labels": ["suspicious"]}, "suspicious"),
        ({"labels": ["severity:malicious"]}, "malicious"),
        ({"indicator_types": ["benign"]}, "info"),
    ],
)
def test_severity(tmp_path: Path, properties: dict[str, Any], severity: str) -> None:
    """Our property, then labels, decide the severity; else targeted."""
    assert one(tmp_path, **properties).severity == severity


def test_state(tmp_path: Path) -> None:
    """An indicator may be on trial: observe."""
    assert one(tmp_path, x_sekisho_state="observe").state == "observe"
    assert one(tmp_path).state == "enforce"


def test_highest_modified_wins(tmp_path: Path) -> None:
    """Of several versions in a file the newest counts, in any order."""
    versions = [stix(name=str(day), modified=f"2026-01-0{day}T00:00:00Z") for day in (2, 3, 1)]
    assert [one.name for one in read_indicator_file(bundle(tmp_path / "f.json", *versions))] == ["3"]


def test_revoked_is_final() -> None:
    """A revoked version is not overruled by a later one."""
    late = datetime(2026, 5, 1, tzinfo=UTC)
    revoked = Indicator(id="i", source="s", pattern="", revoked=True)
    later = Indicator(id="i", source="s", pattern="", modified=late)
    assert newest([later, revoked]) == newest([revoked, later]) == [revoked]


@pytest.mark.parametrize(
    "properties",
    [
        {"id": "x"},
        {"confidence": 101},
        {"confidence": "high"},
        {"valid_from": "yesterday"},
        {"x_sekisho_severity": "dire"},
        {"x_sekisho_state": "off"},
        {"labels": "a"},
        {"pattern": 5},
    ],
)
def test_a_bad_object_spoils_no_other(tmp_path: Path, properties: dict[str, Any]) -> None:
    """An object that cannot be read is refused with its reason, the rest is read; without a list to note it in, the
    file is refused."""
    path = bundle(tmp_path / "f.json", stix(**properties), stix(id="indicator--2"))
    refusals: list[Refusal] = []
    assert [one.id for one in read_indicator_file(path, refusals=refusals)] == ["indicator--2"]
    assert len(refusals) == 1
    assert refusals[0].reason
    with pytest.raises(IndicatorFileError, match=r"f\.json"):
        read_indicator_file(path)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """An object with bytes that are not UTF-8 is refused alone; a byte order mark before the bundle is nothing."""
    path = bundle(tmp_path / "f.json", stix(name="broken"), stix(id="indicator--2"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"broken", b"\xff\xfe"))
    refusals: list[Refusal] = []
    assert [one.id for one in read_indicator_file(path, refusals=refusals)] == ["indicator--2"]
    assert len(refusals) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1, 2", b"null", b'{"type": "report"}', b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000],
)
def test_no_bundle(tmp_path: Path, content: bytes) -> None:
    """A file that is no bundle is one clear error with its name, however deep or broken."""
    path = tmp_path / "feed.json"
    path.write_bytes(content)
    with pytest.raises(IndicatorFileError, match=r"feed\.json"):
        read_indicator_file(path)


def test_shapes(tmp_path: Path) -> None:
    """A single indicator and an array of objects are read like a bundle; a missing file is named."""
    (tmp_path / "one.json").write_text(json.dumps(stix()))
    (tmp_path / "array.json").write_text(json.dumps([stix(), {"type": "identity"}]))
    assert [len(read_indicator_file(path)) for path in indicator_files(tmp_path)] == [1, 1]
    with pytest.raises(IndicatorFileError, match="none"):
        read_indicator_file(tmp_path / "none.json")


def test_yara_file(tmp_path: Path) -> None:
    """A YARA file is one indicator; its first meta gives the provenance."""
    path = tmp_path / "rule.yar"
    path.write_text(
        'rule a { meta: source = "lab" tlp = "TLP:GREEN"\n confidence = 60\n severity = "malicious"\n'
        ' valid_until = "2026-01-01T00:00:00Z"\n condition: true }'
    )
    found = read_indicator_file(path)[0]
    assert (found.source, found.tlp, found.confidence, found.severity) == ("lab", "green", 60, "malicious")
    assert found.valid_until == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.pattern_type == "yara"
    assert found.id == read_indicator_file(path)[0].id
    # What the importer says of the source stands: a feed's file must not replace another source's indicator.
    assert read_indicator_file(path, Provenance(source="feed"))[0].source == "feed"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'rule a {\n meta: x = "\x83\x65" condition: filesize == 5 }', "line 2: not UTF-8 (byte 0x83)"),
        (b"rule a { meta: confidence = 300 condition: filesize == 5 }", "confidence 300 is not between 0 and 100"),
        (b'rule a { meta: valid_from = "soon" condition: filesize == 5 }', "soon"),
    ],
)
def test_a_yara_file_that_cannot_be_read(tmp_path: Path, content: bytes, told: str) -> None:
    """It is refused by its name, and the other files are read; alone it is an error."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "bad.yar").write_bytes(content)
    (tmp_path / "good.yar").write_text("rule b { condition: filesize == 5 }")
    refusals: list[Refusal] = []
    assert [one.file for one in read_indicators([tmp_path], refusals=refusals)] == ["good.yar"]
    assert [(one.file, told in one.reason) for one in refusals] == [("sub/bad.yar", True)]
    with pytest.raises(IndicatorFileError, match=r"bad\.yar: "):
        read_indicator_file(tmp_path / "sub" / "bad.yar")


def test_yara_files_of_one_name(tmp_path: Path) -> None:
    """Files of one name in several folders are indicators of their own, with the same ids at each reading."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rule.yar").write_text(f'rule {folder} {{ strings: $m = "{folder * 9}" condition: $m }}')
    found = read_indicators([tmp_path])
    assert len({one.id for one in found}) == 2
    assert read_indicators([tmp_path]) == found
    with pytest.raises(IndicatorFileError, match=r"b/rule\.yar: states \S+ differently from \S+a/rule\.yar"):
        read_indicators([tmp_path / "a" / "rule.yar", tmp_path / "b" / "rule.yar"])


def test_bundles_that_contradict_each_other(tmp_path: Path) -> None:
    """One version of an id with two patterns names both files; a newer version takes the place of an older one."""
    first = bundle(tmp_path / "a.json", stix(modified="2026-01-01T00:00:00Z"))
    other = stix(pattern="[file:name = 'b.exe']", modified="2026-01-01T00:00:00Z")
    second = bundle(tmp_path / "b.json", other)
    with pytest.raises(IndicatorFileError, match=r"b\.json: states indicator--1 differently from \S+a\.json"):
        read_indicators([first, second])
    bundle(second, other | {"modified": "2026-01-02T00:00:00Z"})
    (newer,) = read_indicators([second, first], Provenance(source="lab"))
    assert newer.pattern == other["pattern"]


KEYS = st.sampled_from(["type", "id", "pattern", "labels", "confidence", "objects", "modified"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner)
)


@settings(max_examples=100)
@given(ANY_JSON)
def test_any_json(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    """Whatever JSON a feed sends ends in indicators, refusals or one error."""
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps({"type": "bundle", "objects": [stix(confidence=value, name=value), value]}))
    refusals: list[Refusal] = []
    found = read_indicator_file(path, refusals=refusals)
    assert len(found) + len(refusals) >= 1
