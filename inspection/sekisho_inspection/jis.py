"""ISO-2022 with its escapes, and EUC-JP: the double-byte sets of Japan and its neighbours, with the rows of vendors.

Python's codecs know neither NEC row 13 nor the IBM extension. Rows and cells become Shift_JIS bytes by arithmetic, and
cp932 knows those.
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache

ESCAPE = re.compile(rb"\x1b(\([@-Z]|\$[@AB]|\$\([@-Z]|&@\x1b\$B|\$[)*][A-Z]|\)I)|([\x0e\x0f])")
# Of the sets whose two bytes the arithmetic does not know: the codec that has them with the high bits set.
_HIGH = {b"A": "gb18030", b"C": "cp949", b"D": "euc_jp"}
_JIS = (b"$@", b"$B", b"$(@", b"$(B", b"&@\x1b$B")
# What shift-out means where nothing was designated.
_SHIFTED = {"iso-2022-jp": b"(I", "iso-2022-kr": b"$)C", "iso-2022-cn": b"$)A"}
_OPEN_LINE = re.compile(rb"\x1b\$[@B(][^\x1b\r\n]*+[\r\n]")
_BREAK = re.compile(rb"([\r\n\t ]+)")
_LINE = re.compile(rb"[\r\n]")
# Where Python's JIS tables and cp932 differ, and the two characters of JIS-Roman.
_AS_CP932 = (("〜", "～"), ("‖", "∥"), ("−", "－"), ("¢", "￠"), ("£", "￡"), ("¬", "￢"), ("\xa5", "\\"), ("‾", "~"))
_EUC = re.compile(
    rb"((?:[\xa1-\xfe]{2})+)|((?:\x8e[\xa1-\xdf])+)|((?:\x8f[\xa1-\xfe]{2})+)|([\x00-\x7f]+)|([\x80-\xff])", re.S
)


def decode_iso_2022(data: bytes, charset: str = "iso-2022-jp", lines: bool = False) -> str:
    """ISO-2022-JP, -KR or -CN, with every set by escape, by shift-out, or as 8-bit bytes between.

    `lines` says whether a line's end returns to ASCII (RFC 1468) where the sender forgot the escape.
    """
    if (
        charset == "iso-2022-jp"
        and not lines
        and b"\x0e" not in data
        and (text := _lawful(data, "iso2022_jp")) is not None
    ):
        return text
    out: list[str] = []
    state, second, shifted, last = b"(B", _SHIFTED[charset], False, 0
    for match in ESCAPE.finditer(data):
        out.append(_run(data[last : match.start()], second if shifted else state, lines))
        last = match.end()
        if match[2]:
            shifted = match[2] == b"\x0e"
        elif match[1][:2] in (b"$)", b"$*", b")I"):
            second = b"(I" if match[1] == b")I" else match[1]
        else:
            state = match[1]
    out.append(_run(data[last:], second if shifted else state, lines))
    return "".join(out)


def is_settled(data: bytes) -> bool:
    """Whether programs agree on these escapes: those of RFC 1468, and no line ends, nor does the text, before the
    return to ASCII."""
    if b"\x0e" in data or b"\x1b(I" in data:
        return False
    last = data.rfind(b"\x1b$")
    return not _OPEN_LINE.search(data) and (last < 0 or data.find(b"\x1b(", last) > 0)


def unfinished(data: bytes) -> tuple[bytes, bytes]:
    """The escape in force at the end, and the half of a character after it; empty where the text ends in ASCII."""
    found = list(ESCAPE.finditer(data))
    if not found or found[-1][2] or not found[-1][1].startswith((b"$", b"&")):
        return b"", b""
    rest = data[found[-1].end() :]
    return found[-1][0], rest[-1:] if len(_BREAK.sub(b"", rest)) % 2 else b""


def decode_euc(data: bytes) -> str:
    """EUC-JP with the rows of vendors (eucJP-ms, CP51932); a byte that fits nowhere is shown as broken."""
    if (text := _lawful(data, "euc_jp")) is not None:
        return text
    out = []
    for match in _EUC.finditer(data):
        if match[1]:
            out.append(_pairs(match[1]))
        elif match[2]:
            out.append(match[2][1::2].decode("cp932"))
        elif match[3]:
            out += [_supplementary(match[3][at : at + 3]) for at in range(0, len(match[3]), 3)]
        else:
            out.append(match[4].decode("ascii") if match[4] else "\ufffd")
    return "".join(out)


def preload() -> None:
    """Make the tables."""
    _table()
    _extension()


def _lawful(data: bytes, codec: str) -> str | None:
    """The text where Python's codec, ten times as fast, has all of it; None otherwise."""
    try:
        text = data.decode(codec)
    except UnicodeError:
        return None
    for theirs, ours in _AS_CP932:
        text = text.replace(theirs, ours)
    return text


