"""Structural refusals: indicators that would stop nearly every mail, or our own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sekisho_core.settings import Organisation

from sekisho_rules.evaluate import holds
from sekisho_rules.hosts import domain_form, network_of
from sekisho_rules.observed import COMMON, DISPOSITION
from sekisho_rules.ordinary import ordinary_values
from sekisho_rules.registries import is_registry
from sekisho_rules.tree import Comparison, Expression, Observation, Tree, Window, regex
from sekisho_rules.urls import host_of
from sekisho_rules.values import SUBJECT, is_address, is_domain, is_masked, is_network, stated_form

_EMPTY_FILE = {
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
# A shorter prefix than these covers whole regions of the Internet.
_SHORTEST_PREFIX = {4: 8, 6: 19}


class Protected(NamedTuple):
    """Domains that no indicator may name as a whole: our own, and those where anybody gets an address."""

    own: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    @classmethod
    def of(cls, organisation: Organisation) -> Protected:
        """The domains that `[organisation]` names."""
        return cls(organisation.own_domains, organisation.freemail_domains)


def refusal(tree: Tree | Expression, protected: Protected) -> str:
    """Why the pattern must not be used, "" when nothing speaks against it.

    An AND is as narrow as its narrowest operand, an OR as wide as its widest.
    """
    if isinstance(tree, Comparison):
        return _too_wide(tree, protected)
    if isinstance(tree, Window):
        return refusal(tree.operand, protected)
    if isinstance(tree, Observation):
        return refusal(tree.expression, protected)
    reasons = [refusal(operand, protected) for operand in tree.operands]
    if tree.operator == "and" and not all(reasons):
        return ""
    return next(filter(None, reasons), "")


def _too_wide(comparison: Comparison, protected: Protected) -> str:
    path, operator = comparison.path, comparison.operator
    if comparison.negated or operator not in ("=", "IN", "LIKE", "MATCHES", "ISSUBSET"):
        return f"{path} {operator} alone holds for nearly every mail"
    if path in COMMON:
        return f"{path} alone says nothing of one {COMMON[path]}"
    if operator in ("LIKE", "MATCHES"):
        return _searching(comparison)
    return _first(_value(path, value, protected) for value in comparison.values)


def _searching(comparison: Comparison) -> str:
    path, operator, text = comparison.path, comparison.operator, comparison.values[0]
    literal = text.replace("%", "").replace("_", "")
    if operator == "LIKE" and len(literal.strip()) < 2:
        return f"LIKE '{text}' says nothing"
    if operator == "MATCHES" and regex(text).search("") is not None:
        return f"MATCHES '{text[:80]}' matches the empty text"
    return f"{path} {operator} '{text[:80]}' fits ordinary values" if _ordinary(comparison) else ""


def _ordinary(comparison: Comparison) -> bool:
    return any(holds(comparison, value) is not None for value in ordinary_values(comparison.path))


def _first(reasons: Iterable[str]) -> str:
    return next(filter(None, reasons), "")


def _value(path: str, value: str, protected: Protected) -> str:
    form = stated_form(path, value)
    if not form:
        return f"{path}: the value is empty"
    if form in _EMPTY_FILE:
        return f"{path}: the hash of the empty file"
    if is_network(path) and (network := network_of(form)) is not None:
        narrow = network.prefixlen >= _SHORTEST_PREFIX[network.version]
        return "" if narrow else f"{path}: {value} is a whole region of the Internet"
    if is_domain(path):
        return _domain(path, form, protected)
    if (path == DISPOSITION or is_masked(path, value)) and _ordinary(Comparison(path, "=", (value,))):
        return f"{path}: '{value[:80]}' fits ordinary values"
    return _own(path, form, protected) or _short(path, value, form)


def _domain(path: str, form: str, protected: Protected) -> str:
    if is_registry(form):
        return f"{path}: {form} is a registry, not a host"
    shared = next((one for one in map(domain_form, protected.shared) if f".{one}".endswith(f".{form}")), "")
    return f"{path}: anybody gets an address at {shared}" if shared else _of_ours(path, form, protected)


def _own(path: str, form: str, protected: Protected) -> str:
    host = form.rpartition("@")[2] if is_address(path) else host_of(form) if path == "url:value" else ""
    return _of_ours(path, host, protected) if host else ""


def _of_ours(path: str, host: str, protected: Protected) -> str:
    for own in map(domain_form, protected.own):
        if host == own or host.endswith("." + own) or own.endswith("." + host):
            return f"{path}: {host} is of our own domain {own}"
    return ""


def _short(path: str, value: str, form: str) -> str:
    bare = form.replace("●", "") if path == SUBJECT else value.strip()
    # A flag is short by nature; a text of one character is in nearly every mail.
    return f"{path}: '{value}' is too short to mean anything" if len(bare) < 2 and not bare.isdigit() else ""
