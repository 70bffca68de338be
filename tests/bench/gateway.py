"""A sekisho milter with an index of a given size: inspection service, filter processes, quarantine on SQLite."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import indicators
from sekisho_core import settings
from sekisho_inspection.client import private_workers
from sekisho_inspection.settings import InspectionSettings
from sekisho_rules.compile import compile_snapshot
from sekisho_rules.indicator import Indicator
from sekisho_rules.packs import read_packs

_READY_SECONDS = 60.0


@contextmanager
def sekisho_milter(root: Path, socket: Path, count: int, processes: int = 2) -> Iterator[tuple[int, ...]]:
    """The parents' process ids of a running milter at `socket` whose index holds `count` indicators and all packs."""
    root.mkdir()
    config = _configuration(root, socket, processes)
    _compile(root / "index", count)
    with ExitStack() as stack:
        services = [("inspection", root / "inspection.sock"), ("milter", socket)]
        yield tuple(stack.enter_context(_service(name, config, ready)) for name, ready in services)


def _configuration(root: Path, socket: Path, processes: int) -> Path:
    for name in ("bodies", "spool"):
        (root / name).mkdir()
    tables: dict[str, dict[str, object]] = {
        "database": {"url": f"sqlite:///{root}/sekisho.sqlite"},
        "inspection": {"socket": f"{root}/inspection.sock", "workers": processes},
        "rules": {"index": f"{root}/index"},
        "quarantine": {"bodies": f"{root}/bodies"},
        "milter": {
            "socket": f"unix:{socket}",
            "processes": processes,
            "drain": 5.0,
            "spool": f"{root}/spool",
            "metrics": "",
            "pid_file": f"{root}/milter.pid",
        },
    }
    lines = [
        f"[{name}]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in table.items()) for name, table in tables.items()
    ]
    config = root / "sekisho.toml"
    config.write_text("\n".join(lines))
    return config


def _compile(index: Path, count: int) -> None:
    table = settings.load(None).of(InspectionSettings)
    made = (Indicator(id=name, source="bench", pattern=pattern) for name, pattern in indicators.patterns(count))
    start = time.perf_counter()
    with private_workers(table, 1) as client:
        compile_snapshot([*read_packs(("npa-2012h1", "examples")), *made], index, client.compile_yara, 1)
    print(f"index of {count:,} indicators: compiled in {time.perf_counter() - start:.1f} s", file=sys.stderr)


@contextmanager
def _service(name: str, config: Path, ready: Path) -> Iterator[int]:
    command = [sys.executable, "-c", "from sekisho_core.cli import main; main()", name, "run", "--config", str(config)]
    with config.with_name(f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start: {config.with_name(f'{name}.log').read_text()}")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(_READY_SECONDS)
