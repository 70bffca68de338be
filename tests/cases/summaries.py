"""What of a Reading a case file states."""

from __future__ import annotations

from typing import Any

from sekisho_core.vocabulary import Reading


def summary(reading: Reading) -> dict[str, Any]:
    """What of a Reading does not depend on the line ends."""
    return {
        "subject": reading.subject.decoded,
        "texts": [text.text.replace("\r\n", "\n").strip() for text in reading.texts],
        "parts": [[part.id, list(part.names), part.type, part.state.value] for part in reading.parts],
        "findings": [[item.kind, item.where] for item in reading.findings],
        "incomplete": [[gap.where, gap.reason] for gap in reading.incomplete],
        "values": sorted(
            [item.path, item.value, item.where]
            for item in reading.observables
            if item.path.partition(":")[0] in ("url", "domain-name", "ipv4-addr", "email-addr")
        ),
    }


def facts(reading: Reading) -> set[str]:
    """Kinds of findings, values of observables, and "incomplete" where there is a gap."""
    kinds = {str(item.kind) for item in reading.findings} | {item.value for item in reading.observables}
    return kinds | ({"incomplete"} if reading.incomplete else set())
