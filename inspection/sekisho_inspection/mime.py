"""MIME entities: where the parts of a mail lie in its raw bytes, what they are called, and what they decode to.

One walk over the raw bytes finds boundaries, so no part is copied before it is decoded, in one C call. The walk is one
*reading* of the mail; its name stands in every entity, so that further readings of the same bytes can be joined to it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sekisho_core.vocabulary import Reason

from sekisho_inspection import charset, headers, uuencode
from sekisho_inspection.headers import Field

READING = "mime"
MESSAGES = ("message/rfc822", "message/global", "message/news")
_BLANK = re.compile(rb"^\r?\n|^\r?\Z|\n\r?\n", re.M)
_PARAMETER = re.compile(rb';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)', re.S)
_TYPE = re.compile(rb"\s*([!#-'*+.0-9A-Z^-~-]+)\s*/\s*([!#-'*+.0-9A-Z^-~-]+)", re.I)
_SECTION = re.compile(r"([^*]+)(?:\*(\d{1,4}))?(\*)?")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_GUESS = re.compile(rb"^--([^\r\n]{1,200}+)\r?\n(?=[Cc]ontent-)", re.M)
_DELIMITER_END = re.compile(rb"(--)?[ \t]*+\r?(?:\n|\Z)")
_ENCODING = re.compile(rb"[a-z0-9-]+")
_COMMENT = re.compile(rb"\([^()]*+\)")
_UU = ("x-uuencode", "uuencode", "x-uue", "uue")
_KNOWN = {"base64", "quoted-printable", *_UU}
# Unknown names are no encoding (senders write "utf-8" or "8-bit" there), unless they speak of one.
_CODED = re.compile(rb"64|85|quoted|printable|uu|xx|yenc|zip|deflate|compress")
# A part as it were: a text that quotes the header of a plain mail hides nothing.
_CODED_PART = re.compile(rb"(?i)content-transfer-encoding[^\r\n]{0,200}(?:64|85|quoted|printable|uu|xx|yenc)")
# Some programs end a line at a carriage return alone.
_HIDDEN_FIELD = re.compile(rb"\r(?!\n)(?:content-|mime-|subject:|from:)", re.I)
# The alphabet of RFC 4648 section 5, which some programs decode and others pass over.
_URL_SAFE = re.compile(rb"[A-Za-z0-9+/]{8}[-_]+[A-Za-z0-9+/_-]{8}")
# The sentence for programs without MIME is no content; more than this before the first delimiter is.
_PREAMBLE = 400
_CONTENT = re.compile(rb"://|^begin |^content-", re.I | re.M)


@dataclass
class Bounds:
    """What is left of the limits over a whole mail, and which of them were met."""

    parts: int
    depth: int
    header_bytes: int
    met: dict[tuple[str, Reason, str], None] = field(default_factory=dict)

    def meet(self, where: str, detail: str, reason: Reason = "limit") -> None:
        self.met[where, reason, detail] = None


@dataclass(frozen=True)
class Entity:
    """A MIME entity (RFC 2045 section 2.4): its id, fields, and its body as positions in the bytes it lies in."""

    id: str
    fields: tuple[Field, ...]
    body: tuple[int, int]
    media_type: str
    parameters: tuple[tuple[str, bytes], ...]
    depth: int
    doubt: tuple[Reason, str] | None = None
    reading: str = READING

    @property
    def charset(self) -> str:
        """The label of the text's charset; "" when there is none."""
        return next((value.decode("latin-1") for name, value in self.parameters if name == "charset"), "")

    @property
    def is_message(self) -> bool:
        return self.media_type in MESSAGES

    def names(self) -> tuple[str, ...]:
        """Every file name that the entity bears in Content-Disposition and Content-Type, in this order."""
        found: list[str] = []
        for key in ("content-disposition", "content-type"):
            for value in (item.raw for item in self.fields if item.key == key):
                found += _names(parameters(value)[1])
        found += [
            headers.decode_value(item.raw) for item in self.fields if item.key == "content-description" and not found
        ]
        return tuple(dict.fromkeys(name for name in found if name))

    def content(self, data: bytes) -> bytes:
        """The decoded body; an encoding that nobody knows leaves it as it is."""
        start, end = self.body
        return decode_body(data[start:end], self.encoding)

    @property
    def encoding(self) -> str:
        """The Content-Transfer-Encoding's first word, lower-case; "" when there is none."""
        words = _encodings(self.fields)
        return words[0] if words else ""

    @property
    def is_attachment(self) -> bool:
        """Whether the sender wants it shown as a file rather than as text."""
        raw = next((item.raw for item in self.fields if item.key == "content-disposition"), b"")
        return headers.unfold(raw).lower().startswith(b"attachment")


