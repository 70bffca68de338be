"""The merge: what a feed says now is laid over what all feeds said before, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sekisho_rules import history, table
from sekisho_rules.indicator import Indicator
from sqlalchemy import Connection, Engine

# Of a small feed every removal is a large share of it; all of it is too much of any.
_FEW = 5


class Merged(msgspec.Struct, frozen=True):
    """What a merge did to the statements of its feed. `kept_back` are those that the feed removed or revoked, which
    stay in force until a person confirms: they were too many at once. `guarded` of the unchanged are those of which our
    guard says something else now."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    guarded: int = 0
    withdrawn: int = 0
    kept_back: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.added or self.updated or self.guarded or self.withdrawn)


class Removals(msgspec.Struct, frozen=True):
    """When a removal needs a person's word: beyond this share of the feed's indicators, unless confirmed."""

    most: float = 0.2
    confirmed: bool = False


def merge(
    engine: Engine,
    source: str,
    stated: Sequence[tuple[Indicator, str]],
    complete: bool,
    removals: Removals,
    now: datetime,
) -> Merged:
    """Store the statements of one feed, each with the reason why it has no effect ("" where it has).

    What a `complete` feed does not state any more is withdrawn; what other feeds say of it stays. A revoked indicator
    is so for good. Raises DatabaseError; then nothing changed.
    """
    with history.changing(engine) as connection:
        revision = history.begin(connection, f"pull {source}", now)
        held = table.ids_of(connection, source)
        gone = held - {one.id for one, _ in stated} if complete else set()
        revoked = {one.id for one, _ in stated if one.revoked and one.id in held}
        kept_back = _too_many(gone | revoked, held, removals)
        if kept_back:
            gone, stated = set(), [(one, why) for one, why in stated if one.id not in revoked]
        done = table.put(connection, stated, now, revision)
        withdrawn = _withdraw(connection, source, gone, revision)
        merged = Merged(done.added, done.updated, done.unchanged, done.guarded, withdrawn, kept_back)
        if not merged.changed:
            history.drop(connection, revision)
        return merged


def _too_many(going: set[str], held: set[str], removals: Removals) -> int:
    """How many removals must wait for a person; 0 when they may go."""
    few = len(going) <= max(_FEW, removals.most * len(held)) and not len(going) == len(held) > 1
    allowed = removals.confirmed or few
    return 0 if allowed else len(going)


def _withdraw(connection: Connection, source: str, gone: set[str], revision: int) -> int:
    return table.withdraw(connection, source, sorted(gone), revision)
