"""Hosts: the names and addresses to which a client resolves what stands in the place of a host."""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

from sekisho_inspection.notes import Notes

Fact = tuple[str, str]
# inet_aton(3), and with it browsers, read one to four numbers: decimal, octal, hexadecimal.
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}", re.ASCII)
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
# What UTS #46 maps to nothing, and directions, which no name has.
UNSEEN_CHARACTERS = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U000e0000-\U000e0fff"
)
UNSEEN = re.compile(f"[{UNSEEN_CHARACTERS}]+")
# The letters that IDNA 2003 spells otherwise and browsers keep (UTS #46 section 7).
_DEVIATIONS = "\u00df\u03c2"
_LONGEST = 253
_ENCODED_TWICE = 4
_NAT64 = 0x0064FF9B << 96
# Second levels under country codes below which holders register their names.
_SECOND_LEVELS = frozenset([
    "ac", "ad", "co", "com", "ed", "edu", "go", "gob", "gouv", "gov", "gr", "lg", "mil", "ne", "net", "or", "org",
])  # fmt: skip


def note_host(host: str, where: str, notes: Notes) -> None:
    """Note a host as domain name (lower case, A-labels) or IP address; an address inside of another counts as well."""
    for path, value in host_facts(host):
        notes.observe(path, value, where)


@lru_cache(maxsize=4096)
def host_facts(host: str) -> tuple[Fact, ...]:
    """STIX paths and values of a host as clients resolve it, the plainest last; () where it is none.

    Percent layers, widths, characters that nobody sees and every spelling of an IP address are read through (WHATWG URL
    section 3.5).
    """
    if len(host) > 16 * _LONGEST:
        return ()
    name = _plain(host)
    if _NUMERIC.fullmatch(name):
        return _ipv4(name)
    if ":" in name:
        return _ipv6(name)
    names = [name] if name.isascii() else _a_labels(name)
    return tuple(("domain-name:value", one) for one in names if "." in one and len(one) <= _LONGEST)


def registered(host: str) -> str:
    """The domain that somebody registered, as far as country codes' second levels tell; an address is itself."""
    labels = host.rsplit(".", 3)
    if labels[-1].isdigit() or ":" in host:
        return host
    deep = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS
    return ".".join(labels[-3:] if deep else labels[-2:])


def _plain(host: str) -> str:
    name = host
    for _ in range(_ENCODED_TWICE):
        if "%" not in name:
            break
        name = unquote(name)
    if not name.isascii():
        name = unicodedata.normalize("NFKC", UNSEEN.sub("", name).translate(_DOTS)).translate(_DOTS)
    return name.strip().rstrip(".").lower()


def _ipv4(name: str) -> tuple[Fact, ...]:
    try:
        # A bare 0x is zero for browsers.
        full = ".".join("0" if number == "0x" else number for number in name.split("."))
        return (("ipv4-addr:value", socket.inet_ntoa(socket.inet_aton(full))),)
    except OSError:
        return ()


def _ipv6(name: str) -> tuple[Fact, ...]:
    try:
        address = ipaddress.IPv6Address(name.strip("[]").partition("%")[0])
    except ValueError:
        return ()
    inner = address.ipv4_mapped or address.sixtofour
    number = int(address)
    # ::192.0.2.1 (RFC 4291 section 2.5.5.1) and 64:ff9b::192.0.2.1 (RFC 6052).
    if inner is None and (number & ~0xFFFFFFFF) in (0, _NAT64) and number & 0xFFFF0000:
        inner = ipaddress.IPv4Address(number & 0xFFFFFFFF)
    facts = (("ipv6-addr:value", str(address)),)
    return facts if inner is None else (*facts, ("ipv4-addr:value", str(inner)))


def _a_labels(name: str) -> list[str]:
    """By IDNA 2003 and, where that differs, as browsers encode (UTS #46); newer characters only the latter knows."""
    # The codec's time grows with the square of a label, so only lawful lengths are encoded (RFC 1035 section 2.3.4).
    if len(name) > _LONGEST or any(len(label) > 63 for label in name.split(".")):
        return []
    newer = ".".join(
        label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in name.split(".")
    )
    try:
        older = name.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return [newer]
    return [older, newer] if any(letter in name for letter in _DEVIATIONS) else [older]
