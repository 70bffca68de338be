"""Archives at their limits: bombs, budgets of passwords, damage, and what is told when a limit ends the reading."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable

import pytest
from archive_writers import RAR5, archive7, block5, cab, header7, lzh, lzma2, number5, rar5, sevenzip, streams7
from archives import ARCHIVES, NAME, lz4, packed, zstd
from disk_writers import (
    exfat_with_a_folder,
    fat12,
    iso,
    iso_of,
    logical,
    partitioned,
    vhd_dynamic,
    vhdx,
    vhdx_with_a_log,
)
from locked_archives import locked_rar5, locked_sevenzip
from sekisho_core.vocabulary import Reading
from sekisho_inspection.locks import sha256_counted
from sekisho_inspection.sevenzip_coders import deflate64
from sekisho_inspection.zip_methods import DEFLATE, STORED, Broken, unpack

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
PROGRAM = b"MZ\x90\0" + bytes(100)
ZEROS = bytes(8 << 20)


def reasons(reading: Reading) -> set[str]:
    """Every reason of incompleteness."""
    return {gap.reason for gap in reading.incomplete}


def names(reading: Reading) -> set[str]:
    """The names of everything inside the attachment."""
    return {name for part in reading.parts if part.id.startswith("2.") for name in part.names}


def sparse_tar(size: int) -> bytes:
    """A tar with a member of so many bytes of which none is stored (GNU, type S)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("sparse"))
    head = bytearray(file.getvalue()[:512])
    head[124:136], head[156:157] = b"00000000000\0", b"S"
    head[386:410], head[483:495] = (
        b"%011o\0" % (size - 0) + b"00000000000\0",
        b"\x80" + struct.pack(">Q", size).rjust(11, b"\0"),
    )
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(1024)


BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "7z": ("a.7z", lambda: sevenzip(NAME, ZEROS, "lzma2")),
    "7z, its header": ("a.7z", lambda: sevenzip(NAME, ZEROS, "lzma2", packed_header=True)),
    "CAB": ("a.cab", lambda: _cab_of_blocks(2000)),
    "xz": ("a.xz", lambda: lzma.compress(ZEROS)),
    "lzma": ("a.lzma", lambda: lzma.compress(ZEROS, lzma.FORMAT_ALONE)),
    "bzip2": ("a.bz2", lambda: bz2.compress(ZEROS)),
    "gzip": ("a.gz", lambda: gzip.compress(ZEROS, mtime=0)),
    "zstd": ("a.zst", lambda: _zstd_run(64)),
    "gzip in gzip": ("a.gz", lambda: gzip.compress(gzip.compress(ZEROS * 8, mtime=0), mtime=0)),
    "sparse tar of 10 GB": ("a.tar", lambda: sparse_tar(10 << 30)),
    "LZH with a stated size of 4 GB": ("a.lzh", lambda: _resized(lzh(NAME, b"x", 0, b"-lh5-"), 11)),
}


def _cab_of_blocks(count: int) -> bytes:
    """A cabinet whose one folder has many blocks that unpack to 32 KiB each."""
    block = b"CK" + zlib.compress(bytes(32768), wbits=-15)
    data = struct.pack("<LHH", 0, len(block), 32768) + block
    head = cab(NAME, bytes(32768), 1)[: -len(data)]
    head = head[:40] + struct.pack("<H", count) + head[42:44] + struct.pack("<L", count * 32768) + head[48:]
    return head + data * count


def _zstd_run(blocks: int) -> bytes:
    """A frame of blocks that repeat one byte 128 KiB long."""
    block = struct.pack("<L", (128 << 10) << 3 | 1 << 1)[:3] + b"\0"
    last = struct.pack("<L", (128 << 10) << 3 | 1 << 1 | 1)[:3] + b"\0"
    return b"\x28\xb5\x2f\xfd\0\x38" + block * (blocks - 1) + last


