"""QR codes: in pictures, and in texts that draw one with block characters; what they say is a text of its own."""

from __future__ import annotations

import io
import re

import zxingcpp
from PIL import Image, ImageFile, WebPImagePlugin
from sekisho_core.vocabulary import PartState

from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_urls

_FORMATS = ("PNG", "JPEG", "GIF", "BMP", WebPImagePlugin.WebPImageFile.format)
_CODES = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.MicroQRCode])
# Modules of the smallest code; a picture of fewer pixels a side has none.
_SMALLEST = 21
# A photograph of a telephone has 12 million pixels; reading a million takes 10 ms.
_MAX_PIXELS = 50_000_000
# Pixels a side to which larger pictures are reduced before they are searched.
_SEARCHED = 1600
_MAX_FRAMES = 4
_DARK, _LIGHT = "\u2588\u2593\u25a0\u2b1b#@X", " \u00a0\u2591\u25a1\u2b1c\u3000."
_UPPER, _LOWER = "\u2580", "\u2584"
_DRAWN = re.compile(f"[{_DARK}{_LIGHT}{_UPPER}{_LOWER}]{{{_SMALLEST},400}}")
_MAX_DRAWN = 10
_SCALE, _QUIET = 4, 4

Image.MAX_IMAGE_PIXELS = _MAX_PIXELS
# Programs show what is there of a picture that was cut off.
ImageFile.LOAD_TRUNCATED_IMAGES = True
Image.preinit()


def read_picture(item: Item, notes: Notes) -> PartState:
    """Read the QR codes of a picture; one that cannot be decoded is a finding, for nobody may see it either."""
    look_at(item.content, item, notes)
    return PartState.READ


def look_at(content: bytes, item: Item, notes: Notes) -> None:
    """Note the QR codes of a picture that stands in `item`."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.format == "JPEG":
                image.draft("L", (_SEARCHED, _SEARCHED))
            for frame in range(min(_MAX_FRAMES, getattr(image, "n_frames", 1))):
                image.seek(frame)
                search(image, item, notes)
    except Image.DecompressionBombError:
        notes.find("picture-unread", item.where, "too many pixels")
    # Pillow raises what hostile bytes make it; a picture is no place for anything that runs.
    except Exception as error:
        notes.find("picture-unread", item.where, type(error).__name__)


def search(image: Image.Image, item: Item, notes: Notes) -> None:
    """Note the QR codes of an opened picture, within the pixels that a mail may have."""
    pixels = image.width * image.height
    if min(image.size) < _SMALLEST:
        return
    if pixels > min(_MAX_PIXELS, notes.pixels):
        notes.find("picture-unread", item.where, "too many pixels")
        return
    notes.pixels -= pixels
    grey = _grey(image)
    _note(zxingcpp.read_barcodes(_matrix(grey), formats=_CODES), item, notes)


def note_drawn(text: str, item: Item, notes: Notes) -> None:
    """Note the QR codes that a text draws with block characters, a line for one row of modules or for two."""
    if not any(sign in text for sign in (_DARK[0], _UPPER, _LOWER, "\u2b1b", "\u25a0", "##")):
        return
    for lines in _drawings(text)[:_MAX_DRAWN]:
        width = max(map(len, lines))
        rows = [row for line in lines for row in _rows(line.ljust(width))]
        if not any(_UPPER in line or _LOWER in line or "\u2b1b" in line for line in lines):
            # A character is half as wide as it is high.
            rows = [row for row in rows for _ in (0, 1)]
        image = Image.frombytes("L", (len(rows[0]), len(rows)), b"".join(rows))
        image = image.resize((image.width * _SCALE, image.height * _SCALE), Image.Resampling.NEAREST)
        framed = Image.new("L", (image.width + 8 * _SCALE, image.height + 8 * _SCALE), 255)
        framed.paste(image, (_QUIET * _SCALE, _QUIET * _SCALE))
        _note(zxingcpp.read_barcodes(_matrix(framed), formats=_CODES), item, notes)


def _drawings(text: str) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in text.replace("\r", "").split("\n"):
        if _DRAWN.fullmatch(line):
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [lines for lines in found if len(lines) > _SMALLEST // 2]


def _rows(line: str) -> list[bytes]:
    upper = bytes(0 if character in _DARK or character == _UPPER else 255 for character in line)
    if _UPPER not in line and _LOWER not in line and "\u2b1b" in line:
        return [upper]
    lower = bytes(0 if character in _DARK or character == _LOWER else 255 for character in line)
    return [upper, lower] if _UPPER in line or _LOWER in line else [upper]


def _grey(image: Image.Image) -> Image.Image:
    """In shades of grey on white ground, no larger than what is searched."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.new("RGBA", layer.size, "white")
        image.alpha_composite(layer)
    grey = image.convert("L")
    grey.thumbnail((_SEARCHED, _SEARCHED), reducing_gap=2.0)
    return grey


def _matrix(image: Image.Image) -> memoryview:
    return memoryview(image.tobytes()).cast("B", (image.height, image.width))


def _note(codes: list[zxingcpp.Barcode], item: Item, notes: Notes) -> None:
    for code in codes:
        notes.find("qr-code", item.where, code.text)
        notes.text(item.where, "qr", code.text)
        note_urls(code.text, item.where, notes)
