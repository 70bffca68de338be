"""The reader: one mail's bytes to its Reading. Pure and bounded; whatever the bytes are, it answers.

The messages are walked first and all their texts read, because an attachment's password may stand in any of them; then
every file, and every file inside of one, is taken from one queue.
"""

from __future__ import annotations

import warnings
from collections import deque

from sekisho_core.finding_kinds import FindingKind
from sekisho_core.normalise import normalise_subject
from sekisho_core.vocabulary import Header, PartState, Reading, Subject

from sekisho_inspection import (
    biff,
    charset,
    chm,
    containers,
    elsewhere,
    embedded,
    encryption,
    filetype,
    headers,
    link_files,
    macfile,
    mailboxes,
    manifests,
    mime,
    msg,
    msi,
    office,
    officexml,
    ole,
    onenote,
    opendocument,
    pdf,
    polyglots,
    programs,
    qr,
    rtf,
    script_files,
    shortcut,
    smime,
    textfile,
    tnef,
    unread,
    volumes,
    xdp,
    yara_scan,
)
from sekisho_inspection.containers import FileReader
from sekisho_inspection.fields import note_fields
from sekisho_inspection.file_cache import FileCache
from sekisho_inspection.headers import Field
from sekisho_inspection.keyring import Keyring
from sekisho_inspection.lures import note_lures
from sekisho_inspection.mismatch import note_mismatch
from sekisho_inspection.names import run_by_name
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.texts import is_page, is_textual, looks_text, read_text
from sekisho_inspection.yara_scan import CompiledYara
from sekisho_inspection.zip import is_appended, read_appended

_READERS: dict[str, FileReader] = {
    **containers.READERS,
    **dict.fromkeys((pdf.KIND, pdf.FORM_DATA), pdf.read_pdf),
    office.OOXML: office.read_ooxml,
    "application/x-ole-storage": ole.read_ole,
    rtf.KIND: rtf.read_rtf,
    biff.KIND: biff.read_plain,
    opendocument.KIND: opendocument.read_opendocument,
    officexml.KIND: officexml.read_xml,
    officexml.ACTIVE_MIME: officexml.read_active_mime,
    xdp.KIND: xdp.read_xdp,
    tnef.KIND: tnef.read_tnef,
    msg.KIND: msg.read_msg,
    onenote.KIND: onenote.read_onenote,
    chm.KIND: chm.read_chm,
    smime.KIND: smime.read_cms,
    macfile.APPLE_FILE: macfile.read_apple_file,
    shortcut.KIND: shortcut.read_shortcut,
    filetype.PE: programs.read_pe,
    msi.KIND: msi.read_msi,
    **dict.fromkeys((programs.ELF, programs.MACH, programs.JAVA), programs.read_other),
    macfile.MAC_BINARY: macfile.read_mac_binary,
    **dict.fromkeys(filetype.PICTURES, qr.read_picture),
}
_ZIPS = frozenset(["application/zip", office.OOXML, opendocument.KIND])
# Formats that are locked with passwords.
_LOCKABLE = _ZIPS | {
    "application/pdf",
    "application/x-ole-storage",
    "application/vnd.rar",
    "application/x-7z-compressed",
}
# Formats that hold their files unpacked, and the names by which nobody opens them as a ZIP.
_UNPACKED = {
    tnef.KIND: (".dat", ".tnef"),
    smime.KIND: (".p7m", ".p7s"),
    msg.KIND: (".msg", ".oft"),
    onenote.KIND: (".one",),
}


charset.preload()
encryption.preload()
qr.preload()


def read_mail(
    content: bytes,
    limits: InspectionSettings,
    yara: CompiledYara | None,
    keyring: Keyring | None = None,
    cache: FileCache | None = None,
) -> Reading:
    """Read a mail as the MTA sent it (RFC 5322). Raises nothing; what could not be read is `incomplete`.

    The same bytes, limits, rules and keys give the same Reading, with a cache of these limits and rules or without one.
    """
    notes = Notes(limits, yara, min(len(content), limits.max_mail_bytes), keyring)
    with warnings.catch_warnings():
        # What third parties' parsers complain about in hostile files is nobody's news.
        warnings.simplefilter("ignore")
        top = _read(content, notes, yara, cache or FileCache(0))
    return _reading(top, notes)


