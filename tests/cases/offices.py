"""Office documents and RTF with what starts programs or fetches files, hidden in each way (catalogue B42 to B45, B47
to B49).

Each entry of `CASES` is a document, the kinds of findings that it must have and whether the listed address must be
seen in it. Run as a program it writes the case files of tests/corpus/offices.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from office_damage import damage
from office_fields import dde
from office_formulas import formulas
from office_macros import macros
from office_maker import Case, Cases
from office_objects import objects
from office_oddities import oddities
from office_references import references
from sekisho_core.settings import load
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from summaries import summary

CASES = Cases()
for _cases in (macros, formulas, dde, references, objects, damage, oddities):
    CASES.update(_cases())


def mail(case: Case) -> bytes:
    """The mail that carries a document."""
    head = "From: a@example.jp\nTo: b@example.jp\nSubject: s\nMIME-Version: 1.0\n"
    head += 'Content-Type: multipart/mixed; boundary="bb"\n\n--bb\nContent-Type: text/plain\n\nhello\n--bb\n'
    head += f'Content-Type: application/octet-stream; name="{case.name}"\nContent-Transfer-Encoding: base64\n\n'
    return head.encode() + base64.encodebytes(case.content) + b"--bb--\n"


def case_files() -> dict[str, bytes]:
    """Every case's mail by the name of its file."""
    return {title.lower().replace(": ", " ").replace(" ", "-"): mail(case) for title, case in CASES.items()}


def write(folder: Path) -> None:
    """Write every case, with what its reading must give."""
    folder.mkdir(parents=True, exist_ok=True)
    limits = load(Path(os.devnull)).of(InspectionSettings)
    for stem, content in case_files().items():
        (folder / f"{stem}.eml").write_bytes(content)
        expected = json.dumps(summary(read_mail(content, limits, None)), ensure_ascii=False, indent=1)
        (folder / f"{stem}.json").write_text(expected + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "corpus" / "offices")
