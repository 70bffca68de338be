"""Archives around any file, made by hand: formats, disguises, locks, polyglots (catalogue B28 to B38).

Each entry of `ARCHIVES` makes an attachment's name and bytes of a file. `LISTED` are those of which only names can be
told, `LOCKED` those that the password in the mail opens. Run as a program it writes the case files of
tests/corpus/archives.
"""

from __future__ import annotations

import base64
import bz2
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from archive_writers import ar, cab, cpio, gzipped, lzh, rar4, rar5, sevenzip
from disk_writers import (
    exfat,
    fat12,
    iso,
    logical,
    partitioned,
    two_folders,
    two_volumes,
    udf,
    vhd_dynamic,
    vhd_fixed,
    vhdx,
    volume_and_partition,
)
from locked_archives import aes_zip, classic_zip, locked_rar4, locked_rar5, locked_sevenzip

Maker = Callable[[bytes], bytes]
NAME = "見積書.exe"
OUTSIDE = "../../$(reboot)/" + NAME
PASSWORD = "Kx7mQ2pA"
TEXT = f"パスワード：{PASSWORD}"
ARCHIVES: dict[str, tuple[str, Maker]] = {}
LISTED: dict[str, tuple[str, Maker]] = {}
LOCKED: dict[str, tuple[str, Maker]] = {}

_CENTRAL, _LOCAL, _END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
GIF = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
_PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\n"
_PDF += b"endobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
_STUB = b"MZ\x90\0" + bytes(60) + b"This program cannot be run in DOS mode.\r\n$" + bytes(400)


def packed(content: bytes, name: str = NAME, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A sound ZIP of the file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2024, 4, 1, 9, 0, 0)), content, method)
    return file.getvalue()


