"""The `[feeds]` table: where feeds leave their state, what a pull may cost, and when the guard objects."""

from __future__ import annotations

import re

import msgspec
from sekisho_core.settings import require

_ADDRESS = re.compile(r".+:[0-9]{1,5}")


class MemberSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of `members`: a name, the hash of its secret, and the strictest TLP that it may see."""

    name: str
    secret: str
    tlp: str = "green"


class FeedsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[feeds]`."""

    directory: str
    identity: str
    timeout: float
    max_bytes: int
    max_objects: int
    observe_days: float
    most_removed: float
    backtest_days: int
    backtest_share: float
    backtest_senders: int
    backtest_mails: int
    stale_hours: float
    lifetime_days: dict[str, int]
    warninglists: tuple[str, ...]
    publish_by_two: bool
    listen: str
    url: str
    certificate: str
    certificate_key: str
    members: tuple[MemberSettings, ...]

    def __post_init__(self) -> None:
        require(self.directory.startswith("/"), "directory", "an absolute path")
        require(self.timeout > 0, "timeout", "more than 0")
        require(self.max_bytes > 0, "max_bytes", "more than 0")
        require(bool(_ADDRESS.fullmatch(self.listen)), "listen", "host:port")
        require(self.max_objects > 0, "max_objects", "more than 0")
        require(0 <= self.most_removed <= 1, "most_removed", "a share between 0 and 1")
        require(0 < self.backtest_share <= 1, "backtest_share", "a share above 0 and at most 1")
        require(self.backtest_days >= 0, "backtest_days", "0 or more")
        require(all(days >= 0 for days in self.lifetime_days.values()), "lifetime_days", "days, 0 for no end")
