"""What the MTA is told: the only place that turns a verdict into milter replies.

First each recipient's action; where the policy names none for a recipient, the verdict's own counts.

| actions of the recipients                           | the MTA is told                                            |
|-----------------------------------------------------|------------------------------------------------------------|
| mode observe, or released before (re-entry)         | forged headers off, our headers on, accept                 |
| any tempfail                                        | tempfail for the whole mail; a retry joins its record      |
| all accept or tag                                   | forged headers off, our headers on, accept                 |
| some accept or tag, some hold, quarantine or reject | as above, and the others are taken off the envelope; their |
|                                                     | copy is the record in the store                            |
| all hold                                            | the same headers, the MTA's hold queue, accept             |
| all reject                                          | reject                                                     |
| hold, quarantine and reject mixed, or quarantine    | discard; the record in the store is the only copy          |

A copy that waits for its password counts as quarantined here: the record in the store is the only copy. Who has got the
mail from us already, when it is brought again, is taken off the envelope; where nobody is left the mail is discarded.

The MTA's hold queue takes whole mails only, so that hold for some recipients becomes a stored quarantine. A refusal for
some recipients cannot be told after the data either; the sender learns nothing then and the copy is kept.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import Milter
from sekisho_core.stamp import header_fields
from sekisho_core.vocabulary import Action, Mode, Passage, Verdict, graver

from sekisho_milter.letter import Letter
from sekisho_milter.settings import MilterSettings

_PASSING = (Action.ACCEPT, Action.TAG)
# Postfix searches the mail from its start for each header that goes: 1,000 took 0.07 s, 5,000 0.9 s, 20,000 11 s.
_MOST_FORGED = 1000


class Mta(Protocol):
    """pymilter's context of one session: the MTA at the other end. Its calls raise when the MTA is gone."""

    def getsymval(self, name: str, /) -> str | None: ...
    def addheader(self, name: str, value: str, /) -> None: ...
    def chgheader(self, name: str, index: int, value: str | None, /) -> None: ...
    def delrcpt(self, recipient: str, /) -> None: ...
    def quarantine(self, reason: str, /) -> None: ...
    def progress(self) -> None: ...
    def setreply(self, code: str, status: str, text: str, /) -> None: ...


class ForgedHeadersError(Exception):
    """More forged headers than can be taken off; the mail stays with its sender."""


class Answer(StrEnum):
    """The final reply at the end of a message."""

    PASS = "pass"
    HOLD = "hold-queue"
    DISCARD = "discard"
    REJECT = "reject"
    TEMPFAIL = "tempfail"


@dataclass(frozen=True)
class Plan:
    """The answer, the recipients (by index) taken off the envelope, and the action that headers and log name."""

    answer: Answer
    removed: tuple[int, ...]
    action: Action


def plan(verdict: Verdict, recipients: Sequence[str], released: bool = False, served: Set[str] = frozenset()) -> Plan:
    """The table above. `served` are those who have got the mail from us."""
    actions = _actions(verdict, recipients, released)
    if Action.TEMPFAIL in actions:
        return Plan(Answer.TEMPFAIL, (), Action.TEMPFAIL)
    passing = [action for action in actions if action in _PASSING]
    if not passing:
        return _stopping(set(actions), verdict.action)
    named = list(recipients) or [""]
    gone = [action not in _PASSING or name in served for name, action in zip(named, actions, strict=True)]
    if all(gone):
        return Plan(Answer.DISCARD, (), graver(*passing))
    return Plan(Answer.PASS, tuple(index for index, away in enumerate(gone) if away), graver(*passing))


def _actions(verdict: Verdict, recipients: Sequence[str], released: bool) -> list[Action]:
    if verdict.mode is Mode.OBSERVE or released:
        return [Action.ACCEPT] * max(1, len(recipients))
    named = {one.recipient: one.at_mta for one in verdict.recipients}
    return [named.get(recipient, verdict.action) for recipient in recipients] or [verdict.action]


def _stopping(actions: set[Action], verdict: Action) -> Plan:
    if actions == {Action.REJECT}:
        return Plan(Answer.REJECT, (), Action.REJECT)
    if actions == {Action.HOLD}:
        return Plan(Answer.HOLD, (), Action.HOLD)
    return Plan(Answer.DISCARD, (), Action.HOLD if verdict is Action.HOLD else Action.QUARANTINE)


def carry_out(mta: Mta, letter: Letter, passage: Passage, chosen: Plan, settings: MilterSettings) -> int:
    """Tell the MTA everything but the final reply, and return that. Raises when the MTA does not take it, and
    ForgedHeadersError."""
    if chosen.answer in (Answer.PASS, Answer.HOLD):
        _stamp(mta, letter, passage, chosen, settings.header_prefix)
        for address in dict.fromkeys(form for index in chosen.removed for form in _forms(*letter.recipients[index])):
            mta.delrcpt(address)
    if chosen.answer is Answer.HOLD:
        mta.quarantine(f"sekisho {passage.id}")
    if chosen.answer is Answer.REJECT:
        mta.setreply("550", "5.7.1", _reply_text(settings.reject_text))
    if chosen.answer is Answer.TEMPFAIL:
        mta.setreply("451", "4.7.1", _reply_text(settings.tempfail_text))
    return int(_CODES[chosen.answer])


def _stamp(mta: Mta, letter: Letter, passage: Passage, chosen: Plan, prefix: str) -> None:
    if sum(count for _, count in letter.forged.values()) > _MOST_FORGED:
        raise ForgedHeadersError(f"more than {_MOST_FORGED} headers that begin with {prefix}")
    for name, count in letter.forged.values():
        # From the last to the first, so that no deletion moves the next. pymilter cannot spell a name that is not
        # UTF-8; nobody else takes such a one for ours.
        if name.isprintable():
            for index in range(count, 0, -1):
                mta.chgheader(name, index, None)
    for suffix, value in header_fields(passage.id, passage.verdict, chosen.action).items():
        mta.addheader(f"{prefix}-{suffix}", f" {value}" if letter.space else value)


def _forms(mailbox: str, written: bytes) -> tuple[str, str]:
    # Postfix 3.7 knows a recipient that came with a source route only without it, and others as they were written.
    return written.decode("utf-8"), f"<{mailbox}>"


def _reply_text(text: str) -> str:
    # libmilter takes % for a macro.
    return text.replace("%", "%%")


_CODES = {
    Answer.PASS: Milter.ACCEPT,
    Answer.HOLD: Milter.ACCEPT,
    Answer.DISCARD: Milter.DISCARD,
    Answer.REJECT: Milter.REJECT,
    Answer.TEMPFAIL: Milter.TEMPFAIL,
}
