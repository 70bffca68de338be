"""The `[milter]` table: the socket, the processes, the limits of a session, and what the MTA is told."""

from __future__ import annotations

import ipaddress
import re

import msgspec
from sekisho_core.settings import require

_SOCKET = re.compile(r"unix:/.+|inet6?:\d{1,5}@.+")
_PREFIX = re.compile(r"X-[A-Za-z][A-Za-z0-9-]{1,30}")


class MilterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times are seconds, sizes bytes; `defaults.toml` says what each key means."""

    socket: str
    socket_mode: str
    socket_group: str
    processes: int
    recycle: int
    drain: float
    spool: str
    spool_memory: int
    progress: float
    content_limit: float
    timeout: int
    header_prefix: str
    reject_text: str
    tempfail_text: str
    own_networks: tuple[str, ...]
    metrics: str
    pid_file: str

    def __post_init__(self) -> None:
        require(bool(_SOCKET.fullmatch(self.socket)), "socket", "unix:/path or inet:port@host")
        require(bool(re.fullmatch(r"0?[0-7]{3}", self.socket_mode)), "socket_mode", 'an octal mode such as "0660"')
        require(bool(_PREFIX.fullmatch(self.header_prefix)), "header_prefix", 'a header name that begins with "X-"')
        require(self.processes >= 0, "processes", "0 (one a processor) or more")
        require(self.recycle >= 1, "recycle", "1 or more")
        require(0 < self.progress < self.content_limit, "progress", "more than 0 and less than content_limit")
        require(self.metrics == "" or self.metrics.rpartition(":")[2].isdecimal(), "metrics", '"host:port" or ""')
        for network in self.own_networks:
            require(_is_network(network), "own_networks", f"networks in CIDR form, and {network} is none")


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
