"""The lists of a Squid: names with all below them, destination addresses, and URLs as anchored expressions."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from sekisho_rules.hosts import network_of
from sekisho_rules.urls import host_of

from sekisho_feeds.export_items import Export, Item, Options
from sekisho_feeds.export_paths import file_at
from sekisho_feeds.export_values import outermost

_SPECIAL = frozenset("\\.^$*+?(){}|[]")
_ESCAPE = re.compile("%(?!00)([0-9A-F]{2})")
# Squid cuts a line of a list here (CONFIG_LINE_LIMIT).
_LONGEST_LINE = 2047
_DOMAINS, _ADDRESSES, _CONF = "squid-domains.txt", "squid-addresses.txt", "squid.conf"
_URLS, _URL_HOSTS = "squid-urls.txt", "squid-url-hosts.txt"
# -n: the name that an address has is its owner's to choose, and asking for it takes time.
_LISTS = (
    ("sekisho_domains", "dstdomain -n", _DOMAINS),
    ("sekisho_addresses", "dst", _ADDRESSES),
    ("sekisho_url_hosts", "dstdomain -n", _URL_HOSTS),
    ("sekisho_urls", "url_regex", _URLS),
)
# Expressions are tried one after the other: only for hosts of which some URL is listed.
_DENIED = ("sekisho_domains", "sekisho_addresses", "sekisho_url_hosts sekisho_urls")


def export_squid(items: Sequence[Item], options: Options) -> Export:
    """Four lists and the lines of squid.conf that deny what is on them, for `include`.

    Reads `directory`. Squid sees of HTTPS only the host unless it decrypts, so that URLs there are not stopped.
    Raises OptionError for a directory that cannot be quoted.
    """
    left_out: list[str] = []
    names = outermost(item.value for item in items if item.kind == "domain")
    addresses = _networks(items)
    urls = list(_expressions(items, left_out))
    hosts = sorted({_literal(host_of(item.value)) for item in items if item.kind == "url"})
    files = {
        _DOMAINS: "".join(f".{name}\n" for name in names).encode(),
        _ADDRESSES: "".join(f"{network}\n" for network in addresses).encode(),
        _URL_HOSTS: "".join(f"{host}\n" for host in hosts).encode(),
        _URLS: "".join(f"{url}\n" for url in urls).encode(),
        _CONF: _conf(options.directory).encode(),
    }
    return Export(files, len(names) + len(addresses) + len(urls), tuple(left_out))


def _networks(items: Sequence[Item]) -> list[str]:
    """Addresses and networks, none within another: Squid warns of each of those."""
    networks = [network_of(item.value) for item in items if item.kind in ("ip", "network")]
    four = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv6Network))
    return [*map(_shown, four), *map(_shown, six)]


def _shown(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _literal(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _expressions(items: Sequence[Item], left_out: list[str]) -> Iterator[str]:
    for value in sorted({item.value for item in items if item.kind == "url"}):
        scheme, mark, rest = value.rpartition("://")
        start = f"{scheme}://" if mark else "(https?|ftp)://"
        expression = f"^{start}{_written(rest)}$"
        if len(expression) > _LONGEST_LINE:
            left_out.append(f"url {value[:80]}…: too long for a line of Squid")
            continue
        yield expression


def _written(text: str) -> str:
    """The expression for a text: Squid looks at URLs without their escapes, except that of the octet 0."""
    octets = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    # What cannot stand in a line of the list is any one character.
    return "".join(f"\\{char}" if char in _SPECIAL else char if "!" <= char <= "~" else "." for char in octets)


def _conf(directory: str) -> str:
    lists = "".join(f'acl {name} {kind} "{file_at(directory, file)}"\n' for name, kind, file in _LISTS)
    return lists + "".join(f"http_access deny {names}\n" for names in _DENIED)
