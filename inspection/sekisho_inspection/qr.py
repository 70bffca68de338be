"""Codes in pictures: what a QR code, Data Matrix or Aztec code says to the telephone that is held against the mail.

The work is bounded in pixels, not in bytes: a picture of a kilobyte may state a thousand million of them. What is
beyond a bound, or no picture to Pillow, is a fact (`picture-unread`) and no gap: mails with many photos are ordinary.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterator

import zxingcpp
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from sekisho_core.vocabulary import PartState

from sekisho_inspection.notes import MAX_PICTURES, Item, Notes
from sekisho_inspection.urls import note_urls

# Pixels of one picture as it is loaded (four bytes each), and those that are searched: what is larger is reduced.
_MAX_LOADED = 24_000_000
_MAX_SEARCHED = 4_000_000
# A JPEG file may be loaded at an eighth of its size, but all of it is read: a quarter is counted at least.
_MAX_STATED = 96_000_000
# Scans of a progressive JPEG file; encoders make about ten, each costs a pass over the picture.
_MAX_SCANS = 64
_FREE_SCANS = 16
# Pictures of one animation or fax; a code must be shown for a while to be of use.
_MAX_FRAMES = 8
_MARGIN = 8
_FORMATS = [
    str(kind.format) for kind in (PngImageFile, JpegImageFile, GifImageFile, BmpImageFile, WebPImageFile, TiffImageFile)
]
# The search for Data Matrix codes takes ten times as long as that for the others, so a reduced picture serves it.
_MAX_SEARCHED_AGAIN = 250_000
_FIRST = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Aztec])
_AGAIN = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.DataMatrix])

# Mail programs show a picture as far as it goes; without this, one byte less would hide a code.
ImageFile.LOAD_TRUNCATED_IMAGES = True


class Dear(Exception):
    """A picture that costs more than it is worth."""


def preload() -> None:
    """Load what Pillow and ZXing load at first use; called before the worker gives up its files."""
    Image.preinit()
    _decoded(Image.new("L", (32, 32), 255), _FIRST)


def read_picture(item: Item, notes: Notes) -> PartState:
    """Note the codes in a picture that is a part."""
    read_picture_bytes(item.content, item, notes)
    return PartState.READ


def read_picture_bytes(content: bytes, item: Item, notes: Notes) -> None:
    """Note the codes in a picture's file that stands in `item`; each content is looked at once a mail."""
    read_frames(hashlib.sha256(content).digest(), frames_of_file(content, notes), item, notes)


def read_image(image: Image.Image, item: Item, notes: Notes) -> None:
    """Note the codes in a picture that `item` draws; each picture is looked at once a mail."""
    key = hashlib.sha256(repr((image.mode, image.size)).encode() + image.tobytes()).digest()
    read_frames(key, _drawn(image, notes), item, notes)


def read_frames(key: bytes, frames: Iterator[Image.Image], item: Item, notes: Notes) -> None:
    """Note the codes in pictures that are made, and paid for by `take`, when they are asked for; `key` is what they
    are known by, and what is known is not asked for."""
    if key not in notes.codes:
        notes.codes[key] = _codes(frames, item, notes)
    for code in notes.codes[key]:
        notes.find("qr-code", item.where, code)
        note_urls(code, item.where, notes)


def _codes(frames: Iterator[Image.Image], item: Item, notes: Notes) -> tuple[str, ...]:
    found: dict[str, None] = {}
    try:
        if len(notes.codes) >= MAX_PICTURES:
            raise Dear(f"more than {MAX_PICTURES} pictures")
        for frame in frames:
            gray = _on_paper(frame)
            texts = _decoded(gray, _FIRST) + _decoded(_within(gray, _MAX_SEARCHED_AGAIN), _AGAIN)
            found.update(dict.fromkeys(texts))
    # Pillow raises whatever a broken file makes it.
    except Exception as error:
        notes.find("picture-unread", item.where, str(error) if isinstance(error, Dear) else type(error).__name__)
    return tuple(found)


def _drawn(image: Image.Image, notes: Notes) -> Iterator[Image.Image]:
    take(image.width * image.height, notes)
    yield image


def frames_of_file(content: bytes, notes: Notes) -> Iterator[Image.Image]:
    """The pictures of a file, not yet loaded but paid for. Raises Dear, and what Pillow raises."""
    with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        for number in range(_MAX_FRAMES + 1):
            try:
                image.seek(number)
            except EOFError:
                return
            if number == _MAX_FRAMES:
                raise Dear(f"more than {_MAX_FRAMES} frames")
            take(_cost_of_loading(image, content), notes)
            yield image


def _cost_of_loading(image: Image.Image, content: bytes) -> int:
    """Pixels that loading it costs. A large JPEG file is set to load reduced, which is its decoder's own way."""
    width, height = image.size
    stated = width * height
    if not isinstance(image, JpegImageFile):
        return stated
    scans = content.count(b"\xff\xda")
    if stated > _MAX_STATED or scans > _MAX_SCANS:
        raise Dear(f"{width} x {height} pixels in {scans} scans")
    scale = next((scale for scale in (1, 2, 4) if stated <= scale * scale * _MAX_SEARCHED), 8)
    image.draft("L", (width // scale, height // scale))
    return max(image.width * image.height, stated // 4) * max(1, scans // _FREE_SCANS)


def take(pixels: int, notes: Notes) -> None:
    """Take the pixels of a picture from what the mail may have. Raises Dear when it is too much."""
    if pixels > _MAX_LOADED:
        raise Dear(f"{pixels} pixels")
    if pixels > notes.pixels:
        raise Dear("more pixels than are read of one mail")
    notes.pixels -= pixels


def _on_paper(image: Image.Image) -> Image.Image:
    """A picture in gray as it shows on white, with a margin: a code needs one, and a page has it."""
    mask = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        mask = image.getchannel("A")
    elif image.mode.startswith("I"):
        # 16 bits a pixel, of which Pillow would cut the upper ones.
        image = image.point(lambda value: value / 256)
    gray = _within(image.convert("L"), _MAX_SEARCHED)
    paper = Image.new("L", (gray.width + 2 * _MARGIN, gray.height + 2 * _MARGIN), 255)
    paper.paste(gray, (_MARGIN, _MARGIN), mask and _within(mask, _MAX_SEARCHED))
    return paper


def _within(gray: Image.Image, pixels: int) -> Image.Image:
    """The picture, reduced to `pixels` at most."""
    factor = math.sqrt(pixels / (gray.width * gray.height))
    if factor >= 1:
        return gray
    size = max(1, int(gray.width * factor)), max(1, int(gray.height * factor))
    return gray.resize(size, Image.Resampling.BOX)


def _decoded(gray: Image.Image, formats: zxingcpp.BarcodeFormats) -> list[str]:
    pixels = memoryview(gray.tobytes()).cast("B", (gray.height, gray.width))
    found = zxingcpp.read_barcodes(pixels, formats, text_mode=zxingcpp.TextMode.Plain)
    return [code.text for code in found if code.text]