def _resized(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at : at + 4] = b"\xff\xff\xff\xff"
    changed[1] = sum(changed[2 : 2 + changed[0]]) & 0xFF
    return bytes(changed)


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_ends_at_a_limit(name: str, read: Read, attach: Attach) -> None:
    """B34: what unpacks to more than ratio or room allow is a gap that says so."""
    file, make = BOMBS[name]
    assert reasons(read(attach("x", (file, make())))) == {"limit"}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("a.zip", packed(ZEROS[: 1 << 20])),
        ("a.7z", sevenzip(NAME, ZEROS[: 1 << 20], "lzma2")),
        ("a.xz", lzma.compress(ZEROS[: 1 << 20])),
        ("a.bz2", bz2.compress(ZEROS[: 1 << 20])),
        ("a.gz", gzip.compress(ZEROS[: 1 << 20], mtime=0)),
        ("a.rar", rar5(NAME, ZEROS[: 1 << 20])),
        ("a.lz4", lz4(ZEROS[: 1 << 20])),
        ("a.zst", zstd(ZEROS[: 1 << 20])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_limit_is_exact(file: str, content: bytes, read: Read, attach: Attach) -> None:
    """B53: as many unpacked bytes as the limit are read; one more is a limit."""
    mail = attach("x", (file, content))
    assert not reasons(read(mail, max_unpacked_bytes=1 << 20))
    assert reasons(read(mail, max_unpacked_bytes=(1 << 20) - 1)) == {"limit"}


def test_beginning_of_a_long_stream_is_read(read: Read, attach: Attach) -> None:
    """What a stream holds up to the limit is a part still: it tells what the stream is."""
    content = lzma.compress(b"%PDF-1.4\n" + bytes(8 << 20))
    part = next(part for part in read(attach("x", ("a.pdf.xz", content))).parts if part.id == "2.1")
    assert (part.type, part.names) == ("application/pdf", ("a.pdf",))


@pytest.mark.parametrize("name", ["a.zip", "a.7z", "a.rar", "a.tar", "a.cab", "a.lzh"])
def test_archive_in_itself_ends(name: str, read: Read, attach: Attach) -> None:
    """B34: archives in archives end at the limit of depth."""
    makers: dict[str, Callable[[bytes], bytes]] = {
        "a.zip": lambda inner: packed(inner, "a.zip"),
        "a.7z": lambda inner: sevenzip("a.7z", inner),
        "a.rar": lambda inner: rar5("a.rar", inner),
        "a.tar": lambda inner: _tar(inner),
        "a.cab": lambda inner: cab("a.cab", inner, 0),
        "a.lzh": lambda inner: lzh("a.lzh", inner, 2),
    }
    content = b"core"
    for _ in range(22):
        content = makers[name](content)
    assert reasons(read(attach("x", (name, content)))) == {"limit"}


def _tar(content: bytes) -> bytes:
    head = bytearray(512)
    head[:5], head[100:108], head[124:136], head[156:157] = b"a.tar", b"0000644\0", b"%011o\0" % len(content), b"0"
    head[257:265], head[148:156] = b"ustar\x0000", b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + content + bytes(-len(content) % 512) + bytes(1024)


def test_names_stand_when_the_content_does_not_unpack(read: Read, attach: Attach) -> None:
    """A damaged folder of a 7z and a damaged member of a RAR are listed by their names."""
    content = lzma2(PROGRAM)
    broken = archive7(
        b"\x01" + content[1:-4] + b"\xff\xff\xff\xff",
        header7(NAME, streams7(PROGRAM * 9, content, b"\x01\x21\x21\x01\x08")),
    )
    reading = read(attach("x", ("a.7z", broken)))
    assert (names(reading), reasons(reading)) == ({NAME}, {"unreadable"})
    member = number5(2) + number5(2) + number5(8) + number5(4) + number5(99) + number5(0) + bytes(4)
    member += number5(3 << 7) + number5(0) + number5(len(NAME.encode())) + NAME.encode()
    reading = read(attach("x", ("a.rar", RAR5 + block5(bytes([1, 0, 0])) + block5(member, b"\xff" * 8))))
    assert (names(reading), reasons(reading)) == ({NAME}, {"unreadable"})


@pytest.mark.parametrize(
    "make",
    [
        lambda: rar5(NAME, PROGRAM),
        lambda: sevenzip(NAME, PROGRAM),
        lambda: cab(NAME, PROGRAM, 1),
        lambda: lzh(NAME, PROGRAM, 2),
        lambda: packed(PROGRAM),
    ],
)
def test_truncated_archive_is_a_gap(make: Callable[[], bytes], read: Read, attach: Attach) -> None:
    """Cut anywhere behind its first bytes, an archive is never read as if it were whole."""
    content = make()
    for end in range(16, len(content) - 30, 7):
        assert reasons(read(attach("x", ("a.rar", content[:end])))), end


def test_passwords_are_budgeted(read: Read, attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    """B37: a key that takes too long to make is not made, and many locks end at the mail's budget."""
    monkeypatch.setattr("sekisho_inspection.notes._MAX_ROUNDS", 100_000)
    slow = locked_rar5("right", NAME, PROGRAM).replace(b"\x01\0\x01\x04", b"\x01\0\x01\x1f")
    assert "locked" in reasons(read(attach("パスワード：right", ("a.rar", slow))))
    dear = locked_sevenzip("right", NAME, PROGRAM).replace(b"\x12\x46\x0f", b"\x12\x50\x0f")
    text = "\n".join(f"パスワード：wrong{number}" for number in range(20))
    assert {"locked", "limit"} <= reasons(read(attach(text, ("a.7z", dear))))


@pytest.mark.parametrize("power", [0, 1, 8, 9, 16, 17])
@pytest.mark.parametrize("salt", [b"", b"salt"])
def test_key_of_7z_is_that_of_the_loop(power: int, salt: bytes) -> None:
    """The key that is made of whole blocks is the one of the plain loop (7zAes.cpp)."""
    state = hashlib.sha256()
    for count in range(1 << power):
        state.update(salt + "語".encode("utf-16-le") + struct.pack("<Q", count))
    assert sha256_counted("語", salt, power) == state.digest()


def test_deflate64() -> None:
    """A Deflate64 stream is unpacked; its longest matches are what tells it from deflate. Noise is an error."""
    matches = zlib.compressobj(wbits=-15, strategy=zlib.Z_HUFFMAN_ONLY)
    stream = matches.compress(b"hello " * 200) + matches.flush()
    assert deflate64(stream, 1200) == b"hello " * 200
    with pytest.raises(ValueError, match="decompressing"):
        deflate64(b"\xff" * 100, 1000)


@pytest.mark.parametrize("method", [DEFLATE, STORED])
def test_unpacked_bytes_are_bounded(method: int) -> None:
    """A method gives no more than one byte beyond what is asked for."""
    data = zlib.compress(bytes(5000), wbits=-15) if method == DEFLATE else bytes(5000)
    assert unpack(data, method, 5000, 5000)[0] == bytes(5000)
    assert len(unpack(data, method, 5000, 100)[0]) == 101
    with pytest.raises(Broken):
        unpack(b"\xff\xff", DEFLATE, 1, 1)


@pytest.mark.parametrize(
    ("name", "of_text"),
    [("a.7z.002", True), ("a.zip.03", True), ("a.rar.003", True), ("a.z01", False)],
)
def test_further_volume_is_a_gap(name: str, of_text: bool, read: Read, attach: Attach) -> None:
    """B36: what is named as a later volume of an archive is no clean file, whatever its bytes are; texts have the short
    endings as well."""
    assert reasons(read(attach("x", (name, b"\0\1\2\xff" * 20)))) == {"unreadable"}
    assert bool(reasons(read(attach("x", (name, b"just a text of mine"))))) == of_text


def test_tars_that_programs_read_differently_are_said(read: Read, attach: Attach) -> None:
    """B36: members behind the end of a tar, and a member that states two sizes, are ambiguous."""
    for case in ("B36 tar behind the end of a tar", "B36 tar that states two sizes"):
        file, maker = ARCHIVES[case]
        assert reasons(read(attach("x", (file, maker(PROGRAM))))) == {"ambiguous"}


def test_unknown_volume_is_a_gap(read: Read, attach: Attach) -> None:
    """B36: a volume that nothing reads is said, beside what is read of the others."""
    file, maker = ARCHIVES["B36 FAT behind an unknown volume"]
    reading = read(attach("x", (file, maker(PROGRAM))))
    assert (NAME in names(reading), reasons(reading)) == (True, {"unreadable"})


@pytest.mark.parametrize("mark", [b"DGCA", b"GCAX", b"yz01", b"MSWIM\0\0\0", b"LRZI\0", b"StuffIt (c)1997-", b"RE~^"])
def test_container_that_nothing_opens_is_a_gap(mark: bytes, read: Read, attach: Attach) -> None:
    """B36: a container without a reader is never clean, whatever its name is."""
    assert reasons(read(attach("x", ("photo.dat", mark + bytes(100))))) == {"unreadable"}


DISK = partitioned(fat12(NAME, PROGRAM))


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("a.vhdx", vhdx(DISK), ""),
        ("a.vhdx", vhdx(DISK).replace(b"regi", b"RegI", 1), "ambiguous"),
        ("a.vhdx", vhdx(DISK).replace(b"\2\0\0\0\0\0\0\0f", b"\2\0\0\0\1\0\0\0f"), "ambiguous"),
        ("a.vhdx", vhdx_with_a_log(DISK), "unreadable"),
        ("a.vhd", vhd_dynamic(DISK)[:-1] + b"\1", "ambiguous"),
        ("a.img", exfat_with_a_folder((16 << 20) + 512), "unreadable"),
        ("a.img", logical([fat12("a.txt", b"a")] * 130), "unreadable"),
    ],
    ids=["sound", "one table", "damaged tables", "log", "footers", "folder", "partitions"],
)
def test_disk_that_programs_read_differently_is_said(
    file: str, content: bytes, reason: str, read: Read, attach: Attach
) -> None:
    """B36: copies that differ, a log that is to be written first, more partitions or a longer folder than are read
    are gaps."""
    assert reason in (reasons(read(attach("x", (file, content)))) or {""})


