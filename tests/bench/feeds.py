"""What many indicators cost: parse, import, compile and swap, and the match of a mail as the index grows.

Ratios compare over machines: the match at each size in times of that at the smallest. The memory is the peak of the
process that imports and compiles one size.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import indicators
import mails
from sekisho_core import settings
from sekisho_core.database import open_database
from sekisho_core.settings import Database
from sekisho_core.vocabulary import Envelope
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from sekisho_rules import table
from sekisho_rules.compile import compile_snapshot
from sekisho_rules.indicator import Indicator
from sekisho_rules.pattern import parse
from sekisho_rules.snapshot import SnapshotStore

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_FULL_GRAMMAR = "[file:name = 'payload-{n}.exe' AND file:hashes.MD5 = '{n:032x}']"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--mails", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sizes = [_of_size(size, options.mails) for size in options.sizes]
    figures: dict[str, object] = {"patterns a second": _parse_rates(), "sizes": sizes}
    print(json.dumps(figures, indent=1) if options.json else _told(figures))


def _parse_rates() -> dict[str, float]:
    rates = {}
    for name, texts in (
        ("one equality", [pattern for _, pattern in indicators.patterns(20_000)]),
        ("the full grammar", [_FULL_GRAMMAR.format(n=number) for number in range(500)]),
    ):
        begun = time.process_time()
        for text in texts:
            parse(text)
        rates[name] = len(texts) / max(time.process_time() - begun, 1e-9)
    return rates


def _of_size(size: int, count: int) -> dict[str, float]:
    """The figures of one size; import and compile in a process of their own, so that its memory is theirs."""
    with tempfile.TemporaryDirectory(prefix="sekisho-bench-") as folder:
        with get_context("spawn").Pool(1) as pool:
            built = pool.apply(_built, (folder, size))
        begun = time.perf_counter()
        with closing(SnapshotStore(Path(folder) / "index").current()) as snapshot:
            swapped = time.perf_counter() - begun
            limits = settings.load(Path(os.devnull)).of(InspectionSettings)
            readings = [read_mail(content, limits, None) for content in mails.make("text", count, seed=1)]
            spent = []
            for _ in range(5):
                begun = time.process_time()
                for reading in readings:
                    snapshot.match(Envelope(), reading)
                spent.append((time.process_time() - begun) / count * 1e6)
    return {
        "indicators": size,
        **built,
        "swap s": swapped,
        "match us": min(spent),
        "match median us": statistics.median(spent),
    }


def _built(folder: str, size: int) -> dict[str, float]:
    engine = open_database(Database(url=f"sqlite:///{folder}/x.sqlite", timeout=5.0))
    begun = time.perf_counter()
    table.store(engine, ((one, "") for one in _made(size)), _NOW)
    imported = time.perf_counter()
    compile_snapshot(table.stored(engine, active=True), Path(folder) / "index", _no_yara, 1)
    compiled = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"import s": imported - begun, "compile s": compiled - imported, "peak MiB": peak}


def _made(size: int) -> Iterator[Indicator]:
    made = (Indicator(id=name, source="bench", pattern=text, modified=_NOW) for name, text in indicators.patterns(size))
    return islice(made, size)


def _no_yara(rules: Mapping[str, str], sources: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    return b"", {}


def _told(figures: dict[str, object]) -> str:
    rates, sizes = figures["patterns a second"], figures["sizes"]
    assert isinstance(rates, dict) and isinstance(sizes, list)
    lines = [f"patterns parsed a second, {name}: {rate:,.0f}" for name, rate in rates.items()]
    least = sizes[0]["match us"] or sys.float_info.min
    for one in sizes:
        lines.append(
            f"{one['indicators']:>9,} indicators: import {one['import s']:.1f} s, compile {one['compile s']:.1f} s, "
            f"peak {one['peak MiB']:.0f} MiB, swap {one['swap s'] * 1000:.0f} ms, "
            f"match {one['match us']:.0f} us a mail ({one['match us'] / least:.2f} times the first)"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
