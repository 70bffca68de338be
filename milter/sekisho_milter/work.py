"""What the parent hands to the processes that it forks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sekisho_core.events import Events

from sekisho_milter.wiring import OpenTools


@dataclass(frozen=True)
class Work:
    """How a filter process opens its tools, where it logs, the directory of its counters, the HELO name by which it
    knows a health probe, and a secret that only this milter's processes know."""

    open_tools: OpenTools
    events: Events
    metrics: Path
    probe: str
    secret: bytes = field(repr=False)
