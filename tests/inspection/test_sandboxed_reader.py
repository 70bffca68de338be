"""The readers inside the sandbox: what they open late, passwords, large mails."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from locked_office import LOCKED_OFFICE
from sekisho_core.passwords import Keys, Passwords
from sekisho_core.scan import silent
from sekisho_core.vocabulary import Mail, PartState, Reading
from sekisho_inspection.client import InspectionClient, private_workers
from sekisho_inspection.file_cache import FileCache
from sekisho_inspection.keyring import Keyring
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings

Attach = Callable[..., bytes]
CORPUS = Path(__file__).parents[1] / "corpus"
KINDS = ("archives", "locked_office", "mail_files", "offices", "others", "pdfs")
# The pad string of algorithm 2, and RC4 of 40 bits: a file that revision 2 of the standard handler locks.
PAD = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


@pytest.fixture(scope="module")
def client(limits: InspectionSettings) -> Iterator[InspectionClient]:
    """A worker with the real reader."""
    with private_workers(limits, 1) as started:
        yield started


def document(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects, the first of which is the catalog."""
    out, places = b"%PDF-1.4\n", []
    for number, value in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + value + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return out + head + table + b"trailer<</Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n" % (trailer, len(out))


def japanese(encoding: bytes, text: bytes) -> bytes:
    """A page in a font that is described by the name of a CMap alone."""
    content = b"BT /F 9 Tf <" + text.hex().encode() + b"> Tj ET"
    return document([
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type0/BaseFont/Ryumin-Light/Encoding/%s/DescendantFonts[6 0 R]>>" % encoding,
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/Ryumin-Light"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>/FontDescriptor 7 0 R>>",
        b"<</Type/FontDescriptor/FontName/Ryumin-Light/Flags 4/FontBBox[0 0 1 1]/ItalicAngle 0/Ascent 1/Descent 0>>",
    ])  # fmt: skip


def rc4(key: bytes, data: bytes) -> bytes:
    """RC4, both ways."""
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) & 255
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) & 255
        j = (j + state[i]) & 255
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) & 255])
    return bytes(out)


def locked_pdf(password: bytes) -> bytes:
    """A PDF with a launch action, locked with a user password (ISO 32000-1 7.6.3, revision 2)."""
    from hashlib import md5

    padded, permissions = (password + PAD)[:32], 0xFFFFFFFC
    owner = rc4(md5(padded, usedforsecurity=False).digest()[:5], padded)
    identity = b"0123456789abcdef"
    seed = padded + owner + permissions.to_bytes(4, "little") + identity
    key = md5(seed, usedforsecurity=False).digest()[:5]
    handler = b"<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P %d>>" % (
        owner.hex().encode(), rc4(key, PAD).hex().encode(), permissions - (1 << 32),
    )  # fmt: skip
    own = md5(key + b"\2\0\0\0\0", usedforsecurity=False).digest()[:10]
    target = rc4(own, b"cmd.exe").hex().encode()
    action = b"<</Type/Catalog/OpenAction 2 0 R>>", b"<</S/Launch/F<%s>>>" % target
    ids = b"/ID[<%s><%s>]" % (identity.hex().encode(), identity.hex().encode())
    return document([*action, handler], b"/Encrypt 3 0 R " + ids)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        (b"90ms-RKSJ-H", "採用に関する調査".encode("cp932")),
        (b"90ms-RKSJ-V", "採用に関する調査".encode("cp932")),
        (b"UniJIS-UTF16-H", "採用に関する調査".encode("utf-16-be")),
        (b"EUC-H", "採用に関する調査".encode("euc-jp")),
        (b"H", "採用に関する調査".encode("iso2022-jp")[3:-3]),
    ],
)
def test_japanese_fonts(
    encoding: bytes, text: bytes, client: InspectionClient, mail: Callable[[bytes], Mail], attach: Attach
) -> None:
    """Character maps are files that are opened when a font first asks for them, and the sandbox lets them be read."""
    reading = client(mail(attach("調査", ("a.pdf", japanese(encoding, text)))), None, silent)
    assert any("採用に関する調査" in found.text for found in reading.texts)
    assert not reading.incomplete


