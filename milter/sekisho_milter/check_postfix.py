"""What in a Postfix configuration would let mail pass unscanned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sekisho_milter.doctor import Check, Level, Needs, inet_address, judged, seconds, unix_path
from sekisho_milter.postconf import MilterEntry, PostfixConfiguration, Service, milter_list

_SAFE_ACTIONS = ("tempfail", "reject", "shutdown")
# The fastest command round trip that a loaded filter process is promised.
_COMMAND_SECONDS = 10.0
_LOOPBACK = ("127.", "::1", "localhost")


def check_postfix(postfix: PostfixConfiguration, needs: Needs) -> list[Check]:
    """Every check of the configuration, service by service; the keys name the service where it overrides main.cf."""
    entrances = [service for service in postfix.smtpd() if not _is_reinjection(service, needs)]
    found = [judged(bool(entrances), "smtpd", "master.cf", f"{len(entrances)} smtpd services", "add one", Level.WARN)]
    for service in entrances:
        found += _check_service(postfix, service, needs)
    return found + _check_reinjection(postfix, needs) + [_check_size(postfix, needs), _check_local(postfix, needs)]


def _check_service(postfix: PostfixConfiguration, service: Service, needs: Needs) -> list[Check]:
    ours = _our_entry(postfix, service, needs)
    found = [_check_present(postfix, service, ours, needs), *_check_bypasses(postfix, service)]
    return found + (list(_check_entry(postfix, service, ours, needs)) if ours else [])


def _check_present(postfix: PostfixConfiguration, service: Service, ours: MilterEntry | None, needs: Needs) -> Check:
    key, value = _named(service, "smtpd_milters"), postfix.value(service, "smtpd_milters")
    listed = [_place(postfix, service, entry.endpoint, chroot=False) for entry in milter_list(value)]
    if ours is None and service.chroot and _wanted(needs) in listed:
        remedy = (
            f"smtpd is chrooted: write the path relative to the queue directory, {postfix_endpoint(postfix, needs)}"
        )
        return Check("milter-outside-chroot", Level.REFUSE, key, value, remedy)
    return judged(ours is not None, "milter-missing", key, value, f"add {postfix_endpoint(postfix, needs)}")


def _check_bypasses(postfix: PostfixConfiguration, service: Service) -> Iterator[Check]:
    options = postfix.value(service, "receive_override_options")
    key = _named(service, "receive_override_options")
    remedy = "remove no_milters: only the re-injection listener may have it"
    yield judged("no_milters" not in options.replace(",", " ").split(), "no-milters", key, options, remedy)
    proxy = postfix.value(service, "smtpd_proxy_filter")
    remedy = "remove it: behind a proxy filter the milter gets no content; use content_filter"
    yield judged(not proxy, "proxy-filter", _named(service, "smtpd_proxy_filter"), proxy, remedy)
    yield _check_maps(_named(service, "smtpd_milter_maps"), postfix.value(service, "smtpd_milter_maps"))


def _check_maps(key: str, value: str) -> Check:
    if "DISABLE" in value.upper() or any("DISABLE" in text.upper() for text in _table_texts(value)):
        return Check("milter-maps", Level.REFUSE, key, value, "remove DISABLE: those clients' mail is not scanned")
    remedy = "see that no client in the table gets a milter list without sekisho"
    return judged(not value, "milter-maps", key, value, remedy, Level.WARN)


def _table_texts(value: str) -> Iterator[str]:
    for word in value.replace(",", " ").split():
        file = Path(word.partition(":")[2])
        if file.is_absolute() and file.is_file():
            yield file.read_text(encoding="utf-8", errors="replace")


def _check_entry(postfix: PostfixConfiguration, service: Service, ours: MilterEntry, needs: Needs) -> Iterator[Check]:
    def setting(name: str) -> tuple[str, str]:
        if name in ours.options:
            return _named(service, f"smtpd_milters {name}"), ours.options[name]
        return _named(service, f"milter_{name}"), postfix.value(service, f"milter_{name}")

    key, action = setting("default_action")
    bad = Level.WARN if action == "quarantine" else Level.REFUSE
    yield judged(action in _SAFE_ACTIONS, "default-action", key, action, "set it to tempfail", bad)
    key, value = setting("content_timeout")
    good = seconds(value) >= needs.content_limit
    yield judged(good, "content-timeout", key, value, f"at least our content_limit, {needs.content_limit:.0f}s")
    for name in ("command_timeout", "connect_timeout"):
        key, value = setting(name)
        good = seconds(value) >= _COMMAND_SECONDS
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
    loopback_only = postfix.main.get("inet_interfaces", "") in ("loopback-only", "127.0.0.1", "localhost")
    closed = service.host == needs.release_host or service.host.startswith(_LOOPBACK) or loopback_only
    remedy = f"name the address, {needs.release_host}:{needs.release_port}: anybody could send past the milter"
    yield judged(closed, "reinjection-open", service.place, service.name, remedy)
    milters = postfix.value(service, "smtpd_milters")
    remedy = "add -o smtpd_milters= to it: released mail would be stopped again"
    yield judged(not milters, "reinjection-milter", _named(service, "smtpd_milters"), milters, remedy, Level.WARN)


def _check_size(postfix: PostfixConfiguration, needs: Needs) -> Check:
    value = postfix.main.get("message_size_limit", "0")
    good = 0 < int(value) <= needs.max_mail_bytes
    remedy = f"at most our inspection.max_mail_bytes, {needs.max_mail_bytes}: larger mail is never fully read"
    return judged(good, "message-size-limit", "message_size_limit", value, remedy, Level.WARN)


def _check_local(postfix: PostfixConfiguration, needs: Needs) -> Check:
    value = postfix.main.get("non_smtpd_milters", "")
    wanted = postfix_endpoint(postfix, needs)
    listed = any(_place(postfix, None, entry.endpoint) == _wanted(needs) for entry in milter_list(value))
    remedy = f"add {wanted}: mail of the sendmail command is not scanned"
    return judged(listed, "non-smtpd-milters", "non_smtpd_milters", value, remedy, Level.WARN)


def postfix_endpoint(postfix: PostfixConfiguration, needs: Needs) -> str:
    """Our socket in Postfix's words; a Unix socket relative to the queue directory where it lies within."""
    address = inet_address(needs.socket)
    if address:
        return f"inet:{address[0]}:{address[1]}"
    path = unix_path(needs.socket)
    queue = Path(postfix.main["queue_directory"])
    return f"unix:{path.relative_to(queue) if path and path.is_relative_to(queue) else path}"


