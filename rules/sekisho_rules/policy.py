"""The policy: the only place where matches, findings and gaps become a verdict.

For each recipient the most specific override is laid over the general tables. What an override does not name stays as
it is in general.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
from sekisho_core.addresses import closeness
from sekisho_core.settings import Settings
from sekisho_core.vocabulary import (
    Action,
    Direction,
    Finding,
    Incomplete,
    Mail,
    Match,
    MatchKind,
    Mode,
    Reading,
    RecipientVerdict,
    Severity,
    Verdict,
    Wait,
    graver,
)

from sekisho_rules.exclusions import exclusion_of, explained, for_recipient, in_force, today
from sekisho_rules.settings import Exclusion, FindingActions, GapActions, Override, PolicySettings, SeverityActions

OTHER: Final = "other"
DEFAULT = "default"
# A verdict names so many reasons, the gravest first; all were weighed.
MOST_REASONS = 200


@dataclass(frozen=True)
class Rulebook:
    """The tables in force for some recipients; `mode` is None where the direction's mode holds. `wait` is that of a
    mail which is held for a lock."""

    name: str
    mode: Mode | None
    severity: SeverityActions
    findings: FindingActions
    incomplete: GapActions
    min_confidence: int
    wait: Wait

    def passing_gaps(self) -> dict[str, Action]:
        """What lets mail go that could not be read: the reasons that do so at once, and `locked_expired` where a wait
        ends so."""
        passing = (Action.ACCEPT, Action.TAG)
        found = {str(reason): action for reason, action in self.incomplete.items() if action in passing}
        if self.lets_wait() and self.wait.otherwise in passing:
            found["locked_expired"] = self.wait.otherwise
        return found

    def lets_wait(self) -> bool:
        """Whether locked mail waits for its password."""
        return self.incomplete.get("locked", self.incomplete[OTHER]) is Action.HOLD

    def action(self, reason: Match | Finding | Incomplete) -> Action:
        """What one reason does under these tables."""
        if isinstance(reason, Finding):
            return self.findings.get(reason.kind, Action.ACCEPT)
        if isinstance(reason, Incomplete):
            return self.incomplete.get(reason.reason, self.incomplete[OTHER])
        return self._of_match(reason)

    def _of_match(self, match: Match) -> Action:
        if match.state == "observe":
            return Action.ACCEPT
        action = min(self.severity.get(match.severity, Action.ACCEPT), match.cap or Action.REJECT, key=_gravity)
        weak = match.confidence < self.min_confidence and action.gravity > Action.TAG.gravity
        return Action.TAG if weak else action


@dataclass(frozen=True)
class _Ground:
    """One reason, and the shape in which exclusions and readers see it."""

    reason: Match | Finding | Incomplete
    match: Match


@dataclass(frozen=True)
class _Outcome:
    """What the grounds come to under one rulebook and some exclusions: by ground, the gravest, and the wait of a mail
    that is held for nothing but a lock."""

    actions: tuple[Action, ...]
    excluded: tuple[Exclusion | None, ...]
    gravest: Action
    wait: Wait | None

    def effect(self, index: int) -> Action:
        """What one ground does where no exclusion takes it out."""
        return self.actions[index] if self.excluded[index] is None else Action.ACCEPT


class Policy:
    """`[policy]` as a stage: matches and gaps to a Verdict. `now` gives an aware time; it ends exclusions."""

    def __init__(self, settings: PolicySettings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._general = _general(settings)
        self._overrides = [(override, _laid_over(self._general, override)) for override in settings.overrides]

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """The policy that the settings state; exclusions end by the machine's clock."""
        return cls(settings.of(PolicySettings), lambda: datetime.now(UTC))

    def __call__(
        self, mail: Mail, reading: Reading, matches: tuple[Match, ...], incomplete: tuple[Incomplete, ...]
    ) -> Verdict:
        grounds = _grounds(matches, reading.findings, incomplete)
        judged = self._by_recipient(mail, reading, grounds)
        return self._verdict(mail, judged, grounds[: len(grounds) - len(incomplete)], incomplete)

    def effects(
        self, mail: Mail, reading: Reading, matches: tuple[Match, ...], incomplete: tuple[Incomplete, ...]
    ) -> tuple[Action, ...]:
        """What each ground leads to by itself, whatever the mode: the matches, then the reading's findings, then the
        gaps. It is the gravest over the recipients; for those to whom an exclusion applies it is `accept`."""
        grounds = _grounds(matches, reading.findings, incomplete)
        outcomes = _distinct([outcome for _, _, outcome in self._by_recipient(mail, reading, grounds)])
        return tuple(graver(*(one.effect(index) for one in outcomes)) for index in range(len(grounds)))

    def _by_recipient(
        self, mail: Mail, reading: Reading, grounds: Sequence[_Ground]
    ) -> list[tuple[str, Rulebook, _Outcome]]:
        live = in_force(self._settings.exclusions, mail, today(self._now()))
        known: dict[tuple[str, int, tuple[Exclusion, ...]], _Outcome] = {}
        judged = []
        # Recipients under the same tables and exclusions are judged once: a mail may have a thousand.
        for recipient in mail.envelope.rcpt_to or ("",):
            rulebook = self.rulebook(recipient)
            excluding = for_recipient(live, recipient)
            key = (rulebook.name, id(rulebook), excluding)
            if key not in known:
                known[key] = _outcome(rulebook, excluding, grounds, mail, reading)
            judged.append((recipient, rulebook, known[key]))
        return judged

    def rulebook(self, recipient: str) -> Rulebook:
        """The tables for `recipient`: those of the override that names it most closely, the first of equals."""
        best, chosen = 0, self._general
        for override, rulebook in self._overrides:
            close = max(closeness(entry, recipient) for entry in override.recipients)
            if close > best:
                best, chosen = close, rulebook
        return chosen

    def rulebooks(self) -> tuple[Rulebook, ...]:
        """All tables that are in force for somebody: the general ones, then those of each override."""
        return self._general, *(rulebook for _, rulebook in self._overrides)

    def _verdict(
        self,
        mail: Mail,
        judged: Sequence[tuple[str, Rulebook, _Outcome]],
        grounds: Sequence[_Ground],
        incomplete: tuple[Incomplete, ...],
    ) -> Verdict:
        modes = [self._mode(mail, rulebook) for _, rulebook, _ in judged]
        mode = Mode.ENFORCE if Mode.ENFORCE in modes else Mode.OBSERVE
        recipients = [
            _for_recipient(recipient, rulebook, outcome, spared=mode is not own)
            for (recipient, rulebook, outcome), own in zip(judged, modes, strict=True)
        ]
        action = graver(*(recipient.action for recipient in recipients))
        shown = tuple(recipients) if mail.envelope.rcpt_to else ()
        outcomes = [outcome for _, _, outcome in judged]
        return Verdict(action, shown, _reasons(grounds, outcomes), incomplete, mode)

    def _mode(self, mail: Mail, rulebook: Rulebook) -> Mode:
        outbound = mail.envelope.direction is Direction.OUTBOUND
        return rulebook.mode or (self._settings.outbound_mode if outbound else self._settings.mode)


