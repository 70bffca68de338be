"""LZX as compressed help files use it (MS-PATCH, and the notes of cabextract): frames of 32 kB with resets between."""

from __future__ import annotations

FRAME = 1 << 15
_LITERALS, _LENGTHS, _PRETREE, _ALIGNED = 256, 249, 20, 8
_VERBATIM, _ALIGNED_OFFSETS, _UNCOMPRESSED = 1, 2, 3
_SLOTS = {15: 30, 16: 32, 17: 34, 18: 36, 19: 38, 20: 42, 21: 50}
_EXTRA = [0, 0, *(min(slot // 2 - 1, 17) for slot in range(2, 50))]
_BASES = [sum(1 << extra for extra in _EXTRA[:slot]) for slot in range(50)]
_DEEPEST = 16
# Blocks of one frame; packers make one, and each costs the tables of its codes.
_BLOCKS = 16
# Calls in programs are translated within the first 32,768 frames; none begins in a frame's last ten bytes.
_CALL, _TAIL = 0xE8, 10


class BadLzx(Exception):
    """Data that is no LZX."""


def inflate(data: bytes, window: int, size: int) -> bytes:
    """The first `size` bytes of what a stream unpacks to; `window` is the binary logarithm of its window, 15 to 21.

    Raises BadLzx; whatever the data, it ends after work in proportion to `size` and its own length.
    """
    if window not in _SLOTS:
        raise BadLzx
    return _Decoder(data, window).inflate(size)


class _Bits:
    """Bits of little-endian words of 16, the highest first."""

    def __init__(self, data: bytes) -> None:
        padded = bytearray(data + bytes(len(data) % 2))
        padded[0::2], padded[1::2] = padded[1::2], padded[0::2]
        self._data = bytes(padded)
        self._end = 8 * len(self._data)
        self.at = 0

    def peek(self, count: int) -> int:
        start = self.at >> 3
        word = int.from_bytes(self._data[start : start + 4].ljust(4, b"\0"))
        return word >> 32 - (self.at & 7) - count & (1 << count) - 1

    def read(self, count: int) -> int:
        value = self.peek(count)
        self.at += count
        if self.at > self._end:
            raise BadLzx
        return value

    def symbol(self, table: list[int]) -> int:
        """The next symbol of a Huffman code (see `_code`)."""
        found = table[self.peek(_DEEPEST)]
        if not found:
            raise BadLzx
        self.at += found & 31
        if self.at > self._end:
            raise BadLzx
        return found >> 5

    def align(self) -> None:
        self.at += -self.at % 16

    def raw(self, count: int) -> bytes:
        """Bytes as they stand, from a word's beginning on."""
        start = self.at >> 3
        swapped = bytearray(self._data[start : start + count + count % 2])
        swapped[0::2], swapped[1::2] = swapped[1::2], swapped[0::2]
        self.at += 8 * (count + count % 2)
        if self.at > self._end:
            raise BadLzx
        return bytes(swapped[:count])


def _code(lengths: list[int]) -> list[int]:
    """A table from the next 16 bits to 32 times a symbol plus its code's length; 0 where no code is. Codes are given
    to the symbols by length, then number."""
    table = [0] * (1 << _DEEPEST)
    at = 0
    for length in range(1, _DEEPEST + 1):
        width = 1 << _DEEPEST - length
        for symbol, own in enumerate(lengths):
            if own == length:
                if at + width > len(table):
                    raise BadLzx
                table[at : at + width] = [symbol << 5 | length] * width
                at += width
    return table


class _Decoder:
    def __init__(self, data: bytes, window: int) -> None:
        self._bits = _Bits(data)
        self._out = bytearray()
        self._window = 1 << window
        self._main_lengths = [0] * (_LITERALS + 8 * _SLOTS[window])
        self._length_lengths = [0] * _LENGTHS
        self._recent = [1, 1, 1]
        self._main: list[int] = []
        self._length: list[int] = []
        self._aligned: list[int] | None = None

    def inflate(self, size: int) -> bytes:
        translated = self._bits.read(16) << 16 | self._bits.read(16) if self._bits.read(1) else 0
        blocks = _BLOCKS + size // FRAME * _BLOCKS
        while len(self._out) < size:
            blocks -= 1
            if blocks < 0:
                raise BadLzx
            kind, length = self._bits.read(3), self._bits.read(16) << 8 | self._bits.read(8)
            end = min(size, len(self._out) + length)
            if kind == _UNCOMPRESSED:
                self._copy_block(length, end)
            elif kind in (_VERBATIM, _ALIGNED_OFFSETS):
                self._read_codes(kind)
                self._read_block(end)
            else:
                raise BadLzx
        return _untranslated(self._out[:size], translated) if translated else bytes(self._out[:size])

    def _copy_block(self, length: int, end: int) -> None:
        # A word is left out where the header ends on one.
        self._bits.at += 16 - self._bits.at % 16
        places = self._bits.raw(12)
        self._recent = [int.from_bytes(places[at : at + 4], "little") for at in (0, 4, 8)]
        self._out += self._bits.raw(min(length, end - len(self._out)))

    def _read_codes(self, kind: int) -> None:
        bits = self._bits
        self._aligned = _code([bits.read(3) for _ in range(_ALIGNED)]) if kind == _ALIGNED_OFFSETS else None
        self._read_lengths(self._main_lengths, 0, _LITERALS)
        self._read_lengths(self._main_lengths, _LITERALS, len(self._main_lengths))
        self._read_lengths(self._length_lengths, 0, _LENGTHS)
        self._main, self._length = _code(self._main_lengths), _code(self._length_lengths)

    def _read_lengths(self, lengths: list[int], at: int, end: int) -> None:
        """Lengths of codes as differences to the block before, in a code of their own."""
        bits = self._bits
        table = _code([bits.read(4) for _ in range(_PRETREE)])
        while at < end:
            symbol = bits.symbol(table)
            if symbol in (17, 18):
                run = 4 + bits.read(4) if symbol == 17 else 20 + bits.read(5)
                values = [0] * run
            elif symbol == 19:
                run = 4 + bits.read(1)
                values = [(lengths[at] - bits.symbol(table)) % 17] * run
            else:
                values = [(lengths[at] - symbol) % 17]
            values = values[: end - at]
            lengths[at : at + len(values)] = values
            at += len(values)

    def _read_block(self, end: int) -> None:
        bits, out, main = self._bits, self._out, self._main
        while len(out) < end:
            stop = min(end, len(out) - len(out) % FRAME + FRAME)
            while len(out) < stop:
                symbol = bits.symbol(main)
                if symbol < _LITERALS:
                    out.append(symbol)
                else:
                    self._copy(symbol - _LITERALS)
            if len(out) % FRAME == 0:
                bits.align()

    def _copy(self, symbol: int) -> None:
        length = (symbol & 7) + 2
        if length == 9:
            length += self._bits.symbol(self._length)
        distance = self._distance(symbol >> 3)
        if not 0 < distance <= min(len(self._out), self._window):
            raise BadLzx
        start = len(self._out) - distance
        piece = self._out[start : start + length]
        self._out += (piece * (length // len(piece) + 1))[:length]

    def _distance(self, slot: int) -> int:
        recent = self._recent
        if slot < 3:
            recent[0], recent[slot] = recent[slot], recent[0]
            return recent[0]
        extra = _EXTRA[slot]
        if self._aligned is not None and extra >= 3:
            more = self._bits.read(extra - 3) << 3 | self._bits.symbol(self._aligned)
        else:
            more = self._bits.read(extra)
        self._recent = [_BASES[slot] - 2 + more, recent[0], recent[1]]
        return self._recent[0]


def _untranslated(out: bytearray, size: int) -> bytes:
    """Calls of programs with their relative addresses, as they were before they were packed."""
    for start in range(0, len(out), FRAME):
        at, end = out.find(_CALL, start), min(start + FRAME, len(out)) - _TAIL
        while start <= at < end:
            target = int.from_bytes(out[at + 1 : at + 5], "little", signed=True)
            if -at <= target < size:
                moved = target - at if target >= 0 else target + size
                out[at + 1 : at + 5] = (moved & 0xFFFFFFFF).to_bytes(4, "little")
            at = out.find(_CALL, at + 5, end)
    return bytes(out)
