"""Compound files, VBA projects and workbooks' records, made small and by hand for the cases."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from uuid import UUID

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR, _SMALL, _CUTOFF = 512, 64, 4096
Tree = Mapping[str, bytes]


def compound(streams: Tree, classes: Mapping[str, str] | None = None) -> bytes:
    """A compound file (MS-CFB, version 3) of streams by their paths; `classes` are those of storages, "" the root."""
    paths = _paths(streams)
    blocks: list[bytes] = []
    chains: list[int] = []

    def put(data: bytes) -> int:
        """Append data as a chain of sectors and return the first."""
        pieces = [data[at : at + _SECTOR].ljust(_SECTOR, b"\0") for at in range(0, len(data), _SECTOR)]
        first = len(blocks)
        for index, piece in enumerate(pieces):
            blocks.append(piece)
            chains.append(first + index + 1 if index + 1 < len(pieces) else _END)
        return first if pieces else _END

    small, small_chain, starts = b"", [], {}
    for path, data in streams.items():
        if len(data) >= _CUTOFF:
            starts[path] = put(data)
            continue
        count, first = -(-len(data) // _SMALL), len(small) // _SMALL
        small += data.ljust(count * _SMALL, b"\0")
        small_chain += [first + index + 1 for index in range(count - 1)] + [_END] * (count > 0)
        starts[path] = first if count else _END
    small_start = put(small)
    small_fat_start = put(struct.pack(f"<{len(small_chain)}L", *small_chain).ljust(_SECTOR, b"\xff"))
    entries = [_entry("Root Entry", 5, _child(paths, ""), _FREE, small_start, len(small), (classes or {}).get("", ""))]
    for path in paths:
        folder, _, name = path.rpartition("/")
        kind = 2 if path in streams else 1
        size = len(streams.get(path, b""))
        clsid = (classes or {}).get(path, "")
        entries.append(
            _entry(name, kind, _child(paths, path), _sibling(paths, path, folder), starts.get(path, 0), size, clsid)
        )
    directory = put(b"".join(entries))
    fat = len(blocks)
    blocks.append(b"")
    chains.append(_FAT)
    blocks[fat] = struct.pack(f"<{len(chains)}L", *chains).ljust(_SECTOR, b"\xff")
    header = struct.pack(
        "<8s16sHHHHH6xLLLLLLLLLL", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3E, 3, 0xFFFE, 9, 6, 0, 1,
        directory, 0, _CUTOFF, small_fat_start, 1, _END, 0, fat,
    )  # fmt: skip
    return header.ljust(_SECTOR, b"\xff") + b"".join(blocks)


def _paths(streams: Tree) -> list[str]:
    found: dict[str, None] = {}
    for path in streams:
        pieces = path.split("/")
        found.update(dict.fromkeys("/".join(pieces[: count + 1]) for count in range(len(pieces))))
    return list(found)


def _children(paths: list[str], folder: str) -> list[str]:
    return [path for path in paths if path.rpartition("/")[0] == folder]


def _child(paths: list[str], folder: str) -> int:
    found = _children(paths, folder)
    return paths.index(found[0]) + 1 if found else _FREE


def _sibling(paths: list[str], path: str, folder: str) -> int:
    found = _children(paths, folder)
    after = found.index(path) + 1
    return paths.index(found[after]) + 1 if after < len(found) else _FREE


def _entry(name: str, kind: int, child: int, sibling: int, start: int, size: int, clsid: str) -> bytes:
    raw = name.encode("utf-16-le")
    identifier = UUID(clsid).bytes_le if clsid else bytes(16)
    return struct.pack(
        "<64sHBBLLL16s4x16xLLL", raw, len(raw) + 2, kind, 1, _FREE, sibling, child, identifier, start, size, 0
    )


def packed(data: bytes) -> bytes:
    """A compressed container (MS-OVBA 2.4.1) of literals only."""
    out = b"\x01"
    for at in range(0, len(data), 3600):
        piece = data[at : at + 3600]
        tokens = b"".join(b"\0" + piece[start : start + 8] for start in range(0, len(piece), 8))
        out += struct.pack("<H", 0xB000 | (len(tokens) - 1)) + tokens
    return out


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HL", kind, len(data)) + data


def directory(modules: Mapping[str, int]) -> bytes:
    """The records of a project's directory for modules by name, each with the offset of its source."""
    out = _record(1, struct.pack("<L", 1)) + _record(2, bytes(4)) + _record(3, struct.pack("<H", 932))
    out += _record(4, b"P") + struct.pack("<HLLH", 9, 4, 1, 1) + _record(0x0F, struct.pack("<H", len(modules)))
    for name, offset in modules.items():
        raw = name.encode("cp932")
        out += _record(0x19, raw) + _record(0x1A, raw) + _record(0x32, name.encode("utf-16-le"))
        out += _record(0x31, struct.pack("<L", offset)) + _record(0x21, b"") + _record(0x2B, b"")
    return out + _record(0x10, b"")


