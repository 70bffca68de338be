"""Property lists of Apple's systems (XML or binary): web locations, profiles, and pages that Safari saved whole."""

from __future__ import annotations

import plistlib
import re
from collections.abc import Iterator
from typing import Any

from sekisho_inspection import filetype, link_files
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_url, note_urls

READING = "webarchive"
_SAVED = ".webarchive"
_BINARY = b"bplist"
# What may stand before the root element, and that element.
_ROOT = re.compile(
    rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff|\s|<\?(?:(?!\?>).)*+\?>|<!--(?:(?!-->).)*+-->"
    rb"|<!DOCTYPE(?:[^>\[]|\[[^\]]*+\])*+>)*+<plist\b", re.S
)  # fmt: skip
_HEAD, _MOST_BYTES = 65_536, 32 << 20
# Values of one list; a list that is held by many counts once.
_MOST_NODES = 200_000
_ENTRIES = re.compile(r"(?:[A-Za-z]*URL|Hostname|HostName|ServerURL|RemoteAddress|CommandString|Server|ServerAddress)")
# What a resource of a saved page is, and the address that it was at (WebKit, LegacyWebArchive).
_DATA, _TYPE, _ADDRESS = "WebResourceData", "WebResourceMIMEType", "WebResourceURL"
# What an application keeps of a resource besides.
_BESIDE = frozenset(["WebResourceResponse"])


def is_one(item: Item) -> bool:
    """Whether it is such a list by its beginning, or is called a saved page."""
    if item.content.startswith(_BINARY):
        return True
    if b"<" in item.content[:64]:
        head = item.content[:_HEAD]
        if _ROOT.match(head.replace(b"\0", b"") if b"\0" in head else head):
            return True
    return not item.sniffed and filetype.called(item.names, _SAVED)


def read_list(item: Item, notes: Notes) -> None:
    """Note what its values lead to; resources of a saved page, and values that are files, become parts."""
    # The trailer of a binary list states the number of its objects.
    is_binary = item.content.startswith(_BINARY)
    stated = int.from_bytes(item.content[-24:-16]) if is_binary else 0
    if len(item.content) > _MOST_BYTES or stated > _MOST_NODES or not notes.effort(len(item.content)):
        notes.gap(item.gap, "limit", "a property list of more bytes than are read")
        return
    try:
        value = plistlib.loads(item.content, fmt=plistlib.FMT_BINARY if is_binary else plistlib.FMT_XML)
    # The parsers of both forms raise what hostile bytes make them, RecursionError among it.
    except Exception as error:
        notes.gap(item.gap, "malformed", f"property list: {type(error).__name__}")
        return
    kinds: dict[str, None] = {}
    for holder in _holders(value, item, notes):
        _read_holder(holder, kinds, item, notes)
    if kinds:
        notes.find("configuration-profile", item.where, ", ".join(kinds))


def _read_holder(holder: dict[str, list[Any]], kinds: dict[str, None], item: Item, notes: Notes) -> None:
    """One dictionary, the values of each key as a list."""
    for key, values in holder.items():
        for value in values:
            if isinstance(value, bytes):
                if key == _DATA or (key not in _BESIDE and filetype.sniff(value)):
                    _file(value, holder, item, notes)
            elif isinstance(value, str):
                _text(key, value, _DATA in holder, kinds, item, notes)


def _text(key: str, text: str, is_saved: bool, kinds: dict[str, None], item: Item, notes: Notes) -> None:
    if key == "PayloadType":
        kinds[text] = None
    elif is_saved and key == _ADDRESS:
        if "://" in text:
            note_url(text, item.where, notes)
    elif _ENTRIES.fullmatch(key):
        link_files.note_lead("command" if key == "CommandString" else key, text, item, notes)
    if "." in text and key != "PayloadIdentifier":
        note_urls(text, item.where, notes)


def _file(content: bytes, holder: dict[str, list[Any]], item: Item, notes: Notes) -> None:
    """A value that is a file: of a resource the type and, from its address, the name are told."""
    stated = next((text for text in holder.get(_TYPE, []) if isinstance(text, str)), "")
    address = next((text for text in holder.get(_ADDRESS, []) if isinstance(text, str)), "")
    name = re.split(r"[?#]", address, maxsplit=1)[0].rpartition("/")[2][:255] if _DATA in holder else ""
    if content and notes.spend(len(content), item):
        notes.child(item, content, (name,) if "." in name else (), READING, declared=stated.lower())


def _holders(value: Any, item: Item, notes: Notes) -> Iterator[dict[str, list[Any]]]:
    """All dictionaries, each once; lists of values stand under their key, those of no dictionary under none."""
    waiting, seen, left = [value if isinstance(value, dict) else {"": value}], set[int](), _MOST_NODES
    while waiting:
        holder: dict[str, list[Any]] = {}
        for key, held in waiting.pop().items():
            values = [held]
            while values:
                one = values.pop()
                left -= 1
                if left < 0:
                    notes.gap(item.gap, "limit", f"more than {_MOST_NODES} values")
                    return
                if isinstance(one, (dict, list)):
                    if id(one) not in seen:
                        seen.add(id(one))
                        (waiting if isinstance(one, dict) else values).extend([one] if isinstance(one, dict) else one)
                else:
                    holder.setdefault(str(key), []).append(one)
        yield holder
