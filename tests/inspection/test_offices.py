"""Office documents and RTF in every disguise: what they start or fetch is found (catalogue B42 to B45, B47 to B49).

`offices.py` makes the documents; tests/corpus/offices keeps each of them as a mail with its expected reading.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from office_maker import HOST
from offices import CASES, case_files, mail
from sekisho_core.vocabulary import Reading
from sekisho_inspection import yara_compile, yara_scan
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from summaries import summary

Read = Callable[..., Reading]
FILES = sorted((Path(__file__).parents[1] / "corpus" / "offices").glob("*.eml"))


@pytest.mark.parametrize("title", CASES)
def test_document_gives_its_facts(title: str, read: Read) -> None:
    """A document has the findings and gaps that it must have, each with its place, and its address is observed."""
    case = CASES[title]
    reading = read(mail(case))
    assert set(case.kinds) <= {found.kind for found in reading.findings}
    assert {gap.reason for gap in reading.incomplete} == set(case.gaps)
    assert all(found.where.startswith("part:2") for found in reading.findings)
    seen = {one.value for one in reading.observables if one.path in ("url:value", "domain-name:value")}
    assert not case.host or any(HOST in value for value in seen)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_case_files(file: Path, ending: bytes, read: Read) -> None:
    """Each case reads as its JSON says, with either line end."""
    got = summary(read(file.read_bytes().replace(b"\n", ending)))
    assert got == json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))


def test_case_files_are_those_of_the_makers() -> None:
    """Every document is kept as a file, and no other."""
    assert {file.stem: file.read_bytes() for file in FILES} == case_files()


def test_every_number_has_cases() -> None:
    """The catalogue's numbers that this module is about each have several cases."""
    numbers = [re.match(r"B(\d\d)", title)[1] for title in CASES]  # type: ignore[index]
    assert all(numbers.count(number) >= 3 for number in ("42", "43", "44", "45", "47", "48", "49"))
    assert len(numbers) >= 116


@pytest.mark.parametrize("title", ["B42 joined", "B42 stomped to nothing", "B43 very hidden sheet", "B43 SYLK"])
def test_code_and_its_strings_are_searched_by_yara(title: str, limits: InspectionSettings) -> None:
    """B42, B43: a rule meets a string that code puts together, compiled code holds, or a formula makes."""
    rule = f'rule found {{ strings: $a = "{HOST}/gate" condition: $a }}'
    rules = yara_scan.load_rules(yara_compile.compile_rules({"n": rule})[0])
    assert "n:found" in {found.rule for found in read_mail(mail(CASES[title]), limits, rules).findings}
