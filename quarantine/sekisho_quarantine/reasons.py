"""The reasons of a stored verdict: which rules speak against a mail, and whether one of them alone does."""

from __future__ import annotations

from collections.abc import Set

import msgspec
from sekisho_core.vocabulary import Incomplete, Match
from sekisho_rules.policy import MOST_REASONS
from sekisho_rules.suspension import Key

# What has an index entry, and can be suspended: findings and gaps are the policy's.
_KINDS = ("indicator", "yara")


class Reasons(msgspec.Struct, frozen=True):
    """What the breaker reads of a verdict."""

    reasons: tuple[Match, ...] = ()
    incomplete: tuple[Incomplete, ...] = ()

    def rules(self) -> frozenset[Key]:
        """The rules with effect that can be suspended."""
        return frozenset(
            (one.source, one.rule) for one in self.reasons if one.state == "enforce" and one.kind in _KINDS
        )

    def are_only(self, keys: Set[Key]) -> bool:
        """Whether nothing but these rules speaks against the mail."""
        others = any(one.state == "enforce" and (one.source, one.rule) not in keys for one in self.reasons)
        return not self.incomplete and len(self.reasons) < MOST_REASONS and not others


def reasons_of(verdict: bytes) -> Reasons:
    """The reasons of a stored verdict; none of one that is damaged."""
    try:
        return msgspec.msgpack.decode(verdict, type=Reasons)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Reasons()
