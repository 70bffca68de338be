"""Patterns over what no mail has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sekisho_rules.compile import without_effect
from sekisho_rules.indicator import Indicator
from sekisho_rules.observed import PATHS, is_observed
from sekisho_rules.values import object_path

PAGE = Path(__file__).parents[2] / "docs" / "observables.md"
# The matcher makes them of URLs, of the envelope and of Content-Type.
MADE = {f"network-traffic:{end}_ref.{name}" for end in ("dst", "src") for name in ("type", "value")} | {
    "email-message:is_multipart"
}


def test_paths_are_those_of_the_page() -> None:
    """Every path that readers write is one that patterns may ask for, and no other."""
    listed = {object_path(path) for path in re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(encoding="utf-8"), re.M)}
    assert all(map(is_observed, listed))
    assert listed >= PATHS - MADE


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("[email-message:subjet = 'Interview request']", "email-message:subjet"),
        ("[file:hashes.'SHA-512' = 'abcdefabcdef']", "file:hashes.sha512"),
        ("[process:name = 'evil.exe' OR process:nam = 'other.exe']", "process:name"),
        ("[file:name = 'evil.exe' AND file:siez = 5]", "file:siez"),
        ("[file:name = 'evil.exe'] AND [mutex:name = 'evil mutex']", "mutex:name"),
        ("[mutex:name = 'evil'] START t'2026-01-01T00:00:00Z' STOP t'2027-01-01T00:00:00Z'", "mutex:name"),
        ("[mutex:name = 'evil mutex' OR file:name = 'evil.exe']", ""),
        ("[mutex:name = 'evil mutex'] OR [file:name = 'evil.exe']", ""),
        ("[file:name = 'evil.exe' AND process:pid != 5]", ""),
        ("[email-message:reply_to = 'a@evil.example']", ""),
        ("[email-message:additional_header_fields.'X-Odd' = 'evil odd value']", ""),
        ("[email-message:to_refs[*].value = 'a@evil.example']", ""),
        ("[file:hashes.SHA256 = 'abcdefabcdef']", ""),
        ("[network-traffic:dst_ref.value = 'evil.example']", ""),
    ],
)
def test_what_no_mail_has(pattern: str, path: str) -> None:
    """A slip in a path, or an object that mails have not, makes an indicator that does nothing: it is told."""
    told = without_effect(Indicator(id="indicator--1", source="s", pattern=pattern))
    assert told == (f"inert: no mail has a value of {path}" if path else "")
