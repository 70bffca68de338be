"""The guarded network: which addresses may be connected to, and the resolved, checked addresses of a host."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable
from enum import Enum
from itertools import islice

from sekisho_core.display import visible

from sekisho_feeds.harvest import FeedError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]
_MOST_ADDRESSES = 64
_THIS_HOST = ipaddress.ip_network("0.0.0.0/8")
# Unique local addresses (RFC 4193) and a site's own NAT64 prefix (RFC 8215).
_LOCAL = (ipaddress.IPv6Network("fc00::/7"), ipaddress.IPv6Network("64:ff9b:1::/48"))
# Prefixes whose addresses carry an IPv4 address, and how far from the right end it stands, in bits: IPv4-compatible
# (RFC 4291, 2.5.5.1), mapped (2.5.5.2), translated (RFC 2765), NAT64 (RFC 6052), 6to4 (RFC 3056).
_CARRIERS = tuple(
    (ipaddress.IPv6Network(network), shift)
    for network, shift in (
        ("::/96", 0), ("::ffff:0:0/96", 0), ("::ffff:0:0:0/96", 0), ("64:ff9b::/96", 0), ("2002::/16", 80),
    )
)  # fmt: skip
_TEREDO = ipaddress.IPv6Network("2001::/32")
_ISATAP = (0x00005EFE, 0x02005EFE)


class Refused(FeedError):
    """An address that may not be connected to."""


class Unresolved(FeedError):
    """A name without an answer now; a later attempt may have one."""


class Reach(Enum):
    """How far an address reaches: the whole network, this site or machine alone, or no one host at all."""

    PUBLIC = 0
    PRIVATE = 1
    NONE = 2


def reach(address: Address) -> Reach:
    """How far `address` reaches; one that carries an IPv4 address (mapped, NAT64, 6to4, Teredo, ISATAP) no farther than
    that."""
    if isinstance(address, ipaddress.IPv6Address):
        if not (address.is_loopback or address.is_unspecified) and (carried := _carried(address)):
            return max((reach(one) for one in carried), key=lambda found: found.value)
        if address.is_site_local or any(address in network for network in _LOCAL):
            return Reach.PRIVATE
    elif address in _THIS_HOST:
        return Reach.NONE
    if address.is_loopback or address.is_link_local:
        return Reach.PRIVATE
    if address.is_multicast or address.is_reserved or address.is_unspecified:
        return Reach.NONE
    return Reach.PUBLIC if address.is_global else Reach.PRIVATE


def _carried(address: ipaddress.IPv6Address) -> list[Address]:
    bits = int(address)
    for network, shift in _CARRIERS:
        if address in network:
            return [ipaddress.IPv4Address(bits >> shift & 0xFFFFFFFF)]
    if address in _TEREDO:
        return [ipaddress.IPv4Address(bits >> 64 & 0xFFFFFFFF), ipaddress.IPv4Address(~bits & 0xFFFFFFFF)]
    if bits >> 32 & 0xFFFFFFFF in _ISATAP:
        return [ipaddress.IPv4Address(bits & 0xFFFFFFFF)]
    return []


def literal(host: str) -> Address | None:
    """The address that `host` itself is, in any spelling that a resolver takes: 127.1, 0x7f000001, 017700000001,
    2130706433, [::1], fe80::1%eth0. None for a name."""
    bare = host.strip("[]").partition("%")[0].rstrip(".")
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    try:
        # inet_aton would also take what follows a blank.
        return ipaddress.IPv4Address(socket.inet_aton(bare)) if bare and " " not in bare else None
    except (OSError, ValueError):
        return None


def refuse(host: str, address: Address, allow_private: bool) -> None:
    """Raise Refused unless a connection may go to `address`, which `host` names."""
    found = reach(address)
    if found is Reach.PUBLIC or (allow_private and found is Reach.PRIVATE):
        return
    kind = "a private address" if found is Reach.PRIVATE else "an address that no host has"
    is_at = "is" if literal(host) else f"is at {address}:"
    raise Refused(f"{visible(host, 100)} {is_at} {kind}; feeds are not fetched from there")


def checked(host: str, port: int, allow_private: bool, seconds: float, resolve: Resolver | None = None) -> list[str]:
    """The addresses of `host`, each of which may be connected to, in the resolver's order, as plain text.

    One that may not be refuses all: a name that mixes them is an attempt to pass this check. Raises Refused for it, and
    Unresolved where the resolver has no answer, or none within `seconds`.
    """
    itself = literal(host)
    found = [str(itself)] if itself else _resolved(host, port, seconds, resolve or system_resolver)
    for text in found:
        address = literal(text)
        if address is None:
            raise Refused(f"{visible(host, 100)}: the resolver gives no address")
        refuse(host, address, allow_private)
    return found


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver has for a host. Raises OSError and UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(islice(dict.fromkeys(str(entry[4][0]) for entry in found), _MOST_ADDRESSES))


def _resolved(host: str, port: int, seconds: float, resolve: Resolver) -> list[str]:
    # The system's resolver knows no time limit; a thread that nobody waits for lends it one.
    answer: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(resolve(host, port))
        except (OSError, UnicodeError, ValueError) as error:
            answer.put(error)

    threading.Thread(target=ask, daemon=True, name="resolver").start()
    try:
        found = answer.get(timeout=max(seconds, 0.001))
    except queue.Empty:
        raise Unresolved(f"{visible(host, 100)}: the name is not resolved in time") from None
    if isinstance(found, Exception) or not found:
        raise Unresolved(f"{visible(host, 100)}: the name cannot be resolved")
    return found
