"""How settings name addresses: one address, "@domain" for that domain alone, "@.domain" for all below it."""

from __future__ import annotations

_WHOLE = 1 << 16


def closeness(entry: str, address: str) -> int:
    """How closely `entry` names `address`: 0 not at all, an address more than its domain, and that more than any
    domain above it. Letters' case does not count."""
    entry, address = entry.casefold(), address.strip("<>").casefold()
    if not entry.startswith("@"):
        return 2 * _WHOLE if entry == address else 0
    domain = address.rpartition("@")[2] if "@" in address else ""
    named = entry[1:]
    if named.startswith("."):
        return len(named) if domain.endswith(named) else 0
    return _WHOLE if domain and domain == named else 0
