"""A PDF document: its objects by number, references followed to every revision, streams in the clear and unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sekisho_core.vocabulary import PartState, Reason

from sekisho_inspection import charset, pdf_filters, pdf_objects
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.pdf_crypt import Lock
from sekisho_inspection.pdf_filters import Dear, Room, Unpacked
from sekisho_inspection.pdf_objects import Found, Scanned
from sekisho_inspection.pdf_syntax import Either, Name, Reference, Stream

# References that lead to references.
_MAX_STEPS = 20
# Values that one place may have, over all revisions; and values that references and lists may lead to over one file:
# about two seconds of work.
_MAX_VALUES = 50
_MAX_FOLLOWED = 300_000
# Bytes of a string that are as much work as one value.
_AS_ONE = 1000
_MARKS = ((b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"), (b"\xef\xbb\xbf", "utf-8"))


class Access(NamedTuple):
    """How a document is enciphered: by `lock` (None: not at all, or nobody knows how), whether its texts and streams
    are open to us, the state that its part has so, and whether its embedded files are open, too."""

    lock: Lock | None
    is_open: bool
    state: PartState
    files_open: bool = True


class Document:
    """One reading of a file's objects. Whatever is asked for is answered; what is out of reach is a gap of the item."""

    def __init__(self, data: bytes, scanned: Scanned, access: Access, item: Item, notes: Notes) -> None:
        self.data, self.trailers = data, scanned.trailers
        self._access, self._item, self._notes = access, item, notes
        self._left = _MAX_FOLLOWED
        self._room = Room.of(len(data), notes.unpacked, notes.limits.max_ratio)
        self._unpacked: dict[tuple[int, bool], Unpacked | str] = {}
        self.objects = [self._in_clear(found) for found in scanned.objects]
        self._numbers: dict[int, list[Any]] = {}
        self._index(self.objects)
        self._read_packed(pdf_objects.Budget(16 * len(data)))

    def number(self, number: int) -> Any:
        """The object's value in the last revision; None for none."""
        found = self._numbers.get(number)
        return self.one(found[-1]) if found else None

    def one(self, value: Any) -> Any:
        """What a value is in the last revision."""
        for _ in range(_MAX_STEPS):
            if type(value) is Reference:
                found = self._numbers.get(value.number)
                value = found[-1] if found else None
            elif type(value) is Either:
                value = value[-1]
            else:
                return value
        return None

    def each(self, value: Any) -> list[Any]:
        """What a value is in any revision."""
        if type(value) is not Reference and type(value) is not Either:
            return [value]
        if not self._follow(1):
            return [self.one(value)]
        out: list[Any] = []
        waiting, seen = [value], set[int]()
        while waiting and len(out) < _MAX_VALUES:
            node = waiting.pop()
            if type(node) is Either:
                waiting += node[::-1]
            elif type(node) is not Reference:
                out.append(node)
            elif node.number not in seen:
                seen.add(node.number)
                waiting += self._numbers.get(node.number, [])[-_MAX_VALUES:]
        self._follow(len(out))
        return out

    def words(self, value: Any) -> set[str]:
        """The names that a value is."""
        return {node for node in self.each(value) if type(node) is Name}

    def dictionaries(self, value: Any) -> Iterator[dict[str, Any]]:
        """The dictionaries, those of streams among them, that a value is."""
        for node in self.each(value):
            if isinstance(node, dict):
                yield node
            elif type(node) is Stream:
                yield node.attrs

    def items(self, value: Any) -> Iterator[Any]:
        """The items of the lists that a value is; a value that is none stands for itself."""
        for node in self.each(value):
            if type(node) is list and self._follow(len(node)):
                yield from node
            elif type(node) is not list:
                yield node

    def texts(self, value: Any) -> list[str]:
        """The texts (7.9.2.2) that a value is, as strings or streams."""
        return [text_of(data) for data in self.strings(value)]

    def strings(self, value: Any) -> list[bytes]:
        """The bytes of the strings or streams that a value is."""
        found = []
        for node in self.each(value):
            data = self.content(node, True) if type(node) is Stream else node
            if isinstance(data, bytes) and data and self._follow(len(data) // _AS_ONE):
                found.append(data)
        return found

    def filters(self, stream: Stream) -> list[tuple[str, dict[str, Any]]]:
        """The names and parameters of its filters."""
        return pdf_filters.filters_of(stream.attrs, self.one)

    def packed(self, stream: Stream, embedded: bool = False) -> bytes:
        """A stream's bytes in the clear, still packed. Raises Dear."""
        length = self.one(stream.attrs.get("Length"))
        raw = self.data[stream.start : pdf_objects.exact_end(self.data, stream, length)]
        self._room.take(len(raw))
        if not (self._access.lock and self._access.is_open) or stream.attrs.get("Type") == "XRef":
            return raw
        own = next((parameters for name, parameters in self.filters(stream) if name == "Crypt"), None)
        name = "" if own is None else str(own.get("Name", "Identity"))
        return self._access.lock.stream(raw, stream.number, stream.generation, name, embedded)

    def has_true_length(self, stream: Stream) -> bool:
        """Whether its end stands where its length says."""
        length = self.one(stream.attrs.get("Length"))
        return type(length) is int and pdf_objects.is_end(self.data, stream.start + length)

    def content(self, stream: Stream, needed: bool, embedded: bool = False) -> bytes | None:
        """A stream's unpacked bytes; None where they are out of reach, which is a gap when they are `needed`, as is
        damage in them. What a locked file holds is told once for all of it."""
        if not self._access.is_open:
            return None
        found = self._kept(stream, embedded)
        if isinstance(found, Unpacked):
            if needed and (found.damage or found.left):
                self._gap("unreadable", f"PDF stream: {found.damage or found.left}")
            return found.content
        if needed:
            self._gap("limit", found)
        return None

    def _kept(self, stream: Stream, embedded: bool) -> Unpacked | str:
        key = (stream.start, embedded)
        if key not in self._unpacked:
            self._unpacked[key] = self._unpack(stream, embedded)
        return self._unpacked[key]

    def _unpack(self, stream: Stream, embedded: bool) -> Unpacked | str:
        self._room.unpacked = self._notes.unpacked
        try:
            found = pdf_filters.unpack(self.packed(stream, embedded), self.filters(stream), self._room)
        except Dear as error:
            return str(error)
        # Within the room, so nothing is noted.
        self._notes.spend(len(found.content), self._item)
        return found

    def _in_clear(self, found: Found) -> Found:
        """The object with its strings deciphered (7.6.2), or without them where they are not open."""
        lock, is_open = self._access.lock, self._access.is_open
        if lock is None and is_open:
            return found

        def clear(value: Any) -> Any:
            # The parser bounds the depth.
            if type(value) is bytes:
                return lock.string(value, found.number, found.generation) if lock and is_open else b""
            if type(value) is dict:
                return {key: clear(one) for key, one in value.items()}
            if isinstance(value, list):
                return type(value)(map(clear, value))
            if type(value) is Stream:
                return Stream(clear(value.attrs), value.start, value.end, value.number, value.generation)
            return value

        return Found(found.number, found.generation, clear(found.value), found.at)

    def _read_packed(self, budget: pdf_objects.Budget) -> None:
        """Put the objects of streams of objects where their streams stand."""
        for found in list(self.objects):
            stream = found.value
            if type(stream) is not Stream or "First" not in stream.attrs or "N" not in stream.attrs:
                continue
            content = self.content(stream, True)
            if content is None:
                continue
            if "ObjStm" not in self.words(stream.attrs.get("Type")):
                self._notes.find("pdf-damaged", self._item.where, f"a stream of objects of another type: {found.place}")
            inner = list(self._packed_in(stream, content, budget))
            if not inner and content:
                self._gap("malformed", "a stream of objects without objects")
            self.objects += inner
            self._index(inner)
        self.objects.sort(key=lambda found: found.at)
        self._numbers.clear()
        self._index(self.objects)

    def _packed_in(self, stream: Stream, content: bytes, budget: pdf_objects.Budget) -> Iterator[Found]:
        for first in self.each(stream.attrs["First"]):
            for found in (
                pdf_objects.packed_objects(content, stream, int(first), budget) if type(first) in (int, float) else ()
            ):
                if found is None:
                    self._gap("limit", "more objects than are read")
                    return
                yield found

    def _index(self, objects: list[Found]) -> None:
        for found in objects:
            self._numbers.setdefault(found.number, []).append(found.value)

    def _follow(self, values: int) -> bool:
        """Take the work of so many values; False, noted as a gap, when the file has had its share."""
        self._left -= values
        if self._left < 0:
            self._gap("limit", "references that lead to more values than can be followed")
        return self._left >= 0

    def _gap(self, reason: Reason, detail: str) -> None:
        self._notes.gap(self._item.gap, reason, detail)


def text_of(data: bytes) -> str:
    """A text string's text: UTF-16 or UTF-8 by its mark, else by what the bytes look like."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    return data.decode("ascii") if data.isascii() else charset.decode(data)[0]
