"""Outlook's message files (MS-OXMSG): texts, attachments, and the messages and objects that lie in them as storages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sekisho_core.vocabulary import PartState

from sekisho_inspection import mapi
from sekisho_inspection.charset import decode
from sekisho_inspection.compound import MAGIC, CompoundFile, Entry
from sekisho_inspection.header_blocks import read_block
from sekisho_inspection.headers import Field
from sekisho_inspection.mapi import Value
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.outlook import Attachment, Message, note_attachment, note_message
from sekisho_inspection.storage import Storage, compound_file
from sekisho_inspection.urls import note_urls

KIND = "application/vnd.ms-outlook"
_READING = "msg"
_PROPERTIES = "__properties_version1.0"
_MARK = _PROPERTIES.encode("utf-16-le")
# A message that is a document as well is one to Word or Excel.
_OFFICE = frozenset(["worddocument", "workbook", "book", "powerpoint document", "encryptedpackage"])
_VALUE = re.compile(r"__substg1\.0_([0-9a-f]{4})([0-9a-f]{4})(?:-[0-9a-f]{8})?", re.I)
_ATTACHMENT, _RECIPIENT = "__attach_version1.0_#", "__recip_version1.0_#"
_STRING8, _UNICODE, _OBJECT = 0x1E, 0x1F, 0x0D
_MANY = 0x1000
# The storage that is the content of an attachment.
_INNER = f"__substg1.0_{mapi.ATTACH_DATA:04x}{_OBJECT:04x}"
_HEADERS, _MESSAGE_ID = 0x007D, 0x1035
_NAME, _ADDRESSES = 0x3001, (0x39FE, 0x3003)
_ENTRY = 16
# Streams of one message; Outlook writes some hundred.
_MOST_STREAMS = 20_000
# Texts of other properties (contacts, tasks, calendars) that are searched for links.
_MOST_TEXT = 1 << 20
_DEEPEST = 30


def sniff(content: bytes) -> str:
    """The kind of a compound file that is a message and nothing else; "" for others."""
    names = _names(content)
    return KIND if _PROPERTIES in names and not names & _OFFICE else ""


def is_message(content: bytes) -> bool:
    """Whether a compound file is a message to Outlook, whatever else it is."""
    return _PROPERTIES in _names(content)


def _names(content: bytes) -> set[str]:
    """The names in the root, in lower case; none where one of them cannot be the message's."""
    if not content.startswith(MAGIC) or _MARK not in content:
        return set()
    return {entry.path.lower() for entry in CompoundFile(content).entries if "/" not in entry.path}


def read_msg(item: Item, notes: Notes) -> PartState:
    """Head and texts are noted, attachments become children. A broken stream is a gap and hides no other."""
    file = CompoundFile(item.content)
    entries = [entry for entry in file.entries if entry.is_stream]
    if len(entries) > _MOST_STREAMS:
        notes.gap(item.gap, "limit", f"more than {_MOST_STREAMS} streams")
    reader = _Reader(file, entries[:_MOST_STREAMS], item, notes)
    reader.read_message()
    reader.read_attachments()
    for fault in file.faults:
        notes.gap(item.gap, "malformed", f"Outlook message: {fault}")
    return PartState.READ