def tar(content: bytes, name: str = NAME, shape: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar of the file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=shape) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _changed(data: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """The bytes with some of them replaced, counted from the last place of a mark."""
    at = data.rfind(mark) + offset
    return data[:at] + value + data[at + len(value) :]


def _both(data: bytes, local: int, central: int, value: bytes) -> bytes:
    return _changed(_changed(data, _LOCAL, local, value), _CENTRAL, central, value)


def _zip64(content: bytes) -> bytes:
    """A ZIP with the records of ZIP64 and full fields in the old ones."""
    data = packed(content)
    end = data.rfind(_END)
    count, size, start = struct.unpack_from("<HLL", data, end + 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    old = struct.pack("<4s4H2LH", _END, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:end] + record + locator + old


def _zip64_elsewhere(content: bytes) -> bytes:
    """Its locator points to an end record that lists another file."""
    data, decoy = _zip64(content), packed(b"nothing", "a.txt")
    at = data.rfind(b"PK\x06\x07")
    return decoy + data[: at + 8] + struct.pack("<Q", 0) + data[at + 16 :]


def _overlapping(content: bytes) -> bytes:
    """Two entries of the directory that share a local header."""
    data = packed(content)
    at, end = data.rfind(_CENTRAL), data.rfind(_END)
    entry = data[at:end]
    tail = struct.pack("<4s4H2LH", _END, 0, 0, 2, 2, 2 * len(entry), at, 0)
    return data[:end] + entry + tail


def _hidden_name(content: bytes) -> bytes:
    """A member whose directory entry and local header have names of the same length and different ends."""
    return _changed(packed(content, "report.exe"), _CENTRAL, 46, b"report.txt")


def _streamed(content: bytes) -> bytes:
    """Sizes and checksum behind the data, as programs write that cannot go back."""
    body = zlib.compress(content, wbits=-15)
    name, crc = NAME.encode(), zlib.crc32(content)
    local = struct.pack("<4s5H3L2H", _LOCAL, 20, 0x808, 8, 0, 0, 0, 0, 0, len(name), 0) + name + body
    local += struct.pack("<4s3L", b"PK\x07\x08", crc, len(body), len(content))
    facts = (20, 20, 0x808, 8, 0, 0, crc, len(body), len(content), len(name), 0, 0, 0, 0, 0, 0)
    central = struct.pack("<4s6H3L5H2L", _CENTRAL, *facts) + name
    return local + central + struct.pack("<4s4H2LH", _END, 0, 0, 1, 1, len(central), len(local), 0)


def _unicode_name(content: bytes) -> bytes:
    """The true name in the field for Unicode alone."""
    name, true = b"readme.txt", NAME.encode()
    extra = struct.pack("<HHBL", 0x7075, 5 + len(true), 1, zlib.crc32(name)) + true
    body, crc = zlib.compress(content, wbits=-15), zlib.crc32(content)
    facts = struct.pack("<5H3L2H", 20, 0, 8, 0, 0, crc, len(body), len(content), len(name), len(extra))
    local = _LOCAL + facts + name + extra + body
    central = _CENTRAL + b"\x14\0" + facts + struct.pack("<3H2L", 0, 0, 0, 0, 0) + name + extra
    return local + central + struct.pack("<4s4H2LH", _END, 0, 0, 1, 1, len(central), len(local), 0)


_ZIPS: dict[str, Maker] = {
    "B28 two in a row, the file first": lambda content: packed(content) + packed(b"nothing", "a.txt"),
    "B28 two in a row, the file last": lambda content: packed(b"nothing", "a.txt") + packed(content),
    "B28 three in a row": lambda content: packed(b"a", "a.txt") + packed(content) + packed(b"b", "b.txt"),
    "B29 no entries stated": lambda content: _changed(packed(content), _END, 8, bytes(4)),
    "B29 no entries and no directory stated": lambda content: _changed(packed(content), _END, 8, bytes(12)),
    "B29 one entry too many stated": lambda content: _changed(packed(content), _END, 8, b"\2\0\2\0"),
    "B30 said to be locked by both headers": lambda content: _both(packed(content), 6, 8, b"\1"),
    "B30 said to be locked by the directory": lambda content: _changed(packed(content), _CENTRAL, 8, b"\1"),
    "B30 said to be locked by the local header": lambda content: _changed(packed(content), _LOCAL, 6, b"\1"),
    "B31 said to be stored by both headers": lambda content: _both(packed(content), 8, 10, bytes(2)),
    "B31 said to be stored by the directory": lambda content: _changed(packed(content), _CENTRAL, 10, bytes(2)),
    "B31 said to be stored by the local header": lambda content: _changed(packed(content), _LOCAL, 8, bytes(2)),
    "B31 said to be deflated": lambda content: _both(packed(content, method=0), 8, 10, b"\x08\0"),
    "B31 said to be of a method of no program": lambda content: _both(packed(content), 8, 10, b"\x63\x01"),
    "B31 stored with a false checksum": lambda content: _both(
        _both(packed(content), 8, 10, bytes(2)), 14, 16, b"\1\2\3\4"
    ),
    "B32 other name in the directory": _hidden_name,
    "B32 size 0 in the directory": lambda content: _changed(packed(content), _CENTRAL, 24, bytes(4)),
    "B32 packed size 0 in the directory": lambda content: _changed(packed(content), _CENTRAL, 20, bytes(4)),
    "B32 false checksum in the directory": lambda content: _changed(packed(content), _CENTRAL, 16, b"\1\2\3\4"),
    "B32 false checksum in both headers": lambda content: _both(packed(content), 14, 16, b"\1\2\3\4"),
    "B32 no directory": lambda content: packed(content)[: packed(content).rfind(_CENTRAL)],
    "B32 no end of the directory": lambda content: packed(content)[: packed(content).rfind(_END)],
    "B32 junk before": lambda content: b"\xee" * 70_000 + packed(content),
    "B32 junk behind": lambda content: packed(content) + b"\xee" * 70_000,
    "B32 an empty end record behind": lambda content: packed(content) + _END + bytes(18),
    "B32 junk between directory and end": lambda content: packed(content).replace(_END, b"\xee" * 9 + _END),
    "B32 version 99": lambda content: _both(packed(content), 4, 6, b"\x63\0"),
    "B32 volume of several": lambda content: _changed(packed(content), _END, 4, b"\1\0"),
    "B32 folder by its name": lambda content: packed(content, "folder/"),
    "B33 ZIP64": _zip64,
    "B33 ZIP64 locator that points elsewhere": _zip64_elsewhere,
    "B33 ZIP64 records that disagree": lambda content: _changed(_zip64(content), b"PK\x06\x06", 24, bytes(16)),
    "B34 overlapping members": _overlapping,
    "B36 sizes behind the data": _streamed,
    "B36 bzip2": lambda content: packed(content, method=zipfile.ZIP_BZIP2),
    "B36 lzma": lambda content: packed(content, method=zipfile.ZIP_LZMA),
    "B36 stored": lambda content: packed(content, method=zipfile.ZIP_STORED),
    "B36 name in the field for Unicode": _unicode_name,
    "B36 in a ZIP in a ZIP": lambda content: packed(packed(packed(content), "b.zip"), "a.zip"),
}
_OTHERS: dict[str, tuple[str, Maker]] = {
    "B35 ZIP that leads outside": ("a.zip", lambda content: packed(content, OUTSIDE)),
    "B35 tar that leads outside": ("a.tar", lambda content: tar(content, OUTSIDE)),
    "B35 7z that leads outside": ("a.7z", lambda content: sevenzip(OUTSIDE, content)),
    "B35 RAR that leads outside": ("a.rar", lambda content: rar5(OUTSIDE, content)),
    "B35 LZH that leads outside": ("a.lzh", lambda content: lzh(OUTSIDE, content, 2)),
    "B35 CAB that leads outside": ("a.cab", lambda content: cab(OUTSIDE.replace("/", "\\"), content, 1)),
    "B35 cpio that leads outside": ("a.cpio", lambda content: cpio("/etc/cron.d/" + NAME, content)),
    "B35 tar behind a link": ("a.tar", lambda content: linked(content)),
    "B36 7z copied": ("a.7z", lambda content: sevenzip(NAME, content)),
    "B36 7z LZMA2": ("a.7z", lambda content: sevenzip(NAME, content, "lzma2")),
    "B36 7z with a packed header": ("a.7z", lambda content: sevenzip(NAME, content, "lzma2", packed_header=True)),
    "B36 7z with a filter for programs": ("a.7z", lambda content: sevenzip(NAME, content, "bcj")),
    "B36 RAR 4": ("a.rar", lambda content: rar4(NAME, content)),
    "B36 RAR 5": ("a.rar", lambda content: rar5(NAME, content)),
    "B36 CAB stored": ("a.cab", lambda content: cab(NAME, content, 0)),
    "B36 CAB MSZIP": ("a.cab", lambda content: cab(NAME, content, 1)),
    "B36 tar": ("a.tar", tar),
    "B36 tar of POSIX": ("a.tar", lambda content: tar(content, shape=tarfile.PAX_FORMAT)),
    "B36 tar without a mark": ("a.tar", lambda content: _unmarked(tar(content, "a.exe"))),
    "B36 tar with a file of an unknown type": ("a.tar", lambda content: _retyped(tar(content), b"Z")),
    "B36 tar with a long name and a size of its own": ("a.tar", lambda content: tar(content, "x" * 150 + "/" + NAME)),
    "B36 tar behind the end of a tar": ("a.tar", lambda content: tar(b"nothing", "a.txt") + tar(content)),
    "B36 tar that states two sizes": ("a.tar", lambda content: _two_sizes(content)),
    "B36 tar gzip": ("a.tgz", lambda content: gzipped(tar(content))),
    "B36 tar bzip2": ("a.tar.bz2", lambda content: bz2.compress(tar(content))),
    "B36 tar xz": ("a.tar.xz", lambda content: lzma.compress(tar(content))),
    "B36 tar lzma": ("a.tar.lzma", lambda content: lzma.compress(tar(content), lzma.FORMAT_ALONE)),
    "B36 tar zstd": ("a.tar.zst", lambda content: zstd(tar(content))),
    "B36 tar lz4": ("a.tar.lz4", lambda content: lz4(tar(content))),
    "B36 tar lzip": ("a.tar.lz", lambda content: lzip(tar(content))),
    "B36 gzip in xz in bzip2": (
        "a.bin", lambda content: bz2.compress(lzma.compress(gzipped(packed(content))))
    ),
    "B36 bzip2 of two streams": ("a.bz2", lambda content: bz2.compress(content[:9]) + bz2.compress(content[9:])),
    "B36 xz of two streams": (
        "a.xz", lambda content: lzma.compress(content[:9]) + bytes(8) + lzma.compress(content[9:])
    ),
    "B36 zstd of two frames": ("a.zst", lambda content: zstd(content[:9]) + zstd(content[9:])),
    "B36 zstd behind a skipped frame": ("a", lambda content: b"\x50\x2a\x4d\x18\4\0\0\0junk" + zstd(content)),
    "B36 cpio": ("a.cpio", lambda content: cpio(NAME, content)),
    "B36 ar": ("a.deb", lambda content: ar("a.exe", content)),
    "B36 ISO 9660": ("a.iso", lambda content: iso(NAME, content)),
    "B36 ISO 9660 with two trees": ("a.iso", lambda content: iso(NAME, content, decoy=b"harmless")),
    "B36 ISO 9660 with two folders at one place": ("a.iso", lambda content: two_folders(NAME, content)),
    "B36 ISO 9660 with a late tree": ("a.iso", lambda content: iso(NAME, content, b"decoy", between=70)),
    "B36 UDF": ("a.iso", lambda content: udf(NAME, content)),
    "B36 FAT": ("a.img", lambda content: fat12(NAME, content)),
    "B36 FAT with a short name that begins with a dot": (
        "a.img", lambda content: fat12("", content).replace(b"FILE    EXE", b".ILE    EXE")
    ),
    "B36 FAT in a partition": ("a.img", lambda content: partitioned(fat12(NAME, content))),
    "B36 FAT behind a FAT": ("a.img", lambda content: volume_and_partition(fat12("a.txt", b"a"), fat12(NAME, content))),
    "B36 FAT behind forty others": (
        "a.img", lambda content: logical([*[fat12("a.txt", bytes(len(content)))] * 40, fat12(NAME, content)])
    ),
    "B36 FAT behind an unknown volume": ("a.img", lambda content: two_volumes(fat12(NAME, content))),
    "B36 exFAT": ("a.img", lambda content: exfat(NAME, content)),
    "B36 VHD": ("a.vhd", lambda content: vhd_fixed(partitioned(fat12(NAME, content)))),
    "B36 VHD that grows": ("a.vhd", lambda content: vhd_dynamic(partitioned(fat12(NAME, content)))),
    "B36 VHDX": ("a.vhdx", lambda content: vhdx(partitioned(fat12(NAME, content)))),
    "B38 RAR behind a picture": ("a.gif", lambda content: GIF + rar5(NAME, content)),
    "B38 RAR 4 behind a picture": ("a.gif", lambda content: GIF + rar4(NAME, content)),
    "B38 ZIP behind a picture": ("a.gif", lambda content: GIF + packed(content)),
    "B38 7z behind a program": ("a.exe", lambda content: _STUB + sevenzip(NAME, content, "lzma2")),
    "B38 CAB behind a program": ("a.exe", lambda content: _STUB + cab(NAME, content, 1)),
    "B38 LZH behind a program": ("a.exe", lambda content: _STUB + lzh(NAME, content, 1)),
    "B38 RAR behind a program": ("a.exe", lambda content: _STUB + rar5(NAME, content)),
    "B38 ZIP behind a program": ("a.exe", lambda content: _STUB + packed(content)),
    "B38 ZIP behind a PDF": ("a.pdf", lambda content: _PDF + packed(content)),
    "B38 RAR behind a PDF": ("a.pdf", lambda content: _PDF + rar5(NAME, content)),
    "B36 LZH behind the end of an LZH": ("a.lzh", lambda content: lzh("a.txt", b"x", 2) + lzh(NAME, content, 2)),
    "B38 disk that begins as a program": (
        "a.vhd", lambda content: b"MZ" + vhd_fixed(partitioned(fat12(NAME, content)))[2:]
    ),
    "B38 RAR behind a tar": ("a.tar", lambda content: tar(b"nothing", "a.txt") + rar5(NAME, content)),
    "B38 RAR behind an LZH": ("a.rar", lambda content: lzh("a.txt", b"x", 2) + rar5(NAME, content)),
    "B38 RAR behind a RAR": ("a.rar", lambda content: rar4("a.txt", b"x") + rar5(NAME, content)),
    "B38 ZIP between junk": ("a.dat", lambda content: b"\xee" * 500 + packed(content) + b"\xee" * 200_000),
    "B38 RAR behind a stream of zstd": ("a.zst", lambda content: zstd(b"nothing") + rar5(NAME, content)),
    "B38 RAR behind a stream of xz": ("a.xz", lambda content: lzma.compress(b"nothing") + rar5(NAME, content)),
    "B38 RAR behind a 7z": ("a.7z", lambda content: sevenzip("a.txt", b"nothing") + rar5(NAME, content)),
    "B38 ZIP behind a RAR": ("a.rar", lambda content: rar5("a.txt", b"nothing") + packed(content)),
    "B38 RAR behind a ZIP": ("a.zip", lambda content: packed(b"nothing", "a.txt") + rar5(NAME, content)),
    "B38 tar that begins as a PDF": ("a.pdf", lambda content: tar(content, "%PDF-1.4 見積書.exe")),
    "B38 disc that begins as a program": ("a.iso", lambda content: _STUB + iso(NAME, content)[len(_STUB) :]),
    "B38 web archive behind a PDF": ("a.doc", lambda content: _PDF + _web_archive(content)),
    "B38 ZIP behind an OLE file": (
        "a.doc", lambda content: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1528) + packed(content)
    ),
    **{
        f"B36 LZH level {level}": ("a.lzh", partial(lzh, NAME, level=level))
        for level in range(4)
    },
}  # fmt: skip


def linked(content: bytes) -> bytes:
    """A tar of links, a device and a pipe, and of the file in the folder that one of the links makes of another."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, kind in (
            ("a", tarfile.SYMTYPE),
            ("b", tarfile.LNKTYPE),
            ("c", tarfile.CHRTYPE),
            ("d", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc"
            archive.addfile(member)
        member = tarfile.TarInfo("a/" + NAME)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _web_archive(content: bytes) -> bytes:
    fields = b'MIME-Version: 1.0\nContent-Type: multipart/related; boundary="b"\n\n--b\n'
    part = b"Content-Type: application/x-mso\nContent-Transfer-Encoding: base64\nContent-Location: file:///C:/a.exe\n\n"
    return fields + part + base64.encodebytes(content) + b"--b--\n"


def _unmarked(data: bytes) -> bytes:
    """As the tar before POSIX wrote it: no mark, only a checksum."""
    head = data[:148] + b" " * 8 + data[156:257] + bytes(255)
    return head[:148] + b"%06o\0 " % sum(head) + head[156:] + data[512:]


def _two_sizes(content: bytes) -> bytes:
    """A member whose header says that it is empty and whose extended header says how long it is."""
    data = tar(content, shape=tarfile.PAX_FORMAT)
    size = b"%d" % len(content)
    record = b"%d size=%s\n" % (len(size) + 9, size)
    head = bytearray(data[:512])
    head[:100], head[124:136], head[156:157] = b"x".ljust(100, b"\0"), b"%011o\0" % len(record), b"x"
    own = bytearray(data[1024:1536])
    own[124:136] = b"%011o\0" % 0
    for header in (head, own):
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
    return bytes(head) + record.ljust(512, b"\0") + bytes(own) + content.ljust(1024, b"\0") + bytes(1024)


def _retyped(data: bytes, kind: bytes) -> bytes:
    head = data[:148] + b" " * 8 + kind + data[157:512]
    return head[:148] + b"%06o\0 " % sum(head) + head[156:] + data[512:]


def zstd(content: bytes) -> bytes:
    """A frame of raw blocks (RFC 8878)."""
    blocks = [content[at : at + 65536] for at in range(0, len(content), 65536)] or [b""]
    frame = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<L", len(content))
    for number, block in enumerate(blocks):
        frame += struct.pack("<L", len(block) << 3 | (number == len(blocks) - 1))[:3] + block
    return frame


def lz4(content: bytes) -> bytes:
    """A frame of stored blocks without checksums; the header's own is that of these two bytes."""
    blocks = b"".join(
        struct.pack("<L", 0x80000000 | len(content[at : at + 65536])) + content[at : at + 65536]
        for at in range(0, len(content), 65536)
    )
    return b"\x04\x22\x4d\x18\x60\x40\x82" + blocks + bytes(4)


def lzip(content: bytes) -> bytes:
    """A member of lzip: an LZMA stream with an end mark between a header and the sizes."""
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    alone = lzma.compress(content, lzma.FORMAT_ALONE, filters=filters)
    stream = alone[13:]
    return b"LZIP\1\x10" + stream + struct.pack("<LQQ", zlib.crc32(content), len(content), len(stream) + 26)


_LOCKS: dict[str, tuple[str, Maker]] = {
    "B37 ZIP traditional": ("a.zip", lambda content: classic_zip(PASSWORD.encode(), NAME, content)),
    "B37 ZIP traditional, checked by the time": (
        "a.zip", lambda content: classic_zip(PASSWORD.encode(), NAME, content, streamed=True)
    ),
    **{
        f"B37 ZIP AES-{bits}": ("a.zip", partial(aes_zip, PASSWORD.encode(), NAME, bits=bits))
        for bits in (128, 192, 256)
    },
    "B37 7z": ("a.7z", lambda content: locked_sevenzip(PASSWORD, NAME, content)),
    "B37 7z with locked names": ("a.7z", lambda content: locked_sevenzip(PASSWORD, NAME, content, names=True)),
    "B37 RAR 4": ("a.rar", lambda content: locked_rar4(PASSWORD, NAME, content)),
    "B37 RAR 4 with locked names": ("a.rar", lambda content: locked_rar4(PASSWORD, NAME, content, names=True)),
    "B37 RAR 5": ("a.rar", lambda content: locked_rar5(PASSWORD, NAME, content)),
    "B37 RAR 5 with locked names": ("a.rar", lambda content: locked_rar5(PASSWORD, NAME, content, names=True)),
    "B37 RAR 5 behind a picture": ("a.gif", lambda content: GIF + locked_rar5(PASSWORD, NAME, content)),
}  # fmt: skip


def _arj(_: bytes) -> bytes:
    def header(name: bytes, packed: int, size: int) -> bytes:
        first = bytes([30, 11, 1, 0, 0, 0, 0, 0]) + struct.pack("<LLLLHHH", 0, packed, size, 0, 0, 0, 0)
        body = first + name + b"\0\0"
        return b"\x60\xea" + struct.pack("<H", len(body)) + body + struct.pack("<LH", zlib.crc32(body), 0)

    return header(b"a.arj", 0, 0) + header(NAME.encode("cp932"), 4, 9) + b"junk" + b"\x60\xea\0\0"


def _ace(_: bytes) -> bytes:
    def block(kind: int, flags: int, rest: bytes) -> bytes:
        body = struct.pack("<BH", kind, flags) + rest
        return struct.pack("<HH", zlib.crc32(body) & 0xFFFF, len(body)) + body

    name = NAME.encode("cp932")
    member = struct.pack("<LLLLLBBHHH", 4, 9, 0, 0, 0, 1, 0, 0, 0, len(name)) + name
    return block(0, 0, b"**ACE**" + bytes(20)) + block(1, 1, member) + b"junk"


def _zoo(_: bytes) -> bytes:
    head = b"ZOO 2.10 Archive.\x1a\0\0" + b"\xdc\xa7\xc4\xfd" + struct.pack("<L", 42) + bytes(14)
    entry = b"\xdc\xa7\xc4\xfd\1\0" + struct.pack("<LLHHHLLBBBBLH", 97, 93, 0, 0, 0, 9, 4, 1, 0, 0, 0, 0, 0)
    return head[:42] + (entry + b"report.exe\0\0\0\0\0")[:51] + b"junk" + b"\xdc\xa7\xc4\xfd" + bytes(60)


def _alz(_: bytes) -> bytes:
    name = NAME.encode("cp932")
    head = b"BLZ\1" + struct.pack("<HBLBB", len(name), 0x20, 0, 0x10, 0) + struct.pack("<BBLBB", 0, 0, 0, 4, 9)
    return b"ALZ\1\x0a\0\0\0" + head + name + b"junk" + b"CLZ\2"


def _egg(_: bytes) -> bytes:
    name = NAME.encode()
    member = (
        b"\xe3\x90\x85\x0a" + struct.pack("<LQ", 1, 9) + b"\xac\x91\x85\x0a" + struct.pack("<BH", 0, len(name)) + name
    )
    return b"EGGA\0\1" + struct.pack("<LL", 7, 0) + b"\x22\x82\xe2\x08" + member + b"\x22\x82\xe2\x08"


def _old_method(content: bytes) -> bytes:
    """A member said to be imploded, which no method of today unpacks."""
    return _both(_both(packed(content, method=0), 8, 10, b"\6\0"), 14, 16, b"\1\2\3\4")


_LISTINGS: dict[str, tuple[str, Maker]] = {
    "B36 ARJ": ("a.arj", _arj),
    "B36 ACE": ("a.ace", _ace),
    "B36 ZOO": ("a.zoo", _zoo),
    "B36 ALZ": ("a.alz", _alz),
    "B36 EGG": ("a.egg", _egg),
    "B36 RAR 5 volume": ("a.part2.rar", lambda content: rar5(NAME, content, split=True)),
    "B36 RAR 4 volume": ("a.r01", lambda content: rar4(NAME, content, split=True)),
    "B36 CAB Quantum": ("a.cab", lambda content: cab(NAME, content, 2)),
    "B36 LZH of an unknown method": ("a.lzh", lambda content: lzh(NAME, content, 1, b"-lh9-")),
    "B36 ZIP of an old method": ("a.zip", _old_method),
}
ARCHIVES |= {name: ("a.zip", maker) for name, maker in _ZIPS.items()} | _OTHERS
LOCKED |= _LOCKS
LISTED |= _LISTINGS


def mail(name: str, content: bytes, text: str = "hello") -> bytes:
    """A mail with a text and the file attached."""
    head = "From: a@example.jp\nTo: b@example.jp\nSubject: s\nMIME-Version: 1.0\n"
    head += 'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain; charset=utf-8\n'
    head += f"Content-Transfer-Encoding: 8bit\n\n{text}\n--b\nContent-Type: application/octet-stream\n"
    head += f'Content-Disposition: attachment; filename="{name}"\nContent-Transfer-Encoding: base64\n\n'
    return head.encode() + base64.encodebytes(content) + b"--b--\n"


CONTENT = b"MZ\x90\0 a listed file\xff\xfe" + bytes(range(64))
# What a case file may have; images of megabytes are made when they are tested.
_MOST = 12288
# What the readers of documents say of these is not said here.
_DOCUMENTS = ("PDF", "OLE")


def case_files() -> dict[str, bytes]:
    """Each archive around one small file, by the name of its case."""
    cases = {}
    for name, (file, maker) in (ARCHIVES | LOCKED | LISTED).items():
        if len(content := maker(CONTENT)) <= _MOST and not any(kind in name for kind in _DOCUMENTS):
            cases[_case(name)] = mail(file, content, TEXT if name in LOCKED else "hello")
    return cases


def _case(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def write(directory: Path) -> None:
    """Write the case files anew; their expected readings are written by whoever has looked at them."""
    for name, content in case_files().items():
        (directory / f"{name}.eml").write_bytes(content)


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "corpus" / "archives")
