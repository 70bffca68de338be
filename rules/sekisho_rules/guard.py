"""Structural refusals: indicators that would stop nearly every mail, or our own."""

from __future__ import annotations

from collections.abc import Sequence

from sekisho_rules.hosts import domain_form, network_of
from sekisho_rules.pattern import Comparison, Expression, Observation, Tree, Window, regex
from sekisho_rules.urls import host_of
from sekisho_rules.values import SUBJECT, is_address, is_domain, is_network, stated_form

_EMPTY_FILE = {
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
# Types of the .jp name space that are registries, not holders (JPRS).
_REGISTRIES = {f"{kind}.jp" for kind in ("ac", "ad", "co", "ed", "go", "gr", "lg", "ne", "or")}
# A shorter prefix than these covers whole regions of the Internet.
_SHORTEST_PREFIX = {4: 8, 6: 19}


def refusal(tree: Tree, own_domains: Sequence[str] = ()) -> str:
    """Why the pattern must not be used, "" when nothing speaks against it.

    Looked at are the comparisons that are enough alone; one that others narrow may be as wide as it likes.
    """
    return next((reason for one in _sufficient(tree) if (reason := _too_wide(one, own_domains))), "")


def _sufficient(tree: Tree | Expression) -> list[Comparison]:
    if isinstance(tree, Comparison):
        return [tree]
    if isinstance(tree, Window):
        return _sufficient(tree.operand)
    if isinstance(tree, Observation):
        return _sufficient(tree.expression)
    parts = [_sufficient(operand) for operand in tree.operands]
    if tree.operator == "or":
        return [comparison for part in parts for comparison in part]
    return []


def _too_wide(comparison: Comparison, own_domains: Sequence[str]) -> str:
    if comparison.negated or comparison.operator in ("!=", "EXISTS"):
        return f"{comparison.path} {comparison.operator} alone holds for nearly every mail"
    if comparison.operator == "LIKE":
        literal = comparison.values[0].replace("%", "").replace("_", "")
        return "" if len(literal.strip()) > 1 else f"LIKE '{comparison.values[0]}' says nothing"
    if comparison.operator == "MATCHES":
        empty = regex(comparison.values[0]).search("") is not None
        return f"MATCHES '{comparison.values[0][:80]}' matches the empty text" if empty else ""
    if comparison.operator in ("=", "IN", "ISSUBSET"):
        return next(
            (reason for value in comparison.values if (reason := _value(comparison.path, value, own_domains))), ""
        )
    return ""


def _value(path: str, value: str, own_domains: Sequence[str]) -> str:
    form = stated_form(path, value)
    if not form:
        return f"{path}: the value is empty"
    if form in _EMPTY_FILE:
        return f"{path}: the hash of the empty file"
    if is_network(path) and (network := network_of(form)) is not None:
        narrow = network.prefixlen >= _SHORTEST_PREFIX[network.version]
        return "" if narrow else f"{path}: {value} is a whole region of the Internet"
    if is_domain(path):
        return _domain(path, form, own_domains)
    return _own(path, form, own_domains) or _short(path, value, form)


def _domain(path: str, form: str, own_domains: Sequence[str]) -> str:
    if "." not in form or form in _REGISTRIES:
        return f"{path}: {form} is a registry, not a host"
    return _of_ours(path, form, own_domains)


def _own(path: str, form: str, own_domains: Sequence[str]) -> str:
    host = form.rpartition("@")[2] if is_address(path) else host_of(form) if path == "url:value" else ""
    return _of_ours(path, host, own_domains) if host else ""


def _of_ours(path: str, host: str, own_domains: Sequence[str]) -> str:
    for own in map(domain_form, own_domains):
        if host == own or host.endswith("." + own) or own.endswith("." + host):
            return f"{path}: {host} is of our own domain {own}"
    return ""


def _short(path: str, value: str, form: str) -> str:
    bare = form.replace("●", "") if path == SUBJECT else value.strip()
    # A size or a flag is short by nature; a text of one character is in nearly every mail.
    return f"{path}: '{value}' is too short to mean anything" if len(bare) < 2 and not bare.isdigit() else ""
