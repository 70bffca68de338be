"""Our endpoint in Postfix's words, and where the endpoints of a milter list lead."""

from __future__ import annotations

from pathlib import Path

from sekisho_milter.doctor import Needs, bracketed, inet_address, numeric, unix_path
from sekisho_milter.postconf import MilterEntry, PostfixConfiguration, milter_list


def postfix_endpoint(postfix: PostfixConfiguration, needs: Needs) -> str:
    """Our socket in Postfix's words; a Unix socket relative to the queue directory where it lies within."""
    address = inet_address(needs.socket)
    if address:
        return f"inet:{bracketed(address[0])}:{address[1]}"
    path = unix_path(needs.socket)
    queue = Path(postfix.main["queue_directory"])
    return f"unix:{path.relative_to(queue) if path and path.is_relative_to(queue) else path}"


def our_entry(postfix: PostfixConfiguration, milters: str, needs: Needs, jailed: bool) -> MilterEntry | None:
    """Our member of a milter list as a process meets it that is `jailed` in the queue directory or not."""
    entries = milter_list(milters)
    return next((one for one in entries if _place(postfix, one.endpoint, jailed) == _wanted(needs)), None)


def with_ours(postfix: PostfixConfiguration, key: str, needs: Needs) -> str:
    """The milter list `key` of main.cf, as it is written there, with our endpoint: as it is if it leads to us already,
    else with ours in front."""
    written = postfix.written.get(key, "")
    if our_entry(postfix, postfix.main.get(key, ""), needs, jailed=False):
        return written
    return f"{postfix_endpoint(postfix, needs)}, {written}" if written else postfix_endpoint(postfix, needs)


def _wanted(needs: Needs) -> str:
    address = inet_address(needs.socket)
    return f"{address[0]}:{address[1]}" if address else str(unix_path(needs.socket))


def _place(postfix: PostfixConfiguration, endpoint: str, jailed: bool) -> str:
    """Where an endpoint leads: host:port, or the path as seen from outside a chroot (the queue directory)."""
    kind, _, rest = endpoint.partition(":")
    if kind != "unix":
        host, _, port = rest.rpartition(":")
        return f"{numeric(host)}:{port}"
    queue = postfix.main["queue_directory"]
    return f"{queue}{rest}" if jailed and rest.startswith("/") else str(Path(queue) / rest)
