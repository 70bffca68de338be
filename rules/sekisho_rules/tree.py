"""The tree of a STIX 2.1 pattern (part 9), our own form: stored with the index, evaluated on one mail."""

from __future__ import annotations

import re
from typing import Literal

import msgspec
import re2
from sekisho_core.errors import SekishoError

Operator = Literal["=", "!=", "<", ">", "<=", ">=", "IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET", "EXISTS"]
# RE2 refuses an expression whose program outgrows this; the bound on what one indicator costs.
_REGEX_MEMORY = 1 << 20
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


def comparisons(tree: Tree | Expression) -> list[Comparison]:
    """All comparisons of a tree, from left to right."""
    if isinstance(tree, Comparison):
        return [tree]
    if isinstance(tree, Observation):
        return comparisons(tree.expression)
    if isinstance(tree, Window):
        return comparisons(tree.operand)
    return [comparison for operand in tree.operands for comparison in comparisons(operand)]


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