def entities(data: bytes, bounds: Bounds, prefix: str = "", depth: int = 0) -> tuple[tuple[Field, ...], list[Entity]]:
    """The message's own header fields, and its leaf entities in order, ids below `prefix`.

    Positions are those in `data`. An attached message (RFC 2046 section 5.2.1) is one entity: its content is a message
    to be read in its turn.
    """
    start = data.find(b"\n") + 1 if data.startswith((b"From ", b">From ")) else 0
    fields, body = _head(data, start, len(data), bounds, prefix)
    return tuple(fields), list(_walk(data, fields, body, prefix, depth, bounds, top=True))


def parameters(raw: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """A Content-Type or Content-Disposition value: the media type ("" when broken), the parameters as they stand.

    Values keep their bytes: RFC 2231 and RFC 2047 are for the reader of a name.
    """
    line = headers.unfold(raw)
    kind = _TYPE.match(line)
    media_type = f"{kind[1].decode('ascii')}/{kind[2].decode('ascii')}".lower() if kind else ""
    found = []
    for match in _PARAMETER.finditer(b";" + line if not kind and b"=" in line.partition(b";")[0] else line):
        found.append((match[1].decode("latin-1").lower(), _unquoted(match[2])))
    return media_type, found


def _encodings(fields: Iterable[Field]) -> list[str]:
    """The encodings that the fields state, without repeats; comments (RFC 822 section 3.4.3) are none."""
    values = (headers.unfold(item.raw).lower() for item in fields if item.key == "content-transfer-encoding")
    words = (_ENCODING.search(_COMMENT.sub(b" ", value)) for value in values)
    return list(dict.fromkeys(word[0].decode() for word in words if word))


def _doubt(fields: list[Field]) -> tuple[Reason, str] | None:
    """Reason and detail where programs differ in how they read an entity with these fields; None for no doubt."""
    stated = [item for item in fields if item.key == "content-transfer-encoding"]
    encodings = _encodings(fields)
    if len(encodings) > 1:
        return "ambiguous", "more than one transfer encoding"
    if encodings and encodings[0] not in _KNOWN and any(_CODED.search(item.raw.lower()) for item in stated):
        return "unreadable", "a transfer encoding that nobody knows"
    types = [parameters(item.raw) for item in fields if item.key == "content-type"]
    if len({kind for kind, _ in types}) > 1:
        return "ambiguous", "more than one content type"
    boundaries = {value for _, values in types for name, value in values if name.partition("*")[0] == "boundary"}
    if len(boundaries) > 1 or any(b"=?" in value for value in boundaries):
        return "ambiguous", "more than one boundary"
    if any(_HIDDEN_FIELD.search(item.raw) for item in fields):
        return "ambiguous", "fields behind bare carriage returns"
    return None


def decode_body(body: bytes, encoding: str) -> bytes:
    """The bytes behind a Content-Transfer-Encoding; junk in them is passed over, an unknown encoding is none."""
    if encoding == "base64":
        return headers.base64_bytes(body)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding in _UU:
        return uuencode.decode(body)
    return body


def _head(data: bytes, start: int, end: int, bounds: Bounds, where: str) -> tuple[list[Field], tuple[int, int]]:
    """Fields and body positions of the entity that lies between `start` and `end`."""
    if data.startswith((b"\n", b"\r\n"), start, end):
        return [], (data.find(b"\n", start) + 1, end)
    blank = _BLANK.search(data, start, end)
    stop = blank.end() if blank else end
    room = max(0, bounds.header_bytes)
    bounds.header_bytes -= stop - start
    if stop - start > room:
        bounds.meet(where, f"more than the limit of header bytes ({stop - start} in one block)")
    return headers.split_fields(data[start : min(stop, start + room)].rstrip(b"\r\n")), (stop, end)


def _walk(
    data: bytes, fields: list[Field], body: tuple[int, int], at: str, depth: int, bounds: Bounds, top: bool
) -> Iterator[Entity]:
    """`at` is the entity's own id; a message's only part is number 1 below it (`top`)."""
    raw = next((item.raw for item in fields if item.key == "content-type"), b"")
    media_type, values = parameters(raw)
    if depth >= bounds.depth:
        bounds.meet(at, f"deeper than {bounds.depth} levels")
        return
    doubt = _doubt(fields)
    if media_type.startswith("multipart/"):
        spans = _spans(data, body, values, bounds, at)
        if spans:
            if doubt:
                bounds.meet(at, doubt[1], doubt[0])
            yield from _outside(data, body, spans, at, depth, bounds)
            yield from _children(data, spans, at, depth, bounds)
            return
        doubt = ("malformed", "multipart without a part") if data[body[0] : body[1]].strip() else doubt
    if bounds.parts <= 0:
        bounds.meet("", "more parts than the limit")
        return
    bounds.parts -= 1
    own = f"{at}.1".lstrip(".") if top else at
    yield Entity(
        own, tuple(fields), body, media_type, tuple(values), depth, doubt or _doubt_of_body(data, body, fields)
    )


def _doubt_of_body(data: bytes, body: tuple[int, int], fields: list[Field]) -> tuple[Reason, str] | None:
    if _encodings(fields) != ["base64"] or (data.find(b"-", *body) < 0 and data.find(b"_", *body) < 0):
        return None
    return ("ambiguous", "base64 of two alphabets") if _URL_SAFE.search(data, *body) else None


def _outside(
    data: bytes, body: tuple[int, int], spans: list[tuple[int, int]], at: str, depth: int, bounds: Bounds
) -> Iterator[Entity]:
    """What stands before the first delimiter (number 0) and behind the last, as text: programs without MIME show it,
    and some take files from it."""
    last = data.find(b"\n", data.find(b"--", spans[-1][1]), body[1]) + 1 if spans[-1][1] < body[1] else 0
    behind = (last, body[1]) if last else (body[1], body[1])
    before = (body[0], max(body[0], data.rfind(b"\n--", body[0], spans[0][0])))
    for number, (start, end) in ((0, before), (len(spans) + 1, behind)):
        if end - start <= _PREAMBLE and not _CONTENT.search(data, start, end):
            continue
        if bounds.parts <= len(spans):
            bounds.meet("", "more parts than the limit")
            return
        bounds.parts -= 1
        inside = _CODED_PART.search(data, start, end)
        doubt: tuple[Reason, str] | None = ("ambiguous", "a part outside of the delimiters") if inside else None
        yield Entity(f"{at}.{number}".lstrip("."), (), (start, end), "text/plain", (), depth + 1, doubt)


def _children(data: bytes, spans: list[tuple[int, int]], at: str, depth: int, bounds: Bounds) -> Iterator[Entity]:
    for number, (start, end) in enumerate(spans, 1):
        if bounds.parts <= 0:
            bounds.meet("", "more parts than the limit")
            return
        fields, body = _head(data, start, end, bounds, at)
        yield from _walk(data, fields, body, f"{at}.{number}".lstrip("."), depth + 1, bounds, top=False)


def _spans(
    data: bytes, body: tuple[int, int], values: list[tuple[str, bytes]], bounds: Bounds, at: str
) -> list[tuple[int, int]]:
    """Start and end of each part between the delimiter lines (RFC 2046 section 5.1.1)."""
    boundary = next((value for name, value in values if name == "boundary"), b"")
    spans = _delimited(data, body, boundary, bounds, at) if boundary else []
    if not spans and (guess := _GUESS.search(data, *body)):
        spans = _delimited(data, body, guess[1].rstrip().removesuffix(b"--"), bounds, at)
    return spans


def _delimited(data: bytes, body: tuple[int, int], boundary: bytes, bounds: Bounds, at: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start: int | None = None
    for match in _delimiters(data, body, boundary):
        if start is not None:
            spans.append((start, _before_break(data, start, match.start() - len(boundary) - 2)))
        # Some readers go on after the close delimiter, so parts behind it are parts.
        start = None if match[1] else match.end()
        if len(spans) > bounds.parts:
            bounds.meet(at, "more parts than the limit")
            return spans
    return [*spans, (start, body[1])] if start is not None else spans


def _delimiters(data: bytes, body: tuple[int, int], boundary: bytes) -> Iterator[re.Match[bytes]]:
    """What follows the boundary on each delimiter line; the boundary is searched, not compiled: it may be huge."""
    line, (at, end) = b"--" + boundary, body
    at = at if data.startswith(line, at, end) else data.find(b"\n" + line, at, end) + 1
    while at > 0 or (at == body[0] and data.startswith(line, at, end)):
        if match := _DELIMITER_END.match(data, at + len(line), end):
            yield match
        at = data.find(b"\n" + line, at, end) + 1


def _before_break(data: bytes, start: int, end: int) -> int:
    """The line end before a delimiter belongs to the delimiter."""
    for size, ending in ((2, b"\r\n"), (1, b"\n")):
        if end - size >= start and data[end - size : end] == ending:
            return end - size
    return end


def _unquoted(value: bytes) -> bytes:
    if value[:1] != b'"':
        return value.strip()
    inner = value[1:-1] if len(value) > 1 and value.endswith(b'"') else value[1:]
    return re.sub(rb'\\(["\\])', rb"\1", inner) if b"\\" in inner else inner


def _names(values: list[tuple[str, bytes]]) -> list[str]:
    """The readings of `filename` and `name`: plain ones first, then those of RFC 2231."""
    plain: list[str] = []
    sections: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for key, value in values:
        match = _SECTION.fullmatch(key)
        if not match or match[1] not in ("filename", "name"):
            continue
        if not match[2] and not match[3]:
            plain += headers.decoded_values(value)[:2] if b"=?" in value else headers.decoded_values(value)
        else:
            number = int(match[2] or 0)
            sections.setdefault(match[1] + ("" if match[2] else "*"), {}).setdefault(number, (value, bool(match[3])))
    for pieces in sections.values():
        plain += _rfc2231(pieces)
    return plain


def _rfc2231(pieces: dict[int, tuple[bytes, bool]]) -> list[str]:
    """Join the sections by number, then decode once: senders cut in the middle of a character."""
    label = b""
    decoded: list[bytes] = []
    for value, extended in (pieces[number] for number in sorted(pieces)):
        if extended and not decoded and value.count(b"'") >= 2:
            label, _, value = value.split(b"'", 2)
        decoded.append(_PERCENT.sub(lambda match: bytes([int(match[1], 16)]), value) if extended else value)
    joined = b"".join(decoded)
    text = charset.decode(joined, label.decode("latin-1"))[0]
    return [text, *(headers.decoded_values(joined)[:1] if b"=?" in joined else [])]
