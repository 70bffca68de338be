"""Which part of the reader the time goes to: a sampler over processor time, which costs its object next to nothing."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Seconds of processor time between samples; the kernel may make more of it (4 ms where it ticks 250 times a second).
_INTERVAL = 0.001
_PACKAGE = "sekisho_inspection."
_STAGES = {
    "headers, MIME": (
        "mime", "header_blocks", "headers", "fields", "addresses", "parameters", "filenames", "delimiters", "transfer",
    ),
    "texts, charsets": ("texts", "charset", "labels", "jis", "sevenbit", "passwords"),
    "HTML": ("html",),
    "URLs": ("urls",),
    "files, hashes": (
        "notes", "filetype", "names", "unread", "textfile", "embedded", "inline", "uuencode", "yenc", "binhex",
        "blocks", "archive", "zip", "lures",
    ),
    "PDF, Office": (
        "pdf", "pdf_text", "pdf_objects", "pdf_syntax", "office", "officexml", "opendocument", "ole", "rtf", "biff",
        "encryption",
    ),
}  # fmt: skip
_OF_MODULE = {_PACKAGE + module: stage for stage, modules in _STAGES.items() for module in modules}
_REST = "the rest"
STAGES = (*_STAGES, _REST)


@contextmanager
def shares() -> Iterator[Counter[str]]:
    """Counts samples by stage while the block runs: the innermost frame of ours that has a stage tells it."""
    counted: Counter[str] = Counter()

    def sample(_: int, frame: FrameType | None) -> None:
        counted[_stage(frame)] += 1

    before = signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)
    try:
        yield counted
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _stage(frame: FrameType | None) -> str:
    while frame is not None:
        if stage := _OF_MODULE.get(frame.f_globals.get("__name__", "")):
            return stage
        frame = frame.f_back
    return _REST
