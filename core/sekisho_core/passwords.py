"""Passwords: the words that may open a locked file, as they travel between the rooms. They are secrets.

They show themselves in no repr, and stand in no type that is stored, logged or printed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

MOST, LONGEST = 64, 128
_Word = Annotated[str, msgspec.Meta(max_length=LONGEST)]


class Passwords(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """At most 64 words of at most 128 characters, the likeliest first."""

    words: Annotated[tuple[_Word, ...], msgspec.Meta(max_length=MOST)] = ()

    @classmethod
    def of(cls, words: Iterable[str], most: int = MOST) -> Passwords:
        """The first `most` of the words that can be one, without repeats."""
        usable = dict.fromkeys(word for word in words if 0 < len(word) <= LONGEST and _is_text(word))
        return cls(tuple(usable)[:most])

    def __bool__(self) -> bool:
        return bool(self.words)

    def __repr__(self) -> str:
        return f"Passwords({len(self.words)})"


NONE = Passwords()


class Keys(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a reading is given: `first` was typed by a person and is tried before the mail's own, `more` after them.

    `wanted` asks for what the mail itself states, whether or not it has a lock.
    """

    first: Passwords = NONE
    more: Passwords = NONE
    wanted: bool = False


NO_KEYS = Keys()


def _is_text(word: str) -> bool:
    try:
        return bool(word.encode())
    # Half a character, from bytes in no charset.
    except UnicodeEncodeError:
        return False
