"""The typed tree of a STIX 2.1 pattern (part 9): constants keep their types and object paths their steps, as one needs
over observed data; mails have the leaner `tree`."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal

import msgspec
from antlr4.tree.Tree import TerminalNode

from sekisho_rules.grammar import kind_of, operands_of, parsed
from sekisho_rules.pattern import check_bounds
from sekisho_rules.tree import Operator, PatternError, unescaped

# STIX 2.1 section 2.16: RFC 3339 in UTC, with any number of digits after the second; a nanosecond is told apart.
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,100}))?Z", re.ASCII)
_QUOTED_OR_BOUND = re.compile(r"'(?:[^'\\]|\\.)*+'|\b(?:START|STOP)\s+(?=')")
_SECOND = 1_000_000_000


class Every(Enum):
    """The step `[*]` into all members of a list."""

    MEMBER = "*"


class Moment(msgspec.Struct, frozen=True, order=True):
    """A point in time, in nanoseconds since 1970."""

    nanoseconds: int


Constant = bool | int | float | str | bytes | Moment
Step = str | int | Every


class Test(msgspec.Struct, frozen=True):
    """One comparison: of objects of type `kind`, some value at the end of `steps`."""

    kind: str
    steps: tuple[Step, ...]
    operator: Operator
    constants: tuple[Constant, ...] = ()
    negated: bool = False


class Conditions(msgspec.Struct, frozen=True):
    """AND or OR of comparisons that look at the same object."""

    operator: Literal["and", "or"]
    operands: tuple[Test | Conditions, ...]


class Bracket(msgspec.Struct, frozen=True):
    """One observation expression: some object of one observation fulfils the condition."""

    condition: Test | Conditions


class Joined(msgspec.Struct, frozen=True):
    """Observation expressions joined by AND, OR or FOLLOWEDBY."""

    operator: Literal["and", "or", "followed by"]
    operands: tuple[ObservationExpression, ...]


class Repeated(msgspec.Struct, frozen=True):
    """REPEATS: that many distinct ways to fulfil the operand."""

    operand: ObservationExpression
    times: int


class Within(msgspec.Struct, frozen=True):
    """WITHIN: all observations stand at most `duration` nanoseconds apart."""

    operand: ObservationExpression
    duration: int


class During(msgspec.Struct, frozen=True):
    """START and STOP: all observations stand at or after `start` and before `stop`."""

    operand: ObservationExpression
    start: Moment
    stop: Moment


ObservationExpression = Bracket | Joined | Repeated | Within | During


def read_typed_pattern(text: str, stix_version: Literal["2.0", "2.1"]) -> ObservationExpression:
    """Parse a pattern with the types of its constants. Early patterns of 2.0 wrote START and STOP with a plain string.

    Raises PatternError with place and reason for what is no pattern or beyond the bounds of `pattern.parse`.
    """
    check_bounds(text)
    if stix_version == "2.0":
        text = _QUOTED_OR_BOUND.sub(lambda found: found[0] if found[0].startswith("'") else f"{found[0]}t", text)
    try:
        return _observations(parsed(text))
    except (RecursionError, ValueError, OverflowError) as error:
        raise PatternError(f"pattern: {error}") from error


def moment_of(text: str) -> Moment:
    """A STIX timestamp. Raises ValueError for any other text."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError(f"not a timestamp: {text[:40]!r}")
    seconds = int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())
    return Moment(seconds * _SECOND + int((found[2] or "")[:9].ljust(9, "0")))


def _observations(node: Any) -> ObservationExpression:
    kind = kind_of(node)
    if kind == "ObservationExpressionCompound":
        return _observations(node.observationExpressions())
    if kind == "ObservationExpressionSimple":
        return Bracket(_condition(node.comparisonExpression()))
    if kind in _QUALIFIED:
        return _QUALIFIED[kind](node)
    operands = operands_of(node)
    if len(operands) == 1:
        return _observations(operands[0])
    return Joined(_JOINS[kind], tuple(map(_observations, operands)))


