"""The `sekisho inspection` commands.

What loads the readers is imported by the command that needs them.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from sekisho_core.cli_options import config_option, json_option
from sekisho_core.events import operator_events
from sekisho_core.settings import Log, load

from sekisho_inspection.client import READER, InspectionClient
from sekisho_inspection.errors import InspectionError
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.wire import Status

if TYPE_CHECKING:
    from sekisho_inspection.service import Supervisor


@click.group()
def inspection() -> None:
    """The sandboxed workers that read mail."""


@inspection.command()
@config_option
def run(config: Path | None) -> None:
    """Serve on the socket of the settings until SIGTERM; mail that was taken is finished first."""
    from sekisho_inspection import service

    settings = load(config)
    table = settings.of(InspectionSettings)
    listener = service.listen(_path(table))
    service.serve(table, listener, READER, operator_events(settings.of(Log).level), _under_systemd)


@inspection.command()
@config_option
@json_option
def status(config: Path | None, as_json: bool) -> None:
    """Show the workers, the queue, the outcomes and the sandbox of the running service.

    Exit status 1 when no worker is ready.
    """
    table = load(config).of(InspectionSettings)
    found = InspectionClient(_path(table), table).status()
    click.echo(msgspec.json.encode(found).decode() if as_json else _shown(found))
    raise SystemExit(0 if found.idle + found.busy else 1)


def _path(table: InspectionSettings) -> str:
    if not table.socket:
        raise InspectionError("inspection.socket: is empty, so there is no service; set a path")
    return table.socket


def _shown(found: Status) -> str:
    outcomes = ", ".join(f"{name} {count}" for name, count in sorted(found.outcomes.items())) or "none yet"
    return "\n".join([
        f"workers   {found.workers} ({found.idle} idle, {found.busy} busy, {found.slow} set aside as slow)",
        f"waiting   {found.waiting}",
        f"lost      {found.lost} workers in the middle of a mail",
        f"outcomes  {outcomes}",
        f"sandbox   {', '.join(found.active)}",
        *(f"missing   {name}: {reason}" for name, reason in found.missing),
    ])  # fmt: skip


def _under_systemd(supervisor: Supervisor) -> Callable[[], None]:
    """Ready, and every sign of life after it, only once a worker has read a mail of our own (sd_notify(3))."""
    interval = int(os.environ.get("WATCHDOG_USEC", "60000000")) / 3e6
    due = 0.0

    def alive() -> None:
        _notify("READY=1\nWATCHDOG=1")

    def each_turn() -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + interval
            supervisor.try_synthetic(alive)

    return each_turn


def _notify(message: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        # A leading @ stands for the abstract namespace.
        manager.sendto(message.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)
