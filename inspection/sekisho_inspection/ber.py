"""BER: the elements of ASN.1 data, of any lengths, as far as a container needs them (X.690 section 8)."""

from __future__ import annotations

from dataclasses import dataclass

OCTETS, OID = 0x04, 0x06


@dataclass(frozen=True)
class Element:
    """An element: its place and identifier octet, where its content begins and ends, the next one's place.

    `whole` is False where the data end before the element does.
    """

    at: int
    tag: int
    start: int
    end: int
    next: int
    whole: bool


def element(data: bytes, at: int, limit: int) -> Element | None:
    """The element at `at`, cut at `limit`; None where there is none. An indefinite length costs a walk to its end."""
    head = _header(data, at, limit)
    if head is None:
        return None
    tag, start, size = head
    if size is not None:
        end = min(start + size, limit)
        return Element(at, tag, start, end, end, start + size <= limit)
    stop = _end_of_contents(data, start, limit)
    if stop is None:
        return Element(at, tag, start, limit, limit, False)
    return Element(at, tag, start, stop, stop + 2, True)


def children(data: bytes, outer: Element, most: int = 16) -> list[Element]:
    """The first elements inside `outer`."""
    found: list[Element] = []
    at = outer.start
    while len(found) < most and (inner := element(data, at, outer.end)):
        found.append(inner)
        at = inner.next
    return found


def octets(data: bytes, outer: Element) -> bytes:
    """The bytes of an OCTET STRING, whose pieces may be elements of their own, of any depth."""
    if not outer.tag & 0x20:
        return data[outer.start : outer.end]
    out: list[bytes] = []
    at = outer.start
    while head := _header(data, at, outer.end):
        tag, start, size = head
        # Pieces inside of pieces follow one another; only their headers are passed over.
        if not tag & 0x20 and size is not None:
            out.append(data[start : min(start + size, outer.end)])
            at = start + size
        else:
            at = start
    return b"".join(out)


def _header(data: bytes, at: int, limit: int) -> tuple[int, int, int | None] | None:
    """Identifier octet, start of the content, its length (None for the indefinite form)."""
    if at + 2 > limit:
        return None
    tag, first = data[at], data[at + 1]
    if first < 0x80:
        return tag, at + 2, first
    if first == 0x80:
        return (tag, at + 2, None) if tag & 0x20 else None
    start = at + 2 + (first & 0x7F)
    # No identifier of more than one octet occurs in the messages that are read.
    if start > limit or first > 0x88 or tag & 0x1F == 0x1F:
        return None
    return tag, start, int.from_bytes(data[at + 2 : start])


def _end_of_contents(data: bytes, at: int, limit: int) -> int | None:
    """Where the two zero octets stand that end an indefinite length; those of inner ones are counted."""
    depth = 1
    while head := _header(data, at, limit):
        tag, start, size = head
        if tag == 0 and size == 0:
            depth -= 1
            if not depth:
                return at
            at = start
        elif size is None:
            depth += 1
            at = start
        else:
            at = start + size
    return None
