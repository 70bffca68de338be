"""Names for resolvers without response policies: the suffix list of a dnsdist, and local zones of an Unbound."""

from __future__ import annotations

from collections.abc import Sequence

from sekisho_feeds.export_items import Export, Item, Options
from sekisho_feeds.export_paths import file_at
from sekisho_feeds.export_values import outermost

UNBOUND = "unbound.conf"
_SUFFIXES, _LUA = "dnsdist-suffixes.txt", "dnsdist.conf"


def export_dnsdist(items: Sequence[Item], options: Options) -> Export:
    """A list of suffixes, one a line, and the lines of dnsdist.conf that answer NXDOMAIN for them and all below.

    Reads `directory`. Raises OptionError for a directory that cannot be quoted.
    """
    names = _names(items)
    lua = (
        "local listed = newSuffixMatchNode()\n"
        f'for name in io.lines("{file_at(options.directory, _SUFFIXES)}") do listed:add(newDNSName(name)) end\n'
        "addAction(SuffixMatchNodeRule(listed), RCodeAction(DNSRCode.NXDOMAIN))\n"
    )
    return Export({_SUFFIXES: "".join(f"{name}\n" for name in names).encode(), _LUA: lua.encode()}, len(names))


def export_unbound(items: Sequence[Item], options: Options) -> Export:
    """A file for `include:` that answers NXDOMAIN for names and all below them."""
    del options
    names = _names(items)
    zones = "".join(f'local-zone: "{name}." always_nxdomain\n' for name in names)
    return Export({UNBOUND: f"server:\n{zones}".encode()}, len(names))


def _names(items: Sequence[Item]) -> list[str]:
    return outermost(item.value for item in items if item.kind == "domain")
