"""Macros: what runs by itself, what is suspicious, and what strings conceal."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sekisho_core.vocabulary import Origin
from sekisho_inspection.macros import decoded, suspicious, triggers
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.settings import InspectionSettings

LINK = "http://c2.malware.example/gate"


def dridex(text: str, size: int = 6, key: int = 7) -> str:
    """The cipher of Dridex: each character times the key, in groups of digits among letters, the key in the middle."""
    groups = "".join(str(ord(letter) * key).rjust(size, "x") for letter in text)
    half = len(groups) // 2
    keyed = groups[:half] + str(key).rjust(size, "y") + groups[half:]
    half = len(keyed) // 2
    return f"abcd{keyed[:half]}{10:02}{10 + size:02}{keyed[half:]}efgh"


CONCEALED = {
    "hexadecimal": LINK.encode().hex(),
    "base64": base64.b64encode(LINK.encode()).decode(),
    "wide base64": base64.b64encode(LINK.encode("utf-16-le")).decode(),
    "backwards": LINK[::-1],
    "dridex": dridex(LINK),
    "added": "".join(chr(ord(letter) + 5) for letter in LINK),
    "taken away": "".join(chr(ord(letter) - 5) for letter in LINK),
    "exclusive or": "".join(chr(ord(letter) ^ 0x55) for letter in LINK),
}


def reveal(text: str, limits: InspectionSettings) -> list[str]:
    """What one string conceals."""
    return list(decoded([text], Item("1", b"", (), "", Origin(), 1), Notes(limits)))


@pytest.mark.parametrize("kind", CONCEALED)
def test_concealed_links(kind: str, limits: InspectionSettings) -> None:
    """B42: a link is read under each disguise of a string."""
    assert any(LINK in text for text in reveal(CONCEALED[kind], limits))


@pytest.mark.parametrize(
    "text", ["an ordinary sentence", "0123456789abcdefZZ", "C:\\Users\\Public\\Documents", LINK, "表計算"]
)
def test_plain_strings_conceal_nothing(text: str, limits: InspectionSettings) -> None:
    """Sentences, paths, and links that stand there as they are, give nothing."""
    assert reveal(text, limits) == []


def test_program_in_a_string_is_a_part(limits: InspectionSettings) -> None:
    """B42: a program in Base64 is a file of its own."""
    notes = Notes(limits)
    program = b"MZ" + bytes(100)
    list(decoded([base64.b64encode(program).decode()], Item("1", b"", (), "", Origin(), 1), notes))
    assert [item.content for item in notes.queue] == [program]


@pytest.mark.parametrize(
    ("code", "names", "expected"),
    [
        ("Sub AutoOpen()\nEnd Sub", (), ["AutoOpen"]),
        ("Private Sub Document_Open()\nEnd Sub", (), ["Document_Open"]),
        ("sub workbook_open()\nend sub", (), ["workbook_open"]),
        ("Sub _\n AutoExec()\nEnd Sub", (), ["AutoExec"]),
        ("Sub InkPicture1_Painted(x)\nEnd Sub", (), ["InkPicture1_Painted"]),
        ('Attribute VB_Base = "0{A}{B}"\nSub Label1_MouseMove(x)\nEnd Sub', (), []),
        ("Sub Button1_Click()\nEnd Sub", (), []),
        ("Sub Worksheet_Change(x)\nEnd Sub", (), []),
        ("' AutoOpen would run\nSub a()\nEnd Sub", (), []),
        ("", ("AutoClose",), ["AutoClose"]),
    ],
)
def test_triggers(code: str, names: tuple[str, ...], expected: list[str]) -> None:
    """B42: procedures that Office calls are told; clicks, changed cells, forms and comments are none."""
    assert triggers(code, names) == expected


def test_suspicious_words() -> None:
    """B42: words of code and of its strings are told once, in order."""
    assert suspicious(["Shell x: SHELL y", "run WScript.Shell", "powershell -enc"]) == [
        "powershell",
        "shell",
        "wscript",
    ]
    assert suspicious(["Range(1).Select", "the shelling of peas"]) == []


@given(text=st.text(max_size=200))
@settings(max_examples=150)
def test_any_string(limits: InspectionSettings, text: str) -> None:
    """Any string is searched without an exception, and what it conceals is no longer than itself."""
    assert all(len(one) <= len(text) for one in reveal(text, limits))
