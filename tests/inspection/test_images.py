"""Images of disks and discs that say less, or more, of themselves than others."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable

import pytest
from disk_writers import exfat, fat12, iso, partitioned
from ntfs_writer import attribute, ntfs
from sekisho_core.vocabulary import Reading
from sekisho_inspection.volume import written

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
FILE = b"listed file: \x00\x01\xff" * 20
FAT = fat12("a.dat", FILE)
GIF = b"GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


def is_found(reading: Reading) -> bool:
    """Whether the listed file is a part."""
    return hashlib.sha256(FILE).hexdigest() in {part.sha256 for part in reading.parts}


def gpt(volume: bytes) -> bytes:
    """A disk with a GPT of one partition, and nothing in the sector of the MBR."""
    header = (b"EFI PART\0\0\1\0".ljust(72, b"\0") + b"\2".ljust(8, b"\0") + b"\1\0\0\0\x80\0\0\0").ljust(512, b"\0")
    entry = (b"\1" * 32 + b"\3".ljust(8, b"\0")).ljust(512, b"\0")
    return bytes(512) + header + entry + volume


@pytest.mark.parametrize(
    "content",
    [
        FAT[:54] + bytes(8) + FAT[62:],
        partitioned(FAT[:54] + bytes(8) + FAT[62:]),
        gpt(FAT),
        ntfs("a.dat", attribute(0x80, FILE)),
        ntfs("a.dat", attribute(0xC0, b"\x17\0\0\x80" + bytes(20)), attribute(0x80, FILE)),
    ],
    ids=["FAT without its name", "in a partition", "GPT without an MBR", "NTFS", "NTFS that links"],
)
@pytest.mark.parametrize("name", ["a.img", "a.bin"])
def test_file_in_an_image_is_found(content: bytes, name: str, read: Read, attach: Attach) -> None:
    """B17: what systems mount is read, whatever the image says of itself and however it is called."""
    reading = read(attach("x", (name, content)))
    assert is_found(reading)
    assert not reading.incomplete


def test_file_of_ntfs_in_several_records_is_a_gap(read: Read, attach: Attach) -> None:
    """B36: what lies in another record is not read, though a stream in the first one is."""
    scattered = ntfs("a.dat", attribute(0x20, bytes(32)), attribute(0x80, FILE, "stream"))
    reading = read(attach("x", ("a.img", scattered)))
    assert is_found(reading)
    assert {gap.reason for gap in reading.incomplete} == {"unreadable"}


def test_file_that_windows_packed_is_a_gap(read: Read, attach: Attach) -> None:
    """B36: what Windows reads of it stands packed in a stream."""
    stream = attribute(0x80, b"packed", "WofCompressedData")
    reading = read(attach("x", ("a.img", ntfs("a.dat", attribute(0x80, bytes(9)), stream))))
    assert {gap.reason for gap in reading.incomplete} == {"unreadable"}


def test_bytes_that_were_never_written_are_zeros(read: Read, attach: Attach) -> None:
    """B36: what stands on the disk behind the bytes that are valid is not in the file."""
    content = FILE + b"junk of before"
    place, size = struct.pack("<Q", len(content)), struct.pack("<LLQ", 0, 3, len(content))
    image = exfat("a.dat", content)
    assert image.count(place + size) == 1
    shorter = image.replace(place + size, struct.pack("<Q", len(FILE)) + size)
    padded = hashlib.sha256(FILE + bytes(14)).hexdigest()
    assert padded in {part.sha256 for part in read(attach("x", ("a.img", shorter))).parts}


def test_extents_end_where_nothing_was_written() -> None:
    """Zeros take the place of what was not written, in one extent or in several."""
    assert written(((0, 10), (20, 10)), 30) == ((0, 10), (20, 10))
    assert written(((0, 10), (20, 10)), 15) == ((0, 10), (20, 5), (-1, 5))
    assert written(((0, 10), (20, 10)), 10) == ((0, 10), (-1, 10))
    assert written(((0, 10), (20, 10)), 0) == ((-1, 10), (-1, 10))


def test_link_of_ntfs_without_content_is_listed(read: Read, attach: Attach) -> None:
    """B35: a link that holds nothing is a name, and no gap."""
    reading = read(attach("x", ("a.img", ntfs("a.dat", attribute(0xC0, bytes(24))))))
    assert ("a.dat", "skipped") in {(part.names[0], part.state.value) for part in reading.parts if part.names}
    assert not reading.incomplete


@pytest.mark.parametrize("before", [b"", GIF])
@pytest.mark.parametrize(
    ("place", "mark"),
    [
        (0x438, b"\x53\xef\1\0\1\0"), (0x400, b"H+\0\4"), (0x400, b"BD".ljust(20, b"\0") + b"\0\0\2\0"),
        (0x200, b"PM\0\0\0\0\0\1"), (0x200, b"LABELONE"), (0x1000, b"gDla4\0\0\0"), (0x40, b"\x7f\x10\xda\xbe"),
    ],
    ids=["ext", "HFS+", "HFS", "Apple's map", "LVM", "LP", "VDI"],
)  # fmt: skip
def test_image_without_a_reader_is_a_gap(place: int, mark: bytes, before: bytes, read: Read, attach: Attach) -> None:
    """B36, B38: an image that programs know by what stands further on is never clean, whatever it begins as."""
    content = before.ljust(place, b"\0") + mark + bytes(64)
    assert {gap.reason for gap in read(attach("x", ("photo.gif", content))).incomplete} == {"unreadable"}


@pytest.mark.parametrize(
    "mark", [b":\xff&\xed\1\0", b"sprs\0", b"\x8f\xaf\xac\x84", b"ITOLITLS", b"shsq", b"\0" + b"\xff" * 10 + b"\0"]
)
def test_archive_without_a_reader_is_a_gap(mark: bytes, read: Read, attach: Attach) -> None:
    """B36: so is one that is known by its beginning."""
    assert {gap.reason for gap in read(attach("x", ("a.dat", mark + bytes(3000)))).incomplete} == {"unreadable"}


@pytest.mark.parametrize("name", ["brain.img", "run.r01", "a.bin", "a.dat"])
@pytest.mark.parametrize("content", [b"\0\1\2\xff" * 3000, bytes(5000), b"\xff" + b"\0\0\1" * 2000])
def test_data_without_a_file_system_is_no_gap(name: str, content: bytes, read: Read, attach: Attach) -> None:
    """B51: pictures of medicine and what instruments write are called like images and volumes, and are none."""
    assert not read(attach("x", (name, content))).incomplete


def test_image_that_is_called_a_volume_is_read(read: Read, attach: Attach) -> None:
    """B36: what begins as a disc is one under any name."""
    assert is_found(read(attach("x", ("a.r01", iso("a.dat", FILE)))))
