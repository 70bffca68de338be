"""Makes Windows Installer packages: OLE compound files (MS-CFB) with the tables of an installer, for the case files."""

from __future__ import annotations

import struct

_SECTOR, _END, _FREE = 512, 0xFFFFFFFE, 0xFFFFFFFF
_CLASS = bytes.fromhex("84100c0000000000c000000000000046")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._!"
# Streams below this size would need a file system within the file.
_SMALLEST = 4096
_ROW = 8


def installer(actions: list[tuple[str, int, str, str]], **streams: bytes) -> bytes:
    """A package with these actions of its own (name, type, source, target) and these streams."""
    # The empty text is number 0, which the pool does not list.
    used = (text for name, _, source, target in actions for text in (name, source, target) if text)
    strings = ["", *dict.fromkeys(used)]
    pool = b"\xe9\xfd\0\0" + b"".join(struct.pack("<HH", len(text), 1) for text in strings[1:])
    rows = _SMALLEST // _ROW
    names, sources, targets = (
        [strings.index(text) for text in texts]
        for texts in zip(*((name, source, target) for name, _, source, target in actions), strict=True)
    )
    kinds = [kind for _, kind, _, _ in actions]
    ordered = [names, [kind | 0x8000 for kind in kinds], sources, targets]
    table = b"".join(struct.pack(f"<{rows}H", *column, *[0] * (rows - len(column))) for column in ordered)
    named = {
        "!_StringPool": pool,
        "!_StringData": "".join(strings).encode(),
        "!CustomAction": table,
        **{name.replace("__", "."): content for name, content in streams.items()},
    }
    return _compound({_coded(name): content for name, content in named.items()})


def _coded(name: str) -> str:
    """A stream's name as installers write it: two characters in one."""
    head, plain = ("\u4840", name[1:]) if name.startswith("!") else ("", name)
    pairs = [plain[at : at + 2] for at in range(0, len(plain), 2)]
    return head + "".join(
        chr(0x3800 + _ALPHABET.index(pair[0]) + (_ALPHABET.index(pair[1]) << 6)) if len(pair) > 1
        else chr(0x4800 + _ALPHABET.index(pair))
        for pair in pairs
    )  # fmt: skip


def _compound(streams: dict[str, bytes]) -> bytes:
    """A compound file: one sector of FAT, the directory, the streams one behind another."""
    directory = (len(streams) + 4) // 4
    chain = [0xFFFFFFFD, *range(2, directory + 1), _END]
    entries = [_entry("Root Entry", 5, _END, 0, child=1, clsid=_CLASS)]
    body = b""
    for number, (name, content) in enumerate(streams.items(), 1):
        padded = content.ljust(max(_SMALLEST, -(-len(content) // _SECTOR) * _SECTOR), b"\0")
        start = len(chain)
        count = len(padded) // _SECTOR
        chain += [*range(start + 1, start + count), _END]
        following = number + 1 if number < len(streams) else _FREE
        entries.append(_entry(name, 2, start, len(padded), right=following))
        body += padded
    listed = b"".join(entries).ljust(directory * _SECTOR, b"\0")
    fat = struct.pack(f"<{len(chain)}I", *chain).ljust(_SECTOR, b"\xff")
    head = struct.pack("<8s16sHHHHH6sIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"",
                       0, 1, 1, 0, _SMALLEST, _END, 0, _END, 0, 0)  # fmt: skip
    return head.ljust(_SECTOR, b"\xff") + fat + listed + body


def _entry(
    name: str, kind: int, start: int, size: int, right: int = _FREE, child: int = _FREE, clsid: bytes = b""
) -> bytes:
    wide = name.encode("utf-16-le") + b"\0\0"
    return struct.pack("<64sHBBIII16sIQQIQ", wide, len(wide), kind, 1, _FREE, right, child, clsid, 0, 0, 0, start, size)
