"""Codes in pictures, in PDF pages and drawn in texts."""

from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
import zxingcpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from sekisho_core.scan import silent
from sekisho_core.vocabulary import Mail, Reading
from sekisho_inspection.client import private_workers
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
URL = "http://c2.malware.example/x"


def code(kind: str = "QRCode", scale: int = 4, text: str = URL, quiet: bool = True) -> Image.Image:
    """A code as a picture, black on white."""
    made = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    image: Any = made.to_image(scale=scale, add_quiet_zones=quiet)
    pixels: Any = memoryview(image)
    height, width = pixels.shape
    return Image.frombytes("L", (width, height), pixels.tobytes())


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def urls(reading: Reading) -> set[str]:
    """The URLs that were observed."""
    return {item.value for item in reading.observables if item.path == "url:value"}


def kinds(reading: Reading) -> list[str]:
    """The kinds of findings, in order; the PDF files of these tests have no tables."""
    return [item.kind for item in reading.findings if item.kind != "pdf-damaged"]


QR = code()
BLANK = Image.new("L", QR.size, 255)
ON_NOTHING = Image.new("RGBA", QR.size, (0, 0, 0, 0))
ON_NOTHING.putalpha(ImageOps.invert(QR))
PALE = Image.frombytes("I;16", QR.size, b"".join(struct.pack("<H", value * 257 or 300) for value in QR.tobytes()))
LARGE = Image.new("L", (4000, 3000), 255)
LARGE.paste(code(scale=12), (900, 700))
PNG = saved(QR, "PNG")
PICTURES = {
    "png": PNG,
    "jpeg": saved(QR, "JPEG"),
    "progressive": saved(QR.convert("RGB"), "JPEG", progressive=True),
    "jpeg cmyk": saved(QR.convert("CMYK"), "JPEG"),
    "gif": saved(QR, "GIF"),
    "bmp": saved(QR, "BMP"),
    "webp": saved(QR.convert("RGB"), "WEBP"),
    "tiff": saved(QR, "TIFF"),
    "fax": saved(QR.convert("1"), "TIFF", compression="group4"),
    "one bit": saved(QR.convert("1"), "PNG"),
    "sixteen bits": saved(PALE, "PNG"),
    "on nothing": saved(ON_NOTHING, "PNG"),
    "on nothing, webp": saved(ON_NOTHING, "WEBP", lossless=True),
    "inverted": saved(ImageOps.invert(QR), "PNG"),
    "mirrored": saved(ImageOps.mirror(QR), "PNG"),
    "turned": saved(QR.rotate(33, expand=True, fillcolor=255), "PNG"),
    "one pixel a module, no margin": saved(code(scale=1, quiet=False), "PNG"),
    "last frame": saved(BLANK, "GIF", save_all=True, append_images=[QR]),
    "last frame of a PNG": saved(BLANK, "PNG", save_all=True, append_images=[QR]),
    "cut off": saved(QR.convert("RGB"), "JPEG")[:-40],
    "junk behind": PNG + b"x" * 99,
    "small in a large JPEG": saved(LARGE, "JPEG"),
    "small in a large PNG": saved(LARGE, "PNG"),
    "aztec": saved(code("Aztec"), "PNG"),
    "data matrix": saved(code("DataMatrix"), "PNG"),
    "rMQR": saved(code("RMQRCode"), "PNG"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name: str, read: Read, attach: Attach) -> None:
    """B27: a code in a picture is read in every format and guise, and its URL is observed."""
    reading = read(attach("x", ("a.bin", PICTURES[name])))
    assert [(item.kind, item.where, item.detail) for item in reading.findings] == [("qr-code", "part:2", URL)]
    assert URL in urls(reading)
    assert not reading.incomplete


def test_several_codes(read: Read, attach: Attach) -> None:
    """Every code of a picture counts."""
    both = Image.new("L", (QR.width * 2, QR.height + 40), 255)
    both.paste(QR, (0, 0))
    both.paste(code(text="c2.malware.example/y"), (QR.width, 20))
    reading = read(attach("x", ("a.png", saved(both, "PNG"))))
    assert {item.detail for item in reading.findings} == {URL, "c2.malware.example/y"}


@pytest.mark.parametrize("kind", ["Code128", "PDF417"])
def test_other_codes(kind: str, read: Read, attach: Attach) -> None:
    """Bars are for parcels: they are not read, and nothing is said of them."""
    assert kinds(read(attach("x", ("a.png", saved(code(kind), "PNG"))))) == []


def test_places(read: Read, attach: Attach) -> None:
    """B27: pictures in archives, in links of a page, and beside a page are read; each place is told."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a.png", PNG)
    mail = EmailMessage()
    source = base64.b64encode(PICTURES["jpeg"]).decode()
    mail.set_content(f"<p><img src='data:image/jpeg;base64,{source}'><img src='cid:1'></p>", subtype="html")
    mail.add_related(PICTURES["gif"], "image", "gif", cid="<1>")
    mail.make_mixed()
    mail.add_attachment(archive.getvalue(), "application", "zip", filename="a.zip")
    reading = read(mail.as_bytes(policy=SMTP))
    assert [(item.kind, item.where) for item in reading.findings] == [
        ("qr-code", "part:1.1"), ("qr-code", "part:1.2"), ("qr-code", "part:2.1"),
    ]  # fmt: skip


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, bits: int, colours: int, packed: bytes) -> bytes:
    """A PNG file that states what it likes."""
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def scans(count: int) -> bytes:
    """A progressive JPEG file of 81 megapixels whose last scan is repeated."""
    content = saved(Image.new("RGB", (9000, 9000)), "JPEG", progressive=True)
    return content[:-2] + content[content.rindex(b"\xff\xda") : -2] * count + b"\xff\xd9"


HOSTILE = {
    "bomb": png(20000, 20000, 1, 0, zlib.compress(bytes(2501 * 20000), 9)),
    "large": png(9000, 9000, 1, 0, zlib.compress(bytes(1126 * 9000), 9)),
    "largest number": png(0x7FFFFFFF, 0x7FFFFFFF, 8, 6, b"x"),
    "nothing": png(0, 0, 8, 0, b""),
    "garbage": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40,
    "head of a GIF": b"GIF89a",
    "frames": b"GIF89a" + struct.pack("<HH", 5000, 4000) + b"\x80\0\0\0\0\0\xff\xff\xff"
    + (b"\x2c" + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0\x02\x02\x44\x01\0") * 60000 + b";",
    "scans": scans(50),
    "more scans": scans(100),
    "loop": b"II*\0\x08\0\0\0\x02\0" + struct.pack("<HHIIHHII", 256, 4, 1, 9, 257, 4, 1, 9) + b"\x08\0\0\0",
    "tags": b"II*\0\x08\0\0\0\x60\xea"
    + b"".join(struct.pack("<HHII", tag, 1, 500000, 8) for tag in range(60000)) + bytes(4),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pictures(name: str, read: Read, attach: Attach) -> None:
    """B52: a picture that is dear or broken is told of, and is no gap; one beside it is read within the bounds."""
    reading = read(attach("x", ("a.bin", HOSTILE[name]), ("b.png", PNG)))
    # The frames take all pixels that a mail may have.
    assert kinds(reading) == ["picture-unread", "picture-unread" if name == "frames" else "qr-code"]
    assert not reading.incomplete


def test_ordinary_photos(read: Read, attach: Attach) -> None:
    """Ten photos of twelve megapixels are within the bounds, and the eleventh file is read."""
    photos = [(f"{number}.jpg", saved(Image.new("L", (4000, 3000), number), "JPEG")) for number in range(10)]
    reading = read(attach("x", *photos, ("a.png", PNG)))
    assert kinds(reading) == ["qr-code"]


def test_many_pictures(read: Read, attach: Attach) -> None:
    """More pictures than are searched are told of; the same one again costs nothing."""
    pictures = [(f"{number}.png", saved(Image.new("L", (20, 20), number), "PNG")) for number in range(50)]
    assert kinds(read(attach("x", *pictures[:49], *[("a.png", PNG)] * 9))) == ["qr-code"] * 9
    reading = read(attach("x", *pictures, ("a.png", PNG)))
    assert [(item.kind, item.detail) for item in reading.findings] == [("picture-unread", "more than 50 pictures")]
    assert not reading.incomplete


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([PICTURES[name] for name in ("png", "progressive", "gif", "bmp", "webp", "tiff", "fax")]),
    st.lists(st.tuples(st.integers(0, 5000), st.binary(min_size=1, max_size=6)), min_size=1, max_size=5),
    st.integers(0, 5000),
)
def test_broken_pictures(
    limits: InspectionSettings, attach: Attach, content: bytes, changes: list[tuple[int, bytes]], end: int
) -> None:
    """B52: whatever bytes of a picture are changed, the reader answers, and a picture is never a gap."""
    broken = bytearray(content)
    for at, piece in changes:
        broken[at % len(broken) : at % len(broken) + len(piece)] = piece
    reading = read_mail(attach("x", ("a.png", bytes(broken[: max(20, end)]))), limits, None)
    assert "crashed" not in {gap.reason for gap in reading.incomplete}


def test_inside_the_sandbox(limits: InspectionSettings, mail: Callable[[bytes], Mail], attach: Attach) -> None:
    """All formats are read where no file can be opened and no thread begun."""
    with private_workers(limits, 1) as client:
        reading = client(
            mail(attach("x", *((f"{name}.bin", content) for name, content in PICTURES.items()))), None, silent
        )
    assert kinds(reading) == ["qr-code"] * len(PICTURES)
    assert not reading.incomplete


# PDF.


def document(attributes: bytes, data: bytes, *objects: bytes) -> bytes:
    """A PDF whose page has one picture; further objects are numbered from 5."""
    width, height = QR.size
    picture = b"<</Subtype/Image/Width %d/Height %d%s/Length %d>>stream\n%s\nendstream" % (
        width, height, attributes, len(data), data,
    )  # fmt: skip
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<</XObject<</I 4 0 R>>>>>>"
    listed = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, picture, *objects]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, value) for number, value in enumerate(listed, 1))
    return b"%PDF-1.4\n" + body + b"trailer<</Root 1 0 R>>\n%%EOF\n"


def with_filters(content: bytes, width: int) -> bytes:
    """Rows as the predictors of PNG have them."""
    return zlib.compress(b"".join(b"\0" + content[at : at + width] for at in range(0, len(content), width)))


GRAY, ONE_BIT, RGB = QR.tobytes(), QR.convert("1").tobytes(), QR.convert("RGB").tobytes()
FLATE = b"/Filter/FlateDecode/BitsPerComponent 8/ColorSpace"
PALETTE = b"[/Indexed/DeviceRGB 1<000000ffffff>]"
NUMBERS = bytes(value and 1 for value in GRAY)
PAGES = {
    "jpeg": (b"/Filter/DCTDecode", PICTURES["jpeg"]),
    "jpeg packed": (b"/Filter[/FlateDecode/DCTDecode]", zlib.compress(PICTURES["jpeg"])),
    "plain": (b"/BitsPerComponent 8/ColorSpace/DeviceRGB", RGB),
    "gray": (FLATE + b"/DeviceGray", zlib.compress(GRAY)),
    "text": (FLATE.replace(b"/FlateDecode", b"[/ASCII85Decode/FlateDecode]") + b"/DeviceGray",
             base64.a85encode(zlib.compress(GRAY)) + b"~>"),
    "profile": (FLATE + b"[/ICCBased 5 0 R]", zlib.compress(RGB)),
    "cmyk": (FLATE + b"/DeviceCMYK", zlib.compress(QR.convert("CMYK").tobytes())),
    "indexed": (FLATE + PALETTE, zlib.compress(NUMBERS)),
    "bits": (b"/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/FlateDecode", zlib.compress(ONE_BIT)),
    "stencil": (b"/ImageMask true/Filter/FlateDecode", zlib.compress(ONE_BIT)),
    "sixteen": (b"/BitsPerComponent 16/ColorSpace/DeviceGray",
                b"".join(struct.pack(">H", value * 257 or 300) for value in GRAY)),
    "predicted": (FLATE + b"/DeviceRGB/DecodeParms<</Predictor 15/Colors 3/Columns %d>>" % QR.width,
                  with_filters(RGB, QR.width * 3)),
    "predicted, indexed": (FLATE + PALETTE + b"/DecodeParms<</Predictor 15/Columns %d>>" % QR.width,
                           with_filters(NUMBERS, QR.width)),
    "mask of a black picture": (FLATE + b"/DeviceGray/SMask 6 0 R", zlib.compress(bytes(len(GRAY)))),
}  # fmt: skip
PROFILE = b"<</N 3/Length 0>>stream\n\nendstream"
MASK = b"<</Subtype/Image/Width %d/Height %d/BitsPerComponent 8/Filter/DCTDecode/Length %d>>stream\n%s\nendstream" % (
    *QR.size, len(PICTURES["jpeg"]), PICTURES["jpeg"],
)  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_pages(name: str, read: Read, attach: Attach) -> None:
    """B27: a code in a picture of a PDF's page is read, however its pixels are packed."""
    reading = read(attach("x", ("a.pdf", document(*PAGES[name], PROFILE, MASK))))
    assert kinds(reading) == ["qr-code"]
    assert URL in urls(reading)


@pytest.mark.parametrize(
    ("attributes", "data"),
    [
        (b"/Filter/JBIG2Decode/BitsPerComponent 1", b"x"),
        (FLATE + b"[/Indexed]", b"x"),
        (FLATE + b"/DeviceGray/Width -5", zlib.compress(b"x")),
        (FLATE + b"/DeviceGray/Width 99999999", zlib.compress(b"x")),
        (FLATE + b"/DeviceGray/DecodeParms<</Predictor 15>>", b"x"),
        (FLATE + b"[/Indexed 5 0 R 3 5 0 R]", b"x"),
    ],
)
def test_pages_that_are_not_read(attributes: bytes, data: bytes, read: Read, attach: Attach) -> None:
    """Pictures that are broken, dear or packed otherwise are told of, and are no gap."""
    reading = read(attach("x", ("a.pdf", document(attributes, data, PROFILE))))
    assert set(kinds(reading)) <= {"picture-unread"}
    assert "crashed" not in {gap.reason for gap in reading.incomplete}


# Texts.

MODULES = [[value == 0 for value in code(scale=1).crop((0, y, code(scale=1).width, y + 1)).tobytes()]
           for y in range(code(scale=1).height)]  # fmt: skip


def halves(inverted: bool = False, space: str = " ") -> list[str]:
    """Two modules a character, as qrencode's UTF8 has them."""
    rows = [[module ^ inverted for module in row] for row in [*MODULES, [False] * len(MODULES[0])]]
    pairs = zip(rows[::2], rows[1::2], strict=False)
    return ["".join(f"{space}▄▀█"[upper * 2 + lower] for upper, lower in zip(*pair, strict=True)) for pair in pairs]


def wholes(dark: str, light: str) -> list[str]:
    """A module a string."""
    return ["".join(dark if module else light for module in row) for row in MODULES]


DRAWINGS = {
    "halves": halves(),
    "for dark terminals": halves(inverted=True),
    "no-break spaces": halves(space="\xa0"),
    "blocks": wholes("██", "  "),
    "number signs": wholes("##", "  "),
    "wide spaces": wholes("█", "　"),
    "squares": wholes("■", "□"),
    "emoji": wholes("⬛", "⬜"),
    "shades": wholes("██", "░░"),
    "narrow": wholes("█", " "),
    "trimmed": [line.rstrip() for line in halves()],
    "quoted": [f"> {line}" for line in halves()],
    "empty lines between": [text for line in halves() for text in (line, "")],
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawings(name: str, read: Read, attach: Attach) -> None:
    """A QR code that is drawn in a text is read, as text and in a page."""
    lines = DRAWINGS[name]
    assert kinds(read(attach("\n".join(["scan this:", "", *lines, "", "bye"])))) == ["qr-code"]
    page = EmailMessage()
    page.set_content("<p>scan</p><pre>" + "<br>".join(lines) + "</pre>", subtype="html")
    assert URL in urls(read(page.as_bytes(policy=SMTP)))


def test_drawing_in_a_long_one(read: Read, attach: Attach) -> None:
    """Lines above a drawing that look like one do not push it out of sight."""
    lines = ["█ ▀ ▄ " * 20] * 333 + wholes("██", "  ")
    assert "qr-code" in kinds(read(attach("\n".join(lines))))


@pytest.mark.parametrize("text", ["█" * 300_000, ("█▀ ▄" * 25 + "\n") * 3500, "■資料\n" * 90_000, "#" * 78 + "\n"])
def test_blocks_that_draw_nothing(text: str, read: Read, attach: Attach) -> None:
    """Blocks without end, headings and rulers are no codes, and no gap."""
    reading = read(attach(text))
    assert "qr-code" not in kinds(reading)
    assert not reading.incomplete
