"""Compound files: every stream that there is, whatever is broken."""

from __future__ import annotations

import io
import struct

import olefile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ole_maker import compound
from sekisho_inspection.compound import CompoundFile, class_of

STREAMS = {"A": b"a" * 100, "B/C": b"c" * 5000, "B/D/E": b"", "F": bytes(range(256)) * 40}
NAMES = st.text("abcdefgh", min_size=1, max_size=8)


def read(data: bytes) -> dict[str, bytes]:
    """The streams by their paths."""
    return {entry.path: content for entry, content in CompoundFile(data).streams()}


def test_streams_and_classes() -> None:
    """Streams of both sizes, in storages, with the class of one."""
    clsid = "0002CE02-0000-0000-C000-000000000046"
    file = CompoundFile(compound(STREAMS, {"B": clsid}))
    assert {entry.path: content for entry, content in file.streams()} == STREAMS
    assert [class_of(entry) for entry in file.entries if entry.path == "B"] == [clsid]
    assert not file.faults


@given(st.dictionaries(NAMES, st.binary(max_size=6000), max_size=6))
@settings(max_examples=40)
def test_the_library_reads_the_same(streams: dict[str, bytes]) -> None:
    """What is read of a sound file is what olefile reads."""
    data = compound(streams)
    with olefile.OleFileIO(io.BytesIO(data)) as file:
        assert read(data) == {"/".join(path): file.openstream(path).read() for path in file.listdir()}


def test_broken_chain_hides_no_other() -> None:
    """B48: of a stream whose chain comes back the beginning is read, of the others all."""
    data = bytearray(compound(STREAMS))
    fat = data.rfind(struct.pack("<L", 0xFFFFFFFD)) // 512 * 512
    # The first stream of whole sectors begins in sector 0.
    data[fat : fat + 4] = struct.pack("<L", 0)
    file = CompoundFile(bytes(data))
    found = {entry.path: content for entry, content in file.streams()}
    assert found["A"] == STREAMS["A"]
    assert found["F"] == STREAMS["F"]
    assert found["B/C"] == b"c" * 512
    assert "a chain that comes back to itself" in file.faults


def test_entries_that_nothing_lists() -> None:
    """B48: a stream that no storage leads to is read under a path of its own."""
    data = compound(STREAMS)
    root = data.find("Root Entry".encode("utf-16-le"))
    found = read(data[: root + 76] + b"\xff\xff\xff\xff" + data[root + 80 :])
    assert found["orphan/A"] == STREAMS["A"]
    assert found["orphan/C"] == STREAMS["B/C"]


def test_entries_in_a_circle() -> None:
    """B48: storages that contain each other are each read once."""
    data = compound(STREAMS)
    entry = data.find("D".encode("utf-16-le") + bytes(60))
    assert set(read(data[: entry + 76] + bytes(4) + data[entry + 80 :])) >= {"A", "B/C", "F"}


@pytest.mark.parametrize("size", [0, 8, 100, 512, 600, 1024, 3000])
def test_cut_files(size: int) -> None:
    """B48: a file that is cut anywhere is read as far as it goes."""
    file = CompoundFile(compound(STREAMS)[:size])
    assert all(len(content) <= entry.size for entry, content in file.streams())
    assert file.faults


def test_streams_that_share_sectors_are_bounded() -> None:
    """Two thousand entries of one long stream give no more than twice the file."""
    names = {f"s{number}": b"x" for number in range(500)}
    data = bytearray(compound({**names, "big": b"b" * 50_000}))
    place = data.find("big".encode("utf-16-le"))
    for name in names:
        entry = data.find(name.encode("utf-16-le") + b"\0\0")
        data[entry + 116 : entry + 124] = data[place + 116 : place + 124]
    assert sum(len(content) for _, content in CompoundFile(bytes(data)).streams()) <= 2 * len(data) + 4096


@given(st.binary(max_size=2000), st.integers(0, 511), st.binary(max_size=8))
@settings(max_examples=150)
def test_any_bytes(tail: bytes, at: int, patch: bytes) -> None:
    """Any bytes behind a header, and any header, are read without an exception."""
    data = compound(STREAMS)
    for one in (data[:512] + tail, data[:at] + patch + data[at + len(patch) :]):
        assert read(one) == read(one)
