"""The `[milter]` table: the socket, the processes, the limits of a session, and what the MTA is told."""

from __future__ import annotations

import ipaddress
import re

from sekisho_core.settings import OurHeaders, require

_SOCKET = re.compile(r"unix:/.+|inet6?:\d{1,5}@.+")
_TEXT = re.compile(r"[ -~]{1,400}")
_PREFIX = re.compile(r"X-[A-Za-z][A-Za-z0-9-]{1,30}")


class MilterSettings(OurHeaders, frozen=True, forbid_unknown_fields=True):
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
    reject_text: str
    tempfail_text: str
    own_networks: tuple[str, ...]
    metrics: str
    pid_file: str

    def __post_init__(self) -> None:
        require(_is_socket(self.socket), "socket", "unix:/path (at most 107 bytes) or inet:port@host (1 to 65535)")
        require(bool(re.fullmatch(r"0?[0-7]{3}", self.socket_mode)), "socket_mode", 'an octal mode such as "0660"')
        require(bool(_PREFIX.fullmatch(self.header_prefix)), "header_prefix", 'a header name that begins with "X-"')
        require(self.processes >= 0, "processes", "0 (one a processor) or more")
        require(self.recycle >= 1, "recycle", "1 or more")
        require(0 < self.progress < self.content_limit, "progress", "more than 0 and less than content_limit")
        require(self.drain >= 0, "drain", "0 or more")
        require(self.spool_memory >= 0, "spool_memory", "0 or more")
        require(self.timeout > self.content_limit, "timeout", "more than content_limit")
        host, _, port = self.metrics.rpartition(":")
        require(self.metrics == "" or (bool(host) and _is_port(port)), "metrics", '"host:port" or ""')
        for key in ("reject_text", "tempfail_text"):
            require(bool(_TEXT.fullmatch(getattr(self, key))), key, "one line of ASCII without control characters")
        for network in self.own_networks:
            require(_is_network(network), "own_networks", f"networks in CIDR form, and {network} is none")


def _is_socket(text: str) -> bool:
    kind, _, place = text.partition(":")
    # unix(7): sun_path holds 108 bytes with the one that ends it.
    fits = len(place.encode()) <= 107 if kind == "unix" else _is_port(place.partition("@")[0])
    return bool(_SOCKET.fullmatch(text)) and fits


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) < 65536


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
