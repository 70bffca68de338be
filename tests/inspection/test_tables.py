"""The tables of docs/findings.md and docs/observables.md against the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from sekisho_core.finding_kinds import FindingKind
from sekisho_core.vocabulary import Reason

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "inspection" / "sekisho_inspection").glob("*.py"))
CODE = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
OBJECTS = r"email-message|email-addr|file|url|domain-name|ipv[46]-addr|process|windows-registry-key|x-sekisho-[a-z]+"
ROW = re.compile(r"^\| `([^`]+)` \|", re.M)


def rows(name: str, heading: str = "") -> set[str]:
    """The first column of a page's table, or of the one under a heading."""
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return set(ROW.findall(page.partition(heading)[2].partition("\n## ")[0] if heading else page))


def test_findings_are_documented() -> None:
    """Every kind of the vocabulary is in the table, written by the code, and no other."""
    kinds = set(get_args(FindingKind))
    assert kinds == rows("findings.md", "## Findings\n")
    assert {kind for kind in kinds if f'"{kind}"' in CODE} == kinds


def test_reasons_are_documented() -> None:
    """Every reason of the vocabulary is in the table, given by the code, and no other."""
    reasons = set(get_args(Reason))
    assert reasons == rows("findings.md", "## Reasons of incompleteness\n")
    assert {reason for reason in reasons if f'"{reason}"' in CODE} == reasons


def test_observables_are_documented() -> None:
    """Every path that the code writes is in the table, and every path in the table is written."""
    table = rows("observables.md")
    written = set(re.findall(rf'"((?:{OBJECTS}):[^"]+)"', CODE))
    mailboxes = {f"{path}.value" for path in written if path.endswith(("_ref", "_refs[*]"))}
    whole = {path for path in written if not path.endswith(("_ref", "_refs[*]"))}
    assert whole | mailboxes | {"email-message:from_ref.display_name"} == table
