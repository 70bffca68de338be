"""QR codes in pictures, pages, PDF files and texts."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from sekisho_core.scan import silent
from sekisho_core.vocabulary import Mail, Reading
from sekisho_inspection.client import private_workers
from sekisho_inspection.settings import InspectionSettings

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
URL = "http://c2.malware.example/gate.php"


def code(scale: int = 4) -> Image.Image:
    """A QR code with its margin, dark on light."""
    drawn: Any = zxingcpp.create_barcode(URL, zxingcpp.BarcodeFormat.QRCode).to_image(scale=scale)
    pixels = memoryview(drawn)
    height, width = pixels.shape or (0, 0)
    image = Image.frombytes("L", (width, height), pixels.tobytes())
    framed = Image.new("L", (width + 8 * scale, height + 8 * scale), 255)
    framed.paste(image, (4 * scale, 4 * scale))
    return framed


def saved(image: Image.Image, kind: str) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def modules() -> list[list[bool]]:
    """The code's modules, True for dark."""
    image = code(1)
    return [[image.getpixel((x, y)) == 0 for x in range(image.width)] for y in range(image.height)]


def transparent() -> Image.Image:
    """Dark modules on no ground."""
    image = Image.new("RGBA", code().size, (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), mask=code().point(lambda value: 255 - value))
    return image


PICTURES = {
    **{kind: saved(code(), kind) for kind in ("png", "jpeg", "gif", "bmp", "webp")},
    "transparent": saved(transparent(), "PNG"),
    "inverted": saved(code().point(lambda value: 255 - value), "PNG"),
    "turned": saved(code().rotate(33, expand=True, fillcolor=255), "PNG"),
    "palette": saved(code().convert("P"), "PNG"), "one bit": saved(code().convert("1"), "PNG"),
    "large": saved(code(80), "PNG"), "cut off": saved(code(), "PNG")[:-12],
}  # fmt: skip


def urls(reading: Reading) -> set[str]:
    """The URLs of a reading."""
    return {one.value for one in reading.observables if one.path == "url:value"}


@pytest.mark.parametrize("content", PICTURES.values(), ids=PICTURES)
def test_pictures(content: bytes, read: Read, attach: Attach) -> None:
    """B27: the URL of a QR code in a picture is noted at its part, and what the code says is a finding."""
    reading = read(attach("scan this", ("a.bin", content)))
    assert (URL, "part:2") in {(one.value, one.where) for one in reading.observables}
    assert [(found.kind, found.detail) for found in reading.findings] == [("qr-code", URL)]
    assert not reading.incomplete


@pytest.mark.parametrize("where", ["<img src='{}'>", "<p style='background:url({})'>", "<a href='{}'>x</a>"])
def test_pictures_in_pages(where: str, read: Read) -> None:
    """B27: a picture in a data: link is searched as well."""
    link = "data:image/png;base64," + base64.b64encode(PICTURES["png"]).decode()
    assert URL in urls(read(b"Content-Type: text/html\r\n\r\n" + where.format(link).encode()))


def pdf(dictionary: bytes, data: bytes) -> bytes:
    """A PDF with one image."""
    image = code()
    size = b"/Subtype/Image/Width %d/Height %d/Length %d" % (image.width, image.height, len(data))
    objects = b"1 0 obj<</Type/Catalog>>endobj\n2 0 obj<<%s%s>>stream\n%s\nendstream endobj\n" % (
        size,
        dictionary,
        data,
    )
    return b"%PDF-1.4\n" + objects + b"trailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.mark.parametrize(
    "content",
    [
        pdf(b"/Filter/DCTDecode", PICTURES["jpeg"]),
        pdf(b"/Filter/FlateDecode/BitsPerComponent 8/ColorSpace/DeviceGray", zlib.compress(code().tobytes())),
        pdf(b"/Filter[/FlateDecode]/BitsPerComponent 8", zlib.compress(code().convert("RGB").tobytes())),
        pdf(b"/BitsPerComponent 1", code().convert("1").tobytes()),
    ],
    ids=["jpeg", "grey", "colours", "one bit"],
)
def test_pictures_in_pdf(content: bytes, read: Read, attach: Attach) -> None:
    """B27: the images of a PDF are searched."""
    assert URL in urls(read(attach("see", ("a.pdf", content))))


def halves(rows: list[list[bool]]) -> str:
    """Two rows a line."""
    rows = [*rows, [False] * len(rows[0])]
    signs = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    return "\n".join(
        "".join(signs[upper, lower] for upper, lower in zip(*rows[at : at + 2], strict=True))
        for at in range(0, len(rows) - 1, 2)
    )


DRAWN = {
    "halves": halves(modules()),
    "inverted": halves([[not dark for dark in row] for row in modules()]),
    **{
        dark: "\n".join("".join(dark if module else light for module in row) for row in modules())
        for dark, light in (("██", "  "), ("##", "  "), ("⬛", "⬜"))
    },
}


@pytest.mark.parametrize("drawing", DRAWN.values(), ids=DRAWN)
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_drawn(drawing: str, kind: str, read: Read) -> None:
    """B27: a QR code of block characters is read, in a text and in a page."""
    body = f"scan:\n{drawing}\nthanks" if kind == "plain" else f"<html><pre>\n{drawing}\n</pre></html>"
    assert URL in urls(read(f"Content-Type: text/{kind}; charset=utf-8\r\n\r\n{body}".encode()))


def test_pictures_are_bounded(read: Read, attach: Attach) -> None:
    """What is too large, too much or broken is said, and is no gap; nothing is unpacked for it."""
    huge = saved(Image.new("1", (20_000, 20_000)), "PNG")
    many = [(f"{number}.png", saved(Image.new("1", (6000, 6000)), "PNG")) for number in range(4)]
    for files in ([("a.png", huge)], many, [("a.png", b"\x89PNG\r\n\x1a\n" + bytes(50))]):
        reading = read(attach("x", *files))
        assert {found.kind for found in reading.findings} == {"picture-unread"}
        assert not reading.incomplete


def test_in_the_sandbox(limits: InspectionSettings, mail: Callable[[bytes], Mail], attach: Attach) -> None:
    """Every format's reader was loaded before the sandbox closed."""
    files = [(f"{name}.bin", content) for name, content in PICTURES.items()]
    with private_workers(limits, 1) as client:
        reading = client(mail(attach("x", *files)), None, silent)
    assert [found.kind for found in reading.findings] == ["qr-code"] * len(files)