def test_version_of_a_name_is_digits(read: Read, attach: Attach) -> None:
    """B36: what stands behind a semicolon of a name on a disc belongs to it, but for the version at its end."""
    reading = read(attach("x", ("a.iso", iso("a.txt", b"text").replace(b"FILE.EXE;1", b"F.TXT;1.JS"))))
    assert {"F.TXT;1.JS", "a.txt"} <= names(reading)
    assert "archived-executable" in {item.kind for item in reading.findings}


def test_name_that_is_run_is_kept_of_many(read: Read, attach: Attach) -> None:
    """B36: of a file with more names than are kept the one that a system would run is kept, and the rest is a limit."""
    records = [(b"%03d.TXT;1" % number, 22, 4, 0) for number in range(150)]
    reading = read(attach("x", ("a.iso", iso_of([*records, (b"A.JS;1", 22, 4, 0)], b"text"))))
    assert ("A.JS" in names(reading), reasons(reading)) == (True, {"limit"})
    assert not reasons(read(attach("x", ("a.iso", iso_of(records[:90], b"text")))))


def test_descriptors_without_end_are_a_gap(read: Read, attach: Attach) -> None:
    """B36: a disc with more descriptors than are read is not read whole."""
    assert reasons(read(attach("x", ("a.iso", iso("a.txt", b"text", between=300))))) == {"unreadable"}
