"""The `sekisho milter` commands: run the filter, reload it, and ask how it is.

What loads libmilter or a whole gateway is imported by the command that needs it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import click
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.settings import load

from sekisho_milter import pidfile
from sekisho_milter.settings import MilterSettings


@click.group()
def milter() -> None:
    """The filter beside the MTA."""


@milter.command("run")
@config_option
def run_command(config: Path | None) -> None:
    """Run the milter in the foreground until SIGTERM or Ctrl-C; SIGHUP reloads the settings."""
    from sekisho_milter.main import run

    sys.exit(run(config))


@milter.command("reload")
@config_option
def reload_command(config: Path | None) -> None:
    """Let the running milter read its settings again, without losing a connection.

    Settings that cannot be used are named in the milter's log, and the old ones stay in force.
    """
    settings = load(config).of(MilterSettings)
    os.kill(pidfile.running(Path(settings.pid_file)).pid, signal.SIGHUP)


@milter.command("health")
@config_option
@json_option
@click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds to wait for the answer.")
def health_command(config: Path | None, as_json: bool, timeout: float) -> None:
    """Send a synthetic mail through the scan; it leaves no record.

    Exit status: 0 it was scanned and accepted, 1 it was answered otherwise, 2 no answer.
    """
    from sekisho_milter.probe import probe

    settings = load(config).of(MilterSettings)
    found = pidfile.running(Path(settings.pid_file))
    start = time.monotonic()
    reply = probe(settings.socket, found.probe, timeout)
    report = {
        "healthy": reply.name == "accept",
        "reply": reply.name,
        "elapsed_ms": round((time.monotonic() - start) * 1000, 1),
        "pid": found.pid,
    }
    click.echo(json.dumps(report) if as_json else " ".join(f"{key}={value}" for key, value in report.items()))
    sys.exit(0 if report["healthy"] else 1)


@milter.command("status")
@config_option
@json_option
def status_command(config: Path | None, as_json: bool) -> None:
    """Whether the milter runs, and where. Exit status: 0 it runs, 2 it does not."""
    settings = load(config).of(MilterSettings)
    found = pidfile.running(Path(settings.pid_file))
    report = {"pid": found.pid, "socket": settings.socket, "metrics": settings.metrics}
    click.echo(json.dumps(report) if as_json else " ".join(f"{key}={value}" for key, value in report.items()))


@milter.command("trial")
@click.option("--once", is_flag=True, help="End when every sample has its fate.")
@click.option("--directory", type=click.Path(path_type=Path), help="Keep everything in this new directory.")
def trial_command(once: bool, directory: Path | None) -> None:
    """Start a whole gateway on loopback, send sample mails through it and tell what became of each.

    It has a Postfix, settings, quarantine and index of its own and leaves nothing running. Exit status: 0 every sample
    met its fate, 1 some did not, 2 a part did not start.
    """
    from sekisho_milter.trial import run

    sys.exit(run(once, directory))
