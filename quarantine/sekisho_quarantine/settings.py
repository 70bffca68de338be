"""The `[quarantine]` table: where bodies are kept, for how long, where released mail goes, and what waits."""

from __future__ import annotations

import msgspec
from sekisho_core.settings import require


class QuarantineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times of release are seconds, of passwords minutes, of retention days; sizes are bytes."""

    bodies: str
    keep_days: int
    keep_bytes: int
    keep_record_days: int
    journal: str
    journal_days: int
    journal_bytes: int
    breaker_window: int
    breaker_share: float
    breaker_mails: int
    breaker_senders: int
    release_host: str
    release_port: int
    release_timeout: float
    postfix_config: str
    wait_limit: int
    password_minutes: int
    password_mails: int
    seal_file: str

    def __post_init__(self) -> None:
        require(self.keep_days >= 1, "keep_days", "1 or more")
        require(self.keep_bytes >= 0, "keep_bytes", "0 (no limit) or more")
        require(self.keep_record_days >= self.keep_days, "keep_record_days", "at least keep_days")
        require(self.journal == "" or self.journal.startswith("/"), "journal", 'an absolute path or ""')
        require(self.journal_days >= 1, "journal_days", "1 or more")
        require(self.journal_bytes >= 0, "journal_bytes", "0 (no limit) or more")
        require(1 <= self.breaker_window <= 1440, "breaker_window", "1 to 1440 minutes")
        require(0 < self.breaker_share <= 1, "breaker_share", "more than 0, at most 1")
        require(self.breaker_mails >= 0, "breaker_mails", "0 (no breaker) or more")
        require(self.breaker_senders >= 1, "breaker_senders", "1 or more")
        require(0 < self.release_port < 65536, "release_port", "between 1 and 65535")
        require(self.release_timeout > 0, "release_timeout", "more than 0 seconds")
        for key in ("wait_limit", "password_minutes", "password_mails"):
            require(getattr(self, key) >= 0, key, "0 or more")
        require(self.seal_file == "" or self.seal_file.startswith("/"), "seal_file", 'an absolute path or ""')