def _general(settings: PolicySettings) -> Rulebook:
    wait = Wait(settings.locked_wait, settings.locked_expired)
    tables = (settings.severity, settings.findings, settings.incomplete)
    return Rulebook(DEFAULT, None, *tables, settings.min_confidence, wait)


def _laid_over(general: Rulebook, override: Override) -> Rulebook:
    return Rulebook(
        override.name or override.recipients[0],
        override.mode,
        {**general.severity, **override.severity},
        {**general.findings, **override.findings},
        {**general.incomplete, **override.incomplete},
        general.min_confidence,
        Wait(override.locked_wait or general.wait.seconds, override.locked_expired or general.wait.otherwise),
    )


def _for_recipient(recipient: str, rulebook: Rulebook, outcome: _Outcome, spared: bool) -> RecipientVerdict:
    """A recipient in observe mode among others in enforce mode gets the mail; the policy's name says what would be."""
    if not spared or outcome.gravest is Action.ACCEPT:
        return RecipientVerdict(recipient, outcome.gravest, rulebook.name, outcome.wait)
    return RecipientVerdict(recipient, Action.ACCEPT, f"{rulebook.name} (observe: {outcome.gravest.value})")


def _grounds(
    matches: Iterable[Match], findings: Iterable[Finding], incomplete: Iterable[Incomplete]
) -> tuple[_Ground, ...]:
    """Matches, then findings, then gaps."""
    by_match = [_Ground(match, match) for match in matches]
    by_finding = [_Ground(finding, _stated(finding)) for finding in findings]
    return (*by_match, *by_finding, *(_Ground(gap, _gap(gap)) for gap in incomplete))


