"""Parameters: the values of Content-Type and Content-Disposition (RFC 2045 section 5.1) in every way that programs read
them: with and without quotes, comments and escapes, in the pieces of RFC 2231, as words of RFC 2047."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice

from sekisho_inspection import charset, headers

_TYPE = re.compile(rb"([!#-'*+.0-9A-Z^-~-]+)\s*/\s*([!#-'*+.0-9A-Z^-~-]+)", re.I)
# What every program reads alike: no comment, escape or stray character.
_VALUE = rb"(?:\"[^\"\\]*+\"|[^\s\"\\;()<>@,/\[\]?=]++)"
_ORDERLY = re.compile(
    rb"\s*[\w.+-]++(?:/[\w.+-]++)?(?:\s*;\s*[\w-]++(?:\*\d{0,4})?\*?\s*=\s*" + _VALUE + rb")*+\s*;?\s*"
)
_WORDS = re.compile(rb"\s*(?:=\?[^?\s]+\?[bBqQ]\?[^?]*\?=\s*)++")
_PARAMETER = re.compile(rb';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)', re.S)
# A key wherever it stands: between quotes, behind a space, a comma or another value.
_ANYWHERE = re.compile(rb"(?<![\w*-])[\"']?([a-z][\w-]{1,60})[\"']?((?:\*\d{0,4})?\*?)\s*=+\s*", re.I)
_NEXT = re.compile(rb";\s*+[\w-]++[\d*]*+\s*+=")
# A comment behind a value, which programs that know of none take for a part of it, or ignore.
_REMARK = re.compile(rb"[ \t]\((?:[^()\"\\;=]|\([^()\"\\;=]*+\))*+\)[ \t]*(?=;|\Z)")
_COMMENT = re.compile(rb"\([^()]*+\)")
_COMMENTS_DEEP = 5
_SECTION = re.compile(r"([^*]+)(?:\*(\d{1,4}))?(\*)?")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
# Readings of one parameter; nobody's value has as many.
_MOST = 60
# Bytes of one value.
_LONGEST = 1000
_Piece = tuple[int, bytes, bool]


Pairs = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Parameters:
    """The readings of one or several values of a field: media types, the standard one first ("" where it is broken),
    and the parameters of the standard reading in order, by name as written (`filename*0*`). `orderly` says that all
    programs find the same parameters."""

    types: tuple[str, ...]
    pairs: Pairs
    orderly: bool
    lines: tuple[bytes, ...] = field(default=(), repr=False)

    def first(self, name: str) -> bytes:
        """The standard reading of a parameter without sections; b"" where there is none."""
        return next((value for key, value in self.pairs if key == name), b"")

    def readings(self, name: str) -> list[bytes]:
        """Every reading of a parameter, the standard one first."""
        found = [value for key, value in self.pairs if key == name]
        sections = [pair for pair in self.pairs if pair[0].startswith(f"{name}*")]
        if not self.orderly or (sections and not _in_order(sections)):
            return [value for value in dict.fromkeys(islice(_every(self, name), _MOST)) if value]
        return found + list(islice(_joined(tuple(sections), name), 1))

    def guesses(self, name: str) -> list[bytes]:
        """Every reading of a parameter whose value is then looked for, so that a wrong one does no harm: those that end
        at a space or comma too, and undecoded ones."""
        if self.orderly and all(
            key == name and b"=?" not in value for key, value in self.pairs if key.startswith(name)
        ):
            return [value for key, value in self.pairs if key == name]
        wide = (value.partition(end)[0].strip(b"\"'") for value in _every(self, name) for end in (b" ", b",", b"("))
        raw = (value for key, value in self.pairs if key.startswith(f"{name}*"))
        found = dict.fromkeys(islice(chain(self.readings(name), raw, wide), 2 * _MOST))
        return [value for value in found if value]


def _in_order(sections: list[tuple[str, bytes]]) -> bool:
    """Whether the pieces of one parameter are those of RFC 2231: one whole, or numbered from 0 on."""
    found = [match for key, _ in sections if (match := _SECTION.fullmatch(key))]
    numbers = [int(match[2]) for match in found if match[2]]
    if not numbers:
        return len(sections) == 1
    return len(found) == len(sections) and numbers == list(range(len(sections)))


def read(values: Iterable[bytes]) -> Parameters:
    """Read the raw values of the fields of one name together: some programs take the first of them, some the last, and
    RFC 2231's pieces may stand in either."""
    return _read(tuple(_REMARK.sub(b"", headers.unfold(raw)) for raw in values))


# The type of a part is asked for twice, and what many parts state is the same.
@lru_cache(maxsize=64)
def _read(lines: tuple[bytes, ...]) -> Parameters:
    pairs: list[tuple[str, bytes]] = []
    types: list[str] = []
    for line in lines:
        kind = _TYPE.match(line)
        broken = kind is None and b"=" in line.partition(b";")[0]
        pairs += [
            (match[1].decode("latin-1").lower(), unquoted(match[2]))
            for match in _PARAMETER.finditer(b";" + line if broken else line)
        ]
        types.append(_type(kind))
    orderly = len(lines) < 2 and all(map(_is_orderly, lines)) and len(dict(pairs)) == len(pairs)
    if not orderly:
        types += [_type(_TYPE.search(cleaned)) for line in lines for cleaned in _cleaned(line)]
    named = [kind for kind in types[1:] if kind]
    return Parameters(tuple(dict.fromkeys([*(types[:1] or [""]), *named])), tuple(pairs), orderly, lines)


