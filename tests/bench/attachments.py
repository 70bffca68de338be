"""Attachments by type: how many a second, in times of the least that anybody must do, and with the cache of files.

The yardstick does with Python's own modules what no inspection can leave out: decode the mail, hash the file three
times, unpack it and hash what is in it. It runs between the measured readings, so that ratios compare over machines.
The largest ratio that is allowed stands in BUDGETS and in docs/budgets.md; the exit status is 1 above one.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import io
import json
import os
import random
import re
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mails
from sekisho_core import settings
from sekisho_inspection.file_cache import FileCache
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.yara_compile import compile_rules
from sekisho_inspection.yara_scan import CompiledYara, load_rules

RULES = 'rule marker { strings: $a = "SEKISHO-EXAMPLE-YARA-MARKER-7c1d" condition: $a }'
_STREAM = re.compile(rb"stream\n(.*?)\nendstream", re.S)
_LIMITS = settings.load(Path(os.devnull)).of(InspectionSettings)
# Times of the yardstick that the reading of one such file may take.
BUDGETS = {
    "html": 200.0, "pdf": 12.0, "docx": 12.0, "xlsm": 30.0, "zip": 12.0, "tgz": 15.0, "pdf, 30 pages": 250.0,
    "docx, 5 MB": 8.0, "zip, 1,000 files": 20.0,
}  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """Seconds a file: the best reading, the best with a cache that knows it, and the yardstick; and the file's size."""

    size: int
    read: float
    again: float
    yardstick: float

    @property
    def ratio(self) -> float:
        return self.read / self.yardstick


