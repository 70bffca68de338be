"""VBA projects (MS-OVBA): the source of every module, whatever the project says of itself, and what it conceals."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from sekisho_inspection import charset

# Streams beside the modules: the directory, names, and caches of compiled code.
_OTHERS = ("dir", "_vba_project", "__srp_")
# Source unpacked over one project; Excel itself takes 64 kB a procedure.
MAX_CODE = 4 << 20
_CHUNK = 4096
# Packed source begins with a chunk of one literal run: "Attribut", then "e VB_Nam" (2.4.1.3).
_SOURCE = re.compile(rb"(?s).(..)\x00Attribut[\x00\x01\x02\x04\x08\x10\x20\x40\x80]")
_ATTRIBUTE = re.compile(r"^[ \t]*+attribute\b", re.I)
_LISTED = re.compile(r"^(?:Module|Document|Class|BaseClass|Package)=([^/\r\n]*+)", re.I | re.M)
_MODULE_NAME, _MODULE_STREAM, _MODULE_OFFSET, _MODULE_END, _WIDE_STREAM = 0x19, 0x1A, 0x31, 0x2B, 0x32
_CODE_PAGE, _VERSION = 0x03, 0x09
# Records of one directory; a module has eleven.
_MAX_RECORDS = 50_000
_MAX_SALVAGED = 100
_CHARSETS = {932: "cp932", 936: "gb18030", 949: "cp949", 950: "big5", 65001: "utf-8", 10001: "cp932", 51932: "euc-jp"}


@dataclass(frozen=True)
class Module:
    """One module: its name, its stream's path, its source, the compiled code before it, and whether it is concealed."""

    name: str
    path: str
    code: str
    compiled: bytes
    hidden: bool = False

    @property
    def statements(self) -> list[str]:
        """The lines of source that are no attribute, no comment and not empty."""
        lines = (line.strip() for line in self.code.splitlines())
        return [line for line in lines if line and not line.startswith("'") and not _ATTRIBUTE.match(line)]


@dataclass
class Project:
    """A VBA project: the storage it lies in, its modules, and the faults that keep some from being read."""

    folder: str
    modules: list[Module] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    # Whether code beyond the limit was left out.
    cut: bool = False
    # The table of names that compiled code refers to, and whether that is code of 64 bits.
    names: bytes = b""
    wide: bool = False


@dataclass(frozen=True)
class _Stated:
    """What the project's directory says of one module."""

    name: str
    streams: tuple[str, ...]
    offset: int


class _Room:
    """Unpacks source as long as there is room for more."""

    def __init__(self, left: int) -> None:
        self.left = left

    def unpacked(self, data: bytes, at: int) -> bytes:
        """What stands packed at `at`, as far as there is room."""
        code = unpacked(data, at, self.left) if self.left > 0 else b""
        self.left -= len(code)
        return code


def projects(streams: Mapping[str, bytes]) -> Iterator[Project]:
    """The projects of a compound file by its streams: one for each storage that holds a directory or packed source."""
    room = _Room(MAX_CODE)
    folders: dict[str, dict[str, bytes]] = {}
    for path, content in streams.items():
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, {})[name] = content
    for folder, files in folders.items():
        named = {name.lower(): content for name, content in files.items()}
        if "_vba_project" in named or _is_directory(named.get("dir", b"")) or any(map(_is_source, files.values())):
            around = folders.get(folder.rpartition("/")[0] if "/" in folder else "", {})
            listing = next((content for name, content in around.items() if name.lower() == "project"), b"")
            yield _project(folder, files, listing, room)


