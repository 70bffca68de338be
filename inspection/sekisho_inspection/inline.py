"""Inline files: a file that stands in the lines of a text, as programs from before MIME sent it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sekisho_inspection import headers
from sekisho_inspection.names import member_names

# What stands before each line of a text that is quoted or set in, and how much of it is looked at.
MARKS = rb"[ \t>|]{0,20}+"
_MARKS = 24
_BEFORE = re.compile(rb"(?:\A|[\r\n])(?:\xef\xbb\xbf)?([ \t>|]*+)\Z")
BREAK = rb"(?:\r\n|\n|\r|\Z)"
LINE = re.compile(rb"([^\r\n]*+)" + BREAK)


@dataclass(frozen=True)
class Inline:
    """A file in a text: where its lines begin and end, the name as it stands (b"" for none), and the content.

    `whole` is False where the lines end before the file does.
    """

    start: int
    end: int
    name: bytes
    content: bytes
    whole: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Every reading of the name; encoded words (RFC 2047) are for header fields, and are used here all the same."""
        plain = self.name.strip().strip(b'"')
        words = headers.decoded_values(plain) if b"=?" in plain else []
        return tuple(dict.fromkeys([*words, *member_names(plain)]))


def marks_before(text: bytes, at: int) -> bytes | None:
    """The marks between the line's beginning and `at`; None where other characters stand there."""
    found = _BEFORE.search(text[max(0, at - _MARKS) : at])
    return found[1] if found else None


def without_marks(line: bytes, marks: bytes) -> bytes:
    """A line without the marks of its quotation; those of an empty line lack the space behind them."""
    if not marks:
        return line
    return line[len(marks) :] if line.startswith(marks) else line.removeprefix(marks.rstrip())
