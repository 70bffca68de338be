"""Structural refusals: indicators that would stop nearly every mail, or our own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from sekisho_core.settings import Organisation

from sekisho_rules.evaluate import holds
from sekisho_rules.hosts import domain_form, network_of
from sekisho_rules.observed import COMMON, DISPOSITION
from sekisho_rules.ordinary import ordinary_values
from sekisho_rules.registries import is_registry
from sekisho_rules.tree import Comparison, Expression, Observation, Tree, Window, regex
from sekisho_rules.urls import host_of
from sekisho_rules.values import SUBJECT, is_address, is_domain, is_masked, is_network, respelt, stated_form

_EMPTY_FILE = frozenset(
    hashlib.new(name, usedforsecurity=False).hexdigest()
    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512")
) | {"3::"}  # fmt: skip
# A shorter prefix than these covers whole regions of the Internet.
_SHORTEST_PREFIX = {4: 8, 6: 19}
_FILE_NAMES = frozenset({"file:name", "email-message:body_multipart.body_raw_ref.name"})
# An equality that was meant as a pattern: all files, or all of a type.
_ALL_FILES = re.compile(r"[*?.]+|\*\.\w+")
_RUNNING_TEXTS = frozenset({SUBJECT, "email-message:body"})
_TEXTS = _RUNNING_TEXTS | _FILE_NAMES | {"email-addr:display_name", "email-message:from_ref.display_name"}
# Words of this length are in most mails.
_SHORTEST_WORD = 4


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
    word = literal.strip()
    short = path in _RUNNING_TEXTS and word.isascii() and len(word) < _SHORTEST_WORD
    if operator == "LIKE" and (short or len(word) < 2):
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
    if is_address(path) and form.rpartition("@")[0] in ("", "*"):
        return _domain(path, form.rpartition("@")[2], protected)
    if path == "url:value":
        return _short(path, value, form) or _url(path, form, protected)
    if path in _FILE_NAMES and _ALL_FILES.fullmatch(form):
        return f"{path}: '{value[:80]}' is no name but a pattern for very many"
    if (path == DISPOSITION or is_masked(path, value)) and _ordinary(Comparison(path, "=", (value,))):
        return f"{path}: '{value[:80]}' fits ordinary values"
    return _own(path, form, protected) or _short(path, value, form)


@lru_cache(maxsize=8)
def _forms(domains: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(domain_form, domains))


def _url(path: str, form: str, protected: Protected) -> str:
    host = host_of(form)
    if not host or "*" in host:
        return f"{path}: '{form[:80]}' names no host"
    if network_of(host) is not None:
        return ""
    bare = form.partition("//")[2].partition("/")[2] == ""
    if bare or is_registry(host):
        return _domain(path, host, protected)
    return _of_ours(path, host, protected)


def _domain(path: str, form: str, protected: Protected) -> str:
    form = form.strip(".")
    if is_registry(form):
        return f"{path}: {form} is a registry, not a host"
    shared = next((one for one in _forms(protected.shared) if f".{one}".endswith(f".{form}")), "")
    return f"{path}: anybody gets an address at {shared}" if shared else _of_ours(path, form, protected)


def _own(path: str, form: str, protected: Protected) -> str:
    host = form.rpartition("@")[2] if is_address(path) else ""
    return _of_ours(path, host, protected) if host else ""


def _of_ours(path: str, host: str, protected: Protected) -> str:
    for own in _forms(protected.own):
        if host == own or host.endswith("." + own) or own.endswith("." + host):
            return f"{path}: {host} is of our own domain {own}"
    return ""


def _short(path: str, value: str, form: str) -> str:
    bare = form.replace("●", "") if path == SUBJECT else respelt(path, value).strip()
    # A flag is short by nature; a text of one character is in nearly every mail.
    flag = bare.isdigit() and path not in _TEXTS
    return f"{path}: '{value}' is too short to mean anything" if len(bare) < 2 and not flag else ""
