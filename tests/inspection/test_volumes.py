"""Volumes of split files (catalogue B18, B28): joined where all stand beside each other, gaps where they do not."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from sekisho_core.vocabulary import Reading

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
DATA = bytes(range(256)) * 4


def packed(*members: tuple[str, bytes]) -> bytes:
    """A ZIP of these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


HELD = packed(("evil.bin", DATA))
PARTS = [("data.001", HELD[:3]), ("DATA.002", HELD[3:500]), ("data.003", HELD[500:])]


def called(*names: str) -> list[tuple[str, bytes]]:
    """The volumes under other names."""
    return [(name, content) for name, (_, content) in zip(names, PARTS, strict=True)]


@pytest.mark.parametrize(
    "files",
    [
        PARTS,
        PARTS[::-1],
        [("a.zip", packed(*PARTS))],
        called("data.01", "data.02", "data.03"),
        called("data.0001", "data.0002", "data.0003"),
        called("data.aa", "data.ab", "data.ac"),
        called("xaa", "xab", "xac"),
    ],
)
def test_volumes_are_joined(files: list[tuple[str, bytes]], read: Read, attach: Attach) -> None:
    """Volumes beside each other in a mail or an archive are one file, in whatever order they come."""
    reading = read(attach("x", *files))
    assert [part.names for part in reading.parts if part.size == len(DATA)] == [("evil.bin",)]
    assert not reading.incomplete


@pytest.mark.parametrize(
    "files",
    [
        [PARTS[0], PARTS[2]],
        PARTS[1:],
        [("data.001", DATA)],
        [*PARTS, ("data.002", DATA)],
    ],
)
def test_missing_volumes_are_gaps(files: list[tuple[str, bytes]], read: Read, attach: Attach) -> None:
    """A volume that lacks others, or has a rival of its number, is never clean."""
    assert read(attach("x", *files)).incomplete


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("app.log.001", b"started\n"),
        ("run.365", DATA),
        ("scan.001", bytes(128) + b"DICM" + DATA),
        ("log.01", DATA),
        ("logo.ai", DATA),
    ],
)
def test_numbers_of_other_files_are_no_gap(name: str, content: bytes, read: Read, attach: Attach) -> None:
    """B51: a text with a number, and data with a high one by itself, are no volumes; nor are pictures of medicine."""
    assert not read(attach("x", (name, content))).incomplete
