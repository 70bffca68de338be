"""Blocks of base64 or ASCII85 in a text, with no more around them than the text itself."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from sekisho_inspection import filetype
from sekisho_inspection.headers import base64_bytes
from sekisho_inspection.inline import BREAK, MARKS, START, Inline

# Lines of encoders have 60 to 76 characters; a word as long as this is rare, and a run of them that is no base64 rarer.
_LINE = 40
_LEAST = 160
_RUN = re.compile(
    rb"%b(?:%b[A-Za-z0-9+/]{%d,}+={0,2}+[ \t]*+%b){1,}+(?:%b[A-Za-z0-9+/]{1,39}+={0,2}+[ \t]*+%b)?+"
    % (START, MARKS, _LINE, BREAK, MARKS, BREAK)
)
_HEAD = 3000
_CODED = bytes(0x41 if chr(byte).isalnum() and byte < 128 or byte in b"+/" else 0x20 for byte in range(256))
_85 = re.compile(rb"<~([!-uz\s]{50,}+)~>|" + START + rb"xbtoa Begin\r?\n([!-uyz\s]{50,}+)(?=[\r\n]xbtoa End)")
_SPACE = re.compile(rb"[^\s] +[^\s]")
# Two megabytes of ASCII85 take about a second to decode.
MOST_85 = 2 << 20


def base64_blocks(text: bytes) -> Iterator[Inline]:
    """Runs of lines of base64 that show a known file type once they are decoded. Raises nothing."""
    if b"A" * _LINE not in text.translate(_CODED):
        return
    for match in _RUN.finditer(text):
        if match.end() - match.start() >= _LEAST and filetype.sniff(base64_bytes(match[0][:_HEAD])):
            yield Inline(match.start(), match.end(), b"", base64_bytes(match[0]))


def ascii85_blocks(text: bytes) -> Iterator[Inline]:
    """ASCII85 as Adobe delimits it and as btoa does; what is too long is not whole. Raises nothing."""
    if b"<~" not in text and b"xbtoa" not in text:
        return
    for match in _85.finditer(text):
        coded = match[1] or match[2]
        # Prose between the same marks has spaces in its lines.
        if _SPACE.search(coded):
            continue
        try:
            content = base64.a85decode(coded[:MOST_85], foldspaces=match[2] is not None)
        except ValueError:
            continue
        yield Inline(match.start(), match.end(), b"", content, len(coded) <= MOST_85)
