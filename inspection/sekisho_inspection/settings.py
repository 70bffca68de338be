"""The `[inspection]` table: the service's socket, its workers and the limits of reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec
from sekisho_core.addresses import closeness, require_entries
from sekisho_core.passwords import LONGEST
from sekisho_core.settings import require

_MOST_LISTED = 16


class PartnerPasswords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"senders": "from"}):
    """Passwords agreed with some senders: addresses, "@domain", "@.domain" for all domains below it."""

    senders: tuple[str, ...]
    passwords: tuple[str, ...]

    def __post_init__(self) -> None:
        require_entries(self.senders, "from")
        require(bool(self.passwords), "passwords", "at least one")
        _require_usable(self.passwords, "passwords")


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
    passwords: tuple[str, ...]
    partner_passwords: tuple[PartnerPasswords, ...]
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
        _require_usable(self.passwords, "passwords")

    def passwords_for(self, senders: Iterable[str]) -> Iterator[str]:
        """The listed passwords for mail of these senders: at most sixteen of partners, then the organisation's."""
        named = list(senders)
        of_partners = (
            word
            for partner in self.partner_passwords
            if any(closeness(entry, sender) for entry in partner.senders for sender in named)
            for word in partner.passwords
        )
        yield from islice(of_partners, _MOST_LISTED)
        yield from self.passwords

    def without_secrets(self) -> InspectionSettings:
        """These settings for a process that reads mail: it is handed the passwords for each mail that needs some."""
        return msgspec.structs.replace(self, passwords=(), partner_passwords=())


_COUNTS = (
    "recycle", "poison_after", "slow_workers", "queue_length", "max_mail_bytes", "max_parts", "max_depth",
    "max_header_bytes", "max_unpacked_bytes", "max_ratio", "max_passwords", "max_text_bytes",
)  # fmt: skip


def _require_usable(passwords: tuple[str, ...], key: str) -> None:
    require(len(passwords) <= _MOST_LISTED, key, f"at most {_MOST_LISTED}")
    require(all(0 < len(word) <= LONGEST for word in passwords), key, f"texts of 1 to {LONGEST} characters")
