"""Unread content: what no reader here takes apart, by type, by what the sender declares, by its name. Never clean."""

from __future__ import annotations

import re

from sekisho_core.vocabulary import Reason

from sekisho_inspection import filetype
from sekisho_inspection.notes import Item

# By the declared type: reason and detail. The rest of a fragment (RFC 2046 section 5.2.2) is in other mails.
_DECLARED: dict[str, tuple[Reason, str]] = {
    "message/partial": ("unreadable", "a fragment of a message"),
    "message/external-body": ("unreadable", "content that lies elsewhere"),
    "application/pkcs7-mime": ("locked", "S/MIME"),
    "application/x-pkcs7-mime": ("locked", "S/MIME"),
    "application/pgp-encrypted": ("locked", "OpenPGP"),
    "application/applefile": ("unreadable", "no reader for application/applefile"),
    "application/mac-binhex40": ("unreadable", "no reader for application/mac-binhex40"),
}
# Containers whose content could not be told by its beginning: a program that goes by the name may open it.
_CONTAINERS = (
    ".7z", ".ace", ".alz", ".arj", ".bz2", ".cab", ".dmg", ".egg", ".gz", ".hqx", ".img", ".iso", ".lha", ".lzh",
    ".one", ".p7m", ".pst", ".rar", ".sit", ".tar", ".tgz", ".udf", ".vhd", ".vhdx", ".wim", ".xz", ".z", ".zip",
    ".zst",
)  # fmt: skip
# What a wrong decoding gives is no archive; that the part could not be decoded is said of the part.
OTHER_READINGS = ("mime-encoding", "mime-header")
_ARMOUR = re.compile(rb"^-----BEGIN PGP MESSAGE-----[ \t]*\r?$", re.M)
_FOREIGN = re.compile(rb"^(?:=ybegin (?:part|line)=|\(This file must be converted with BinHex)", re.M)


def problem(item: Item, kind: str) -> tuple[Reason, str] | None:
    """Reason and detail of the gap that the item is by itself; None where it has a reader or needs none."""
    if kind in filetype.UNREAD:
        return "unreadable", f"no reader for {kind}"
    if item.declared in _DECLARED and (not kind or item.declared.startswith("message/")):
        return _DECLARED[item.declared]
    if not item.content:
        return None
    if not kind and _ARMOUR.search(item.content):
        return "locked", "OpenPGP"
    if not kind and _FOREIGN.search(item.content):
        return "unreadable", "no reader for yEnc and BinHex"
    if (
        not kind
        and item.origin.reading not in OTHER_READINGS
        and any(name.lower().rstrip(" .").endswith(_CONTAINERS) for name in item.names)
    ):
        return "unreadable", "named as an archive, and none that is known"
    return None
