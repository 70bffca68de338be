"""Other files that are sent: shortcuts, link files, scripts, pages that build files, programs (catalogue B26, B50).

`others.py` makes the files; tests/corpus/others keeps each in a mail with its expected reading.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from others import ORDINARY, OTHERS, case_files, mail
from sekisho_core.vocabulary import Reading
from summaries import facts, summary

Read = Callable[..., Reading]
CASES = sorted((Path(__file__).parents[1] / "corpus" / "others").glob("*.eml"))


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_to_be_found(name: str, read: Read) -> None:
    """Each file yields the facts that it is a case of, each with its place, and no gap besides."""
    called, content, wanted = OTHERS[name]
    reading = read(mail(called, content))
    assert set(wanted) <= facts(reading)
    assert ("incomplete" in wanted) is bool(reading.incomplete)
    assert all(item.where.startswith("part:2") for item in reading.findings)


@pytest.mark.parametrize("name", ORDINARY)
def test_nothing_is_found_in_ordinary_files(name: str, read: Read) -> None:
    """B51: honest files of the same kinds have no such fact and no gap."""
    reading = read(mail(*ORDINARY[name]))
    assert (reading.findings, reading.incomplete) == ((), ())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_case_files(case: Path, read: Read) -> None:
    """Each case reads as its JSON says."""
    expected = json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))
    assert summary(read(case.read_bytes())) == expected


def test_case_files_are_those_of_the_makers() -> None:
    """Every file is kept as a case, and no other."""
    assert {case.stem: case.read_bytes() for case in CASES} == case_files()
