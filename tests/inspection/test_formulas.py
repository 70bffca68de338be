"""Formulas as tokens, and workbooks of all kinds."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ole_maker import biff, macro_book, string_token
from sekisho_inspection import formulas, xlsb
from sekisho_inspection.biff import is_plain, unpack_number, workbook
from sekisho_inspection.formulas import cell_name, render
from sekisho_inspection.sylk import workbook as sylk
from sekisho_inspection.workbooks import automatic

LAYOUTS = (formulas.BIFF2, formulas.BIFF5, formulas.BIFF8, formulas.BIFF12)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (string_token("cmd") + b"\x42\x01\x6e\x00", 'EXEC("cmd")'),
        (string_token("a") + string_token("b") + b"\x08", '"a"&"b"'),
        (b"\x1e\x41\x00\x41\x6f\x00", "CHAR(65)"),
        (b"\x1e\x41\x00\x41\x6f\x00\x1e\x42\x00\x41\x6f\x00\x08", "CHAR(65)&CHAR(66)"),
        (b"\x24\x04\x00\x02\xc0\x42\x01\x6e\x00", "EXEC(C5)"),
        (string_token("x") + b"\x1d\x01\x42\x02\x96\x00", 'CALL("x",TRUE)'),
        (b"\x42\x00\x36\x00", "HALT()"),
        (b"\x19\x40\x00\x01" + string_token("x"), '"x"'),
        (string_token('say "hi"'), '"say ""hi"""'),
        (b"\x17\x02\x01" + "表a".encode("utf-16-le"), '"表a"'),
        (string_token("a") + b"\x24\x00\x00\x01\x00\x42\x02\x60\x80", 'FORMULA("a",B1)'),
        (b"\x1e\x03\x00\x1e\x04\x00\x05\x15\x13", "-(3*4)"),
    ],
)
def test_formulas_of_version_8(tokens: bytes, text: str) -> None:
    """B43: strings, calls, cells and operators show; commands of macros have their names."""
    assert render(tokens, formulas.BIFF8) == text


def test_other_versions() -> None:
    """B43: strings and calls in the layouts of other versions."""
    assert render(b"\x17\x03cmd\x42\x01\x6e", formulas.BIFF2) == 'EXEC("cmd")'
    assert render(b"\x17\x03cmd\x42\x01\x6e\x00", formulas.BIFF5) == 'EXEC("cmd")'
    wide = b"\x17\x03\x00" + "cmd".encode("utf-16-le")
    assert render(wide + b"\x42\x01\x6e\x00", formulas.BIFF12) == 'EXEC("cmd")'
    assert render(b"\x24\x04\x00\x00\x00\x02\xc0", formulas.BIFF12) == "C5"


@given(st.binary(max_size=300), st.sampled_from(LAYOUTS))
@settings(max_examples=200)
def test_any_tokens(tokens: bytes, layout: formulas.Layout) -> None:
    """Any tokens are rendered, within the bound."""
    assert len(render(tokens, layout)) <= 64 << 10


@pytest.mark.parametrize(("row", "column", "name"), [(0, 0, "A1"), (9, 25, "Z10"), (0, 26, "AA1"), (0, 255, "IV1")])
def test_names_of_cells(row: int, column: int, name: str) -> None:
    """Columns have letters."""
    assert cell_name(row, column) == name


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("Auto_Open", True),
        ("AUTO_OPEN", True),
        ("auto_open_2", True),
        ("_xlnm.Auto_Close", True),
        ("Ａｕｔｏ_Ｏｐｅｎ", True),
        ("Auto\0_Op\u200ben", True),
        ("Auto_Activate", True),
        ("Print_Area", False),
        ("AutoOpen", False),
        ("My_Auto_Open", False),
    ],
)
def test_names_that_run(name: str, runs: bool) -> None:
    """B43: Excel runs names that begin so in any letters, whatever is put between them."""
    assert automatic(name) is runs


@pytest.mark.parametrize(("packed", "number"), [(0x3FF00000, 1.0), (0x3FF00001, 0.01), (10, 2.0), (0xFFFFFFFE, -1.0)])
def test_packed_numbers(packed: int, number: float) -> None:
    """Numbers in 32 bits: floating or whole, and a hundredth of either."""
    assert unpack_number(packed) == pytest.approx(number)


def test_shared_strings_over_records() -> None:
    """A string that goes on in the next record states its width anew."""
    first = struct.pack("<LL", 2, 2) + b"\x02\0\0ab" + b"\x04\0\0cd"
    book = workbook(biff(0xFC, first) + biff(0x3C, b"\x01" + "ef".encode("utf-16-le")))
    assert book.strings == ["ab", "cdef"]


def test_sheets_elsewhere_in_the_stream() -> None:
    """B43: a sheet is read where the list says that it is, behind what is no record."""
    content = macro_book(b"\x01", string_token("x"))
    begin = content.rfind(b"\x09\x08\x10\0")
    listed = struct.pack("<L", begin)
    moved = content[:begin].replace(listed, struct.pack("<L", begin + 3)) + b"\xff\xff\xff" + content[begin:]
    (sheet,) = workbook(moved).sheets
    assert sheet.macros and sheet.formulas == {"A1": '"x"'}


@pytest.mark.parametrize(
    ("content", "plain"),
    [
        (biff(0x09, struct.pack("<HH", 2, 0x40)), True),
        (biff(0x0809, struct.pack("<HHHH", 0x500, 5, 0, 0)), True),
        (b"\x09\x00\x04\x00text", False),
        (b"", False),
        (b"\t\tsome text of a table", False),
    ],
)
def test_workbooks_without_a_compound_file(content: bytes, plain: bool) -> None:
    """A stream of records is told by its beginning, and a text that begins with tabs is none."""
    assert is_plain(content) is plain


def test_sylk() -> None:
    """B43: cells, formulas, names and doubled semicolons of a SYLK file."""
    book = sylk('ID;PWXL\nO;E\nNN;NAuto_open;ER1C1\nC;Y1;X1;K"a;;b"\nC;X2;EEXEC("x;;y")\nE\n')
    (sheet,) = book.sheets
    assert sheet.macros and sheet.values == {"R1C1": "a;b"} and sheet.formulas == {"R1C2": 'EXEC("x;y")'}
    assert book.names == [("Auto_open", "R1C1")]


@given(st.binary(max_size=400))
@settings(max_examples=150)
def test_any_bytes(data: bytes) -> None:
    """Any records of any kind of workbook are read without an exception."""
    assert workbook(data) == workbook(data)
    assert xlsb.read_book(data) == xlsb.read_book(data)
    assert xlsb.read_sheet(data, "", xlsb.read_strings(data), True).macros
    assert len(sylk(data.decode("latin-1")).sheets) == 1


@pytest.mark.parametrize(
    "stream",
    [b"\0" * 4_000_000, biff(0x85, struct.pack("<LBB", 0, 0, 1) + b"\1\0A") * 100_000 + biff(0x0A, b"")],
    ids=["empty records", "sheets at one place"],
)
def test_work_is_bounded(stream: bytes) -> None:
    """Very many records or sheets end."""
    assert len(workbook(stream).sheets) <= 5001
