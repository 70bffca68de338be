"""The sentry: a process beside the filter processes that serves metrics and asks the milter, by a mail, how it is.

It writes a byte to the parent for each sign of life that its mail gets; the parent feeds the watchdog from that, so
that a frozen filter, a frozen parent and a frozen sentry all end in a restart.
"""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, start_http_server
from sekisho_core.events import Events
from sekisho_core.settings import Settings
from sekisho_rules.settings import RulesSettings

from sekisho_milter.metrics import sum_of_slots
from sekisho_milter.probe import ProbeError, probe
from sekisho_milter.settings import MilterSettings
from sekisho_milter.work import Work

_USUAL_INTERVAL = 30.0
_LONGEST_ANSWER = 20.0


def watch(work: Work, settings: Settings, orders: int, beats: int, watchdog: float | None) -> None:
    """The whole life of the sentry, until `orders` ends. `watchdog` is the service manager's interval in seconds."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.setsid()
    milter = settings.of(MilterSettings)
    registry = sum_of_slots(work.metrics, Path(settings.of(RulesSettings).index))
    healthy = Gauge("sekisho_healthy", "Whether the last synthetic mail was scanned.", registry=registry)
    _serve_metrics(milter.metrics, registry, work.events)
    interval = min(_USUAL_INTERVAL, watchdog / 3) if watchdog else _USUAL_INTERVAL
    # The first answer comes with the first interval: at the start the filter processes have enough to do.
    while not select.select([orders], [], [], interval)[0]:
        healthy.set(_ask(milter, work, beats, min(_LONGEST_ANSWER, interval)))


def _ask(milter: MilterSettings, work: Work, beats: int, timeout: float) -> bool:
    def beat() -> None:
        os.write(beats, b".")

    try:
        # Where mails queue up the probe waits among them: a progress packet shows that nothing is frozen, and a restart
        # would only make all of them come again.
        reply = probe(milter.socket, work.probe, timeout, beat)
    except ProbeError as error:
        work.events.error("probe-unanswered", reason=error)
        return False
    beat()
    if reply.name != "accept":
        work.events.warning("probe-not-accepted", reply=reply.name)
    return reply.name == "accept"


def _serve_metrics(address: str, registry: CollectorRegistry, events: Events) -> None:
    if not address:
        return
    host, _, port = address.rpartition(":")
    try:
        start_http_server(int(port), host, registry)
    except OSError as error:
        events.error("metrics-not-served", address=address, reason=error.strerror or error)
