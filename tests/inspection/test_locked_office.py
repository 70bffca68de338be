"""Office files under a password (catalogue B37, B46).

`locked_office.py` makes the mails; tests/corpus/locked_office keeps each of them as a file with its expected reading.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from locked_office import LOCKED_OFFICE, STAYS_LOCKED, URL, agile, case_files, document, mail
from sekisho_core.vocabulary import PartState, Reading
from sekisho_inspection.encryption import _MAX_SPIN
from summaries import summary

Read = Callable[..., Reading]
CASES = sorted((Path(__file__).parents[1] / "corpus" / "locked_office").glob("*.eml"))


@pytest.mark.parametrize("name", LOCKED_OFFICE)
def test_opens(name: str, read: Read) -> None:
    """The file opens with the stated or the built-in password, and what is in it is read."""
    reading = read(LOCKED_OFFICE[name])
    assert [part.state for part in reading.parts[1:3]] == [PartState.OPENED, PartState.READ]
    assert reading.parts[2].origin.reading == "decrypted"
    assert reading.incomplete == ()
    assert URL in {one.value for one in reading.observables}


@pytest.mark.parametrize("name", STAYS_LOCKED)
def test_stays_locked(name: str, read: Read) -> None:
    """Without its password a file is locked, which is a gap."""
    reading = read(STAYS_LOCKED[name])
    assert reading.parts[1].state == PartState.LOCKED
    assert {gap.reason for gap in reading.incomplete} == {"locked"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_case_files(case: Path, read: Read) -> None:
    """Each case reads as its JSON says."""
    assert summary(read(case.read_bytes())) == json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))


def test_case_files_are_those_of_the_makers() -> None:
    """Every case is kept as a file, and no other."""
    assert {case.stem: case.read_bytes() for case in CASES} == case_files()


def test_password_is_nowhere_in_the_reading(read: Read) -> None:
    """A password that opened a file stands in the mail's own text alone."""
    reading = read(LOCKED_OFFICE["B37 docx"])
    assert "Tky-2026" in repr(reading.texts)
    assert "Tky-2026" not in repr([reading.findings, reading.incomplete, reading.parts])


def test_rounds_are_bounded(read: Read) -> None:
    """B34: a package that wants more rounds of hashing than anybody's is a limit."""
    content = agile(document(), "Tky-2026", stated=_MAX_SPIN + 1)
    reading = read(mail("a.docx", content, "パスワード：Tky-2026"))
    assert {gap.reason for gap in reading.incomplete} == {"limit"}


_MANIFEST = (
    "<manifest:manifest xmlns:manifest='urn:oasis:names:tc:opendocument:xmlns:manifest:1.0'><manifest:file-entry "
    "manifest:full-path='content.xml'><manifest:encryption-data/></manifest:file-entry></manifest:manifest>"
)


def text_document(manifest: bytes, marked: bool = True) -> bytes:
    """An OpenDocument text whose content nobody reads, with or without the member that states its type."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        if marked:
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", bytes(range(256)))
        archive.writestr("META-INF/manifest.xml", manifest)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "gaps"),
    [
        (text_document(_MANIFEST.encode()), {"locked"}),
        (text_document(_MANIFEST.encode("utf-16")), {"locked"}),
        (text_document(_MANIFEST.encode(), marked=False), {"locked"}),
        (text_document(_MANIFEST.replace("encryption-data", "other").encode()), set()),
    ],
    ids=["encrypted", "in UTF-16", "unmarked", "open"],
)
def test_opendocument(content: bytes, gaps: set[str], read: Read) -> None:
    """B37: an OpenDocument file whose list of members says that they are encrypted is locked."""
    assert {gap.reason for gap in read(mail("a.odt", content, "x")).incomplete} == gaps
