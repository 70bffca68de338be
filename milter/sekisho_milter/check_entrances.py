"""The ways into Postfix that are not its SMTP server: local submission, QMQP, other listeners, other instances."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho_milter.doctor import Check, Level, Needs, judged
from sekisho_milter.endpoint import our_entry, postfix_endpoint
from sekisho_milter.postconf import PostfixConfiguration, Service

_LISTENERS = ("smtpd", "postscreen", "qmqpd")


def check_entrances(postfix: PostfixConfiguration, needs: Needs) -> Iterator[Check]:
    """What enters without smtpd is the business of non_smtpd_milters, and of nobody where another program listens."""
    yield _check_local(postfix, postfix.main.get("non_smtpd_milters", ""), "non_smtpd_milters", needs)
    for service in postfix.services:
        if service.command == "cleanup" and "non_smtpd_milters" in service.options:
            yield _check_local(
                postfix, service.options["non_smtpd_milters"], f"{service.place}: non_smtpd_milters", needs
            )
        if service.command in ("pickup", "qmqpd"):
            yield _check_options(postfix, service)
        if service.type == "inet" and service.command not in _LISTENERS:
            remedy = "see that no mail gets into the queue through this program without passing smtpd"
            yield Check("other-listener", Level.WARN, service.place, service.command, remedy)
    yield _check_instances(postfix)


def _check_local(postfix: PostfixConfiguration, milters: str, key: str, needs: Needs) -> Check:
    good = our_entry(postfix, milters, needs, jailed=False) is not None
    # QMQP brings mail from other machines; what the sendmail command brings is from this one.
    remote = any(service.command == "qmqpd" for service in postfix.services)
    remedy = f"add {postfix_endpoint(postfix, needs)}: mail of the sendmail command and of QMQP is not scanned"
    return judged(good, "non-smtpd-milters", key, milters, remedy, Level.REFUSE if remote else Level.WARN)


def _check_options(postfix: PostfixConfiguration, service: Service) -> Check:
    key = "receive_override_options"
    options = postfix.value(service, key)
    bad = Level.REFUSE if service.command == "qmqpd" else Level.WARN
    good = "no_milters" not in options.replace(",", " ").split()
    return judged(
        good, "no-milters", f"{service.place}: {key}", options, "remove no_milters: its mail is not scanned", bad
    )


def _check_instances(postfix: PostfixConfiguration) -> Check:
    key = "multi_instance_directories"
    others = postfix.main.get(key, "")
    remedy = "other instances take mail too: run sekisho check --postfix-config for each of them"
    return judged(not others, "other-instances", key, others, remedy, Level.WARN)
