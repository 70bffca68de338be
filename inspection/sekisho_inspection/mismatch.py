"""Mismatches of type: a file that is of another kind than its name or its sender's type says, as no program does it."""

from __future__ import annotations

from sekisho_inspection import filetype
from sekisho_inspection.notes import Item, Notes

_PROGRAM, _PAGE, _ARCHIVE, _PDF, _OFFICE, _PACKED, _PICTURE, _MEDIA, _TEXT = (
    "program", "page", "archive", "pdf", "office", "packed", "picture", "media", "text",
)  # fmt: skip
_ENDINGS = {
    **dict.fromkeys(["jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "webp", "heic", "ico", "psd"], _PICTURE),
    **dict.fromkeys(["mp3", "mp4", "wav", "avi", "mov", "wmv", "m4a", "mpg", "mpeg", "ogg", "flac", "mkv"], _MEDIA),
    **dict.fromkeys(["txt", "log", "csv", "md", "ini"], _TEXT),
    **dict.fromkeys(["doc", "dot", "xls", "ppt", "pps", "rtf", "jtd"], _OFFICE),
    **dict.fromkeys(["docx", "docm", "xlsx", "xlsm", "pptx", "pptm", "odt", "ods", "odp"], _PACKED),
    **dict.fromkeys(["zip", "7z", "rar", "lzh", "gz", "tar", "cab"], _ARCHIVE),
    "pdf": _PDF,
}  # fmt: skip
_STATED = {
    **dict.fromkeys(["application/zip", "application/x-zip-compressed", "application/x-7z-compressed"], _ARCHIVE),
    **dict.fromkeys(["application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"], _OFFICE),
    "application/pdf": _PDF,
    "text/plain": _TEXT,
    "text/csv": _TEXT,
}
_MAIN_TYPES = {"image": _PICTURE, "audio": _MEDIA, "video": _MEDIA, "font": _MEDIA}
_SHOWN = {
    **dict.fromkeys(filetype.EXECUTABLE, _PROGRAM),
    **dict.fromkeys(filetype.UNREAD, _ARCHIVE),
    **dict.fromkeys(
        [
            "application/zip",
            "application/gzip",
            "application/x-tar",
            "application/vnd.rar",
            "application/zstd",
            "application/x-7z-compressed",
            "application/x-bzip2",
            "application/x-xz",
            "application/x-lzma",
            "application/x-compress",
            "application/vnd.ms-cab-compressed",
            "application/x-lzh",
            "application/x-arj",
            "application/x-ace",
            "application/x-xar",
            "application/x-iso9660-image",
            "application/x-vhdx",
            "application/x-vhd",
            "application/onenote",
            "application/vnd.ms-htmlhelp",
            "application/x-cpio",
        ],
        _ARCHIVE,
    ),
    "application/x-msi": _PROGRAM,
    "application/pdf": _PDF,
    "application/x-ole-storage": _OFFICE,
    "application/rtf": _OFFICE,
    "text/html": _PAGE,
}
_DOCUMENTS = ("application/vnd.openxmlformats", "application/vnd.oasis", "application/vnd.ms-office")
# What a file may be besides what its name says: pages and texts are saved as tables and documents, packed documents are
# archives, and a text may begin as a page does.
_ALLOWED = {
    _PICTURE: frozenset[str](), _MEDIA: frozenset[str](), _PDF: frozenset[str](), _TEXT: frozenset([_PAGE]),
    _OFFICE: frozenset([_PAGE, _TEXT, _ARCHIVE]), _PACKED: frozenset([_OFFICE, _ARCHIVE]), _ARCHIVE: frozenset([_TEXT]),
}  # fmt: skip
# Senders' programs take the type from a name or a guess; only these are no slip of theirs.
_FEW = 16
_NO_SLIP = frozenset([_PROGRAM, _PAGE])


def note_mismatch(item: Item, kind: str, notes: Notes) -> None:
    """Note what the content shows where name or declared type say another kind of file."""
    shown = _SHOWN.get(kind) or (_OFFICE if kind.startswith(_DOCUMENTS) else "")
    # What a wrong decoding gives is a text by its own fault.
    if not kind and len(item.content) > _FEW and not item.origin.reading.startswith("mime-") and _looks_written(item):
        shown = _TEXT
    if not shown:
        return
    for ending in dict.fromkeys(name.rstrip(" .").lower().rpartition(".")[2] for name in item.names if "." in name):
        if (named := _ENDINGS.get(ending)) and _differs(named, shown):
            notes.find("type-mismatch", item.where, f"{kind or 'a text'} named .{ending}")
    stated = _STATED.get(item.declared) or _MAIN_TYPES.get(item.declared.partition("/")[0])
    if stated and shown in _NO_SLIP and "svg" not in item.declared and _differs(stated, shown):
        notes.find("type-mismatch", item.where, f"{kind} declared {item.declared}")


def _looks_written(item: Item) -> bool:
    """Whether the beginning is all printable ASCII; data of formats that are not known is not."""
    return item.content[:512].isascii() and all(byte >= 32 or byte in b"\t\r\n\f" for byte in item.content[:512])


def _differs(said: str, shown: str) -> bool:
    return said != shown and shown not in _ALLOWED[said]
