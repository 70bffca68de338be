"""Objects in documents: their classes, the files that packages hold, the places that links lead to, equations."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from uuid import UUID

from sekisho_inspection import charset, filetype
from sekisho_inspection.hosts import host_facts
from sekisho_inspection.names import member_names
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_url, note_urls

# Classes that do something by being in a document: by class identifier and by the names that RTF and OOXML use.
_EQUATION, _ACTIVE, _RISKY = "office-equation", "office-activex", "office-risky-object"
_CLASSES = {
    "0002CE02-0000-0000-C000-000000000046": (_EQUATION, "Equation.3"),
    "0002CE03-0000-0000-C000-000000000046": (_EQUATION, "Equation.DSMT4"),
    "00021700-0000-0000-C000-000000000046": (_EQUATION, "Equation.2"),
    "EAB22AC3-30C1-11CF-A7EB-0000C05BAE0B": (_RISKY, "Shell.Explorer.1"),
    "8856F961-340A-11D0-A96B-00C04FD705A2": (_RISKY, "Shell.Explorer.2"),
    "25336920-03F9-11CF-8FD0-00AA00686F13": (_RISKY, "htmlfile"),
    "25336921-03F9-11CF-8FD0-00AA00686F13": (_RISKY, "htmlfile_FullWindowEmbed"),
    "3050F4D8-98B5-11CF-BB82-00AA00BDCE0B": (_RISKY, "htafile"),
    "3050F667-98B5-11CF-BB82-00AA00BDCE0B": (_RISKY, "mhtmlfile"),
    "06290BD0-48AA-11D2-8432-006008C3FBFC": (_RISKY, "a scriptlet's factory"),
    "06290BD2-48AA-11D2-8432-006008C3FBFC": (_RISKY, "a scriptlet's factory"),
    "06290BD3-48AA-11D2-8432-006008C3FBFC": (_RISKY, "a scriptlet's moniker"),
    "06290BD5-48AA-11D2-8432-006008C3FBFC": (_RISKY, "scriptletfile"),
    "ECABAFC6-7F19-11D2-978E-0000F8757E2A": (_RISKY, "a moniker that makes objects (new)"),
    "ECABB0C7-7F19-11D2-978E-0000F8757E2A": (_RISKY, "SOAP"),
    "72C24DD5-D70A-438B-8A42-98424B88AFB8": (_RISKY, "WScript.Shell"),
    "13709620-C279-11CE-A49E-444553540000": (_RISKY, "Shell.Application"),
    "9BA05972-F6A8-11CF-A442-00A0C90A8F39": (_RISKY, "ShellWindows"),
    "88D96A0C-F192-11D4-A65F-0040963251E5": (_ACTIVE, "Msxml2.SAXXMLReader.6.0"),
    "D27CDB6E-AE6D-11CF-96B8-444553540000": (_ACTIVE, "ShockwaveFlash.ShockwaveFlash"),
    "BDD1F04B-858B-11D1-B16A-00C0F0283628": (_ACTIVE, "MSComctlLib.ListViewCtrl"),
    "C74190B6-8589-11D1-B16A-00C0F0283628": (_ACTIVE, "MSComctlLib.TreeCtrl"),
    "1EFB6596-857C-11D1-B16A-00C0F0283628": (_ACTIVE, "MSComctlLib.TabStrip"),
    "996BF5E0-8044-4650-ADEB-0B013914E99C": (_ACTIVE, "MSComctlLib.ListViewCtrl"),
}
# The same as they stand in serialised objects.
_RISKY_CLASSES = {UUID(clsid).bytes_le: name for clsid, (kind, name) in _CLASSES.items() if kind == _RISKY}
_NAMES = (
    ("equation.", _EQUATION), ("shell.explorer", _RISKY), ("htmlfile", _RISKY), ("mhtmlfile", _RISKY),
    ("htafile", _RISKY), ("scriptlet", _RISKY), ("wscript.shell", _RISKY), ("soap:", _RISKY),
    ("otkloadr", _RISKY), ("shockwaveflash", _ACTIVE), ("mscomctllib", _ACTIVE), ("forms.", _ACTIVE),
)  # fmt: skip
# Monikers as their class identifiers begin a serialised one (MS-OSHARED 2.3.7): of a URL, and of a file.
_URL_MONIKER = bytes.fromhex("e0c9ea79f9bace118c8200aa004ba90b")
_FILE_MONIKER = bytes.fromhex("0303000000000000c000000000000046")
_REMOTE = re.compile(
    r"\s*(?:https?:|ftps?:|smb:|\\\\[^\\?.]|//[^/]|file:(?://[^/]|/{4,}|/*\\\\)|mhtml:|script:|soap:|ms-\w{1,20}:)",
    re.I,
)
# The scheme and host of a target that begins with them.
_HOST = re.compile(r"\s*((?:https?|ftps?|smb|file):)?[\\/]{2,}([^\\/?#\s]{1,400})", re.I)
_MAX_LINKS = 200
_TEXT = re.compile(rb"[^\0]{0,1000}\0")
# Typefaces' names in an equation: the editor keeps 32 bytes for one (CVE-2017-11882), and eight parts for a matrix.
_LONGEST_FONT, _MOST_PARTS = 40, 31
_EQUATION_HEADER = 28


def is_remote(target: str) -> bool:
    """Whether a program goes to a machine elsewhere for it. A name without a dot is one of the reader's own network, as
    in the templates of another organisation's servers."""
    if _REMOTE.match(target) is None:
        return False
    found = _HOST.match(target)
    if found is None:
        return True
    # Before the host of a URL stands a user, behind that of a share a port.
    host = found[2].rpartition("@")[2] if found[1] else found[2].partition("@")[0]
    return bool(host_facts(host if host.startswith("[") else host.partition(":")[0]))


