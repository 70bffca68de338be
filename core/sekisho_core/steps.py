"""Steps of a normalisation: each changes a text, plainly, or with a trace of what every character came from and why.

A normalisation is written once, as a course of steps over a `Work`. A `Plain` one is quick; a `Traced` one of the same
course explains it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Literal, NamedTuple, Protocol

Kind = Literal[
    "beyond",
    "case",
    "compatibility",
    "dash",
    "decoration",
    "ending",
    "honorific",
    "invisible",
    "itaiji",
    "kana",
    "legal-form",
    "long-mark",
    "look-alike",
    "mark",
    "mask",
    "numeral",
    "okurigana",
    "prefix",
    "punctuation",
    "radical",
    "simplified",
    "space",
    "spelling",
    "width",
]  # fmt: skip
KindOf = Callable[[str], Kind]
Range = tuple[int, int]


class Edit(NamedTuple):
    """`text[start:end]` becomes `new`; `kind` says why, or says it for each character."""

    start: int
    end: int
    new: str
    kind: Kind | KindOf


class Step(Protocol):
    """One change of a text: the same by `plain` and by the `edits` in order, which do not overlap."""

    def plain(self, text: str) -> str: ...

    def edits(self, text: str) -> Iterator[Edit]: ...


class Fold:
    """Each character of a table becomes what the table says."""

    def __init__(self, tables: Mapping[Kind, Mapping[str, str]]) -> None:
        self._kinds: dict[str, Kind] = {char: kind for kind, table in tables.items() for char in table}
        self._table = {char: new for table in tables.values() for char, new in table.items()}
        # To look for the few characters of a text that are in the table costs a fifth of translating all; those outside
        # of the basic plane stand in the pattern as one range, because `re` would try each of them in turn.
        basic = "".join(char for char in self._table if char <= "\uffff")
        self._pattern = re.compile(f"[{re.escape(basic)}\U00010000-\U0010ffff]")

    def plain(self, text: str) -> str:
        get = self._table.get
        return self._pattern.sub(lambda found: get(char := found[0], char), text)

    def edits(self, text: str) -> Iterator[Edit]:
        for found in self._pattern.finditer(text):
            if (char := found[0]) in self._table:
                yield Edit(*found.span(), self._table[char], self._kinds[char])


class Rewrite:
    """What a pattern finds becomes something else."""

    def __init__(self, kind: Kind | KindOf, pattern: str, new: str | Callable[[re.Match[str]], str] = "") -> None:
        self._kind = kind
        self._pattern = re.compile(pattern)
        self._new = new
        self.plain: Callable[[str], str] = partial(self._pattern.sub, new)

    def edits(self, text: str) -> Iterator[Edit]:
        for found in self._pattern.finditer(text):
            yield Edit(*found.span(), self._new if isinstance(self._new, str) else self._new(found), self._kind)


class Plain:
    """A text on its way through the steps."""

    def __init__(self, text: str) -> None:
        self.text = text

    def run(self, steps: Iterable[Step]) -> None:
        """Take the steps in order."""
        text = self.text
        for step in steps:
            text = step.plain(text)
        self.text = text

    def keep(self, start: int, end: int, kind: Kind) -> None:
        """Take away what stands before `start` and from `end` on."""
        self.text = self.text[start:end]


class Traced(Plain):
    """A text on its way that knows of each character which piece of the source it stands for."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.source = source
        self.ranges: list[Range] = [(place, place + 1) for place in range(len(source))]
        self.kinds: list[list[Kind]] = [[] for _ in source]
        """Why each character of the source changed, in the order of the steps."""

    def run(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self._apply(step.edits(self.text))

    def keep(self, start: int, end: int, kind: Kind) -> None:
        length = len(self.text)
        self._apply([Edit(0, start, "", kind), Edit(min(end, length), length, "", kind)])

    def source_of(self, start: int, end: int) -> Range:
        """The range of the source that `text[start:end]` stands for; an empty one stands behind what precedes it."""
        if start < end:
            return self.ranges[start][0], self.ranges[end - 1][1]
        before = self.ranges[start - 1][1] if start else 0
        return before, before

    def _apply(self, edits: Iterable[Edit]) -> None:
        text, ranges, position = [], [], 0
        for edit in edits:
            start, end, new = self._changed(edit)
            text += [self.text[position:start], new]
            ranges += self.ranges[position:start]
            if start < end:
                whole = self.ranges[start][0], self.ranges[end - 1][1]
                ranges += [whole] * len(new)
                self._note(edit.kind, whole)
            else:
                ranges += self._between(start, len(new))
            position = end
        self.text = "".join([*text, self.text[position:]])
        self.ranges = [*ranges, *self.ranges[position:]]

    def _changed(self, edit: Edit) -> tuple[int, int, str]:
        """The edit without what it leaves as it is on both sides."""
        start, end, new = edit[:3]
        while start < end and new and self.text[start] == new[0]:
            start, new = start + 1, new[1:]
        while start < end and new and self.text[end - 1] == new[-1]:
            end, new = end - 1, new[:-1]
        return start, end, new

    def _between(self, place: int, count: int) -> list[Range]:
        """What is put in stands for the character before it."""
        return [self.ranges[max(0, place - 1)]] * count if self.ranges else []

    def _note(self, kind: Kind | KindOf, whole: Range) -> None:
        for place in range(*whole):
            self.kinds[place].append(kind(self.source[place]) if callable(kind) else kind)
