"""The methods of LZH that libarchive does not unpack: -lh1- of LHarc, -lzs- and -lz5- of LArc."""

from __future__ import annotations

from collections.abc import Iterator

_WINDOW = 4096
_SYMBOLS = 314
_NODES = 2 * _SYMBOLS - 1
_ROOT = _NODES - 1
_MOST = 0x8000
# How many of the 256 bytes that begin a position share a code, for codes of 3 to 8 bits (lzhuf.c, d_code and d_len).
_SHARES = ((3, 1, 32), (4, 3, 16), (5, 8, 8), (6, 12, 4), (7, 24, 2), (8, 16, 1))
_LENGTHS = [bits for bits, codes, share in _SHARES for _ in range(codes * share)]
_CODES = [
    code for code, share in enumerate(share for _, codes, share in _SHARES for _ in range(codes)) for _ in range(share)
]


def lh1(packed: bytes, size: int) -> bytes:
    """What -lh1- makes: LZSS, characters by an adaptive Huffman tree (lzhuf.c). Short where the bytes end early."""
    bits, tree = _bits(packed), _Tree()
    out = bytearray(b" " * _WINDOW)
    try:
        while len(out) < _WINDOW + size:
            symbol = tree.symbol(bits)
            if symbol < 256:
                out.append(symbol)
                continue
            head = _number(bits, 8)
            low = head << _LENGTHS[head] - 2 | _number(bits, _LENGTHS[head] - 2)
            _copy(out, len(out) - (_CODES[head] << 6 | low & 0x3F) - 1, symbol - 253)
    except (StopIteration, EOFError):
        pass
    return bytes(out[_WINDOW : _WINDOW + size])


def lzs(packed: bytes, size: int) -> bytes:
    """What -lzs- makes: LZSS over 2 KiB, a bit in front of each character or match. Short where the bytes end early."""
    bits = _bits(packed)
    out = bytearray(b" " * 2048)
    try:
        while len(out) < 2048 + size:
            if next(bits):
                out.append(_number(bits, 8))
                continue
            place = _number(bits, 11)
            _copy(out, _last(len(out), place - (2048 - 17), 2048), _number(bits, 4) + 2)
    except (StopIteration, EOFError):
        pass
    return bytes(out[2048 : 2048 + size])


def lz5(packed: bytes, size: int) -> bytes:
    """What -lz5- makes: LZSS over 4 KiB that begin as a pattern, a byte in front of eight characters or matches."""
    out = bytearray(_pattern())
    at = flags = 0
    while at < len(packed) and len(out) < _WINDOW + size:
        if flags < 2:
            flags, at = packed[at] | 0x100, at + 1
        if flags & 1:
            out += packed[at : at + 1]
            at += 1
        elif at + 1 < len(packed):
            place = packed[at] | (packed[at + 1] & 0xF0) << 4
            _copy(out, _last(len(out), place - (_WINDOW - 18), _WINDOW), (packed[at + 1] & 0x0F) + 3)
            at += 2
        else:
            break
        flags >>= 1
    return bytes(out[_WINDOW : _WINDOW + size])


def _pattern() -> bytes:
    every = bytes(range(256))
    runs = b"".join(bytes([byte]) * 13 for byte in every)
    return (runs + every + every[::-1] + bytes(128) + b" " * 110 + bytes(18))[-_WINDOW:]


def _last(end: int, place: int, window: int) -> int:
    """The last position before the end of the output that a place in the ring stands for."""
    return end - 1 - (end - 1 - place) % window


def _copy(out: bytearray, start: int, length: int) -> None:
    """Append what was put out from a position on; it may overlap with what is appended."""
    if start < 0:
        raise EOFError
    piece = out[start : start + length]
    out += (piece * (length // len(piece) + 1))[:length]


def _bits(data: bytes) -> Iterator[int]:
    for byte in data:
        for place in range(7, -1, -1):
            yield byte >> place & 1


def _number(bits: Iterator[int], count: int) -> int:
    value = 0
    for _ in range(count):
        value = value << 1 | next(bits)
    return value


class _Tree:
    """The adaptive Huffman tree, in order of frequency."""

    def __init__(self) -> None:
        self._freq = [1] * _SYMBOLS
        self._son = [index + _NODES for index in range(_SYMBOLS)]
        self._parent = [0] * _NODES + list(range(_SYMBOLS))
        for index in range(0, 2 * (_NODES - _SYMBOLS), 2):
            self._parent[index] = self._parent[index + 1] = len(self._freq)
            self._freq.append(self._freq[index] + self._freq[index + 1])
            self._son.append(index)
        self._freq.append(0xFFFF)
        self._parent[_ROOT] = 0

    def symbol(self, bits: Iterator[int]) -> int:
        """The next symbol; the tree grows used to it. Raises StopIteration at the end of the bits."""
        node, son = self._son[_ROOT], self._son
        while node < _NODES:
            node = son[node + next(bits)]
        self._count(node)
        return node - _NODES

    def _count(self, leaf: int) -> None:
        if self._freq[_ROOT] == _MOST:
            self._halve()
        freq, parent = self._freq, self._parent
        node = parent[leaf]
        while True:
            freq[node] += 1
            count, other = freq[node], node + 1
            if count > freq[other]:
                while count > freq[other + 1]:
                    other += 1
                self._swap(node, other)
                node = other
            node = parent[node]
            if not node:
                return

    def _swap(self, node: int, other: int) -> None:
        freq, son, parent = self._freq, self._son, self._parent
        freq[node], freq[other] = freq[other], freq[node]
        son[node], son[other] = son[other], son[node]
        for place in (node, other):
            below = son[place]
            parent[below] = place
            if below < _NODES:
                parent[below + 1] = place

    def _halve(self) -> None:
        leaves = [(self._freq[index], self._son[index]) for index in range(_NODES) if self._son[index] >= _NODES]
        freq, son = [(count + 1) // 2 for count, _ in leaves], [leaf for _, leaf in leaves]
        for index in range(0, 2 * (_NODES - _SYMBOLS), 2):
            count = freq[index] + freq[index + 1]
            place = len(freq)
            while count < freq[place - 1]:
                place -= 1
            freq.insert(place, count)
            son.insert(place, index)
        self._freq, self._son = [*freq, 0xFFFF], son
        for place, below in enumerate(son):
            self._parent[below] = place
            if below < _NODES:
                self._parent[below + 1] = place
