"""Members of archives that programs unpack although their headers speak against it."""

from __future__ import annotations

import hashlib
import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable

import pytest
from archive_writers import (
    END4,
    END5,
    LZMA2_CODER,
    RAR4,
    RAR5,
    archive7,
    block5,
    file4,
    file5,
    header4,
    header7,
    lzh,
    lzma2,
    number5,
    sevenzip,
    streams7,
)
from archives import NAME, packed
from locked_archives import classic_zip
from sekisho_core.vocabulary import Reading

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
FILE = b"listed file: \x00\x01\xff" * 20
GIF = b"GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


def is_found(reading: Reading) -> bool:
    """Whether the listed file is a part."""
    return hashlib.sha256(FILE).hexdigest() in {part.sha256 for part in reading.parts}


def new_cpio(*members: tuple[str, int, bytes]) -> bytes:
    """A cpio ("newc") of names, numbers of inodes and contents; each file has two names."""
    out = b""
    for name, inode, content in (*members, ("TRAILER!!!", 0, b"")):
        raw = name.encode() + b"\0"
        facts = [inode, 0o100644, 0, 0, 2, 0, len(content), 0, 0, 0, 0, len(raw), 0]
        head = b"070701" + b"".join(b"%08X" % fact for fact in facts) + raw
        out += head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)
    return out


def test_file_with_two_names_in_a_cpio(read: Read, attach: Attach) -> None:
    """B36: the bytes of a file with several names stand at the last of them, and are read there."""
    reading = read(attach("x", ("a.cpio", new_cpio(("a.txt", 7, b""), ("b.exe", 7, FILE)))))
    assert is_found(reading)
    assert {"a.txt", "b.exe"} <= {name for part in reading.parts for name in part.names}


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_device_with_data_in_a_tar(kind: bytes, read: Read, attach: Attach) -> None:
    """B36: a device that states a size is a file to some programs, which is said; one without is nothing."""
    for size, expected in ((len(FILE), True), (0, False)):
        head = tarfile.TarInfo("a.exe")
        head.type, head.size = kind, size
        content = head.tobuf(tarfile.GNU_FORMAT) + FILE.ljust(512, b"\0") * bool(size) + bytes(1024)
        reading = read(attach("x", ("a.tar", content)))
        assert ("ambiguous" in {gap.reason for gap in reading.incomplete}) == expected


def old_tar(name: str, content: bytes) -> bytes:
    """A member of a tar of version 7, which has no mark, with a sum of signed bytes."""
    head = bytearray(tarfile.TarInfo(name).tobuf(tarfile.USTAR_FORMAT))
    head[124:136] = b"%011o\0" % len(content)
    head[257:] = bytes(255)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(byte - 0x100 * (byte > 0x7F) for byte in head)
    return bytes(head) + content + bytes(-len(content) % 512)


def test_sum_of_signed_bytes_in_a_tar(read: Read, attach: Attach) -> None:
    """B36: a tar of old systems is one, whatever it is called."""
    assert is_found(read(attach("x", ("a.bin", old_tar("é.dat", FILE) + bytes(1024)))))


def test_junk_between_members_of_a_tar_is_said(read: Read, attach: Attach) -> None:
    """B36: programs read on behind what is no header."""
    content = old_tar("a.txt", b"text") + b"j" * 512 + old_tar("é.dat", FILE) + bytes(1024)
    assert {gap.reason for gap in read(attach("x", ("a.tar", content))).incomplete} == {"malformed"}


def without_content(kind: bytes, name: str) -> bytes:
    """A tar of a member that has a type and a name alone."""
    head = tarfile.TarInfo(name)
    head.type, head.linkname = kind, "a.txt"
    return head.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def rar5_link(name: str) -> bytes:
    """A RAR 5 of a hard link to a.txt."""
    record = number5(5) + number5(4) + number5(0) + number5(5) + b"a.txt"
    return RAR5 + block5(bytes([1, 0, 0])) + file5(name, b"", b"", number5(len(record)) + record) + END5