def _condition(node: Any) -> Test | Conditions:
    kind = kind_of(node)
    if kind == "PropTestParen":
        return _condition(node.comparisonExpression())
    if kind.startswith("PropTest"):
        return _test(node)
    operands = operands_of(node)
    if len(operands) == 1:
        return _condition(operands[0])
    return Conditions("and" if kind == "ComparisonExpressionAnd" else "or", tuple(map(_condition, operands)))


def _test(node: Any) -> Test:
    words = [child.getText() for child in node.getChildren() if isinstance(child, TerminalNode)]
    operator: Any = next(word for word in words if word != "NOT").replace("<>", "!=").replace("==", "=")
    path = node.objectPath()
    parts = [path.firstPathComponent(), *([path.objectPathComponent()] if path.objectPathComponent() else [])]
    steps = tuple(step for part in parts for step in _steps(part))
    return Test(path.objectType().getText(), steps, operator, _constants(node), "NOT" in words)


def _steps(node: Any) -> list[Step]:
    kind = kind_of(node)
    if kind == "PathStep":
        return [step for child in node.getChildren() for step in _steps(child)]
    text = node.getText().removeprefix(".")
    if kind == "IndexPathStep":
        return [Every.MEMBER if node.ASTERISK() else int(text[1:-1])]
    return [unescaped(text[1:-1]) if text.startswith("'") else text]


def _constants(node: Any) -> tuple[Constant, ...]:
    values: list[Constant] = []
    for child in node.getChildren():
        kind = kind_of(child)
        if kind == "SetLiteral":
            values += [_constant(one.getText()) for one in child.getChildren() if kind_of(one) == "PrimitiveLiteral"]
            _check_alike(values)
        elif kind in ("PrimitiveLiteral", "OrderableLiteral") or child.getText().startswith("'"):
            values.append(_constant(child.getText()))
    return tuple(values)


def _check_alike(values: list[Constant]) -> None:
    kinds = {float if type(value) is int else type(value) for value in values}
    if len(kinds) > 1:
        raise PatternError("pattern: the members of a set have different types")


def _constant(text: str) -> Constant:
    if text.startswith("'"):
        return unescaped(text[1:-1])
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    prefix, content = text[:2], text[2:-1]
    if prefix == "t'":
        return moment_of(content)
    if prefix == "h'":
        return bytes.fromhex(content)
    if prefix == "b'":
        return base64.b64decode(content, validate=True)
    return float(text) if "." in text else int(text)


def _repeated(node: Any) -> Repeated:
    times = int(node.repeatedQualifier().IntPosLiteral().getText())
    if times < 1:
        raise PatternError("pattern: REPEATS of less than one time")
    return Repeated(_observations(node.observationExpression()), times)


def _within(node: Any) -> Within:
    qualifier = node.withinQualifier()
    text = (qualifier.FloatPosLiteral() or qualifier.IntPosLiteral()).getText().lstrip("+")
    whole, _, part = text.partition(".")
    if not text.strip("0."):
        raise PatternError("pattern: WITHIN of no time")
    duration = int(whole or "0") * _SECOND + int(part[:9].ljust(9, "0"))
    return Within(_observations(node.observationExpression()), duration)


def _during(node: Any) -> During:
    start, stop = [moment_of(literal.getText()[2:-1]) for literal in node.startStopQualifier().TimestampLiteral()]
    return During(_observations(node.observationExpression()), start, stop)


_JOINS: dict[str, Literal["and", "or", "followed by"]] = {
    "ObservationExpressionAnd": "and",
    "ObservationExpressionOr": "or",
    "ObservationExpressions": "followed by",
}
_QUALIFIED: dict[str, Callable[[Any], ObservationExpression]] = {
    "ObservationExpressionRepeated": _repeated,
    "ObservationExpressionWithin": _within,
    "ObservationExpressionStartStop": _during,
}
