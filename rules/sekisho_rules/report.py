"""A passage as `sekisho scan` prints it: the JSON object of the contract, or lines for people."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sekisho_core.display import visible
from sekisho_core.vocabulary import Match, Mode, Part, Passage

_REASON = ("kind", "rule", "source", "tlp", "confidence", "severity", "match", "where", "explain")


def as_object(path: str, passage: Passage) -> dict[str, Any]:
    """The contract's object. Beyond it, a reason without effect has `"state": "observe"`, a gap its `detail`."""
    subject = passage.reading.subject
    return {
        "path": path,
        "verdict": passage.verdict.action.value,
        "reasons": [_stated(reason) for reason in passage.verdict.reasons],
        "incomplete": [msgspec.to_builtins(gap) for gap in passage.verdict.incomplete],
        "subject": {"raw": subject.raw, "decoded": subject.decoded, "normalised": subject.normalised},
        "parts": [_part(part) for part in passage.reading.parts],
        "elapsed_ms": round(sum(passage.timings.values()), 1),
    }


def as_json_line(path: str, passage: Passage) -> str:
    """The object on one line. Only ASCII stands in it, so that nothing in a mail acts on a terminal."""
    return json.dumps(as_object(path, passage))


def as_text(path: str, passage: Passage) -> str:
    """Verdict and path, then a line for each reason and each gap."""
    verdict = passage.verdict
    noted = ["observe"] if verdict.mode is Mode.OBSERVE else []
    noted += dict.fromkeys(str(one.wait) for one in verdict.recipients if one.wait)
    notes = visible(f" ({'; '.join(noted)})", 500) if noted else ""
    lines = [f"{verdict.action.value}{notes}: {visible(path, 1000)}"]
    lines += [_reason(reason) for reason in verdict.reasons]
    lines += [visible(f"  incomplete: {gap}", 500) for gap in verdict.incomplete]
    return "\n".join(lines)


def _stated(match: Match) -> dict[str, Any]:
    fields = {name: getattr(match, name) for name in _REASON}
    return fields if match.state == "enforce" else {**fields, "state": match.state}


def _reason(match: Match) -> str:
    origin = f"{match.source}, TLP:{match.tlp.upper()}, confidence {match.confidence}, {match.severity}, {match.match}"
    without = " without effect" if match.state == "observe" else ""
    return visible(f"  {match.kind}{without}: {match.rule} at {match.where} ({origin}): {match.explain}", 1000)


def _part(part: Part) -> dict[str, Any]:
    return {
        "id": part.id,
        "names": list(part.names),
        "type": part.type,
        "size": part.size,
        "sha256": part.sha256,
        "state": part.state.value,
    }
