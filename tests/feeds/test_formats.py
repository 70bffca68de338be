"""Formats by name, and what their page says of them."""

import re
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from sekisho_feeds.formats import format_names, format_of
from sekisho_feeds.harvest import Document, FeedError
from sekisho_rules.indicator_files import Provenance

PAGE = (Path(__file__).parents[2] / "docs" / "feed-formats.md").read_text(encoding="utf-8")
OURS = {
    "stix": "stix_bundle",
    "csv": "csv_list",
    "plain": "plain_list",
    "yara": "yara_bundle",
    "alert": "alert_text",
    "misp": "misp_event",
}


def test_names() -> None:
    """All built-in formats are found by their entry points."""
    assert set(OURS) <= set(format_names())
    assert all(callable(format_of(name)) for name in OURS)


def test_a_name_that_does_not_exist() -> None:
    """The nearest is named."""
    with pytest.raises(FeedError, match=r"format cvs does not exist \(did you mean csv\?\)"):
        format_of("cvs")
    with pytest.raises(FeedError, match="there are alert, csv,"):
        format_of("quite another")


def test_entry_points_are_those_of_the_settings() -> None:
    """An entry point leads to the function of its module."""
    points = {point.name: point.value for point in entry_points(group="sekisho.feed_formats")}
    assert {name: points[name] for name in OURS} == {
        name: f"sekisho_feeds.{module}:{name}" for name, module in OURS.items()
    }


@pytest.mark.parametrize("name", sorted(OURS))
def test_options_are_documented(name: str) -> None:
    """Every option of a format has a row with its default under the format's heading, and no other has."""
    section = PAGE.split(f"\n### {name}\n", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`|none) \| .+ \|$", section, re.MULTILINE))
    assert rows == import_module(f"sekisho_feeds.{OURS[name]}").OPTIONS


def example() -> dict[str, Any]:
    """The names that the page's complete example defines when it is executed."""
    (source,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(source, "feed-formats.md", "exec"), names)
    return names


def test_example() -> None:
    """The example of a plugin does what the page says."""
    page = b'[{"host": "c2[.]evil.example", "family": "Xrat"}, {"host": "not a host"}, 7]'
    found = example()["watch"](
        [Document("w.json", page)], Provenance(source="watch", tlp="green"), {"confidence": "90"}
    )
    assert [(one.pattern, one.confidence, one.threat_name, one.tlp, one.source) for one in found.indicators] == [
        ("[domain-name:value = 'c2.evil.example']", 90, "Xrat", "green", "watch")
    ]
    assert [one.id for one in found.refused] == ["entry 2", "entry 3"]


@pytest.mark.parametrize(
    ("content", "options"), [(b"{", {}), (b"[]", {"confidense": "1"}), (b"[]", {"confidence": "x"})]
)
def test_example_with_faults(content: bytes, options: dict[str, str]) -> None:
    """It names a document that is not of the format, and an option that does not exist or cannot be."""
    with pytest.raises(FeedError):
        example()["watch"]([Document("w.json", content)], Provenance(source="watch"), options)
