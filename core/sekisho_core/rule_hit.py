"""What a YARA rule found in a content: the words of a hit beside its finding."""

from __future__ import annotations

from typing import Annotated

import msgspec


class RuleString(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place where a string of a YARA rule stands: offset and length in bytes, and the bytes before, there and behind
    as text for people."""

    identifier: str
    offset: int
    length: int
    before: str
    matched: str
    after: str


class RuleHit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a YARA rule found: the form of the content that was searched ("" for the file itself), the rule's tags and
    meta, and the first places of its strings."""

    view: str
    tags: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)]
    meta: Annotated[tuple[tuple[str, str], ...], msgspec.Meta(max_length=100)]
    strings: Annotated[tuple[RuleString, ...], msgspec.Meta(max_length=100)]
