"""Coverage-guided fuzzing of every target for a given time; run by `make fuzz` and, for a minute, by `make test`.

Targets run beside each other, as many as there are processors. Corpora grow in `--directory` from run to run; a
crasher is left there too. Exit status 1 when a target failed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["sekisho_core", "sekisho_inspection", "sekisho_rules", "pdfminer", "olefile", "pcodedmp"]
):
    from seeds import seeds
    from targets import CRASHERS, TARGETS

# Seconds that one input may take, and that a target may take beyond its time before it is killed.
_INPUT_LIMIT = 20
_GRACE = 180.0
_MEMORY_MB = 3000
_FAULTS = ("crash-", "timeout-", "oom-", "leak-")
_TAIL = 3000


def main() -> None:
    """Fuzz, and say what was found."""
    options = _options()
    waiting = options.targets or list(TARGETS)
    jobs = len(os.sched_getaffinity(0))
    seconds = max(1, options.seconds * jobs // len(waiting))
    print(f"{len(waiting)} targets, {seconds} s each, {jobs} at a time", flush=True)
    running: list[_Run] = []
    failed = False
    while waiting or running:
        while waiting and len(running) < jobs:
            running.append(_Run(waiting.pop(0), seconds, options.directory, options.seeds))
        time.sleep(0.1)
        ended = [run for run in running if run.has_ended()]
        running = [run for run in running if run not in ended]
        for run in ended:
            failed |= not run.report()
    sys.exit(1 if failed else 0)


class _Run:
    """One target in a child of its own: a fork, because instrumenting the imports takes seconds."""

    def __init__(self, name: str, seconds: int, directory: Path, most_seeds: int) -> None:
        self._name = name
        self._home = directory / name
        self._known = self._prepared(most_seeds)
        self._deadline = time.monotonic() + seconds + _GRACE
        self._status: int | None = None
        self._child = os.fork()
        if self._child == 0:
            self._fuzz(seconds)

    def _prepared(self, most_seeds: int) -> set[Path]:
        """Seeds in place, and what crashers there are of earlier runs."""
        corpus = self._home / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        found = list(seeds(self._name))
        # All seeds are tried before the time counts, and some targets take a whole mail's time for each.
        for seed in found[:: len(found) // most_seeds + 1]:
            (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
        return set(self._home.iterdir())

    def _fuzz(self, seconds: int) -> None:
        log = os.open(self._home / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        bounds = [f"-max_total_time={seconds}", f"-timeout={_INPUT_LIMIT}", f"-rss_limit_mb={_MEMORY_MB}"]
        atheris.Setup(
            ["fuzz", *bounds, f"-artifact_prefix={self._home}/", str(self._home / "corpus")], TARGETS[self._name]
        )
        # Does not return. A crasher is written on the way out of the interpreter.
        atheris.Fuzz()

    def has_ended(self) -> bool:
        """Whether the child is gone; one that is over its time is killed."""
        if time.monotonic() > self._deadline:
            os.kill(self._child, signal.SIGKILL)
        pid, status = os.waitpid(self._child, os.WNOHANG)
        if pid:
            self._status = os.waitstatus_to_exitcode(status)
        return bool(pid)

    def report(self) -> bool:
        """Print what became of the target; whether it came through its time."""
        log = (self._home / "log").read_text(errors="replace")
        found = [path for path in sorted(set(self._home.iterdir()) - self._known) if path.name.startswith(_FAULTS)]
        if self._status == 0 and not found:
            done = [line for line in log.splitlines() if line.startswith("Done")]
            print(f"{self._name}: {done[-1] if done else 'ended'}", flush=True)
            return True
        kept = CRASHERS / self._name
        print(f"{self._name}: FAILED (status {self._status})\n{log[-_TAIL:]}", flush=True)
        for path in found:
            print(f"keep it: mkdir -p {kept} && cp {path} {kept}/", flush=True)
        return False


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together")
    parser.add_argument("--directory", type=Path, default=Path(".run/fuzz"))
    parser.add_argument("--seeds", type=int, default=10_000, help="at most so many of a target, spread over all")
    parser.add_argument("--fresh", action="store_true", help="begin with the seeds alone, as a short run must")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all ({', '.join(TARGETS)})")
    options = parser.parse_args()
    if options.fresh:
        shutil.rmtree(options.directory, ignore_errors=True)
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
