"""One mail while the MTA hands it over: its envelope, its raw bytes, and where our own and forged headers stand."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from sekisho_core.files import Spool
from sekisho_core.stamp import is_ours
from sekisho_core.vocabulary import Content

from sekisho_milter.undecodable import printable

_MOST_RECEIVED = 3
_STEP = 1 << 20
_ROUTE = re.compile(rb"^@[^:]*:")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_DRESS = re.compile(rb'"((?:[^"\\]|\\.)*)"|\([^()"]*\)', re.DOTALL)
_PLAIN = re.compile(rb"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\x80-\xff-]+(@[^@\s<>()\",;:\\]*)?")


class Letter:
    """Collects a mail in the order in which the MTA sends it; nothing is interpreted but header names.

    `space` says whether the MTA hands over the space after the colon, and wants it with the headers that we add; one
    that does not has swallowed one space. A failure to write is kept in `failure`: headers get no answer, so only a
    later phase can tell the MTA.
    """

    def __init__(self, sender: bytes, spool: Path, memory: int, prefix: str, space: bool) -> None:
        self.mail_from = printable(_mailbox(sender))
        self.recipients: list[tuple[str, bytes]] = []
        self.failure: Exception | None = None
        self.forged: dict[str, tuple[str, int]] = {}
        self.space = space
        self._spool = Spool(spool, memory)
        self._prefix = prefix
        self._ours: list[tuple[int, int]] = []
        self._received: list[tuple[int, int]] = []
        self._leading = True
        self._size = 0
        self._in_body = False

    def add_recipient(self, recipient: bytes) -> None:
        """A recipient as the MTA wrote it, angle brackets included."""
        self.recipients.append((printable(_mailbox(recipient)), recipient))

    def add_header(self, name: bytes, value: bytes) -> None:
        """A field as it stood in the mail: folds arrive as LF, everything else as sent (libmilter, xxfi_header)."""
        start = self._size
        self._write(name + (b":" if self.space else b": ") + value.replace(b"\n", b"\r\n") + b"\r\n")
        lower = name.lower().decode("latin-1")
        self._leading = self._leading and lower == "received"
        if self._leading:
            self._received.append((start, self._size))
        if is_ours(name, self._prefix):
            self._ours.append((start, self._size))
            self._count(name)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._size

    def end_headers(self) -> None:
        """The empty line."""
        if not self._in_body:
            self._in_body = True
            self._write(b"\r\n")

    def add_body(self, chunk: bytes) -> None:
        """A piece of the body, bytes as the MTA sent them."""
        self.end_headers()
        self._write(chunk)

    def content(self) -> Content:
        """The mail's bytes; valid until `close`. Raises what stopped the writing."""
        if self.failure is not None:
            raise self.failure
        return self._spool.content()

    def earlier_hashes(self) -> Iterator[str]:
        """SHA-256 of what this mail was before an MTA took it: without our own headers, and without none, one, … of
        the uppermost Received fields. Of use for a mail that comes a second time (docs/decisions/0003-re-entry.md)."""
        content = self.content()
        for count in range(min(len(self._received), _MOST_RECEIVED) + 1):
            yield _hash_without(content, sorted(self._received[:count] + self._ours))

    def close(self) -> None:
        """Give the bytes up."""
        self._spool.close()

    def _count(self, name: bytes) -> None:
        key = name.lower().decode("utf-8", "surrogateescape")
        first, count = self.forged.get(key, (name.decode("utf-8", "surrogateescape"), 0))
        self.forged[key] = (first, count + 1)

    def _write(self, data: bytes) -> None:
        if self.failure is None:
            try:
                self._spool.write(data)
            except OSError as error:
                self.failure = error
        self._size += len(data)


def _mailbox(address: bytes) -> bytes:
    """The address as a policy or a list names it. RFC 5321 lets a client write one mailbox in many ways: with a source
    route, quotes, backslashes, comments, a last dot. What is no plain mailbox without them keeps all but the route."""
    bare = address[1:-1] if address.startswith(b"<") and address.endswith(b">") else address
    bare = _ROUTE.sub(b"", bare, count=1)
    plain = _DRESS.sub(lambda found: _ESCAPED.sub(rb"\1", found[1] or b""), bare).rstrip(b".")
    return plain if _PLAIN.fullmatch(plain) else bare


def _hash_without(content: Content, gaps: list[tuple[int, int]]) -> str:
    digest, position = hashlib.sha256(), 0
    for start, end in [*gaps, (content.size, content.size)]:
        for offset in range(position, start, _STEP):
            digest.update(os.pread(content.fd, min(_STEP, start - offset), offset))
        position = end
    return digest.hexdigest()
