"""What in a sendmail.cf would let mail pass unscanned."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho_milter.doctor import Check, Level, Needs, inet_address, judged, seconds, unix_path
from sekisho_milter.sendmailcf import SendmailConfiguration, SendmailFilter, fields


def check_sendmail(sendmail: SendmailConfiguration, needs: Needs) -> list[Check]:
    """Every check of the filter line, of the lists that must name it, and of the size limit."""
    ours = next((one for one in sendmail.filters if _same_socket(one.socket, needs.socket)), None)
    if ours is None:
        sockets = ", ".join(one.socket for one in sendmail.filters)
        return [Check("filter-missing", Level.REFUSE, "X", sockets, f"add the filter with S={sendmail_socket(needs)}")]
    return [*_check_filter(ours, needs), *_check_lists(sendmail, ours.name), _check_size(sendmail, needs)]


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
    remedy = f"at least {what}, {least:.0f}s"
    return judged(seconds(value) >= least, f"timeout-{letter.lower()}", f"X{ours.name} T={letter}:", value, remedy, bad)


def _check_lists(sendmail: SendmailConfiguration, name: str) -> Iterator[Check]:
    listed = sendmail.option("InputMailFilters")
    remedy = f"add {name}: a filter that is defined but not listed sees no mail"
    yield judged(name in _names(listed), "filter-not-listed", "InputMailFilters", listed, remedy)
    for daemon in sendmail.options.get("DaemonPortOptions", ()):
        given = fields(daemon)
        own = given.get("InputMailFilters")
        key = f"DaemonPortOptions {given.get('Name', '')}".strip()
        good = own is None or name in _names(own)
        yield judged(good, "daemon-filters", key, daemon, f"add {name} to its InputMailFilters, or remove them")


def _check_size(sendmail: SendmailConfiguration, needs: Needs) -> Check:
    value = sendmail.option("MaxMessageSize") or "0"
    good = value.isdecimal() and 0 < int(value) <= needs.max_mail_bytes
    remedy = f"at most our inspection.max_mail_bytes, {needs.max_mail_bytes}: larger mail is never fully read"
    return judged(good, "message-size-limit", "MaxMessageSize", value, remedy, Level.WARN)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.replace(";", ",").split(",")]


def _same_socket(one: str, other: str) -> bool:
    return (unix_path(one), inet_address(one)) == (unix_path(other), inet_address(other))