def test_name_of_a_program_without_content(read: Read, attach: Attach) -> None:
    """B17, B36: a link or a locked member that a system would run by its name is a program, as one with content is."""
    link, symbolic = tarfile.LNKTYPE, tarfile.SYMTYPE
    cases = {
        "a.tar": [without_content(link, "a/invoice.js"), without_content(symbolic, "invoice.exe")],
        "a.rar": [rar5_link("invoice.js")],
        "a.zip": [classic_zip(b"unknown", "invoice.exe", FILE)],
    }
    for file, contents in cases.items():
        for content in contents:
            found = {(one.kind, one.where) for one in read(attach("x", (file, content))).findings}
            assert ("archived-executable", "part:2.1") in found


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("a.tar", without_content(tarfile.SYMTYPE, "www.example.com")),
        ("a.tar", without_content(tarfile.LNKTYPE, "b.txt")),
        ("a.tar", without_content(tarfile.DIRTYPE, "chart.js")),
        ("a.rar", rar5_link("b.txt")),
        ("a.zip", classic_zip(b"unknown", "invoice.doc", FILE)),
    ],
)
def test_name_of_no_program_without_content(file: str, content: bytes, read: Read, attach: Attach) -> None:
    """B51: folders, links to documents and locked documents are no programs."""
    assert "archived-executable" not in {one.kind for one in read(attach("x", (file, content))).findings}


def packed5(version: int, checked: bool) -> bytes:
    """A RAR 5 of a member that is said to be packed by a version of the algorithm, with a checksum or without."""
    told = number5(2) + number5(2) + number5(len(FILE)) + number5(4 * checked) + number5(len(FILE)) + number5(0x20)
    told += b"\1\2\3\4" * checked + number5(0x80 | version) + number5(0) + number5(5) + b"a.exe"
    return RAR5 + block5(bytes([1, 0, 0])) + block5(told, FILE) + END5


@pytest.mark.parametrize("checked", [True, False])
def test_rar_7_is_a_gap(checked: bool, read: Read, attach: Attach) -> None:
    """B36: a member packed by RAR 7 is not unpacked to what the library makes of it, with a checksum or without."""
    reading = read(attach("x", ("a.rar", packed5(1, checked))))
    assert ("unreadable", "a member packed by RAR 7") in {(gap.reason, gap.detail) for gap in reading.incomplete}
    assert [(part.names, part.state.value) for part in reading.parts][2:] == [(("a.exe",), "unreadable")]


@pytest.mark.parametrize("version", [15, 20, 26])
def test_early_rar_is_a_gap(version: int, read: Read, attach: Attach) -> None:
    """B36: a member packed before RAR 2.9 does not unpack to its checksum, and is a gap."""
    block = file4("a.dat", FILE, FILE)
    packed = block[:24] + bytes([version, 0x33]) + block[26:]
    checked = (zlib.crc32(packed[2:]) & 0xFFFF).to_bytes(2, "little") + packed[2:]
    content = RAR4 + header4(0x73, 0, bytes(6)) + checked + FILE + END4
    assert "unreadable" in {gap.reason for gap in read(attach("x", ("a.rar", content))).incomplete}


@pytest.mark.parametrize("method", [0x0A, 0x0B, 0x020304], ids=["ARM64", "RISC-V", "Swap4"])
def test_filter_of_7z_without_a_reader_is_a_gap(method: int, read: Read, attach: Attach) -> None:
    """B36: files behind a filter that nothing here turns back are a gap, and their names are listed."""
    name = method.to_bytes(3 if method > 0xFF else 1, "big")
    coders = b"\x02" + bytes([len(name)]) + name + LZMA2_CODER + b"\0\x01"
    header = header7("a.dat", streams7(FILE, lzma2(FILE), coders, 2))
    reading = read(attach("x", ("a.7z", archive7(lzma2(FILE), header))))
    assert {gap.reason for gap in reading.incomplete} == {"unreadable"}
    assert any("a.dat" in part.names for part in reading.parts)


