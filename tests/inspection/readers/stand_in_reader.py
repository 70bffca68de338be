"""A reader for the tests of the process side: does what the mail's first line orders, otherwise reads it plainly."""

from __future__ import annotations

import hashlib
import importlib
from typing import Any

from sekisho_core.vocabulary import Finding, Header, Observable, Reading, Subject, Text
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.yara_scan import About

# Beside this file on the path of the supervisor that the tests start.
_ACTS = importlib.import_module("hostile_acts")


def read_mail(content: bytes, limits: InspectionSettings, yara: Any, keyring: Any = None, cache: Any = None) -> Reading:
    """The stand-in for `reader.read_mail`."""
    line = content.partition(b"\n")[0].strip().decode("latin-1")
    if line.startswith("!"):
        act, _, argument = line[1:].partition(" ")
        return Reading(Subject(decoded=getattr(_ACTS, act)(argument)))
    hits = yara.scanner(5.0).scan(content, About())[0] if yara else []
    return Reading(
        Subject(decoded=line),
        (Header("Subject", line, content[:20]),),
        (Text("part:1", "utf-8", content.decode("latin-1")),),
        observables=(Observable("file:hashes.'SHA-256'", hashlib.sha256(content).hexdigest(), "part:1"),),
        findings=tuple(Finding("yara", "part:1", rule=hit.rule) for hit in hits),
    )