def _read(content: bytes, notes: Notes, yara: CompiledYara | None, cache: FileCache) -> list[Field]:
    top: list[Field] = []
    limits = notes.limits
    try:
        top = _read_message(_lines(content[: limits.max_mail_bytes]), "", 0, notes)
        if len(content) > limits.max_mail_bytes:
            notes.gap("mail", "limit", "more bytes than the limit")
        notes.queue = deque(sorted(notes.queue, key=_may_be_locked))
        while notes.queue:
            cache.read(notes.queue.popleft(), notes, yara, _read_file)
            if not notes.queue:
                embedded.join_pieces(notes)
                volumes.join_volumes(notes)
        notes.tell_passwords()
    # The last net: a reader that dies of hostile bytes must leave a gap, and what was read before it.
    except Exception as error:
        notes.gap("mail", "crashed", type(error).__name__)
    return top


def _may_be_locked(item: Item) -> bool:
    """Whether it waits for what texts and pictures beside it say: one of them may state its password."""
    return item.sniffed in _LOCKABLE


def _lines(content: bytes) -> bytes:
    """The bytes with line ends that a mail may have: files of old Macintosh programs have carriage returns only."""
    return content if b"\n" in content else content.replace(b"\r", b"\n")


def _reading(top: list[Field], notes: Notes) -> Reading:
    parts = sorted(notes.parts, key=lambda part: [int(number) for number in part.id.split(".")])
    listed = tuple(Header(field.name, headers.decode_value(field.raw), field.raw) for field in top)
    raw = next((field.raw for field in top if field.key == "subject"), b"")
    decoded = next(iter(headers.decoded_values(raw)), "")
    subject = Subject(headers.unfold(raw).decode("utf-8", "backslashreplace"), decoded, normalise_subject(decoded))
    note_lures(subject, notes)
    return Reading(
        subject,
        listed,
        tuple(notes.texts),
        tuple(parts),
        notes.observables,
        yara_scan.masked(notes.findings, notes.passwords),
        notes.incomplete,
        notes.decodings,
        notes.links,
    )


def _read_message(data: bytes, part_id: str, depth: int, notes: Notes) -> list[Field]:
    """Walk a message and those attached to it; their leaves go to the queue. Returns its own fields."""
    # Recursion is bounded by max_depth, like that of the entities inside.
    walk = mime.Walk(data, part_id, depth, notes)
    note_fields(walk.fields, f"part:{part_id}" if part_id else "", notes)
    for entity in walk.entities():
        _read_entity(entity, notes)
    return list(walk.fields)


def _read_entity(entity: mime.Entity, notes: Notes) -> None:
    item = entity.item
    notes.queue.append(item)
    elsewhere.note_elsewhere(entity, notes)
    if entity.is_message:
        notes.texts_read.add(item.id)
        _read_message(item.content, item.id, item.depth + 1, notes)
    elif entity.is_text or looks_text(item):
        notes.texts_read.add(item.id)
        read_text(item, entity.charset, not entity.is_attachment, notes)
    notes.named += item.names
    for name in item.names:
        notes.observe("email-message:body_multipart[*].body_raw_ref.name", name, item.where)
    for stated in map(headers.decode_value, entity.dispositions):
        # Publishers state the bare word where the standard has the whole field.
        for value in dict.fromkeys((stated, stated.partition(";")[0].strip().lower())):
            notes.observe("email-message:body_multipart[*].content_disposition", value, item.where)


def _read_file(item: Item, notes: Notes) -> None:
    """One file: type, hashes, names, YARA, and the reader of its type."""
    kind = _kind(item)
    state = PartState.READ
    if item.id not in notes.texts_read and ((is_textual(item) and kind not in _READERS) or is_page(item)):
        read_text(item, "", False, notes)
    _names(item, kind, notes)
    volumes.note_volume(item, notes)
    if item.id not in notes.explained and (problem := unread.problem(item, kind)):
        notes.gap(item.gap, *problem)
        state = PartState.UNREADABLE
    elif reader := _READERS.get(kind):
        state = _bounded(reader, item, notes)
    if _is_inner_mail(item, kind):
        # A mail kept as a file: in an archive, in an envelope, or attached as octet-stream.
        _read_message(item.content, item.id, item.depth + 1, notes)
    elif not kind and (start := officexml.page_start(item)) is not None:
        _read_message(item.content[start:], item.id, item.depth + 1, notes)
    if not _is_words_alone(item, kind, notes):
        appended = _read_as_another(item, kind, notes)
        state = appended if state is PartState.READ else state
    if item.declared not in mime.MESSAGES:
        embedded.read_embedded(item, kind, notes)
    _scan(item, kind, state, notes)
    notes.part(item, _stated_type(item, kind, notes), state)


def _is_words_alone(item: Item, kind: str, notes: Notes) -> bool:
    """Whether it is a text without a name, which nobody opens as a file: of most mail the only part."""
    plain = not item.names and not kind and item.declared == "text/plain" and item.id in notes.texts_read
    return plain and b"\0" not in item.content


