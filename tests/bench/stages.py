"""Microseconds of processor time for each stage of a mail, beside stock `email` doing the same job.

Every mail is another one, so no cache flatters. Best and median of the rounds are printed; the ratios compare over
machines, the figures do not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import cpu
import indicators
import mails
import sampler
import stock
from sekisho_core import settings
from sekisho_core.scan import YaraRules, silent
from sekisho_core.vocabulary import Content, Envelope, Mail, Reading
from sekisho_inspection import wire
from sekisho_inspection.client import InspectionClient, private_workers
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.yara_compile import compile_rules
from sekisho_inspection.yara_scan import CompiledYara, load_rules
from sekisho_rules.compile import compile_snapshot
from sekisho_rules.indicator import Indicator
from sekisho_rules.packs import read_packs
from sekisho_rules.policy import Policy
from sekisho_rules.settings import PolicySettings
from sekisho_rules.snapshot import IndexSnapshot, SnapshotStore

KINDS = ("text", "html", "pdf", "docx")
PARSE, STOCK = "stock email: parse", "stock email: the same job"
READ, READ_YARA, WIRE, MATCH, JUDGE = "read", "read, with YARA", "wire: encode, decode", "match", "judge"
WALL, WORKER = "worker: wall clock", "worker: processor time"
# What a clean mail of 4 kB may cost a worker, in microseconds and in times of stock email.
MOST_MICROSECONDS, MOST_TIMES = 2000, 3.0


@dataclass(frozen=True)
class Bench:
    """What the stages need."""

    limits: InspectionSettings
    yara: CompiledYara
    rules: YaraRules
    snapshot: IndexSnapshot
    policy: Policy
    client: InspectionClient


@dataclass
class Figures:
    """Of one kind of mail: microseconds a mail by stage, one figure a round, and the samples of reading by part."""

    rounds: dict[str, list[float]] = field(default_factory=dict)
    shares: Counter[str] = field(default_factory=Counter)

    def add(self, stage: str, microseconds: float) -> None:
        self.rounds.setdefault(stage, []).append(microseconds)

    def best(self, stage: str) -> float:
        return min(self.rounds[stage])

    def ratio(self, stage: str) -> float:
        """In times of stock email's; nan where a coarse clock saw none of a few mails."""
        base = self.best(STOCK)
        return self.best(stage) / base if base else math.nan

    def as_json(self) -> dict[str, object]:
        samples = self.shares.total() or 1
        return {
            "microseconds": {
                stage: {"best": min(all_rounds), "median": statistics.median(all_rounds)}
                for stage, all_rounds in self.rounds.items()
            },
            "ratio_to_stock": {stage: self.ratio(stage) for stage in self.rounds},
            "shares_of_read": {part: self.shares[part] / samples for part in sampler.STAGES},
        }


