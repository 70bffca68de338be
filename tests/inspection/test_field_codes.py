"""Field codes: what nested fields come to, and what starts or fetches something."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sekisho_core.vocabulary import Origin
from sekisho_inspection.field_codes import instructions, note_fields
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.settings import InspectionSettings


def shown(text: str) -> str:
    """Fields with signs that can be read: { begins, | parts, } ends."""
    return text.translate({ord("{"): "\x13", ord("|"): "\x14", ord("}"): "\x15"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{DDE a b}", "DDE a b"),
        ("{{QUOTE 68 68 69} a b}", "DDE a b"),
        ('{{QUOTE "DD" "E"} a b}', "DDE a b"),
        ("{SET x DDE}{{REF x} a b}", "DDE a b"),
        ("{SET x DDE}{{x} a b}", "DDE a b"),
        ("{DD{PAGE|1}E a b}", "DDE a b"),
        ("{HYPERLINK x|shown text}", "HYPERLINK x"),
        ("{DDE a", "DDE a"),
        ("{A{B{C}}}", "C"),
    ],
)
def test_instructions(text: str, expected: str) -> None:
    """B43: fields within fields are put together, results that are shown are none, and one may have no end."""
    assert expected in [code.strip() for code in instructions(shown(text))]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("{DDEAUTO cmd x}", {"office-dde"}),
        ('{IF 1 = 1 "{DDE cmd x}"}', {"office-dde"}),
        ('{INCLUDEPICTURE "http://host.example/a.png"}', {"office-remote-image"}),
        ('{INCLUDETEXT "\\\\\\\\host.example\\\\x"}', {"office-remote-template"}),
        ("{IMPORT http://host.example/a}", {"office-remote-template"}),
        ('{INCLUDEPICTURE "C:\\\\a.png"}', set()),
        ('{HYPERLINK "http://host.example/"}', set()),
        ("{PAGE}{TOC \\o}", set()),
        ('{XE "DDE links"}', set()),
        ("text about DDE links", set()),
    ],
)
def test_findings(text: str, kinds: set[str], limits: InspectionSettings) -> None:
    """B43, B44: fields that start a program or fetch a file are told; local ones and plain links are not."""
    notes = Notes(limits)
    note_fields(shown(text), Item("1", b"", (), "", Origin(), 1), notes)
    assert {found.kind for found in notes.findings} == kinds


@given(st.text('{|}DE "Q', max_size=200))
@settings(max_examples=200)
def test_any_marks(text: str) -> None:
    """Marks in any order are read."""
    assert all(len(code) <= 20_000 for code in instructions(shown(text)))


@pytest.mark.parametrize(
    "text", ["{" * 200_000, "{QUOTE a" * 20_000 + "}" * 20_000, "{SET x " + "a" * 10_000 + "}" + "{x}" * 20_000]
)
def test_work_is_bounded(text: str) -> None:
    """Deep nesting and values that are repeated end."""
    assert sum(map(len, instructions(shown(text)))) <= 10 * len(text) + 50_000
