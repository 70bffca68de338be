"""The targets of fuzzing: one function for each reader, which takes any bytes and comes back without an exception.

A target raises AssertionError where a reader answers differently twice or leaves a gap that says it crashed. What
stands in `tests/fuzz/crashers/TARGET/` is replayed through the same functions by the tests.
"""

from __future__ import annotations

import io
import os
import socket
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from sekisho_core import normalise, settings
from sekisho_core.display import visible
from sekisho_core.errors import SekishoError
from sekisho_core.files import Spool
from sekisho_core.vocabulary import Origin, Reading
from sekisho_inspection import (
    addresses,
    archive,
    biff,
    cab,
    charset,
    chm,
    compound,
    containers,
    disc,
    disk,
    expressions,
    field_codes,
    filetype,
    formulas,
    headers,
    html,
    link_files,
    lzh,
    lzx,
    macros,
    mailboxes,
    officexml,
    onenote,
    parameters,
    passwords,
    pcode,
    pdf,
    pdf_filters,
    polyglots,
    programs,
    rar,
    rtf,
    sevenzip,
    shortcut,
    vba,
    wire,
    xlsb,
)
from sekisho_inspection import zip as zip_reader
from sekisho_inspection.header_blocks import read_block
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.pdf_streams import shown_text
from sekisho_inspection.reader import read_mail
from sekisho_inspection.script_layers import layers
from sekisho_inspection.settings import InspectionSettings
from sekisho_rules.mail_files import MailFile, mail_files, read_envelope

Target = Callable[[bytes], None]
CRASHERS = Path(__file__).parent / "crashers"
_LIMITS = settings.load(Path(os.devnull)).of(InspectionSettings)
# One input in so many is read twice.
_TWICE = 8


def mail(data: bytes) -> None:
    """The whole reader over a mail: no exception, no reader that crashed inside the net, one answer."""
    first = read_mail(data, _LIMITS, None)
    assert isinstance(first, Reading)
    assert "crashed" not in {gap.reason for gap in first.incomplete}, first.incomplete
    if zlib.crc32(data) % _TWICE == 0:
        assert first == read_mail(data, _LIMITS, None), "the same bytes were read differently"
        wire.decode_reading(wire.encode(first))


def field_values(data: bytes) -> None:
    """Fields, their values and mailboxes."""
    for field in read_block(data, 0, len(data), len(data)).fields:
        headers.decode_value(field.raw).encode()
        assert all(value.encode() for value in headers.decoded_values(field.raw))
        addresses.addresses(field.raw)


def field_parameters(data: bytes) -> None:
    """A Content-Type and a Content-Disposition with these bytes as their value."""
    stated = parameters.read([data])
    assert stated.guesses("boundary") == parameters.read([data]).guesses("boundary")
    stated.readings("filename")
    mail(b"Content-Type: " + data + b"\r\nContent-Disposition: " + data + b"\r\n\r\n--b\r\n\r\ntext\r\n--b--\r\n")


def text(data: bytes) -> None:
    """Text under the charset that the first line names: decoded, and searched for links and passwords."""
    label, _, content = data.partition(b"\n")
    for reading in charset.decodings(content, label.decode("latin-1")):
        reading.encode()
    mail(b"Content-Type: text/plain; charset=" + label[:60].replace(b"\r", b"") + b"\r\n\r\n" + content)


def page(data: bytes) -> None:
    """An HTML part."""
    html.read_page(data.decode("utf-8", "replace")).text.encode()
    mail(b"Content-Type: text/html; charset=utf-8\r\n\r\n" + data)


def password_words(data: bytes) -> None:
    """A mail's text and subject as the source of passwords."""
    subject, _, body = data.decode("utf-8", "replace").partition("\n")
    assert len(passwords.candidates([body], subject, "Mon, 02 Jul 2012 09:00:00 +0900", 20)) <= 20


def types(data: bytes) -> None:
    """The type of a file by its content, and what its name tells."""
    filetype.sniff(data)
    filetype.is_text(data)
    name = data[:300].decode("utf-8", "replace")
    filetype.name_findings(name)
    filetype.runnable(name, data)


def workbook(data: bytes) -> None:
    """The records of an old workbook."""
    biff.workbook(data)


