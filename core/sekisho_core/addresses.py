"""Addresses: how settings name them, and which ones a mail gives as its sender."""

from __future__ import annotations

import re

from sekisho_core.settings import require
from sekisho_core.vocabulary import Envelope, Reading

_WHOLE = 1 << 16
_LABEL = r"[^\s@<>,;*\"()|.]+"
# No display names, lists or wildcards: they would never fit, and nobody would know.
_ENTRY = re.compile(rf"(?:[^\s@<>,;:*\"()|]+@|@\.?){_LABEL}(?:\.{_LABEL})*")
_SENDER_PATHS = ("email-message:from_ref.value", "email-message:sender_ref.value")


def senders(envelope: Envelope, reading: Reading) -> tuple[str, ...]:
    """Every address that a mail gives as its sender, in lower case: the envelope's, then those of its own header."""
    stated = (
        seen.value for seen in reading.observables if seen.path in _SENDER_PATHS and seen.where.startswith("header:")
    )
    return tuple(dict.fromkeys(address.casefold() for address in (envelope.mail_from, *stated) if address))


def require_entries(entries: tuple[str, ...], key: str) -> None:
    """For settings types: raise ValueError naming `key` unless there are entries, each such as `closeness` knows."""
    forms = '"user@domain", "@domain" or "@.domain" (all domains below it)'
    require(bool(entries), key, f"at least one of {forms}")
    for entry in entries:
        require(bool(_ENTRY.fullmatch(entry)), key, f'{forms}, and "{entry}" is none')


def closeness(entry: str, address: str) -> int:
    """How closely `entry` ("a@b", "@b", "@.b" for all domains below b) names `address`: 0 not at all, an address more
    than its domain, and that more than any domain above it. Letters' case does not count."""
    entry, address = entry.casefold(), address.strip("<>").casefold()
    if not entry.startswith("@"):
        return 2 * _WHOLE if entry == address else 0
    domain = address.rpartition("@")[2] if "@" in address else ""
    named = entry[1:]
    if named.startswith("."):
        return len(named) if domain.endswith(named) else 0
    return _WHOLE if domain and domain == named else 0
