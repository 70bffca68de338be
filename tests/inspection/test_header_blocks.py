"""Header blocks: fields, and where the body begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_inspection.header_blocks import read_block

NAMES = st.from_regex(rb"[!-9;-~]{1,12}", fullmatch=True).filter(lambda name: not name.startswith(b">From"))
WORDS = st.from_regex(rb"[ -~\x80-\xff]{0,20}", fullmatch=True)
FOLDS = st.from_regex(rb"[ \t]{1,3}[!-~\x80-\xff][ -~\x80-\xff]{0,20}", fullmatch=True)
FIELDS = st.lists(st.tuples(NAMES, WORDS, st.lists(FOLDS, max_size=3)), min_size=1, max_size=6)


def block(fields: list[tuple[bytes, bytes, list[bytes]]], end: bytes) -> bytes:
    """A header block of these names, values and folds with its empty line."""
    return b"".join(name + b":" + end.join([value, *folds]) + end for name, value, folds in fields) + end


@given(FIELDS, st.sampled_from([b"\n", b"\r\n"]))
def test_an_orderly_block(fields: list[tuple[bytes, bytes, list[bytes]]], end: bytes) -> None:
    """Fields come as they stand, with their folds, and the body begins behind the empty line."""
    data = block(fields, end)
    found = read_block(data + b"body", 0, len(data) + 4, 10_000)
    assert [(field.name.encode(), field.raw) for field in found.fields] == [
        (name, b"\n".join([value, *folds])) for name, value, folds in fields
    ]
    assert (found.body, found.other_bodies, found.odd) == (len(data), (), "")


@given(FIELDS, st.sampled_from([b"\n", b"\r\n"]))
def test_a_line_that_is_no_field_changes_no_other_field(
    fields: list[tuple[bytes, bytes, list[bytes]]], end: bytes
) -> None:
    """B11: a block with a junk line has the fields that it has without it, and is odd."""
    data = block(fields, end)
    orderly = read_block(data, 0, len(data), 10_000)
    odd = read_block(b"no field" + end + data, 0, len(data) + 8 + len(end), 10_000)
    assert odd.fields[: len(orderly.fields)] == orderly.fields
    assert odd.odd


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"A: b\n\nbody", 6),
        (b"A: b\r\n\r\nbody", 8),
        (b"A: b\n\r\r\nbody", 8),
        (b"\nbody", 1),
        (b"\r\nbody", 2),
        (b"A: b\n", 5),
        (b"A: b\n\r", 6),
        (b"A: b", 4),
        (b"A: b\n \nc: d\n\nbody", 13),
    ],
)
def test_where_the_body_begins(data: bytes, body: int) -> None:
    """B11: behind the first empty line, carriage returns before its end or not; without one there is no body."""
    assert read_block(data, 0, len(data), 10_000).body == body
