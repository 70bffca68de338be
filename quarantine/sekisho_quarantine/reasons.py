"""The reasons of a stored verdict: which rules speak against a mail, and whether one of them alone does."""

from __future__ import annotations

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

    def is_alone(self, key: Key) -> bool:
        """Whether nothing but this rule speaks against the mail."""
        others = (one for one in self.reasons if one.state == "enforce" and (one.source, one.rule) != key)
        return not self.incomplete and len(self.reasons) < MOST_REASONS and next(others, None) is None


def reasons_of(verdict: bytes) -> Reasons:
    """The reasons of a stored verdict; none of one that is damaged."""
    try:
        return msgspec.msgpack.decode(verdict, type=Reasons)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Reasons()
