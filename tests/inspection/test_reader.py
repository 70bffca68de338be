"""The reader as a whole: cases kept as files, and what holds for any bytes.

A case is NAME.eml (line ends LF) beside NAME.json, the summary of its Reading. Each is read with LF and with CRLF.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sekisho_core.vocabulary import Reading
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from summaries import summary

Read = Callable[..., Reading]
CASES = sorted((Path(__file__).parents[1] / "corpus" / "reader").glob("*.eml"))
# What mails are made of; random bytes alone seldom get past the header.
PIECES = st.sampled_from([
    b"Subject: ", b"From: ", b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: message/rfc822\r\n",
    b"\r\n", b"\r\n\r\n", b"--b\r\n", b"--b--\r\n", b"Content-Transfer-Encoding: base64\r\n", b"=?iso-2022-jp?B?",
    b"?=", b"\x1b$B", b"Content-Disposition: attachment; filename*0*=utf-8''%", b"PK\x03\x04", b"PK\x01\x02",
    b"%PDF-1.4\n1 0 obj << /S /Launch >> endobj\n", b"PK\x05\x06" + b"\0" * 18, b"{\\rtf1{\\object{\\*\\objdata 01",
    b"<html><a href='http://", b"\x1f\x8b\x08\0", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"MZ" + b"\0" * 64,
    b"\xe3\x83\x91\xe3\x82\xb9\xef\xbc\x9a", b"http://[::1", b"\0",
])  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_cases(case: Path, ending: bytes, read: Read) -> None:
    """Each case reads as its JSON says, with either line end."""
    got = summary(read(case.read_bytes().replace(b"\n", ending)))
    assert got == json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("subject", [b"", b" ", b" =?UTF-8?B??="], ids=["empty", "blank", "empty word"])
def test_subject_is_the_mails_own(subject: bytes, read: Read) -> None:
    """A mail without words in its subject does not bear that of the message attached to it; patterns see both."""
    inner = b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n"
    reading = read(b"Subject:%s\r\n%s" % (subject, inner))
    assert (reading.subject.decoded, reading.subject.normalised) == ("", "")
    assert [one.value for one in reading.observables if one.path == "email-message:subject"] == ["inner"]


def test_space_before_the_colon(read: Read) -> None:
    """A field whose name is followed by a space is that field, as mail programs show it (RFC 5322 section 4.5)."""
    assert read(b"Subject : words\r\n\r\nx\r\n").subject.decoded == "words"


def test_there_are_cases() -> None:
    """The cases are found where they are kept."""
    assert len(CASES) >= 8


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES | st.binary(max_size=30), max_size=25).map(b"".join))
def test_any_bytes_are_read(limits: InspectionSettings, content: bytes) -> None:
    """B52: read_mail raises for no bytes, gives the same answer twice, and its answer survives its wire format."""
    reading = read_mail(content, limits, None)
    assert reading == read_mail(content, limits, None)
    assert all(item.value.encode() for item in reading.observables)
    assert "crashed" not in {gap.reason for gap in reading.incomplete}


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\r\n", b":", b"From "])
def test_hardly_any_mail(read: Read, content: bytes) -> None:
    """The smallest mails have one part and nothing incomplete."""
    reading = read(content)
    assert [part.id for part in reading.parts] == ["1"]
    assert not reading.incomplete


def test_mail_without_a_field(read: Read) -> None:
    """B11: lines that are no field are the text of the mail for some programs."""
    reading = read(b"see http://evil.example/x here")
    assert [(part.id, part.origin.reading) for part in reading.parts] == [("1", "mime"), ("1.1", "mime-header")]
    assert "http://evil.example/x" in {one.value for one in reading.observables}
    assert not reading.incomplete


def test_a_mail_over_the_limit(read: Read) -> None:
    """B53: a mail is incomplete exactly above the limit of bytes."""
    mail = b"Subject: s\r\n\r\n" + b"x" * 100
    assert not read(mail, max_mail_bytes=len(mail)).incomplete
    assert [gap.reason for gap in read(mail, max_mail_bytes=len(mail) - 1).incomplete] == ["limit"]


def test_text_over_the_limit(read: Read) -> None:
    """Readable text is kept up to the limit, and what is cut is said."""
    reading = read(b"\r\n" + "漢字".encode() * 100, max_text_bytes=30)
    assert reading.texts[0].text == "漢字" * 5
    assert {gap.reason for gap in reading.incomplete} == {"limit"}


def test_hashes_are_of_the_decoded_content(read: Read, attach: Callable[..., bytes]) -> None:
    """MD5, SHA-1 and SHA-256 are those of the file that the receiver would save."""
    part = read(attach("x", ("a.bin", b"abc"))).parts[1]
    assert part.md5 == "900150983cd24fb0d6963f7d28e17f72"
    assert part.sha1 == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert part.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_content_disposition(read: Read, attach: Callable[..., bytes]) -> None:
    """Content-Disposition of a part is an observable, as sent and as the bare word that publishers state."""
    path = "email-message:body_multipart[*].content_disposition"
    seen = [one.value for one in read(attach("x", ("a.bin", b"abc"))).observables if one.path == path]
    assert seen == ['attachment; filename="a.bin"', "attachment"]


@pytest.mark.parametrize(
    ("name", "content", "kinds"),
    [
        ("a.exe", b"text", {"executable"}),
        ("a.txt", b"MZ" + b"\0" * 99, {"executable", "type-mismatch"}),
        ("a.lnk", b"L\0\0\0\x01\x14\x02\0", {"executable"}),
        ("報告書.pdf　　　　　.exe", b"x", {"executable", "name-double-extension"}),
        ("a.doc.js", b"x", {"executable", "name-double-extension"}),
        ("a\u202efdp.exe", b"x", {"executable", "name-rtlo"}),
        ("report.v1.2.pdf", b"x", set()),
        ("user@example.com", b"text", set()),
        ("資料.docx", b"x", set()),
    ],
)
def test_names_and_programs(
    read: Read, attach: Callable[..., bytes], name: str, content: bytes, kinds: set[str]
) -> None:
    """B25: programs by content or name, and names that hide what they are."""
    assert {item.kind for item in read(attach("x", (name, content))).findings} == kinds


@pytest.mark.parametrize("kind", ["a.7z", "a.rar", "a.lzh", "a.cab"])
def test_archives_without_a_reader(read: Read, attach: Callable[..., bytes], kind: str) -> None:
    """An archive that nothing here opens is unreadable, never clean."""
    magic = {
        "7z": b"7z\xbc\xaf\x27\x1c",
        "rar": b"Rar!\x1a\x07\0",
        "lzh": b"\x20\0-lh5-xxx",
        "cab": b"MSCF" + b"\0" * 9,
    }
    reading = read(attach("x", (kind, magic[kind[2:]] + b"data" * 9)))
    assert [(gap.where, gap.reason) for gap in reading.incomplete] == [(f"part:2/{kind}", "unreadable")]
    assert reading.parts[1].state.value == "unreadable"


def test_carriage_returns_only(read: Read) -> None:
    """A file whose only line ends are carriage returns is read like any other, and nothing in it is in doubt."""
    lines = (b"Subject: report", b"Content-Type: text/plain", b"", b"see http://c2.malware.example/x", b"")
    reading = read(b"\r".join(lines))
    assert (reading.subject.decoded, reading.incomplete) == ("report", ())
    assert "http://c2.malware.example/x" in {one.value for one in reading.observables if one.path == "url:value"}


def test_part_behind_the_last_delimiter(read: Read) -> None:
    """B9: what a bounce quotes behind the last delimiter is text, and a part where it has the fields of one."""
    quoted = b"----- Original message -----\nSubject: x\nContent-Transfer-Encoding: base64\n\nUEsDBAo=\n"
    head = b'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nhello\n--b--\n'
    reading = read(head + quoted)
    assert [(part.id, part.size) for part in reading.parts] == [("1", 5), ("2", len(quoted)), ("2.1", 5)]
    assert [item.kind for item in reading.findings] == ["ambiguous-boundary"]
