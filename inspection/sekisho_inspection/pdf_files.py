"""Files inside of PDF files: embedded ones with all their names, and streams that are files by what they hold."""

from __future__ import annotations

from typing import Any

from sekisho_core.vocabulary import PartState

from sekisho_inspection import filetype
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.pdf_document import Document, text_of
from sekisho_inspection.pdf_syntax import Stream

# Keys of a file specification (7.11.3) that name the file, those that readers show first.
_SHOWN = ("UF", "F", "DOS", "Mac", "Unix")


class Files:
    """The files of one document; each stream is a part once."""

    def __init__(self, document: Document, is_locked: bool, item: Item, notes: Notes) -> None:
        self._document, self._item, self._notes = document, item, notes
        self._is_locked = is_locked
        self._seen: set[int] = set()

    def specification(self, spec: dict[str, Any], place: str) -> None:
        """A file specification: the streams under EF (and related files under RF) are files."""
        names = tuple(dict.fromkeys(name for key in _SHOWN for name in file_names(self._document, spec.get(key))))
        for holder in self._document.dictionaries(spec.get("EF")):
            for value in holder.values():
                for stream in self._document.each(value):
                    if type(stream) is Stream:
                        self._add(stream, names, place)
        for holder in self._document.dictionaries(spec.get("RF")):
            for value in holder.values():
                self._related(list(self._document.items(value)), place)

    def lonely(self, stream: Stream, place: str) -> None:
        """A stream that says it is an embedded file, whoever names it."""
        self._add(stream, (), place)

    def by_content(self, stream: Stream, content: bytes, place: str) -> None:
        """A stream whose bytes are a program's, an archive's or a document's, whatever it is called."""
        if stream.start not in self._seen and _is_file(filetype.sniff(content[:2000])):
            self._seen.add(stream.start)
            self._note(content, (), place)

    def _related(self, items: list[Any], place: str) -> None:
        for name, value in zip(items[::2], items[1::2], strict=False):
            for stream in self._document.each(value):
                if type(stream) is Stream:
                    self._add(stream, file_names(self._document, name), place)

    def _add(self, stream: Stream, names: tuple[str, ...], place: str) -> None:
        if stream.start in self._seen:
            return
        self._seen.add(stream.start)
        if self._is_locked:
            self._notes.gap(self._item.gap, "locked", "an embedded file that no password opens")
            size = stream.end - stream.start
            self._notes.closed_child(self._item, names, size, PartState.LOCKED, "pdf", "pdf-embedded-executable")
            return
        content = self._document.content(stream, True, embedded=True)
        if content is not None:
            self._note(content, names, place)

    def _note(self, content: bytes, names: tuple[str, ...], place: str) -> None:
        shown = names[0] if names else "without a name"
        self._notes.find("pdf-embedded-file", self._item.where, f"{shown} ({place})")
        self._notes.child(self._item, content, names, "pdf")


def file_names(document: Document, value: Any) -> tuple[str, ...]:
    """The names that a string or a file specification gives; bytes without a mark are read as Japanese systems write
    them and as PDF does."""
    found: list[str] = []
    for node in document.each(value):
        if type(node) is dict:
            found += [name for key in _SHOWN for name in _of_strings(document.each(node.get(key)))]
    return tuple(dict.fromkeys([*_of_strings(document.each(value)), *found]))


def _of_strings(values: list[Any]) -> list[str]:
    return [text_of(value) for value in values if isinstance(value, bytes) and value]


def _is_file(kind: str) -> bool:
    return bool(kind) and not kind.startswith(("image/", "text/", "message/"))
