"""The full STIX pattern grammar, by the ANTLR parser of stix2-patterns, turned into our tree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from antlr4.error.Errors import CancellationException, RecognitionException
from antlr4.tree.Tree import TerminalNode
from stix2patterns.exceptions import ParseException
from stix2patterns.v21.pattern import Pattern as Parser

from sekisho_rules.tree import (
    Comparison,
    Expression,
    Junction,
    Observation,
    Observations,
    Pattern,
    PatternError,
    Tree,
    Window,
    unescaped,
)
from sekisho_rules.values import path_of

_SEVERAL = "needs several events in order or number, and one mail is one event"


def read_pattern(text: str) -> Pattern:
    """Parse by the grammar of STIX 2.1, which holds that of 2.0. Raises PatternError with place and reason."""
    reader = _Reader()
    try:
        tree = reader.observations(parsed(text))
    except (RecursionError, ValueError, OverflowError) as error:
        raise PatternError(f"pattern: {error}") from error
    return Pattern(tree, reader.inert)


def parsed(text: str) -> Any:
    """The parse tree of a pattern by the grammar of STIX 2.1. Raises PatternError."""
    try:
        # `visit` hands the parse tree to whatever has that method; the library has no other way to it.
        return Parser(text).visit(_Handover())
    except (ParseException, RecognitionException, CancellationException) as error:
        raise PatternError(f"pattern: not a STIX pattern: {error}") from error


class _Handover:
    def visit(self, tree: Any) -> Any:
        return tree.observationExpressions()


class _Reader:
    """Turns parse nodes into our tree; both grammars name their nodes alike."""

    def __init__(self) -> None:
        self.inert = ""

    def observations(self, node: Any) -> Tree:
        kind = kind_of(node)
        if kind == "ObservationExpressionCompound":
            return self.observations(node.observationExpressions())
        if kind == "ObservationExpressionSimple":
            return Observation(self.expression(node.comparisonExpression()))
        if kind in ("ObservationExpressionWithin", "ObservationExpressionRepeated", "ObservationExpressionStartStop"):
            return self._qualified(kind, node)
        operands = operands_of(node)
        if len(operands) == 1:
            return self.observations(operands[0])
        if kind == "ObservationExpressions":
            self.inert = f"FOLLOWEDBY {_SEVERAL}"
        read = tuple(self.observations(operand) for operand in operands)
        return Observations("or" if kind == "ObservationExpressionOr" else "and", read)

    def expression(self, node: Any) -> Expression:
        kind = kind_of(node)
        if kind.startswith("PropTest"):
            return self._test(kind, node)
        operands = operands_of(node)
        if len(operands) == 1:
            return self.expression(operands[0])
        read = tuple(self.expression(operand) for operand in operands)
        return Junction("and" if kind == "ComparisonExpressionAnd" else "or", read)

    def _qualified(self, kind: str, node: Any) -> Tree:
        operand = self.observations(node.observationExpression())
        if kind == "ObservationExpressionRepeated":
            times = int(node.repeatedQualifier().IntPosLiteral().getText())
            if times > 1:
                self.inert = f"REPEATS {times} TIMES {_SEVERAL}"
        if kind == "ObservationExpressionStartStop":
            start, stop = [_time(child) for child in node.startStopQualifier().getChildren() if _is_time(child)]
            return Window(operand, start, stop)
        return operand

    def _test(self, kind: str, node: Any) -> Expression:
        if kind == "PropTestParen":
            return self.expression(node.comparisonExpression())
        path = _path(node.objectPath())
        if kind == "PropTestExists":
            return Comparison(path, "EXISTS", (), False)
        words = [child.getText() for child in node.getChildren() if isinstance(child, TerminalNode)]
        negated = "NOT" in words
        operator: Any = next(word for word in words if word != "NOT").replace("<>", "!=").replace("==", "=")
        return Comparison(path, operator, _constants(node), negated)


def kind_of(node: Any) -> str:
    """The name of a node's rule in the grammar."""
    return type(node).__name__.removesuffix("Context")


def operands_of(node: Any) -> list[Any]:
    """The operands of a chain; the grammar nests `a OP b OP c` to the left, deeper than Python may recurse."""
    kind, found = kind_of(node), []
    while True:
        children = [child for child in node.getChildren() if not isinstance(child, TerminalNode)]
        if len(children) == 2 and kind_of(children[0]) == kind:
            found.append(children[1])
            node = children[0]
        else:
            return [*children, *reversed(found)]


def _path(node: Any) -> str:
    steps: list[str] = []
    stack = [node.firstPathComponent(), *([node.objectPathComponent()] if node.objectPathComponent() else [])]
    for part in stack:
        steps += _steps(part)
    return path_of(node.objectType().getText(), steps)


def _steps(node: Any) -> list[str]:
    kind = kind_of(node)
    if kind == "IndexPathStep":
        return []
    if kind == "PathStep":
        return [step for child in node.getChildren() for step in _steps(child)]
    text = node.getText().removeprefix(".")
    return [unescaped(text[1:-1]) if text.startswith("'") else text]


def _constants(node: Any) -> tuple[str, ...]:
    values: list[str] = []
    for child in node.getChildren():
        kind = kind_of(child)
        if kind == "SetLiteral":
            values += [_constant(item.getText()) for item in child.getChildren() if kind_of(item) == "PrimitiveLiteral"]
        elif kind in ("PrimitiveLiteral", "OrderableLiteral") or child.getText().startswith("'"):
            values.append(_constant(child.getText()))
    return tuple(values)


def _constant(text: str) -> str:
    if text.startswith("'"):
        return unescaped(text[1:-1])
    if text[:2] in ("t'", "b'", "h'"):
        return text[2:-1]
    return text.lower() if text.lower() in ("true", "false") else text


def _is_time(node: Any) -> bool:
    return isinstance(node, TerminalNode) and "'" in node.getText()


def _time(node: Any) -> float:
    text = node.getText().removeprefix("t").strip("'").replace("Z", "+00:00")
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()
