"""The keeper's process beside the filter processes: forked by the parent, and at work until it is told to leave."""

from __future__ import annotations

import os
import select
import signal

from sekisho_core.settings import Settings
from sekisho_quarantine.keeper import BUSY, Keeper

from sekisho_milter.metrics import slot_metrics
from sekisho_milter.wiring import open_holdings
from sekisho_milter.work import Work


def keep(work: Work, settings: Settings, orders: int) -> None:
    """The whole life of the keeper, until `orders` ends; what it has begun is finished first."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.setsid()
    counts = slot_metrics(work.metrics, "keeper")
    keeper = Keeper(open_holdings(settings, work.secret, work.events), work.events, counts)
    pause = BUSY
    while not select.select([orders], [], [], pause)[0]:
        pause = keeper.turn()
