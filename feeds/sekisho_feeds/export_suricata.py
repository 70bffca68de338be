"""Datasets of Suricata (7.0 and later, part "Datasets" of its guide) and the fixed rules that look at them."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from sekisho_feeds.export_hosts import lines_of
from sekisho_feeds.export_items import Export, Item, Options

_NAMES, _ADDRESSES = "sekisho-domains.lst", "sekisho-addresses.lst"
# Three of the range that is left to local rules.
_FIRST_RULE = 1_620_100
_RULES = (
    ("dns", "name asked for", "dns.query", _NAMES, "string"),
    ("tls", "name of a TLS server", "tls.sni", _NAMES, "string"),
    ("ip", "destination address", "ip.dst", _ADDRESSES, "ip"),
)


def export_suricata(items: Sequence[Item], options: Options) -> Export:
    """Two datasets and three rules that alert. A set of strings is exact: names below a listed one are not covered;
    a set of addresses holds no networks, which are left out, as are URLs."""
    del options
    names = sorted({item.value for item in items if item.kind == "domain"})
    addresses = lines_of(items, "ip")
    files = {
        _NAMES: b"".join(base64.b64encode(name.encode()) + b"\n" for name in names),
        _ADDRESSES: addresses,
        "sekisho.rules": _rules().encode(),
    }
    left_out = tuple(f"network {item.value}: no address of its own" for item in items if item.kind == "network")
    return Export(files, len(names) + addresses.count(b"\n"), left_out)


def _rules() -> str:
    return "".join(
        f'alert {protocol} $HOME_NET any -> any any (msg:"sekisho: {what} is listed"; {buffer}; '
        f"dataset:isset,{file.removesuffix('.lst')},type {kind},load {file}; sid:{_FIRST_RULE + place}; rev:1;)\n"
        for place, (protocol, what, buffer, file, kind) in enumerate(_RULES)
    )