def with_ours(postfix: PostfixConfiguration, milters: str, needs: Needs) -> str:
    """A milter list of main.cf with our endpoint in it: as it is if it is there, else in front."""
    if any(_place(postfix, None, entry.endpoint) == _wanted(needs) for entry in milter_list(milters)):
        return milters
    return f"{postfix_endpoint(postfix, needs)}, {milters}" if milters else postfix_endpoint(postfix, needs)


def _our_entry(postfix: PostfixConfiguration, service: Service, needs: Needs) -> MilterEntry | None:
    entries = milter_list(postfix.value(service, "smtpd_milters"))
    return next((one for one in entries if _place(postfix, service, one.endpoint) == _wanted(needs)), None)


def _wanted(needs: Needs) -> str:
    address = inet_address(needs.socket)
    return f"{address[0]}:{address[1]}" if address else str(unix_path(needs.socket))


def _place(postfix: PostfixConfiguration, service: Service | None, endpoint: str, chroot: bool = True) -> str:
    """Where an endpoint leads: host:port, or the path as seen from outside a chroot (the queue directory)."""
    kind, _, rest = endpoint.partition(":")
    if kind != "unix":
        return rest.replace("[", "").replace("]", "")
    queue = postfix.main["queue_directory"]
    jailed = chroot and service is not None and service.chroot
    return f"{queue}{rest}" if jailed and rest.startswith("/") else str(Path(queue) / rest)


def _is_reinjection(service: Service, needs: Needs) -> bool:
    return service.type == "inet" and service.port == str(needs.release_port)


def _named(service: Service, key: str) -> str:
    return f"{service.place}: {key}"
