"""The `[inspection]` table: the service's socket, its workers and the limits of reading."""

from __future__ import annotations

import msgspec
from sekisho_core.settings import require


class InspectionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times are seconds, sizes bytes; `defaults.toml` says what each key means."""

    socket: str
    workers: int
    deadline: float
    recycle: int
    poison_after: int
    slow_after: float
    slow_workers: int
    memory: int
    queue_wait: float
    queue_length: int
    max_mail_bytes: int
    max_parts: int
    max_depth: int
    max_header_bytes: int
    max_unpacked_bytes: int
    max_ratio: int
    max_passwords: int
    yara_timeout: float
    max_text_bytes: int
    cache_bytes: int

    def __post_init__(self) -> None:
        require(self.workers >= 0, "workers", "0 (one a processor) or more")
        require(self.memory >= 1 << 28, "memory", "at least 268435456 (256 MiB)")
        require(self.cache_bytes >= 0, "cache_bytes", "0 (no cache) or more")
        for key in ("deadline", "queue_wait", "yara_timeout", "slow_after"):
            require(getattr(self, key) > 0, key, "more than 0 seconds")
        for key in _COUNTS:
            require(getattr(self, key) >= 1, key, "1 or more")


_COUNTS = (
    "recycle", "poison_after", "slow_workers", "queue_length", "max_mail_bytes", "max_parts", "max_depth",
    "max_header_bytes", "max_unpacked_bytes", "max_ratio", "max_passwords", "max_text_bytes",
)  # fmt: skip