def note_class(clsid: str, name: str, place: str, item: Item, notes: Notes) -> None:
    """Note an object by the identifier of its class ("" where unknown) or by the class's name."""
    lowered = name.strip().lower()
    kind, shown = _CLASSES.get(clsid.strip("{}").upper(), ("", ""))
    if not kind:
        kind, shown = next(((kind, name) for start, kind in _NAMES if lowered.startswith(start)), ("", ""))
    if kind == _RISKY:
        notes.find("office-risky-object", item.at(place), shown)
    elif kind == _EQUATION:
        notes.find("office-equation", item.at(place), shown)
    elif kind == _ACTIVE:
        notes.find("office-activex", item.at(place), shown)


def note_link(target: str, kind: str, place: str, item: Item, notes: Notes) -> None:
    """Note what a document fetches when it opens, where that is on another machine."""
    target = target.strip().replace("\0", "")
    note_url(target, item.at(place), notes) if "://" in target[:12] else note_urls(target, item.at(place), notes)
    if is_remote(target):
        notes.find("office-remote-template", item.at(place), f"{kind}: {target}")


def note_monikers(data: bytes, place: str, item: Item, notes: Notes) -> None:
    """Note where the monikers of an object lead, and classes among them that make scripts run."""
    for target in monikers(data):
        note_link(target, "link", place, item, notes)
    for raw, name in _RISKY_CLASSES.items():
        if raw in data:
            notes.find("office-risky-object", item.at(place), name)


def monikers(data: bytes) -> Iterator[str]:
    """The targets of serialised URL and file monikers anywhere in data."""
    for at in _places(data, _URL_MONIKER):
        size = int.from_bytes(data[at : at + 4], "little")
        text = data[at + 4 : at + 4 + min(size, 8192)].decode("utf-16-le", "replace").partition("\0")[0]
        if len(text) > 2:
            yield text
    for at in _places(data, _FILE_MONIKER):
        size = int.from_bytes(data[at + 2 : at + 6], "little")
        path = data[at + 6 : at + 6 + min(size, 4096)].partition(b"\0")[0]
        wide_at = at + 6 + size + 24
        wide = data[wide_at + 10 : wide_at + 10 + min(int.from_bytes(data[wide_at + 4 : wide_at + 8], "little"), 8192)]
        # A path that needs Unicode stands a second time behind the one in the system's charset.
        if len(wide) >= 4 and data[wide_at + 8 : wide_at + 10] == b"\x03\0":
            yield wide.decode("utf-16-le", "replace")
        if len(path) > 2:
            yield charset.decode(path)[0]


