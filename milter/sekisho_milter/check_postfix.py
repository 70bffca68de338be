"""What in a Postfix configuration would let mail pass unscanned, listener by listener."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sekisho_milter.check_entrances import check_entrances
from sekisho_milter.doctor import Check, DoctorError, Level, Needs, is_loopback, judged, numeric, seconds
from sekisho_milter.endpoint import our_entry, postfix_endpoint
from sekisho_milter.postconf import MilterEntry, PostfixConfiguration, Service

_SAFE_ACTIONS = ("tempfail", "reject", "shutdown")
# The fastest command round trip that a loaded filter process is promised.
_COMMAND_SECONDS = 10.0


def check_postfix(postfix: PostfixConfiguration, needs: Needs) -> list[Check]:
    """Every check of the configuration, service by service; the keys name the service where it overrides main.cf.

    Raises DoctorError for a value that Postfix itself could not use, or a table that cannot be read.
    """
    entrances = [service for service in postfix.smtpd() if not _is_reinjection(service, needs)]
    found = [judged(bool(entrances), "smtpd", "master.cf", f"{len(entrances)} smtpd services", "add one", Level.WARN)]
    for service in entrances:
        found += _check_service(postfix, service, needs)
    return [*found, *_check_reinjection(postfix, needs), _check_size(postfix, needs), *check_entrances(postfix, needs)]


def _check_service(postfix: PostfixConfiguration, service: Service, needs: Needs) -> list[Check]:
    ours = our_entry(postfix, postfix.value(service, "smtpd_milters"), needs, service.chroot)
    found = [_check_present(postfix, service, ours, needs), *_check_bypasses(postfix, service)]
    return found + (list(_check_entry(postfix, service, ours, needs)) if ours else [])


def _check_present(postfix: PostfixConfiguration, service: Service, ours: MilterEntry | None, needs: Needs) -> Check:
    key, value = _named(service, "smtpd_milters"), postfix.value(service, "smtpd_milters")
    wanted = postfix_endpoint(postfix, needs)
    if ours is None and service.chroot and our_entry(postfix, value, needs, jailed=False):
        remedy = f"smtpd is chrooted: write the path relative to the queue directory, {wanted}"
        return Check("milter-outside-chroot", Level.REFUSE, key, value, remedy)
    inner = _is_inner(postfix, service)
    why = ", unless only mail that was scanned before comes in here" if inner else ""
    return judged(ours is not None, "milter-missing", key, value, f"add {wanted}{why}", _by_reach(inner))


def _check_bypasses(postfix: PostfixConfiguration, service: Service) -> Iterator[Check]:
    options = postfix.value(service, "receive_override_options")
    key, inner = _named(service, "receive_override_options"), _is_inner(postfix, service)
    remedy = "remove no_milters: only listeners of mail that was scanned before may have it"
    yield judged("no_milters" not in options.replace(",", " ").split(), "no-milters", key, options, remedy,
                 _by_reach(inner))  # fmt: skip
    proxy = postfix.value(service, "smtpd_proxy_filter")
    remedy = "remove it: behind a proxy filter the milter gets no content; use content_filter"
    yield judged(not proxy, "proxy-filter", _named(service, "smtpd_proxy_filter"), proxy, remedy)
    yield _check_maps(_named(service, "smtpd_milter_maps"), postfix.value(service, "smtpd_milter_maps"))


def _is_inner(postfix: PostfixConfiguration, service: Service) -> bool:
    """Whether only programs of this machine reach the listener, and none that speaks for remote clients: a content
    filter gives its mail back there."""
    proxied = postfix.value(service, "smtpd_upstream_proxy_protocol")
    return service.type == "inet" and _is_closed(postfix, service) and not proxied


def _by_reach(inner: bool) -> Level:
    return Level.WARN if inner else Level.REFUSE


def _is_closed(postfix: PostfixConfiguration, service: Service) -> bool:
    if service.host:
        return is_loopback(service.host)
    names = postfix.main.get("inet_interfaces", "").replace(",", " ").split()
    return bool(names) and all(name == "loopback-only" or is_loopback(name) for name in names)


def _check_maps(key: str, value: str) -> Check:
    if "DISABLE" in value.upper() or any("DISABLE" in text.upper() for text in _table_texts(key, value)):
        return Check("milter-maps", Level.REFUSE, key, value, "remove DISABLE: those clients' mail is not scanned")
    remedy = "see that no client in the table gets a milter list without sekisho"
    return judged(not value, "milter-maps", key, value, remedy, Level.WARN)


def _table_texts(key: str, value: str) -> Iterator[str]:
    for word in value.replace(",", " ").split():
        file = Path(word.partition(":")[2])
        try:
            if file.is_absolute() and file.is_file():
                yield file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise DoctorError(f"{key}: {file}: {os.strerror(error.errno or 0)}") from error


def _check_entry(postfix: PostfixConfiguration, service: Service, ours: MilterEntry, needs: Needs) -> Iterator[Check]:
    def setting(name: str) -> tuple[str, str]:
        if name in ours.options:
            return _named(service, f"smtpd_milters {name}"), ours.options[name]
        return _named(service, f"milter_{name}"), postfix.value(service, f"milter_{name}")

    key, action = setting("default_action")
    bad = Level.WARN if action == "quarantine" else Level.REFUSE
    yield judged(action in _SAFE_ACTIONS, "default-action", key, action, "set it to tempfail", bad)
    key, value = setting("content_timeout")
    good = seconds(key, value) >= needs.content_limit
    yield judged(good, "content-timeout", key, value, f"at least our content_limit, {needs.content_limit:.0f}s")
    for name in ("command_timeout", "connect_timeout"):
        key, value = setting(name)
        good = seconds(key, value) >= _COMMAND_SECONDS
        yield judged(good, name.replace("_", "-"), key, value, f"at least {_COMMAND_SECONDS:.0f}s", Level.WARN)
    key, protocol = setting("protocol")
    yield judged(protocol == "6", "milter-protocol", key, protocol, "set it to 6")


def _check_reinjection(postfix: PostfixConfiguration, needs: Needs) -> list[Check]:
    listeners = [service for service in postfix.smtpd() if _is_reinjection(service, needs)]
    place = f"{needs.release_host}:{needs.release_port}"
    if not listeners:
        remedy = "add it (sekisho setup postfix): released mail has no way back without it"
        return [Check("reinjection-missing", Level.WARN, "master.cf", place, remedy)]
    return [check for service in listeners for check in _check_reinjector(postfix, service, needs)]


def _check_reinjector(postfix: PostfixConfiguration, service: Service, needs: Needs) -> Iterator[Check]:
    asked_for = bool(service.host) and numeric(service.host) == numeric(needs.release_host)
    remedy = f"name the address, 127.0.0.1:{needs.release_port}: whoever reaches it could send past the milter"
    yield judged(_is_closed(postfix, service), "reinjection-open", service.place, service.name, remedy,
                 _by_reach(asked_for))  # fmt: skip
    milters = postfix.value(service, "smtpd_milters")
    remedy = "add -o smtpd_milters= to it: released mail would be stopped again"
    yield judged(not milters, "reinjection-milter", _named(service, "smtpd_milters"), milters, remedy, Level.WARN)


def _check_size(postfix: PostfixConfiguration, needs: Needs) -> Check:
    value = postfix.main.get("message_size_limit", "0")
    if not value.isdecimal():
        raise DoctorError(f"message_size_limit: {value!r} is not a number of bytes")
    good = 0 < int(value) <= needs.max_mail_bytes
    remedy = f"at most our inspection.max_mail_bytes, {needs.max_mail_bytes}: larger mail is never fully read"
    return judged(good, "message-size-limit", "message_size_limit", value, remedy, Level.WARN)


def _is_reinjection(service: Service, needs: Needs) -> bool:
    port = service.port
    with suppress(OSError):
        # A service may be named as in services(5).
        port = str(socket.getservbyname(port))
    return service.type == "inet" and port == str(needs.release_port)


def _named(service: Service, key: str) -> str:
    return f"{service.place}: {key}"
