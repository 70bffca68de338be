"""Values that may stand in another program's files: for each kind the one lawful spelling, and names without those that
a listed parent covers already."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Literal, get_args

from sekisho_rules.hosts import network_of
from sekisho_rules.urls import host_of

Kind = Literal["domain", "url", "ip", "network", "md5", "sha1", "sha256", "email"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# RFC 1035 section 2.3.4, in characters of text without the final dot.
LONGEST_NAME = 253
# A browser goes no further, and lists with longer lines are cut by their readers.
LONGEST_URL = 2000
# RFC 1123 section 2.1; underscores are no part of host names, but such names are in use.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# RFC 3696 section 2: letters, or an A-label. So no name is an address, or a trigger of a response policy zone.
_TOP = r"(?:[a-z]{2,63}|xn--[a-z0-9-]{1,58}[a-z0-9])"
_HOST_NAME = re.compile(rf"(?=[^\n]{{1,{LONGEST_NAME}}}\Z)(?:{_LABEL}\.){{1,126}}{_TOP}", re.ASCII)
# RFC 3986 section 2: nothing else stands in a URL, so that no quotes, blanks, bars and controls are left.
_URL = re.compile(
    rf"(?:(?:https?|ftp)://)?(?:{_LABEL}(?:\.{_LABEL}){{1,126}}|\[[0-9a-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?"
    r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-F]{2})*",
    re.ASCII,
)
_LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/=?^_{}~.-]{1,64}", re.ASCII)
_OWN_NAMES = (".arpa", ".local", ".localhost")
_OWN = tuple(map(ipaddress.ip_network, [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
]))  # fmt: skip
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


def is_nobodys(kind: Kind, value: str) -> bool:
    """Whether a name, address or network is of no host on the Internet: reverse lookups and each reader's own network
    (RFC 6761, RFC 6890), which would go with it."""
    if kind == "domain":
        return value.endswith(_OWN_NAMES)
    network = network_of(value) if kind in ("ip", "network") else None
    return network is not None and any(network.version == own.version and network.overlaps(own) for own in _OWN)


def is_host_name(text: str) -> bool:
    """Whether `text` is a host name of two or more labels in lower-case A-labels, without a final dot."""
    return _HOST_NAME.fullmatch(text) is not None


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
    # A zone of one label is in use: the lookup of a policy never leaves the resolver.
    return "" if is_host_name(f"x.{origin}") else f"{origin!r}: not a zone's name"
