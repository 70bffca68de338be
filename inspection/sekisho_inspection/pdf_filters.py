"""PDF filters (ISO 32000-1, 7.4): the bytes that a stream packs, under its filters one after another, within bounds.

Damaged data gives what programs get out of it. Pictures (DCT, JBIG2, JPX, CCITT) are left packed.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sekisho_inspection.archive import RATIO_FLOOR

PICTURES = frozenset(["DCTDecode", "JBIG2Decode", "JPXDecode", "CCITTFaxDecode"])
_SHORT = {
    "Fl": "FlateDecode", "LZW": "LZWDecode", "AHx": "ASCIIHexDecode", "A85": "ASCII85Decode", "RL": "RunLengthDecode",
    "DCT": "DCTDecode", "CCF": "CCITTFaxDecode",
}  # fmt: skip
# Filters one after another: programs know no bound, and nobody writes more than three.
_MAX_FILTERS = 30
_STEP = 1 << 20
# Bytes of streams that are looked at, for each byte of the file: streams without an end overlap.
_TIMES, _LEAST = 4, 16 << 20
# Bytes that decoders in Python may give over one file: about a second of work.
_SLOW = 8_000_000
_CLEAR, _END = 256, 257
_FIRST_OF_PNG = 10


class Dear(Exception):
    """More than a stream may unpack to; the message says of what."""


class Unpacked(NamedTuple):
    """What a stream holds; what kept the rest from being read ("" for nothing); and the filter that was left on."""

    content: bytes
    damage: str
    left: str


@dataclass
class Room:
    """What may yet be unpacked: bytes of the mail, bytes for each packed one, packed bytes, bytes of slow filters."""

    unpacked: int
    ratio: int
    packed: int
    slow: int = _SLOW

    @classmethod
    def of(cls, size: int, unpacked: int, ratio: int) -> Room:
        """The room for the streams of a file of `size` bytes."""
        return cls(unpacked, ratio, _TIMES * size + _LEAST)

    def take(self, size: int) -> None:
        """Take a stream's packed bytes. Raises Dear."""
        self.packed -= size
        if self.packed < 0:
            raise Dear("streams that overlap")

    def check(self, size: int, packed: int) -> None:
        """Raise Dear for a stream that has unpacked to so many bytes and is no end."""
        if size > self.unpacked:
            raise Dear("more unpacked bytes than the limit")
        if size > RATIO_FLOOR and size > self.ratio * max(1, packed):
            raise Dear("unpacks to more than the ratio allows")

    def take_slow(self, size: int) -> None:
        """Take the work of a decoder in Python. Raises Dear."""
        self.slow -= size
        if self.slow < 0:
            raise Dear(f"more than {_SLOW} bytes under slow filters")


def filters_of(attrs: dict[str, Any], resolve: Callable[[Any], Any]) -> list[tuple[str, dict[str, Any]]]:
    """The filters of a stream with their parameters, by their long names."""
    names = resolve(attrs.get("Filter", attrs.get("F")))
    stated = resolve(attrs.get("DecodeParms", attrs.get("DP", attrs.get("FDecodeParms"))))
    listed = names if isinstance(names, list) else [names]
    parameters = stated if isinstance(stated, list) else [stated]
    found = []
    for number, name in enumerate(map(resolve, listed)):
        if isinstance(name, str):
            held = resolve(parameters[number]) if number < len(parameters) else None
            plain = {key: resolve(value) for key, value in held.items()} if isinstance(held, dict) else {}
            found.append((_SHORT.get(name, str(name)), plain))
    return found


def unpack(raw: bytes, filters: list[tuple[str, dict[str, Any]]], room: Room) -> Unpacked:
    """A stream's content. Raises Dear beyond a bound; bytes are counted, not taken."""
    content, damage = raw, ""
    if len(filters) > _MAX_FILTERS:
        raise Dear(f"more than {_MAX_FILTERS} filters")
    for name, parameters in filters:
        if name == "Crypt":
            continue
        if name not in _DECODERS:
            return Unpacked(content, damage if name in PICTURES else f"filter {name[:40]}", name)
        content, problem = _DECODERS[name](content, parameters, room)
        room.check(len(content), len(raw))
        damage = damage or problem
    return Unpacked(content, damage, "")


