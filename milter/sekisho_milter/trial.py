"""The trial: a gateway on loopback, the sample mails through it, and a table of what became of each."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import smtplib
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from sekisho_core.display import column, visible

from sekisho_milter.gateway import Gateway
from sekisho_milter.postfix import require_postfix
from sekisho_milter.samples import Sample, samples

_FATE_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """What became of a sample, why, and where it is now: a Maildir file or a passage id."""

    sample: Sample
    fate: str
    why: str
    place: str

    @property
    def as_expected(self) -> bool:
        return self.fate == self.sample.expected


def run(once: bool, directory: Path | None) -> int:
    """The whole trial; the status 0 if every sample met its fate, else 1. Unless `once`, it waits for Ctrl-C."""
    require_postfix()
    # A polite end is Ctrl-C by another name: every context below cleans up. A shell that starts us in the background
    # has Ctrl-C's signal ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with _run_directory(directory) as root, Gateway(root) as gateway:
        _say(f"Gateway on loopback: SMTP on 127.0.0.1:{gateway.postfix.smtp_port}, files under {root}")
        outcomes = [_outcome(gateway, sample) for sample in _sent(gateway)]
        print_table(outcomes)
        if not once:
            _print_commands(gateway, outcomes)
            _wait_for_interrupt()
    return 0 if all(outcome.as_expected for outcome in outcomes) else 1


def print_table(outcomes: list[Outcome]) -> None:
    """One line a sample; a line whose fate is not the expected one begins with an exclamation mark."""
    _say(f"\n  {column('sample', 26)} {column('expected', 12)} {column('became', 12)} why")
    for outcome in outcomes:
        mark = " " if outcome.as_expected else "!"
        fates = f"{column(outcome.sample.expected, 12)} {column(outcome.fate, 12)}"
        _say(f"{mark} {column(outcome.sample.name, 26)} {fates} {visible(outcome.why, 100)}")
    good = sum(outcome.as_expected for outcome in outcomes)
    _say(f"\n{good} of {len(outcomes)} samples met the expected fate.")


def _sent(gateway: Gateway) -> list[Sample]:
    made = samples()
    with gateway.postfix.smtp() as client:
        for sample in made:
            # A refusal is an outcome like any other: the table shows it.
            try:
                client.sendmail(sample.sender, [sample.recipient], sample.content)
            except smtplib.SMTPResponseException as error:
                _say(f"{sample.name}: {error.smtp_code} {visible(str(error.smtp_error))}")
            except smtplib.SMTPRecipientsRefused as error:
                _say(f"{sample.name}: {visible(str(error.recipients))}")
    return made


def _outcome(gateway: Gateway, sample: Sample) -> Outcome:
    deadline = time.monotonic() + _FATE_SECONDS
    while time.monotonic() < deadline:
        if copies := gateway.postfix.delivered(sample.recipient):
            return Outcome(sample, "delivered", "nothing against it", str(copies[0]))
        if records := gateway.quarantined(sample.recipient):
            passage = str(records[0]["id"])
            return Outcome(sample, "quarantined", _reason(gateway, passage), passage)
        time.sleep(0.2)
    return Outcome(sample, "missing", "neither delivered nor quarantined", "")


def _reason(gateway: Gateway, passage: str) -> str:
    record: dict[str, Any] = json.loads(gateway.command("quarantine", "show", "--json", passage))
    reasons = [str(reason["explain"]) for reason in record.get("reasons", [])]
    gaps = [f"{gap['where']} {gap['reason']}" for gap in record.get("incomplete", [])]
    return "; ".join(reasons + gaps) or "no reason recorded"


def _print_commands(gateway: Gateway, outcomes: list[Outcome]) -> None:
    port, config, program = gateway.postfix.smtp_port, gateway.config, _program()
    kept = next((outcome.place for outcome in outcomes if outcome.fate == "quarantined"), None)
    delivered = next((outcome.place for outcome in outcomes if outcome.fate == "delivered"), None)
    _say("\nLook further, in another terminal:")
    _say(f"  {program} quarantine list --config {config}")
    if kept:
        _say(f"  {program} quarantine show --config {config} {kept}")
        _say(f"  {program} quarantine release --config {config} {kept} --reason 'judged harmless'")
        _say(f"  {program} quarantine audit --config {config}")
    if delivered:
        _say(f"  {program} scan --config {config} {delivered}")
    _say(f"  {program} check --config {config} --postfix-config {gateway.postfix.config_dir}")
    _say(f"  swaks --server 127.0.0.1:{port} --from you@example.com --to anybody@example.jp")
    _say("\nCtrl-C ends it all.")


def _program() -> str:
    """The command as it was called, where a shell would not find it by its name."""
    called = sys.argv[0]
    return shlex.quote(called) if Path(called).name == "sekisho" and shutil.which("sekisho") != called else "sekisho"


def _wait_for_interrupt() -> None:
    with suppress(KeyboardInterrupt):
        while True:
            signal.pause()
    _say("\nStopping.")


@contextmanager
def _run_directory(given: Path | None) -> Iterator[Path]:
    """A new directory that Postfix's user may traverse: kept if it was asked for, else removed at the end."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=False)
        given.chmod(0o755)
        yield given.resolve()
        return
    root = Path(tempfile.mkdtemp(prefix="sekisho-trial-"))
    root.chmod(0o755)
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _say(text: str) -> None:
    click.echo(text)
    sys.stdout.flush()
