"""The exporters by name: one way for each program that reads what we publish."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from sekisho_feeds.export_dns import export_dnsdist, export_unbound
from sekisho_feeds.export_hosts import export_csv, export_hosts, export_plain
from sekisho_feeds.export_items import Export, Item, Options
from sekisho_feeds.export_misp import export_misp
from sekisho_feeds.export_rpz import export_rpz
from sekisho_feeds.export_squid import export_squid
from sekisho_feeds.export_stix import export_stix
from sekisho_feeds.export_suricata import export_suricata


class Exporter(msgspec.Struct, frozen=True):
    """A way to write items; `passive` says that its readers see the PAP or only look, see `Choice.passive`.

    `write` raises OptionError.
    """

    write: Callable[[Sequence[Item], Options], Export]
    passive: bool = False


exporters: Mapping[str, Exporter] = MappingProxyType({
    "rpz": Exporter(export_rpz),
    "plain": Exporter(export_plain),
    "hosts": Exporter(export_hosts),
    "csv": Exporter(export_csv),
    "squid": Exporter(export_squid),
    "suricata": Exporter(export_suricata, passive=True),
    "dnsdist": Exporter(export_dnsdist),
    "unbound": Exporter(export_unbound),
    "misp": Exporter(export_misp, passive=True),
    "stix": Exporter(export_stix),
})  # fmt: skip
