"""MIME entities: the parts of a mail, found in every way that programs find them, each read once.

The standard reading (RFC 2045, RFC 2046) walks the raw bytes; no part is copied before it is decoded, in one C call.
Where a mail is such that programs differ, the other readings follow, and give what is not known yet. The name of its
reading stands in the origin of every part.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from sekisho_core.finding_kinds import FindingKind
from sekisho_core.vocabulary import Origin

from sekisho_inspection import delimiters, filenames, filetype, parameters, transfer
from sekisho_inspection.delimiters import Span
from sekisho_inspection.header_blocks import LONGEST, Block, read_block
from sekisho_inspection.headers import Field, unfold
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.parameters import Parameters

READING = "mime"
_MAILS = (".eml", ".mht", ".mhtml", ".mim", ".nws")
MESSAGES = ("message/rfc822", "message/global", "message/news")
# What the parts of another reading say about the mail.
_DOUBTS: dict[str, FindingKind] = {
    "mime-boundary": "ambiguous-boundary",
    "mime-encoding": "ambiguous-encoding",
    "mime-header": "ambiguous-header",
    "mime-lines": "ambiguous-header",
}
_DETAILS = {
    "mime-boundary": "a part between other delimiters",
    "mime-encoding": "decoded in another way",
    "mime-header": "where the header ends earlier",
    "mime-lines": "where a carriage return ends a line",
}
# Fields of one name that are read.
_MOST_FIELDS = 50
# A page that was saved with all that belongs to it, whatever it is called: Word opens one as a document.
_SAVED_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s{0,1000}mime-version[ \t]{0,20}:[^\r\n]{0,200}\r?\n[!-9;-~]{1,60}:", re.I
)
# The sentence for programs without MIME is no content; more than this before the first delimiter is.
_PREAMBLE = 400
_CONTENT = re.compile(rb"://|^begin |^=ybegin |^:[!-r]|with BinHex|^[ \t]*content-", re.I | re.M)
# A run of carriage returns is looked at from its beginning only.
_LINE_ENDS = (re.compile(rb"\r\n|\r"), re.compile(rb"(?<!\r)\r++\n|\n\r(?![\r\n])|\r"))
# What begins with words or a field is none of base64.
_BEGINS_CODED = re.compile(rb"\s*+[A-Za-z0-9+/]++=*+[ \t]*+(?:\r?\n|\Z)")
_TEXT = Parameters(("text/plain",), (), True)
# What a part of a digest is that states no type (RFC 2046 section 5.1.5).
_MESSAGE = replace(_TEXT, types=("message/rfc822",))
# Entities and decodings of other readings cost at least as much as so many bytes; a byte that is searched for a
# delimiter costs an eighth of one.
_LEAST_EFFORT = 1 << 14
_SEARCH_SHIFT = 3


@dataclass(frozen=True)
class Entity:
    """A leaf (RFC 2045 section 2.4) or an attached message: its file, what its Content-Type states, and its
    Content-Disposition fields on one line each."""

    item: Item
    stated: Parameters
    dispositions: tuple[bytes, ...]

    @property
    def is_attachment(self) -> bool:
        """Whether it wants to be shown as a file."""
        return any(value.lower().startswith(b"attachment") for value in self.dispositions)

    @property
    def charset(self) -> str:
        """The label of the text's charset; "" when there is none."""
        return self.stated.first("charset").decode("latin-1")

    @property
    def is_text(self) -> bool:
        """Whether some program takes it for a text."""
        return any(kind.startswith("text/") or not kind for kind in self.stated.types)

    @property
    def is_message(self) -> bool:
        """Whether some program takes it for an attached message."""
        return any(kind in MESSAGES for kind in self.stated.types)


class _Place(NamedTuple):
    """An entity to be walked: its bytes in a source, its fields, its id and depth, and the reading that led there."""

    data: bytes
    block: Block
    body: Span
    id: str
    depth: int
    reading: str = READING
    in_digest: bool = False

    @property
    def where(self) -> str:
        return f"part:{self.id}" if self.id else "mail"