def _stated(finding: Finding) -> Match:
    detail = f": {finding.detail}" if finding.detail else ""
    return _own("attachment", finding.kind, finding.where, f"{finding.kind} in {finding.where}{detail}")


def _gap(gap: Incomplete) -> Match:
    """A gap as exclusions see it: `rule = "incomplete:locked"` names one; those that name no rule concern no gap."""
    return _own("policy", f"incomplete:{gap.reason}", gap.where, gap.detail)


def _own(kind: MatchKind, rule: str, where: str, explain: str) -> Match:
    """A reason of our own tables; what it leads to sets its severity when it is shown."""
    return Match(kind, rule, "policy", "clear", 100, "info", "exact", where, explain)


def _outcome(
    rulebook: Rulebook, excluding: tuple[Exclusion, ...], grounds: Sequence[_Ground], mail: Mail, reading: Reading
) -> _Outcome:
    named = tuple(one for one in excluding if one.rule)
    excluded = tuple(
        exclusion_of(ground.match, named if isinstance(ground.reason, Incomplete) else excluding, mail, reading)
        for ground in grounds
    )
    actions = tuple(rulebook.action(ground.reason) for ground in grounds)
    effective = [
        (ground.reason, action)
        for ground, action, exclusion in zip(grounds, actions, excluded, strict=True)
        if exclusion is None
    ]
    return _Outcome(actions, excluded, graver(*(action for _, action in effective)), _wait(rulebook, effective))


def _wait(rulebook: Rulebook, effective: Sequence[tuple[Match | Finding | Incomplete, Action]]) -> Wait | None:
    """The wait of a mail that is held for its locks alone; whatever else is said of it holds when the wait is over."""
    locks = [action for reason, action in effective if _is_lock(reason)]
    others = [action for reason, action in effective if not _is_lock(reason)]
    if graver(*locks) is not Action.HOLD or graver(*others).gravity >= Action.HOLD.gravity:
        return None
    return Wait(rulebook.wait.seconds, graver(rulebook.wait.otherwise, *others))


def _is_lock(reason: Match | Finding | Incomplete) -> bool:
    return isinstance(reason, Incomplete) and reason.reason == "locked"


def _reasons(grounds: Sequence[_Ground], outcomes: Sequence[_Outcome]) -> tuple[Match, ...]:
    """The reasons, gravest and then surest first; matches always, findings where they lead to anything for anybody."""
    distinct = _distinct(outcomes)
    weighed = [_weighed(index, ground, distinct) for index, ground in enumerate(grounds)]
    gravest = sorted(filter(None, weighed), key=lambda pair: (-pair[0], _order(pair[1])))
    return tuple(match for _, match in gravest[:MOST_REASONS])


def _distinct(outcomes: Iterable[_Outcome]) -> list[_Outcome]:
    return list({id(outcome): outcome for outcome in outcomes}.values())


def _weighed(index: int, ground: _Ground, outcomes: Sequence[_Outcome]) -> tuple[int, Match] | None:
    action = graver(*(outcome.actions[index] for outcome in outcomes))
    match = ground.match
    if isinstance(ground.reason, Finding):
        if action is Action.ACCEPT:
            return None
        match = msgspec.structs.replace(match, severity=_severity(action))
    exclusions = [outcome.excluded[index] for outcome in outcomes]
    first = next((one for one in exclusions if one is not None), None)
    if first is None:
        return (action.gravity if match.state == "enforce" else -1), match
    match = msgspec.structs.replace(match, explain=explained(match, first))
    if None in exclusions:
        return action.gravity, msgspec.structs.replace(match, explain=f"{match.explain} (for some recipients)")
    return -1, msgspec.structs.replace(match, state="observe")


def _gravity(action: Action) -> int:
    return action.gravity


def _severity(action: Action) -> Severity:
    return "malicious" if action.gravity >= Action.HOLD.gravity else "suspicious"


def _order(match: Match) -> tuple[int, str, str, str, str, str]:
    return -match.confidence, match.kind, match.rule, match.where, match.stated, match.seen