def _read_as_another(item: Item, kind: str, notes: Notes) -> PartState:
    """Read what the item is to programs that go by its name, by how it is written, or that look elsewhere than at its
    beginning; the state of a ZIP there."""
    textfile.read_starters(item, notes)
    mailboxes.read_mailbox(item, notes)
    script_files.read_script(item, notes)
    link_files.read_link_file(item, notes)
    manifests.read_manifest(item, notes)
    note_mismatch(item, kind, notes)
    state = read_appended(item, notes) if _may_be_zip(item, kind) else PartState.READ
    polyglots.read_polyglot(item, kind, notes)
    pdf.note_misnamed(item, kind, notes)
    if kind == pdf.KIND:
        pdf.read_message(item, notes)
    elif pdf.may_be_pdf(item, kind):
        _bounded(pdf.read_pdf, item, notes)
    if kind == "application/x-ole-storage" and msg.is_message(item.content):
        _bounded(msg.read_msg, item, notes)
    return state


def _scan(item: Item, kind: str, state: PartState, notes: Notes) -> None:
    """The rules over the file, and over what stands for it in the mail where that is encoded."""
    if state in (PartState.LOCKED, PartState.OPENED):
        notes.locked.add(item.id)
    name, kind = item.names[0] if item.names else "", kind or item.declared
    notes.scan(item, item.content, name, kind)
    if item.raw and item.raw != item.content:
        notes.scan(item, item.raw, name, kind, "encoded")


def _may_be_zip(item: Item, kind: str) -> bool:
    """Whether a ZIP in the content is one to a program; one in a format that holds it as it is was read there."""
    if kind not in _UNPACKED:
        return kind not in _ZIPS
    return any(not name.lower().rstrip(" .").endswith(_UNPACKED[kind]) for name in item.names)


def _is_inner_mail(item: Item, kind: str) -> bool:
    """Whether it is a mail as a file, by what holds it, by content or by name."""
    if item.origin.reading in (smime.READING, mailboxes.READING, pdf.WEB_PAGE) or item.declared == elsewhere.PARTIAL:
        return kind not in _READERS
    return mime.is_mail_file(item, kind)


def _kind(item: Item) -> str:
    """The type by content; a PDF without its header is one still when it is sent as such and has its objects."""
    kind = item.sniffed
    if kind == "application/zip":
        return _kind_of_zip(item.content)
    if kind == "application/x-ole-storage":
        return msg.sniff(item.content) or (msi.KIND if msi.is_one(item.content) else kind)
    kind = kind or officexml.sniff(item.content) or xdp.sniff(item) or smime.sniff(item) or _old_office(item.content)
    if not kind and is_appended(item.content):
        return "application/zip"
    called_pdf = item.declared == "application/pdf" or any(name.lower().endswith(".pdf") for name in item.names)
    return "application/pdf" if not kind and called_pdf and b" obj" in item.content else kind


def _kind_of_zip(content: bytes) -> str:
    if opendocument.is_one(content):
        return opendocument.KIND
    kind = office.kind_of(content)
    return kind or (opendocument.KIND if opendocument.is_unmarked(content) else "application/zip")


def _old_office(content: bytes) -> str:
    """Formats that Office reads by a beginning that is short, or late."""
    if biff.is_plain(content):
        return biff.KIND
    return rtf.KIND if rtf.is_one(content) else ""


def _stated_type(item: Item, kind: str, notes: Notes) -> str:
    if kind == office.OOXML:
        return office.exact_type(item.content)
    # A body without a type is plain text (RFC 2045 section 5.2).
    return kind or item.declared or ("text/plain" if item.id in notes.texts_read else "application/octet-stream")


def _bounded(reader: FileReader, item: Item, notes: Notes) -> PartState:
    try:
        return reader(item, notes)
    # Parsers of third parties raise whatever hostile bytes make them; the part is then not clean but unread.
    except Exception as error:
        notes.gap(item.gap, "unreadable", type(error).__name__)
        return PartState.UNREADABLE


def _names(item: Item, kind: str, notes: Notes) -> None:
    named = run_by_name(item.names, item.content)
    started = kind in filetype.EXECUTABLE or onenote.is_started(item, kind)
    if started or named:
        shown = kind or "a script" if started else f"named {named.rpartition('.')[2]}"
        notes.find(_executable_kind(item), item.where, shown)


def _executable_kind(item: Item) -> FindingKind:
    if item.origin.reading == "pdf":
        return "pdf-embedded-executable"
    return "archived-executable" if item.origin.reading in containers.READINGS else "executable"