def source(name: str, code: str) -> bytes:
    """A module's source with its attribute."""
    return f'Attribute VB_Name = "{name}"\r\n{code}\r\n'.encode("cp932")


def compiled(*strings: str) -> bytes:
    """The compiled code of a module (Office 2010, 32 bits), one line that loads strings."""
    code = b"".join(
        struct.pack("<HH", 182, len(text)) + text.encode().ljust(-(-len(text) // 2) * 2, b"\0") for text in strings
    )
    lines = struct.pack("<HHLHHL", 0, 0, 0, len(code), 0, 0)[4:]
    table = struct.pack("<HHH", 0xCAFE, 0, 1) + lines + bytes(10) + code
    return bytes(0x19) + struct.pack("<L", 0x200 - 0x3C) + bytes(0x200 - 0x1D) + table


def vba(modules: Mapping[str, str], **changes: bytes) -> dict[str, bytes]:
    """The streams of a VBA project by paths; `changes` replace streams (`dir`, `project`, `vba_project`), "" of
    compiled code stands for none."""
    before = changes.get("compiled", b"")
    wrong = changes.get("signature", b"\x01")
    streams = {"VBA/dir": changes.get("dir", packed(directory(dict.fromkeys(modules, len(before)))))}
    streams["VBA/_VBA_PROJECT"] = struct.pack("<HHBH", 0x61CC, 0x97, 0, 0xFF) + bytes(64)
    for name, code in modules.items():
        streams[f"VBA/{name}"] = before + (wrong + packed(source(name, code))[1:] if code != "\0" else b"")
    listed = changes.get("project", "".join(f"Module={name}\r\n" for name in modules).encode())
    return {**streams, "PROJECT": listed}


def biff(kind: int, data: bytes) -> bytes:
    """One record of a workbook."""
    return struct.pack("<HH", kind, len(data)) + data


def macro_book(name: bytes, formula: bytes, state: int = 0, built_in: bool = True) -> bytes:
    """A workbook of version 8 with one macro sheet that holds one formula, and a name that runs it."""
    begin = biff(0x809, struct.pack("<HHHHLL", 0x600, 5, 0, 0, 0, 0))
    text = struct.pack("<HBBHHHBBBB", 0x20 * built_in, 0, len(name), 0, 0, 0, 0, 0, 0, 0) + b"\0" + name
    sheet_at = len(begin) + len(biff(0x85, bytes(14))) + len(biff(0x18, text)) + 4
    bound = biff(0x85, struct.pack("<LBB", sheet_at, state, 1) + b"\x06\0Macro1")
    sheet = biff(0x809, struct.pack("<HHHHLL", 0x600, 0x40, 0, 0, 0, 0))
    sheet += biff(0x06, struct.pack("<HHH8sHLH", 0, 0, 0, bytes(8), 0, 0, len(formula)) + formula)
    return begin + bound + biff(0x18, text) + biff(0x0A, b"") + sheet + biff(0x0A, b"")


def string_token(text: str) -> bytes:
    """A string in a formula of version 8."""
    return b"\x17" + bytes([len(text), 0]) + text.encode("latin-1")