def _places(data: bytes, mark: bytes) -> Iterator[int]:
    at = data.find(mark)
    for _ in range(_MAX_LINKS):
        if at < 0:
            return
        yield at + len(mark)
        at = data.find(mark, at + 1)


def note_package(stream: bytes, place: str, item: Item, notes: Notes) -> None:
    """The file of a package (MS-OLEDS 2.3.6) becomes a child that bears its label, its name and its paths.

    A package without data is a link to a file of the reader's machine, which a double click starts.
    """
    found = _package(stream)
    if found is None:
        notes.gap(item.gap, "malformed", "an OLE package that cannot be taken apart")
        # What it holds may still be seen by its content.
        if notes.spend(len(stream), item):
            notes.child(item, stream, (), "ole")
        return
    names, data = found
    if data and notes.spend(len(data), item):
        notes.find("office-package", item.at(place), names[0] if names else "")
        notes.child(item, data, names, "ole")
    elif not data:
        program = next((name for name in names if filetype.runnable(name, None)), "")
        target = next((name for name in names if is_remote(name)), "")
        if program or target:
            notes.find("executable", item.at(place), f"a link to {program or target}")


def _package(stream: bytes) -> tuple[tuple[str, ...], bytes] | None:
    """Names and data; the size before everything is there in a stream, and is not in RTF."""
    at = 0 if stream[:2] == b"\x02\0" and stream[4:6] != b"\x02\0" else 4
    if stream[at : at + 2] != b"\x02\0":
        return None
    texts: list[bytes] = []
    at += 2
    for skipped in (0, 0, 8):
        # Two numbers stand before the temporary path, the second its length.
        stated = int.from_bytes(stream[at + 4 : at + 8], "little") if skipped else 0
        match = _TEXT.match(stream, at + skipped)
        if match is None:
            return None
        texts.append(match[0][:-1])
        at = match.end() if stream[at + 7 + stated : at + 8 + stated] != b"\0" or not stated else at + 8 + stated
    length = int.from_bytes(stream[at : at + 4], "little")
    data = stream[at + 4 : at + 4 + length]
    wide = _wide_names(stream[at + 4 + length :])
    names = [name for text in texts if text for name in member_names(text)[-1:]]
    return tuple(dict.fromkeys(name for name in (*wide, *names) if name)), data


def _wide_names(tail: bytes) -> Iterator[str]:
    """The three names once more in UTF-16, as newer programs write them behind the data."""
    at = 0
    for _ in range(3):
        size = int.from_bytes(tail[at : at + 4], "little")
        if not 0 < size <= 1000:
            return
        text = tail[at + 4 : at + 4 + 2 * size].decode("utf-16-le", "replace").rstrip("\0")
        yield text.replace("\\", "/").rpartition("/")[2]
        at += 4 + 2 * size


def note_equation(native: bytes, place: str, item: Item, notes: Notes) -> None:
    """Note an equation (MTEF 3), and one whose records are longer than the editor has room for."""
    notes.find("office-equation", item.at(place), "native data")
    if overflows(native):
        notes.find("office-exploit", item.at(place), "an equation with a record that the editor has no room for")


def overflows(native: bytes) -> bool:
    """Whether the first records of an equation hold a font's name or a matrix that is too long."""
    at = struct.unpack_from("<H", native)[0] if len(native) > 2 else _EQUATION_HEADER
    at = (at if at == _EQUATION_HEADER else _EQUATION_HEADER) + 5
    for _ in range(64):
        if at >= len(native):
            return False
        tag, options = native[at] & 0x0F, native[at] >> 4
        if tag == 8:
            end = native.find(b"\0", at + 3)
            length = (end if end >= 0 else len(native)) - at - 3
            if length > _LONGEST_FONT:
                return True
            at += 3 + length + 1
        elif tag == 5:
            return max(native[at + 4 : at + 6], default=0) > _MOST_PARTS
        elif tag in (1, 10, 11, 12, 13, 14):
            # A line may have a nudge, a spacing and a ruler before what is in it.
            at += 1 + (2 if options & 8 else 0) + (1 if tag == 1 and options & 4 else 0)
        elif tag == 2:
            at += 4 + (2 if options & 8 else 0)
        elif tag in (0, 9):
            at += 1 if tag == 0 else 3
        else:
            return False
    return False
