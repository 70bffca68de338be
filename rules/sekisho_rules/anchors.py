"""Where the index hangs a pattern: a set of look-ups of which at least one hits whenever the pattern holds."""

from __future__ import annotations

from typing import NamedTuple

from sekisho_core.normalise import lure_pattern, normalise_subject

from sekisho_rules.evaluate import like_expression
from sekisho_rules.observed import COMMON, DISPOSITION
from sekisho_rules.tree import Comparison, Expression, Observation, Tree, Window
from sekisho_rules.values import folded, is_masked, respelt, respelt_expression, stated_form


class Anchor(NamedTuple):
    """One look-up. "value": an exact form of a path's value. "like", "matches", "respelt", "lure": an expression over a
    path's values, folded, as seen, respelt, or as a lure. "path": the path occurs in the mail at all."""

    kind: str
    path: str
    text: str = ""


_COST = {"value": 0, "lure": 1, "like": 1, "matches": 1, "respelt": 1, "path": 2}


def anchors(tree: Tree | Expression) -> list[Anchor]:
    """The cheapest set of anchors: of an AND one operand's, of an OR those of all."""
    if isinstance(tree, Comparison):
        return _of_comparison(tree)
    if isinstance(tree, Window):
        return anchors(tree.operand)
    if isinstance(tree, Observation):
        return anchors(tree.expression)
    sets = [anchors(operand) for operand in tree.operands]
    if tree.operator == "or":
        return [anchor for one in sets for anchor in one]
    return min(sets, key=lambda one: (max(map(_cost, one)), len(one)))


def _cost(anchor: Anchor) -> int:
    return _COST["path"] if anchor.path in (*COMMON, DISPOSITION) else _COST[anchor.kind]


def searched_text(kind: str, path: str, seen: str) -> str:
    """What an anchor's expression of this kind is held against."""
    if kind == "like":
        return folded(path, seen)
    if kind == "respelt":
        return respelt(path, seen)
    return normalise_subject(seen) if kind == "lure" else seen


def _of_comparison(comparison: Comparison) -> list[Anchor]:
    path, operator = comparison.path, comparison.operator
    if comparison.negated:
        return [Anchor("path", path)]
    if operator in ("=", "IN", "ISSUBSET"):
        return [_of_value(path, value) for value in comparison.values]
    if operator == "LIKE":
        return [Anchor("like", path, f"^(?:{like_expression(path, comparison.values[0])})$")]
    if operator == "MATCHES":
        return _of_expression(path, comparison.values[0])
    return [Anchor("path", path)]


def _of_expression(path: str, expression: str) -> list[Anchor]:
    seen = [Anchor("matches", path, expression)]
    other = respelt_expression(path, expression)
    return seen if other is None else [*seen, Anchor("respelt", path, other)]


def _of_value(path: str, value: str) -> Anchor:
    if is_masked(path, value):
        expression = lure_pattern(value)
        assert expression is not None
        return Anchor("lure", path, f"^(?:{expression})$")
    return Anchor("value", path, stated_form(path, value))