class _Reader:
    def __init__(self, file: CompoundFile, entries: list[Entry], item: Item, notes: Notes) -> None:
        self._file = file
        # By the storage in the root that they lie in ("" for the root itself), with their paths below it.
        self._streams: dict[str, list[tuple[list[str], Entry]]] = {}
        for entry in entries:
            storage, _, path = entry.path.rpartition("/") if "/" not in entry.path else entry.path.partition("/")
            self._streams.setdefault(storage, []).append((path.split("/"), entry))
        self._item = item
        self._notes = notes

    def read_message(self) -> None:
        message = Message()
        others: list[str] = []
        for name, value in self._values(""):
            if name == _HEADERS:
                message.fields += self._transport(value)
            elif name == _MESSAGE_ID:
                message.fields.append(Field("Message-ID", value.as_text()))
            elif not message.take(name, value) and len(others) < _MOST_STREAMS:
                others.append(decode(value.as_text()[:_MOST_TEXT])[0])
        message.fields += self._recipients(others)
        note_message(message, _READING, self._item, self._notes)
        note_urls("\n".join(others)[:_MOST_TEXT], self._item.where, self._notes)

    def read_attachments(self) -> None:
        """Every storage of an attachment, also one without content."""
        for storage in self._storages(_ATTACHMENT):
            attachment = Attachment()
            for name, value in self._values(storage):
                if name == mapi.ATTACH_DATA:
                    attachment.contents.append((0, value.data))
                else:
                    attachment.take(name, value)
            if content := self._rebuilt(storage):
                attachment.contents.append((0, content))
            note_attachment(attachment, _READING, self._item, self._notes)

    def _transport(self, value: Value) -> list[Field]:
        """The fields of the mail as it was transported."""
        data = value.as_text()[: self._notes.header_bytes]
        self._notes.header_bytes -= len(data)
        return [field for field in read_block(data, 0, len(data), len(data)).fields if field.key != "subject"]

    def _recipients(self, others: list[str]) -> list[Field]:
        found = []
        for storage in self._storages(_RECIPIENT):
            values = list(self._values(storage))
            names = [value.as_text().replace(b'"', b"") for name, value in values if name == _NAME]
            addresses = [text for name, value in values if name in _ADDRESSES and b"@" in (text := value.as_text())]
            others += [decode(value.as_text()[:_MOST_TEXT])[0] for name, value in values if name not in _ADDRESSES]
            for address in dict.fromkeys(addresses):
                found.append(Field("To", b'"%b" <%b>' % (names[0] if names else b"", address)))
        return found

    def _storages(self, prefix: str) -> list[str]:
        return [storage for storage in self._streams if storage.lower().startswith(prefix)]

    def _values(self, storage: str) -> Iterator[tuple[int, Value]]:
        """The texts and binary values of a storage's own streams, and the codepage, which stands among the fixed."""
        for path, entry in self._streams.get(storage, ()):
            if path == [_PROPERTIES]:
                yield from self._fixed(self._content(entry))
            elif len(path) == 1 and (match := _VALUE.fullmatch(path[0])):
                name, kind = int(match[1], 16), int(match[2], 16) & ~_MANY
                data = self._content(entry)
                if kind == _UNICODE:
                    yield name, Value(0, _without_end(data), "utf-16-le")
                elif data:
                    yield name, Value(0, data.rstrip(b"\0") if kind == _STRING8 else data)

    def _fixed(self, data: bytes) -> Iterator[tuple[int, Value]]:
        """Values that stand in the list of properties itself (2.4): entries of 16 bytes behind 8, 24 or 32 others."""
        for at in range(len(data) % _ENTRY, len(data) - _ENTRY + 1, _ENTRY):
            if int.from_bytes(data[at + 2 : at + 4], "little") == mapi.CODEPAGE:
                yield mapi.CODEPAGE, Value(at + 8, data[at + 8 : at + 12])

    def _content(self, entry: Entry) -> bytes:
        """A stream, within what the mail may unpack: streams may share their sectors."""
        data = self._file.content(entry)
        return data if self._notes.spend(len(data), self._item) else b""

    def _rebuilt(self, storage: str) -> bytes:
        """An attached message or object, which is a storage (2.2.2), as a file of its own."""
        root, found = Storage(), False
        for path, entry in self._streams.get(storage, ()):
            if path[0].lower() != _INNER or len(path) < 2:
                continue
            if len(path) > _DEEPEST:
                self._notes.gap(self._item.gap, "limit", f"a storage deeper than {_DEEPEST} levels")
                continue
            root.inside(path[1:-1]).streams[path[-1]] = self._content(entry)
            found = True
        return compound_file(root) if found else b""


def _without_end(data: bytes) -> bytes:
    """A text in UTF-16 without zeros behind it."""
    end = len(data.rstrip(b"\0"))
    return data[: end + end % 2]
