"""The stamp: our own headers on mail that goes on, all under one prefix; those that a sender forged are taken off."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from sekisho_core.vocabulary import Action, Verdict

_LONGEST_VALUE = 800
_EMPTY_LINE = re.compile(rb"^\r?\n", re.MULTILINE)


def header_fields(passage_id: str, verdict: Verdict, action: Action) -> dict[str, str]:
    """Our headers: the suffix under the prefix, and the value (printable ASCII). `action` is what is done."""
    would = f"; would={verdict.action}" if verdict.action is not action else ""
    fields = {"Id": passage_id, "Action": f"{action}{would}"}
    rules = dict.fromkeys(match.rule for match in verdict.reasons if match.state == "enforce")
    if rules:
        fields["Rules"] = _listed(rules)
    if verdict.incomplete:
        fields["Incomplete"] = _listed(dict.fromkeys(gap.reason for gap in verdict.incomplete))
    return fields


def is_ours(name: bytes, prefix: str) -> bool:
    """Whether a header's name is the prefix or stands under it, in whatever case."""
    lower, start = name.strip(b" \t").lower(), prefix.lower().encode()
    return lower == start or lower.startswith(start + b"-")


def stamped(content: bytes, prefix: str, fields: Mapping[str, str]) -> bytes:
    """A mail's bytes with these headers before its own, without those of its own that are under the prefix."""
    end = _EMPTY_LINE.search(content)
    size = end.start() if end else len(content)
    ours = "".join(f"{prefix}-{suffix}: {value}\r\n" for suffix, value in fields.items())
    return ours.encode() + _without(content[:size], prefix) + content[size:]


def _without(head: bytes, prefix: str) -> bytes:
    kept, forged = [], False
    for line in io.BytesIO(head):
        # Lines that begin with white space belong to the field before them (RFC 5322, section 2.2.3).
        if not line.startswith((b" ", b"\t")):
            forged = is_ours(line.partition(b":")[0], prefix)
        if not forged:
            kept.append(line)
    return b"".join(kept)


def _listed(words: Mapping[str, None]) -> str:
    text = ", ".join(words)
    plain = "".join(char if " " <= char <= "~" else "?" for char in text)
    return plain if len(plain) <= _LONGEST_VALUE else plain[: _LONGEST_VALUE - 3] + "..."
