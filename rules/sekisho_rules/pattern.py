"""A STIX 2.1 pattern (part 9) as a tree of our own: parsed once, stored with the index, evaluated on one mail."""

from __future__ import annotations

import re
from typing import Literal

import msgspec
import re2
from sekisho_core.errors import SekishoError

from sekisho_rules.hosts import network_of
from sekisho_rules.values import is_network, path_of

LONGEST = 20_000
MOST_OPERATORS = 300
DEEPEST = 50
# Hyperscan needs 20 s for a LIKE of 5,000 wildcards.
MOST_WILDCARDS = 100
Operator = Literal["=", "!=", "<", ">", "<=", ">=", "IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET", "EXISTS"]
# RE2 refuses an expression whose program outgrows this; the bound on what one indicator costs.
_REGEX_MEMORY = 1 << 20
_TEXT = r"'((?:[^'\\]|\\.)*)'"
_ONE_EQUALITY = re.compile(
    rf"\s*\[\s*([a-z0-9\-]+):([A-Za-z0-9_]+(?:\.(?:[A-Za-z0-9_]+|'[A-Za-z0-9_\-]+')|\[\*\])*)\s*=\s*{_TEXT}\s*\]\s*"
)
_QUOTED = re.compile(_TEXT)
_OPERATOR = re.compile(r"\b(?:AND|OR|FOLLOWEDBY)\b")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class PatternError(SekishoError):
    """A pattern that is no STIX pattern, or beyond our bounds."""


class UnsupportedError(PatternError):
    """A lawful pattern with something that we do not evaluate, such as a look-behind in MATCHES."""


class Comparison(msgspec.Struct, frozen=True, tag="c", array_like=True):
    """One test of a property; `path` in the spelling of `values.path_of`. Constants are texts: numbers in decimal,
    booleans "true" and "false", binary and hexadecimal constants as written."""

    path: str
    operator: Operator
    values: tuple[str, ...] = ()
    negated: bool = False


class Junction(msgspec.Struct, frozen=True, tag="j", array_like=True):
    """AND or OR inside one observation: all operands look at the same object."""

    operator: Literal["and", "or"]
    operands: tuple[Comparison | Junction, ...]


Expression = Comparison | Junction


class Observation(msgspec.Struct, frozen=True, tag="o", array_like=True):
    """One pair of brackets: some object of the mail fulfils the expression."""

    expression: Comparison | Junction


class Observations(msgspec.Struct, frozen=True, tag="p", array_like=True):
    """AND or OR of observations. One object may fulfil several of them: publishers write AND of the name and the hash
    of one file."""

    operator: Literal["and", "or"]
    operands: tuple[Observation | Observations | Window, ...]


class Window(msgspec.Struct, frozen=True, tag="w", array_like=True):
    """START and STOP: the time of receipt (seconds since 1970) is at or after `start` and before `stop`."""

    operand: Observation | Observations | Window
    start: float
    stop: float


Tree = Observation | Observations | Window


class Pattern(msgspec.Struct, frozen=True):
    """A parsed pattern; `inert` says why it can never match within one mail, "" where it can."""

    tree: Tree
    inert: str = ""


def parse(text: str) -> Pattern:
    """Parse a STIX 2.1 pattern; those of 2.0 are among them.

    Raises PatternError for what cannot be read or is beyond the bounds (characters, operators, depth), and its
    subclass UnsupportedError for what we do not evaluate.
    """
    if len(text) > LONGEST:
        raise PatternError(f"pattern: {len(text)} characters, more than {LONGEST}")
    found = _ONE_EQUALITY.fullmatch(text)
    if found:
        return Pattern(Observation(_equality(found[1], found[2], found[3])))
    _check_bounds(text)
    # ANTLR's runtime takes a tenth of a second to import; almost all patterns never need it.
    from sekisho_rules.grammar import read_pattern

    pattern = read_pattern(text)
    for comparison in comparisons(pattern.tree):
        check_constants(comparison)
    return pattern


def comparisons(tree: Tree | Expression) -> list[Comparison]:
    """All comparisons of a tree, from left to right."""
    if isinstance(tree, Comparison):
        return [tree]
    if isinstance(tree, Observation):
        return comparisons(tree.expression)
    if isinstance(tree, Window):
        return comparisons(tree.operand)
    return [comparison for operand in tree.operands for comparison in comparisons(operand)]


def check_constants(comparison: Comparison) -> None:
    """Raise UnsupportedError for a regular expression or an address range that cannot be used."""
    if comparison.operator == "LIKE" and sum(map(comparison.values[0].count, "%_")) > MOST_WILDCARDS:
        raise UnsupportedError(f"LIKE '{comparison.values[0][:80]}': more than {MOST_WILDCARDS} wildcards")
    if comparison.operator == "MATCHES":
        regex(comparison.values[0])
    if comparison.operator in ("ISSUBSET", "ISSUPERSET"):
        if network_of(comparison.values[0]) is None:
            raise UnsupportedError(f"{comparison.operator} '{comparison.values[0][:80]}': not an IP address or range")
        if not is_network(comparison.path):
            raise UnsupportedError(f"{comparison.operator}: {comparison.path} holds no IP addresses")


def regex(expression: str) -> re2._Regexp:
    """A compiled RE2 expression: linear in time, bounded in memory. Raises UnsupportedError for look-around,
    back-references and everything else that RE2 has not."""
    options = re2.Options()
    options.max_mem = _REGEX_MEMORY
    options.log_errors = False
    try:
        return re2.compile(expression, options)
    except (re2.error, UnicodeError) as error:
        reason = error.args[0] if error.args else "refused"
        shown = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise UnsupportedError(f"MATCHES '{expression[:80]}': RE2 refuses it: {shown}") from error


def unescaped(text: str) -> str:
    r"""A string literal's content: \' and \\ stand for themselves."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _equality(kind: str, rest: str, value: str) -> Comparison:
    steps = re.split(r"\.", rest.replace("[*]", "").replace("'", ""))
    return Comparison(path_of(kind, steps), "=", (unescaped(value),))


def _check_bounds(text: str) -> None:
    bare = _QUOTED.sub("''", text)
    if len(_OPERATOR.findall(bare)) > MOST_OPERATORS:
        raise PatternError(f"pattern: more than {MOST_OPERATORS} operators")
    depth = deepest = 0
    for char in bare:
        depth += (char in "([") - (char in ")]")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise PatternError(f"pattern: nested deeper than {DEEPEST}")
