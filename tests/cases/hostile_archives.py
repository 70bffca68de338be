"""Archives made to take time: many headers, rings, overlaps, marks. Each is read within bounds, or ends at one."""

from __future__ import annotations

import struct
from collections.abc import Callable

from archive_writers import RAR5, archive7, block5, cab, file5, lzh, number7, rar5
from archives import GIF, TEXT, mail, tar
from disk_writers import fat12, iso
from locked_archives import locked_rar5

HOSTILE_ARCHIVES: dict[str, Callable[[], bytes]] = {
    "7z: files": lambda: mail("a.7z", archive7(b"", b"\x01\x05" + number7(100_000) + b"\0\0")),
    "7z: folders": lambda: mail("a.7z", archive7(b"x", _folders7(90_000))),
    "7z: coders in a ring": lambda: mail("a.7z", archive7(b"x", _ring7())),
    "rar: blocks": lambda: mail("a.rar", RAR5 + block5(b"\1\0\0") + file5("a", b"x", b"x") * 90_000),
    "rar: locks": lambda: mail("a.rar", _locks(3000), TEXT * 20),
    "lzh: folders": lambda: mail("a.lzh", lzh("a", b"", 0, b"-lhd-")[:-1] * 300_000),
    "lzh: names": lambda: mail("a.lzh", lzh("表" * 30_000, b"x", 2)[:-1] * 20),
    "lzh: many names": lambda: mail("a.lzh", lzh("表" * 120, b"x", 2)[:-1] * 900),
    "cab: folders": lambda: mail("a.cab", _folders_of_cab(60_000)),
    "disc: records": lambda: mail("a.iso", _records(4 << 20)),
    "disk: rings": lambda: mail("a.img", _rings(2000)),
    "tar: in a row": lambda: mail("a.tar", tar(b"x", "a") * 1000),
    "polyglot: marks": lambda: mail("a.bin", b"\xff" + b"Rar!\x1a\x07\1\0MSCF\0\0\0\0" * 300_000),
    "polyglot: archives": lambda: mail("a.gif", GIF + rar5("a", b"x" * 20_000) * 200),
    "polyglot: mails": lambda: mail("a.pdf", b"%PDF-1.4\nmultipart/x\n" + b"content-type:\n" * 300_000),
}


def _folders7(count: int) -> bytes:
    """A header of folders that copy one byte each, of which none is there."""
    head = b"\x01\x04\x06\0\x01\x09\x01\0\x07\x0b" + number7(count) + b"\0"
    return head + b"\x01\x01\0" * count + b"\x0c" + b"\x01" * count + b"\0\0\0"


def _ring7() -> bytes:
    """A folder of two coders that each take what the other gives."""
    return b"\x01\x04\x06\0\x01\x09\x01\0\x07\x0b\x01\0\x02\x01\0\x11\0\x02\x01\0\x01\x01\0\x0c\x01\x01\0\0\0"


def _locks(count: int) -> bytes:
    """Locked members that each have a salt of their own."""
    whole = locked_rar5("none of those", "a", b"x" * 16)
    start = len(RAR5) + len(block5(b"\1\0\0"))
    member, salt = whole[start:-8], bytes(range(1, 17))
    at, size = member.find(salt), member[4]
    out = [whole[:start]]
    for number in range(count):
        changed = member[:at] + struct.pack("<Q", number) * 2 + member[at + 16 :]
        out.append(block5(changed[5 : 5 + size], changed[5 + size :]))
    return b"".join(out)


def _folders_of_cab(count: int) -> bytes:
    """A cabinet of one member for each of many folders, which have one block in common."""
    one = cab("a", bytes(32768), 1)
    block, begin = one[36 + 8 + 18 :], 36 + count * 8 + count * 18
    head = struct.pack(
        "<4sLLLLLBBHHHHH", b"MSCF", 0, begin + len(block), 0, 36 + count * 8, 0, 3, 1, count, count, 0, 0, 0
    )
    members = b"".join(struct.pack("<LLHHHH2s", 32768, 0, number, 0, 0, 0x20, b"a") for number in range(count))
    return head + struct.pack("<LHH", begin, 1, 1) * count + members + block


def _records(size: int) -> bytes:
    """A disc whose root is megabytes of records of the same file."""
    image = bytearray(iso("a", b"x"))
    record = image[19 * 2048 + 68 : 19 * 2048 + 68 + image[19 * 2048 + 68]]
    root = (record * (2048 // len(record))).ljust(2048, b"\0") * (size // 2048)
    struct.pack_into("<L4xL", image, 17 * 2048 + 156 + 2, 22, len(root))
    return bytes(image[: 22 * 2048].ljust(22 * 2048, b"\0")) + root


def _rings(count: int) -> bytes:
    """A volume of files of 4 GB each, whose clusters follow themselves."""
    volume = bytearray(fat12("a", bytes(1 << 20)))
    volume[512:1024] = b"\x02\x20\x00" * 170 + b"\0\0"
    entry = b"FILE%04dEXE\x20" + bytes(14) + struct.pack("<HL", 2, 0xFFFFFFFF)
    root = b"".join(entry.replace(b"%04d", b"%04d" % number) for number in range(16))
    volume[1024:1536] = root[:512]
    return bytes(volume) * (count // 1000)
