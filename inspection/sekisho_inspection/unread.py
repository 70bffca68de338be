"""Unread content: what no reader here takes apart, by type, by what the sender declares, by its name. Never clean."""

from __future__ import annotations

import re

from sekisho_core.vocabulary import Reason

from sekisho_inspection import binhex, filetype, pgp
from sekisho_inspection.notes import Item

# By the declared type, where the content shows none: reason and detail.
_DECLARED: dict[str, tuple[Reason, str]] = {
    "application/pkcs7-mime": ("locked", "S/MIME"),
    "application/x-pkcs7-mime": ("locked", "S/MIME"),
    "application/pgp-encrypted": ("locked", "OpenPGP"),
    "application/applefile": ("unreadable", "a Macintosh file that is none"),
    "application/ms-tnef": ("unreadable", "TNEF that is none"),
    "application/vnd.ms-tnef": ("unreadable", "TNEF that is none"),
}
# Containers whose content could not be told by its beginning: a program that goes by the name may open it.
_CONTAINERS = (
    ".7z", ".ace", ".alz", ".apfs", ".arc", ".arj", ".bz2", ".cab", ".cpio", ".deb", ".dmg", ".egg", ".ext2", ".ext3",
    ".ext4", ".gz", ".hfs", ".hqx", ".iso", ".lha", ".lz", ".lz4", ".lzh", ".lzma", ".lzma86", ".one", ".p7m", ".pst",
    ".qcow2", ".rar", ".rpm", ".sit", ".sparseimage", ".tar", ".tbz", ".tbz2", ".tgz", ".tlz", ".txz", ".tzst", ".udf",
    ".vdi", ".vhd", ".vhdx", ".vmdk", ".wim", ".xar", ".xz", ".z", ".zip", ".zipx", ".zoo", ".zst",
)  # fmt: skip
# Of these the endings that other files have as well; an archive of theirs is no text.
_AMBIGUOUS = (".arc", ".one")
# Images without a reader, by what stands further on in them: a superblock, a table, the first sector of a track.
_IMAGES = (
    (0x438, re.compile(rb"\x53\xef[\0-\x07]\0[\0-\x03]\0"), "ext2 to ext4"),
    (0x400, re.compile(rb"H\+\0\x04|HX\0\x05|BD[\0-\xff]{18}\0[\0-\x0f][\0-\xff]\0"), "HFS"),
    (0x20, re.compile(rb"NXSB"), "APFS"),
    (0x200, re.compile(rb"PM\0\0\0\0[\0-\xff]{2}|LABELONE"), "a disk without MBR"),
    (0x1000, re.compile(rb"gDla\x34\0\0\0"), "a disk without MBR"),
    (0x40, re.compile(rb"\x7f\x10\xda\xbe"), "VDI"),
    (0x10, re.compile(rb"\xd9\x54\x93\x7a\x68\x04\x4a\x44|\x78\xe5\x8c\x8c\x3d\x8a\x1c\x4f"), "UEFI"),
    (0x4, re.compile(rb"\xef\xbe\xad\xdeNullsoftInst"), "NSIS"),
    (0x0, re.compile(rb"\0\xff{10}\0"), "a CD with its sectors' headers"),
)
# A further volume of an archive begins anywhere in it; texts have the short endings as well. Those of RAR (.r00) each
# begin with its mark.
_VOLUME = re.compile(r"\.(?:7z|zip|rar|tar|lzh|cab|iso|vhdx?|exe)\.\d{2,3}$", re.I)
_SHORT_VOLUME = re.compile(r"\.z\d\d$", re.I)


def problem(item: Item, kind: str) -> tuple[Reason, str] | None:
    """Reason and detail of the gap that the item is by itself; None where it has a reader or needs none."""
    if kind in filetype.UNREAD:
        return "unreadable", f"no reader for {kind}"
    if kind or not item.content:
        return None
    if item.declared in _DECLARED:
        return _DECLARED[item.declared]
    if pgp.is_locked(item.content, pgp.is_named(item.names)):
        return "locked", "OpenPGP"
    if binhex.is_named(item.names, item.declared):
        return None if binhex.decode(item.content) is not None else ("unreadable", "BinHex that is none")
    if shown := image(item.content):
        return "unreadable", f"no reader for {shown}"
    named = any(_is_container(name.lower().rstrip(" ."), item) for name in item.names)
    if any(_is_volume(name[-12:].rstrip(" ."), item) for name in item.names):
        return "unreadable", "named as a volume of an archive"
    # What a wrong decoding gives is no archive; that the part could not be decoded is said of the part. Zeros alone are
    # an archive of nothing.
    if named and item.content.strip(b"\0") and item.origin.reading not in ("mime-encoding", "mime-header"):
        return "unreadable", "named as an archive, and none that is known"
    return None


def image(content: bytes) -> str:
    """What image without a reader the content is to a program that looks further on; "" for none."""
    return next((shown for place, mark, shown in _IMAGES if mark.match(content, place)), "")


def _is_container(name: str, item: Item) -> bool:
    if not name.endswith(_CONTAINERS):
        return False
    return not (name.endswith(_AMBIGUOUS) and filetype.is_text(item.content))


def _is_volume(name: str, item: Item) -> bool:
    if _VOLUME.search(name):
        return True
    return _SHORT_VOLUME.search(name) is not None and not filetype.is_text(item.content)