def unquoted(value: bytes) -> bytes:
    """A value without its quotes, also where the last is missing, and without escapes."""
    if value[:1] != b'"':
        return value.strip()
    inner = value[1:-1] if len(value) > 1 and value.endswith(b'"') else value[1:]
    return re.sub(rb'\\(["\\])', rb"\1", inner) if b"\\" in inner else inner


def _is_orderly(line: bytes) -> bool:
    if not _ORDERLY.fullmatch(line):
        return False
    # Words of RFC 2047 in quotes are against the standard, and every program decodes them.
    return b"=?" not in line or all(_WORDS.fullmatch(value) for value in line.split(b'"') if b"=?" in value)


def _type(match: re.Match[bytes] | None) -> str:
    return f"{match[1].decode('ascii')}/{match[2].decode('ascii')}".lower() if match else ""


def _cleaned(line: bytes) -> list[bytes]:
    """The line as programs see it that drop comments, escapes, quotes and what else does not belong."""
    bare = line.translate(None, b"\0").lstrip(b": \t")
    for _ in range(_COMMENTS_DEEP):
        bare = _COMMENT.sub(b"", bare)
    word = headers.decode_value(line).encode("utf-8", "replace") if b"=?" in line else bare
    return [bare, bare.translate(None, b"\"'\\"), word]


def _every(parameters: Parameters, name: str) -> Iterator[bytes]:
    ways = [parameters.pairs, *_found(parameters.lines, name)]
    for pairs in ways:
        yield from (value for key, value in pairs if key == name)
        yield from _joined(pairs, name)
    for value in dict.fromkeys(value for pairs in ways for key, value in pairs if key == name):
        yield from _spelled(value)


def _found(lines: Iterable[bytes], name: str) -> list[Pairs]:
    """The parameter wherever it stands in the lines: in the lines as they are and as some programs see them, up to the
    next semicolon, the next parameter, or the closing quote."""
    versions = zip(*([line, *_cleaned(line)] for line in lines), strict=True)
    found = [tuple(islice(_anywhere(texts, name, cut), _MOST)) for texts in versions for cut in _CUTS]
    return list(dict.fromkeys(found))


def _anywhere(texts: Iterable[bytes], name: str, cut: Callable[[bytes], bytes]) -> Iterator[tuple[str, bytes]]:
    for text in texts:
        for match in _ANYWHERE.finditer(text):
            if match[1].decode("latin-1").lower() == name:
                yield name + match[2].decode("ascii"), cut(text[match.end() : match.end() + _LONGEST])


_CUTS: tuple[Callable[[bytes], bytes], ...] = (
    lambda rest: rest.partition(b";")[0].strip(),
    lambda rest: _NEXT.split(rest, maxsplit=1)[0].strip(),
    lambda rest: rest[1:].partition(rest[:1])[0] if rest[:1] in (b'"', b"'") else rest.partition(b";")[0].strip(),
)


def _spelled(value: bytes) -> Iterator[bytes]:
    """One value as programs take it that drop or keep quotes, escapes, brackets, comments and zero bytes."""
    yield value
    yield unquoted(value)
    yield value.translate(None, b'"\\')
    yield value.strip(b"\"'<>` \t")
    yield value.translate(None, b"\"'\\\0")
    yield _COMMENT.sub(b"", value).strip()
    if b"=?" in value:
        yield from (text.encode("utf-8", "replace") for text in headers.decoded_values(value))


def _joined(pairs: Pairs, name: str) -> Iterator[bytes]:
    """The pieces of RFC 2231 sections 3 and 4, by number and as they stand, decoded once after joining because senders
    cut in the middle of a character; as UTF-8 where a charset is stated."""
    pieces: list[_Piece] = []
    for key, value in pairs:
        match = _SECTION.fullmatch(key)
        if match and match[1] == name and (match[2] or match[3]):
            pieces.append((int(match[2] or 0), value, bool(match[3])))
    if not pieces:
        return
    first = {piece[0]: piece for piece in pieces[::-1]}
    last = {piece[0]: piece for piece in pieces}
    plain = [value for key, value in pairs if key == name]
    for order in ([first[key] for key in sorted(first)], [last[key] for key in sorted(last)], pieces):
        yield from _decoded(order)
        yield from (start + joined for start in plain[:1] for joined in _decoded(order))


def _decoded(order: list[_Piece]) -> Iterator[bytes]:
    label, out, kept = b"", b"", b""
    for _, value, extended in order:
        if extended and not label and value.count(b"'") >= 2:
            label, _, value = value.split(b"'", 2)
            label = label or b"utf-8"
        kept += value
        out += _PERCENT.sub(lambda match: bytes([int(match[1], 16)]), value) if extended else value
    if label:
        yield charset.decode(out, label.decode("latin-1"))[0].encode()
    yield out
    yield _PERCENT.sub(lambda match: bytes([int(match[1], 16)]), kept)
