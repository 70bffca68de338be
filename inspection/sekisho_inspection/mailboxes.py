"""Mailboxes as attachments: the mails in an mbox (RFC 4155) or in a file of Apple Mail, each as a file of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sekisho_inspection import filetype
from sekisho_inspection.notes import Item, Notes

READING = "mailbox"
_FROM = b"From "
# A mail begins behind an empty line, with the sender and a date; the time of day is what all spellings have.
_BEGIN = re.compile(rb"(?:\A|\n\r?\n)(?=From [^\r\n]{0,300}[0-9]:[0-9]{2})")
# Apple Mail writes the mail's length in a line before it, and a list of properties behind.
_COUNTED = re.compile(rb"\s{0,20}[0-9]{1,10}[ \t]*\r?\n(?=[!-9;-~]{1,60}:)")
_NAMES = (".mbox", ".mbx", ".mbs", ".emlx", ".emlxpart")


def read_mailbox(item: Item, notes: Notes) -> None:
    """Put each mail on the list of what is to be read. Bodies, which have no name, are no mailboxes."""
    if not item.names:
        return
    for start, end in _spans(item):
        content = item.content[start:end]
        if not notes.spend(len(content), item) or not notes.child(item, content, (), READING, start, end - start):
            return


def _spans(item: Item) -> Iterator[tuple[int, int]]:
    if item.content.startswith(_FROM):
        starts = [match.end() for match in _BEGIN.finditer(item.content)] or [0]
        if len(starts) > 1 or _is_named(item):
            yield from zip(starts, [*starts[1:], len(item.content)], strict=True)
    elif _is_named(item) and (line := _COUNTED.match(item.content)):
        yield line.end(), len(item.content)


def _is_named(item: Item) -> bool:
    return filetype.called(item.names, _NAMES)
