"""A folder of mails and files through the reader and the default policy: what became of them, by sub-folder.

What is no mail by its name or beginning is attached to one. Every file is read in a process of its own kind: a pool
whose workers end with their file, so that the largest memory is that of one file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import re
import resource
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from sekisho_core import settings
from sekisho_core.vocabulary import Content, Envelope, Mail
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from sekisho_rules.policy import Policy
from sekisho_rules.settings import PolicySettings

_SLOWEST = 5
_MAIL_NAMES = (".eml", ".mbox", ".msg-rfc822", ".mai")
# A field name that mails begin with; files of other kinds seldom do.
_MAIL_START = re.compile(rb"(?:>?From |[A-Za-z][A-Za-z0-9-]{1,60}[ \t]*:[ \t])")
_LIMITS = settings.load(Path(os.devnull)).of(InspectionSettings)
_POLICY = Policy(settings.load(Path(os.devnull)).of(PolicySettings), lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Outcome:
    """What became of one file; `crash` is an exception or a gap that says a reader crashed, "" for none."""

    path: Path
    verdict: str
    incomplete: tuple[str, ...]
    findings: tuple[str, ...]
    seconds: float
    memory_mb: int
    crash: str = ""


@dataclass
class Folder:
    """The counts of one sub-folder: of files, and of files with each verdict, reason and kind of finding."""

    files: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    incomplete: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    crashed: list[str] = field(default_factory=list)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    memory_mb: int = 0

    def add(self, outcome: Outcome) -> None:
        self.files += 1
        self.verdicts[outcome.verdict] += 1
        self.incomplete.update(outcome.incomplete)
        self.findings.update(outcome.findings)
        self.crashed += [f"{outcome.path.name}: {outcome.crash}"] if outcome.crash else []
        self.slowest = sorted([*self.slowest, (round(outcome.seconds, 3), outcome.path.name)])[::-1][:_SLOWEST]
        self.memory_mb = max(self.memory_mb, outcome.memory_mb)


def main() -> None:
    """Read, count and print."""
    options = _options()
    paths = sorted(path for path in options.directory.rglob("*") if path.is_file())
    folders: dict[str, Folder] = {}
    # A worker for each file, forked of this process with everything imported.
    with multiprocessing.get_context("fork").Pool(maxtasksperchild=1) as pool:
        for outcome in pool.imap(_outcome, paths, chunksize=1):
            name = str(outcome.path.parent.relative_to(options.directory))
            folders.setdefault(name, Folder()).add(outcome)
    if options.json:
        print(json.dumps({name: vars(folder) for name, folder in folders.items()}, indent=1, ensure_ascii=False))
    else:
        _print(folders)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _outcome(path: Path) -> Outcome:
    content = _as_mail(path.name, path.read_bytes())
    start = time.process_time()
    try:
        reading = read_mail(content, _LIMITS, None)
    # What the reader must never do is what is looked for.
    except Exception as error:
        return Outcome(path, "exception", (), (), time.process_time() - start, _memory(), repr(error))
    seconds = time.process_time() - start
    verdict = _POLICY(
        Mail("0", Envelope(), Content(-1, len(content), hashlib.sha256(content).hexdigest())),
        reading, (), reading.incomplete,
    )  # fmt: skip
    crash = next((f"{gap.where} {gap.detail}" for gap in reading.incomplete if gap.reason == "crashed"), "")
    reasons, kinds = _once(gap.reason for gap in reading.incomplete), _once(one.kind for one in reading.findings)
    return Outcome(path, verdict.action.value, reasons, kinds, seconds, _memory(), crash)


def _as_mail(name: str, content: bytes) -> bytes:
    if name.lower().endswith(_MAIL_NAMES) or _MAIL_START.match(content):
        return content
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "file", "a@example.jp", "b@example.jp"
    mail.set_content("see the attached file\n")
    # In the form of a mail program; surrogates of names that are no UTF-8 have none.
    known = name.encode("utf-8", "replace").decode()
    mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=known)
    return mail.as_bytes(policy=SMTP)


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _print(folders: dict[str, Folder]) -> None:
    for name, folder in folders.items():
        accepted = folder.verdicts["accept"]
        print(f"\n{name}: {folder.files} files, {accepted} accepted, {folder.files - accepted} not")
        for title in ("verdicts", "incomplete", "findings"):
            counted: Counter[str] = getattr(folder, title)
            print(f"  {title:12}" + (", ".join(f"{word} {number}" for word, number in counted.most_common()) or "none"))
        slowest = ", ".join(f"{path} {seconds:.2f} s" for seconds, path in folder.slowest)
        print(f"  {'slowest':12}{slowest}\n  {'memory':12}{folder.memory_mb} MB at most")
        for crash in folder.crashed:
            print(f"  CRASHED     {crash}")


if __name__ == "__main__":
    main()
