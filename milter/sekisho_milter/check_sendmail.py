"""What in a sendmail.cf would let mail pass unscanned."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho_milter.doctor import Check, Level, Needs, inet_address, is_loopback, judged, seconds, unix_path
from sekisho_milter.sendmailcf import SendmailConfiguration, SendmailFilter, fields


def check_sendmail(sendmail: SendmailConfiguration, needs: Needs) -> list[Check]:
    """Every check of the filter line, of the lists that must name it, of the way back of released mail, and of the size
    limit."""
    ours = [one for one in sendmail.filters if _same_socket(one.socket, needs.socket)]
    if not ours:
        sockets = ", ".join(one.socket for one in sendmail.filters)
        return [Check("filter-missing", Level.REFUSE, "X", sockets, f"add the filter with S={sendmail_socket(needs)}")]
    asked = _names(sendmail.option("InputMailFilters"))
    chosen = next((one for one in ours if one.name in asked), ours[0])
    found = [*_check_filter(chosen, needs), *_check_lists(sendmail, chosen.name, needs)]
    return [*found, *_check_reinjection(sendmail, needs), _check_size(sendmail, needs)]


def sendmail_socket(needs: Needs) -> str:
    """Our socket in Sendmail's words."""
    path = unix_path(needs.socket)
    return f"local:{path}" if path else needs.socket


def _check_filter(ours: SendmailFilter, needs: Needs) -> Iterator[Check]:
    key = f"X{ours.name}"
    good = any(flag in ours.flags for flag in "TR4")
    yield judged(good, "filter-flags", f"{key} F=", ours.flags, "set F=T: without it mail passes when we do not answer")
    yield _timeout(ours, "E", needs.content_limit, "content_limit", Level.REFUSE)
    # A progress packet restarts R; one may be late.
    yield _timeout(ours, "R", 2 * needs.progress, "twice our progress", Level.REFUSE)
    yield _timeout(ours, "S", 2 * needs.progress, "twice our progress", Level.WARN)


def _timeout(ours: SendmailFilter, letter: str, least: float, what: str, bad: Level) -> Check:
    value = ours.timeouts[letter]
    # T= without a unit is seconds (section 5.11 of the guide).
    key, remedy = f"X{ours.name} T={letter}:", f"at least {what}, {least:.0f}s"
    return judged(seconds(key, value) >= least, f"timeout-{letter.lower()}", key, value, remedy, bad)


def _check_lists(sendmail: SendmailConfiguration, name: str, needs: Needs) -> Iterator[Check]:
    listed = sendmail.option("InputMailFilters")
    remedy = f"add {name}: a filter that is defined but not listed sees no mail"
    yield judged(name in _names(listed), "filter-not-listed", "InputMailFilters", listed, remedy)
    for daemon in sendmail.all("DaemonPortOptions"):
        own = fields(daemon).get("I")
        if not is_release_daemon(daemon, needs):
            good = own is None or name in _names(own)
            remedy = f"add {name} to its InputMailFilters, or remove them"
            yield judged(good, "daemon-filters", _daemon(daemon), daemon, remedy)


def _check_reinjection(sendmail: SendmailConfiguration, needs: Needs) -> Iterator[Check]:
    daemons = [daemon for daemon in sendmail.all("DaemonPortOptions") if is_release_daemon(daemon, needs)]
    if not daemons:
        remedy = "add it (sekisho setup sendmail): released mail has no way back without it"
        place = f"{needs.release_host}:{needs.release_port}"
        yield Check("reinjection-missing", Level.WARN, "DaemonPortOptions", place, remedy)
    for daemon in daemons:
        given = fields(daemon)
        remedy = "add Addr=127.0.0.1 to it: whoever reaches it could send past the milter"
        yield judged(is_loopback(given.get("A", "")), "reinjection-open", _daemon(daemon), daemon, remedy)
        remedy = "add an empty InputMailFilters= to it: released mail would be stopped again"
        yield judged(given.get("I") == "", "reinjection-milter", _daemon(daemon), daemon, remedy, Level.WARN)


def is_release_daemon(daemon: str, needs: Needs) -> bool:
    """Whether a value of DaemonPortOptions is the listener where released mail re-enters."""
    return fields(daemon).get("P") == str(needs.release_port)


def _daemon(daemon: str) -> str:
    return f"DaemonPortOptions {fields(daemon).get('N', '')}".strip()


def _check_size(sendmail: SendmailConfiguration, needs: Needs) -> Check:
    value = sendmail.option("MaxMessageSize") or "0"
    good = value.isdecimal() and 0 < int(value) <= needs.max_mail_bytes
    remedy = f"at most our inspection.max_mail_bytes, {needs.max_mail_bytes}: larger mail is never fully read"
    return judged(good, "message-size-limit", "MaxMessageSize", value, remedy, Level.WARN)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.replace(";", ",").split(",")]


def _same_socket(one: str, other: str) -> bool:
    return (unix_path(one), inet_address(one)) == (unix_path(other), inet_address(other))
