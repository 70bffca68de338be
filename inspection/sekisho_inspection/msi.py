"""Windows Installer packages: the actions of their own that they run, and the files that they carry as streams."""

from __future__ import annotations

import olefile
from sekisho_core.vocabulary import PartState

from sekisho_inspection import charset, filetype, ole
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.script_files import note_script
from sekisho_inspection.urls import note_urls

KIND = "application/x-msi"
# The class of packages and of patches, as the root entry has it.
_CLASSES = (
    bytes.fromhex("84100c0000000000c000000000000046"), bytes.fromhex("86100c0000000000c000000000000046"),
    bytes.fromhex("82100c0000000000c000000000000046"),
)  # fmt: skip
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._!"
_POOL, _DATA, _ACTIONS = "!_StringPool", "!_StringData", "!CustomAction"
_MOST_ROWS, _MOST_STREAMS, _MOST_STRINGS = 500, 200, 200_000
# Where an action's source is, by the low bits of its type.
_SOURCES = {1: "library", 2: "program", 5: "JScript", 6: "VBScript"}


def is_one(content: bytes) -> bool:
    """Whether an OLE file's root (MS-CFB 2.6.1) bears the class of an installer's package."""
    shift = min(int.from_bytes(content[30:32], "little"), 12)
    root = (int.from_bytes(content[48:52], "little") + 1) << shift
    return content[root + 80 : root + 96] in _CLASSES


def read_msi(item: Item, notes: Notes) -> PartState:
    """Actions of its own, each with its command or script, and every stream of a known type as a child. What else an
    OLE file may hold is read as in others."""
    state = ole.read_ole(item, notes)
    try:
        with olefile.OleFileIO(item.content) as file:
            streams = {_plain("/".join(path)): path for path in file.listdir()[:_MOST_STREAMS]}
            _streams(file, streams, item, notes)
            if {_POOL, _DATA, _ACTIONS} <= streams.keys():
                read = [file.openstream(streams[name]).read() for name in (_POOL, _DATA, _ACTIONS)]
                _actions(_strings(read[0], read[1]), int(read[0][3:4] >= b"\x80"), read[2], item, notes)
    # The parser raises what hostile bytes make it; the package is then not clean but unread.
    except Exception as error:
        notes.gap(item.gap, "unreadable", f"installer package: {type(error).__name__}")
        return PartState.UNREADABLE
    return state


def _plain(name: str) -> str:
    """A stream's name, whose characters each stand for one or two of a small alphabet."""
    out = []
    for sign in name:
        code = ord(sign) - 0x3800
        if 0 <= code < 0x1000:
            out.append(_ALPHABET[code & 0x3F] + _ALPHABET[code >> 6])
        else:
            out.append(_ALPHABET[code - 0x1000] if 0x1000 <= code <= 0x1040 else sign)
    return "".join(out)


def _streams(file: olefile.OleFileIO, streams: dict[str, list[str]], item: Item, notes: Notes) -> None:
    for name, path in streams.items():
        if name.startswith("!"):
            continue
        content = file.openstream(path).read()
        if filetype.sniff(content) and notes.spend(len(content), item):
            notes.child(item, content, (name,), "msi")


def _strings(pool: bytes, data: bytes) -> list[str]:
    """The string table: each entry has a length and a count of uses; a length above 64 kB takes two entries."""
    out, at, place = [""], 0, 4
    while place + 4 <= len(pool) and len(out) < _MOST_STRINGS:
        length, uses = (int.from_bytes(pool[place + shift : place + shift + 2], "little") for shift in (0, 2))
        place += 4
        if length == 0 and uses and place + 4 <= len(pool):
            length = (uses << 16) + int.from_bytes(pool[place : place + 2], "little")
            place += 4
        out.append(charset.decode(data[at : at + length])[0])
        at += length
    return out


def _actions(strings: list[str], wide: int, table: bytes, item: Item, notes: Notes) -> None:
    """The rows of CustomAction (name, type, source, target), which are kept column by column."""
    size = 2 + wide
    row = 3 * size + 2
    # Newer packages have a column more, which is not read.
    total = len(table) // (row + 4 if len(table) % row and not len(table) % (row + 4) else row)

    def text(column: int, number: int) -> str:
        at = column + number * size
        index = int.from_bytes(table[at : at + size], "little")
        return strings[index] if index < len(strings) else ""

    for number in range(min(total, _MOST_ROWS)):
        at = size * total + 2 * number
        kind = int.from_bytes(table[at : at + 2], "little") & 0x7FFF
        source = text((size + 2) * total, number)
        target = text((2 * size + 2) * total, number)
        what = _SOURCES.get(kind & 0x07, "")
        if what:
            notes.find("installer-action", item.where, f"{text(0, number)}: {what} {source} {target}")
            note_urls(target, item.where, notes)
            note_script(target, item, notes)
