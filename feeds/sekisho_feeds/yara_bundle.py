"""The format "yara": YARA files, and ZIP archives that hold them."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from sekisho_rules.indicator import Indicator, Refusal, newest
from sekisho_rules.indicator_files import YARA_SUFFIXES, Provenance, indicators_of

from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_feeds.options import chosen, whole

OPTIONS = {"most_files": "20000", "largest_file": str(10 << 20), "most_bytes": str(256 << 20)}
_MOST_MEMBERS = 1_000_000
_LARGEST = 1 << 30
# YARA source compresses five to ten times; DEFLATE cannot do more than 1,032 times.
_MOST_RATIO = 200
_DEEPEST = 20
_ARCHIVE_SUFFIXES = (".zip", ".7z", ".rar", ".gz", ".tgz", ".bz2", ".xz", ".tar", ".cab", ".zst")
_COMMENT_OR_TEXT = re.compile(
    r'//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?|"(?:[^"\\\n]|\\.)*+"?|(?P<include>^\s*+include\s)', re.MULTILINE
)


def yara(documents: Iterable[Document], provenance: Provenance, options: Mapping[str, str]) -> Harvest:
    """The indicators of all YARA files, one each. Index files, which only `include` others, and files that do are
    refused: their rules are read from the files themselves. Raises FeedError as `Format` says."""
    given = chosen(OPTIONS, options)
    bounds = _Bounds(provenance.source, given)
    found: list[Indicator] = []
    refused: list[Refusal] = []
    for document in documents:
        for file in _files(document, bounds, refused):
            bounds.count(file)
            if why := _why_not(file, bounds.largest):
                refused.append(Refusal(file.name, provenance.source, why, file.name))
            else:
                found += indicators_of(file.content, file.name, provenance, refused)
    return Harvest(_consistent(found, refused), refused)


class _Bounds:
    def __init__(self, source: str, options: Mapping[str, str]) -> None:
        self.source = source
        self.largest = whole(options, "largest_file", _LARGEST)
        self.files = self.most_files = whole(options, "most_files", _MOST_MEMBERS)
        self.bytes = self.most_bytes = whole(options, "most_bytes", _LARGEST)

    def count(self, file: Document) -> None:
        self.files -= 1
        self.bytes -= len(file.content)
        if self.files < 0:
            raise FeedError(f"{self.source}: {file.name}: more than {self.most_files} files")
        if self.bytes < 0:
            raise FeedError(f"{self.source}: {file.name}: more than {self.most_bytes} bytes in all")


def _consistent(found: list[Indicator], refused: list[Refusal]) -> list[Indicator]:
    """Those of which no file before states another pattern under the same id and version."""
    stated: dict[tuple[str, object], Indicator] = {}
    for one in found:
        first = stated.setdefault((one.id, one.modified), one)
        if first.pattern != one.pattern:
            why = f"{first.file} states the same id with other rules"
            refused.append(Refusal(one.id, one.source, why, one.file, one.name))
    return newest(stated.values())


def _files(document: Document, bounds: _Bounds, refused: list[Refusal]) -> Iterator[Document]:
    if not document.content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        if not _is_yara(document.name):
            raise FeedError(f"{bounds.source}: {document.name}: neither a YARA file nor a ZIP archive")
        yield document
        return
    try:
        with zipfile.ZipFile(io.BytesIO(document.content)) as archive:
            yield from _members(archive, document, bounds, refused)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError, IndexError) as error:
        raise FeedError(f"{bounds.source}: {document.name}: not a ZIP archive that can be read: {error}") from error


def _members(
    archive: zipfile.ZipFile, document: Document, bounds: _Bounds, refused: list[Refusal]
) -> Iterator[Document]:
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise FeedError(f"{bounds.source}: {document.name}: more than {_MOST_MEMBERS} members")
    seen: set[str] = set()
    for member in members:
        name = member.filename
        if member.is_dir() or not (_is_yara(name) or _is_archive(name)):
            continue
        why = "stands there twice" if name in seen else _why_not_member(member, bounds)
        seen.add(name)
        if why:
            refused.append(Refusal(name, bounds.source, why, f"{document.name}/{name}"))
        else:
            yield Document(name, _content(archive, member, bounds))


def _why_not_member(member: zipfile.ZipInfo, bounds: _Bounds) -> str:
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    if ".." in parts or member.filename.startswith(("/", "\\")) or ":" in parts[0]:
        return "its path leads out of the archive"
    if len(parts) > _DEEPEST:
        return f"its path is deeper than {_DEEPEST} folders"
    if _is_archive(member.filename):
        return "an archive within the archive is not opened"
    if member.flag_bits & 1:
        return "it is encrypted"
    if member.file_size > bounds.largest:
        return f"larger than {bounds.largest} bytes"
    return (
        "it is packed tighter than text can be" if member.file_size > _MOST_RATIO * (member.compress_size + 64) else ""
    )


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, bounds: _Bounds) -> bytes:
    with archive.open(member) as file:
        # What the directory says of the size is the archive's word alone.
        return file.read(min(bounds.largest, bounds.bytes) + 1)


def _why_not(file: Document, largest: int) -> str:
    if len(file.content) > largest:
        return f"larger than {largest} bytes"
    text = file.content.decode(errors="replace")
    if any(found["include"] for found in _COMMENT_OR_TEXT.finditer(text)):
        return "it includes other files, which are read by themselves"
    return ""


def _is_yara(name: str) -> bool:
    return name.lower().endswith(YARA_SUFFIXES)


def _is_archive(name: str) -> bool:
    return name.lower().endswith(_ARCHIVE_SUFFIXES)
