"""Values that may stand in another program's files: for each kind the one lawful spelling, and names without those that
a listed parent covers already."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

from sekisho_rules.hosts import domain_form, network_of
from sekisho_rules.urls import host_of

Kind = Literal["domain", "url", "ip", "network", "md5", "sha1", "sha256", "email"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# RFC 1035 section 2.3.4, in characters of text without the final dot.
LONGEST_NAME = 253
# A browser goes no further, and lists with longer lines are cut by their readers.
LONGEST_URL = 2000
# RFC 1123 section 2.1; underscores are no part of host names, but such names are in use.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=[^\n]{{1,{LONGEST_NAME}}}\Z){_LABEL}(?:\.{_LABEL}){{1,126}}", re.ASCII)
# RFC 3986 section 2: nothing else stands in a URL, so that no quotes, blanks, bars and controls are left.
_URL = re.compile(
    rf"(?:(?:https?|ftp)://)?(?:{_LABEL}(?:\.{_LABEL}){{1,126}}|\[[0-9a-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?"
    r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-F]{2})*",
    re.ASCII,
)
_LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/=?^_{}~.-]{1,64}", re.ASCII)
_HEX = {"md5": 32, "sha1": 40, "sha256": 64}


def fault(kind: Kind, value: str) -> str:
    """Why `value` is no lawful value of its kind in normal form, "" where it is one.

    Every lawful value is printable ASCII without blanks, double quotes, bars, backslashes and line ends.
    """
    if kind == "domain":
        return "" if is_host_name(value) else "not a host name"
    if kind == "url":
        lawful = len(value) <= LONGEST_URL and _URL.fullmatch(value) is not None and bool(host_of(value))
        return "" if lawful else f"not a URL of RFC 3986 with at most {LONGEST_URL} characters"
    if kind in ("ip", "network"):
        return _fault_of_network(kind, value)
    if kind == "email":
        local, _, host = value.rpartition("@")
        return "" if _LOCAL_PART.fullmatch(local) and is_host_name(host) else "not a plain mail address"
    lawful = re.fullmatch(rf"[0-9a-f]{{{_HEX[kind]}}}", value, re.ASCII) is not None
    return "" if lawful else f"not {_HEX[kind]} hexadecimal digits"


def is_host_name(text: str) -> bool:
    """Whether `text` is a host name of two or more labels in lower-case A-labels, without a final dot."""
    return _HOST_NAME.fullmatch(text) is not None and not text.rpartition(".")[2].isdigit()


def outermost(names: Iterable[str]) -> list[str]:
    """Sorted names without duplicates and without those below another of them: a list of suffixes says no more with
    them, Squid refuses to start, and a wildcard of the DNS stops at them (RFC 4592 section 2.2.1)."""
    known = set(names)
    return sorted(name for name in known if not any(parent in known for parent in _parents(name)))


def _parents(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(1, len(labels))]


def _fault_of_network(kind: str, value: str) -> str:
    network = network_of(value)
    if network is None:
        return "not an IP address"
    spelt = str(network) if kind == "network" else str(network.network_address)
    single = network.prefixlen == network.max_prefixlen
    return "" if spelt == value and single == (kind == "ip") else "not in its shortest form"


def origin_fault(origin: str) -> str:
    """Why a zone cannot have this origin, "" where it can."""
    return "" if is_host_name(domain_form(origin)) and origin == domain_form(origin) else f"{origin!r}: no zone's name"
