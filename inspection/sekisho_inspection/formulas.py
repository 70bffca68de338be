"""Formulas of Excel as tokens (MS-XLS 2.5.198, MS-XLSB 2.5.97) to text, as far as their strings and calls show."""

from __future__ import annotations

import struct
from dataclasses import dataclass

# Functions that macros are made of (MS-XLS 2.5.198.17); others are called by their number.
_FUNCTIONS = {
    1: "IF", 4: "SUM", 8: "ROW", 9: "COLUMN", 25: "INT", 27: "ROUND", 29: "INDEX", 30: "REPT", 31: "MID", 32: "LEN",
    33: "VALUE", 34: "TRUE", 35: "FALSE", 36: "AND", 37: "OR", 38: "NOT", 39: "MOD", 48: "TEXT", 53: "GOTO",
    54: "HALT", 55: "RETURN", 63: "RAND", 74: "NOW", 78: "OFFSET", 79: "ABSREF", 80: "RELREF", 81: "ARGUMENT",
    84: "ERROR", 87: "ECHO", 88: "SET.NAME", 89: "CALLER", 91: "WINDOWS", 93: "DOCUMENTS", 94: "ACTIVE.CELL",
    95: "SELECTION", 96: "RESULT", 100: "CHOOSE", 104: "INPUT", 106: "GET.FORMULA", 107: "GET.NAME",
    108: "SET.VALUE", 110: "EXEC", 111: "CHAR", 112: "LOWER", 113: "UPPER", 115: "LEFT", 116: "RIGHT", 118: "TRIM",
    119: "REPLACE", 120: "SUBSTITUTE", 121: "CODE", 123: "DIRECTORY", 124: "FIND", 125: "CELL", 130: "T",
    132: "FOPEN", 133: "FCLOSE", 134: "FSIZE", 135: "FREADLN", 136: "FREAD", 137: "FWRITELN", 138: "FWRITE",
    139: "FPOS", 147: "TEXTREF", 148: "INDIRECT", 149: "REGISTER", 150: "CALL", 166: "FILES", 171: "FOR",
    172: "WHILE", 174: "NEXT", 175: "INITIATE", 176: "REQUEST", 177: "POKE", 178: "EXECUTE", 179: "TERMINATE",
    185: "GET.CELL", 186: "GET.WORKSPACE", 187: "GET.WINDOW", 188: "GET.DOCUMENT", 201: "UNREGISTER", 221: "TODAY",
    244: "INFO", 257: "EVALUATE", 267: "REGISTER.ID", 268: "GET.WORKBOOK", 336: "CONCATENATE", 359: "HYPERLINK",
    379: "RTD", 0x8001: "OPEN", 0x8003: "CLOSE.ALL", 0x8004: "SAVE", 0x8005: "SAVE.AS", 0x8006: "FILE.DELETE",
    0x8010: "CLOSE", 0x8011: "RUN", 0x803D: "DEFINE.NAME", 0x8060: "FORMULA", 0x8061: "FORMULA.FILL",
    0x8062: "FORMULA.ARRAY", 0x8076: "ALERT", 0x807A: "MESSAGE", 0x807D: "APP.ACTIVATE", 0x8083: "SEND.KEYS",
    0x8090: "FILE.CLOSE", 0x8094: "ON.TIME", 0x80AC: "APP.MINIMIZE", 0x80E3: "ON.RECALC", 0x8148: "VBA.INSERT.FILE",
    0x817F: "WORKBOOK.HIDE", 0x8180: "WORKBOOK.UNHIDE", 0x81D7: "ON.SHEET",
}  # fmt: skip
# Arguments of functions that always have as many; all others state their number, or are taken for having one.
_FIXED = {
    8: 1, 9: 1, 30: 2, 31: 3, 34: 0, 35: 0, 39: 2, 48: 2, 63: 0, 74: 0, 79: 2, 80: 2, 89: 0, 94: 0, 95: 0, 108: 2,
    119: 4, 136: 2, 137: 2, 138: 2, 174: 0, 176: 2, 177: 3, 178: 2, 221: 0,
}  # fmt: skip
_BINARY = {
    3: "+", 4: "-", 5: "*", 6: "/", 7: "^", 8: "&", 9: "<", 10: "<=", 11: "=", 12: ">=", 13: ">", 14: "<>", 15: " ",
    16: ",", 17: ":",
}  # fmt: skip
_UNARY = {0x12: "+", 0x13: "-"}
_LONGEST = 64 << 10
_MAX_OPERANDS = 4096


@dataclass(frozen=True)
class Layout:
    """How one version writes tokens: bytes of each token's operands, of strings' lengths, and of a reference's row."""

    sizes: dict[int, int]
    length: int
    wide: bool
    flags: bool
    row: int


_COMMON = {0x1C: 1, 0x1D: 1, 0x1E: 2, 0x1F: 8, 0x26: 6, 0x27: 6, 0x28: 6, 0x29: 2, 0x2E: 2, 0x2F: 2, 1: 4, 2: 4}
_BIFF8_SIZES = {
    **_COMMON, 0x18: 5, 0x20: 7, 0x23: 4, 0x24: 4, 0x25: 8, 0x2A: 4, 0x2B: 8, 0x2C: 4, 0x2D: 8, 0x39: 6, 0x3A: 6,
    0x3B: 10, 0x3C: 6, 0x3D: 10,
}  # fmt: skip
_BIFF5_SIZES = {
    **_COMMON, 0x20: 7, 0x23: 14, 0x24: 3, 0x25: 6, 0x2A: 3, 0x2B: 6, 0x2C: 3, 0x2D: 6, 0x39: 24, 0x3A: 17, 0x3B: 20,
    0x3C: 17, 0x3D: 20,
}  # fmt: skip
_BIFF2_SIZES = {**_BIFF5_SIZES, 0x1A: 7, 0x1B: 3, 0x20: 6, 0x23: 7, 0x26: 4, 0x27: 4, 0x28: 4, 0x29: 1, 1: 3, 2: 3}
_BIFF12_SIZES = {
    **_COMMON, 0x18: 5, 0x20: 14, 0x23: 4, 0x24: 6, 0x25: 12, 0x2A: 6, 0x2B: 12, 0x2C: 6, 0x2D: 12, 0x39: 6, 0x3A: 8,
    0x3B: 14, 0x3C: 8, 0x3D: 14,
}  # fmt: skip
BIFF8 = Layout(_BIFF8_SIZES, 1, False, True, 2)
BIFF5 = Layout(_BIFF5_SIZES, 1, False, False, 2)
BIFF2 = Layout(_BIFF2_SIZES, 1, False, False, 2)
BIFF12 = Layout(_BIFF12_SIZES, 2, True, False, 4)


