"""Why two subjects are the same lure or are not, span by span; and what normalising made of one.

It is the matcher's own course of steps, traced: there is no second opinion here. This is for explaining a match, not
for every mail.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Literal, NamedTuple

from sekisho_core.normalise import MASK, STATED_MASKS, fitted, lure_pattern, normalise, normalise_subject, same_lure
from sekisho_core.steps import Kind, Range, Traced

SpanKind = Kind | Literal["identical", "different"]
# A longer text is one span: a trace takes a hundred bytes a character.
LONGEST = 10_000


class Span(NamedTuple):
    """A piece of the lure, the piece of the subject that stands for it (either may be empty), and why they are equal:
    kinds in alphabetical order; "identical" and "different" stand alone."""

    canonical: str
    variant: str
    kinds: tuple[SpanKind, ...]


class Comparison(NamedTuple):
    """Whether two subjects are the same lure, their normal forms, and spans that put together are both texts whole."""

    same: bool
    canonical_form: str
    variant_form: str
    spans: tuple[Span, ...]


class Piece(NamedTuple):
    """A piece of a subject, what it is in the normal form, and the kinds of change; () where nothing changed."""

    text: str
    normal: str
    kinds: tuple[Kind, ...]


class _Link(NamedTuple):
    """Ranges of the two sources that stand for each other, and why beyond what their characters say."""

    stated: Range
    seen: Range
    hint: SpanKind | None = None


def compare(canonical: str, variant: str) -> Comparison:
    """`same_lure(canonical, variant)` explained: of two texts that say something it is the same where no span is
    "different". Takes any strings; about a millisecond for two titles."""
    same = same_lure(canonical, variant)
    if max(len(canonical), len(variant)) > LONGEST:
        spans = [Span(canonical, variant, ("beyond" if same else "different",))]
        return Comparison(same, normalise_subject(canonical), normalise_subject(variant), tuple(spans))
    stated, seen = _stated(canonical), _traced(variant)
    if not same and stated.text == seen.text:
        # Neither says anything.
        return Comparison(same, stated.text, seen.text, (Span(canonical, variant, ("different",)),))
    links = _same(stated, seen) if same else _differing(stated, seen)
    spans = [span for span in _spans(stated, seen, _apart(links)) if span.canonical or span.variant]
    return Comparison(same, stated.text, seen.text, tuple(_merged(spans)))


def traced(text: str) -> tuple[Piece, ...]:
    """What became of each piece of a subject: the pieces put together are the text, their normal pieces its normal
    form."""
    if len(text) > LONGEST:
        return (Piece(text, normalise_subject(text), ("beyond",)),)
    work = _traced(text)
    found: list[Piece] = []
    position = 0
    for (start, end), chars in groupby(zip(work.ranges, work.text, strict=True), key=lambda pair: pair[0]):
        found += [Piece(dropped, "", kinds) for dropped, kinds in _dropped(work, position, start)]
        found.append(Piece(text[start:end], "".join(char for _, char in chars), _kinds(work, start, end)))
        position = end
    found += [Piece(dropped, "", kinds) for dropped, kinds in _dropped(work, position, len(text))]
    return tuple(_joined(found))


def _stated(canonical: str) -> Traced:
    work = Traced(canonical)
    if lure_pattern(canonical) is not None:
        work.run(STATED_MASKS)
    normalise(work)
    return work


def _traced(text: str) -> Traced:
    work = Traced(text)
    normalise(work)
    return work


def _same(stated: Traced, seen: Traced) -> Iterator[_Link]:
    """Links of equal characters, and of masks with what stands for them."""
    pieces = stated.text.split(MASK) if lure_pattern(stated.source) else [stated.text]
    places = fitted(seen.text, pieces) if len(pieces) > 1 else [0]
    assert places is not None
    at, done = 0, 0
    for piece, place in zip(pieces, places, strict=True):
        if at:
            yield _Link(stated.source_of(at - len(MASK), at), seen.source_of(done, place), "mask")
        for offset in range(len(piece)):
            yield _Link(stated.ranges[at + offset], seen.ranges[place + offset])
        at, done = at + len(piece) + len(MASK), place + len(piece)


def _differing(stated: Traced, seen: Traced) -> Iterator[_Link]:
    """Links of what both begin and end with, and one of what differs between."""
    start = _common(stated.text, seen.text)
    end = _common(stated.text[start:][::-1], seen.text[start:][::-1])
    yield from (_Link(stated.ranges[place], seen.ranges[place]) for place in range(start))
    last = len(stated.text) - end, len(seen.text) - end
    yield _Link(stated.source_of(start, last[0]), seen.source_of(start, last[1]), "different")
    for place in range(end):
        yield _Link(stated.ranges[last[0] + place], seen.ranges[last[1] + place])


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    shorter = min(len(one), len(other))
    return next((place for place in range(shorter) if one[place] != other[place]), shorter)


def _apart(links: Iterator[_Link]) -> list[list[_Link]]:
    """The links in groups whose ranges do not overlap on either side."""
    groups: list[list[_Link]] = []
    ends = 0, 0
    for link in links:
        if groups and (link.stated[0] < ends[0] or link.seen[0] < ends[1]):
            groups[-1].append(link)
        else:
            groups.append([link])
        ends = max(ends[0], link.stated[1]), max(ends[1], link.seen[1])
    return groups


def _spans(stated: Traced, seen: Traced, groups: list[list[_Link]]) -> Iterator[Span]:
    left, right = 0, 0
    for group in groups:
        start, end = group[0].stated[0], max(link.stated[1] for link in group)
        begin, stop = group[0].seen[0], max(link.seen[1] for link in group)
        yield from _between(stated, seen, (left, start), (right, begin))
        hints = {link.hint for link in group if link.hint}
        yield _span(stated, seen, (start, end), (begin, stop), hints)
        left, right = end, stop
    yield from _between(stated, seen, (left, len(stated.source)), (right, len(seen.source)))


def _between(stated: Traced, seen: Traced, left: Range, right: Range) -> Iterator[Span]:
    """What was dropped on both sides between two links; what both begin and end with is told apart."""
    canonical, variant = stated.source[slice(*left)], seen.source[slice(*right)]
    start = _common(canonical, variant)
    end = _common(canonical[start:][::-1], variant[start:][::-1])
    yield Span(canonical[:start], variant[:start], ("identical",))
    first, second = (left[0] + start, left[1] - end), (right[0] + start, right[1] - end)
    if first[0] < first[1] and second[0] < second[1]:
        yield _span(stated, seen, first, second, set())
    else:
        yield from (Span(piece, "", kinds) for piece, kinds in _dropped(stated, *first))
        yield from (Span("", piece, kinds) for piece, kinds in _dropped(seen, *second))
    yield Span(canonical[len(canonical) - end :], variant[len(variant) - end :], ("identical",))


def _span(stated: Traced, seen: Traced, left: Range, right: Range, hints: set[SpanKind]) -> Span:
    canonical, variant = stated.source[slice(*left)], seen.source[slice(*right)]
    if "different" in hints:
        return Span(canonical, variant, ("different",))
    if canonical == variant:
        return Span(canonical, variant, ("identical",))
    return Span(canonical, variant, tuple(sorted({*hints, *_kinds(stated, *left), *_kinds(seen, *right)})))


def _kinds(work: Traced, start: int, end: int) -> tuple[Kind, ...]:
    return tuple(sorted({kind for kinds in work.kinds[start:end] for kind in kinds}))


def _dropped(work: Traced, start: int, end: int) -> Iterator[tuple[str, tuple[Kind, ...]]]:
    """Runs of characters that are gone, each with the last of its reasons: that for which they are."""
    for kind, places in groupby(range(start, end), key=lambda place: work.kinds[place][-1]):
        run = list(places)
        yield work.source[run[0] : run[-1] + 1], (kind,)


def _merged(spans: list[Span]) -> Iterator[Span]:
    """Neighbours of one kind, both with text on the same sides, as one."""
    for key, run in groupby(spans, key=lambda span: (span.kinds, bool(span.canonical), bool(span.variant))):
        group = list(run)
        yield Span("".join(one.canonical for one in group), "".join(one.variant for one in group), key[0])


def _joined(pieces: list[Piece]) -> Iterator[Piece]:
    for key, run in groupby(pieces, key=lambda piece: (piece.kinds, bool(piece.normal))):
        group = list(run)
        yield Piece("".join(one.text for one in group), "".join(one.normal for one in group), key[0])
