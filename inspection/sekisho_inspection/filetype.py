"""File types by content: what a part is, whatever its sender calls it; and what its names would make a system run."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from typing import Literal

from sekisho_core.finding_kinds import FindingKind
from sekisho_core.normalise import visible_text

from sekisho_inspection import charset

PE = "application/vnd.microsoft.portable-executable"
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"PK\x07\x08PK\x03\x04", "application/zip"),
    (b"PK00PK\x03\x04", "application/zip"),
    (b"\x7fELF", "application/x-elf"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\xca\xfe\xba\xbe\0\0\0", "application/java-vm"),
    (b"dex\n03", "application/x-dex"),
    (b"Cr24", "application/x-chrome-extension"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xed\xab\xee\xdb", "application/x-rpm"),
    (b"\x04\x22\x4d\x18", "application/x-lz4"),
    (b"\x02\x21\x4c\x18", "application/x-lz4"),
    (b"LZIP\1", "application/x-lzip"),
    (b"LZIP\0", "application/x-lzip"),
    (b"MSWIM\0\0\0", "application/x-wim"),
    (b"WLPWM\0\0\0", "application/x-wim"),
    (b"ALZ\1", "application/x-alz"),
    (b"SIT!", "application/x-stuffit"),
    (b"StuffIt (c)1997-", "application/x-stuffit-5"),
    (b"GCAX", "application/x-gca"),
    (b"DGCA", "application/x-dgca"),
    (b"yz01", "application/x-yz1"),
    (b"ArC\1", "application/x-freearc"),
    (b"LRZI\0", "application/x-lrzip"),
    (b"GRZipII\0", "application/x-grzip"),
    (b"\x37\xe4\x53\x96\xc9\xdb\xd6\x07", "application/x-zisofs"),
    (b"SZDD\x88\xf0\x27\x33", "application/x-ms-compress"),
    (b"KWAJ\x88\xf0\x27\xd1", "application/x-ms-compress"),
    (b"hsqs", "application/x-squashfs"),
    (b"sqsh", "application/x-squashfs"),
    (b"shsq", "application/x-squashfs"),
    (b"qshs", "application/x-squashfs"),
    (b"\x45\x3d\xcd\x28", "application/x-cramfs"),
    (b"\x28\xcd\x3d\x45", "application/x-cramfs"),
    (b"\x3a\xff\x26\xed", "application/x-android-sparse"),
    (b"sprs\0", "application/x-apple-sparse"),
    (b"\x8f\xaf\xac\x84", "application/x-ppmd"),
    (b"ITOLITLS", "application/x-ms-help-2"),
    (b"QFI\xfb", "application/x-qcow2"),
    (b"KDMV", "application/x-vmdk"),
    (b"COWD", "application/x-vmdk"),
    (b"# Disk DescriptorFile", "application/x-vmdk"),
    (b"<<< Oracle VM VirtualBox Disk Image", "application/x-virtualbox-vdi"),
    (b"WARC/", "application/warc"),
    (b"%FDF-", "application/vnd.fdf"),
    (b"\x1f\xa0", "application/x-lzh-stream"),
    (b"\x1f\x1e", "application/x-pack"),
    (b"\x89LZO\0\r\n\x1a\n", "application/x-lzop"),
    (b"RE~^", "application/x-rar-1.4"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\x1f\x9d", "application/x-compress"),
    (b"MSCF\x00\x00\x00\x00", "application/vnd.ms-cab-compressed"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
    (b"{\\rt", "application/rtf"),
    (b"\x78\x9f\x3e\x22", "application/vnd.ms-tnef"),
    (b"\x00\x05\x16\x00\x00", "application/applefile"),
    (b"\x00\x05\x16\x07\x00", "application/applefile"),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "application/onenote"),
    (b"\xa1\x2f\xff\x43\xd9\xef\x76\x4c", "application/onenote"),
    (b"ITSF", "application/vnd.ms-htmlhelp"),
    (b"\x60\xea", "application/x-arj"),
    (b"\x00\x01\x00\x00Standard ACE DB", "application/x-msaccess"),
    (b"\x00\x01\x00\x00Standard Jet DB", "application/x-msaccess"),
    (b"xar!", "application/x-xar"),
    (b"!BDN", "application/vnd.ms-outlook-pst"),
    (b"\xcf\xad\x12\xfe", "application/x-outlook-express"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)
_BY_FIRST_BYTE = {
    first: [pair for pair in _MAGIC if pair[0][:1] == first] for first in {magic[:1] for magic, _ in _MAGIC}
}
# Containers that nothing here opens yet: what is in them is unknown, so they are never clean.
UNREAD = {
    "application/x-wim", "application/x-apple-diskimage", "application/vnd.ms-outlook-pst",
    "application/x-outlook-express", "application/x-gca", "application/x-ms-compress", "application/x-lzh-stream",
    "application/x-pack", "application/x-lzop", "application/x-rar-1.4", "application/x-stuffit-5",
    "application/x-dgca", "application/x-yz1", "application/x-freearc", "application/x-lrzip", "application/x-grzip",
    "application/x-zisofs", "application/x-msaccess", "application/x-squashfs", "application/x-cramfs",
    "application/x-qcow2", "application/x-vmdk", "application/x-virtualbox-vdi", "application/warc",
    "application/x-android-sparse", "application/x-apple-sparse", "application/x-ppmd", "application/x-ms-help-2",
}  # fmt: skip
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/bmp", "image/webp", "image/tiff")
EXECUTABLE = {
    PE, "application/x-elf", "application/x-mach-binary", "application/x-ms-shortcut", "application/java-vm",
    "application/x-dex", "application/x-chrome-extension",
}  # fmt: skip
_RUNNABLE = frozenset([
    "exe", "scr", "pif", "com", "bat", "cmd", "js", "jse", "vbs", "vbe", "wsf", "wsh", "hta", "lnk", "cpl",
    "msi", "msp", "msc", "ps1", "psm1", "psc1", "scf", "sct", "reg", "jar", "chm", "gadget", "application",
    "appref-ms", "xll", "inf", "vb", "ws", "jnlp", "wsc", "settingcontent-ms", "diagcab", "appinstaller", "xbap",
    "vsto", "appx", "appxbundle", "msix", "msixbundle", "apk", "pyw", "pyz", "shb", "shs", "hlp", "mst", "wll", "wsb",
    "diagcfg", "diagpkg", "ps2", "ps1xml", "msh", "udl", "osd", "search-ms", "library-ms", "searchconnector-ms",
    "msu", "ahk", "au3", "command", "terminal", "theme", "themepack", "deskthemepack", "xla", "ade", "adp", "mda",
    "mde",
])  # fmt: skip
# Endings that are also ordinary in harmless mail (domain names, source patches, add-ins), or whose texts are read for
# what they start: the content must be neither plain text nor begin as a document or picture does.
_AMBIGUOUS = {"com", "inf", "reg", "application", "theme", "xla"}
_HARMLESS = {*PICTURES, "application/pdf", "application/zip", "application/x-ole-storage", "application/rtf"}
_DOCUMENT = frozenset([
    "doc", "docx", "docm", "xls", "xlsx", "xlsm", "csv", "ppt", "pptx", "pps", "rtf", "pdf", "txt", "odt",
    "ods", "odp", "jtd", "jtdc", "jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "mp3", "mp4", "avi", "mov",
    "zip", "lzh", "rar", "7z", "htm", "html", "xml", "eml", "msg", "ai", "psd", "dwg",
])  # fmt: skip
# Of these a document's name makes a trick; by themselves they are sent in good faith.
_LINKS = frozenset(["url", "website", "desktop", "webloc", "inetloc", "fileloc"])
_STARTING = "|".join(sorted(_RUNNABLE | _LINKS))
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_DOTS = dict.fromkeys(map(ord, "\u2024\u3002\uff0e\uff61\u0701\u0702\ua60e\ua4f8\ufe52"), ".")
# What takes up room and shows nothing, and the underscore.
_BLANK = r"[\s_\u00a0\u00ad\u115f\u1160\u180e\u200b-\u200f\u202a-\u202f\u2060-\u2064\u2800\u3164\ufeff\uffa0]"
_DOUBLE = re.compile(rf"\.(?:{'|'.join(sorted(_DOCUMENT))})[._-]*\.({_STARTING})")
_PADDED = re.compile(rf"{_BLANK}{{5}}\.[^.]{{1,40}}")
_ENDING = re.compile(rf".*\.({_STARTING})", re.S)
# File systems take no longer names: the rest is cut off.
_LONGEST = 255
_CONTROL = re.compile("[\0-\x1f\x7f]")
_STREAM = re.compile(r":[^:.\\/]{0,64}(?::\$[a-z_]{1,32})?$", re.I)
_DROPPED = " .\u3000"
_MARKUP = re.compile(
    rb"\s*(?:<!--(?:(?!-->).)*-->\s*)*+<(?:!doctype\s+html|html|head|body|script|svg|iframe|meta|table|form)\b",
    re.I | re.S,
)
_FOLDED = rb"[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*"
_FIELD = re.compile(
    rb"(?:from|received|return-path|to|subject|date|message-id|mime-version|delivered-to):" + _FOLDED
    + rb"(?:[!-9;-~]+:" + _FOLDED + rb"){2,}", re.I,
)  # fmt: skip
_JAVA_SINCE = b"\x2d"
_BITMAP_HEADERS = tuple(bytes([size, 0, 0, 0]) for size in (12, 40, 52, 56, 64, 108, 124))
# What begins without a mark of its own but has a shape.
_PATTERNS = (
    (re.compile(rb"0707(?:0[127]|27)[0-9A-Fa-f]{8}"), "application/x-cpio"),
    (re.compile(rb"(?:\xc7\x71|\x71\xc7)[\0-\xff]{18}(?:[^\0]\0|\0[^\0])[\0-\xff]{4}[^\0]"), "application/x-cpio"),
    (re.compile(rb"!<arch>\n"), "application/x-ar"),
    (re.compile(rb"EGGA\x00\x01"), "application/x-egg"),
    (re.compile(rb"[\0-\xff]{20}\xdc\xa7\xc4\xfd"), "application/x-zoo"),
    # Properties of every program, a dictionary of whole pages, the size unknown or below 2**40, the coder's first byte.
    (re.compile(rb"\x5d\0\0[\0-\xff]{2}(?:\xff{8}|[\0-\xff]{5}\0{3})\0"), "application/x-lzma"),
)
_CHECKSUM = re.compile(rb"[ 0]{0,7}([0-7]{1,7})[\0 ]")
# A jump, bytes of a sector, sectors of a cluster, reserved ones, tables, and the mark at the sector's end.
_FAT = re.compile(
    rb"(?:\xeb[\0-\xff]\x90|\xe9..).{8}\0[\x02\x04\x08\x10][\x01\x02\x04\x08\x10\x20\x40\x80]"
    rb"(?!\0\0)..[\x01-\x04].{493}\x55\xaa", re.S,
)  # fmt: skip
_SKIPPED = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
_MAX_SKIPPED = 64
_LZH = re.compile(rb".{2}-(?:l[hz][0-9ds]|pm[0-2s]|lhx)-[\0-\xff]{13}[\0-\3]", re.S)


def sniff(content: bytes) -> str:
    """The media type that the content itself shows; "" where it shows none (text, unknown data)."""
    head = content[:1100]
    for magic, kind in _BY_FIRST_BYTE.get(head[:1], ()):
        if head.startswith(magic):
            # Java numbers its formats from 45 on; a Mach-O file of several machines has few.
            return "application/x-mach-binary" if kind == "application/java-vm" and head[7:8] < _JAVA_SINCE else kind
    if head[8:12] == b"WEBP" and head.startswith(b"RIFF"):
        return "image/webp"
    # The header's length follows the file's and four bytes without meaning.
    if head.startswith(b"BM") and head[14:18] in _BITMAP_HEADERS:
        return "image/bmp"
    if head[:2] in (b"MZ", b"ZM") and len(content) >= 64 and (b"\0" in head):
        return PE
    # Readers accept the PDF header within the first 1024 bytes (ISO 32000-1 implementation note 13).
    if b"%PDF-" in head:
        return "application/pdf"
    return _structure(content, head) or ("text/html" if _MARKUP.match(head) else "")


def _structure(content: bytes, head: bytes) -> str:
    if _LZH.match(head):
        return "application/x-lzh"
    if head[7:14] == b"**ACE**":
        return "application/x-ace"
    if _is_tar(head):
        return "application/x-tar"
    if content[0x8001:0x8006] in (b"CD001", b"BEA01", b"NSR02", b"NSR03"):
        return "application/x-iso9660-image"
    for pattern, kind in _PATTERNS:
        if pattern.match(head):
            return kind
    if _SKIPPED.match(head):
        return _behind_skipped(content)
    if _is_mac_binary(head):
        return "application/x-macbinary"
    if disk := disk_kind(content):
        return disk
    return "message/rfc822" if _FIELD.match(head.removeprefix(b"\xef\xbb\xbf") + b"\n") else ""


def _is_tar(head: bytes) -> bool:
    """By the mark of POSIX, or by the checksum that the first tar had already."""
    return head[257:262] == b"ustar" or is_summed(head)


def is_summed(head: bytes) -> bool:
    """Whether it begins with a header of tar that has its right checksum."""
    if len(head) < 512 or not head[0] or not (stated := _CHECKSUM.match(head, 148)):
        return False
    fields = head[:148] + head[156:512]
    # Old systems summed signed bytes, and programs take both.
    total = sum(fields) + 8 * 0x20
    return int(stated[1], 8) in (total, total - 0x100 * sum(byte > 0x7F for byte in fields))


def _behind_skipped(content: bytes) -> str:
    """The kind of stream behind frames that its programs pass over; zstd and lz4 have them in common."""
    at = 0
    for _ in range(_MAX_SKIPPED):
        if not _SKIPPED.match(content, at):
            break
        at += 8 + int.from_bytes(content[at + 4 : at + 8], "little")
    return "application/x-lz4" if content[at : at + 4] == b"\x04\x22\x4d\x18" else "application/zstd"


def disk_kind(content: bytes) -> str:
    """The kind of an image of a disk: by its marks, by its first volume, or by a partition that begins inside it."""
    head = content[:512]
    if head.startswith(b"vhdxfile"):
        return "application/x-vhdx"
    if head.startswith(b"conectix") or content[-512:-504] == b"conectix":
        return "application/x-vhd"
    if content[-512:-508] == b"koly":
        return "application/x-apple-diskimage"
    if content.startswith(b"EFI PART", 512):
        return "application/x-raw-disk-image"
    if head[510:512] != b"\x55\xaa":
        return ""
    volume = file_system(head) != ""
    for at in range(446, 510, 16):
        start = 512 * int.from_bytes(head[at + 8 : at + 12], "little")
        volume |= head[at] in (0x00, 0x80) and head[at + 4] != 0 and 0 < start < len(content)
    return "application/x-raw-disk-image" if volume else ""


def file_system(boot: bytes) -> Literal["", "ntfs", "exfat", "fat"]:
    """The file system of the volume that begins with a sector. FAT is one without its name too, by its jump and by what
    systems check of its parameters (fatgen103)."""
    if boot[3:11] == b"NTFS    ":
        return "ntfs"
    if boot[3:11] == b"EXFAT   ":
        return "exfat"
    return "fat" if b"FAT" in (boot[54:57], boot[82:85]) or _FAT.match(boot) else ""


def _is_mac_binary(head: bytes) -> bool:
    """Version III has a signature, version II a checksum; the first version has neither and is not told from others."""
    if len(head) < 128 or head[0] or not 1 <= head[1] <= 63 or head[74] or head[82]:
        return False
    return head[102:106] == b"mBIN" or binascii.crc_hqx(head[:124], 0) == int.from_bytes(head[124:126])


_MARKS_OF_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def is_text(content: bytes) -> bool:
    """Whether the beginning has no bytes that only binary data has, or is text of two bytes a character."""
    head = content[:4096]
    if content.startswith(_MARKS_OF_UTF_16) or not any(byte in head for byte in b"\0\1\2\3\4\5\6\7"):
        return True
    return b"\0" in content[:512] and charset.wide(content) != ""


def called(names: Iterable[str], endings: str | tuple[str, ...]) -> bool:
    """Whether one of the names ends so, in any case, to Windows, which drops dots and spaces behind a name."""
    return any(name.lower().rstrip(" .").endswith(endings) for name in names)


def runnable(name: str, content: bytes | None) -> bool:
    """Whether a system would run a file of this name; endings with an innocent meaning need content that is
    neither text nor a document."""
    endings = {_ending(part) for part in (name, name.partition("\0")[0], _STREAM.sub("", name))} & _RUNNABLE
    return bool(endings - _AMBIGUOUS) or (bool(endings) and (content is None or not _is_harmless(content)))


def _is_harmless(content: bytes) -> bool:
    """Whether it is plain text, or begins as a document or picture; a PDF may begin further on, behind a program."""
    kind = sniff(content)
    return is_text(content) or (kind in _HARMLESS and (kind != "application/pdf" or content.startswith(b"%PDF-")))


def _ending(name: str) -> str:
    return name.rstrip(_DROPPED + "\0").lower().rpartition(".")[2] if "." in name else ""


def name_findings(name: str) -> list[tuple[FindingKind, str]]:
    """The tricks in a file name: kind of finding and detail. They are told by the name as it looks, where every
    character has one form and none is unseen; apart from turned reading direction, a program's ending is part of each.
    """
    found: list[tuple[FindingKind, str]] = []
    if not name.isascii() and _BIDI.search(name):
        found.append(("name-rtlo", "a character that turns the reading direction"))
    for part in dict.fromkeys((name, name.partition("\0")[0], _STREAM.sub("", name), name[:_LONGEST])):
        shown = visible_text(part[-400:].translate(_DOTS)).replace(" ", "").rstrip(".")
        if not (ending := _ENDING.fullmatch(shown)):
            continue
        dotted = part[-400:].translate(_DOTS).rstrip(_DROPPED)
        if (match := _DOUBLE.search(shown)) and match.end() == len(shown):
            found.append(("name-double-extension", f"looks like a document, ends in .{ending[1]}"))
        elif (padded := _PADDED.search(dotted)) and padded.end() == len(dotted):
            found.append(("name-double-extension", f"blanks before .{ending[1]}"))
        if disguise := _disguise(name, ending[1]):
            found.append(("name-disguised", f"{disguise}, ends in .{ending[1]}"))
    return list(dict.fromkeys(found))


def _disguise(name: str, ending: str) -> str:
    """What of the name keeps a program's ending from being seen as such; "" for nothing."""
    if _CONTROL.search(name):
        return "a control character"
    if _STREAM.search(name):
        return "a stream"
    if len(name) > _LONGEST:
        return "longer than file systems allow"
    if name.rstrip(_DROPPED) != name:
        return "" if ending in _AMBIGUOUS else "dots or spaces behind the ending"
    return "" if name.lower().endswith(f".{ending}") else "other characters that look like the ending"
