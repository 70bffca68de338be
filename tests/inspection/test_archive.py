"""gzip and tar: what programs get out of damaged ones is read, and the damage said."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from collections.abc import Callable
from hashlib import sha256

import pytest
from sekisho_core.vocabulary import Reading

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
CONTENT = b"payload of a program " * 9
PACKED = gzip.compress(CONTENT, mtime=0)
WRONG = PACKED[:-8] + b"\0" * 8


def with_fields(packed: bytes) -> bytes:
    """The gzip member with extra field, name, comment and a checksum of its header (RFC 1952 section 2.3.1)."""
    extra = struct.pack("<H", 3) + b"\x00x\x00"
    return packed[:3] + b"\x1e" + packed[4:10] + extra + b"name\0comment\0" + b"\0\0" + packed[10:]


@pytest.mark.parametrize(
    ("data", "content", "reasons"),
    [
        (PACKED, CONTENT, []),
        (PACKED + PACKED, CONTENT * 2, []),
        (WRONG, CONTENT, ["malformed"]),
        (with_fields(WRONG), CONTENT, ["malformed"]),
        (WRONG + PACKED, CONTENT * 2, ["malformed"]),
        (PACKED + WRONG, CONTENT * 2, ["malformed"]),
        (PACKED[:-8], CONTENT, ["unreadable"]),
        (PACKED + PACKED[:10] + b"\xff" * 20, CONTENT, ["malformed"]),
        (PACKED + b"more", CONTENT, ["malformed"]),
    ],
    ids=[
        "whole", "two members", "wrong checksum", "every field", "wrong one first", "wrong one last", "cut",
        "second one is none", "bytes behind",
    ],
)  # fmt: skip
def test_damaged_gzip(read: Read, attach: Attach, data: bytes, content: bytes, reasons: list[str]) -> None:
    """B12, B34: a wrong checksum keeps no program from unpacking, so the content is a part and the damage a gap."""
    reading = read(attach("x", ("a.txt.gz", data)))
    assert sha256(content).hexdigest() in {part.sha256 for part in reading.parts}
    assert [gap.reason for gap in reading.incomplete] == reasons


@pytest.mark.parametrize("data", [PACKED[:9] + b"\xff" * 30, PACKED[:3] + b"\x1c" + PACKED[4:10]])
def test_no_gzip_to_unpack(read: Read, attach: Attach, data: bytes) -> None:
    """What only begins like gzip is a gap."""
    assert read(attach("x", ("a.gz", data))).incomplete


def test_a_length_beyond_memory(read: Read, attach: Attach) -> None:
    """A header's length of twenty digits leaves the members before it in, and is a gap."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as packed:
        for name, kind, content in (("a.txt", tarfile.REGTYPE, CONTENT), ("h", tarfile.XHDTYPE, b"9" * 20 + b" a=b\n")):
            member = tarfile.TarInfo(name)
            member.size, member.type = len(content), kind
            packed.addfile(member, io.BytesIO(content))
    reading = read(attach("x", ("a.tar", file.getvalue())))
    assert sha256(CONTENT).hexdigest() in {part.sha256 for part in reading.parts}
    # From Python 3.13 on tarfile ends there as if the archive did, and what follows is too much of it.
    assert [gap.reason for gap in reading.incomplete] in (["unreadable"], ["ambiguous"])
