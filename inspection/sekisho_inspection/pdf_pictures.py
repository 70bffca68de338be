"""Pictures on a PDF's first pages, to be searched for codes (ISO 32000-1 section 8.9).

They are handed to Pillow, packed where it can unpack them: pdfminer.six takes seconds for the predictors of one page.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from pdfminer.ascii85 import ascii85decode
from pdfminer.pdfpage import PDFPage
from pdfminer.pdftypes import PDFStream, resolve1
from PIL import Image

from sekisho_inspection import qr
from sekisho_inspection.notes import Item, Notes

# Objects of a page's resources, those of the forms on it among them.
_MAX_OBJECTS = 200
_COMPONENTS = {"DeviceRGB": 3, "CalRGB": 3, "RGB": 3, "Lab": 3, "DeviceCMYK": 4, "CMYK": 4}
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
# Bytes of a picture that is packed twice, after the first unpacking.
_MAX_PACKED = 32_000_000
_FIRST_OF_PNG_PREDICTORS = 10


def read_pictures(pages: list[PDFPage], item: Item, notes: Notes) -> None:
    """Note the codes in the pictures; one that cannot be read is the fact `picture-unread`."""
    try:
        for page in pages:
            for stream in _pictures(page.resources):
                _read(stream, item, notes)
    # Damage of any kind in a page's dictionaries surfaces as whatever it breaks.
    except Exception as error:
        notes.find("picture-unread", item.where, type(error).__name__)


def _pictures(resources: object) -> Iterator[PDFStream]:
    """The pictures of a page, their masks (which hold the drawing of a picture that is transparent), and those of its
    forms; bounded and safe against loops."""
    waiting, seen = [resources], set[int]()
    while waiting and len(seen) < _MAX_OBJECTS:
        holder = resolve1(waiting.pop())
        named = resolve1(holder.get("XObject")) if isinstance(holder, dict) else None
        for value in named.values() if isinstance(named, dict) else ():
            found = resolve1(value)
            if not isinstance(found, PDFStream) or id(found) in seen:
                continue
            seen.add(id(found))
            if _name(found.get("Subtype")) == "Image":
                yield from (one for one in (found, resolve1(found.get("SMask"))) if isinstance(one, PDFStream))
            else:
                waiting.append(found.get("Resources"))


def _read(stream: PDFStream, item: Item, notes: Notes) -> None:
    raw = stream.get_rawdata() or b""
    filters = [(_name(name), parameters or {}) for name, parameters in stream.get_filters()]
    qr.read_frames(f"{item.id}/{stream.objid}".encode(), _frames(stream, filters, raw, notes), item, notes)


def _frames(
    stream: PDFStream, filters: list[tuple[str, dict[str, Any]]], raw: bytes, notes: Notes
) -> Iterator[Image.Image]:
    """The picture, unpacked when it is paid for. Raises qr.Dear, and whatever is broken."""
    for name, _ in filters[:-1]:
        raw = _unpacked(name, raw, _MAX_PACKED)
    name, parameters = filters[-1] if filters else ("", {})
    if name in ("DCTDecode", "DCT"):
        yield from qr.frames_of_file(raw, notes)
        return
    width, height = (int(resolve1(stream.get(key))) for key in ("Width", "Height"))
    qr.take(max(0, width) * max(0, height), notes)
    mask = resolve1(stream.get("ImageMask")) is True
    bits = 1 if mask else int(resolve1(stream.get("BitsPerComponent", 8)))
    components, palette = (1, b"") if mask else _colours(resolve1(stream.get("ColorSpace")))
    if int(resolve1(parameters.get("Predictor", 1))) >= _FIRST_OF_PNG_PREDICTORS:
        png = _as_png(width, height, bits, components, palette, raw)
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            yield image
        return
    size = (width * components * bits + 7) // 8 * height
    content = _unpacked(name, raw, size) if name else raw[:size]
    yield _image(width, height, bits, components, palette, content.ljust(size, b"\0"))


def _unpacked(name: str, raw: bytes, most: int) -> bytes:
    """At most so many bytes of what a filter holds."""
    if name in ("FlateDecode", "Fl"):
        return zlib.decompressobj().decompress(raw, most)
    if name in ("ASCII85Decode", "A85"):
        return ascii85decode(raw)
    raise qr.Dear(f"PDF picture with {name}")


def _image(width: int, height: int, bits: int, components: int, palette: bytes, content: bytes) -> Image.Image:
    mode = "P" if palette else _MODES[components]
    layout = mode if bits == 8 else f"{mode};{bits}"
    if bits == 16 and mode == "L":
        mode, layout = "I;16", "I;16B"
    elif bits == 1 and mode == "L":
        mode, layout = "1", "1"
    image = Image.frombytes(mode, (width, height), content, "raw", layout)
    if mode == "P":
        image.putpalette(palette)
    return image


def _as_png(width: int, height: int, bits: int, components: int, palette: bytes, raw: bytes) -> bytes:
    """A PNG file around pixels that are packed as its own are."""
    kind = 3 if palette else {1: 0, 3: 2}[components]
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), *([(b"PLTE", palette)] if palette else []), (b"IDAT", raw), (b"IEND", b"")]
    framed = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def _colours(space: object) -> tuple[int, bytes]:
    """Components of a pixel, and the palette as RGB where there is one (8.6.6.3)."""
    if isinstance(space, list) and space:
        kind, *rest = (resolve1(value) for value in space)
        if _name(kind) == "ICCBased" and isinstance(rest[0], PDFStream):
            return int(resolve1(rest[0].get("N", 3))), b""
        if _name(kind) in ("Indexed", "I"):
            return 1, _palette(*rest[:3])
        return _COMPONENTS.get(_name(kind), 1), b""
    return _COMPONENTS.get(_name(space), 1), b""


def _palette(base: object, highest: Any, table: object) -> bytes:
    components = _colours(base)[0]
    colours = bytes(table.get_data() if isinstance(table, PDFStream) else table)[: components * (int(highest) + 1)]  # type: ignore[call-overload]
    flat = Image.frombytes(_MODES[components], (len(colours) // components, 1), colours)
    return flat.convert("RGB").tobytes()


def _name(value: object) -> str:
    name = getattr(resolve1(value), "name", "")
    return name if isinstance(name, str) else ""
