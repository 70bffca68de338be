"""Comparisons of typed constants with values of observed data (STIX 2.1 sections 9.2 and 9.6.1)."""

from __future__ import annotations

import math
import operator
import unicodedata
from collections.abc import Callable
from typing import Any

from sekisho_rules.evaluate import wild
from sekisho_rules.hosts import network_of
from sekisho_rules.tree import UnsupportedError, regex
from sekisho_rules.typed_tree import Constant, Moment, Test, moment_of

Predicate = Callable[[object], bool]
# A text with characters beyond U+00FF and binary data: neither equal nor ordered.
_INCOMPARABLE = (math.nan, math.nan)


def predicate_of(test: Test) -> Predicate:
    """The comparison as a function of one value.

    Raises UnsupportedError for a regular expression that RE2 refuses, and for ISSUBSET and ISSUPERSET with what is no
    IP address or range. The function raises ValueError for a text that is compared with a timestamp and is none.
    """
    if test.operator in _ORDERS:
        return _ordered(_ORDERS[test.operator], test.constants[0], test.negated)
    predicate = _PREDICATES[test.operator](test)
    return (lambda value: not predicate(value)) if test.negated else predicate


def _pair(value: object, constant: Constant) -> tuple[Any, Any] | None:
    """Both sides in one type, None where their types cannot be compared."""
    if isinstance(constant, Moment):
        return (moment_of(value), constant) if isinstance(value, str) else None
    if isinstance(constant, bool) or isinstance(value, bool):
        return (value, constant) if isinstance(value, bool) and isinstance(constant, bool) else None
    if isinstance(constant, int | float):
        return (value, constant) if isinstance(value, int | float) else None
    if isinstance(value, str | bytes):
        return _texts(value, constant)
    return None


def _texts(value: str | bytes, constant: str | bytes) -> tuple[Any, Any]:
    if isinstance(value, str) and isinstance(constant, str):
        return value, constant
    try:
        return tuple(side if isinstance(side, bytes) else side.encode("latin-1") for side in (value, constant))  # type: ignore[return-value]
    except UnicodeEncodeError:
        return _INCOMPARABLE


def _equal(value: object, constant: Constant) -> bool:
    pair = _pair(value, constant)
    return pair is not None and bool(pair[0] == pair[1])


def _ordered(compare: Callable[[Any, Any], bool], constant: Constant, negated: bool) -> Predicate:
    """Of types that cannot be compared no order holds, a negated one neither."""

    def holds(value: object) -> bool:
        pair = _pair(value, constant)
        return pair is not None and bool(compare(*pair)) != negated

    return holds


def _in(test: Test) -> Predicate:
    return lambda value: any(_equal(value, constant) for constant in test.constants)


def _like(test: Test) -> Predicate:
    pattern = unicodedata.normalize("NFC", str(test.constants[0]))
    expression = regex(wild(pattern))
    return lambda value: (text := _text(value, pattern)) is not None and expression.fullmatch(text) is not None


def _matches(test: Test) -> Predicate:
    pattern = unicodedata.normalize("NFC", str(test.constants[0]))
    expression = regex(pattern)
    return lambda value: (text := _text(value, pattern)) is not None and expression.search(text) is not None


def _text(value: object, pattern: str) -> str | None:
    """The text that LIKE and MATCHES look at: of binary data each byte is a character, so that a pattern with others
    never fits."""
    if isinstance(value, bytes):
        return value.decode("latin-1") if max(pattern, default="") <= "\xff" else None
    if not isinstance(value, str):
        return None
    # JSON may hold halves of surrogate pairs, RE2 reads UTF-8.
    return unicodedata.normalize("NFC", value).encode(errors="replace").decode()


def _subset(test: Test) -> Predicate:
    stated = _stated_network(test)

    def holds(value: object) -> bool:
        seen = network_of(value) if isinstance(value, str) else None
        return seen is not None and seen.version == stated.version and seen.subnet_of(stated)

    return holds


def _superset(test: Test) -> Predicate:
    stated = _stated_network(test)

    def holds(value: object) -> bool:
        seen = network_of(value) if isinstance(value, str) else None
        return seen is not None and seen.version == stated.version and stated.subnet_of(seen)

    return holds


def _stated_network(test: Test) -> Any:
    network = network_of(str(test.constants[0]))
    if network is None:
        raise UnsupportedError(f"{test.operator} '{str(test.constants[0])[:80]}': not an IP address or range")
    return network


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_PREDICATES: dict[str, Callable[[Test], Predicate]] = {
    "=": _in,
    "IN": _in,
    "!=": lambda test: lambda value: not _equal(value, test.constants[0]),
    "LIKE": _like,
    "MATCHES": _matches,
    "ISSUBSET": _subset,
    "ISSUPERSET": _superset,
    "EXISTS": lambda test: lambda value: True,
}
