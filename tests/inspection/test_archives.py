"""Archives: whatever a program would take out of one is found, or the archive is a gap (catalogue B28 to B38).

`archives.py` makes them; tests/corpus/archives keeps each small one as a mail with its expected reading.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from archives import ARCHIVES, LISTED, LOCKED, NAME, TEXT, case_files, mail
from sekisho_core.vocabulary import PartState, Reading
from sekisho_inspection import yara_compile, yara_scan
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from summaries import summary

Read = Callable[..., Reading]
CASES = sorted((Path(__file__).parents[1] / "corpus" / "archives").glob("*.eml"))
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
PROGRAM = b"MZ\x90\0a listed file\xff\xfe\xfb\xef\xbe" + bytes(range(256))
PAGE = b"<html><body><a href='http://c2.malware.example/gate'>open</a> the-string-of-a-rule</body></html>"
FILES = pytest.mark.parametrize("content", [EICAR, PROGRAM, PAGE], ids=["eicar", "program", "page"])
RULE = 'rule found { strings: $a = "the-string-of-a-rule" condition: $a }'


def names(reading: Reading) -> set[str]:
    """The names of everything inside the attachment."""
    return {name for part in reading.parts if part.id.startswith("2.") for name in part.names}


@pytest.mark.parametrize("name", ARCHIVES)
@FILES
def test_file_is_found(name: str, content: bytes, read: Read) -> None:
    """The file is a part with its own hash, whatever it is."""
    file, maker = ARCHIVES[name]
    reading = read(mail(file, maker(content)))
    assert hashlib.sha256(content).hexdigest() in {part.sha256 for part in reading.parts}
    ids = [part.id for part in reading.parts]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", ARCHIVES)
def test_link_and_string_are_found(name: str, limits: InspectionSettings) -> None:
    """A listed link and the string of a YARA rule in the file are found."""
    rules = yara_scan.load_rules(yara_compile.compile_rules({"n": RULE})[0])
    file, maker = ARCHIVES[name]
    reading = read_mail(mail(file, maker(PAGE)), limits, rules)
    assert "http://c2.malware.example/gate" in {one.value for one in reading.observables if one.path == "url:value"}
    assert "n:found" in {item.rule for item in reading.findings}


@pytest.mark.parametrize("name", [name for name in ARCHIVES if not re.match(r"B32 (?:no |junk |folder)|B38 web", name)])
def test_program_in_an_archive_is_said(name: str, read: Read) -> None:
    """A program among the members is one in an archive, in every format."""
    file, maker = ARCHIVES[name]
    assert "archived-executable" in {item.kind for item in read(mail(file, maker(PROGRAM))).findings}


@pytest.mark.parametrize("name", [name for name in ARCHIVES if name.startswith("B35")])
def test_name_is_no_path(name: str, read: Read) -> None:
    """B35: a name that leads elsewhere is listed as it stands and said; what is no file is listed and never made."""
    file, maker = ARCHIVES[name]
    reading = read(mail(file, maker(PROGRAM)))
    kinds = {item.kind for item in reading.findings}
    assert kinds & {"archive-path", "archive-link"}
    assert NAME in names(reading)
    assert not reading.incomplete
    if "link" in name:
        states = {part.names[0]: part.state.value for part in reading.parts if part.id.startswith("2.")}
        assert states == {**dict.fromkeys("abcd", "skipped"), f"a/{NAME}": "read"}


@pytest.mark.parametrize("name", LOCKED)
@FILES
def test_lock_opens_with_the_password(name: str, content: bytes, read: Read) -> None:
    """B37: the password in the mail's text opens it, and stands in no fact."""
    file, maker = LOCKED[name]
    reading = read(mail(file, maker(content), TEXT))
    assert hashlib.sha256(content).hexdigest() in {part.sha256 for part in reading.parts}
    assert NAME in names(reading)
    assert not reading.incomplete
    assert PartState.OPENED in {part.state for part in reading.parts}
    assert "Kx7mQ2pA" not in repr((reading.findings, reading.parts, reading.incomplete))


@pytest.mark.parametrize("name", LOCKED)
def test_lock_without_the_password_is_a_gap(name: str, read: Read) -> None:
    """B37: what stays locked is said, and so is its name where that is not locked."""
    file, maker = LOCKED[name]
    reading = read(mail(file, maker(PROGRAM), "パスワード：wrong1234"))
    assert {gap.reason for gap in reading.incomplete} == {"locked"}
    assert (NAME in names(reading)) == ("locked names" not in name)


@pytest.mark.parametrize("name", LISTED)
def test_what_is_not_unpacked_is_listed(name: str, read: Read) -> None:
    """B36: the names in it are told, and the archive is a gap."""
    file, maker = LISTED[name]
    reading = read(mail(file, maker(PROGRAM)))
    assert names(reading) & {NAME, "report.exe"}
    assert {gap.reason for gap in reading.incomplete} == {"unreadable"}
    assert next(part for part in reading.parts if part.id == "2").state == PartState.UNREADABLE


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_case_files(case: Path, ending: bytes, read: Read) -> None:
    """Each case reads as its JSON says, with either line end."""
    got = summary(read(case.read_bytes().replace(b"\n", ending)))
    assert got == json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))


def test_case_files_are_those_of_the_makers() -> None:
    """Every small archive is kept as a file, and no other."""
    assert {case.stem: case.read_bytes() for case in CASES} == case_files()


def test_every_number_has_cases() -> None:
    """Each of the catalogue's numbers that this module is about has a case."""
    numbers = {name[:3] for name in ARCHIVES | LISTED | LOCKED}
    assert numbers == {f"B{number}" for number in range(28, 39)}
