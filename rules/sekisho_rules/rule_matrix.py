"""The matrix of a test of rules: what each rule does with each sample against what is expected, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isinf
from typing import Any, Literal

from sekisho_core.display import column, counted, visible
from sekisho_core.vocabulary import Incomplete, Match

from sekisho_rules.samples import Sample, meets_any

Cell = Literal["hit", "miss", "false", "may", ""]
_SIGNS: dict[Cell, str] = {"hit": "+", "miss": "-", "false": "!", "may": "o", "": "."}
# Samples that have a column of their own.
_MOST_COLUMNS = 30
_MOST_UNTESTED = 50
_NAME, _COST = 44, 9


@dataclass(frozen=True)
class Rule:
    """A rule under test: what it is called, all names by which expectations may mean it, its indicator, source and
    file, whether it holds at the time of the test, and its cost with its unit, None where that was not measured."""

    label: str
    names: tuple[str, ...]
    kind: Literal["stix", "yara"]
    id: str
    source: str
    file: str
    holds: bool
    cost: float | None
    unit: Literal["us", "times"]

    @property
    def shown_cost(self) -> str:
        if self.cost is None:
            return "-"
        return f"{self.cost:.0f} us" if self.unit == "us" else f"{self.cost:.1f}x"


@dataclass
class Outcome:
    """What became of one sample: the hits by rule, and what could not be read."""

    sample: Sample
    hits: dict[str, list[Match]]
    incomplete: tuple[Incomplete, ...] = ()
    unmet: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Matrix:
    """Rules by samples. `errors` are rules that are not used, and samples that could not be tested."""

    rules: Sequence[Rule]
    outcomes: Sequence[Outcome]
    errors: Sequence[str]

    def cell(self, rule: Rule, outcome: Outcome) -> Cell:
        """What a rule did with a sample."""
        wanted = any(meets_any(rule.names, pattern) for pattern in outcome.sample.expected.must)
        if rule.label not in outcome.hits:
            # One of several that a pattern means is enough.
            alone = any(meets_any(rule.names, pattern) for pattern in outcome.unmet)
            return "miss" if wanted and alone else ""
        if wanted:
            return "hit"
        return "may" if outcome.sample.expected.allows(rule.names) else "false"

    def counts(self, rule: Rule) -> dict[Cell, int]:
        """How often a rule did what."""
        found: dict[Cell, int] = dict.fromkeys(_SIGNS, 0)
        for outcome in self.outcomes:
            found[self.cell(rule, outcome)] += 1
        return found

    @property
    def misses(self) -> list[tuple[Outcome, str]]:
        """Each sample that lacks a hit, with the pattern that nothing meets."""
        return [(outcome, pattern) for outcome in self.outcomes for pattern in outcome.unmet]

    @property
    def false_hits(self) -> list[tuple[Outcome, Rule]]:
        """Each hit that is not expected."""
        return [(one, rule) for one in self.outcomes for rule in self.rules if self.cell(rule, one) == "false"]

    @property
    def untested(self) -> list[Rule]:
        """Rules that no sample must hit: nobody would see it if they never hit."""
        wanted = {pattern for outcome in self.outcomes for pattern in outcome.sample.expected.must}
        return [rule for rule in self.rules if not any(meets_any(rule.names, pattern) for pattern in wanted)]

    @property
    def unmeasured(self) -> list[Rule]:
        """Rules of which the cost is not known."""
        return [rule for rule in self.rules if rule.cost is None]

    @property
    def status(self) -> int:
        """0 when all is as expected, 1 for misses and false hits, 2 for errors."""
        return 2 if self.errors else 1 if self.misses or self.false_hits else 0


def as_object(matrix: Matrix) -> dict[str, Any]:
    """The matrix as one JSON object."""
    return {
        "rules": [_rule_object(matrix, rule) for rule in matrix.rules],
        "samples": [_sample_object(matrix, outcome) for outcome in matrix.outcomes],
        "errors": list(matrix.errors),
        "untested": [rule.label for rule in matrix.untested],
        "unmeasured": [rule.label for rule in matrix.unmeasured],
        "missed": len(matrix.misses),
        "false": len(matrix.false_hits),
        "status": matrix.status,
    }


def as_lines(matrix: Matrix) -> list[str]:
    """The matrix for people: a line for each rule with a column for each sample, the samples, what is wrong."""
    shown = [one for one in matrix.outcomes if one.hits or one.unmet][:_MOST_COLUMNS]
    marks = "".join(f"{number:>3}" for number in range(1, len(shown) + 1))
    lines = [column("rule", _NAME) + f"{'cost':>{_COST}} " + marks + "   hit miss false"]
    for rule in matrix.rules:
        counts = matrix.counts(rule)
        signs = "".join(f"  {_SIGNS[matrix.cell(rule, one)]}" for one in shown)
        numbers = f"{counts['hit']:>6} {counts['miss']:>4} {counts['false']:>5}"
        lines.append(column(visible(rule.label), _NAME) + f"{rule.shown_cost:>{_COST}} " + signs + numbers)
    lines += ["", *(f"{number:>3}  {visible(one.sample.path, 500)}" for number, one in enumerate(shown, 1))]
    if rest := len(matrix.outcomes) - len(shown):
        lines.append(f"     and {counted(rest, 'sample')}" + ("" if len(shown) == _MOST_COLUMNS else " without a hit"))
    return [*lines, "", *_wrong(matrix), _summary(matrix)]


def _wrong(matrix: Matrix) -> Iterable[str]:
    for outcome, pattern in matrix.misses:
        gaps = ", ".join(f"{gap.where} {gap.reason}" for gap in outcome.incomplete[:3])
        unread = f" (not read: {gaps})" if gaps else ""
        yield visible(f"missed: {pattern} in {outcome.sample.path}{unread}", 1000)
    for outcome, rule in matrix.false_hits:
        yield visible(f"false: {rule.label} in {outcome.sample.path}: {outcome.hits[rule.label][0].explain}", 1000)
    for rule in matrix.untested[:_MOST_UNTESTED]:
        yield visible(f"no sample: {rule.label}", 1000)
    if (rest := len(matrix.untested) - _MOST_UNTESTED) > 0:
        yield f"no sample: {counted(rest, 'more rule')} (--json lists all)"
    for rule in matrix.rules:
        if not rule.holds:
            yield visible(f"not in force at that time: {rule.label}", 1000)
    for file, count in Counter(rule.file for rule in matrix.unmeasured).items():
        yield visible(f"cost not measured, for want of time: {counted(count, 'rule')} of {file}", 1000)
    for error in matrix.errors:
        yield visible(f"error: {error}", 1000)


def _summary(matrix: Matrix) -> str:
    counts = [matrix.counts(rule) for rule in matrix.rules]
    hits, allowed = (sum(one[cell] for one in counts) for cell in ("hit", "may"))
    asked = f"{counted(len(matrix.rules), 'rule')}, {counted(len(matrix.outcomes), 'sample')}"
    wrong = f"{len(matrix.misses)} missed, {len(matrix.false_hits)} false, {counted(len(matrix.errors), 'error')}"
    return f"{asked}: {counted(hits, 'hit')}, {allowed} allowed, {wrong}"


def _rule_object(matrix: Matrix, rule: Rule) -> dict[str, Any]:
    by_cell: dict[Cell, list[str]] = {cell: [] for cell in _SIGNS}
    for outcome in matrix.outcomes:
        by_cell[matrix.cell(rule, outcome)].append(outcome.sample.path)
    return {
        "rule": rule.label, "id": rule.id, "kind": rule.kind, "source": rule.source, "file": rule.file,
        "in_force": rule.holds,
        "cost": {"value": None if rule.cost is None or isinf(rule.cost) else round(rule.cost, 2), "unit": rule.unit},
        "hits": by_cell["hit"], "misses": by_cell["miss"], "false_hits": by_cell["false"], "allowed": by_cell["may"],
    }  # fmt: skip


def _sample_object(matrix: Matrix, outcome: Outcome) -> dict[str, Any]:
    hits = [
        {"rule": label, "where": match.where, "explain": match.explain}
        for label, matches in outcome.hits.items()
        for match in matches
    ]
    false = [rule.label for one, rule in matrix.false_hits if one is outcome]
    gaps = [{"where": gap.where, "reason": gap.reason, "detail": gap.detail} for gap in outcome.incomplete]
    return {
        "path": outcome.sample.path, "hits": hits, "missed": outcome.unmet, "false_hits": false, "incomplete": gaps,
    }  # fmt: skip
