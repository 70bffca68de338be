"""Pictures in PDF files: those that may be QR codes, in the forms that cost little to decode (ISO 32000-1 8.9.5)."""

from __future__ import annotations

import zlib

from pdfminer.pdftypes import PDFStream, resolve1
from PIL import Image

from sekisho_inspection import qrcodes
from sekisho_inspection.notes import Item, Notes

_MODES = {(1, 1): "1", (8, 1): "L", (8, 3): "RGB", (8, 4): "CMYK"}
# A code is nearly square, and few have more modules than a tenth of these pixels a side.
_MAX_SIDE = 4000


def note_picture(stream: PDFStream, item: Item, notes: Notes) -> None:
    """Note the QR codes of an image: JPEG, or raw or deflated samples of grey, RGB or CMYK without predictor."""
    try:
        _search(stream, item, notes)
    # What pdfminer raises for a hostile dictionary concerns this picture alone.
    except Exception as error:
        notes.find("picture-unread", item.where, type(error).__name__)


def _search(stream: PDFStream, item: Item, notes: Notes) -> None:
    filters = [(str(getattr(name, "name", name)), parameters) for name, parameters in stream.get_filters()]
    raw = stream.get_rawdata() or b""
    if stream.decipher and stream.objid is not None:
        raw = stream.decipher(stream.objid, stream.genno or 0, raw, stream.attrs)
    names = [name for name, _ in filters]
    if names in (["DCTDecode"], ["DCT"]):
        qrcodes.look_at(raw, item, notes)
    elif not names or (names in (["FlateDecode"], ["Fl"]) and not filters[0][1]):
        image = _samples(stream, raw, bool(names))
        if image is not None:
            qrcodes.search(image, item, notes)


def _samples(stream: PDFStream, raw: bytes, packed: bool) -> Image.Image | None:
    width, height = (resolve1(stream.get(key)) for key in ("Width", "Height"))
    bits = 1 if resolve1(stream.get("ImageMask")) is True else resolve1(stream.get("BitsPerComponent"))
    if not (isinstance(width, int) and isinstance(height, int) and bits in (1, 8)):
        return None
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        return None
    try:
        data = zlib.decompressobj().decompress(raw, 4 * width * height + 1) if packed else raw
    except zlib.error:
        return None
    row = (width + 7) // 8 if bits == 1 else width
    mode = _MODES.get((bits, len(data) // (row * height)))
    if mode is None:
        return None
    size = row * height * (len(data) // (row * height))
    return Image.frombytes(mode, (width, height), data[:size])
