"""Writers of images of discs and disks that hold one file."""

from __future__ import annotations

import struct

_SECTOR, _DISC = 512, 2048


def _record(raw: bytes, place: int, size: int, flags: int = 0) -> bytes:
    body = struct.pack("<BLLLL7xBBBHHB", 0, place, 0, size, 0, flags, 0, 0, 1, 0x0100, len(raw)) + raw
    body += b"\0" * (len(body) % 2 == 0)
    return bytes([len(body) + 1]) + body


def _descriptor(kind: int, escape: bytes, root: int, size: int = _DISC) -> bytes:
    body = bytes([kind]) + b"CD001\1" + bytes(81) + escape.ljust(32, b"\0") + bytes(8)
    body += struct.pack("<HH", _DISC, 0) + bytes(24)
    return (body + _record(b"\0", root, size, 2)).ljust(_DISC, b"\0")


def iso(name: str, content: bytes, decoy: bytes | None = None, between: int = 0) -> bytes:
    """A disc of ISO 9660 with Joliet. The plain tree has the file as FILE.EXE, or a decoy under that name; so many
    other descriptors stand before that of Joliet."""
    files = [content] if decoy is None else [content, decoy]
    first = 20 + between
    places = [first, first + (len(content) + _DISC - 1) // _DISC]
    plain = _record(b"FILE.EXE;1", places[len(files) - 1], len(files[-1]))
    joliet = _record((name + ";1").encode("utf-16-be"), first, len(content))
    image = bytes(16 * _DISC) + _descriptor(1, b"", first - 2) + b"\0CD001\1".ljust(_DISC, b"\0") * between
    image += _descriptor(2, b"%/E", first - 1)
    dots = _record(b"\0", first - 2, _DISC, 2) + _record(b"\1", first - 2, _DISC, 2)
    image += (dots + plain).ljust(_DISC, b"\0") + (dots + joliet).ljust(_DISC, b"\0")
    return image + b"".join(one.ljust((len(one) + _DISC - 1) // _DISC * _DISC, b"\0") for one in files)


def iso_of(records: list[tuple[bytes, int, int, int]], *sectors: bytes) -> bytes:
    """A disc with one tree: the root's records (name, place, size, flags), whose sectors begin at 22."""
    root = list[bytes]()
    for record in (_record(*one) for one in records):
        if not root or len(root[-1]) + len(record) > _DISC:
            root.append(b"")
        root[-1] += record
    image = (bytes(16 * _DISC) + _descriptor(1, b"", 17, len(root) * _DISC)).ljust(17 * _DISC, b"\0")
    image += b"".join(one.ljust(_DISC, b"\0") for one in root)
    return image.ljust(22 * _DISC, b"\0") + b"".join(one.ljust(_DISC, b"\0") for one in sectors)


def two_folders(name: str, content: bytes) -> bytes:
    """A disc with two folders at one place, of which the longer one holds the file."""
    records = [(b"A", 22, _DISC, 2), (b"B", 22, 2 * _DISC, 2)]
    return iso_of(records, _record(b"A.TXT;1", 24, 1), _record(name.encode(), 25, len(content)), b"a", content)


def udf(name: str, content: bytes) -> bytes:
    """A disc of UDF 1.02: descriptors at sectors 32 and 256, one partition behind them."""
    block, start = 2048, 257

    def tagged(kind: int, body: bytes) -> bytes:
        head = struct.pack("<HHBBHHHL", kind, 2, 0, 0, 0, 0, 0, 0)
        return head[:4] + bytes([sum(head) & 0xFF]) + head[5:] + body

    def long_ad(size: int, place: int) -> bytes:
        return struct.pack("<LLH6x", size, place, 0)

    def entry(kind: int, data_size: int, place: int) -> bytes:
        tag = bytes(11) + bytes([kind]) + bytes(6) + struct.pack("<H", 0)
        body = tag + bytes(20) + struct.pack("<Q", data_size)
        body = body.ljust(152, b"\0") + struct.pack("<LL", 0, 8) + struct.pack("<LL", data_size, place)
        return tagged(261, body)

    def identifier(raw: bytes, place: int, flags: int) -> bytes:
        body = struct.pack("<HBB", 1, flags, len(raw)) + long_ad(block, place) + struct.pack("<H", 0) + raw
        one = tagged(257, body)
        return one + bytes(-len(one) % 4)

    folder = identifier(b"", 1, 0x0A) + identifier(b"\x10" + name.encode("utf-16-be"), 3, 0)
    anchor = tagged(2, struct.pack("<LLLL", 3 * block, 32, 0, 0))
    partition = tagged(5, (bytes(6) + struct.pack("<H", 0)).ljust(172, b"\0") + struct.pack("<LL", start, 64))
    logical = bytes(196) + struct.pack("<L", block) + bytes(32) + long_ad(block, 0) + struct.pack("<LL", 6, 1)
    logical = tagged(6, logical.ljust(424, b"\0") + struct.pack("<BBHH", 1, 6, 1, 0))
    sectors = {16: b"\0BEA01\1", 17: b"\0NSR02\1", 18: b"\0TEA01\1", 32: partition, 33: logical}
    sectors |= {34: tagged(8, b""), 256: anchor}
    sectors |= {start: tagged(256, bytes(384) + long_ad(block, 1)), start + 1: entry(4, len(folder), 2)}
    sectors |= {start + 2: folder, start + 3: entry(5, len(content), 4)}
    image = b"".join(sectors.get(number, b"").ljust(block, b"\0") for number in range(start + 4))
    return image + content.ljust((len(content) + block - 1) // block * block, b"\0")


def fat12(name: str, content: bytes) -> bytes:
    """A volume of FAT12 with a long name."""
    units = (name.encode("utf-16-le") + b"\0\0").ljust(26, b"\xff")[:26]
    long = bytes([0x41]) + units[:10] + b"\x0f\0\0" + units[10:22] + b"\0\0" + units[22:26]
    short = b"FILE    EXE\x20" + bytes(14) + struct.pack("<HL", 2, len(content))
    clusters = max(1, (len(content) + _SECTOR - 1) // _SECTOR)
    table = [0xFF8, 0xFFF, *range(3, 2 + clusters), 0xFFF]
    table += [0] * (len(table) % 2)
    packed = b"".join(
        (low | high << 12).to_bytes(3, "little") for low, high in zip(table[::2], table[1::2], strict=True)
    )
    total = 1 + 1 + 1 + clusters + 1
    boot = b"\xeb\x3c\x90MSDOS5.0" + struct.pack("<HBHBHHBH", _SECTOR, 1, 1, 1, 16, total, 0xF8, 1)
    boot = (boot.ljust(54, b"\0") + b"FAT12   ").ljust(510, b"\0") + b"\x55\xaa"
    heap = content.ljust((clusters + 1) * _SECTOR, b"\0")
    return boot + packed.ljust(_SECTOR, b"\0") + (long + short).ljust(_SECTOR, b"\0") + heap


def exfat(name: str, content: bytes) -> bytes:
    """A volume of exFAT: the root in cluster 2, the file in the clusters behind it, without a chain."""
    clusters = 1 + max(1, (len(content) + _SECTOR - 1) // _SECTOR)
    boot = b"\xeb\x76\x90EXFAT   ".ljust(80, b"\0") + struct.pack("<LLLLL", 1, 1, 2, clusters, 2)
    boot = (boot.ljust(108, b"\0") + bytes([9, 0, 1])).ljust(510, b"\0") + b"\x55\xaa"
    table = struct.pack("<3L", 0xFFFFFFF8, 0xFFFFFFFF, 0xFFFFFFFF).ljust(_SECTOR, b"\0")
    units = name.encode("utf-16-le")
    file = struct.pack("<BBHH", 0x85, 2, 0, 0x20).ljust(32, b"\0")
    stream = struct.pack("<BBBBHHQLLQ", 0xC0, 3, 0, len(name), 0, 0, len(content), 0, 3, len(content))
    names = (b"\xc1\0" + units).ljust(32, b"\0")
    root = (file + stream + names).ljust(_SECTOR, b"\0")
    return boot + table + root + content.ljust((clusters - 1) * _SECTOR, b"\0")


def exfat_with_a_folder(size: int) -> bytes:
    """A volume of exFAT with an empty folder of so many bytes."""
    image = exfat("a", bytes(size))
    return image[: 1024 + 4] + b"\x10" + image[1024 + 5 :]


def partitioned(volume: bytes) -> bytes:
    """A disk with an MBR and one partition."""
    entry = struct.pack("<BBBBBBBBLL", 0x80, 0, 2, 0, 1, 0, 1, 0, 1, len(volume) // _SECTOR)
    return bytes(446) + entry + bytes(48) + b"\x55\xaa" + volume


def two_volumes(volume: bytes) -> bytes:
    """A disk whose first partition has a file system of another world."""
    entries = b"".join(
        struct.pack("<BBBBBBBBLL", 0, 0, 2, 0, kind, 0, 1, 0, start, size)
        for kind, start, size in ((0x83, 1, 1), (1, 2, len(volume) // _SECTOR))
    )
    return bytes(446) + entries + bytes(32) + b"\x55\xaa" + b"\xee" * _SECTOR + volume


def _footer(kind: int, header: int) -> bytes:
    return (
        (b"conectix" + struct.pack(">LLQ", 2, 0x10000, header)).ljust(60, b"\0") + struct.pack(">L", kind) + bytes(448)
    )


def vhd_fixed(disk: bytes) -> bytes:
    """A VHD that is the disk with a footer."""
    return disk + _footer(2, 0xFFFFFFFFFFFFFFFF)


def vhd_dynamic(disk: bytes) -> bytes:
    """A VHD of blocks of 4 KiB, the last of them first."""
    block = 4096
    blocks = [disk[at : at + block].ljust(block, b"\0") for at in range(0, len(disk), block)]
    footer = _footer(3, _SECTOR)
    table_at = _SECTOR + 1024
    first = table_at + _SECTOR
    places = {index: first + (len(blocks) - 1 - index) * (block + _SECTOR) for index in range(len(blocks))}
    header = b"cxsparse" + struct.pack(">QQLLL", 0xFFFFFFFFFFFFFFFF, table_at, 0x10000, len(blocks), block)
    table = b"".join(struct.pack(">L", places[index] // _SECTOR) for index in range(len(blocks)))
    data = b"".join(b"\xff" * _SECTOR + blocks[index] for index in reversed(range(len(blocks))))
    return footer + header.ljust(1024, b"\0") + table.ljust(_SECTOR, b"\xff") + data + footer


def _summed(data: bytes) -> bytes:
    """A structure of VHDX with its CRC-32C in the second field."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0x82F63B78 * (value & 1)
    return data[:4] + struct.pack("<L", value ^ 0xFFFFFFFF) + data[8:]


def vhdx_with_a_log(disk: bytes) -> bytes:
    """A VHDX whose newer header names a log, and whose older one none."""
    header = b"head" + struct.pack("<LQ", 0, 7) + bytes(32)
    current = _summed((b"head" + struct.pack("<LQ", 0, 256) + bytes(32) + b"log".ljust(16, b"\1")).ljust(4096, b"\0"))
    old = _summed(header.ljust(4096, b"\0"))
    image = vhdx(disk)
    return image[: 64 << 10] + old + image[(64 << 10) + 4096 : 128 << 10] + current + image[(128 << 10) + 4096 :]


def logical(volumes: list[bytes]) -> bytes:
    """A disk of logical volumes of one length, in a chain of extended partitions."""

    def entry(kind: int, start: int, size: int) -> bytes:
        return struct.pack("<8B2L", 0, 1, 1, 0, kind, 1, 1, 1, start, size)

    length = len(volumes[0]) // _SECTOR
    disk = bytes(446) + entry(5, 1, len(volumes) * (1 + length)) + bytes(48) + b"\x55\xaa"
    for number, volume in enumerate(volumes, 1):
        following = entry(5, number * (1 + length), 1 + length) if number < len(volumes) else bytes(16)
        disk += bytes(446) + entry(1, 1, length) + following + bytes(32) + b"\x55\xaa" + volume
    return disk


def volume_and_partition(first: bytes, second: bytes) -> bytes:
    """A volume whose first sector is a table of partitions as well, with another volume behind it."""
    entry = struct.pack("<8B2L", 0x80, 1, 1, 0, 1, 1, 1, 1, len(first) // _SECTOR, len(second) // _SECTOR)
    return first[:446] + entry + first[462:] + second


def vhdx(disk: bytes) -> bytes:
    """A VHDX of blocks of 1 MiB."""
    mega, block = 1 << 20, 1 << 20
    bat, metadata = bytes.fromhex("6677c22d23f600429d64115e9bfd4a08"), bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
    parameters, logical = (
        bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b"),
        bytes.fromhex("1dbf41816fa90947ba47f233a8faab5f"),
    )
    regions = b"regi" + struct.pack("<LLL", 0, 2, 0)
    regions += bat + struct.pack("<QLL", 2 * mega, mega, 1) + metadata + struct.pack("<QLL", mega, mega, 1)
    table = (b"metadata" + struct.pack("<HH", 0, 2)).ljust(32, b"\0")
    table += parameters + struct.pack("<LLLL", 65536, 8, 4, 0) + logical + struct.pack("<LLLL", 65544, 4, 6, 0)
    items = struct.pack("<LLL", block, 0, _SECTOR)
    blocks = [disk[at : at + block] for at in range(0, len(disk), block)]
    entries = b"".join(struct.pack("<Q", (3 + index) << 20 | 6) for index in range(len(blocks)))
    image = b"vhdxfile".ljust(192 << 10, b"\0") + 2 * _summed(regions.ljust(64 << 10, b"\0"))
    image = image.ljust(mega, b"\0") + (table.ljust(65536, b"\0") + items)
    image = image.ljust(2 * mega, b"\0") + entries
    return image.ljust(3 * mega, b"\0") + b"".join(one.ljust(block, b"\0") for one in blocks)
