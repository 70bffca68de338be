"""Files inside texts: uuencode, yEnc, BinHex, Intel HEX, base64 and ASCII85, OpenPGP messages that need no key."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator

from sekisho_inspection import binhex, blocks, intel_hex, pgp, uuencode, yenc
from sekisho_inspection.inline import Inline
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.texts import is_page
from sekisho_inspection.yenc import Piece

# Without one of these, or a line that begins with "begin", what a page shows need not be searched for files.
_SIGNS = (b"BinHex", b"PGP MESSAGE", b"&lt;~")
_BEGIN = re.compile(rb"begin[ \t-]")
_TAG = re.compile(rb"<[a-zA-Z/!][^<>]{0,2000}+>")
# Files of these readings are searched for in plain text and pages only: other types have base64 of their own.
_IN_TEXTS: tuple[tuple[str, Callable[[bytes], Iterable[Inline]]], ...] = (
    ("base64-block", blocks.base64_blocks),
    ("ascii85", blocks.ascii85_blocks),
)


def read_embedded(item: Item, kind: str, notes: Notes) -> None:
    """Put the files in the text on the list of what is to be read; pieces wait for `join_pieces`."""
    seen: set[tuple[bytes, bytes]] = set()
    for text in _views(item):
        for reading, found in _found(item, text, kind, item.id in notes.explained):
            if notes.slots <= 0:
                notes.gap("mail", "limit", "more parts than the limit")
                return
            # Files that were seen before have cost the same work.
            if not notes.spend(len(found.content), item):
                return
            if isinstance(found, Piece) and found.is_fragment:
                notes.pieces.setdefault((found.name, found.size), []).append((item, found))
            elif found.content and (found.name, found.content) not in seen:
                seen.add((found.name, found.content))
                _note(item, found, reading, text is item.content, notes)


def join_pieces(notes: Notes) -> None:
    """Put the files whose pieces stood in several texts on the list, after all of these were read; a file that lacks a
    piece is a gap, and each of its pieces a part."""
    for (name, size), found in notes.pieces.items():
        item, first = found[0]
        content, complete = yenc.joined([piece for _, piece in found])
        if len({piece.at for _, piece in found}) < len({(piece.at, piece.content) for _, piece in found}):
            notes.gap(item.gap, "ambiguous", "two versions of a piece")
        if complete:
            _note(item, Inline(first.start, first.end, name, content), "yenc", True, notes)
            continue
        notes.gap(item.gap, "unreadable", f"a fragment: {len(content)} of {size} bytes")
        for holder, piece in found:
            _note(holder, Inline(piece.start, piece.end, name, piece.content), "yenc", True, notes)
    notes.pieces.clear()


def _views(item: Item) -> Iterator[bytes]:
    """The text as it stands and, of a page, what it shows."""
    yield item.content
    if is_page(item) and _may_show_files(item.content):
        plain = _TAG.sub(b"\n", item.content)
        yield html.unescape(plain.decode("latin-1")).encode("latin-1", "replace")


def _may_show_files(source: bytes) -> bool:
    if any(sign in source for sign in _SIGNS) or blocks.has_long_word(source):
        return True
    befores = (source[max(0, match.start() - 24) : match.start()].rstrip(b" \t") for match in _BEGIN.finditer(source))
    return any(before[-1:] in (b"", b">", b";", b"\r", b"\n", b"|") for before in befores)


def _found(item: Item, text: bytes, kind: str, is_explained: bool) -> Iterator[tuple[str, Inline]]:
    if b"begin" in text:
        yield from (("uuencode", found) for found in uuencode.files(text))
        yield from (("yenc", found) for found in yenc.files(text))
    if b":" in text:
        for forks in binhex.files(text, binhex.is_named(item.names, item.declared)):
            yield "binhex", forks
            yield "binhex", Inline(forks.start, forks.end, b"", forks.resources)
    if not kind and item.names:
        yield from (("intel-hex", found) for found in intel_hex.files(text))
        # What a transfer encoding makes of it, by another reading of the mail, is a part already.
        if not is_explained and (file := blocks.whole(text, item.names)) is not None:
            yield "base64-block", file
    if kind in ("", "text/html"):
        for reading, search in _IN_TEXTS:
            yield from ((reading, found) for found in search(text))
        yield from (("pgp", found) for found in pgp.files(text, pgp.is_named(item.names)))


def _note(item: Item, found: Inline, reading: str, stands: bool, notes: Notes) -> None:
    """Put one file on the list; `stands` is whether its place is one in the item's content."""
    if not found.whole:
        notes.gap(item.gap, "malformed", f"{reading} that is cut off")
    start, length = (found.start, found.end - found.start) if stands else (0, len(item.content))
    notes.child(item, found.content, found.names, reading, start, length)