_Decoded = tuple[bytes, str]


def _flate(data: bytes, parameters: dict[str, Any], room: Room) -> _Decoded:
    content, problem = inflated(data, 15, room)
    if problem:
        # A wrong header or none, a wrong checksum or none: programs look at what stands between.
        others = [inflated(data[start:], -15, room) for start in ((2,) if content else (2, 0))]
        content, problem = max([(content, problem), *others], key=lambda found: (not found[1], len(found[0])))
    return _unpredicted(content, parameters, problem, room)


def inflated(data: bytes, wbits: int, room: Room) -> _Decoded:
    """What a zlib stream gives before it ends or breaks, and how it broke. Raises Dear."""
    engine = zlib.decompressobj(wbits)
    out: list[bytes] = []
    size, rest, at = 0, b"", 0
    while not engine.eof and (rest or at < len(data)):
        # In steps, because the engine copies what it has not taken yet.
        rest, at = (rest, at) if rest else (data[at : at + _STEP], at + _STEP)
        before = engine.copy()
        try:
            piece = engine.decompress(rest, _STEP)
        except zlib.error:
            return b"".join([*out, _before_damage(before, rest, room)]), "damaged Flate"
        rest = engine.unconsumed_tail
        size += len(piece)
        out.append(piece)
        room.check(size, len(data))
    # What ends early ends so for every program.
    return b"".join(out), ""


def _before_damage(engine: Any, data: bytes, room: Room) -> bytes:
    """What comes before the damage, which the engine keeps to itself when it fails."""
    room.take_slow(len(data))
    out = []
    try:
        for at in range(len(data)):
            out.append(engine.decompress(data[at : at + 1], _STEP))
    except zlib.error:
        pass
    return b"".join(out)


def _lzw(data: bytes, parameters: dict[str, Any], room: Room) -> _Decoded:
    """LZW (7.4.4): codes of 9 to 12 bits, wider one code early unless EarlyChange is 0."""
    early = parameters.get("EarlyChange") != 0
    table: list[bytes] = []
    out, size, last = bytearray(), 9, b""
    held = bits = 0
    for byte in data:
        held, bits = (held << 8 | byte) & 0xFFFFFF, bits + 8
        if bits < size:
            continue
        bits -= size
        code = held >> bits & (1 << size) - 1
        if code == _END:
            break
        if code == _CLEAR:
            table, size, last = [bytes([value]) for value in range(256)] + [b"", b""], 9, b""
            continue
        table = table or [bytes([value]) for value in range(256)] + [b"", b""]
        if code > len(table) or (code == len(table) and not last):
            return _unpredicted(bytes(out), parameters, "damaged LZW", room)
        entry = table[code] if code < len(table) else last + last[:1]
        out += entry
        room.take_slow(len(entry) + 1)
        if last and len(table) < 4096:
            table.append(last + entry[:1])
        last = entry
        size = min(12, max(9, (len(table) + early).bit_length()))
    return _unpredicted(bytes(out), parameters, "", room)


def _ascii_hex(data: bytes, parameters: dict[str, Any], room: Room) -> _Decoded:
    digits = _NO_HEX.sub(b"", data.partition(b">")[0])
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii")), ""


def _ascii_85(data: bytes, parameters: dict[str, Any], room: Room) -> _Decoded:
    body = data.lstrip(b"\0\t\n\f\r ")
    plain = _NO_85.sub(b"", (body[2:] if body.startswith(b"<~") else body).partition(b"~")[0])
    try:
        return base64.a85decode(plain), ""
    except ValueError:
        # A z within a group of five, or five characters beyond what four bytes hold.
        groups = _GROUP_85.findall(plain)
        room.take_slow(len(plain))
        return b"".join(map(_group_85, groups)), "damaged ASCII85"


