"""What holds for every mail: it is read, within bounds, always alike, and however it is encoded."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from legal_mails import File, Mail, mails
from sekisho_core.vocabulary import Reading
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings

Read = Callable[..., Reading]
ROOT = Path(__file__).parents[2]
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def archive(*members: bytes) -> bytes:
    """A ZIP of files named 0.txt, 1.txt and so on."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for number, content in enumerate(members):
            packed.writestr(zipfile.ZipInfo(f"{number}.txt"), content)
    return file.getvalue()


INNER = b"a file in an archive"
FILES = (
    File("会議の資料を送付します。\nご確認ください。\n".encode()),
    File(b"plain text, with = signs and\n\n.\nFrom here\n"),
    File(b"MZ" + bytes(range(256)), "program.exe"),
    File(b"", "空.bin"),
    File(archive(INNER), "報告書 2012.zip"),
    File(b"%PDF-1.4\n1 0 obj << /S /Launch >> endobj\n", "調書.pdf"),
    File(b"\r\n\r\n--b\r\n\n\r--", "line ends.dat"),
)
some_files = st.lists(st.sampled_from(FILES), min_size=1, max_size=4, unique=True)


@pytest.fixture(scope="module")
def leaves(limits: InspectionSettings) -> Callable[[Mail], tuple[Reading, set[str]]]:
    """Reads a mail: the Reading, and the hashes of all contents in it."""

    def run(mail: Mail) -> tuple[Reading, set[str]]:
        reading = read_mail(mail.content, limits, None)
        return reading, {part.sha256 for part in reading.parts}

    return run


@QUICK
@given(st.data(), some_files)
def test_encoding_changes_no_content(
    leaves: Callable[[Mail], tuple[Reading, set[str]]], data: st.DataObject, files: list[File]
) -> None:
    """B1 to B14, B17: however a mail is legally written, the contents in it are the files sent and no others, under
    their names, and nothing is in doubt."""
    mail = data.draw(mails(files))
    reading, found = leaves(mail)
    inner = {sha256(INNER).hexdigest()} if FILES[4] in files else set()
    assert found == set(mail.hashes) | inner
    assert not [gap for gap in reading.incomplete if gap.reason in ("ambiguous", "crashed", "limit")]
    assert {file.name for file in files if file.name} <= {name for part in reading.parts for name in part.names}


@QUICK
@given(st.data(), some_files, st.integers(1, 7))
def test_parts_are_bounded(limits: InspectionSettings, data: st.DataObject, files: list[File], most: int) -> None:
    """B53: no mail has more parts than the limit; the gap is there exactly where it would have had."""
    mail = data.draw(mails(files))
    whole = read_mail(mail.content, limits, None)
    reading = read_mail(mail.content, msgspec.structs.replace(limits, max_parts=most), None)
    assert len(reading.parts) == min(most, len(whole.parts))
    assert ("limit" in {gap.reason for gap in reading.incomplete}) == (len(whole.parts) > most)


@settings(QUICK, max_examples=50)
@given(st.data(), some_files, st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=4)), max_size=8))
def test_damaged_mails_are_read(
    limits: InspectionSettings, data: st.DataObject, files: list[File], damage: list[tuple[int, bytes]]
) -> None:
    """B52: mails with bytes struck out and put in are read alike twice, within narrow limits, and crash no reader."""
    content = bytearray(data.draw(mails(files)).content)
    for place, added in damage:
        at = place % (len(content) + 1)
        content[at : at + 3] = added
    narrow = msgspec.structs.replace(
        limits, max_parts=4, max_depth=3, max_header_bytes=600, max_unpacked_bytes=100, max_text_bytes=60
    )
    for settled in (limits, narrow):
        reading = read_mail(bytes(content), settled, None)
        assert reading == read_mail(bytes(content), settled, None)
        assert "crashed" not in {gap.reason for gap in reading.incomplete}
        assert len(reading.parts) <= settled.max_parts
        assert sum(len(text.text.encode()) for text in reading.texts) <= settled.max_text_bytes


def nested(levels: int) -> bytes:
    """A text inside of so many multiparts."""
    mail = b"Content-Type: text/plain\n\ntext\n"
    for number in range(levels):
        mail = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n%s\n--b%d--\n" % ((number, number, mail, number))
    return mail


def attached(content: bytes) -> bytes:
    """A mail of a text and a file."""
    head = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: application/octet-stream\n"
    return head + b"Content-Transfer-Encoding: binary\n\n" + content + b"\n--b--\n"


# The limit, how much of it the mail needs, and the mail.
SWEEPS: dict[str, tuple[str, int, bytes]] = {
    "bytes": ("max_mail_bytes", 100, b"Subject: s\n\n" + b"x" * 88),
    "parts": ("max_parts", 2, attached(b"file")),
    "parts in an archive": ("max_parts", 5, attached(archive(b"1", b"2", b"3"))),
    "levels": ("max_depth", 4, nested(3)),
    "levels into an archive": ("max_depth", 2, attached(archive(b"1"))),
    "header bytes": ("max_header_bytes", len(b"Subject: s\n\n"), b"Subject: s\n\ntext\n"),
    "header bytes of parts": ("max_header_bytes", 2 * 44 + 26, nested(2)),
    "unpacked bytes": ("max_unpacked_bytes", 300, attached(archive(b"a" * 100, b"b" * 200))),
    "text bytes": ("max_text_bytes", 30, b"\n" + "漢字".encode() * 5),
}


@pytest.mark.parametrize("sweep", SWEEPS.values(), ids=list(SWEEPS))
def test_limits(read: Read, sweep: tuple[str, int, bytes]) -> None:
    """B53: a mail that needs a limit whole is incomplete with one less, and whole with that and with one more."""
    key, needed, mail = sweep
    for limit, reasons in ((needed - 1, {"limit"}), (needed, set()), (needed + 1, set())):
        assert {gap.reason for gap in read(mail, **{key: limit}).incomplete} == reasons, limit


READ_ALL = """
import pathlib, sys
from sekisho_core.settings import load
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
limits = load(pathlib.Path("/dev/null")).of(InspectionSettings)
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.eml")):
    print(read_mail(path.read_bytes(), limits, None))
"""


def test_one_reading_in_every_process() -> None:
    """Two processes with other hash seeds read the same in every mail of the corpus, in the same order."""
    corpus = str(ROOT / "tests" / "corpus" / "reader")
    first, second = (
        subprocess.run(
            [sys.executable, "-c", READ_ALL, corpus], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    )
    assert first == second
    assert len(first) > 1000
