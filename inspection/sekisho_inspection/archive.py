"""gzip and tar: their members as files of their own; and the limits of unpacking, which hold for all archives."""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator

from sekisho_core.vocabulary import Part, PartState

from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes

_STEP = 1 << 20
# Below this size no ratio is too high: tables of zeros in small files are ordinary.
RATIO_FLOOR = 1 << 20
# Members of one gzip file: gzip joins them, and nobody makes more than a handful.
_MAX_GZIP_MEMBERS = 1000
# What follows a member's data: a checksum and the length.
_TRAILER = 8
_LONGEST_NAME = 1024
_MAX_FOLDERS = 64
# Tars in a row in one file; where the mark of POSIX stands in a header.
_MAX_TARS, _TAR_MARK = 16, 257
_OCTAL = re.compile(rb"[0-7]+")
_DRIVE = re.compile(r"[A-Za-z]:")
# Endings of compressed files, and what stands in their place once they are unpacked.
_ENDINGS = dict.fromkeys(
    ("gz", "bz2", "xz", "lzma", "zst", "lz4", "z", "lz", "gzip", "bzip2", "zstd"), ""
) | dict.fromkeys(("tgz", "taz", "tbz", "tbz2", "txz", "tlz", "tzst"), ".tar")


def inflate(data: bytes, wbits: int, item: Item, notes: Notes) -> tuple[bytes, bytes, bool] | None:
    """One zlib stream: content, bytes behind it, and whether it ended. None, noted as a gap, beyond a limit.

    Raises zlib.error for what is no such stream.
    """
    engine = zlib.decompressobj(wbits)
    out, size, at = [], 0, 0
    rest = b""
    while not engine.eof and (rest or at < len(data)):
        # In steps, because the engine copies what it has not taken yet.
        rest, at = (rest, at) if rest else (data[at : at + _STEP], at + _STEP)
        piece = engine.decompress(rest, _STEP)
        rest = engine.unconsumed_tail
        size += len(piece)
        out.append(piece)
        if not within(size, len(data), item, notes):
            return None
    content = b"".join(out) + (b"" if engine.eof else engine.flush(_STEP))
    return (content, engine.unused_data + data[at:], engine.eof) if notes.spend(len(content), item) else None


def within(unpacked: int, packed: int, item: Item, notes: Notes) -> bool:
    """Whether an unpacking file stays within ratio and room; what does not is noted as a gap."""
    if unpacked > notes.unpacked:
        notes.gap(item.gap, "limit", "more unpacked bytes than the limit")
        return False
    if unpacked > RATIO_FLOOR and unpacked > notes.limits.max_ratio * max(1, packed):
        notes.gap(item.gap, "limit", "unpacks to more than the ratio allows")
        return False
    return True


def room(packed: int, notes: Notes) -> int:
    """The most bytes that a packed file may unpack to: what is left of the mail's share, and what the ratio allows."""
    return min(notes.unpacked, max(RATIO_FLOOR, notes.limits.max_ratio * packed))


def read_gzip(item: Item, notes: Notes) -> PartState:
    """Every member of a gzip file (RFC 1952), joined as gzip itself joins them."""
    out: list[bytes] = []
    rest = item.content
    while rest.startswith(b"\x1f\x8b"):
        if len(out) >= _MAX_GZIP_MEMBERS:
            notes.gap(item.gap, "limit", f"more than {_MAX_GZIP_MEMBERS} gzip members")
            return PartState.UNREADABLE
        try:
            got = inflate(rest, 31, item, notes)
        except zlib.error:
            got = _unchecked(rest, item, notes)
        if got is None and not out:
            return PartState.UNREADABLE
        content, rest, ended = got or (b"", b"", True)
        out.append(content)
        if not ended:
            notes.gap(item.gap, "unreadable", "gzip stream without an end")
            break
    if rest.strip(b"\0"):
        notes.gap(item.gap, "malformed", "bytes behind the gzip stream")
    notes.child(item, b"".join(out), _stated_name(item.content) + unpacked_name(item), "gzip", 0, len(item.content))
    return PartState.READ


def unpacked_name(item: Item) -> tuple[str, ...]:
    """What programs call the file in a compressed one: the name without its last ending."""
    name = item.names[0] if item.names else ""
    base, _, ending = name.rpartition(".")
    if not base or ending.lower() not in _ENDINGS:
        return ()
    return (base + _ENDINGS[ending.lower()],)


def _stated_name(data: bytes) -> tuple[str, ...]:
    """The name in the first member's header (RFC 1952 section 2.3), which some programs save it under."""
    if len(data) < 10 or not data[3] & 0x08:
        return ()
    start = 12 + int.from_bytes(data[10:12], "little") if data[3] & 0x04 else 10
    return member_names(data[start : start + _LONGEST_NAME].partition(b"\0")[0])


def _unchecked(data: bytes, item: Item, notes: Notes) -> tuple[bytes, bytes, bool] | None:
    """A member as `inflate` gives it, by a program that unpacks it in spite of a wrong checksum or length; None, noted
    as a gap, where there is nothing to unpack."""
    notes.gap(item.gap, "malformed", "gzip with a damaged member")
    try:
        got = inflate(data[_data_start(data) :], -15, item, notes)
    except zlib.error:
        return None
    return (got[0], got[1][_TRAILER:], got[2]) if got else None


