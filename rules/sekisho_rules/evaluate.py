"""A pattern's tree over the observables of one mail: which facts of the mail fulfil it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import re2
from sekisho_core.normalise import same_lure

from sekisho_rules.hosts import host_type, network_of
from sekisho_rules.tree import Comparison, Expression, Observation, Tree, Window, regex
from sekisho_rules.values import folded, is_masked, respelt, respelt_expression, seen_forms, stated_form

# Every value of these is an object of its own; the properties of other objects share their place.
_SINGLE = frozenset({"url", "domain-name", "ipv4-addr", "ipv6-addr", "network-traffic"})
# Exporters of MISP join what a connection leads to with what kind of object that is.
_REFERRED = {f"network-traffic:{end}_ref.value": f"network-traffic:{end}_ref.type" for end in ("src", "dst")}


class Fact(NamedTuple):
    """A value of the mail: `path` in the spelling of `values.path_of`, the value as seen, and where it stands."""

    path: str
    value: str
    where: str


class Evidence(NamedTuple):
    """A comparison that holds, the fact by which it does, and the constant that fits it ("" where none does)."""

    comparison: Comparison
    fact: Fact
    stated: str


Object = dict[str, list[Fact]]
Facts = dict[str, list[Object]]


def objects(facts: Iterable[Fact]) -> Facts:
    """The mail's objects by type, each a map from path to facts. The mail itself is the one email-message."""
    found: dict[str, dict[object, Object]] = {}
    for number, fact in enumerate(facts):
        kind = fact.path.partition(":")[0]
        place: object = number if kind in _SINGLE else "" if kind == "email-message" else fact.where
        properties = found.setdefault(kind, {}).setdefault(place, {})
        properties.setdefault(fact.path, []).append(fact)
        if fact.path in _REFERRED:
            kept = Fact(_REFERRED[fact.path], host_type(fact.value), fact.where)
            properties.setdefault(kept.path, []).append(kept)
    return {kind: list(places.values()) for kind, places in found.items()}


def evaluate(tree: Tree, mail: Facts, received: float) -> list[Evidence]:
    """The evidence that the mail fulfils the tree; [] when it does not. `received` is in seconds since 1970."""
    return next(ways(tree, mail, received), [])


def ways(tree: Tree, mail: Facts, received: float) -> Iterator[list[Evidence]]:
    """The evidence for each object and each property that fulfils the tree. Of an AND of observations the first
    operand's places are all there, of the others one."""
    if isinstance(tree, Window):
        yield from ways(tree.operand, mail, received) if tree.start <= received < tree.stop else ()
    elif isinstance(tree, Observation):
        yield from _observed(tree.expression, mail)
    elif tree.operator == "or":
        for operand in tree.operands:
            yield from ways(operand, mail, received)
    else:
        rest = [evaluate(operand, mail, received) for operand in tree.operands[1:]]
        if all(rest):
            for first in ways(tree.operands[0], mail, received):
                yield [*first, *(one for evidence in rest for one in evidence)]


# The guard and the matcher hold one pattern against many values.
@lru_cache(maxsize=64)
def like_expression(path: str, pattern: str) -> str:
    """A LIKE pattern as a regular expression of RE2 for a full match of the folded value; see `wild`."""
    return wild(folded(path, pattern))


def is_exact(evidence: Evidence) -> bool:
    """Whether the comparison holds for the value as seen, with nothing folded."""
    comparison, fact, stated = evidence
    if comparison.operator == "LIKE" and stated:
        return regex(wild(stated)).fullmatch(fact.value) is not None
    if comparison.operator == "MATCHES" and stated:
        return regex(stated).search(fact.value) is not None
    return stated.strip() in ("", fact.value.strip())


