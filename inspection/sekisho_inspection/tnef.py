"""TNEF: what Outlook packs into winmail.dat (MS-OXTNEF): the message's text, its attachments, messages inside it."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sekisho_core.vocabulary import PartState

from sekisho_inspection import mapi
from sekisho_inspection.mapi import Value
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.outlook import Attachment, Message, note_attachment, note_message

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
_OBJECTS = (b"\x0b\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0F", b"\x07\x03\2\0\0\0\0\0\xc0\0\0\0\0\0\0F")


def read_tnef(item: Item, notes: Notes) -> PartState:
    """Texts, attachments and embedded messages become children; checksums are not looked at."""
    message = Message()
    attachments: list[Attachment] = []
    for name, at, data in _attributes(item, notes):
        if name not in _OF_ATTACHMENT:
            _of_message(name, at, data, message, item, notes)
            continue
        if name == _ATTACH_START or not attachments:
            attachments.append(Attachment())
        _of_attachment(name, at, data, attachments[-1], item, notes)
    note_message(message, "tnef", item, notes)
    for attachment in attachments:
        note_attachment(attachment, "tnef", item, notes)
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


def _of_message(name: int, at: int, data: bytes, message: Message, item: Item, notes: Notes) -> None:
    if name == _CODEPAGE:
        message.codepage = mapi.charset_of(int.from_bytes(data[:4], "little"))
    elif name == _SUBJECT:
        message.subject.append(Value(at, data.rstrip(b"\0")))
    elif name == _BODY:
        message.plain.append(Value(at, data.rstrip(b"\0")))
    elif name == _FROM:
        _triple(at, data, message)
    elif name == _MESSAGE_PROPERTIES:
        for key, value in _read(at, data, item, notes):
            message.take(key, value)


def _triple(at: int, data: bytes, message: Message) -> None:
    """The sender (MS-OXTNEF 2.1.3.4.1): four lengths, then name and address, each with a zero behind it."""
    if len(data) < 8:
        return
    name, address = struct.unpack_from("<4xHH", data)
    message.senders.append(Value(at, data[8 : 8 + name].rstrip(b"\0")))
    message.addresses.append(Value(at, data[8 + name : 8 + name + address].rstrip(b"\0")))


def _of_attachment(name: int, at: int, data: bytes, attachment: Attachment, item: Item, notes: Notes) -> None:
    if name == _ATTACH_DATA:
        attachment.contents.append((at, data))
    elif name in (_ATTACH_TITLE, _ATTACH_NAME):
        attachment.names.append(Value(at, data.rstrip(b"\0")))
    elif name == _ATTACH_PROPERTIES:
        for key, value in _read(at, data, item, notes):
            if key == mapi.ATTACH_DATA:
                inner = _INTERFACE if value.data[:_INTERFACE] in _OBJECTS else 0
                attachment.contents.append((value.at + inner, value.data[inner:]))
            else:
                attachment.take(key, value)


def _read(at: int, data: bytes, item: Item, notes: Notes) -> Iterator[tuple[int, Value]]:
    reader = mapi.Properties(data, at)
    yield from reader
    if not reader.whole:
        notes.gap(item.gap, "malformed", "MAPI properties that are cut off")
