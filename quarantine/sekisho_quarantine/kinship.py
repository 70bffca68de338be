"""Kinship of mails: what ties a locked mail to the one that states its password."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from enum import StrEnum

from sekisho_core.addresses import senders
from sekisho_core.vocabulary import Envelope, Reading

_MOST_RECIPIENTS, _MOST_THREAD, _MOST_SENDERS = 50, 20, 5
# A Message-ID as it stands in the fields of a thread (RFC 5322 section 3.6.4).
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_THREAD_FIELDS = frozenset(["message-id", "in-reply-to", "references"])
# Of Outlook's Thread-Index the first 22 bytes are the conversation's; 28 characters of base64 are 21 of them.
_THREAD_INDEX = 28


class Tie(StrEnum):
    """A property that two mails may share."""

    THREAD = "thread"
    SENDER = "sender"
    DOMAIN = "domain"
    SUBJECT = "subject"
    RECIPIENT = "recipient"


# From the closest to the loosest kinship. Gateways send the password from an address of their own, so that recipients
# in common are enough.
_KINSHIPS: tuple[Set[Tie], ...] = (
    {Tie.THREAD, Tie.RECIPIENT},
    {Tie.SENDER, Tie.RECIPIENT},
    {Tie.DOMAIN, Tie.RECIPIENT},
    {Tie.SENDER},
    {Tie.SUBJECT, Tie.RECIPIENT},
    {Tie.RECIPIENT},
)


def kinship(shared: Set[Tie]) -> int:
    """How near two mails are that share these: 0 for strangers, more for the nearer."""
    return next((len(_KINSHIPS) - rank for rank, ties in enumerate(_KINSHIPS) if ties <= shared), 0)


def ties(envelope: Envelope, reading: Reading) -> Iterator[tuple[Tie, str]]:
    """Everything by which a mail can be found akin to another; bounded in number."""
    for address in senders(envelope, reading)[:_MOST_SENDERS]:
        yield Tie.SENDER, address
        if domain := address.rpartition("@")[2]:
            yield Tie.DOMAIN, domain
    for recipient in envelope.rcpt_to[:_MOST_RECIPIENTS]:
        yield Tie.RECIPIENT, recipient.casefold()
    for value in list(dict.fromkeys(_thread(reading)))[:_MOST_THREAD]:
        yield Tie.THREAD, value
    if reading.subject.normalised:
        yield Tie.SUBJECT, reading.subject.normalised


def _thread(reading: Reading) -> Iterator[str]:
    for header in reading.headers:
        name = header.name.lower()
        if name in _THREAD_FIELDS:
            # A reply names its own thread last.
            yield from reversed(_MESSAGE_ID.findall(header.value))
        elif name == "thread-index":
            yield header.value.strip()[:_THREAD_INDEX]
