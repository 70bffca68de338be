"""The parts of the PDF reader: syntax, filters, encryption and bounds."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pdf_files import document, locked, lzw, packed, rows_up, run_length, stream
from pdfs import LINK, mail
from sekisho_core.vocabulary import Reading
from sekisho_inspection.pdf_crypt import Lock
from sekisho_inspection.pdf_filters import Dear, Room, unpack
from sekisho_inspection.pdf_objects import Budget, scan
from sekisho_inspection.pdf_streams import shown_text
from sekisho_inspection.pdf_syntax import Either, Reference, parse

Read = Callable[..., Reading]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (b"<< /A 1 0 R /B [1 -2.5] >> endobj", {"A": Reference(1, 0), "B": [1, -2.5]}),
        (b"[(a(b)c\\n\\101\\\nd) <4 1 4>] endobj", [b"a(b)c\nAd", b"A@"]),
        (b"/a#62#2f#zz endobj", "ab/#zz"),
        (b"<< /A << /B [1 2 >> /C 3 endobj", {"A": {"B": [1, 2]}, "C": 3}),
        (b"<< /A 1 /A 2 /A 3 >>", {"A": Either([1, 2, 3])}),
        (b"<< /A % >> \r 1 >>", {"A": 1}),
        (b"<< (x) /A 1 2 /B true /C >>", {"A": 1, "B": True, "C": None}),
        (b"[--5 +6 7-8 .5 12345678901234567890123]", [-5.0, 6, 7.0, 0.5, 0]),
        (b"(unended (text endobj", b"unended (text endobj"),
        (b"", None),
    ],
)  # fmt: skip
def test_values(source: bytes, value: object) -> None:
    """B39: values read as lenient programs read them, unended and doubled ones too."""
    assert parse(source, 0).value == value


@given(st.binary(max_size=300))
def test_any_bytes_are_values(data: bytes) -> None:
    """Whatever the bytes are, a value comes of them, and ends within them."""
    for alone in (False, True):
        assert 0 <= parse(data, 0, alone).end <= len(data)
    for found in scan(b"1 0 obj " + data, Budget(len(data))).objects:
        assert found.place


def _room() -> Room:
    return Room.of(1 << 16, 1 << 26, 200)


@given(st.binary(max_size=700))
def test_filters_give_back_what_they_took(data: bytes) -> None:
    """B40: each filter, and all of them one after another, give what was packed."""
    ways: dict[str, bytes] = {
        "FlateDecode": zlib.compress(data),
        "LZWDecode": lzw(data),
        "RunLengthDecode": run_length(data),
        "ASCIIHexDecode": data.hex(" ").encode() + b">",
        "ASCII85Decode": base64.a85encode(data, wrapcol=60) + b"~>",
    }
    for name, raw in ways.items():
        assert unpack(raw, [(name, {})], _room()) == (data, "", "")
    chained = zlib.compress(run_length(lzw(data)).hex().encode())
    names = ("FlateDecode", "ASCIIHexDecode", "RunLengthDecode", "LZWDecode")
    assert unpack(chained, [(name, {}) for name in names], _room()).content == data


@given(st.binary(min_size=1, max_size=300), st.integers(1, 9))
def test_rows_of_a_predictor(data: bytes, width: int) -> None:
    """Rows that are stated as the difference to the row above come out as they were, filled up with blanks."""
    parameters: dict[str, Any] = {"Predictor": 12, "Columns": width}
    found = unpack(zlib.compress(rows_up(data, width)), [("FlateDecode", parameters)], _room()).content
    assert found == data.ljust(-(-len(data) // width) * width, b" ")


@pytest.mark.parametrize(
    ("kind", "row", "expected"),
    [
        (1, b"\1\1\1", b"\1\2\3"),
        (2, b"\1\1\1", b"\x0b\x15\x1f"),
        (3, b"\1\1\1", b"\6\x0e\x17"),
        (4, b"\1\1\1", b"\x0b\x15\x1f"),
    ],
)
def test_kinds_of_rows(kind: int, row: bytes, expected: bytes) -> None:
    """The four kinds of rows of PNG (its specification, 9.2), behind a row of 10, 20, 30."""
    raw = zlib.compress(b"\0\x0a\x14\x1e" + bytes([kind]) + row)
    assert unpack(raw, [("FlateDecode", {"Predictor": 15, "Columns": 3})], _room()).content[3:] == expected


def test_longer_codes_of_lzw() -> None:
    """LZW codes grow with the table: data that repeats itself, as the standard's own example has it (7.4.4.2)."""
    raw = bytes([0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01])
    assert unpack(raw, [("LZWDecode", {})], _room()).content == bytes([45, 45, 45, 45, 45, 65, 45, 45, 45, 66])


