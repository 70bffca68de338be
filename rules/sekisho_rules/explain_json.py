"""An explanation as JSON, for programs: docs/explanation.md has the table of keys."""

from __future__ import annotations

import json

import msgspec

from sekisho_rules.explanation import Explanation


def as_json_object(explanation: Explanation) -> str:
    """The explanation as it is, raw header bytes in base64. Only ASCII stands in it: nothing in a mail acts on a
    terminal."""
    return json.dumps(msgspec.to_builtins(explanation), indent=2)
