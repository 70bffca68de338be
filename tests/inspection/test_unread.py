"""Content without a reader: told by its bytes, and never clean."""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Callable

import pytest
from sekisho_core.vocabulary import Reading
from sekisho_inspection.names import last_component

_HEAD = b"Content-Type: application/octet-stream; name=d.bin\nContent-Transfer-Encoding: base64\n\n"


@pytest.mark.parametrize(
    ("place", "mark", "system"),
    [(0x438, b"\x53\xef\1\0\1\0", "ext"), (0x400, b"H+\0\4", "HFS+"), (0x20, b"NXSB", "APFS")],
)
def test_file_system_without_reader_is_a_gap_whatever_its_name(
    read: Callable[..., Reading], place: int, mark: bytes, system: str
) -> None:
    """An image of ext, HFS+ or APFS is never clean, though its name says nothing (B17)."""
    reading = read(_HEAD + encodebytes(bytes(place) + mark + bytes(64)))
    assert f"no reader for the file system {system}" in repr(reading)


@pytest.mark.parametrize("name", ["a/invoice.js/.", "invoice.js/./", "a\\invoice.js\\.", "invoice.js//./."])
def test_last_folder_that_is_a_dot_is_no_name(name: str) -> None:
    """A path that ends in a dot as its last folder has the name before it (B17)."""
    assert last_component(name) == "invoice.js"
