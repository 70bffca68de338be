"""S/MIME and CMS: what is only signed or compressed is opened (RFC 8551 section 3, RFC 5652), the rest is locked."""

from __future__ import annotations

import re
import zlib

from sekisho_core.vocabulary import PartState

from sekisho_inspection import ber, filetype
from sekisho_inspection.archive import inflate
from sekisho_inspection.ber import Element
from sekisho_inspection.headers import base64_bytes
from sekisho_inspection.notes import Item, Notes

KIND = "application/pkcs7-mime"
READING = "smime"
_DECLARED = (KIND, "application/x-pkcs7-mime")
_PKCS7 = bytes.fromhex("2a864886f70d0107")
_DATA, _SIGNED = _PKCS7 + b"\1", _PKCS7 + b"\2"
_COMPRESSED = bytes.fromhex("2a864886f70d0109100109")
# ContentInfo: a sequence that begins with a content type of PKCS #7, or the compressed or authenticated one of S/MIME.
_BEGIN = re.compile(
    rb"0[\x00-\x88].{0,8}?\x06(?:\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07[\x01-\x06]"
    rb"|\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01[\x09\x17])",
    re.S,
)
_TEXT = re.compile(rb"[A-Za-z0-9+/=\s]{20,}+")
_HEAD = 400
_EXPLICIT = 0xA0


def sniff(item: Item) -> str:
    """The type of a CMS message, in binary or, where it is sent as one, in base64; "" for anything else."""
    if _BEGIN.match(item.content[:64]):
        return KIND
    named = item.declared in _DECLARED or filetype.called(item.names, ".p7m")
    return KIND if named and _BEGIN.match(_binary(item.content[:_HEAD])) else ""


def read_cms(item: Item, notes: Notes) -> PartState:
    """Signed and compressed content becomes a child, which is a message where S/MIME says so; encrypted is locked."""
    data = item.content if _BEGIN.match(item.content[:64]) else _binary(item.content)
    outer = ber.element(data, 0, len(data))
    if outer is None or (found := _content_info(data, outer)) is None:
        notes.gap(item.gap, "malformed", "S/MIME")
        return PartState.UNREADABLE
    if data[outer.next :].strip(b"\0\r\n"):
        notes.gap(item.gap, "malformed", "bytes behind the end of S/MIME")
    kind, content = found
    if kind not in (_SIGNED, _COMPRESSED, _DATA):
        notes.gap(item.gap, "locked", "S/MIME")
        return PartState.LOCKED
    if kind == _DATA:
        return _note(data, content, _DATA, item, notes)
    return _read_wrapped(data, content, kind == _COMPRESSED, item, notes)


def _binary(content: bytes) -> bytes:
    """Base64, with or without the lines of PEM around it; b"" for anything else."""
    plain = b"\n".join(line for line in content.splitlines() if not line.startswith(b"-----"))
    return base64_bytes(plain) if _TEXT.fullmatch(plain) else b""


def _content_info(data: bytes, outer: Element) -> tuple[bytes, Element | None] | None:
    """Content type and content of a ContentInfo or EncapsulatedContentInfo; None where it is neither."""
    inner = ber.children(data, outer, 2)
    if not inner or inner[0].tag != ber.OID or (len(inner) > 1 and inner[1].tag != _EXPLICIT):
        return None
    content = ber.children(data, inner[1], 1) if len(inner) > 1 else []
    return data[inner[0].start : inner[0].end], content[0] if content else None


def _read_wrapped(data: bytes, outer: Element | None, packed: bool, item: Item, notes: Notes) -> PartState:
    """SignedData or CompressedData: version, algorithm or algorithms, then the content with its type."""
    inner = ber.children(data, outer, 3) if outer else []
    found = _content_info(data, inner[2]) if len(inner) > 2 else None
    if found is None:
        notes.gap(item.gap, "malformed", "S/MIME")
        return PartState.UNREADABLE
    kind, content = found
    return _note(data, content, kind, item, notes, packed)


def _note(
    data: bytes, content: Element | None, kind: bytes, item: Item, notes: Notes, packed: bool = False
) -> PartState:
    """Put the content on the list. Certificates alone, and signatures of what stands elsewhere, have none."""
    if content is None:
        return PartState.READ
    if not content.whole:
        notes.gap(item.gap, "malformed", "S/MIME that is cut off")
    octets = ber.octets(data, content) if content.tag & 0xDF == ber.OCTETS else data[content.at : content.next]
    if packed:
        try:
            got = inflate(octets, 15, item, notes)
        except zlib.error:
            got = b"", b"", False
        if got is None:
            return PartState.UNREADABLE
        octets, _, ended = got
        if not ended:
            notes.gap(item.gap, "malformed", "S/MIME that is cut off")
    elif not notes.spend(len(octets), item):
        return PartState.UNREADABLE
    # Programs do not look at the type that is stated for the content; another CMS message tells by its beginning.
    inner = _BEGIN.match(octets[:64])
    if kind.startswith(_PKCS7) and kind != _DATA and not inner:
        notes.gap(item.gap, "malformed", "S/MIME")
    reading, declared = ("cms", "") if inner else (READING, "message/rfc822")
    length = content.end - content.start
    notes.child(item, octets, _inner_names(item), reading, content.start, length, declared)
    return PartState.READ


def _inner_names(item: Item) -> tuple[str, ...]:
    """Signed files are called after what is in them: report.pdf.p7m; smime.p7m is a message's."""
    plain = [name.rstrip(" .") for name in item.names]
    return tuple(name[:-4] for name in plain if name.lower().endswith(".p7m") and "." in name[:-4])
