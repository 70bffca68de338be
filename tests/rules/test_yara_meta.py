"""The `meta` of YARA files as text."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_rules.indicator import Indicator
from sekisho_rules.indicator_files import IndicatorFileError, read_indicator_file
from sekisho_rules.yara_meta import first_meta


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ('rule a { meta: x = "1" y = 2 z = true condition: x }', {"x": "1", "y": "2", "z": "true"}),
        ('rule a { meta: d = "says condition: and strings: x" tlp = "red" strings: $a = "b" condition: $a }',
         {"d": "says condition: and strings: x", "tlp": "red"}),
        ('/* meta: x = "1" strings: */ // meta: x = "2"\nrule a { meta: x = "3" condition: true }', {"x": "3"}),
        ('rule a { strings: $m = "meta: x = 1" condition: $m } rule b { meta: x = 2 condition: a }', {"x": "2"}),
        ('rule a { strings: $m = /"\\/meta: x = 1/ condition: $m } rule b { meta: x = 2 condition: a }', {"x": "2"}),
        ('rule a { meta /* of us */ : x /**/ = // y\n -5 z = "a \\"b\\"" condition: true }',
         {"x": "-5", "z": 'a \\"b\\"'}),
        ("rule metadata { condition: meta }", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_first_meta(source: str, values: dict[str, str]) -> None:
    """Words in comments, strings and expressions neither begin nor end a meta."""
    assert first_meta(source) == values


@given(st.lists(st.sampled_from(["meta", ":", "x", "=", '"', "/*", "*/", "//", "/", "\\", "\n", " ", "1"])))
def test_any_text(pieces: list[str]) -> None:
    """What is no YARA raises nothing."""
    assert all(isinstance(value, str) for value in first_meta("".join(pieces)).values())


def read(tmp_path: Path, meta: str) -> Indicator:
    """The indicator of a file with this meta."""
    (tmp_path / "a.yar").write_text(f"rule a {{ meta: {meta} condition: filesize == 5 }}")
    return read_indicator_file(tmp_path / "a.yar")[0]


def test_as_other_programs_have_it(tmp_path: Path) -> None:
    """Days with slashes and numbers for the severity are common in the rules of others."""
    found = read(tmp_path, 'severity = 100 modified = "2025/04/01" tlp = "TLP:WHITE"')
    assert (found.severity, found.modified, found.tlp) == ("targeted", datetime(2025, 4, 1, tzinfo=UTC), "clear")


@pytest.mark.parametrize(
    ("meta", "told"),
    [
        ('tlp = "purple"', "meta tlp: purple is none of clear, "),
        ('confidence = "high"', "meta confidence: high is no number"),
        ('valid_until = "tomorrow"', "meta valid_until: tomorrow is no date such as 2026-01-31"),
        ('severity = "malicous"', "severity malicous is none of "),
    ],
)
def test_a_slip_of_the_pen(tmp_path: Path, meta: str, told: str) -> None:
    """A value that means nothing here is told by its key; a milder TLP than was meant would be none."""
    with pytest.raises(IndicatorFileError, match=told):
        read(tmp_path, meta)
