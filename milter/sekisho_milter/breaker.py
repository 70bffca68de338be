"""The breaker's process beside the filter processes: forked by the parent, and at work until it is told to leave."""

from __future__ import annotations

import os
import select
import signal

from sekisho_core.settings import Settings
from sekisho_quarantine.breaker import Breaker

from sekisho_milter.wiring import open_breaker
from sekisho_milter.work import Work

_PAUSE = 10.0


def guard(work: Work, settings: Settings, orders: int) -> None:
    """The whole life of the breaker, until `orders` ends; where it is switched off it only waits for that."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.setsid()
    breaker: Breaker | None = open_breaker(settings, work.events)
    while not select.select([orders], [], [], _PAUSE if breaker else None)[0]:
        if breaker:
            breaker.turn()
