"""RTF (specification 1.9.1): text, fields, the template that it fetches and the objects in it, as Word reads them.

Word takes nearly anything for RTF: whatever stands between an object's digits is passed over, groups need no end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from sekisho_core.vocabulary import PartState

from sekisho_inspection import charset, filetype, objects
from sekisho_inspection.compound import MAGIC
from sekisho_inspection.field_codes import BEGIN, END, SEPARATOR, note_fields
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_urls

KIND = "application/rtf"
_TOKEN = re.compile(
    rb"\\bin([0-9]{1,10}) ?|\\'([0-9a-fA-F]{2})|\\([a-zA-Z]{1,250})(-?[0-9]{1,10})? ?|\\([^a-zA-Z])|([{}])|([^\\{}]++)"
)
_NOT_HEX = re.compile(rb"[^0-9a-fA-F]++")
# Destinations whose text is digits, and those whose text nobody sees.
_HEX = frozenset(["objdata", "pict", "themedata", "datastore", "colorschememapping", "blipuid"])
_UNSEEN = frozenset([
    "colortbl", "fonttbl", "stylesheet", "info", "generator", "listtable", "rsidtbl", "template", "objclass", "objname",
    "oleclsid",
    "xmlnstbl", "latentstyles", "mmathpr", "pgptbl", "filetbl", "docvar", "userprops", "bkmkstart", "bkmkend",
    "htmltag", "fldinst", "mailmerge", "hl", "hlsrc", "hlloc",
])  # fmt: skip
_PICTURES = ("pngblip", "jpegblip")
_BREAKS = {"par": "\n", "line": "\n", "row": "\n", "tab": "\t", "cell": "\t", "sect": "\n", "page": "\n"}
_LARGEST_HEADER = 4096
# Tokens are drawn from the effort of the mail in batches, each for the work that four bytes of another reading are.
_BATCH, _COST = 1000, 4
# Groups in each other; documents have some twenty.
_MAX_GROUPS = 10_000
_MAX_OBJECTS, _MAX_PICTURES = 500, 50
# Objects that say no class, and are shorter, are leftovers.
_SHORTEST = 32


@dataclass
class _Data:
    """Digits of an object or picture as they were collected, and what its surroundings say of it."""

    start: int
    kind: str
    # Pieces by what they stand in: the group itself (0), groups in it (1), escapes of a character (2).
    digits: list[tuple[int, bytes]] = field(default_factory=list)
    properties: set[str] = field(default_factory=set)


@dataclass
class _Group:
    """A group's destination, where its digits go, how many characters stand for one of Unicode, and whether it is a
    field."""

    destination: str = ""
    data: _Data | None = None
    skip: int = 1
    is_field: bool = False
    pending: int = 0
    # Levels below the group that began the data.
    inside: int = 0


def is_one(content: bytes) -> bool:
    """Whether Word reads it as RTF: the header may be cut short or have white space before it."""
    return content[:64].lstrip(b" \t\r\n\0\xef\xbb\xbf").startswith(b"{\\rt")


def read_rtf(item: Item, notes: Notes) -> PartState:
    """Note what the document fetches and runs; objects in it become children."""
    reader = _Reader(item.content)
    if not reader.read(notes):
        notes.gap(item.gap, "limit", "more words of RTF than can be followed")
    if reader.is_deep:
        notes.gap(item.gap, "limit", f"more than {_MAX_GROUPS} groups in each other")
    seen, unseen = reader.text(reader.seen), reader.text(reader.unseen)
    notes.text(item.where, reader.label or "us-ascii", seen)
    note_urls(seen, item.where, notes)
    note_urls(unseen, item.where, notes)
    note_fields(f"{BEGIN}{reader.text(reader.codes)}{END}", item, notes)
    for target in reader.templates:
        objects.note_link(reader.text(target), "template", "", item, notes)
    for name in reader.classes:
        objects.note_class(reader.text(name).strip(), reader.text(name), "", item, notes)
    for data in reader.found:
        if data.kind == "pict":
            _picture(data, item, notes)
        else:
            _object(data, item, notes)
    return PartState.READ


class _Reader:
    """Walks the tokens once and sorts text, instructions and digits by destination."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.label = ""
        self.seen: list[bytes | str] = []
        self.unseen: list[bytes | str] = []
        self.codes: list[bytes | str] = []
        self.templates: list[list[bytes | str]] = []
        self.classes: list[list[bytes | str]] = []
        self.found: list[_Data] = []
        self._properties: set[str] = set()
        self._stack = [_Group()]
        # Groups beyond the limit that are open.
        self._beyond = 0
        self.is_deep = False

    def read(self, notes: Notes) -> bool:
        """False where the document has more tokens than the mail's effort reads to its end."""
        at, content = 0, self._content
        for number in count():
            if number % _BATCH == 0 and not notes.effort(_BATCH * _COST):
                break
            match = _TOKEN.match(content, at)
            if match is None:
                at = at + 1
                if at >= len(content):
                    return True
                continue
            at = match.end()
            kind = match.lastindex
            if kind == 7:
                self._plain(match[7])
            elif kind == 6:
                self._bracket(match[6])
            elif kind == 1:
                size = int(match[1])
                self._binary(content[at : at + size])
                at += size
            elif kind == 2:
                self._character(bytes.fromhex(match[2].decode()))
            elif kind == 5:
                self._symbol(match[5])
            else:
                self._word(match[3].decode().lower(), match[4], match.start())
        return False

    def text(self, pieces: list[bytes | str]) -> str:
        """Pieces in the document's charset, and characters, as one text."""
        out: list[str] = []
        run = bytearray()
        for piece in pieces:
            if isinstance(piece, bytes):
                run += piece
                continue
            if run:
                out.append(charset.decode(bytes(run), self.label)[0])
                run = bytearray()
            out.append(piece)
        if run:
            out.append(charset.decode(bytes(run), self.label)[0])
        return "".join(out)

    def _bracket(self, bracket: bytes) -> None:
        top = self._stack[-1]
        if bracket == b"{" and len(self._stack) > _MAX_GROUPS:
            self.is_deep = True
            self._beyond += 1
        elif bracket == b"{":
            self._stack.append(_Group(top.destination, top.data, top.skip, inside=top.inside + (top.data is not None)))
        elif self._beyond:
            self._beyond -= 1
        elif len(self._stack) > 1:
            if top.is_field:
                self.codes.append(END)
            self._stack.pop()

    def _word(self, word: str, number: bytes | None, at: int) -> None:
        top = self._stack[-1]
        value = int(number) if number else 0
        if word == "u":
            self._add(chr(value % 0x10000) if not 0xD800 <= value % 0x10000 < 0xE000 else "\ufffd")
            top.pending = top.skip
        elif word == "uc":
            top.skip = min(max(value, 0), 32)
        elif word == "ansicpg":
            self.label = f"cp{value}"
        elif word == "fcharset" and value == 128:
            # A font for Japanese in a document that names another code page.
            self.label = "cp932"
        elif word in _BREAKS:
            self._add(_BREAKS[word])
        elif word in ("objdata", "pict"):
            if len(self.found) < _MAX_OBJECTS:
                top.data = _Data(at, word, properties=set(self._properties) if word == "objdata" else set())
                self.found.append(top.data)
            top.destination, top.inside = word, 0
        else:
            self._destination(word, top)

    def _destination(self, word: str, top: _Group) -> None:
        if word == "field":
            top.is_field = True
            self.codes.append(BEGIN)
        elif word == "fldrslt":
            top.destination = word
            self.codes.append(SEPARATOR)
        elif word in ("template", "objclass", "oleclsid"):
            top.destination = word
            (self.templates if word == "template" else self.classes).append([])
        elif word == "object":
            self._properties = set()
        elif word in ("result", "nonshppict", "shppict", "par", "pard"):
            top.destination, top.data = ("", None) if word == "result" else (top.destination, top.data)
        elif word in _UNSEEN or word in _HEX:
            top.destination = word
        elif word.startswith("obj"):
            self._properties.add(word)
        elif top.data is not None and word in _PICTURES:
            top.data.properties.add(word)

    def _binary(self, data: bytes) -> None:
        top = self._stack[-1]
        if top.data is not None:
            top.data.digits.append((min(top.inside, 1), data.hex().encode()))

    def _character(self, byte: bytes) -> None:
        top = self._stack[-1]
        if top.data is not None:
            top.data.digits.append((2, byte.hex().encode()))
        if top.destination in _HEX:
            return
        if top.pending:
            top.pending -= 1
            return
        self._add(byte)

    def _symbol(self, symbol: bytes) -> None:
        if symbol in (b"\\", b"{", b"}"):
            self._add(symbol)
        elif symbol in (b"\r", b"\n"):
            self._add("\n")
        elif symbol == b"~":
            self._add(" ")
        elif symbol == b"_":
            self._add("-")

    def _plain(self, text: bytes) -> None:
        top = self._stack[-1]
        if top.data is not None:
            top.data.digits.append((min(top.inside, 1), text))
        elif top.destination not in _HEX:
            text = text.replace(b"\r", b"").replace(b"\n", b"")
            if top.pending:
                text, top.pending = text[top.pending :], max(0, top.pending - len(text))
            self._add(text)

    def _add(self, piece: bytes | str) -> None:
        if not piece:
            return
        destination = self._stack[-1].destination
        if destination == "fldinst":
            self.codes.append(piece)
        if destination == "template" and self.templates:
            self.templates[-1].append(piece)
        if destination in ("objclass", "oleclsid") and self.classes:
            self.classes[-1].append(piece)
        (self.unseen if destination in _UNSEEN else self.seen).append(piece)