def _run(run: bytes, state: bytes, lines: bool) -> str:
    if not run:
        return ""
    if state == b"(I":
        return bytes(byte | 0x80 if 0x21 <= byte <= 0x5F else byte for byte in run).decode("cp932", "replace")
    if not state.startswith((b"$", b"&")):
        return _single(run)
    end = _LINE.search(run) if lines else None
    two, rest = (run[: end.start()], run[end.start() :]) if end else (run, b"")
    # White space is no character of two bytes, wherever it stands.
    pieces = _BREAK.split(two)
    pieces[::2] = [_double(piece, state).encode("utf-8") for piece in pieces[::2]]
    return b"".join(pieces).decode("utf-8") + _single(rest)


def _single(run: bytes) -> str:
    """ASCII, and what was written raw between the escapes."""
    try:
        return run.decode("utf-8")
    except UnicodeError:
        return run.decode("cp932", "replace")


def _double(run: bytes, state: bytes) -> str:
    if state in _JIS:
        return _pairs(run)
    high = bytes(byte | 0x80 for byte in run)
    if state[-1:] == b"D":
        return "".join(_supplementary(b"\x8f" + high[at : at + 2]) for at in range(0, len(high), 2))
    if codec := _HIGH.get(state[-1:]):
        return high.decode(codec, "replace")
    codec = "iso2022_jp_3" if state[-1:] == b"O" else "iso2022_jp_2004"
    return (b"\x1b" + state + run + b"\x1b(B").decode(codec, "replace")


def _pairs(run: bytes) -> str:
    """Two-byte JIS rows and cells; a lone last byte is shown as broken."""
    table = _table()
    even = len(run) & ~1
    units = struct.unpack(f">{even // 2}H", run[:even])
    return "".join([table.get(unit & 0x7F7F, "\ufffd") for unit in units]) + ("\ufffd" if len(run) > even else "")


def _supplementary(three: bytes) -> str:
    return _extension().get(three) or three.decode("euc_jp", "replace")


@lru_cache(maxsize=1)
def _table() -> dict[int, str]:
    """Row and cell of JIS to text: arithmetically to Shift_JIS bytes, those by cp932 (knows NEC and IBM rows)."""
    table = {}
    for row in range(0x21, 0x7F):
        for cell in range(0x21, 0x7F):
            lead = ((row - 0x21) >> 1) + 0x81
            trail = cell + 0x7E if row % 2 == 0 else cell + 0x1F + (cell >= 0x60)
            table[row << 8 | cell] = bytes([lead + (0x40 if lead > 0x9F else 0), trail]).decode("cp932", "replace")[:1]
    return table


@lru_cache(maxsize=1)
def _extension() -> dict[bytes, str]:
    """The IBM characters that JIS X 0212 has not, as eucJP-ms puts them in order from its row 83 cell 83 on."""
    marks = "ⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ＇＂㈱№℡"
    codes = [bytes([lead, trail]) for lead in (0xFA, 0xFB, 0xFC) for trail in range(0x40, 0xFD) if trail != 0x7F]
    kanji = "".join(code.decode("cp932", "ignore")[:1] for code in codes if code >= b"\xfa\x5c" and code <= b"\xfc\x4b")
    others = "".join(char for char in kanji if char.encode("euc_jp", "ignore")[:1] != b"\x8f")
    places = [bytes([0x8F, 0xF3, cell]) for cell in range(0xF3, 0xFF)]
    places += [bytes([0x8F, 0xF4, cell]) for cell in range(0xA1, 0xFF)]
    return dict(zip(places, marks + others, strict=True))
