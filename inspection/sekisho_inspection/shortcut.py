"""Shortcuts of Windows (MS-SHLLINK): what a double click starts, how it shows itself, what else the file carries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sekisho_core.vocabulary import PartState

from sekisho_inspection import charset, ciphers, filetype
from sekisho_inspection.carving import carved
from sekisho_inspection.link_files import is_remote
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.script_files import note_script
from sekisho_inspection.urls import note_urls

KIND = "application/x-ms-shortcut"
_HEADER = 76
_HAS_IDS, _HAS_INFO, _UNICODE = 0x1, 0x2, 0x80
# Name, relative path, working directory, arguments, icon: the flag of each (2.1.1) in the order of the file (2.4).
_STRINGS = ((0x4, "description"), (0x8, "relative"), (0x10, "directory"), (0x20, "arguments"), (0x40, "icon"))
_ENVIRONMENT, _TRACKER, _DARWIN, _ICON, _VISTA = 0xA0000001, 0xA0000003, 0xA0000006, 0xA0000007, 0xA000000C
_BLOCKS = range(0xA0000000, 0xA0000010)
_ENTRY_EXTENSION = b"\x04\x00\xef\xbe"
# Where the long name stands in a file entry's extension, by its version.
_LONG_NAME = {3: 20, 4: 20, 5: 20, 6: 20, 7: 38, 8: 42, 9: 46}
_DRIVE = re.compile(rb"[A-Za-z]:\\?\0")
_WIDE = re.compile(rb"(?:[\x20-\x7e]\0){4,}+")
_PLAIN = re.compile(rb"[\x20-\x7e]{4,}+")
_MOST_ITEMS, _MOST_BLOCKS = 100, 50
# What the properties of a shortcut show of its arguments, and how many blanks hide the rest from who looks.
_LONGEST_PATH, _SHOWN, _BLANKS = 260, 260, 20
_BLANK_RUN = re.compile(rf"\s{{{_BLANKS},}}+")
_MINIMISED = 7
# Bytes that some programs leave behind the end.
_FEW = 8
_DOCUMENT_ICON = re.compile(
    r"\.(?:pdf|docx?|xlsx?|pptx?|rtf|txt|jpe?g|png|html?|zip|jtd|csv|one)\b|(?:acrord32|acrobat|winword|excel|powerpnt|"
    r"msedge|chrome|wordpad|notepad|onenote|foxit\w*|wordicon|xlicons|pptico|outlook)\.exe|pdf\w*\.ico|"
    r"(?:wordicon|xlicons|pptico|accicons)\b",
    re.I,
)


@dataclass
class _Shortcut:
    """What stands in one shortcut. `ends` is where its last block does, None where that lies beyond the file."""

    targets: list[str] = field(default_factory=list)
    strings: dict[str, str] = field(default_factory=dict)
    machine: str = ""
    window: int = 1
    ends: int | None = None


def read_shortcut(item: Item, notes: Notes) -> PartState:
    """Note target, arguments, icon and addresses; what stands behind the last block becomes a child."""
    if len(item.content) < _HEADER:
        return PartState.READ
    found = _parsed(item.content)
    targets = list(dict.fromkeys(filter(None, (target.strip("\0 ") for target in found.targets))))
    arguments = found.strings.get("arguments", "")
    target = targets[0] if targets else found.strings.get("relative", "")
    command = f"{target} {' '.join(arguments.split())}".strip()
    notes.find("shortcut", item.where, command or "a shortcut without a target")
    notes.observe("process:command_line", command, item.where)
    notes.observe("x-sekisho-shortcut:machine_id", found.machine, item.where)
    for value in (*targets, found.strings.get("directory", ""), found.strings.get("icon", "")):
        if is_remote(value):
            notes.find("link-remote", item.where, value)
    _disguises(found, target, item, notes)
    text = "\n".join([*targets, *found.strings.values()])
    note_urls("\n".join([text, *_other_strings(item.content)]), item.where, notes)
    if command:
        note_script(f"{target} {arguments}", item, notes)
    if found.ends is None:
        notes.gap(item.gap, "malformed", "a shortcut that ends before its last block")
    else:
        _appended(found.ends, item, notes)
    return PartState.READ


def _disguises(found: _Shortcut, target: str, item: Item, notes: Notes) -> None:
    arguments, icon = found.strings.get("arguments", ""), found.strings.get("icon", "")
    if len(arguments) > _SHOWN or _BLANK_RUN.search(arguments):
        blanks = sum(len(run) for run in _BLANK_RUN.findall(arguments))
        notes.find("shortcut-padded", item.where, f"{len(arguments)} characters of arguments, {blanks} blanks in runs")
    program = filetype.runnable(target.rpartition("\\")[2], None) or not _DOCUMENT_ICON.search(target)
    if icon and program and _DOCUMENT_ICON.search(icon) and icon.lower() != target.lower():
        notes.find("document-icon", item.where, f"{target} shows itself as {icon}")
    if found.window == _MINIMISED and found.strings.get("arguments"):
        notes.find("script-hidden-window", item.where, "a shortcut that starts minimised")


def _appended(end: int, item: Item, notes: Notes) -> None:
    """What stands behind the terminal block (2.5): the whole, and each known file in it where another begins first."""
    rest = item.content[end:]
    if len(rest.strip(b"\0\r\n\t ")) < _FEW:
        return
    notes.find("appended-data", item.where, f"offset {end}: {len(rest)} bytes behind the end of the shortcut")
    if not notes.spend(len(rest), item):
        return
    notes.child(item, rest, (), "shortcut", end, len(rest))
    coded = None if filetype.sniff(rest) else ciphers.solved(rest, [])
    if coded and notes.spend(len(coded), item):
        notes.child(item, coded, (), "cipher", end, len(rest))
    for at, content in carved(item.content, end + 1):
        if at > end and notes.spend(len(content), item):
            notes.child(item, content, (), "carved", at, len(content))


def _parsed(data: bytes) -> _Shortcut:
    out = _Shortcut()
    flags, out.window = _number(data, 20), _number(data, 60)
    at = _HEADER
    if flags & _HAS_IDS:
        size = _number(data, at, 2)
        out.targets.append(_path(data[at + 2 : at + 2 + size]))
        at += 2 + size
    if flags & _HAS_INFO:
        size = _number(data, at)
        out.targets += _info(data[at : at + size])
        at += max(4, size)
    for flag, name in _STRINGS:
        if flags & flag:
            out.strings[name], at = _counted(data, at, bool(flags & _UNICODE), name != "arguments")
    out.ends = _blocks(data, at, out)
    return out


def _number(data: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(data[at : at + size], "little") if at >= 0 else 0


def _counted(data: bytes, at: int, wide: bool, short: bool) -> tuple[str, int]:
    """A string behind its number of characters (2.4), and where it ends. Of all but the arguments Windows reads no more
    than 260 characters, whatever the number says, and what follows is read from there."""
    count = _number(data, at, 2)
    length = (min(count, _LONGEST_PATH) if short else count) * (2 if wide else 1)
    raw = data[at + 2 : at + 2 + length]
    return (raw.decode("utf-16-le", "replace") if wide else _narrow(raw)), at + 2 + length


def _narrow(raw: bytes) -> str:
    return raw.decode("ascii") if raw.isascii() else charset.decode(raw)[0]


def _ended(data: bytes, at: int, wide: bool = False) -> str:
    """The text from `at` up to its NUL."""
    if not 0 < at < len(data):
        return ""
    if not wide:
        return _narrow(data[at:].partition(b"\0")[0])
    return data[at : at + 65536].decode("utf-16-le", "replace").partition("\0")[0]


def _path(ids: bytes) -> str:
    """The path that an item list names (2.2): volumes and file entries; of other items their longest text."""
    pieces: list[str] = []
    at = 0
    while len(pieces) < _MOST_ITEMS and (size := _number(ids, at, 2)) > 2:
        entry = ids[at : at + size]
        kind = entry[2] if len(entry) > 2 else 0
        if kind & 0x70 == 0x30:
            pieces.append(_entry_name(entry, bool(kind & 0x04)))
        elif _DRIVE.match(entry, 3):
            pieces.append(_ended(entry, 3).rstrip("\\"))
        elif kind not in (0x1F, 0x2E):
            pieces.append(max(_texts(entry), key=len, default=""))
        at += size
    return "\\".join(piece for piece in pieces if piece)


def _entry_name(entry: bytes, wide: bool) -> str:
    """The long name of a file entry, else its short one."""
    at = entry.find(_ENTRY_EXTENSION)
    version = _number(entry, at - 2, 2) if at >= 4 else 0
    long = _ended(entry, at - 4 + _LONG_NAME.get(min(version, 9), 0), True) if version in range(3, 16) else ""
    return long or _ended(entry, 14, wide)


def _info(info: bytes) -> Iterator[str]:
    """Local and network paths (2.3), each with the suffix that both share."""
    wide = _number(info, 4) >= 0x24
    suffixes = (_ended(info, _number(info, 32), True) if wide else "", _ended(info, _number(info, 24)))
    suffix = next(filter(None, suffixes), "")
    local = (_ended(info, _number(info, 28), True) if wide else "") or _ended(info, _number(info, 16))
    network = info[_number(info, 20) :] if _number(info, 8) & 2 and 0 < _number(info, 20) < len(info) else b""
    share = _ended(network, _number(network, 20), True) if _number(network, 8) > 0x14 else ""
    share = share or _ended(network, _number(network, 8))
    if share:
        yield f"{share}\\{suffix}".rstrip("\\")
    if local:
        yield local + suffix


def _blocks(data: bytes, at: int, out: _Shortcut) -> int | None:
    """Read the extra blocks (2.5); where they end."""
    for _ in range(_MOST_BLOCKS):
        size = _number(data, at)
        if at + 4 > len(data):
            # Nothing behind the strings, or a block that is cut off.
            return len(data) if at == len(data) else None
        if size < 4:
            return at + 4
        block = data[at : at + size]
        signature = _number(block, 4)
        if signature not in _BLOCKS:
            # No block at all: what was appended without a terminal block.
            return at
        if signature in (_ENVIRONMENT, _DARWIN):
            out.targets += filter(None, (_ended(block, 268, True), _ended(block, 8)))
        elif signature == _ICON:
            out.strings["icon"] = _ended(block, 268, True) or _ended(block, 8) or out.strings.get("icon", "")
        elif signature == _TRACKER:
            out.machine = _ended(block, 16)
        elif signature == _VISTA:
            out.targets.append(_path(block[8:]))
        at += size
    return at


def _texts(data: bytes) -> list[str]:
    wide = [match.decode("utf-16-le") for match in _WIDE.findall(data)]
    return wide + [match.decode("ascii") for match in _PLAIN.findall(data)]


def _other_strings(data: bytes) -> list[str]:
    """Texts of properties and unknown blocks, which may hold addresses; the file's beginning alone."""
    return [text for text in _texts(data[:65536]) if "/" in text or "\\\\" in text]
