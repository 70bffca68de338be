"""OneNote sections (MS-ONESTORE): the files that lie in them, their names, and the texts of their pages.

The file is searched for the objects that hold files rather than walked: what a person can click lies in one of them,
also where the lists that lead there are broken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sekisho_core.vocabulary import PartState

from sekisho_inspection import chm, filetype, msi, script_files
from sekisho_inspection.names import spellings
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_urls

KIND = "application/onenote"
READING = "onenote"
# FileDataStoreObject (2.6.13): header, length, 12 bytes unused and reserved, the file, the footer.
_HEADER = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
_FOOTER = bytes.fromhex("22a7fb71790f0b4abb13899256426b24")
_MARKS = re.compile(re.escape(_HEADER) + b"|" + re.escape(_FOOTER))
_LENGTH, _DATA = 16, 36
# The format stands at 48: the one of files, or that in which they are packed for transport (2.8, MS-FSSHTTPB).
_FORMAT = 48
_STORE = bytes.fromhex("3fdd9a101b91f549a5d01791edc8aed8")
# An object of data in the packed form: a header of 32 bits with type 2, then the length of what follows.
_BLOB = re.compile(rb"\x12\x00(..)", re.S)
_LARGE = 0x7FFF
_SMALLEST = 32
# Texts of two bytes a character. What is ASCII at one alignment is kanji alone at the other.
_WIDE_TEXT = re.compile(r"[\t\n\r -~\u3000-\u30ff\u3400-\u9fff\uff01-\uff60]{4,}+")
_NATURAL = re.compile(r"[ -~\u3041-\u30f6]")
_PLAIN_TEXT = re.compile(rb"[\t\n\r -~]{6,}+")
# A file's name behind its length in bytes.
_NAME = re.compile(
    rb"(.{2})\0\0((?:[^\0/:*?\"<>|\r\n]\0|[\x00-\xff][\x30-\x9f\xff]){1,200}?\.\0(?:[A-Za-z0-9_]\0){1,12})\0\0", re.S
)
_MOST_NAMES = 200
_MOST_TEXT = 1 << 20


def read_onenote(item: Item, notes: Notes) -> PartState:
    """Files become children; texts, links and the names of files are noted."""
    packed = item.content[_FORMAT : _FORMAT + 16] != _STORE
    files = list(_files(item, notes))
    if packed:
        files += _blobs(item.content)
        notes.gap(item.gap, "unreadable", "OneNote in its packed form, of which only whole files are read")
    rest = _without(item.content, [(start, start + size) for start, size in files])
    names = _names(rest)
    alone = tuple(names) if len(names) == 1 and len(files) == 1 else ()
    for start, size in files:
        if not notes.spend(size, item):
            break
        notes.child(item, item.content[start : start + size], alone, READING, start, size)
    _note_names(names, item, notes)
    _note_texts(rest, item, notes)
    return PartState.READ


def is_started(item: Item, kind: str) -> bool:
    """Whether a double click starts a file of a section by its content: a script, an installer, a help file. Which
    name it bears is not known."""
    return item.origin.reading == READING and (kind in (msi.KIND, chm.KIND) or script_files.is_script(item))


def _files(item: Item, notes: Notes) -> Iterator[tuple[int, int]]:
    """Place and size of each file; one whose length or footer is wrong is read up to what follows it.

    One may claim to hold others, which are read all the same."""
    content = item.content
    marks = [match.start() for match in _MARKS.finditer(content)]
    for number, at in enumerate(marks):
        start = at + _DATA
        if not content.startswith(_HEADER, at):
            continue
        end = start + int.from_bytes(content[at + _LENGTH : at + _LENGTH + 8], "little")
        # The file is padded to eight bytes before the footer.
        if _FOOTER not in content[end : end + 8 + len(_FOOTER)]:
            notes.gap(item.gap, "malformed", "a file in OneNote whose length is wrong")
            end = marks[number + 1] if number + 1 < len(marks) else len(content)
        if end > start:
            yield start, end - start


def _blobs(content: bytes) -> Iterator[tuple[int, int]]:
    """Place and size of each object of data whose lengths agree (MS-FSSHTTPB 2.2.1.3 and 2.2.1.5)."""
    at = 0
    while match := _BLOB.search(content, at):
        at = match.start() + 1
        stated = int.from_bytes(content[match.start() : match.start() + 4], "little") >> 17
        start = match.end()
        if stated == _LARGE:
            stated, start = _compact(content, start)
        size, data = _compact(content, start)
        if size >= _SMALLEST and size + data - start == stated and data + size <= len(content):
            yield data, size
            at = data + size


def _compact(content: bytes, at: int) -> tuple[int, int]:
    """A number of 1 to 8 bytes, whose lowest bits say how many (MS-FSSHTTPB 2.2.1.1), and where it ends."""
    first = content[at] if at < len(content) else 0
    if first == 0:
        return 0, at + 1
    zeros = (first & -first).bit_length() - 1
    if zeros == 7:
        return int.from_bytes(content[at + 1 : at + 9], "little"), at + 9
    return int.from_bytes(content[at : at + zeros + 1], "little") >> zeros + 1, at + zeros + 1


def _without(content: bytes, spans: list[tuple[int, int]]) -> bytes:
    """The content outside of the spans, which may overlap."""
    pieces, at = [], 0
    for start, end in sorted(spans):
        pieces.append(content[at:start])
        at = max(at, end)
    return b"\0\0".join([*pieces, content[at:]])


def _names(rest: bytes) -> list[str]:
    """Names and paths of files, each once."""
    found: dict[str, None] = {}
    for match in _NAME.finditer(rest):
        if int.from_bytes(match[1], "little") in (len(match[2]), len(match[2]) + 2):
            found[match[2].decode("utf-16-le", "replace")] = None
        if len(found) >= _MOST_NAMES:
            break
    return list(found)


def _note_names(names: list[str], item: Item, notes: Notes) -> None:
    """The names, and that one of them is a program's; which file bears which is not looked for."""
    if names:
        notes.name_facts(item.id, tuple(names))
    spelt = (one for name in names for one in spellings(name))
    if program := next((name for name in spelt if filetype.runnable(name, b"")), ""):
        notes.find("executable", item.where, f"named {program.rpartition('.')[2]}")


def _note_texts(rest: bytes, item: Item, notes: Notes) -> None:
    decoded = (rest[start:].decode("utf-16-le", "replace") for start in (0, 1))
    wide = [match[0] for text in decoded for match in _WIDE_TEXT.finditer(text) if _NATURAL.search(match[0])]
    plain = [match[0].decode("latin-1") for match in _PLAIN_TEXT.finditer(rest)]
    text = "\n".join([*wide, *plain])[:_MOST_TEXT]
    notes.text(item.where, "utf-16-le", text)
    note_urls(text, item.where, notes)
