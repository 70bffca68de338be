"""Evasions of MIME: whatever a program would take out of such a mail is found (catalogue B1 to B15, B20, B22).

`evasions.py` makes the mails; tests/corpus/evasions keeps each of them as a file with its expected reading.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from evasions import EVASIONS, Maker, case_files
from sekisho_core.vocabulary import Reading
from sekisho_inspection import yara_compile, yara_scan
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from summaries import summary

Read = Callable[..., Reading]
CASES = sorted((Path(__file__).parents[1] / "corpus" / "evasions").glob("*.eml"))
# Put together here, so that no scanner takes this file for the test virus.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
BINARY = b"MZ\x90\0a listed file\xff\xfe\xfb\xef\xbe" + bytes(range(256))
PAGE = b"<html><body><a href='http://c2.malware.example/gate'>open</a> the-string-of-a-rule</body></html>"
ENDINGS = pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])


@pytest.mark.parametrize("name", EVASIONS)
@pytest.mark.parametrize("content", [EICAR, BINARY, PAGE], ids=["eicar", "binary", "page"])
@ENDINGS
def test_file_is_found(name: str, content: bytes, ending: bytes, read: Read) -> None:
    """The file is a part with its own hash, whatever it is."""
    reading = read(EVASIONS[name](content).replace(b"\n", ending))
    assert hashlib.sha256(content).hexdigest() in {part.sha256 for part in reading.parts}
    ids = [part.id for part in reading.parts]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", EVASIONS)
def test_link_and_string_are_found(name: str, limits: InspectionSettings) -> None:
    """A listed link and the string of a YARA rule in the file are found."""
    rules = yara_scan.load_rules(yara_compile.compile_rules({"n": RULE})[0])
    reading = read_mail(EVASIONS[name](PAGE), limits, rules)
    assert "http://c2.malware.example/gate" in {one.value for one in reading.observables if one.path == "url:value"}
    assert "n:found" in {item.rule for item in reading.findings}


RULE = 'rule found { strings: $a = "the-string-of-a-rule" condition: $a }'


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
@ENDINGS
def test_case_files(case: Path, ending: bytes, read: Read) -> None:
    """Each case reads as its JSON says, with either line end; with lone carriage returns among them the two differ."""
    content = case.read_bytes()
    differs = ending == b"\r\n" and b"\r" in content
    expected = case.with_suffix(".crlf.json" if differs else ".json")
    got = summary(read(content.replace(b"\n", ending)))
    assert got == json.loads(expected.read_text(encoding="utf-8"))


def test_case_files_are_those_of_the_makers() -> None:
    """Every evasion is kept as a file, and no other."""
    assert {case.stem: case.read_bytes() for case in CASES} == case_files()


def test_every_number_has_cases() -> None:
    """The catalogue's numbers that this module is about each have several cases."""
    numbers = [re.match(r"B(\d\d)", name)[1] for name in EVASIONS]  # type: ignore[index]
    assert all(numbers.count(f"{number:02}") >= 2 for number in [*range(1, 16), 20])
    assert len(numbers) >= 241


@pytest.mark.parametrize(
    "maker", [EVASIONS["B02 NUL in the value"], EVASIONS["B08 longer"]], ids=["coding", "delimiter"]
)
def test_odd_mail_is_a_fact_and_no_gap(maker: Maker, read: Read) -> None:
    """What programs differ over is told as a finding with its place; a mail that is read whole is not incomplete."""
    reading = read(maker(PAGE))
    assert any(item.kind.startswith("ambiguous-") and item.where for item in reading.findings)
    assert reading.incomplete == ()


def test_work_of_other_readings_is_bounded(read: Read) -> None:
    """B21: a small mail that is to be read in very many ways is incomplete, and what was read is kept."""
    inner = "x=Z\n"
    for level in range(12):
        line = f"b{level}"
        stated = f"boundary={line}; boundary={line}x; boundary=b"
        fields = "Content-Transfer-Encoding: quoted-printable\nContent-Transfer-Encoding: 8bit\n"
        inner = f"{fields}Content-Type: multipart/mixed; {stated}\n\n--{line}\n{inner}\n--{line}x\ny =Z\n"
    reading = read(inner.encode())
    assert ("mail", "limit") in {(gap.where, gap.reason) for gap in reading.incomplete}
    assert reading.parts


@pytest.mark.parametrize(
    "content",
    [
        b"X: y" + b"\r\0 " * 300_000 + b"\nZ: z\n\nx",
        b"X: y\n\n" + b"\r" * 1_000_000,
        b"X: y\n\n" + b"--" * 500_000,
        b"X: y\n\n" + b"a: b\n \f--\n" * 100_000,
    ],
    ids=["control characters in a field", "carriage returns", "dashes", "fields between delimiters"],
)
def test_runs_are_read_in_time(content: bytes, read: Read) -> None:
    """B21: runs of what may begin a line or a delimiter are looked at once, and the mail is read to its end."""
    assert read(content).parts


@pytest.mark.parametrize(("size", "reasons"), [(16_000, set()), (17_000, {"limit"})])
def test_a_field_that_is_too_long(size: int, reasons: set[str], read: Read) -> None:
    """B53: a field that says how a part is read is incomplete above 16 kB; others may be long."""
    fields = b"Content-Type: text/plain; name=a.txt%s\nReferences:%s\n" % (b" " * size, b" <a@example.jp>" * 5000)
    assert {gap.reason for gap in read(fields + b"\nx").incomplete} == reasons
