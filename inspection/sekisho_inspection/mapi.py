"""MAPI properties as TNEF lists them (MS-OXTNEF 2.1.3.4, MS-OXCDATA 2.11): which one, and the bytes of its values."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

# Properties by id (MS-OXPROPS).
SUBJECT, BODY, RTF, HTML, CODEPAGE = 0x0037, 0x1000, 0x1009, 0x1013, 0x3FDE
SENDER_NAMES = (0x0C1A, 0x0042)
SENDER_ADDRESSES = (0x0C1F, 0x0065, 0x5D01, 0x5D02)
ATTACH_DATA = 0x3701
ATTACH_NAMES = (0x3001, 0x3704, 0x3707, 0x3708, 0x370D)
_FIXED = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 20: 8, 64: 8, 72: 16}
_STRING8, _UNICODE, _OBJECT, _BINARY = 0x1E, 0x1F, 0x0D, 0x102
_TEXTS = (_STRING8, _UNICODE)
_MANY = 0x1000
_NAMED = 0x8000


@dataclass(frozen=True)
class Value:
    """A value: where it stands, its bytes, and their charset ("" where the message's codepage says)."""

    at: int
    data: bytes
    charset: str = ""

    def as_text(self) -> bytes:
        """The text in UTF-8 where its charset is known, else as it stands."""
        return self.data.decode("utf-16-le", "replace").encode("utf-8", "replace") if self.charset else self.data


def charset_of(codepage: int) -> str:
    """The charset label of a Windows codepage number."""
    return {65001: "utf-8", 50220: "iso-2022-jp", 51932: "euc-jp", 20932: "euc-jp"}.get(codepage, f"cp{codepage}")


class Properties:
    """The properties in a block, id and value, one for each of several values; `whole` turns False where it is cut."""

    def __init__(self, data: bytes, offset: int) -> None:
        self._data = data
        self._offset = offset
        self._at = 0
        self.whole = True

    def __iter__(self) -> Iterator[tuple[int, Value]]:
        try:
            for _ in range(self._number()):
                kind, name = struct.unpack("<HH", self._take(4))
                if name >= _NAMED:
                    self._pass_name()
                for value in self._values(kind & ~_MANY, bool(kind & _MANY)):
                    yield name, value
        except (EOFError, struct.error):
            self.whole = False

    def _values(self, kind: int, many: bool) -> Iterator[Value]:
        if kind in _FIXED:
            for _ in range(self._number() if many else 1):
                yield Value(self._offset + self._at, self._take(_FIXED[kind]))
            return
        if kind not in (*_TEXTS, _OBJECT, _BINARY):
            raise EOFError
        # Types of variable length have a count of values even where there is one.
        for _ in range(self._number()):
            size = self._number()
            at, data = self._offset + self._at, self._cut(size)
            ending = {_STRING8: 1, _UNICODE: 2}.get(kind, 0)
            yield Value(at, _without_end(data, ending), "utf-16-le" if kind == _UNICODE else "")
            self._at = min(self._at + -size % 4, len(self._data))

    def _pass_name(self) -> None:
        """A set's GUID, then a number or a name in UTF-16, padded to four bytes."""
        self._take(16)
        if self._number() == 0:
            self._take(4)
        else:
            size = self._number()
            self._take(size + -size % 4)

    def _cut(self, size: int) -> bytes:
        """What is there of `size` bytes; that it is less shows at what should follow."""
        data = self._data[self._at : self._at + size]
        self._at += len(data)
        self.whole = self.whole and len(data) == size
        return data

    def _take(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise EOFError
        self._at += size
        return self._data[self._at - size : self._at]

    def _number(self) -> int:
        return int(struct.unpack("<I", self._take(4))[0])


def _without_end(data: bytes, width: int) -> bytes:
    return data[:-width] if width and data.endswith(bytes(width)) else data