def cell_name(row: int, column: int) -> str:
    """The name of a cell (A1) by its numbers from zero."""
    letters = ""
    column &= 0x3FFF
    while column >= 0:
        letters, column = chr(65 + column % 26) + letters, column // 26 - 1
    return f"{letters}{row + 1}"


def render(tokens: bytes, layout: Layout) -> str:
    """The formula as text; what follows a token that is not known is left out."""
    return _Renderer(tokens, layout).text()


class _Renderer:
    def __init__(self, tokens: bytes, layout: Layout) -> None:
        self._tokens = tokens
        self._layout = layout
        self._stack: list[str] = []
        self._at = 0
        self._left = _LONGEST

    def text(self) -> str:
        while self._at < len(self._tokens) and self._left > 0 and len(self._stack) < _MAX_OPERANDS:
            token = self._tokens[self._at]
            self._at += 1
            base = (token | 0x20 if token & 0x40 else token) & 0x3F
            if not self._step(base):
                break
        return ",".join(self._stack)[:_LONGEST]

    def _step(self, base: int) -> bool:
        if base in _BINARY:
            right, left = self._pop(), self._pop()
            self._push(left + _BINARY[base] + right)
        elif base in _UNARY:
            self._push(_UNARY[base] + self._pop())
        elif base in (0x14, 0x15):
            inner = self._pop()
            self._push(f"{inner}%" if base == 0x14 else f"({inner})")
        elif base == 0x16:
            self._push("")
        elif base == 0x17:
            self._push('"' + self._string().replace('"', '""') + '"')
        elif base == 0x19:
            self._attribute()
        elif base in (0x21, 0x22):
            self._call(base)
        elif (size := self._layout.sizes.get(base)) is not None:
            self._operand(base, self._take(size))
        else:
            return False
        return True

    def _operand(self, base: int, data: bytes) -> None:
        if base in (0x24, 0x2C, 0x3A):
            self._push(self._reference(data))
        elif base == 0x1E:
            self._push(str(int.from_bytes(data, "little")))
        elif base == 0x1F and len(data) == 8:
            self._push(f"{struct.unpack('<d', data)[0]:.15g}")
        elif base == 0x1D:
            self._push("TRUE" if data[:1] != b"\0" else "FALSE")
        elif base == 0x23 or base == 0x39:
            self._push(f"NAME{int.from_bytes(data[-4:-2] if base == 0x39 else data[:2], 'little')}")
        elif base in (0x25, 0x2B, 0x2D, 0x3B, 0x3D, 0x2A, 0x3C, 0x1C, 0x20):
            self._push("REF")

    def _reference(self, data: bytes) -> str:
        """One cell; in another sheet the sheet stands before it. Rows have 14 bits where columns have a byte."""
        size = self._layout.sizes[0x24]
        place, rows = data[-size:], self._layout.row
        bits = 0xFFFFF if rows == 4 else 0x3FFF if size == 3 else 0xFFFF
        row = int.from_bytes(place[:rows], "little") & bits
        return cell_name(row, int.from_bytes(place[rows:], "little") & (0xFF if rows == 2 else 0x3FFF))

    def _call(self, base: int) -> None:
        if base == 0x21:
            function = int.from_bytes(self._take(2 if self._layout is not BIFF2 else 1), "little")
            count = _FIXED.get(function, 1)
        else:
            count = int.from_bytes(self._take(1), "little") & 0x7F
            function = int.from_bytes(self._take(2 if self._layout is not BIFF2 else 1), "little")
        arguments = [self._pop() for _ in range(min(count, len(self._stack)))][::-1]
        name = _FUNCTIONS.get(function, f"FUNC{function}")
        # A call of what is no function of Excel's (255) names it by its first argument.
        if function == 255 and arguments:
            name = arguments.pop(0)
        self._push(f"{name}({','.join(arguments)})")

    def _attribute(self) -> None:
        kind = self._take(1)
        data = int.from_bytes(self._take(1 if self._layout is BIFF2 else 2), "little")
        if kind == b"\x04":
            self._take(2 * (data + 1))
        elif kind == b"\x10":
            self._push(f"SUM({self._pop()})")

    def _string(self) -> str:
        length = int.from_bytes(self._take(self._layout.length), "little")
        wide = self._layout.wide or (self._layout.flags and self._take(1) != b"\0")
        data = self._take(2 * length if wide else length)
        return data.decode("utf-16-le", "replace") if wide else data.decode("cp932", "replace")

    def _take(self, size: int) -> bytes:
        data = self._tokens[self._at : self._at + size]
        self._at += size
        return data

    def _pop(self) -> str:
        return self._stack.pop() if self._stack else ""

    def _push(self, text: str) -> None:
        self._left -= len(text)
        self._stack.append(text if self._left > 0 else "")