@pytest.mark.parametrize(
    ("raw", "filters"),
    [
        (zlib.compress(bytes(8 << 20)), ["FlateDecode"]),
        (b"\x81a" * 4_000_000, ["RunLengthDecode"]),
        (zlib.compress(b"\x81a" * 100_000), ["FlateDecode", "RunLengthDecode"]),
        (b"", ["ASCIIHexDecode"] * 40),
    ],
)
def test_bombs(raw: bytes, filters: list[str]) -> None:
    """B34: what unpacks beyond the ratio, costs too much or has too many filters ends."""
    with pytest.raises(Dear):
        unpack(raw, [(name, {}) for name in filters], Room.of(len(raw), 1 << 30, 200))


@pytest.mark.parametrize("revision", range(2, 7))
@pytest.mark.parametrize("password", ["", "abc", "パスワード", "a\u00adb\u00a0c"])
def test_passwords(revision: int, password: str) -> None:
    """B37: each revision opens with its password, in the bytes that programs make of it, and with no other."""
    spelt = {True: password.encode(), False: password.encode("cp932", "replace")}[revision >= 5]
    stated, _ = locked(revision, spelt if revision >= 5 else password.encode("latin-1", "ignore") or spelt)
    lock = Lock(parse(stated, 0).value, bytes(range(16)), lambda value: value)
    if revision >= 5 or password.isascii():
        assert lock.open(password)
    assert not lock.open(password + "x")


def test_shown_text() -> None:
    """The strings of a page's content, in their order, those of one text joined."""
    assert shown_text(b"BT (http://c2.) Tj [(mal) -20 (ware)] TJ <2e65> Tj 0 -12 Td (next) Tj ET") == (
        b"http://c2.malware.e\nnext\n"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n" + b"1 0 obj(" * 30_000,
        b"%PDF-1.7\n" + b"1 0 obj<<>>stream\n" * 12_000,
        b"%PDF-1.7\n" + b"1 0 obj<</JS 1 0 R>>stream\n" * 9_000,
        b"%PDF-1.7\n" + b"1 0 obj<</AA 1 0 R/O 1 0 R/PO 1 0 R/S/Launch>>endobj " * 6_000,
        b"%PDF-1.7\n1 0 obj<</JavaScript 1 0 R/Kids[" + b"1 0 R " * 60_000 + b"]>>endobj",
        b"%PDF-1.7\n1 0 obj<<" + b"/JS(x)" * 60_000 + b">>endobj",
        b"%PDF-1.7\n1 0 obj" + b"[" * 300_000,
        b"%PDF-1.7\n" + b"obj" * 100_000,
        document({9: packed(b"<script>" * 60_000)}, b"/AcroForm << /XFA 9 0 R >>"),
        document({9: stream(b"x", b"/Filter [" + b"/AHx" * 60_000 + b"]")}),
    ],
    ids=["strings", "streams", "scripts", "triggers", "tree", "keys", "lists", "words", "forms", "filters"],
)
def test_hostile_files_end(content: bytes, read: Read) -> None:
    """B21 for PDF: what repeats, overlaps or nests without end is read in bounded time, and the mail with it."""
    assert read(mail(content)).parts


def test_link_behind_hostile_objects(read: Read) -> None:
    """What makes the budget of references run out is incomplete; what stands in the objects is found all the same."""
    loop = b"".join(b"1 0 obj << /AA 1 0 R /O 1 0 R /S /Launch >> endobj\n" for _ in range(9_000))
    reading = read(mail(b"%PDF-1.7\n" + loop + b"2 0 obj << /S /URI /URI (" + LINK + b") >> endobj"))
    assert "limit" in {gap.reason for gap in reading.incomplete}
    assert LINK.decode() in {one.value for one in reading.observables}


@pytest.mark.parametrize(
    "form",
    [
        b"<</FDF<</F <687474703a2f2f63322e6d616c776172652e6578616d706c652f66>>>>>",
        b'<</FDF<</JavaScript<</After (app.launchURL\\("\\150ttp://c2.malware.example/f"\\))>>>>>>',
    ],
)
def test_data_of_a_form(form: bytes, read: Callable[..., Reading], attach: Callable[..., bytes]) -> None:
    """B40: a file of form data, which opens in the same program, is read as a PDF."""
    content = b"%FDF-1.2\n1 0 obj\n" + form + b"\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n"
    reading = read(attach("x", ("a.fdf", content)))
    assert "http://c2.malware.example/f" in {one.value for one in reading.observables if one.path == "url:value"}
