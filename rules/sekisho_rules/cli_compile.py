"""What commands do with stored indicators: prove new ones, and compile all into the index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from sekisho_core.settings import Organisation, Settings
from sekisho_inspection.client import InspectionClient, private_workers
from sekisho_inspection.settings import InspectionSettings
from sqlalchemy import Engine

from sekisho_rules import history, table
from sekisho_rules.compile import CompileReport, compile_snapshot, without_effect, yara_reason
from sekisho_rules.guard import Protected
from sekisho_rules.indicator import Indicator
from sekisho_rules.packs import read_packs
from sekisho_rules.progress import Bar
from sekisho_rules.settings import RulesSettings


def compile_index(settings: Settings, engine: Engine) -> CompileReport:
    """Build the index from the database and the packs and put it in force; running filters take it up by themselves.

    Raises DatabaseError, SnapshotError.
    """
    chosen = settings.of(RulesSettings)
    packs, revision = read_packs(chosen.packs), history.newest(engine)
    bar = Bar(len(packs) + table.count_active(engine))
    with private_workers(settings.of(InspectionSettings), 1) as client:
        report = compile_snapshot(
            counted_by(chain(packs, table.stored(engine, active=True)), bar),
            Path(chosen.index),
            client.compile_yara,
            chosen.keep_snapshots,
            Protected.of(settings.of(Organisation)),
        )
    history.compiled(engine, report.serial, revision)
    bar.clear()
    return report


def reasons(found: Iterable[Indicator], settings: Settings, bar: Bar) -> Iterator[str]:
    """Why each indicator has no effect; "" where it has. YARA is compiled and tried in a worker."""
    protected = Protected.of(settings.of(Organisation))
    with ExitStack() as opened:
        workers: InspectionClient | None = None
        for indicator in counted_by(found, bar):
            if indicator.pattern_type == "yara" and not indicator.revoked:
                workers = workers or opened.enter_context(private_workers(settings.of(InspectionSettings), 1))
                problem = workers.check_yara({indicator.id: indicator.pattern}).get(indicator.id, "")
                yield yara_reason(problem) if problem else ""
            else:
                yield without_effect(indicator, protected)


def counted_by(indicators: Iterable[Indicator], bar: Bar) -> Iterator[Indicator]:
    """The indicators, each a step of the bar."""
    for indicator in indicators:
        bar.step()
        yield indicator
