"""PDF files that hide what they do or hold: whatever a program would run, open or show is found (B34, B38 to B41).

`pdfs.py` makes the files; tests/corpus/pdfs keeps each of them in a mail with its expected reading.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pdfminer
import pytest
from pdf_files import document, packed
from pdfs import LINK, PDFS, PROGRAM, URL, case_files, mail
from sekisho_core.vocabulary import Reading
from sekisho_inspection import yara_compile, yara_scan
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from summaries import summary

Read = Callable[..., Reading]
CASES = sorted((Path(__file__).parents[1] / "corpus" / "pdfs").glob("*.eml"))
ENDINGS = pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
RULE = 'rule found { strings: $a = "-a-string-of-a-rule-" condition: uint32(0) == 0x46445025 and $a }'


@pytest.mark.parametrize("name", PDFS)
def test_what_it_hides_is_found(name: str, read: Read) -> None:
    """The actions, the link and the file are found, or the gap says what is not; nothing else is incomplete."""
    case = PDFS[name]
    reading = read(mail(case.content))
    assert set(case.kinds) <= {item.kind for item in reading.findings}
    if case.link:
        assert URL in {one.value for one in reading.observables if one.path == "url:value"}
    if case.inner:
        assert hashlib.sha256(PROGRAM).hexdigest() in {part.sha256 for part in reading.parts}
    reasons = {gap.reason for gap in reading.incomplete}
    assert case.gap in reasons if case.gap else not reasons


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
@ENDINGS
def test_case_files(case: Path, ending: bytes, read: Read) -> None:
    """Each case reads as its JSON says, with either line end."""
    got = summary(read(case.read_bytes().replace(b"\n", ending)))
    assert got == json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))


def test_case_files_are_those_of_the_makers() -> None:
    """Every file is kept as a case, and no other."""
    assert {case.stem: case.read_bytes() for case in CASES} == case_files()


def test_every_number_has_cases() -> None:
    """The catalogue's numbers that this module is about each have several cases."""
    numbers = [re.match(r"B(\d\d)", name)[1] for name in PDFS]  # type: ignore[index]
    assert all(numbers.count(number) >= 2 for number in ("34", "37", "38", "39", "40", "41"))


@pytest.mark.parametrize("content", [b"x = '-a-string-of-a-rule-';", b"BT (-a-string-of-a-rule-) Tj ET"])
def test_rules_see_streams_unpacked(content: bytes, limits: InspectionSettings) -> None:
    """A YARA rule that asks for a PDF finds its string in a stream that is packed."""
    rules = yara_scan.load_rules(yara_compile.compile_rules({"n": RULE})[0])
    reading = read_mail(mail(document({9: packed(content)})), limits, rules)
    assert "n:found" in {item.rule for item in reading.findings}


@pytest.mark.parametrize(
    "code",
    [
        rb"eval(unescape('%22-a-string%2Dof%2Da-rule-%22'))",
        b"eval('" + b"".join(b"\\x%02x" % byte for byte in b"'-a-string-of-a-rule-'") + b"')",
    ],
)
def test_rules_see_scripts_decoded(code: bytes, limits: InspectionSettings) -> None:
    """A YARA rule finds its string in what a script decodes for itself."""
    rules = yara_scan.load_rules(yara_compile.compile_rules({"n": RULE})[0])
    reading = read_mail(mail(document({9: b"<< /S /JavaScript /JS <" + code.hex().encode() + b"> >>"})), limits, rules)
    assert "n:found" in {item.rule for item in reading.findings}


def test_places(read: Read) -> None:
    """A finding says in which object it stands, by number and offset, or by the stream that holds it."""
    for name, place in (("B39 orderly", r"object 9 0, offset \d+"), ("B40 object stream", r"object 9 0, stream 8")):
        details = [item.detail for item in read(mail(PDFS[name].content)).findings if item.kind == "pdf-javascript"]
        assert re.match(place, details[0])


def test_names_of_embedded_files(read: Read) -> None:
    """An embedded file bears the names of all keys, in UTF-16 and in the bytes of Japanese systems."""
    named = [part.names for name in ("B40 embedded", "B40 name in raw Shift_JIS")
             for part in read(mail(PDFS[name].content)).parts if part.id == "2.1"]  # fmt: skip
    assert named == [("報告.exe", "report.doc"), ("報告書.exe",)]


@pytest.mark.parametrize(("password", "state"), [("Kaki-5501", "opened"), ("empty", "read"), ("unknown", "locked")])
def test_states_of_locked_files(password: str, state: str, read: Read) -> None:
    """B37: a file that a password of the mail opened is `opened`; the empty password is no lock; others are locked."""
    name = {"opened": "B37 password of the mail", "read": "B40 empty password", "locked": "B37 unknown password"}[state]
    for revision in range(2, 7):
        reading = read(mail(PDFS[f"{name}, revision {revision}"].content))
        assert {part.id: part.state.value for part in reading.parts}["2"] == state


def test_no_file_is_read_for_a_character_map(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """B41: a font that names a path as its character map has nothing opened; the name of a known map opens the
    library's own."""
    opened: list[Path] = []
    monkeypatch.setattr("gzip.open", lambda path, *_, **__: opened.append(Path(path)))
    for name in PDFS:
        if name.startswith("B41"):
            read(mail(PDFS[name].content))
    assert opened == []
    read(mail(PDFS["B41 character map by a path"].content.replace(b"/#2Ftmp#2Fx", b"/90ms-RKSJ-H")))
    assert {path.is_relative_to(Path(pdfminer.__file__).parent) for path in opened} == {True}


def test_one_broken_stream_hides_no_other(read: Read) -> None:
    """B48 for PDF: the link in a stream behind a broken one is found."""
    broken = {number: packed(b"x" * 99).replace(b"x\x9c", b"\xff\xff") for number in range(6, 60)}
    reading = read(mail(document({**broken, 60: packed(b"see " + LINK)})))
    assert URL in {one.value for one in reading.observables if one.path == "url:value"}
