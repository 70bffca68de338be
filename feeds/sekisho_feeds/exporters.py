"""The exporters by name: one way for each program that reads what we publish."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from sekisho_feeds.export_directory import Check, checked_by
from sekisho_feeds.export_dns import UNBOUND as ZONES
from sekisho_feeds.export_dns import export_dnsdist, export_unbound
from sekisho_feeds.export_hosts import export_csv, export_hosts, export_plain
from sekisho_feeds.export_items import Export, Item, Options
from sekisho_feeds.export_misp import export_misp
from sekisho_feeds.export_rpz import FILE as ZONE
from sekisho_feeds.export_rpz import export_rpz
from sekisho_feeds.export_squid import export_squid
from sekisho_feeds.export_stix import export_stix
from sekisho_feeds.export_suricata import export_suricata


class Exporter(msgspec.Struct, frozen=True):
    """A way to write items. `write` raises OptionError.

    `passive` says that its readers see the PAP or only look, see `Choice.passive`; `check` is the command of the
    consumer's own tool, `{}` for the folder with the files and `{origin}` for the zone.
    """

    write: Callable[[Sequence[Item], Options], Export]
    passive: bool = False
    check: tuple[str, ...] = ()


exporters: Mapping[str, Exporter] = MappingProxyType({
    "rpz": Exporter(export_rpz, check=("named-checkzone", "{origin}", f"{{}}/{ZONE}")),
    "plain": Exporter(export_plain),
    "hosts": Exporter(export_hosts),
    "csv": Exporter(export_csv),
    "squid": Exporter(export_squid),
    "suricata": Exporter(export_suricata, passive=True),
    "dnsdist": Exporter(export_dnsdist),
    "unbound": Exporter(export_unbound, check=("unbound-checkconf", f"{{}}/{ZONES}")),
    "misp": Exporter(export_misp, passive=True),
    "stix": Exporter(export_stix),
})  # fmt: skip


def consumers_check(name: str, options: Options) -> Check | None:
    """The check of an export by its consumer's own tool, for `write_exports`; None where there is none, or where the
    tool is not installed."""
    command = [word.replace("{origin}", options.origin) for word in exporters[name].check]
    return checked_by(*command) if command and shutil.which(command[0]) else None