def _data_start(data: bytes) -> int:
    """Where a member's data begins, behind the fields that its flags name (RFC 1952 section 2.3)."""
    flags, at = (data[3], 10) if len(data) > 3 else (0, 10)
    if flags & 0x04:
        at += 2 + int.from_bytes(data[10:12], "little")
    for named in (0x08, 0x10):
        if flags & named:
            at = data.find(b"\0", at) + 1 or len(data)
    return at + (2 if flags & 0x02 else 0)


def note_path(names: tuple[str, ...], item: Item, notes: Notes, kind: str = "") -> None:
    """Note a member that is no file, and a name that leads out of the folder that the archive is unpacked to. No name
    is ever a path here."""
    name = names[0] if names else ""
    if kind:
        notes.find("archive-link", item.where, f"{kind}: {name}")
    if name.startswith(("/", "\\")) or _DRIVE.match(name) or ".." in name.replace("\\", "/").split("/"):
        notes.find("archive-path", item.where, name)


def list_folders(folders: Iterable[tuple[str, ...]], item: Item, notes: Notes, reading: str) -> None:
    """List the folders of an archive in which no file lies, as far as there is room: no other name tells of them."""
    inside: list[Item | Part] = [*notes.queue, *notes.parts]
    names = {_slashed(name) for one in inside if one.origin.parent == item.id for name in one.names}
    held = {folder for name in names for folder in _above(name)}
    for folder in dict.fromkeys(folders):
        if folder and notes.slots > 0 and _slashed(folder[0]) not in held:
            notes.closed_child(item, folder, 0, PartState.SKIPPED, reading, None)


def _slashed(name: str) -> str:
    return name.replace("\\", "/").rstrip("/")


def _above(name: str) -> Iterator[str]:
    for _ in range(_MAX_FOLDERS):
        name = name.rpartition("/")[0]
        if not name:
            return
        yield name


def read_tar(item: Item, notes: Notes) -> PartState:
    """The regular members of a tar file, and of tars behind its end, which some programs read on into; links and
    devices are listed by name alone and never made."""
    start = 0
    for _ in range(_MAX_TARS):
        state, end = _read_one_tar(item, start, notes)
        mark = item.content.find(b"ustar", end + _TAR_MARK)
        while mark >= 0 and (mark - _TAR_MARK) % 512:
            mark = item.content.find(b"ustar", mark + 1)
        if state is PartState.UNREADABLE or mark < 0:
            return state
        notes.gap(item.gap, "ambiguous", "members behind the end of the tar")
        start = mark - _TAR_MARK
    return state


def _read_one_tar(item: Item, start: int, notes: Notes) -> tuple[PartState, int]:
    """The state, and where the tar that begins at a position ends."""
    file, folders = io.BytesIO(item.content), list[tuple[str, ...]]()
    file.seek(start)
    try:
        with tarfile.open(fileobj=file, mode="r:", errors="surrogateescape") as archive:
            for member in archive:
                if notes.slots <= 0:
                    notes.gap("mail", "limit", "more parts than the limit")
                    return PartState.READ, len(item.content)
                if member.isdir() and member.size:
                    # Some programs pass over the data, for others the next member begins there.
                    notes.gap(item.gap, "ambiguous", "a folder with data")
                if member.isdir():
                    folders.append(_names(member))
                else:
                    _read_member(archive, member, item, notes)
            list_folders(folders, item, notes, "tar")
            if item.content[archive.offset : archive.offset + 512].strip(b"\0"):
                # Some programs end there, others pass over it.
                notes.gap(item.gap, "malformed", "tar: a header that makes no sense")
            return PartState.READ, archive.offset
    # Besides its own errors tarfile raises OverflowError for a length of twenty digits, RecursionError for headers of
    # headers, and what else hostile bytes make it.
    except Exception as error:
        notes.gap(item.gap, "unreadable", f"tar: {type(error).__name__}")
        return PartState.UNREADABLE, len(item.content)


def _names(member: tarfile.TarInfo) -> tuple[str, ...]:
    return member_names(member.name.encode("utf-8", "surrogateescape"))


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo, item: Item, notes: Notes) -> None:
    names = _names(member)
    # What has an unknown type is a regular file to most programs (POSIX.1-2017, pax, ustar typeflag).
    regular = member.isreg() or member.type not in tarfile.SUPPORTED_TYPES
    kind = "" if regular else "a link" if member.issym() or member.islnk() else "no regular file"
    note_path(names, item, notes, kind)
    if not regular:
        if member.size and not member.islnk() and not member.issym():
            # Some programs write a file all the same, for others the next member begins there.
            notes.gap(item.gap, "ambiguous", "no regular file, and with data")
        # What a link shows stands elsewhere; a device shows nothing.
        notes.closed_child(item, names, 0, PartState.SKIPPED, "tar")
        return
    stated = item.content[member.offset_data - 388 : member.offset_data - 376].strip(b" \0")
    if _OCTAL.fullmatch(stated) and int(stated, 8) != member.size and not member.issparse():
        notes.gap(item.gap, "ambiguous", "a member with two sizes")
    if not within(member.size, len(item.content), item, notes) or not notes.spend(member.size, item):
        return
    file = archive.extractfile(member)
    notes.child(item, file.read(member.size) if file else b"", names, "tar", member.offset_data, member.size)