def holds(comparison: Comparison, seen: str) -> str | None:
    """The constant by which `comparison` holds for one value ("" where it names none), or None."""
    test = _TESTS[comparison.operator]
    fitting = next((value for value in comparison.values if test(comparison.path, value, seen)), None)
    if comparison.operator == "EXISTS":
        return ""
    if comparison.negated:
        return "" if fitting is None else None
    return fitting


def _observed(expression: Expression, mail: Facts) -> Iterator[list[Evidence]]:
    kinds = {path.partition(":")[0] for path in _paths(expression)}
    for kind in sorted(kinds):
        for candidate in mail.get(kind, ()):
            if isinstance(expression, Comparison):
                yield from ([one] for one in _compared(expression, candidate))
            elif evidence := _fulfilled(expression, candidate):
                yield evidence


def _fulfilled(expression: Expression, candidate: Object) -> list[Evidence]:
    if isinstance(expression, Comparison):
        return list(islice(_compared(expression, candidate), 1))
    found = (_fulfilled(operand, candidate) for operand in expression.operands)
    if expression.operator == "or":
        return next((evidence for evidence in found if evidence), [])
    collected: list[Evidence] = []
    for evidence in found:
        if not evidence:
            return []
        collected += evidence
    return collected


def _compared(comparison: Comparison, candidate: Object) -> Iterator[Evidence]:
    for fact in candidate.get(comparison.path, ()):
        stated = holds(comparison, fact.value)
        if stated is not None:
            yield Evidence(comparison, fact, stated)


def _paths(expression: Expression) -> list[str]:
    if isinstance(expression, Comparison):
        return [expression.path]
    return [path for operand in expression.operands for path in _paths(operand)]


def _equal(path: str, stated: str, seen: str) -> bool:
    if is_masked(path, stated):
        return same_lure(stated, seen)
    form = stated_form(path, stated)
    return form != "" and form in seen_forms(path, seen)


def _ordered(compare: Callable[[float, float], bool], texts: Callable[[str, str], bool]) -> _Test:
    def test(path: str, stated: str, seen: str) -> bool:
        try:
            return compare(float(seen), float(stated))
        except ValueError:
            return texts(seen, stated)

    return test


def _subset(path: str, stated: str, seen: str) -> bool:
    outer, inner = network_of(stated), network_of(seen)
    return outer is not None and inner is not None and _within(inner, outer)


def _superset(path: str, stated: str, seen: str) -> bool:
    return _subset(path, seen, stated)


def _within(inner: object, outer: object) -> bool:
    return type(inner) is type(outer) and inner.subnet_of(outer)  # type: ignore[attr-defined]


def _like(path: str, stated: str, seen: str) -> bool:
    return regex(like_expression(path, stated)).fullmatch(folded(path, seen)) is not None


def wild(pattern: str) -> str:
    """A LIKE pattern as a regular expression of RE2 for a full match: % is any text, _ one character."""
    signs = {"%": ".*", "_": "."}
    return "(?s)" + "".join(signs.get(char) or re2.escape(char) for char in pattern)


def _matches(path: str, stated: str, seen: str) -> bool:
    if regex(stated).search(seen) is not None:
        return True
    expression = respelt_expression(path, stated)
    return expression is not None and regex(expression).search(respelt(path, seen)) is not None


_Test = Callable[[str, str, str], bool]
_TESTS: dict[str, _Test] = {
    "=": _equal,
    "IN": _equal,
    "!=": lambda path, stated, seen: not _equal(path, stated, seen),
    "<": _ordered(lambda a, b: a < b, lambda a, b: a < b),
    ">": _ordered(lambda a, b: a > b, lambda a, b: a > b),
    "<=": _ordered(lambda a, b: a <= b, lambda a, b: a <= b),
    ">=": _ordered(lambda a, b: a >= b, lambda a, b: a >= b),
    "LIKE": _like,
    "MATCHES": _matches,
    "ISSUBSET": _subset,
    "ISSUPERSET": _superset,
    "EXISTS": lambda path, stated, seen: True,
}
