"""B17 and B25: names of files in every spelling, and the tricks in them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.vocabulary import Reading
from sekisho_inspection import filetype
from sekisho_inspection.names import member_names, spellings

Read = Callable[..., Reading]
DOUBLE, DISGUISED, RTLO = "name-double-extension", "name-disguised", "name-rtlo"


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("報告\u202efdp.exe", {RTLO}),
        ("報告\u2066fdp.exe", {RTLO}),
        ("report.e\u200bxe", {DISGUISED}),
        ("report.ex\u00ade", {DISGUISED}),
        ("report\uff0e\uff45\uff58\uff45", {DISGUISED}),
        ("report.pdf\u2024exe", {DOUBLE, DISGUISED}),
        ("фото.jpg.\u0435\u0445\u0435", {DOUBLE, DISGUISED}),
        ("evil.exe::$DATA", {DISGUISED}),
        ("evil.exe:notes", {DISGUISED}),
        ("evil.exe. . ", {DISGUISED}),
        ("evil.exe\0.pdf", {DISGUISED}),
        ("evil\x01.exe", {DISGUISED}),
        ("x" * 1024 + ".exe", {DISGUISED}),
        ("evil.exe".rjust(255, "x") + ".pdf", {DISGUISED}),
        ("a.pdf" + "\u2800" * 9 + ".exe", {DOUBLE}),
        ("a.pdf" + "\u3164" * 9 + ".scr", {DOUBLE}),
        ("招待状" + "\u3000" * 9 + ".exe", {DOUBLE}),
        ("a.pdf .exe", {DOUBLE}),
        ("report.pdf.lnk", {DOUBLE}),
        ("report.docx.url", {DOUBLE}),
    ],
)
def test_tricks(name: str, kinds: set[str]) -> None:
    """B25: each trick is told by the name as it looks."""
    assert {kind for kind, _ in filetype.name_findings(name)} == kinds


@pytest.mark.parametrize(
    "name",
    [
        "report.2012.01.pdf", "図面(改).tar.gz", "archive.com.zip", "資料。pdf", "setup.exe", "link.url",
        "v1.2.exe.config", "12:30の議事録.txt", "см. отчёт.doc", "Re: 件名", "会議　資料.pdf", "a     b.pdf",
        "see www.example.com.", "x" * 400, "..", "", "見積書（最終版）_v2.xlsx", "ﾌｧｲﾙ.pdf", "日報\u200e.pdf", "x.pdf.",
    ],
)  # fmt: skip
def test_ordinary_names(name: str) -> None:
    """B51: names given in good faith have no facts."""
    assert filetype.name_findings(name) == []


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("%E5%A0%B1%E5%91%8A.pdf", "報告.pdf"),
        ("%8E%91%97%BF.pdf", "資料.pdf"),
        ("C:\\dir\\file.exe", "file.exe"),
        ("../../etc/x", "x"),
        ("=?utf-8?B?5aCx5ZGKLnBkZg==?=", "報告.pdf"),
        ("報告.pdf".encode().decode("latin-1"), "報告.pdf"),
        ("=?utf-8?Q?=25E5=25A0=25B1.pdf?=", "報.pdf"),
        ("a.exe\0.pdf", "a.exe"),
        ("a.exe::$DATA", "a.exe"),
        ("a.exe:stream:$DATA", "a.exe"),
    ],
)
def test_spellings(name: str, other: str) -> None:
    """B17: what programs make of a name stands beside it."""
    assert spellings(name)[0] == name
    assert other in spellings(name)


@pytest.mark.parametrize(
    ("raw", "utf8", "name"),
    [
        ("表/ソース.txt".encode("cp932"), False, "表/ソース.txt"),
        ("ソ.exe".encode("cp932"), True, "ソ.exe"),
        ("報告書.pdf".encode("euc_jp"), False, "報告書.pdf"),
        ("報告書.pdf".encode(), False, "報告書.pdf"),
        ("dir\\表.exe".encode("cp932"), False, "表.exe"),
    ],
)
def test_names_of_members(raw: bytes, utf8: bool, name: str) -> None:
    """B17: names in CP932 and EUC-JP, whatever the archive's flag says; the byte 0x5C inside a character is none."""
    assert name in member_names(raw, utf8)


def test_names_are_observed(read: Read, attach: Callable[..., bytes]) -> None:
    """B17, B25: every spelling is a file name of the part, and a trick in any of them is found, in archives too."""
    reading = read(attach("x", ("%E5%A0%B1.pdf%2Eexe", b"text")))
    assert {"報.pdf.exe", "%E5%A0%B1.pdf%2Eexe"} <= {
        one.value for one in reading.observables if one.path == "file:name"
    }
    assert {one.kind for one in reading.findings} == {"executable", DOUBLE}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        opened.writestr("a.pdf\u2800\u2800\u2800\u2800\u2800.exe", "text")
    assert {one.kind for one in read(attach("x", ("a.zip", out.getvalue()))).findings} == {
        "archived-executable",
        DOUBLE,
    }


def test_texts_of_two_bytes_are_texts() -> None:
    """UTF-16 without its mark is text, and a program is none."""
    assert filetype.is_text("see the report\r\n".encode("utf-16-be"))
    assert not filetype.is_text(b"MZ\0\0" * 200)


@given(st.text(max_size=40))
def test_any_name(name: str) -> None:
    """Any name has a bounded number of spellings and facts, the same each time."""
    assert spellings(name) == spellings(name)
    assert 1 <= len(spellings(name)) <= 12
    assert len(filetype.name_findings(name)) <= 6


@pytest.mark.parametrize(
    "name", ["%41" * 100_000, "/a" * 200_000, ":a" * 200_000, ".exe" * 100_000, " " * 400_000 + ".exe"]
)
def test_huge_names_end(name: str) -> None:
    """Names of half a megabyte are looked at in time (the timeout of the tests)."""
    assert [filetype.name_findings(one) is not None for one in spellings(name)]


@pytest.mark.parametrize(
    ("name", "content", "stops"),
    [
        ("image001.png@example.com", b"\x89PNG\r\n\x1a\n" + bytes(60), False),
        ("invoice.example.com", b"%PDF-1.4\n\0", False),
        ("notes.example.com", b"notes\n", False),
        ("invoice.example.com", b"\xeb\x20" + bytes(40) + b"%PDF-1.4\n", True),
        ("invoice.example.com", b"\xe9\1\0" + bytes(60), True),
        ("invoice.exe", b"%PDF-1.4\n\0", True),
    ],
)
def test_endings_of_programs_and_domains(name: str, content: bytes, stops: bool) -> None:
    """B50, B51: an ending that domains have as well makes a program of code only, not of a picture or a document."""
    assert filetype.runnable(name, content) is stops


@pytest.mark.parametrize(
    ("name", "content", "gaps"),
    [
        ("agreement.arc", b"plain words\n", 0),
        ("part.one", b"plain words\n", 0),
        ("a.img", b"plain words\n", 0),
        ("a.img", b"\x01" * 2000, 0),
        ("a.tar", bytes(10240), 0),
        ("a.tar", b"\x01" * 2000, 1),
        ("a.zip", b"plain words\n", 1),
    ],
)
def test_endings_of_containers_and_texts(
    name: str, content: bytes, gaps: int, read: Read, attach: Callable[..., bytes]
) -> None:
    """B51: a text or raw data is no container of a format whose ending is that of other files as well, and zeros alone
    are an archive of nothing."""
    assert len(read(attach("x", (name, content))).incomplete) == gaps
