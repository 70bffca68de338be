"""The body of an answer: its bytes as they come, decompressed within a bound, and what is needed to go on later."""

from __future__ import annotations

import re
import zlib
from email.utils import parsedate_to_datetime

import httpx

from sekisho_feeds.harvest import FeedError

_PIECE = 1 << 16
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


class Body:
    """What of one representation has come. `place` is for messages; `max_bytes` bounds it decompressed, and as sent.

    Raises FeedError for an encoding that was not asked for and for one that does not hold what it says.
    """

    def __init__(self, response: httpx.Response, place: str, max_bytes: int) -> None:
        self._place, self._max_bytes = place, max_bytes
        self.encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if self.encoding not in ("identity", "", "gzip", "x-gzip"):
            raise FeedError(f"{place}: is sent in an encoding that was not asked for")
        self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16) if "gzip" in self.encoding else None
        self._data = bytearray()
        self.received = 0
        self.total = _length(response)
        self.condition = _condition(response)
        if self.total is not None and self.total > max_bytes:
            raise self._too_large()

    def take(self, piece: bytes) -> None:
        """Add what came. Raises FeedError beyond the bound."""
        self.received += len(piece)
        if self.received > self._max_bytes:
            raise self._too_large()
        if self._gzip is None:
            self._data += piece
        else:
            self._inflate(piece)

    def goes_on(self, response: httpx.Response) -> bool:
        """Whether a 206 continues this very representation where it broke off."""
        found = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
        if found is None or response.headers.get("content-encoding", "identity").strip().lower() != self.encoding:
            return False
        total = int(found[3]) if found[3] != "*" else None
        if total is not None and self.total is not None and total != self.total:
            return False
        self.total = self.total if total is None else total
        return int(found[1]) == self.received and self.received <= int(found[2])

    def whole(self) -> bytes:
        """All of it. Raises FeedError where it is not whole."""
        if self.total is not None and self.received != self.total:
            raise FeedError(f"{self._place}: is cut off: {self.received} bytes of {self.total} came")
        if self._gzip is not None and not self._gzip.eof and self.received:
            raise FeedError(f"{self._place}: is cut off: its compressed data has no end")
        return bytes(self._data)

    def _inflate(self, piece: bytes) -> None:
        while piece:
            assert self._gzip is not None
            if self._gzip.eof:
                # Another member: what follows one belongs to the content (RFC 1952, 2.2).
                self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                self._data += self._gzip.decompress(piece, _PIECE)
            except zlib.error:
                raise FeedError(f"{self._place}: its compressed data is damaged") from None
            if len(self._data) > self._max_bytes:
                raise self._too_large()
            piece = self._gzip.unconsumed_tail or self._gzip.unused_data

    def _too_large(self) -> FeedError:
        return FeedError(f"{self._place}: is larger than the {self._max_bytes} bytes allowed for it")


def _length(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _condition(response: httpx.Response) -> str:
    """What `If-Range` may say of it (RFC 9110, 13.1.5): a strong entity tag, or a date that is a strong validator."""
    tag = response.headers.get("etag", "")
    if tag:
        return tag if tag.startswith('"') and tag.isascii() else ""
    changed, sent = response.headers.get("last-modified", ""), response.headers.get("date", "")
    try:
        apart = (parsedate_to_datetime(sent) - parsedate_to_datetime(changed)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return ""
    return changed if apart >= 1 else ""
