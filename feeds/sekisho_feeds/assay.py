"""The assay: what an indicator may do by its content alone, before any mail is held against it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from sekisho_rules.compile import is_refusal, without_effect
from sekisho_rules.evaluate import like_expression
from sekisho_rules.guard import Protected, refusal
from sekisho_rules.indicator import Indicator
from sekisho_rules.pattern import parse
from sekisho_rules.tree import Comparison, Expression, Observation, Tree, UnsupportedError, Window, regex

from sekisho_feeds.warninglist import FILE_NAMES, Kind, Warninglists, kind_of

Verdict = Literal["enforce", "observe", "refuse"]
ActionCap = Literal["tag", "quarantine"]

_FREE, _QUARANTINED, _TAGGED, _OBSERVED = range(4)
_VERDICTS: dict[int, tuple[Verdict, ActionCap | None]] = {
    _FREE: ("enforce", None),
    _QUARANTINED: ("enforce", "quarantine"),
    _TAGGED: ("enforce", "tag"),
    _OBSERVED: ("observe", None),
}
_DISPLAY_NAMES = frozenset({"email-addr:display_name", "email-message:from_ref.display_name"})
_RECIPIENTS = frozenset(f"email-message:{role}.value" for role in ("to_refs", "cc_refs", "bcc_refs"))
_PROGRAMS = frozenset(f"email-message:additional_header_fields.{name}" for name in ("x-mailer", "user-agent"))
# Flags that are taken back in an expression: ^ and $ may be of the whole text then.
_FLAGS = re.compile(r"\(\?[a-zA-Z]*-")


class Assessment(NamedTuple):
    """What an indicator may do: whether it enforces, why not or not all, and the hardest action that its hits may
    lead to (None where the policy alone says)."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    action_cap: ActionCap | None = None


class _Weight(NamedTuple):
    """How far an expression is from being usable, and the reasons for it."""

    level: int
    reasons: tuple[str, ...] = ()


def assess(indicator: Indicator, lists: Warninglists, protected: Protected) -> Assessment:
    """What an indicator may do, by its pattern and what its author says of it. Never raises.

    Refused is what `sekisho_rules.guard` refuses. Observed is what a warninglist knows, what names the recipients of a
    mail and nothing of its sender, what its author holds too weak for detection, and what does nothing here anyway. An
    AND is as narrow as its narrowest operand, an OR as wide as its widest. Of YARA source only its author's word counts
    here: its check in a worker says the rest.
    """
    reason = without_effect(indicator, protected)
    if reason:
        return Assessment("refuse" if is_refusal(reason) else "observe", (reason,))
    weight = _Weight(_FREE)
    if indicator.pattern_type == "stix":
        weight = _weight(parse(indicator.pattern).tree, lists, protected)
    if not indicator.to_ids:
        said = "its author holds it too weak for detection (to_ids is false)"
        weight = _Weight(max(weight.level, _OBSERVED), (said, *weight.reasons))
    verdict, cap = _VERDICTS[weight.level]
    return Assessment(verdict, weight.reasons, cap)


def _weight(tree: Tree | Expression, lists: Warninglists, protected: Protected) -> _Weight:
    """The weight of what the guard does not refuse; then nor does it refuse any operand of an OR."""
    if isinstance(tree, Comparison):
        return _compared(tree, lists)
    if isinstance(tree, Observation):
        return _weight(tree.expression, lists, protected)
    if isinstance(tree, Window):
        return _weight(tree.operand, lists, protected)
    if tree.operator == "and":
        # What the guard refuses alone, such as `file:size > 0`, makes nothing narrower.
        narrowing = (operand for operand in tree.operands if not refusal(operand, protected))
        return min((_weight(one, lists, protected) for one in narrowing), key=lambda weight: weight.level)
    weights = [_weight(operand, lists, protected) for operand in tree.operands]
    reasons = dict.fromkeys(reason for weight in weights for reason in weight.reasons)
    return _Weight(max(weight.level for weight in weights), tuple(reasons))


def _compared(comparison: Comparison, lists: Warninglists) -> _Weight:
    if comparison.path in _RECIPIENTS:
        return _Weight(_OBSERVED, (f"{comparison.path} names who got the mail, not who sent it",))
    if reasons := tuple(dict.fromkeys(_known(comparison, lists))):
        return _Weight(_OBSERVED, reasons)
    return _weak(comparison.path)


def _weak(path: str) -> _Weight:
    if path in FILE_NAMES:
        return _Weight(_QUARANTINED, (f"{path}: a file name alone is weak",))
    if path in _DISPLAY_NAMES:
        return _Weight(_QUARANTINED, (f"{path}: anybody may write any name",))
    if path in _PROGRAMS:
        return _Weight(_TAGGED, (f"{path}: many use the same program",))
    return _Weight(_FREE)


def _known(comparison: Comparison, lists: Warninglists) -> Iterator[str]:
    """What the warninglists say of the values of a comparison."""
    for value in comparison.values:
        if (kind := kind_of(comparison.path, value)) is None:
            continue
        if comparison.operator in ("LIKE", "MATCHES"):
            yield from _fitted(comparison, kind, value, lists)
        for name in lists.hits(kind, _literal(comparison, value)):
            yield f"{comparison.path}: '{value[:80]}' is on the warninglist {name}"


def _fitted(comparison: Comparison, kind: Kind, value: str, lists: Warninglists) -> Iterator[str]:
    fits, somewhere = _tests(comparison.path, comparison.operator, value)
    examples = lists.examples(kind)
    # One search over all of them tells nearly every pattern that fits none: 0.1 ms instead of 5.
    if somewhere is None or somewhere("\n".join(examples)):
        for listed in filter(fits, examples):
            yield f"{comparison.path} {comparison.operator} '{value[:80]}' fits '{listed}', which is on a warninglist"
            return


_Test = Callable[[str], object]


def _tests(path: str, operator: str, value: str) -> tuple[_Test, _Test | None]:
    """LIKE or MATCHES for one value, as `sekisho_rules.evaluate` has them, and whether some line of a text may fit;
    None where an expression anchors at the text's ends by other means than ^ and $."""
    if operator == "LIKE":
        whole = like_expression(path, value)
        return regex(whole).fullmatch, _search(f"(?m)^(?:{whole})$")
    anchored = "\\A" in value or "\\z" in value or _FLAGS.search(value)
    return regex(value).search, None if anchored else _search(f"(?m){value}")


def _search(expression: str) -> _Test | None:
    try:
        found: _Test = regex(expression).search
    except UnsupportedError:
        # The longer expression may outgrow the memory that the shorter one just fits.
        return None
    return found


def _literal(comparison: Comparison, value: str) -> str:
    """A constant without the wildcards around it: `%.example.jp` is about the name below it."""
    return value.strip("%").strip("@.") if comparison.operator == "LIKE" else value
