"""Hosts as they are compared: names in lower-case A-labels, addresses in their shortest form, ranges of addresses."""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from urllib.parse import unquote

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# The parts of an IPv4 address as inet_aton(3) and with it browsers read them: decimal, octal, hexadecimal, one to four.
_NUMERIC = re.compile(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}", re.IGNORECASE | re.ASCII)
_MAPPED_BITS = 96


def host_form(text: str) -> str:
    """The compared form of a host: a domain name, or an IP address however it is written."""
    bare = unquote(text.strip().strip("[]"))
    network = network_of(bare)
    if network is None and _NUMERIC.fullmatch(bare):
        network = _numeric(bare)
    return domain_form(bare) if network is None else str(network.network_address)


def host_type(text: str) -> str:
    """The STIX type of the object that a host is: domain-name, ipv4-addr or ipv6-addr."""
    network = network_of(host_form(text))
    return "domain-name" if network is None else f"ipv{network.version}-addr"


def network_of(text: str) -> Network | None:
    """The IP address or range that `text` states (also as address literal, RFC 5321 section 4.1.3), or None.

    An IPv4 address mapped into IPv6 is the IPv4 address.
    """
    bare = text.strip().strip("[]")
    if not bare[:1].isdigit() and ":" not in bare:
        return None
    try:
        network = ipaddress.ip_network(bare[5:] if bare[:5].lower() == "ipv6:" else bare, strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        return network if mapped is None else ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network


def domain_form(text: str) -> str:
    """A host name in lower-case A-labels (RFC 5890) without trailing dot or leading wildcard."""
    text = text.strip().rstrip(".").removeprefix("*.")
    if text.isascii():
        return text.lower()
    try:
        return text.encode("idna").decode("ascii").lower().rstrip(".")
    except UnicodeError:
        return unicodedata.normalize("NFKC", text).casefold()


def _numeric(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(socket.inet_ntoa(socket.inet_aton(text)))
    except OSError:
        return None