def main() -> int:
    """Measure and print; 1 when a budget is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--kinds", nargs="+", default=list(MAKERS), choices=list(MAKERS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    yara = load_rules(compile_rules({"bench": RULES})[0])
    figures = {kind: measured(kind, options.rounds, yara) for kind in options.kinds}
    over = [kind for kind, one in figures.items() if one.ratio > BUDGETS[kind]]
    if options.json:
        print(json.dumps({"kinds": {kind: _as_object(kind, one) for kind, one in figures.items()}, "over": over}))
    else:
        _print(figures)
        print(f"over budget: {', '.join(over)}" if over else "every kind is within its budget")
    return 1 if over else 0


def measured(kind: str, rounds: int, yara: CompiledYara) -> Figures:
    """The figures of one kind. Every round has another file, so that nothing is known of it but by the cache."""
    best = [float("inf")] * 3
    size = 0
    for number in range(rounds + 1):
        name, content = MAKERS[kind](random.Random(f"{kind}/{number}"))
        mail = _mail(name, content)
        cache = FileCache(_LIMITS.cache_bytes)
        read_mail(mail, _LIMITS, yara, cache=cache)
        works: Sequence[Callable[[], object]] = (
            partial(read_mail, mail, _LIMITS, yara), partial(read_mail, mail, _LIMITS, yara, cache=cache),
            partial(_least, mail),
        )  # fmt: skip
        spent = [_seconds(work) for work in works]
        # The first round is for imports that wait for their first use.
        if number:
            best, size = [min(pair) for pair in zip(best, spent, strict=True)], len(content)
    return Figures(size, *best)


def _least(mail: bytes) -> None:
    content = base64.b64decode(mail.partition(b"base64\r\n\r\n")[2].partition(b"\r\n--sep--")[0])
    _hash(content)
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                _hash(archive.read(member))
    elif content.startswith(b"\x1f\x8b"):
        with tarfile.open(fileobj=io.BytesIO(content)) as tape:
            for file in filter(None, map(tape.extractfile, tape.getmembers())):
                _hash(file.read())
    elif content.startswith(b"%PDF"):
        for packed in _STREAM.findall(content):
            zlib.decompress(packed)


def _hash(content: bytes) -> None:
    for name in ("md5", "sha1", "sha256"):
        hashlib.new(name, content, usedforsecurity=False).digest()


def _mail(name: str, content: bytes) -> bytes:
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n").rstrip(b"\r\n")
    return (
        b'Subject: file\r\nFrom: a@example.jp\r\nContent-Type: multipart/mixed; boundary="sep"\r\n\r\n--sep\r\n'
        b'Content-Type: application/octet-stream; name="' + name.encode() + b'"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded + b"\r\n--sep--\r\n"
    )


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _text(rng: random.Random, length: int) -> bytes:
    return b" ".join(rng.choice((b"report", b"meeting", b"budget", b"schedule", b"annual")) for _ in range(length // 7))


def _html(rng: random.Random) -> bytes:
    rows = (f"<tr><td>{_text(rng, 60).decode()}</td><td><a href='https://news{row}.example/'>{row}</a></td></tr>\n"
            for row in range(150))  # fmt: skip
    return f"<html><body><table>{''.join(rows)}</table></body></html>".encode()


def _xlsm(rng: random.Random) -> bytes:
    cells = "".join(f'<row r="{row}"><c t="s"><v>{rng.randrange(10**6)}</v></c></row>' for row in range(2000))
    return _zip({
        "[Content_Types].xml": b"<Types/>",
        "xl/workbook.xml": b"<workbook><sheets><sheet name='a'/></sheets></workbook>",
        "xl/worksheets/sheet1.xml": f"<worksheet><sheetData>{cells}</sheetData></worksheet>".encode(),
        "xl/sharedStrings.xml": b"".join(b"<si><t>%s</t></si>" % _text(rng, 30) for _ in range(500)),
        "xl/macrosheets/sheet1.xml": b"<macrosheet><f>ALERT(1)</f></macrosheet>",
    })  # fmt: skip


def _tgz(rng: random.Random) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tape:
        for number in range(5):
            member = tarfile.TarInfo(f"{number}.txt")
            member.size = 4000
            tape.addfile(member, io.BytesIO(rng.randbytes(4000)))
    return gzip.compress(packed.getvalue(), mtime=0)


MAKERS: dict[str, Callable[[random.Random], tuple[str, bytes]]] = {
    "html": lambda rng: ("news.html", _html(rng)),
    "pdf": lambda rng: ("report.pdf", mails.pdf(rng, 64_000)),
    "docx": lambda rng: ("report.docx", mails.docx(rng, 43_000)),
    "xlsm": lambda rng: ("table.xlsm", _xlsm(rng)),
    "zip": lambda rng: ("data.zip", _zip({"data.bin": rng.randbytes(15_000)})),
    "tgz": lambda rng: ("data.tgz", _tgz(rng)),
    "pdf, 30 pages": lambda rng: ("book.pdf", mails.book(rng, 30)),
    "docx, 5 MB": lambda rng: ("book.docx", mails.docx(rng, 5_000_000)),
    "zip, 1,000 files": lambda rng: (
        "many.zip", _zip({f"{number}.txt": _text(rng, 500) for number in range(1000)})
    ),
}  # fmt: skip


def _as_object(kind: str, one: Figures) -> dict[str, Any]:
    return {
        "bytes": one.size, "a_second": 1 / one.read, "ratio": one.ratio, "budget": BUDGETS[kind],
        "again_a_second": 1 / one.again, "again_ratio": one.again / one.yardstick,
    }  # fmt: skip


def _print(figures: dict[str, Figures]) -> None:
    print("one attachment in a mail: bytes, best of the rounds, in times of the least that must be done\n")
    print(f"{'':18}{'bytes':>10}{'a second':>10}{'times':>8}{'at most':>9}{'  again, a second':>18}{'times':>8}")
    for kind, one in figures.items():
        print(
            f"{kind:18}{one.size:>10,}{1 / one.read:>10.0f}{one.ratio:>8.1f}{BUDGETS[kind]:>9.0f}"
            f"{1 / one.again:>18.0f}{one.again / one.yardstick:>8.1f}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
