"""The lists of a Squid: names with all below them, destination addresses, and URLs as anchored expressions."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from sekisho_rules.hosts import network_of

from sekisho_feeds.export_items import Export, Item, Options
from sekisho_feeds.export_paths import file_at
from sekisho_feeds.export_values import outermost

_SPECIAL = re.compile(r"([][\\.^$*+?(){}|])")
# Squid cuts a line of a list here (CONFIG_LINE_LIMIT).
_LONGEST_LINE = 2047
_DOMAINS, _ADDRESSES, _URLS, _CONF = "squid-domains.txt", "squid-addresses.txt", "squid-urls.txt", "squid.conf"
_LISTS = (
    ("sekisho_domains", "dstdomain", _DOMAINS),
    ("sekisho_addresses", "dst", _ADDRESSES),
    ("sekisho_urls", "url_regex", _URLS),
)


def export_squid(items: Sequence[Item], options: Options) -> Export:
    """Three lists and the lines of squid.conf that deny what is on them, for `include`.

    Reads `directory`. Squid sees of HTTPS only the host unless it decrypts, so that URLs there are not stopped.
    Raises OptionError for a directory that cannot be quoted.
    """
    left_out: list[str] = []
    names = outermost(item.value for item in items if item.kind == "domain")
    addresses = _networks(items)
    urls = list(_expressions(items, left_out))
    files = {
        _DOMAINS: "".join(f".{name}\n" for name in names).encode(),
        _ADDRESSES: "".join(f"{network}\n" for network in addresses).encode(),
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


def _expressions(items: Sequence[Item], left_out: list[str]) -> Iterator[str]:
    for value in sorted({item.value for item in items if item.kind == "url"}):
        scheme, mark, rest = value.rpartition("://")
        start = f"{scheme}://" if mark else "(https?|ftp)://"
        expression = f"^{start}{_SPECIAL.sub(_escape, rest)}$"
        if len(expression) > _LONGEST_LINE:
            left_out.append(f"url {value[:80]}…: too long for a line of Squid")
            continue
        yield expression


def _escape(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _conf(directory: str) -> str:
    lists = "".join(f'acl {name} {kind} "{file_at(directory, file)}"\n' for name, kind, file in _LISTS)
    return lists + "".join(f"http_access deny {name}\n" for name, _, _ in _LISTS)