def _group_85(group: bytes) -> bytes:
    if group == b"z":
        return bytes(4)
    value = 0
    for character in group.ljust(5, b"u"):
        value = value * 85 + character - 33
    return (value & 0xFFFFFFFF).to_bytes(4)[: len(group) - 1]


def _run_length(data: bytes, parameters: dict[str, Any], room: Room) -> _Decoded:
    out, at = bytearray(), 0
    while at < len(data) and (length := data[at]) != 128:
        if length < 128:
            out += data[at + 1 : at + 2 + length]
            at += 2 + length
        else:
            out += data[at + 1 : at + 2] * (257 - length)
            at += 2
        room.take_slow(8)
    return bytes(out), ""


def _unpredicted(content: bytes, parameters: dict[str, Any], problem: str, room: Room) -> _Decoded:
    """Undo a predictor (7.4.4.4)."""
    predictor = _whole(parameters, "Predictor", 1)
    if predictor < 2 or not content:
        return content, problem
    colours, bits = _whole(parameters, "Colors", 1), _whole(parameters, "BitsPerComponent", 8)
    width = (_whole(parameters, "Columns", 1) * colours * bits + 7) // 8
    pixel = max(1, colours * bits // 8)
    if not 0 < width <= len(content) + pixel or pixel > width:
        return content, problem or "a predictor that does not fit"
    room.take_slow(len(content))
    if predictor >= _FIRST_OF_PNG:
        return _png(content, width, pixel), problem
    return (_tiff(content, width, pixel), problem) if bits == 8 else (content, problem or "a predictor of other bits")


def _png(content: bytes, width: int, pixel: int) -> bytes:
    out, above = bytearray(), bytearray(width)
    for at in range(0, len(content), width + 1):
        kind, row = content[at], bytearray(content[at + 1 : at + 1 + width])
        if kind in _ROWS:
            _ROWS[kind](row, above, pixel)
        out += row
        above = row.ljust(width, b"\0")
    return bytes(out)


def _sub(row: bytearray, above: bytearray, pixel: int) -> None:
    for at in range(pixel, len(row)):
        row[at] = row[at] + row[at - pixel] & 255


def _up(row: bytearray, above: bytearray, pixel: int) -> None:
    for at, value in enumerate(row):
        row[at] = value + above[at] & 255


def _average(row: bytearray, above: bytearray, pixel: int) -> None:
    for at, value in enumerate(row):
        left = row[at - pixel] if at >= pixel else 0
        row[at] = value + (left + above[at] >> 1) & 255


def _paeth(row: bytearray, above: bytearray, pixel: int) -> None:
    for at, value in enumerate(row):
        left, corner = (row[at - pixel], above[at - pixel]) if at >= pixel else (0, 0)
        guess = left + above[at] - corner
        near = min(
            (abs(guess - left), 0, left), (abs(guess - above[at]), 1, above[at]), (abs(guess - corner), 2, corner)
        )
        row[at] = value + near[2] & 255


def _tiff(content: bytes, width: int, pixel: int) -> bytes:
    out = bytearray()
    for at in range(0, len(content), width):
        row = bytearray(content[at : at + width])
        _sub(row, row, pixel)
        out += row
    return bytes(out)


def _whole(parameters: dict[str, Any], key: str, default: int) -> int:
    value = parameters.get(key, default)
    return int(value) if isinstance(value, (int, float)) else default


_NO_HEX = re.compile(rb"[^0-9a-fA-F]++")
_NO_85 = re.compile(rb"[^!-uz]++")
_GROUP_85 = re.compile(rb"z|[!-u]{1,5}")
_ROWS = {1: _sub, 2: _up, 3: _average, 4: _paeth}
_DECODERS: dict[str, Callable[[bytes, dict[str, Any], Room], _Decoded]] = {
    "FlateDecode": _flate,
    "LZWDecode": _lzw,
    "ASCIIHexDecode": _ascii_hex,
    "ASCII85Decode": _ascii_85,
    "RunLengthDecode": _run_length,
}