def pdf_streams(data: bytes) -> None:
    """The filter that the first byte names, and two of them, over the rest; what a page shows of it."""
    names = ("FlateDecode", "LZWDecode", "ASCIIHexDecode", "ASCII85Decode", "RunLengthDecode")
    first, second = (names[number % 5] for number in divmod((data or b"\0")[0], 5))
    predicted = {"Predictor": 2 + len(data) % 14, "Columns": 3, "Colors": len(data) % 5}
    chains: list[list[tuple[str, dict[str, int]]]] = [
        [(first, {})],
        [(first, predicted)],
        [(first, {}), (second, predicted)],
    ]
    for filters in chains:
        with suppress(pdf_filters.Dear):
            pdf_filters.unpack(data[1:], filters, pdf_filters.Room.of(len(data), 1 << 24, 200))
    shown_text(data)


def formula(data: bytes) -> None:
    """A formula's tokens in the layout of each version, what its text comes to, and a binary workbook's records."""
    for layout in (formulas.BIFF2, formulas.BIFF5, formulas.BIFF8, formulas.BIFF12):
        expressions.folded(formulas.render(data, layout))
    book = xlsb.read_book(data)
    assert book == xlsb.read_book(data)
    xlsb.read_sheet(data, "", xlsb.read_strings(data), True)


def code(data: bytes) -> None:
    """Visual Basic: what its expressions come to, what its strings conceal, what runs by itself."""
    source = data.decode("utf-8", "replace")
    made = expressions.folded(expressions.plain_code(source))
    list(macros.decoded(made, Item("1", b"", (), "", Origin(), 1), Notes(_LIMITS)))
    macros.triggers(source)
    field_codes.instructions(source)


def compound_file(data: bytes) -> None:
    """A compound file behind its signature, and the projects in its streams."""
    file = compound.CompoundFile(compound.MAGIC + data)
    streams = {entry.path: content for entry, content in file.streams()}
    for project in vba.projects(streams):
        pcode.compiled(project)


def project(data: bytes) -> None:
    """A VBA project: the directory, a module's stream and the project's names, cut at the first two bytes."""
    cut, second = (int.from_bytes(data[at : at + 2], "little") for at in (0, 2))
    streams = {"VBA/dir": data[4:cut], "VBA/Module1": data[cut:second], "VBA/_VBA_PROJECT": data[second:]}
    for found in vba.projects(streams):
        pcode.compiled(found)
    vba.unpacked(data)


def packed_frames(data: bytes) -> None:
    """LZX under the window that the first byte names."""
    with suppress(lzx.BadLzx):
        assert len(lzx.inflate(data[1:], 15 + (data[:1] or b"\0")[0] % 7, 1 << 17)) == 1 << 17


def packets(data: bytes) -> None:
    """What a hostile worker or client may send: WireError, or a value of the right type."""
    for decode in (wire.decode_reading, wire.decode_compiled):
        with suppress(wire.WireError):
            decode(data)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, suppress(wire.WireError, EOFError):
        theirs.send(data[: wire.MAX_PACKET])
        wire.receive(ours, wire.Answer if len(data) % 2 else wire.Request)


def mailbox(data: bytes) -> None:
    """A mail file, an mbox, or an envelope: what is taken for a mail lies in the file."""
    with tempfile.TemporaryDirectory(prefix="sekisho-fuzz-") as directory:
        path = Path(directory) / "mail"
        path.write_bytes(data)
        with suppress(SekishoError):
            read_envelope(path)
        for found in mail_files(path):
            assert isinstance(found, MailFile)
            with Spool(path.parent, 1 << 20) as spool:
                found.spool_into(spool)
                assert spool.content().read() in data


def lures(data: bytes) -> None:
    """The comparison forms of a text; a subject's form is its own form again."""
    words = data.decode("utf-8", "replace")
    form = normalise.normalise_subject(words)
    assert normalise.normalise_subject(form) == form
    normalise.normalise_name(words)
    normalise.visible_text(words)
    visible(words, 100)
    first, _, second = words.partition("\n")
    normalise.same_lure(first, second)
    normalise.lure_pattern(first)


def archives(data: bytes) -> None:
    """Any archive, by the reader of its kind; and what else the bytes are."""
    notes, item = Notes(_LIMITS), Item("1", data, ("name",), "", Origin(), 1)
    if reader := containers.READERS.get(item.sniffed):
        reader(item, notes)
    polyglots.read_polyglot(item, item.sniffed, notes)