def main() -> None:
    """Measure and print."""
    options = _options()
    with _bench(options.indicators) as bench:
        figures = {kind: _measured(kind, bench, options) for kind in options.kinds}
    if options.json:
        print(json.dumps({kind: one.as_json() for kind, one in figures.items()}, indent=1))
    else:
        _print(figures, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=100, help="mails of each kind in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--indicators", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


@contextmanager
def _bench(count: int) -> Iterator[Bench]:
    table = settings.load(Path(os.devnull))
    limits = table.of(InspectionSettings)
    made = (Indicator(id=name, source="bench", pattern=pattern) for name, pattern in indicators.patterns(count))
    with ExitStack() as stack:
        index = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sekisho-bench-")))
        compile_snapshot([*read_packs(("npa-2012h1", "examples")), *made], index, compile_rules, 1)
        snapshot = stack.enter_context(closing(SnapshotStore(index).current()))
        assert snapshot.yara is not None
        yara = load_rules(snapshot.yara.path.read_bytes())
        client = stack.enter_context(private_workers(limits, 1))
        policy = Policy(table.of(PolicySettings), lambda: datetime.now(UTC))
        yield Bench(limits, yara, snapshot.yara, snapshot, policy, client)


def _measured(kind: str, bench: Bench, options: argparse.Namespace) -> Figures:
    figures = Figures()
    # The first round is for imports that wait for their first use, and for the worker to begin.
    for number in range(options.rounds + 1):
        one = Figures() if number == 0 else figures
        _round(mails.make(kind, 5 if number == 0 else options.mails, seed=number), bench, one)
    return figures


def _round(batch: Sequence[bytes], bench: Bench, figures: Figures) -> None:
    def timed(stage: str, work: Callable[[bytes], object]) -> None:
        figures.add(stage, _microseconds(lambda: _each(work, batch), time.process_time) / len(batch))

    timed(PARSE, stock.parse)
    timed(STOCK, stock.read)
    timed(READ, lambda content: read_mail(content, bench.limits, None))
    timed(READ_YARA, lambda content: read_mail(content, bench.limits, bench.yara))
    with sampler.shares() as shares:
        readings = [read_mail(content, bench.limits, None) for content in batch]
    figures.shares += shares
    with ExitStack() as opened:
        mailed = [_mail(content, opened) for content in batch]
        _stages_of_readings(mailed, readings, bench, figures)
        _worker(mailed, bench, figures)


def _each(work: Callable[[bytes], object], batch: Sequence[bytes]) -> None:
    """One mail after the other, as a worker takes them: what was read is gone before the next."""
    for content in batch:
        work(content)


def _stages_of_readings(mailed: list[Mail], readings: list[Reading], bench: Bench, figures: Figures) -> None:
    matches = [bench.snapshot.match(Envelope(), reading) for reading in readings]
    work: dict[str, Callable[[], object]] = {
        WIRE: lambda: [wire.decode_reading(wire.encode(reading)) for reading in readings],
        MATCH: lambda: [bench.snapshot.match(Envelope(), reading) for reading in readings],
        JUDGE: lambda: [
            bench.policy(mail, reading, found, reading.incomplete)
            for mail, reading, found in zip(mailed, readings, matches, strict=True)
        ],
    }
    for stage, run in work.items():
        figures.add(stage, _microseconds(run, time.process_time) / len(readings))


def _worker(mailed: list[Mail], bench: Bench, figures: Figures) -> None:
    """Client to sandboxed worker and back; of processor time that of supervisor and worker, in ticks of 10 ms."""
    before = _of_children()
    wall = _microseconds(lambda: [bench.client(mail, bench.rules, silent) for mail in mailed], time.perf_counter)
    figures.add(WALL, wall / len(mailed))
    figures.add(WORKER, (_of_children() - before) * 1e6 / len(mailed))


def _of_children() -> float:
    times = os.times()
    return cpu.seconds([os.getpid()]) - times.user - times.system


def _microseconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    work()
    return (clock() - start) * 1e6


def _mail(content: bytes, opened: ExitStack) -> Mail:
    descriptor = os.memfd_create("mail", os.MFD_CLOEXEC)
    opened.callback(os.close, descriptor)
    os.write(descriptor, content)
    return Mail("0", Envelope(), Content(descriptor, len(content), hashlib.sha256(content).hexdigest()))


def _print(figures: dict[str, Figures], options: argparse.Namespace) -> None:
    print("microseconds a mail: best (median), and the best in times of stock email's")
    print(f"{options.rounds} rounds of {options.mails} mails of each kind, {options.indicators:,} indicators\n")
    print(f"{'':28}" + "".join(f"{kind:>26}" for kind in figures))
    for stage in (PARSE, STOCK, READ, READ_YARA, WIRE, MATCH, JUDGE, WALL, WORKER):
        print(f"{stage:28}" + "".join(f"{_cell(one, stage):>26}" for one in figures.values()))
        if stage == READ:
            for part in sampler.STAGES:
                print(f"    {part:24}" + "".join(f"{_share(one, part):>26}" for one in figures.values()))
    if "text" in figures:
        spent, times = figures["text"].best(WORKER), figures["text"].ratio(READ_YARA)
        print(
            f"\nclean text mail: {spent / 1000:.2f} ms of worker (at most {MOST_MICROSECONDS / 1000:.0f} ms);", end=" "
        )
        print(f"read in {times:.1f} times stock email (at most {MOST_TIMES:.0f})")


def _cell(one: Figures, stage: str) -> str:
    best = one.best(stage)
    return f"{best:.0f} ({statistics.median(one.rounds[stage]):.0f}) {one.ratio(stage):5.2f}x"


def _share(one: Figures, part: str) -> str:
    share = one.shares[part] / (one.shares.total() or 1)
    return f"{share * one.best(READ):.0f} {share:>13.0%}"


if __name__ == "__main__":
    main()
