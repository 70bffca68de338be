"""MISP tags: marking, permitted use, certainty and threat, of the attribute before the object before the event."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.misp_tags import Said, cluster_names, names, said
from sekisho_rules.tlp import TLPS


def of(*levels: list[str]) -> Said:
    """What tags say where nothing else is stated than amber and 75."""
    return said(levels, "amber", 75)


@pytest.mark.parametrize(
    ("levels", "tlp"),
    [
        ([[], [], []], "amber"),
        ([[], [], ["tlp:white"]], "clear"),
        ([[], ["TLP:GREEN"], ["tlp:red"]], "green"),
        ([["tlp:red"], ["tlp:green"], ["tlp:clear"]], "red"),
        ([["tlp:clear", "tlp:amber+strict"]], "amber+strict"),
        ([["tlp:ex:chr", "red"], [], ["tlp:green"]], "green"),
        ([[], [], ["Type:OSINT"]], "amber"),
    ],
)
def test_tlp(levels: list[list[str]], tlp: str) -> None:
    """The nearest level that has a TLP decides, there the strictest; a colour without `tlp:` is none."""
    assert of(*levels).tlp == tlp


@pytest.mark.parametrize(
    ("tags", "pap"),
    [
        ([], ""),
        (["PAP:RED"], "red"),
        (["pap:amber+strict"], "amber"),
        (["PAP:WHITE"], "clear"),
        (["PAP:CLEAR", "PAP:GREEN"], "green"),
        (["PAP:PINK"], ""),
    ],
)
def test_pap(tags: list[str], pap: str) -> None:
    """The permitted use in any spelling; of several the narrowest."""
    assert of(tags).pap == pap


@pytest.mark.parametrize(
    ("levels", "confidence"),
    [
        ([['misp:confidence-level="completely-confident"']], 100),
        ([['misp:confidence-level="unconfident"']], 0),
        ([['misp:confidence-level="confidence-cannot-be-evaluated"']], 75),
        ([[], [], ['admiralty-scale:information-credibility="4"']], 25),
        ([['admiralty-scale:source-reliability="a"']], 75),
        ([['estimative-language:likelihood-probability="very-likely"']], 85),
        ([['misp:confidence-level="rarely-confident"'], [], ['misp:confidence-level="usually-confident"']], 25),
        ([['estimative-language:likelihood-probability="likely"', 'misp:confidence-level="fairly-confident"']], 50),
    ],
)
def test_confidence(levels: list[list[str]], confidence: int) -> None:
    """The taxonomies' numbers; MISP's own levels before others; what says nothing leaves the feed's."""
    assert of(*levels).confidence == confidence


@pytest.mark.parametrize(
    ("levels", "threat"),
    [
        ([['misp-galaxy:threat-actor="TeleBots"']], "TeleBots"),
        ([['misp-galaxy:mitre-intrusion-set="APT28 - G0007"']], "APT28"),
        ([['misp-galaxy:tool="Emdivi"', 'misp-galaxy:threat-actor="Blue Termite"']], "Blue Termite"),
        ([['misp-galaxy:rat="PlugX"'], [], ['misp-galaxy:threat-actor="APT10"']], "PlugX"),
        ([['misp-galaxy:country="japan"', 'misp-galaxy:sector="Government"']], ""),
        ([['misp-galaxy:mitre-attack-pattern="Phishing - T1566"']], ""),
    ],
)
def test_threat_name(levels: list[list[str]], threat: str) -> None:
    """Actor, campaign or malware of the nearest level, without MITRE's number; neither victims nor techniques."""
    assert of(*levels).threat_name == threat


def test_labels() -> None:
    """All tags, each once, the nearest first."""
    assert of(["b"], ["c"], ["a", "b"]).labels == ("b", "c", "a")


def test_names() -> None:
    """A search's answer marks the tags that it copied from the event."""
    tags = [{"name": "a"}, {"name": "b", "inherited": 1}, {"name": ""}, {"name": 1}, "x", {"name": "n\0"}]
    assert (names(tags), names(tags, inherited=True), names(None), names({})) == (["a"], ["b"], [], [])


def test_clusters() -> None:
    """Events without a tag for their galaxy name the cluster's tag within it."""
    galaxy = [{"GalaxyCluster": [{"tag_name": 'misp-galaxy:rat="PlugX"'}, 1]}, {"GalaxyCluster": None}, None]
    assert cluster_names(galaxy) == ['misp-galaxy:rat="PlugX"']


@given(st.lists(st.lists(st.text(max_size=40) | st.from_regex(r'(tlp|PAP|misp-galaxy:rat):?=?"?.{0,9}"?'), max_size=5)))
def test_any_tags(levels: list[list[str]]) -> None:
    """Whatever the tags, there is a marking and a confidence."""
    found = said(levels, "amber", 75)
    assert found.tlp in TLPS
    assert 0 <= found.confidence <= 100