def script(data: bytes) -> None:
    """The layers of a script in the language that the first byte says."""
    code = data[1:].decode("utf-8", "replace")
    found = layers(code, ("js", "vbs", "ps1", None)[(data[:1] or b"\0")[0] % 4])
    assert found == layers(code, ("js", "vbs", "ps1", None)[(data[:1] or b"\0")[0] % 4])


def _field(name: bytes) -> Target:
    """The value of one header field, through the whole reader."""
    return lambda data: mail(name + b": " + data + b"\r\n\r\ntext\r\n")


def _attached(declared: bytes, name: bytes) -> Target:
    """A file as the last part of a mail whose text states a password, through the whole reader."""
    head = (
        b"Content-Type: multipart/mixed; boundary=sekisho\r\n\r\n--sekisho\r\n\r\nPassword: secret\r\n--sekisho\r\n"
        b"Content-Type: " + declared + b"; name=" + name + b"\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    )
    return lambda data: mail(head + data)


def _packed(names: tuple[str, ...], fixed: Mapping[str, bytes], attached: Target) -> Target:
    """A member of a document in a ZIP; the first byte says which of `names` the others are."""

    def one_input(data: bytes) -> None:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as packed:
            for name, content in {**fixed, names[(data[:1] or b"\0")[0] % len(names)]: data[1:]}.items():
                # Without a date of its own a member would bear that of the clock.
                packed.writestr(zipfile.ZipInfo(name), content)
        attached(file.getvalue())

    return one_input


def _reader(read: Callable[[Item, Notes], object]) -> Target:
    """A reader that is wholly ours, by itself: the net around all readers would hide what it raises."""

    def one_input(data: bytes) -> None:
        notes = Notes(_LIMITS)
        read(Item("1", data, ("name",), "", Origin(), 1), notes)
        assert "crashed" not in {gap.reason for gap in notes.incomplete}, notes.incomplete

    return one_input


TARGETS: dict[str, Target] = {
    "7z": _reader(sevenzip.read_sevenzip),
    "archives": archives,
    "biff": workbook,
    "cab": _reader(cab.read_cab),
    "charset": text,
    "chm": _reader(chm.read_chm),
    "code": code,
    "compound-file": compound_file,
    "disc": _reader(disc.read_disc),
    "disk": _reader(disk.read_disk),
    "field-values": field_values,
    "filetype": types,
    "formula": formula,
    "from": _field(b"From"),
    "gzip": _reader(archive.read_gzip),
    "html": page,
    "link-file": _attached(b"application/octet-stream", b"a.url"),
    "link-document": _reader(link_files.read_link_file),
    "lures": lures,
    "lzh": _reader(lzh.read_lzh),
    "lzx": packed_frames,
    "mail": mail,
    "mailbox": mailbox,
    "mailbox-file": _reader(mailboxes.read_mailbox),
    "msg": _attached(b"application/vnd.ms-outlook", b"a.msg"),
    "office-xml": _reader(officexml.read_xml),
    "ole": _attached(b"application/msword", b"a.doc"),
    "onenote": _reader(onenote.read_onenote),
    "ooxml": _packed(
        (
            "word/document.xml",
            "word/_rels/document.xml.rels",
            "xl/workbook.xml",
            "xl/workbook.bin",
            "word/vbaProject.bin",
            "xl/macrosheets/sheet1.xml",
            "xl/macrosheets/sheet1.bin",
            "xl/sharedStrings.xml",
        ),
        {"[Content_Types].xml": b"<Types/>"},
        _attached(b"application/octet-stream", b"a.docx"),
    ),
    "opendocument": _packed(
        ("content.xml", "META-INF/manifest.xml", "Basic/Standard/Module1.xml"),
        {"mimetype": b"application/vnd.oasis.opendocument.text"},
        _attached(b"application/octet-stream", b"a.odt"),
    ),
    "parameters": field_parameters,
    "passwords": password_words,
    "pdf": _reader(pdf.read_pdf),
    "pdf-filters": pdf_streams,
    "program": _reader(programs.read_pe),
    "rar": _reader(rar.read_rar),
    "rtf": _reader(rtf.read_rtf),
    "script": script,
    "script-file": _attached(b"application/octet-stream", b"a.wsf"),
    "shortcut": _reader(shortcut.read_shortcut),
    "subject": _field(b"Subject"),
    "tar": _reader(archive.read_tar),
    "text-file": _attached(b"text/csv", b"a.csv"),
    "vba-project": project,
    "wire": packets,
    "zip": _reader(zip_reader.read_zip),
}
