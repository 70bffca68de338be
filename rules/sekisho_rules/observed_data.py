"""Observed data of STIX, and the evaluation of a pattern over them for any type of object (STIX 2.1 part 9)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sekisho_core.errors import SekishoError

from sekisho_rules.bindings import Binder, Span
from sekisho_rules.budget import Budget
from sekisho_rules.tree import UnsupportedError
from sekisho_rules.typed_tree import (
    Bracket,
    Conditions,
    Every,
    ObservationExpression,
    Test,
    moment_of,
    read_typed_pattern,
)
from sekisho_rules.typed_values import Predicate, predicate_of

# About a second: a step is a value looked at, or an observation considered for a place.
MOST_STEPS = 1_000_000
MOST_OBSERVATIONS = 10_000
# STIX domain and meta objects (STIX 2.1 parts 4 and 7), of which patterns do not speak.
_UNOBSERVED = frozenset({
    *("attack-pattern", "bundle", "campaign", "course-of-action", "extension-definition", "grouping", "identity"),
    *("incident", "indicator", "infrastructure", "intrusion-set", "language-content", "location", "malware"),
    *("malware-analysis", "marking-definition", "note", "observed-data", "opinion", "relationship", "report"),
    *("sighting", "threat-actor", "tool", "vulnerability"),
})  # fmt: skip
StixVersion = Literal["2.0", "2.1"]
Object = Mapping[str, Any]


class ObservationError(SekishoError):
    """Observed data that are not what STIX demands."""


class _Observation(NamedTuple):
    """One observed-data object: as given, the objects seen, by their id, and when."""

    source: Object
    objects: dict[str, Object]
    span: Span


def evaluate_observed_data(
    pattern: str, observed_data: Object | Iterable[Object], stix_version: StixVersion = "2.1"
) -> list[Object]:
    """The observed-data objects by which the pattern is fulfilled, those of the first binding found, in the order
    given; [] when it is not.

    `observed_data` is a bundle, or bundles and objects in any mixture: observed-data with `object_refs` and the
    objects that they refer to (2.1), or with a container `objects` (2.0 and 2.1). Object types and paths may be any.
    Where a type cannot be compared (section 9.6.1) `!=` and negated tests hold and all others do not.

    Raises PatternError for what is no pattern, its subclass UnsupportedError for a regular expression that RE2
    refuses and for more than MOST_STEPS steps of search, and ObservationError for observed data without times or
    number, for more than MOST_OBSERVATIONS, and for texts that are no timestamp, reference or binary value where the
    pattern compares them as such.
    """
    tree = read_typed_pattern(pattern, stix_version)
    observations = _observations(observed_data, stix_version)
    evaluation = _Evaluation(observations, Budget(MOST_STEPS))
    try:
        bound = evaluation.bound(tree)
    except ValueError as error:
        raise ObservationError(f"observed data: {error}") from error
    except RecursionError as error:
        raise UnsupportedError("pattern: its observation expressions are nested too deep") from error
    return [observations[number].source for number in bound]


class _Evaluation:
    def __init__(self, observations: Sequence[_Observation], budget: Budget) -> None:
        self._observations = observations
        self._budget = budget

    def bound(self, tree: ObservationExpression) -> list[int]:
        spans = [observation.span for observation in self._observations]
        return Binder(spans, self._fulfilling, self._budget).bound(tree)

    def _fulfilling(self, bracket: Bracket) -> int:
        condition = bracket.condition
        # By identity: [a = 1] and [a = true] are equal trees to Python.
        predicates = {id(test): predicate_of(test) for test in _tests(condition)}
        found = 0
        for number, observation in enumerate(self._observations):
            for root in observation.objects.values():
                self._budget.spend()
                if self._holds(condition, root, observation, predicates):
                    found |= 1 << number
                    break
        return found

    def _holds(
        self, condition: Test | Conditions, root: Object, observation: _Observation, predicates: dict[int, Predicate]
    ) -> bool:
        if isinstance(condition, Conditions):
            fits = (self._holds(operand, root, observation, predicates) for operand in condition.operands)
            return any(fits) if condition.operator == "or" else all(fits)
        if root.get("type") != condition.kind:
            return False
        values = self._values(condition, root, observation.objects)
        if condition.operator == "EXISTS":
            return bool(values) != condition.negated
        return any(map(predicates[id(condition)], values))

    def _values(self, test: Test, root: Object, objects: dict[str, Object]) -> list[object]:
        """The values at the end of the path, references followed (section 9.7)."""
        current: list[object] = [root]
        for step in test.steps:
            following: list[object] = []
            for value in current:
                self._budget.spend()
                if isinstance(step, str):
                    following += _property(value, step, objects)
                elif isinstance(value, list):
                    following += value if step is Every.MEMBER else value[step : step + 1] if step >= 0 else []
            self._budget.spend(len(following))
            current = following
        return current


def _property(value: object, name: str, objects: dict[str, Object]) -> list[object]:
    if not isinstance(value, Mapping) or name not in value:
        return []
    read = next((read for suffix, read in _READERS.items() if name.endswith(suffix)), None)
    if read is None:
        return [value[name]]
    try:
        return read(value[name], objects)
    except (TypeError, ValueError, AttributeError) as error:
        raise ObservationError(f"observed data: {name!r} is not what its ending says: {error}") from error


def _referred(value: Any, objects: dict[str, Object]) -> list[object]:
    if not isinstance(value, str):
        raise TypeError("a reference is a text")
    return [objects[value]] if value in objects else []


def _referred_list(value: Any, objects: dict[str, Object]) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("references are a list")
    found = [one for reference in value for one in _referred(reference, objects)]
    return [found] if found else []


_READERS: dict[str, Callable[[Any, dict[str, Object]], list[object]]] = {
    "_ref": _referred,
    "_refs": _referred_list,
    "_hex": lambda value, objects: [binascii.a2b_hex(value)],
    "_bin": lambda value, objects: [b64decode(value)],
}


def _tests(condition: Test | Conditions) -> list[Test]:
    if isinstance(condition, Test):
        return [condition]
    return [test for operand in condition.operands for test in _tests(operand)]


def _observations(data: Object | Iterable[Object], version: StixVersion) -> list[_Observation]:
    given = _flat(data)
    observed = [one for one in given if _is_observed(one)]
    if len(observed) > MOST_OBSERVATIONS:
        raise ObservationError(f"observed data: more than {MOST_OBSERVATIONS} observations")
    pool = {one["id"]: one for one in given if isinstance(one.get("id"), str) and not _is_observed(one)}
    return [_Observation(one, _objects(one, pool, version), _span(one)) for one in observed]


def _is_observed(one: Object) -> bool:
    """Whether it is observed-data, or a container as drafts of 2.0 named it."""
    return one.get("type") == "observed-data" or ("number_observed" in one and isinstance(one.get("objects"), Mapping))


def _flat(data: Object | Iterable[Object]) -> list[Object]:
    flat: list[Object] = []
    for one in [data] if isinstance(data, Mapping) else data:
        inside = one.get("objects", []) if isinstance(one, Mapping) and one.get("type") == "bundle" else [one]
        if not isinstance(inside, list) or not all(isinstance(item, Mapping) for item in inside):
            raise ObservationError("observed data: neither an object nor a bundle with a list of objects")
        flat += inside
    return flat


def _objects(observed: Object, pool: dict[str, Object], version: StixVersion) -> dict[str, Object]:
    references, container = observed.get("object_refs"), observed.get("objects")
    if isinstance(references, list) and not (version == "2.0" and container):
        found = {one: pool[one] for one in references if isinstance(one, str) and one in pool}
        return {key: one for key, one in found.items() if str(one.get("type")) not in _UNOBSERVED}
    if isinstance(container, Mapping):
        return {key: one for key, one in container.items() if isinstance(one, Mapping)}
    raise ObservationError(f"{_named(observed)}: neither object_refs nor objects")


def _span(observed: Object) -> Span:
    first, last, number = (observed.get(name) for name in ("first_observed", "last_observed", "number_observed"))
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ObservationError(f"{_named(observed)}: number_observed is not a whole number above zero")
    try:
        span = Span(moment_of(str(first)).nanoseconds, moment_of(str(last)).nanoseconds, number)
    except ValueError as error:
        raise ObservationError(f"{_named(observed)}: first_observed and last_observed: {error}") from error
    if span.first > span.last:
        raise ObservationError(f"{_named(observed)}: last_observed is before first_observed")
    return span


def _named(observed: Object) -> str:
    return f"observed data {str(observed.get('id', ''))[:80]!r}"
