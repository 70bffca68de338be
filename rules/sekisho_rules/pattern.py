"""The parser of STIX 2.1 patterns (part 9): bounds first, single equalities quickly, all others by the full grammar."""

from __future__ import annotations

import re

from sekisho_rules.hosts import network_of
from sekisho_rules.tree import (
    Comparison,
    Observation,
    Pattern,
    PatternError,
    UnsupportedError,
    comparisons,
    regex,
    unescaped,
)
from sekisho_rules.values import is_network, path_of

LONGEST = 20_000
MOST_OPERATORS = 300
DEEPEST = 50
# Hyperscan needs 20 s for a LIKE of 5,000 wildcards.
MOST_WILDCARDS = 100
_TEXT = r"'((?:[^'\\]|\\.)*)'"
_ONE_EQUALITY = re.compile(
    rf"\s*\[\s*([a-z0-9\-]+):([A-Za-z0-9_]+(?:\.(?:[A-Za-z0-9_]+|'[A-Za-z0-9_\-]+')|\[\*\])*)\s*=\s*{_TEXT}\s*\]\s*"
)
_QUOTED = re.compile(_TEXT)
_OPERATOR = re.compile(r"\b(?:AND|OR|FOLLOWEDBY)\b")


def parse(text: str) -> Pattern:
    """Parse a STIX 2.1 pattern; those of 2.0 are among them.

    Raises PatternError for what cannot be read or is beyond the bounds (characters, operators, depth), and its
    subclass UnsupportedError for what we do not evaluate.
    """
    _check_length(text)
    found = _ONE_EQUALITY.fullmatch(text)
    if found:
        return Pattern(Observation(_equality(found[1], found[2], found[3])))
    check_bounds(text)
    # ANTLR's runtime takes a tenth of a second to import; almost all patterns never need it.
    from sekisho_rules.grammar import read_pattern

    pattern = read_pattern(text)
    for comparison in comparisons(pattern.tree):
        check_constants(comparison)
    return pattern


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


def _equality(kind: str, rest: str, value: str) -> Comparison:
    steps = re.split(r"\.", rest.replace("[*]", "").replace("'", ""))
    return Comparison(path_of(kind, steps), "=", (unescaped(value),))


def check_bounds(text: str) -> None:
    """Raise PatternError for a pattern beyond the bounds (characters, operators, depth)."""
    _check_length(text)
    bare = _QUOTED.sub("''", text)
    if len(_OPERATOR.findall(bare)) > MOST_OPERATORS:
        raise PatternError(f"pattern: more than {MOST_OPERATORS} operators")
    depth = deepest = 0
    for char in bare:
        depth += (char in "([") - (char in ")]")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise PatternError(f"pattern: nested deeper than {DEEPEST}")


def _check_length(text: str) -> None:
    if len(text) > LONGEST:
        raise PatternError(f"pattern: {len(text)} characters, more than {LONGEST}")