@dataclass(frozen=True)
class _Leaf:
    """What the fields of a leaf state: types and parameters, transfer encodings, names."""

    stated: Parameters
    encoding: transfer.Stated
    names: tuple[str, ...]

    @property
    def is_message(self) -> bool:
        return any(kind in MESSAGES for kind in self.stated.types)

    @property
    def is_text(self) -> bool:
        return self.stated.types[0].startswith("text/") or not (self.names or self.stated.types[0])


class Walk:
    """The entities of one message. `outer` is the id of the part that the message is ("" for the mail itself)."""

    def __init__(self, data: bytes, outer: str, depth: int, notes: Notes) -> None:
        self._notes = notes
        self._read: set[tuple[int, Span]] = set()
        start = data.find(b"\n") + 1 if data.startswith((b"From ", b">From ")) else 0
        self._top = self._place(data, (start, len(data)), outer, depth, READING)
        self._known_before = len(notes.known)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The message's own header fields."""
        return self._top.block.fields

    def entities(self) -> Iterator[Entity]:
        """The leaves, the standard reading's first, in order. An attached message (RFC 2046 section 5.2.1) is one: its
        content is a message to be read in its turn."""
        top = self._top
        yield from self._entity(top, top=True)
        if top.data.count(b"\r") != top.data.count(b"\r\n"):
            yield from self._other_lines(top)

    def _other_lines(self, top: _Place) -> Iterator[Entity]:
        """The message for programs that take a lone carriage return, or several, or one behind it, for a line's end."""
        for ends in _LINE_ENDS:
            data = ends.sub(b"\n", top.data)
            own = islice(self._notes.known.items(), self._known_before, None)
            self._notes.known.update({ends.sub(b"\n", content): names for content, names in own})
            part_id = self._notes.child_id(top.id)
            yield from self._entity(self._place(data, (0, len(data)), part_id, top.depth, "mime-lines"), top=True)

    def _place(self, data: bytes, span: Span, part_id: str, depth: int, reading: str) -> _Place:
        """The entity in a span of the data."""
        block = read_block(data, *span, max(0, self._notes.header_bytes))
        self._notes.header_bytes -= block.body - span[0]
        place = _Place(data, block, (min(block.body, span[1]), span[1]), part_id, depth, reading)
        if block.surplus:
            detail = f"more than the limit of header bytes ({block.body - span[0]} in one block)"
            self._notes.gap(place.where, "limit", detail)
        if block.is_cut:
            self._notes.gap(place.where, "limit", f"a field of more than {LONGEST} bytes")
        return place

    def _entity(self, place: _Place, top: bool = False) -> Iterator[Entity]:
        if place.depth >= self._notes.limits.max_depth:
            self._notes.gap(place.where, "limit", f"deeper than {self._notes.limits.max_depth} levels")
            return
        if place.reading != READING and not self._notes.effort(_LEAST_EFFORT):
            return
        values = self._values(place, "content-type")
        stated = parameters.read(values) if values or not place.in_digest else _MESSAGE
        if place.block.odd:
            self._notes.find("ambiguous-header", place.where, place.block.odd)
        if len([kind for kind in stated.types if kind]) > 1:
            self._notes.find("ambiguous-type", place.where, ", ".join(stated.types))
        if not any(kind.startswith("multipart/") for kind in stated.types):
            yield from self._leaf(place, stated, top)
            return
        found = yield from self._multipart(place, stated)
        if not found and place.data[slice(*place.body)].strip():
            self._notes.find("ambiguous-structure", place.where, "a multipart without a part")
        if not found:
            yield from self._leaf(place, stated, top)
        elif not stated.types[0].startswith("multipart/"):
            # The mail's parts have taken the number of its only part.
            own = place._replace(id=self._notes.child_id(place.id)) if top else place
            yield from self._leaf(own, stated, top=False)

    def _multipart(self, place: _Place, stated: Parameters) -> Generator[Entity, None, bool]:
        """The parts by every boundary that some program reads and that the body has, in the body and in what its
        transfer encoding hides; says whether there were any."""
        found = False
        boundaries = stated.guesses("boundary")
        if len(boundaries) > 1:
            self._notes.find("ambiguous-boundary", place.where, "more than one boundary can be read")
        for source in self._sources(place):
            loose = source._replace(reading="mime-boundary")
            for at, cut in ((source, delimiters.spans), (loose, delimiters.loose_spans)):
                for boundary in boundaries:
                    extra = boundary != boundaries[0] or source is not place
                    if extra and not self._notes.effort((at.body[1] - at.body[0]) >> _SEARCH_SHIFT):
                        return found
                    if spans := self._new(at, cut(at.data, at.body, boundary)):
                        yield from self._parts(at, spans, standard=not found, digest="multipart/digest" in stated.types)
                        found = True
            if not found and (spans := self._new(loose, delimiters.hidden_spans(loose.data, loose.body))):
                yield from self._parts(loose, spans, standard=True)
                found = True
        return found

    def _sources(self, place: _Place) -> Iterator[_Place]:
        """The body of a multipart: as it stands, where its header ends earlier, and decoded, which the standard forbids
        and programs do."""
        yield place
        for start in place.block.other_bodies:
            yield place._replace(body=(start, place.body[1]), reading="mime-header")
        encoding = transfer.stated(self._values(place, "content-transfer-encoding"))
        if encoding.first != transfer.IDENTITY or encoding.odd:
            body = place.data[slice(*place.body)]
            for content in transfer.readings(body, encoding, text=True):
                if not self._notes.effort(len(body) + _LEAST_EFFORT):
                    return
                if content != body:
                    yield place._replace(data=content, body=(0, len(content)), reading="mime-encoding")

    def _parts(self, place: _Place, spans: list[Span], standard: bool, digest: bool = False) -> Iterator[Entity]:
        """The entities of some spans, and the texts around those of the standard reading."""
        if standard:
            self._notes.reserve(place.id, len(spans) + 1)
            yield from self._outside(place, spans)
        for number, span in enumerate(spans, 1):
            part_id = f"{place.id}.{number}".lstrip(".") if standard else self._notes.child_id(place.id)
            reading = place.reading if standard else "mime-boundary"
            part = self._place(place.data, span, part_id, place.depth + 1, reading)
            yield from self._entity(part._replace(in_digest=True) if digest else part)

    def _outside(self, place: _Place, spans: list[Span]) -> Iterator[Entity]:
        """What stands before the first delimiter (number 0) and behind the last, as text: programs without MIME show
        it, and some take files from it."""
        data, (start, end) = place.data, place.body
        last = data.find(b"\n", data.find(b"--", spans[-1][1]), end) + 1 if spans[-1][1] < end else 0
        before = (start, max(start, data.rfind(b"\n--", start, spans[0][0])))
        for number, span in ((0, before), (len(spans) + 1, (last or end, end))):
            if span[1] - span[0] > _PREAMBLE or _CONTENT.search(data, *span):
                outside = _Place(
                    data, Block((), span[0]), span, f"{place.id}.{number}".lstrip("."), place.depth + 1, place.reading
                )
                yield from self._leaf(outside, _TEXT, top=False)

    def _leaf(self, place: _Place, stated: Parameters, top: bool) -> Iterator[Entity]:
        if top:
            self._notes.reserve(place.id, 1)
            place = place._replace(id=f"{place.id}.1".lstrip("."))
        encoding = transfer.stated(self._values(place, "content-transfer-encoding"))
        leaf = _Leaf(stated, encoding, filenames.entity_names(place.block, stated))
        if encoding.odd:
            self._notes.find("ambiguous-encoding", place.where, f"stated: {', '.join(encoding.kinds)}")
        contents = transfer.readings(place.data[slice(*place.body)], encoding, leaf.is_text)
        first = next(contents)
        standard = yield from self._fresh(place, first, leaf)
        others = 0
        for content in contents:
            if not self._notes.effort(len(content) + _LEAST_EFFORT):
                break
            for entity in self._fresh(place._replace(reading="mime-encoding"), content, leaf, below=True):
                others += 1
                yield entity
        item = (standard or self._made(place, first, leaf)).item
        if encoding.first == transfer.UNKNOWN and not others and first.strip():
            self._notes.gap(item.gap, "unreadable", "a transfer encoding that nobody knows")
        if not leaf.is_message and not is_mail_file(item, item.sniffed):
            yield from self._hidden(place, leaf)

    def _hidden(self, place: _Place, leaf: _Leaf) -> Iterator[Entity]:
        """Parts behind what looks like a delimiter inside of a leaf, and the leaf where its header ends earlier."""
        spans = self._new(place, delimiters.hidden_spans(place.data, place.body))
        yield from self._parts(place, spans, standard=False)
        for start in place.block.other_bodies:
            other = place._replace(body=(start, place.body[1]), reading="mime-header")
            raw = place.data[slice(*other.body)]
            coded = leaf.encoding.first != "base64" or _BEGINS_CODED.match(raw)
            for content in transfer.readings(raw, leaf.encoding, text=False) if coded else [raw]:
                if not self._notes.effort(len(content) + _LEAST_EFFORT):
                    return
                yield from self._fresh(other, content, leaf, below=True)

    def _fresh(
        self, place: _Place, content: bytes, leaf: _Leaf, below: bool = False
    ) -> Generator[Entity, None, Entity | None]:
        """The leaf with this content, within the limits; of another reading than the standard only what is not known.
        `below` makes it a part inside of the one that it is another reading of."""
        other = place.reading != READING
        if other and (not content.strip() or self._is_known(place, content, leaf)):
            return None
        if not self._notes.slot():
            return None
        self._notes.known.setdefault(content, set()).update(leaf.names)
        entity = self._made(place._replace(id=self._notes.child_id(place.id)) if below else place, content, leaf)
        if below and entity.item.sniffed:
            self._notes.explained.add(place.id)
        if other:
            if not self._notes.spend(len(content), entity.item):
                return None
            self._notes.find(_DOUBTS[place.reading], entity.item.where, _DETAILS[place.reading])
        if filenames.differ(leaf.names):
            self._notes.find("ambiguous-name", entity.item.where, ", ".join(leaf.names))
        yield entity
        return entity

    def _is_known(self, place: _Place, content: bytes, leaf: _Leaf) -> bool:
        known = self._notes.known.get(content)
        if known is not None:
            return known.issuperset(leaf.names)
        # What begins later in the same header holds nothing more, nor does a message or multipart that ends earlier.
        later = place.reading == "mime-header" and leaf.is_text
        if later and any(longer.endswith(content) for longer in self._notes.known):
            return True
        whole = not leaf.is_message and not leaf.stated.types[0].startswith("multipart/")
        return not whole and any(longer.startswith(content) for longer in self._notes.known)

    def _made(self, place: _Place, content: bytes, leaf: _Leaf) -> Entity:
        start, end = place.body
        origin = Origin(self._top.id, start, end - start, place.reading)
        # Another decoding stands in the same bytes, which are searched with the first.
        raw = b"" if place.reading == "mime-encoding" else memoryview(place.data)[start:end]
        item = Item(place.id, content, leaf.names, leaf.stated.types[0], origin, place.depth, raw)
        return Entity(item, leaf.stated, tuple(map(unfold, place.block.values("content-disposition"))))

    def _new(self, place: _Place, spans: Iterable[Span]) -> list[Span]:
        """The spans that no reading has led to yet, as many as a mail may have parts."""
        # The bytes of a source live as long as its spans are used: the generators around this call hold them.
        fresh = (span for span in spans if (id(place.data), span) not in self._read)
        most = self._notes.limits.max_parts
        found = list(islice(fresh, most + 1))
        if len(found) > most:
            self._notes.gap("mail", "limit", "more parts than the limit")
        self._read.update((id(place.data), span) for span in found)
        return found[:most]

    def _values(self, place: _Place, key: str) -> list[bytes]:
        values = place.block.values(key)
        if len(values) > _MOST_FIELDS:
            self._notes.gap(place.where, "limit", f"more than {_MOST_FIELDS} {key} fields")
        return values[:_MOST_FIELDS]


def is_mail_file(item: Item, kind: str) -> bool:
    """Whether it is a mail as a file, by content or name; bodies that begin like one, and messages, were read."""
    if item.declared.startswith("multipart/") or item.declared in MESSAGES:
        return False
    if kind != "message/rfc822":
        if not kind and item.names and _SAVED_PAGE.match(item.content):
            return True
        named = filetype.called(item.names, _MAILS)
        return named and not kind and filetype.is_text(item.content)
    is_body = item.declared + item.origin.reading == READING
    return bool(item.names) if item.declared.startswith("text/") else not is_body