def salvaged(data: bytes) -> Project:
    """Every source that is seen in bytes which have no directory."""
    project = Project("")
    for match in islice(_SOURCE.finditer(data), _MAX_SALVAGED):
        code = _text(unpacked(data, match.start(), MAX_CODE // _MAX_SALVAGED), "")
        project.modules.append(Module("salvaged", f"at {match.start()}", code, b""))
    return project


def unpacked(data: bytes, at: int = 0, limit: int = MAX_CODE) -> bytes:
    """What a compressed container (2.4.1) at `at` holds, up to `limit` bytes; its signatures need not be right."""
    out = bytearray()
    at += 1
    while at + 2 <= len(data) and len(out) < limit:
        header = struct.unpack_from("<H", data, at)[0]
        end = min(at + (header & 0xFFF) + 3, len(data))
        if header & 0x8000:
            _unpack_chunk(data[at + 2 : end], out)
        elif header & 0xFFF == 0xFFF:
            # As it is, which is always a whole chunk.
            end = at + 2 + _CHUNK
            out += data[at + 2 : end]
        else:
            break
        at = end
    return bytes(out[:limit])


def _unpack_chunk(chunk: bytes, out: bytearray) -> None:
    """Tokens in groups of eight (2.4.1.3.5); a copy token's bits are parted by how much of the chunk is unpacked."""
    start, at = len(out), 0
    while at < len(chunk):
        flags = chunk[at]
        at += 1
        for bit in range(8):
            if at >= len(chunk) or len(out) - start >= _CHUNK:
                return
            if not flags >> bit & 1:
                out.append(chunk[at])
                at += 1
                continue
            token = int.from_bytes(chunk[at : at + 2], "little")
            at += 2
            bits = max((len(out) - start - 1).bit_length(), 4)
            length, distance = (token & (0xFFFF >> bits)) + 3, (token >> (16 - bits)) + 1
            if distance > len(out) - start:
                return
            piece = out[-distance:][:length]
            out += (piece * (length // len(piece) + 1))[:length]


def _is_directory(data: bytes) -> bool:
    return data[:1] == b"\x01" and unpacked(data, 0, 64)[:6] == b"\x01\0\x04\0\0\0"


def _is_source(data: bytes) -> bool:
    return b"\0Attribut" in data and _SOURCE.search(data) is not None


def _project(folder: str, files: dict[str, bytes], listing: bytes, room: _Room) -> Project:
    named = {name.lower(): content for name, content in files.items()}
    stated, label, wide = _directory(unpacked(named["dir"])) if "dir" in named else ([], "", False)
    project = Project(folder, names=named.get("_vba_project", b""), wide=wide)
    if not stated:
        project.faults.append("a VBA project whose directory cannot be read")
    shown = {name.strip().lower() for name in _LISTED.findall(charset.decode(listing, label)[0])}
    left = dict(files)
    for module in stated:
        path = next((name for name in left if name.lower() in module.streams), "")
        if not path:
            project.faults.append(f"a VBA module without its stream: {module.name[:80]}")
            continue
        found = _module(f"{folder}/{path}", left.pop(path), module, label, room, project)
        project.modules.append(replace(found, hidden=bool(shown) and module.name.lower() not in shown))
    for name, content in left.items():
        # Streams that the directory does not list may hold source all the same.
        if not name.lower().startswith(_OTHERS) and (seen := _SOURCE.search(content)):
            code = _text(room.unpacked(content, seen.start()), label)
            project.modules.append(Module(name, f"{folder}/{name}", code, content[: seen.start()], bool(stated)))
    project.cut = room.left <= 0
    return project


def _module(path: str, content: bytes, stated: _Stated, label: str, room: _Room, project: Project) -> Module:
    """A module at the offset that the directory states, or where source is seen, when there is none."""
    offset = stated.offset
    if b"attribut" not in unpacked(content, offset, 64).lower()[:20] and (seen := _SOURCE.search(content)):
        offset = seen.start()
    code = room.unpacked(content, offset) if offset < len(content) else b""
    if content[offset : offset + 1] not in (b"\x01", b""):
        project.faults.append(f"a VBA module with a wrong signature: {stated.name[:80]}")
    return Module(stated.name, path.lstrip("/"), _text(code, label), content[:offset])


def _text(code: bytes, label: str) -> str:
    return charset.decode(code, label)[0].replace("\0", "")


def _directory(data: bytes) -> tuple[list[_Stated], str, bool]:
    """Modules, charset and width of 64 bits by the records of the directory (2.3.4.2)."""
    found: list[_Stated] = []
    label, wide = "", False
    name, offset = "", 0
    streams: list[str] = []
    for kind, value in _records(data):
        if kind == 0x01 and len(value) == 4:
            wide = value[0] == 3
        elif kind == _CODE_PAGE:
            page = int.from_bytes(value[:2], "little")
            label = _CHARSETS.get(page, f"cp{page}")
        elif kind == _MODULE_NAME:
            name, streams, offset = charset.decode(value, label)[0], [], 0
        elif kind == _MODULE_STREAM:
            streams.append(charset.decode(value, label)[0].lower())
        elif kind == _WIDE_STREAM:
            streams.append(value.decode("utf-16-le", "replace").lower())
        elif kind == _MODULE_OFFSET:
            offset = int.from_bytes(value[:4], "little")
        elif kind == _MODULE_END and (name or streams):
            found.append(_Stated(name or streams[0], (*streams, name.lower()), offset))
            name, streams = "", []
    return found, label, wide


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    for _ in range(_MAX_RECORDS):
        if at + 6 > len(data):
            return
        kind, size = struct.unpack_from("<HL", data, at)
        # The version's size does not count its last two bytes (2.3.4.2.1.11).
        size += 2 * (kind == _VERSION)
        yield kind, data[at + 6 : at + 6 + size]
        at += 6 + size
