"""Makes shortcuts of Windows (MS-SHLLINK) and small programs (PE), field by field, for the case files."""

from __future__ import annotations

import struct

_CLASS = bytes.fromhex("0114020000000000c000000000000046")
_FLAGS = {"description": 0x4, "relative": 0x8, "directory": 0x10, "arguments": 0x20, "icon": 0x40}
TERMINAL = b"\0\0\0\0"


def shortcut(
    path: str = "", info: bytes = b"", blocks: bytes = b"", behind: bytes = b"", window: int = 1, **strings: str
) -> bytes:
    """A shortcut to a local path by its item list, with LinkInfo, Unicode strings by name, extra blocks, and what is
    appended behind the terminal block."""
    flags = 0x80 | (0x1 if path else 0) | (0x2 if info else 0) | sum(_FLAGS[name] for name in strings)
    head = struct.pack("<I16sIIQQQIIIHHII", 76, _CLASS, flags, 0x20, 0, 0, 0, 0, 0, window, 0, 0, 0, 0)
    ids = item_list(path) if path else b""
    texts = b"".join(
        struct.pack("<H", len(strings[name])) + strings[name].encode("utf-16-le") for name in _FLAGS if name in strings
    )
    return head + ids + info + texts + blocks + TERMINAL + behind


def item_list(path: str) -> bytes:
    """The item list of a path: the computer, a volume, and an entry with its long name for each piece."""
    volume, *pieces = path.split("\\")
    items = _item(b"\x1f\x50" + bytes.fromhex("e04fd020ea3a6910a2d808002b30309d"))
    items += _item(b"\x2f" + f"{volume}\\".encode() + b"\0" * 20)
    for number, piece in enumerate(pieces):
        items += _item(_entry(piece, number + 1 < len(pieces)))
    items += b"\0\0"
    return struct.pack("<H", len(items)) + items


def _item(data: bytes) -> bytes:
    return struct.pack("<H", len(data) + 2) + data


def _entry(name: str, folder: bool) -> bytes:
    short = name[:8].encode("ascii", "replace") + b"\0"
    short += b"\0" * (len(short) % 2)
    long = name.encode("utf-16-le") + b"\0\0"
    extension = struct.pack("<HHIIIHH", 20 + len(long) + 2, 3, 0xBEEF0004, 0, 0, 0x14, 0) + long + b"\0\0"
    return (b"\x31" if folder else b"\x32") + b"\0" + b"\0" * 10 + short + extension


def network_info(share: str, suffix: str) -> bytes:
    """LinkInfo of a file on a server."""
    network = struct.pack("<IIIII", 20 + len(share) + 1, 2, 20, 0, 0x20000) + share.encode() + b"\0"
    at = 28
    head = struct.pack("<IIIIIII", 28 + len(network) + len(suffix) + 1, 28, 2, 0, 0, at, at + len(network))
    return head + network + suffix.encode() + b"\0"


def environment_block(target: str, signature: int = 0xA0000001) -> bytes:
    """The block of a target (or, with its signature, an icon) with variables of the environment."""
    narrow = target.encode("ascii", "replace")[:259].ljust(260, b"\0")
    wide = target.encode("utf-16-le")[:518].ljust(520, b"\0")
    return struct.pack("<II", 0x314, signature) + narrow + wide


def tracker_block(machine: str) -> bytes:
    """The block that names the machine on which the shortcut was made."""
    return struct.pack("<IIII", 0x60, 0xA0000003, 0x58, 0) + machine.encode().ljust(16, b"\0") + bytes(64)


def program(behind: bytes = b"", section: bytes = b".text", debug_path: str = "") -> bytes:
    """A PE file that every loader would take: one section; with a debug path also an import of ExitProcess."""
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x14C, 1, 0, 0, 0, 224, 0x102)
    optional = struct.pack("<HBBIIIIII", 0x10B, 1, 0, 512, 0, 0, 0x1000, 0x1000, 0x2000)
    optional += struct.pack("<IIIHHHHHHIIIIHHIIIIII", 0x400000, 0x1000, 512, 4, 0, 0, 0, 4, 0, 0, 0x3000, 512, 0, 2, 0,
                            0, 0, 0, 0, 0, 16)  # fmt: skip
    directories = [(0, 0)] * 16
    code = b"\xc3"
    if debug_path:
        directories[1], directories[6] = (0x1000, 40), (0x1080, 28)
        code = _tables(debug_path)
    optional += b"".join(struct.pack("<II", *one) for one in directories)
    header = section.ljust(8, b"\0") + struct.pack("<IIIIIIHHI", 512, 0x1000, 512, 512, 0, 0, 0, 0, 0x60000020)
    return (dos + coff + optional + header).ljust(512, b"\0") + code.ljust(512, b"\x90") + behind


def _tables(debug_path: str) -> bytes:
    """A section that begins with an import of KERNEL32.dll's ExitProcess, and has a debug directory at 0x80."""
    imports = struct.pack("<IIIII", 0x1028, 0, 0, 0x1050, 0x1030).ljust(40, b"\0")
    imports += struct.pack("<IIII", 0x1040, 0, 0x1040, 0) + bytes(8)
    imports = imports.ljust(0x40, b"\0") + b"\0\0ExitProcess\0"
    imports = imports.ljust(0x50, b"\0") + b"KERNEL32.dll\0"
    record = b"RSDS" + bytes(16) + struct.pack("<I", 1) + debug_path.encode() + b"\0"
    directory = struct.pack("<IIHHIIII", 0, 0, 0, 0, 2, len(record), 0x10A0, 512 + 0xA0)
    return imports.ljust(0x80, b"\0") + directory.ljust(32, b"\0") + record
