"""Outlook's messages, as TNEF and MSG give their properties: what of them is a part, a text, a field of the head."""

from __future__ import annotations

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

_MOST_NAMES = 100


@dataclass
class Message:
    """What is said of the message itself."""

    codepage: str = ""
    subject: list[Value] = field(default_factory=list)
    senders: list[Value] = field(default_factory=list)
    addresses: list[Value] = field(default_factory=list)
    plain: list[Value] = field(default_factory=list)
    html: list[Value] = field(default_factory=list)
    rtf: list[Value] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)

    def take(self, name: int, value: Value) -> bool:
        """Keep the value of a property where it belongs; False for one that is not the message's."""
        lists = {
            mapi.SUBJECT: self.subject,
            mapi.BODY: self.plain,
            mapi.HTML: self.html,
            mapi.RTF: self.rtf,
            **dict.fromkeys(mapi.SENDER_NAMES, self.senders),
            **dict.fromkeys(mapi.SENDER_ADDRESSES, self.addresses),
        }
        if name == mapi.CODEPAGE:
            self.codepage = self.codepage or mapi.charset_of(int.from_bytes(value.data[:4], "little"))
        elif name in lists:
            lists[name].append(value)
        else:
            return False
        return True


@dataclass
class Attachment:
    """What is said of one attachment: names as they stand, each content with its place."""

    names: list[Value] = field(default_factory=list)
    contents: list[tuple[int, bytes]] = field(default_factory=list)

    def take(self, name: int, value: Value) -> None:
        """Keep the value of a property that names the attachment."""
        if name in mapi.ATTACH_NAMES:
            self.names.append(value)


def note_message(message: Message, reading: str, item: Item, notes: Notes) -> None:
    """Note the head as that of an attached message; the texts become children."""
    _note_head(message, item, notes)
    _note_texts(message, reading, item, notes)


def _note_head(message: Message, item: Item, notes: Notes) -> None:
    fields = [Field("Subject", value.as_text()) for value in message.subject]
    # Addresses of Exchange are paths within an organisation.
    plain = [text.rpartition(b":")[2] for value in message.addresses if b"@" in (text := value.as_text())]
    names = [value.as_text().replace(b'"', b"") for value in message.senders]
    fields += [Field("From", b'"%b" <%b>' % pair) for pair in zip_longest(names, plain, fillvalue=b"")]
    note_fields(fields + message.fields, item.where, notes)


def _note_texts(message: Message, reading: str, item: Item, notes: Notes) -> None:
    for declared, values in (("text/plain", message.plain), ("text/html", message.html)):
        for value in {value.data: value for value in values if value.data.strip()}.values():
            if not notes.spend(len(value.data), item):
                return
            child = notes.child(item, value.data, (), reading, value.at, len(value.data), declared)
            if child:
                notes.texts_read.add(child.id)
                read_text(child, value.charset or message.codepage, True, notes)
    for value in message.rtf:
        _note_rtf(value, reading, item, notes)


def _note_rtf(value: Value, reading: str, item: Item, notes: Notes) -> None:
    found = compressed_rtf.unpacked(value.data)
    if found is None or not found[1]:
        notes.gap(item.gap, "malformed", "compressed RTF")
    if found and found[0] and notes.spend(len(found[0]), item):
        notes.child(item, found[0], (), reading, value.at, len(value.data))


def note_attachment(attachment: Attachment, reading: str, item: Item, notes: Notes) -> None:
    """One child for each different content; one without content is a link or was left out, and its name is known."""
    if len(attachment.names) > _MOST_NAMES:
        notes.gap(item.gap, "limit", f"more than {_MOST_NAMES} names of one attachment")
    # The long name comes after the short ones.
    values = attachment.names[: -_MOST_NAMES - 1 : -1]
    names = tuple(dict.fromkeys(name for value in values for name in _names(value)))
    contents = {content: at for at, content in attachment.contents if content or len(attachment.contents) == 1}
    if not contents and names:
        notes.closed_child(item, names, 0, PartState.SKIPPED, reading, None)
    for content, at in contents.items():
        if not notes.spend(len(content), item):
            return
        notes.child(item, content, names, reading, at, len(content))


def _names(value: Value) -> tuple[str, ...]:
    return member_names(value.as_text(), utf8=value.charset != "")