def test_filter_of_xz_without_a_reader_is_a_gap(read: Read, attach: Attach) -> None:
    """B36: so is a stream of xz behind a filter that the library does not know."""
    packed = bytearray(lzma.compress(FILE, filters=[{"id": lzma.FILTER_ARM}, {"id": lzma.FILTER_LZMA2}]))
    packed[14] = 0x3E
    end = 12 + 4 * packed[12]
    packed[end : end + 4] = zlib.crc32(packed[12:end]).to_bytes(4, "little")
    reading = read(attach("x", ("a.xz", bytes(packed))))
    assert {gap.reason for gap in reading.incomplete} == {"unreadable"}


def test_tar_of_nothing_is_no_gap(read: Read, attach: Attach) -> None:
    """B51: what tar makes of no files is zeros alone."""
    assert not read(attach("x", ("a.tar", bytes(10240)))).incomplete


def test_stored_member_of_an_lzh_that_is_longer_than_it_says(read: Read, attach: Attach) -> None:
    """B36: it is read up to its size and up to its end."""
    longer = FILE + b"and more"
    content = bytearray(lzh(NAME, longer, 0))
    content[11:15] = len(FILE).to_bytes(4, "little")
    content[1] = sum(content[2 : 2 + content[0]]) & 0xFF
    reading = read(attach("x", ("a.lzh", bytes(content))))
    assert is_found(reading)
    assert hashlib.sha256(longer).hexdigest() in {part.sha256 for part in reading.parts}


def test_archive_behind_many_false_marks(read: Read, attach: Attach) -> None:
    """B38: marks that begin no archive hide none behind them, and more than are looked at are a limit."""
    mark = b"7z\xbc\xaf\x27\x1c"
    assert is_found(read(attach("x", ("a.gif", GIF + mark * 300 + sevenzip(NAME, FILE)))))
    reading = read(attach("x", ("a.gif", GIF + mark * 5000 + sevenzip(NAME, FILE))))
    assert {gap.reason for gap in reading.incomplete} == {"limit"}


def test_zip_before_much_junk(read: Read, attach: Attach) -> None:
    """B32, B38: a ZIP in a picture is found whatever stands behind it."""
    assert is_found(read(attach("x", ("a.gif", GIF + packed(FILE) + bytes(300_000)))))


def lzma_of(**properties: int) -> bytes:
    """The file packed by LZMA with these properties."""
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 4096, **properties}]
    return lzma.compress(FILE, lzma.FORMAT_ALONE, filters=filters)


@pytest.mark.parametrize("content", [lzma_of(), lzma_of(lc=2), lzma_of(lc=0, lp=4, pb=0)])
def test_lzma_of_other_properties(content: bytes, read: Read, attach: Attach) -> None:
    """B36: it is read whatever its name is."""
    reading = read(attach("x", ("a.bin", content)))
    assert is_found(reading)
    assert not reading.incomplete


def test_lzma_that_the_library_does_not_read(read: Read, attach: Attach) -> None:
    """B36: more bits than the library takes are a gap."""
    reading = read(attach("x", ("a.bin", b"\x08" + lzma_of()[1:])))
    assert {gap.reason for gap in reading.incomplete} == {"unreadable"}


@pytest.mark.parametrize("shape", ["<8L", ">8L", "<8H"])
def test_numbers_that_look_like_lzma(shape: str, read: Read, attach: Attach) -> None:
    """B51: other data that begins with small numbers is no gap."""
    for first in (1, 2, 5, 16, 0x182A):
        content = struct.pack(shape, first, 1, 16, 0, 1, 2, 3, 4) + bytes(range(256)) * 20
        assert not read(attach("x", ("a.bin", content))).incomplete
    index = bytes.fromhex("2a180000000020000000") + b"\x1a".ljust(13, b"\0") + bytes(range(100))
    assert not read(attach("x", ("a.bin", index))).incomplete
