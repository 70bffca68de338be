"""The response policy zone: names and addresses that resolvers answer as the policy says."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sekisho_rules.hosts import network_of

from sekisho_feeds.export_items import Export, Item, OptionError, Options
from sekisho_feeds.export_values import is_host_name, origin_fault, outermost

FILE = "sekisho.rpz"
_POLICIES = {"nxdomain": "CNAME .", "nodata": "CNAME *.", "passthru": "CNAME rpz-passthru.", "drop": "CNAME rpz-drop."}
# RFC 1035 section 2.3.4: octets with the length of each label and the root's. BIND rejects the whole zone for one more.
_LONGEST_OCTETS = 255
_SERIALS = 1 << 32
_SERIAL = re.compile(rb"SOA localhost\. hostmaster\.localhost\. ([0-9]{1,10}) ")
_WILDCARD = "*."
_ADDRESS_TRIGGER = "rpz-ip"


def export_rpz(items: Sequence[Item], options: Options) -> Export:
    """A zone file with names and all below them, and with addresses and networks that answers hold.

    Reads `origin`, `policy`, `now` and `previous`: the serial rises where the records changed, and a zone with the
    same records is the previous file. Raises OptionError for an origin or policy that cannot be.
    """
    if why := origin_fault(options.origin):
        raise OptionError(f"origin: {why}")
    left_out: list[str] = []
    names = outermost(item.value for item in items if item.kind == "domain")
    triggers = [*_names(names, options.origin, left_out), *_addresses(items)]
    answer = _answer(options.policy)
    records = "".join(f"{trigger} {answer}\n" for trigger in triggers).encode()
    previous = options.previous.get(FILE, b"")
    zone = _zone(options.origin, serial_of(previous) or 0, records)
    if zone != previous:
        zone = _zone(options.origin, next_serial(serial_of(previous), options.now), records)
    return Export({FILE: zone}, sum(not trigger.startswith(_WILDCARD) for trigger in triggers), tuple(left_out))


def serial_of(zone: bytes) -> int | None:
    """The serial of a zone that we wrote, None for another file."""
    found = _SERIAL.search(zone, 0, 4096)
    return int(found[1]) if found else None


def next_serial(previous: int | None, now: datetime) -> int:
    """A serial above `previous` by RFC 1982 section 3.2: the time in seconds, or the next number where the last one is
    not behind it. A lost predecessor is no step back, since time went on."""
    time = int(now.timestamp()) % _SERIALS
    if previous is None or 0 < (time - previous) % _SERIALS < _SERIALS // 2:
        return time
    return (previous + 1) % _SERIALS


def trigger_of(text: str) -> str:
    """The trigger of an address or network: prefix length, then its parts from the last, `zz` for the run of zeros
    that the shortest form of IPv6 leaves out (RFC 5952 section 4). BIND skips what is written otherwise."""
    network = network_of(text)
    assert network is not None
    if isinstance(network, ipaddress.IPv4Network):
        parts = str(network.network_address).split(".")
    else:
        head, gap, tail = network.network_address.compressed.partition("::")
        parts = [*head.split(":"), *(["zz"] if gap else []), *tail.split(":")]
    return ".".join([str(network.prefixlen), *filter(None, reversed(parts)), _ADDRESS_TRIGGER])


def _names(names: Iterable[str], origin: str, left_out: list[str]) -> Iterator[str]:
    # Two octets more: the wildcard's label.
    room = _LONGEST_OCTETS - _octets(origin) - 2
    for name in names:
        if _octets(name) - 1 > room:
            left_out.append(f"domain {name}: too long below {origin}")
            continue
        yield name
        yield f"{_WILDCARD}{name}"


def _octets(name: str) -> int:
    return len(name) + 2


def _addresses(items: Sequence[Item]) -> list[str]:
    return sorted({trigger_of(item.value) for item in items if item.kind in ("ip", "network")})


def _answer(policy: str) -> str:
    if policy in _POLICIES:
        return _POLICIES[policy]
    network = network_of(policy)
    if network is not None and network.prefixlen == network.max_prefixlen:
        return f"{'A' if network.version == 4 else 'AAAA'} {network.network_address}"
    if is_host_name(policy):
        return f"CNAME {policy}."
    raise OptionError(f"policy {policy!r}: neither {', '.join(_POLICIES)} nor a host name or IP address")


def _zone(origin: str, serial: int, records: bytes) -> bytes:
    head = (
        f"$TTL 300\n$ORIGIN {origin}.\n"
        f"@ SOA localhost. hostmaster.localhost. {serial} 3600 600 604800 300\n@ NS localhost.\n"
    )
    return head.encode() + records
