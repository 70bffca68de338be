"""Disguises: an indicator finds what a mail writes in another way than it is stated (catalogue B16 to B27).

`disguises.py` makes the mails; tests/corpus/disguises keeps each as a file with its expected reading.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from disguises import DISGUISES, case_files
from sekisho_core.settings import load
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from sekisho_rules.values import folded, object_path, seen_forms, stated_form
from summaries import summary

CASES = sorted((Path(__file__).parents[1] / "corpus" / "disguises").glob("*.eml"))
LIMITS = load(Path(os.devnull)).of(InspectionSettings)
ENDINGS = pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])


@pytest.mark.parametrize("name", DISGUISES)
@ENDINGS
def test_indicator_finds_it(name: str, ending: bytes) -> None:
    """The value that an indicator states is among the forms of what was observed, and nothing is left unread."""
    mail, (path, stated) = DISGUISES[name]
    reading = read_mail(mail.replace(b"\n", ending), LIMITS, None)
    seen = [one.value for one in reading.observables if object_path(one.path) == object_path(path)]
    if path == "email-message:body":
        assert any(folded(path, stated) in folded(path, value) for value in seen)
    else:
        assert stated_form(path, stated) in {form for value in seen for form in seen_forms(path, value)}
    assert reading.incomplete == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
@ENDINGS
def test_case_files(case: Path, ending: bytes) -> None:
    """Each case reads as its JSON says, with either line end."""
    got = summary(read_mail(case.read_bytes().replace(b"\n", ending), LIMITS, None))
    assert got == json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))


def test_case_files_are_those_of_the_makers() -> None:
    """Every disguise is kept as a file, and no other; each number of the catalogue has some."""
    assert {case.stem: case.read_bytes() for case in CASES} == case_files()
    numbers = {int(re.match(r"B(\d\d)", name)[1]) for name in DISGUISES}  # type: ignore[index]
    assert numbers == {16, 17, 18, 19, 21, 23, 24, 25, 26, 27}
