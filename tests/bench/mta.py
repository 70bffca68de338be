"""One Postfix, several milters in turn: the rate, and the filter's CPU for each mail.

Prints a table to compare within: no milter, an empty pymilter, sekisho with a small and with a large index. Figures of
different runs or machines do not compare; the ratios of one run do.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cpu
import mails
from gateway import sekisho_milter
from load import send_all
from sekisho_milter.postfix import PrivatePostfix

KINDS = ("text", "html", "pdf", "zip")


@dataclass(frozen=True)
class Filter:
    """A milter under measure: its name, its socket ("" for none) and the processes whose CPU counts."""

    name: str
    socket: str
    pids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Figures:
    """Mails a second, and milliseconds of the filter's CPU for each mail."""

    rate: float
    cpu_ms: float


def main() -> None:
    """Measure and print."""
    options = _options()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sekisho-bench-")))
        directory.chmod(0o755)
        postfix = PrivatePostfix(directory / "postfix", main={"virtual_transport": "discard:"})
        postfix.prepare()
        filters = list(_filters(stack, directory, postfix, options))
        stack.enter_context(postfix)
        figures = _measure(postfix, filters, options)
        _print(filters, figures, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=400, help="mails of each kind in a round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; medians are printed")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--indicators", nargs="+", type=int, default=[10_000, 1_000_000])
    return parser.parse_args()


def _filters(
    stack: ExitStack, directory: Path, postfix: PrivatePostfix, options: argparse.Namespace
) -> Iterator[Filter]:
    yield Filter("no milter", "")
    empty = postfix.milter_socket.with_name("empty.sock")
    pid = stack.enter_context(
        _process([sys.executable, str(Path(__file__).with_name("empty_milter.py")), f"unix:{empty}"])
    )
    yield Filter("empty pymilter", str(empty), (pid,))
    for count in options.indicators:
        socket = postfix.milter_socket.with_name(f"sekisho-{count}.sock")
        pids = stack.enter_context(sekisho_milter(directory / str(count), socket, count))
        yield Filter(f"sekisho, {count:,} indicators", str(socket), pids)


@contextmanager
def _process(command: list[str]) -> Iterator[int]:
    process = subprocess.Popen(command)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _measure(
    postfix: PrivatePostfix, filters: list[Filter], options: argparse.Namespace
) -> dict[tuple[str, str], list[Figures]]:
    figures = defaultdict(list)
    for round_number in range(options.rounds):
        for kind in options.kinds:
            batch = mails.make(kind, options.mails, seed=round_number)
            for one in filters:
                figures[one.name, kind].append(_once(postfix, one, batch))
                print(f"round {round_number + 1}: {kind}, {one.name}", file=sys.stderr)
    return figures


def _once(postfix: PrivatePostfix, one: Filter, batch: list[bytes]) -> Figures:
    _use(postfix, one)
    send_all(postfix.smtp_port, batch[:20])
    before = cpu.seconds(one.pids)
    result = send_all(postfix.smtp_port, batch)
    spent = cpu.seconds(one.pids) - before
    if set(result.replies) != {"2"}:
        raise SystemExit(f"{one.name}: not every mail was accepted: {dict(result.replies)}")
    return Figures(result.rate, spent / len(batch) * 1000)


def _use(postfix: PrivatePostfix, one: Filter) -> None:
    setting = f"smtpd_milters={'unix:' + one.socket if one.socket else ''}"
    subprocess.run(["postconf", "-c", str(postfix.config_dir), "-e", setting], check=True)
    postfix.reload()
    # A listener that is still of the old configuration serves at most the warm-up.
    time.sleep(1)


def _print(filters: list[Filter], figures: dict[tuple[str, str], list[Figures]], options: argparse.Namespace) -> None:
    print("\nmails a second (ratio to no milter); filter CPU a mail")
    print(f"median of {options.rounds} rounds of {options.mails} mails of each kind, 8 SMTP connections\n")
    print(f"{'':32}" + "".join(f"{kind:>26}" for kind in options.kinds))
    for one in filters:
        print(f"{one.name:32}" + "".join(_cell(figures, filters[0], one, kind) for kind in options.kinds))
    for one in filters:
        if one.pids:
            print(f"memory (PSS) of {one.name}: {cpu.pss(one.pids) / 1e6:.0f} MB")


def _cell(figures: dict[tuple[str, str], list[Figures]], base: Filter, one: Filter, kind: str) -> str:
    rate = statistics.median(figure.rate for figure in figures[one.name, kind])
    of_base = rate / statistics.median(figure.rate for figure in figures[base.name, kind])
    spent = statistics.median(figure.cpu_ms for figure in figures[one.name, kind])
    return f"{f'{rate:.0f}/s ({of_base:.2f}) {spent:.2f} ms':>26}"


if __name__ == "__main__":
    main()
