"""Mail files: the mails below a path (single files, folders, Maildir, mbox), found without reading any whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sekisho_core.errors import SekishoError
from sekisho_core.files import Spool
from sekisho_core.vocabulary import Envelope

_SIDE_ENDING = ".envelope.json"
_STEP = 1 << 20


@dataclass(frozen=True)
class MailFile:
    """One mail: the path to show, the file it is in, and where in it; `end` is None for the whole file."""

    path: str
    file: Path
    start: int = 0
    end: int | None = None

    def spool_into(self, spool: Spool) -> None:
        """Copy the mail's bytes as they are. Raises OSError."""
        with self.file.open("rb") as file:
            file.seek(self.start)
            left = self.end - self.start if self.end is not None else None
            while chunk := file.read(_STEP if left is None else min(_STEP, left)):
                spool.write(chunk)
                left = None if left is None else left - len(chunk)

    def envelope_beside(self) -> Envelope:
        """The envelope of `NAME.envelope.json` beside `NAME.eml`, an empty one where there is none.

        Raises SekishoError for a file that is no envelope.
        """
        for beside in (self.file.with_suffix(_SIDE_ENDING), self.file.with_name(self.file.name + _SIDE_ENDING)):
            if beside.is_file():
                return read_envelope(beside)
        return Envelope()


@dataclass(frozen=True)
class Fault:
    """A path that cannot be read, and why."""

    path: str
    reason: str


def read_envelope(path: Path) -> Envelope:
    """An envelope in the JSON form of the scan contract. Raises SekishoError naming the file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Envelope)
    except OSError as error:
        raise SekishoError(f"{path}: cannot read the envelope: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SekishoError(f"{path}: not an envelope: {error}") from error


def mail_files(path: Path) -> Iterator[MailFile | Fault]:
    """The mails below `path` in the order of their names; hidden files and envelopes beside mails are none."""
    try:
        if path.is_dir():
            yield from _folder(path)
        elif path.is_file():
            yield from _file(path)
        else:
            yield Fault(str(path), "neither a file nor a folder" if path.exists() else "no such file or folder")
    except OSError as error:
        yield Fault(str(path), error.strerror or "cannot be read")


def mail_file(path: Path) -> MailFile:
    """The one mail that `path` names as `mail_files` shows it: a file, an mbox with a single mail, or one of several
    as BOX#NUMBER. Raises SekishoError for whatever else it is."""
    if path.is_dir():
        raise SekishoError(f"{path}: a folder, not one mail; `sekisho scan` judges all that are in it")
    box, _, number = str(path).rpartition("#")
    found = mail_files(path)
    if number.isdecimal() and not path.exists():
        found = (one for one in mail_files(Path(box)) if isinstance(one, Fault) or one.path == str(path))
    first = next(found, Fault(str(path), "no such mail"))
    if isinstance(first, Fault):
        raise SekishoError(f"{first.path}: {first.reason}")
    if next(found, None) is not None:
        raise SekishoError(f"{path}: several mails; name one, such as {first.path}, or `sekisho scan` all")
    return first


def _folder(path: Path) -> Iterator[MailFile | Fault]:
    entries = sorted(path.iterdir())
    maildir = {"cur", "new"} <= {entry.name for entry in entries}
    for entry in entries:
        # A Maildir's tmp holds mail whose delivery is not finished; its sub-folders are hidden folders.
        hidden = entry.name.startswith(".") and not (maildir and entry.is_dir())
        if hidden or entry.name.endswith(_SIDE_ENDING) or (maildir and entry.name == "tmp"):
            continue
        if entry.is_dir():
            # A link to a folder could lead in a circle.
            yield from () if entry.is_symlink() else mail_files(entry)
        elif not maildir and entry.is_file():
            yield from mail_files(entry)


def _file(path: Path) -> Iterator[MailFile | Fault]:
    with path.open("rb") as file:
        is_mbox = file.read(5) == b"From "
    if not is_mbox:
        yield MailFile(str(path), path)
        return
    for number, (start, end) in enumerate(_mbox(path), 1):
        yield MailFile(f"{path}#{number}", path, start, end)


def _mbox(path: Path) -> Iterator[tuple[int, int]]:
    """Start and end of each mail: after its "From " line, up to the empty line before the next one.

    A "From " line begins a mail at the start of the file and after an empty line; ">From " is left as it is.
    """
    begun, blank, position, fresh = None, 0, 0, True
    with path.open("rb") as file:
        # Only the head of a line is looked at: a line of gigabytes stays on disk.
        while line := file.readline(_STEP):
            if fresh and line.startswith(b"From ") and (position == 0 or blank):
                if begun is not None:
                    yield begun, position - blank
                begun = None
                while line[-1:] != b"\n" and (more := file.readline(_STEP)):
                    position, line = position + len(line), more
                begun = position + len(line)
            blank = len(line) if fresh and line in (b"\n", b"\r\n") else 0
            position += len(line)
            fresh = line.endswith(b"\n")
    if begun is not None:
        yield begun, max(begun, position - blank)
