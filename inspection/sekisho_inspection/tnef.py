"""TNEF: what Outlook packs into winmail.dat (MS-OXTNEF): the message's text, its attachments, messages inside it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from sekisho_core.vocabulary import PartState

from sekisho_inspection import compressed_rtf, mapi
from sekisho_inspection.fields import note_fields
from sekisho_inspection.headers import Field
from sekisho_inspection.mapi import Value
from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.texts import read_text

KIND = "application/vnd.ms-tnef"
_SIGNATURE = 6
_HEAD = 9
# Attributes by the lower half of their ids (MS-OXTNEF 2.1.3.2).
_FROM, _SUBJECT, _BODY, _CODEPAGE = 0x8000, 0x8004, 0x800C, 0x9007
_ATTACH_DATA, _ATTACH_TITLE, _ATTACH_NAME = 0x800F, 0x8010, 0x9001
_ATTACH_START, _MESSAGE_PROPERTIES, _ATTACH_PROPERTIES = 0x9002, 0x9003, 0x9005
# Programs go by the attribute and do not care for its level.
_OF_ATTACHMENT = (_ATTACH_START, _ATTACH_DATA, _ATTACH_TITLE, _ATTACH_NAME, _ATTACH_PROPERTIES)
_LEVELS = (1, 2)
# Objects begin with the name of the interface by which Outlook reads them.
_INTERFACE = 16
_MOST_NAMES = 100
_OBJECTS = (b"\x0b\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0F", b"\x07\x03\2\0\0\0\0\0\xc0\0\0\0\0\0\0F")


@dataclass
class _Message:
    """What is said of the message itself."""

    codepage: str = ""
    subject: list[Value] = field(default_factory=list)
    senders: list[Value] = field(default_factory=list)
    addresses: list[Value] = field(default_factory=list)
    plain: list[Value] = field(default_factory=list)
    html: list[Value] = field(default_factory=list)
    rtf: list[Value] = field(default_factory=list)


@dataclass
class _Attachment:
    """What is said of one attachment: names as they stand, each content with its place."""

    names: list[Value] = field(default_factory=list)
    contents: list[tuple[int, bytes]] = field(default_factory=list)


def read_tnef(item: Item, notes: Notes) -> PartState:
    """Texts, attachments and embedded messages become children; checksums are not looked at."""
    message = _Message()
    attachments: list[_Attachment] = []
    for name, at, data in _attributes(item, notes):
        if name not in _OF_ATTACHMENT:
            _of_message(name, at, data, message, item, notes)
            continue
        if name == _ATTACH_START or not attachments:
            attachments.append(_Attachment())
        _of_attachment(name, at, data, attachments[-1], item, notes)
    _note_head(message, item, notes)
    _note_texts(message, item, notes)
    for attachment in attachments:
        _note_attachment(attachment, item, notes)
    return PartState.READ


def _attributes(item: Item, notes: Notes) -> Iterator[tuple[int, int, bytes]]:
    """Name, place and data of each attribute; a checksum of two bytes follows each."""
    content, at = item.content, _SIGNATURE
    while at + _HEAD <= len(content) and content[at] in _LEVELS:
        name, size = struct.unpack_from("<xHxxI", content, at)
        start = at + _HEAD
        yield name, start, content[start : start + size]
        at = start + size + 2
    if at > len(content) or content[at:].strip(b"\0\r\n"):
        notes.gap(item.gap, "malformed", "TNEF that is cut off or has bytes behind its end")


def _of_message(name: int, at: int, data: bytes, message: _Message, item: Item, notes: Notes) -> None:
    if name == _CODEPAGE:
        message.codepage = mapi.charset_of(int.from_bytes(data[:4], "little"))
    elif name == _SUBJECT:
        message.subject.append(Value(at, data.rstrip(b"\0")))
    elif name == _BODY:
        message.plain.append(Value(at, data.rstrip(b"\0")))
    elif name == _FROM:
        _triple(at, data, message)
    elif name == _MESSAGE_PROPERTIES:
        _properties(at, data, message, item, notes)


def _triple(at: int, data: bytes, message: _Message) -> None:
    """The sender (MS-OXTNEF 2.1.3.4.1): four lengths, then name and address, each with a zero behind it."""
    if len(data) < 8:
        return
    name, address = struct.unpack_from("<4xHH", data)
    message.senders.append(Value(at, data[8 : 8 + name].rstrip(b"\0")))
    message.addresses.append(Value(at, data[8 + name : 8 + name + address].rstrip(b"\0")))


def _properties(at: int, data: bytes, message: _Message, item: Item, notes: Notes) -> None:
    lists = {
        mapi.SUBJECT: message.subject,
        mapi.BODY: message.plain,
        mapi.HTML: message.html,
        mapi.RTF: message.rtf,
        **dict.fromkeys(mapi.SENDER_NAMES, message.senders),
        **dict.fromkeys(mapi.SENDER_ADDRESSES, message.addresses),
    }
    for name, value in _read(at, data, item, notes):
        if name == mapi.CODEPAGE:
            message.codepage = message.codepage or mapi.charset_of(int.from_bytes(value.data, "little"))
        elif name in lists:
            lists[name].append(value)


def _of_attachment(name: int, at: int, data: bytes, attachment: _Attachment, item: Item, notes: Notes) -> None:
    if name == _ATTACH_DATA:
        attachment.contents.append((at, data))
    elif name in (_ATTACH_TITLE, _ATTACH_NAME):
        attachment.names.append(Value(at, data.rstrip(b"\0")))
    elif name == _ATTACH_PROPERTIES:
        for key, value in _read(at, data, item, notes):
            if key in mapi.ATTACH_NAMES:
                attachment.names.append(value)
            elif key == mapi.ATTACH_DATA:
                inner = _INTERFACE if value.data[:_INTERFACE] in _OBJECTS else 0
                attachment.contents.append((value.at + inner, value.data[inner:]))


def _read(at: int, data: bytes, item: Item, notes: Notes) -> Iterator[tuple[int, Value]]:
    reader = mapi.Properties(data, at)
    yield from reader
    if not reader.whole:
        notes.gap(item.gap, "malformed", "MAPI properties that are cut off")


def _note_head(message: _Message, item: Item, notes: Notes) -> None:
    """Subject and sender, as those of an attached message."""
    fields = [Field("Subject", value.as_text()) for value in message.subject]
    # Addresses of Exchange are paths within an organisation.
    plain = [value.as_text().rpartition(b":")[2] for value in message.addresses if b"@" in value.data]
    names = [value.as_text().replace(b'"', b"") for value in message.senders]
    fields += [Field("From", b'"%b" <%b>' % pair) for pair in zip_longest(names, plain, fillvalue=b"")]
    note_fields(fields, item.where, notes)


def _note_texts(message: _Message, item: Item, notes: Notes) -> None:
    for declared, values in (("text/plain", message.plain), ("text/html", message.html)):
        for value in {value.data: value for value in values if value.data.strip()}.values():
            if not notes.spend(len(value.data), item):
                return
            child = notes.child(item, value.data, (), "tnef", value.at, len(value.data), declared)
            if child:
                notes.texts_read.add(child.id)
                read_text(child, value.charset or message.codepage, True, notes)
    for value in message.rtf:
        _note_rtf(value, item, notes)


def _note_rtf(value: Value, item: Item, notes: Notes) -> None:
    found = compressed_rtf.unpacked(value.data)
    if found is None or not found[1]:
        notes.gap(item.gap, "malformed", "compressed RTF")
    if found and found[0] and notes.spend(len(found[0]), item):
        notes.child(item, found[0], (), "tnef", value.at, len(value.data))


def _note_attachment(attachment: _Attachment, item: Item, notes: Notes) -> None:
    """One child for each different content; one without content is a link or was left out, and its name is known."""
    if len(attachment.names) > _MOST_NAMES:
        notes.gap(item.gap, "limit", f"more than {_MOST_NAMES} names of one attachment")
    # The long name comes after the short ones.
    values = attachment.names[: -_MOST_NAMES - 1 : -1]
    names = tuple(dict.fromkeys(name for value in values for name in _names(value)))
    contents = {content: at for at, content in attachment.contents if content or len(attachment.contents) == 1}
    if not contents and names:
        notes.closed_child(item, names, 0, PartState.SKIPPED, "tnef")
    for content, at in contents.items():
        if not notes.spend(len(content), item):
            return
        notes.child(item, content, names, "tnef", at, len(content))


def _names(value: Value) -> tuple[str, ...]:
    return member_names(value.as_text(), utf8=value.charset != "")
