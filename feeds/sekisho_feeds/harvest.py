"""The harvest: what documents of a feed hold, as a format reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec
from sekisho_core.errors import SekishoError
from sekisho_rules.indicator import Indicator, Refusal
from sekisho_rules.indicator_files import Provenance


class FeedError(SekishoError):
    """A feed that cannot be had or read; names the feed's place (without secrets) and the fault."""


class Document(msgspec.Struct, frozen=True):
    """One file of a feed, as fetched: its path within the feed, and its bytes."""

    name: str
    content: bytes


class Harvest(msgspec.Struct, frozen=True):
    """The indicators of a feed's documents, for each id the version in force, and what could not be used and why."""

    indicators: list[Indicator]
    refused: list[Refusal]


class Format(Protocol):
    """A way to read documents; found by entry point in the group `sekisho.feed_formats`.

    `provenance` is what the feed says of indicators that do not say it themselves; its source is the feed's name.
    `options` are the feed's, by name. Raises FeedError for a document that is not of the format at all and for an
    option that does not exist; an entry that cannot be used is a refusal.
    """

    def __call__(
        self, documents: Iterable[Document], provenance: Provenance, options: Mapping[str, str]
    ) -> Harvest: ...