def _picture(data: _Data, item: Item, notes: Notes) -> None:
    if not data.properties & set(_PICTURES):
        return
    digits = _digits(data, 0)
    content = bytes.fromhex(digits[: len(digits) // 2 * 2].decode())
    # Pictures are searched for codes; those of Windows' own formats are drawings.
    if content and notes.spend(len(content), item):
        notes.child(item, content, (), "rtf", data.start)


def _object(data: _Data, item: Item, notes: Notes) -> None:
    """One object under each reading of its digits, until one makes sense."""
    readings = list(dict.fromkeys(_readings(data)))
    found = next((one for content in readings if (one := _embedded(content)) is not None), None)
    if found is None:
        for content in readings[:1]:
            if len(content) >= _SHORTEST and notes.spend(len(content), item):
                notes.gap(item.gap, "malformed", "an RTF object that cannot be taken apart")
                notes.child(item, content, (), "rtf", data.start)
        return
    name, topic, content, linked = found
    place = f"object at {data.start}"
    objects.note_class("", name, place, item, notes)
    for property_name in ("objupdate", "objautlink", "objlink"):
        if property_name in data.properties:
            notes.find("office-package", item.at(place), f"{name or 'an object'}: \\{property_name}")
    if topic:
        objects.note_link(topic, "link", place, item, notes)
    if linked or not content:
        return
    objects.note_monikers(content, place, item, notes)
    if name.lower().startswith("package") and not content.startswith(MAGIC):
        objects.note_package(content, place, item, notes)
    elif name.lower().startswith("equation") and not content.startswith(MAGIC):
        objects.note_equation(content, place, item, notes)
    elif notes.spend(len(content), item):
        notes.child(item, content, (), "rtf", data.start)


def _readings(data: _Data) -> Iterator[bytes]:
    """The bytes that the digits are, with those in groups, without these, with escapes; and with the digits paired
    otherwise, since an odd one may stand before."""
    for most in dict.fromkeys((1, 0, max((kind for kind, _ in data.digits), default=0))):
        digits = _digits(data, most)
        for start in (0, 1):
            yield bytes.fromhex(digits[start : start + (len(digits) - start) // 2 * 2].decode())


def _digits(data: _Data, most: int) -> bytes:
    return _NOT_HEX.sub(b"", b"".join(piece for kind, piece in data.digits if kind <= most))


def _embedded(data: bytes) -> tuple[str, str, bytes, bool] | None:
    """Class, topic, native data and whether it is a link, of an OLE 1.0 object (MS-OLEDS 2.2.4, 2.2.5), or of what
    else has a beginning that is known; None for other data."""
    kind = int.from_bytes(data[4:8], "little")
    if kind in (1, 2):
        name, at = _text_at(data, 8)
        topic, at = _text_at(data, at)
        _, at = _text_at(data, at)
        if at and kind == 1:
            return name, topic, b"", True
        if at:
            size = int.from_bytes(data[at : at + 4], "little")
            return name, topic, data[at + 4 : at + 4 + size] if size else data[at + 4 :], False
    place = data.find(MAGIC)
    if place >= 0:
        return "", "", data[place:], False
    return ("", "", data, False) if filetype.sniff(data) else None


def _text_at(data: bytes, at: int) -> tuple[str, int]:
    """A string behind its length in four bytes, and where it ends; the end is 0 where it cannot be one."""
    size = int.from_bytes(data[at : at + 4], "little")
    if not at or size > _LARGEST_HEADER or at + 4 + size > len(data):
        return "", 0
    return charset.decode(data[at + 4 : at + 4 + size].partition(b"\0")[0])[0], at + 4 + size
