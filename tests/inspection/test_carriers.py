"""Files that carry others, or commands, in a form of their own: cards, saved pages, digits, registrations (B26, B50).

`carriers.py` makes the files; tests/corpus/carriers keeps each in a mail with its expected reading.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from carriers import CARRIERS, ORDINARY, case_files
from hypothesis import given, settings
from hypothesis import strategies as st
from others import mail
from sekisho_core.vocabulary import Reading
from sekisho_inspection import calendars, intel_hex, registrations
from summaries import facts, summary

Read = Callable[..., Reading]
CASES = sorted((Path(__file__).parents[1] / "corpus" / "carriers").glob("*.eml"))
_PIECES = (
    "[",
    "]",
    "HKCU\\Run",
    '"a"=',
    '"',
    "\\",
    "\r\n",
    "hex(2):",
    "00,",
    "%x%",
    "[Strings]",
    "AddReg=x",
    "[x]",
    ",",
    ";",
)


@pytest.mark.parametrize("name", CARRIERS)
def test_what_is_carried(name: str, read: Read) -> None:
    """B26, B50: each file yields what it carries, with its place, and no gap besides."""
    called, content, wanted = CARRIERS[name]
    reading = read(mail(called, content))
    assert set(wanted) <= facts(reading)
    assert ("incomplete" in wanted) is bool(reading.incomplete)
    assert all(item.where.startswith("part:2") for item in reading.findings)


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_files(name: str, read: Read) -> None:
    """B51: honest files of the same kinds are one part, with no finding and no gap."""
    reading = read(mail(*ORDINARY[name]))
    assert (len(reading.parts), reading.findings, reading.incomplete) == (2, (), ())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_case_files(case: Path, read: Read) -> None:
    """Each case reads as its JSON says."""
    expected = json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))
    assert summary(read(case.read_bytes())) == expected


def test_case_files_are_those_of_the_makers() -> None:
    """Every file is kept as a case, and no other."""
    assert {case.stem: case.read_bytes() for case in CASES} == case_files()


def test_registry_values_that_start_nothing() -> None:
    """A value that is removed, a key that is removed, and a number start nothing."""
    run = "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run"
    for text in (f'[{run}]\n"a"=-', f'[-{run}]\n"a"="b"', f'[{run}]\n"a"=dword:00000001', f'[{run}]\n"a"=""'):
        assert list(registrations.of_registry(text)) == []


def test_commands_that_grow_are_bounded() -> None:
    """C13: strings that are put in a thousand times end as a limit, not in memory."""
    text = "[a]\nRunPreSetupCommands=b\n[b]\n" + ("%s%" * 600 + "\n") * 6000 + "[Strings]\ns=" + "y" * 900
    with pytest.raises(registrations.TooLong):
        list(registrations.of_setup(text))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=40))
def test_any_text_has_an_answer(pieces: list[str]) -> None:
    """C11: whatever the text is, what it starts is told and nothing is raised."""
    text = "".join(pieces)
    for found in (*registrations.of_registry(text), *registrations.of_setup(text)):
        assert found.place
        assert len(found.command) <= 4000


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 0x8000))
def test_intel_hex_of_any_bytes(data: bytes, start: int) -> None:
    """The bytes come back whole, wherever they are put."""
    records = [
        f":{len(piece):02x}{start + at:04x}00{piece.hex()}00".encode()
        for at in range(0, len(data), 32)
        if (piece := data[at : at + 32])
    ]
    assert b"".join(found.content for found in intel_hex.files(b"\n".join(records))) == data


def test_quotation_marks_without_end(read: Read) -> None:
    """C13: a line of a card that is all quotation marks ends, and what stands behind it is read."""
    content = b"BEGIN:VCARD\r\nNOTE;" + b'"x:"' * 200_000 + b"\r\nURL:http://c2.malware.example/gate\r\nEND:VCARD\r\n"
    assert "http://c2.malware.example/gate" in facts(read(mail("a.vcf", content)))
    assert calendars.is_one(content.decode())
