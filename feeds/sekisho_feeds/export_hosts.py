"""Lists that any program reads: plain lines, a hosts file, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from sekisho_core.display import visible

from sekisho_feeds.export_items import Export, Item, Options
from sekisho_feeds.export_values import KINDS, Kind

_PLAIN: dict[Kind, str] = {
    "domain": "domains.txt",
    "url": "urls.txt",
    "ip": "addresses.txt",
    "network": "networks.txt",
    "md5": "md5.txt",
    "sha1": "sha1.txt",
    "sha256": "sha256.txt",
    "email": "mail-addresses.txt",
}
_COLUMNS = ("kind", "value", "confidence", "tlp", "valid_until", "name", "threat", "sources")
# What spreadsheets take for a formula (OWASP, CSV injection), also behind blanks.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_LONGEST_TEXT = 500


def export_plain(items: Sequence[Item], options: Options) -> Export:
    """A file for each kind that occurs, one value a line, sorted; an empty file for each other kind of connection."""
    del options
    files = {name: lines_of(items, kind) for kind, name in _PLAIN.items()}
    kept = {name: content for name, content in files.items() if content or name in _ALWAYS}
    return Export(kept, len(items))


_ALWAYS = frozenset(_PLAIN[kind] for kind in ("domain", "url", "ip", "network"))


def lines_of(items: Sequence[Item], *kinds: Kind) -> bytes:
    """The values of these kinds, each once, sorted, one a line."""
    return "".join(f"{value}\n" for value in sorted({item.value for item in items if item.kind in kinds})).encode()


def export_hosts(items: Sequence[Item], options: Options) -> Export:
    """A hosts(5) file that leads each name to 0.0.0.0, where no connection is made. Names below are not covered."""
    del options
    names = sorted({item.value for item in items if item.kind == "domain"})
    return Export({"hosts": "".join(f"0.0.0.0 {name}\n" for name in names).encode()}, len(names))


def export_csv(items: Sequence[Item], options: Options) -> Export:
    """A table (RFC 4180: CRLF, a header) with what sources say; texts that a spreadsheet would run have an apostrophe
    before them."""
    del options
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for item in sorted(items, key=lambda item: (KINDS.index(item.kind), item.value)):
        until = f"{item.valid_until:%Y-%m-%dT%H:%M:%SZ}" if item.valid_until else ""
        texts = (item.name, item.threat, ";".join(item.sources))
        writer.writerow([item.kind, _cell(item.value), item.confidence, item.tlp, until, *map(_text, texts)])
    return Export({"indicators.csv": text.getvalue().encode()}, len(items))


def _text(text: str) -> str:
    return _cell(visible(text, _LONGEST_TEXT))


def _cell(text: str) -> str:
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
