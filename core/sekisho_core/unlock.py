"""Unlocking: a mail that stayed locked is read once more, with passwords that do not stand in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from sekisho_core.passwords import NONE, Keys, Passwords
from sekisho_core.scan import Progress, YaraRules
from sekisho_core.vocabulary import Mail, PartState, Reading

Source = Callable[[Mail, Reading], Iterable[str]]
"""Passwords for a locked mail, the likeliest first; raises nothing."""
Hear = Callable[[Mail, Reading, Passwords], None]
"""Is told what a mail states, which may open another; raises nothing."""


@dataclass(frozen=True)
class Examined:
    """What was read in a mail, and the passwords that it states, where they were asked for."""

    reading: Reading
    stated: Passwords = NONE


class Read(Protocol):
    """Bytes and keys to a reading, in a sandbox. Raises nothing: what fails is an `Incomplete` in the reading."""

    def __call__(self, mail: Mail, yara: YaraRules | None, progress: Progress, keys: Keys) -> Examined: ...


class Unlocking:
    """Implements `scan.Inspect`. `first` are a person's words; `sources` are asked in turn for a mail that is locked;
    `hear` is told what each mail states."""

    def __init__(
        self, read: Read, sources: Sequence[Source], first: Passwords = NONE, hear: Hear | None = None
    ) -> None:
        self._read = read
        self._sources = sources
        self._first = first
        self._hear = hear

    def __call__(self, mail: Mail, yara: YaraRules | None, progress: Progress) -> Reading:
        found = self._read(mail, yara, progress, Keys(self._first, wanted=self._hear is not None))
        if self._hear and found.stated:
            self._hear(mail, found.reading, found.stated)
        if not is_locked(found.reading):
            return found.reading
        more = Passwords.of(word for source in self._sources for word in source(mail, found.reading))
        if not more:
            return found.reading
        return _joined(found.reading, self._read(mail, yara, progress, Keys(self._first, more)).reading)


def is_locked(reading: Reading) -> bool:
    """Whether a lock kept something from being read."""
    return any(gap.reason == "locked" for gap in reading.incomplete)


def _joined(first: Reading, again: Reading) -> Reading:
    """The second reading where it opened anything; else the first, with the reason of a second that failed as a whole.

    So strangers' passwords that are wrong change nothing of what is said of a mail.
    """
    if not again.parts and not again.headers:
        return msgspec.structs.replace(first, incomplete=first.incomplete + again.incomplete)
    return again if _opened(again) > _opened(first) else first


def _opened(reading: Reading) -> int:
    return sum(part.state is PartState.OPENED for part in reading.parts)