def test_a_character_map_is_no_path(client: InspectionClient, mail: Callable[[bytes], Mail], attach: Attach) -> None:
    """A41: the name of a character map that is a path opens nothing."""
    content = japanese(b"#2e#2e/#2e#2e/#2e#2e/etc/passwd", b"ab")
    reading = client(mail(attach("x", ("a.pdf", content))), None, silent)
    assert "root:" not in "".join(found.text for found in reading.texts)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("パスワードは「Kasumi2012」です。", PartState.OPENED),
        ("パスワード：Ｋａｓｕｍｉ２０１２", PartState.OPENED),
        ("パスワードは以下のとおりです。\n\nKasumi2012\n", PartState.OPENED),
        ("パスワードは別途お知らせします。", PartState.LOCKED),
    ],
)
def test_a_pdf_with_a_password(
    text: str, state: PartState, client: InspectionClient, mail: Callable[[bytes], Mail], attach: Attach
) -> None:
    """B37: a PDF is opened with the password of the mail's text; what it starts is then known, and else a gap."""
    reading = client(mail(attach(text, ("a.pdf", locked_pdf(b"Kasumi2012")))), None, silent)
    assert next(part.state for part in reading.parts if part.names) == state
    assert [gap.reason for gap in reading.incomplete] == (["locked"] if state == PartState.LOCKED else [])
    launches = [found.detail for found in reading.findings if found.kind == "pdf-launch"]
    place = "object 2 0, offset 66"
    assert launches == [f"{place}: cmd.exe" if state == PartState.OPENED else place]


@pytest.mark.parametrize("name", LOCKED_OFFICE)
def test_an_office_file_with_a_password(name: str, client: InspectionClient, mail: Callable[[bytes], Mail]) -> None:
    """B46: files of every age are opened where no file can be made."""
    reading = client(mail(LOCKED_OFFICE[name]), None, silent)
    assert [part.state for part in reading.parts[1:3]] == [PartState.OPENED, PartState.READ]


def test_a_password_stays_inside(client: InspectionClient, mail: Callable[[bytes], Mail], attach: Attach) -> None:
    """A password is nowhere in what leaves the worker but in the text where the sender wrote it."""
    reading = client(
        mail(attach("パスワード：Ｋａｓｕｍｉ２０１２", ("a.pdf", locked_pdf(b"Kasumi2012")))), None, silent
    )
    assert "Kasumi2012" not in repr(reading)


def test_a_mail_of_a_hundred_megabytes(client: InspectionClient, mail: Callable[[bytes], Mail], attach: Attach) -> None:
    """The memory of a worker is enough for the largest mails, and their answer is small."""
    content = attach("x", ("a.bin", os.urandom(1 << 20) * 72))
    reading: Reading = client(mail(content), None, silent)
    assert len(content) > 100_000_000
    assert not reading.incomplete
    assert [part.size for part in reading.parts if part.names] == [72 << 20]


def test_no_cache_hides_a_password(limits: InspectionSettings, attach: Attach) -> None:
    """Of several locked files of a mail none is remembered as locked: with the password that another mail states, or
    that comes from elsewhere, all of them open."""
    files = [(f"{name}.pdf", locked_pdf(b"Kasumi2012") + name.encode()) for name in "abc"]
    stated, given = attach("パスワード: Kasumi2012", *files), Keyring(Keys(more=Passwords.of(["Kasumi2012"])))
    cache = FileCache(1 << 20)
    plain = attach("x", *files)
    for content, keyring, reasons in ((plain, None, ["locked"] * 3), (stated, None, []), (plain, given, [])):
        found = read_mail(content, limits, None, keyring, cache)
        assert [gap.reason for gap in found.incomplete if gap.reason == "locked"] == reasons


def test_no_reader_needs_what_a_worker_has_not(
    client: InspectionClient, mail: Callable[[bytes], Mail], limits: InspectionSettings
) -> None:
    """C15: without files, temporary ones and late imports every kind of attachment reads as it does outside."""
    cases = [case for name in KINDS for case in sorted((CORPUS / name).glob("*.eml"))]
    assert len(cases) > 500
    for case in cases:
        content = case.read_bytes()
        assert client(mail(content), None, silent) == read_mail(content, limits, None), case.name
