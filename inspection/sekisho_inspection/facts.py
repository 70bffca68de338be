"""Facts: what was found in one mail, each once, in the order of finding, within bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sekisho_core.vocabulary import Decoding, Finding, Incomplete, Link, Observable, Part, Text

# Observables and findings of one mail; a mail with more is one that was made to be so.
MAX_FACTS = 20000
# Decodings and links that are kept for showing; all of them are searched.
MAX_SHOWN = 1000
# Characters of what is said of one.
MAX_DETAIL = 300
Fact = Observable | Finding | Incomplete | Decoding | Link | Text | Part


class Facts:
    """The growing list of a mail's facts; `text_bytes` bounds the texts that are kept, counted as UTF-8."""

    def __init__(self, text_bytes: int) -> None:
        self.parts: list[Part] = []
        self.texts: list[Text] = []
        # While a file is read for the cache: takes each thing as it comes, before it is cut or known to be one already.
        self.journal: Callable[[Any], None] | None = None
        self._text_bytes = text_bytes
        self._observables: dict[Observable, None] = {}
        self._findings: dict[Finding, None] = {}
        self._incomplete: dict[Incomplete, None] = {}
        self._decodings: dict[Decoding, None] = {}
        self._links: dict[Link, None] = {}

    @property
    def observables(self) -> tuple[Observable, ...]:
        return tuple(self._observables)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(self._findings)

    @property
    def incomplete(self) -> tuple[Incomplete, ...]:
        return tuple(self._incomplete)

    @property
    def decodings(self) -> tuple[Decoding, ...]:
        return tuple(self._decodings)

    @property
    def links(self) -> tuple[Link, ...]:
        return tuple(self._links)

    def room(self) -> tuple[int, int, int, int]:
        """How many bytes of text, observables, other facts, and facts for showing there is room for."""
        found, shown = max(len(self._findings), len(self._incomplete)), max(len(self._decodings), len(self._links))
        return self._text_bytes, MAX_FACTS - len(self._observables), MAX_FACTS - found, MAX_SHOWN - shown

    def log(self, entry: object) -> None:
        """Keep an entry of the journal, while there is one."""
        if self.journal is not None:
            self.journal(entry)

    def add(self, fact: Fact) -> None:
        """Write down a fact. What is beyond a bound is a gap, or left out where it is for showing only."""
        if self.journal is not None:
            self.journal(fact)
        if isinstance(fact, Observable):
            if len(self._observables) < MAX_FACTS:
                self._observables[fact] = None
            else:
                self._too_many("observables")
        elif isinstance(fact, Finding):
            if len(self._findings) < MAX_FACTS:
                self._findings[fact] = None
            else:
                self._too_many("findings")
        elif isinstance(fact, Incomplete):
            if len(self._incomplete) < MAX_FACTS:
                self._incomplete[fact] = None
        elif isinstance(fact, Decoding):
            if len(self._decodings) < MAX_SHOWN:
                self._decodings[fact] = None
        elif isinstance(fact, Link):
            if len(self._links) < MAX_SHOWN:
                self._links[fact] = None
        elif isinstance(fact, Text):
            self._add_text(fact)
        else:
            self.parts.append(fact)

    def _too_many(self, kind: str) -> None:
        self.add(Incomplete("mail", "limit", f"more than {MAX_FACTS} {kind}"))

    def _add_text(self, text: Text) -> None:
        data = text.text.encode("utf-8", "replace")
        kept = data[: self._text_bytes].decode("utf-8", "ignore") if len(data) > self._text_bytes else text.text
        self._text_bytes -= min(len(data), self._text_bytes)
        if kept.strip():
            self.texts.append(Text(text.where, text.charset, kept))
