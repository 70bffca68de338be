"""Charsets: bytes and the label they came with to text, as a Japanese reader's mail program would show them.

Decoding never raises. A label that does not fit its bytes is no reason to lose them: the text that reads best is taken,
and `decodings` gives the other plausible ones too.
"""

from __future__ import annotations

import codecs
import encodings
import importlib
import pkgutil
import re
import struct
from encodings import aliases
from functools import lru_cache

# Codecs that are no charsets, or whose time grows with the square of the input (punycode, idna).
_NO_CHARSET = {
    "idna",
    "punycode",
    "unicode-escape",
    "raw-unicode-escape",
    "undefined",
    "charmap",
    "rot13",
    "mbcs",
    "oem",
}
_LABEL = re.compile(r"[a-z0-9_:-]{1,40}")
_ALIASES = {
    **dict.fromkeys(
        ["iso-2022-jp", "iso2022-jp", "iso2022jp", "csiso2022jp", "jis", "iso-2022-jp-1", "iso-2022-jp-2",
         "iso-2022-jp-3",
         "iso-2022-jp-2004", "iso-2022-jp-ms", "cp50220", "cp50221", "cp50222", "x-windows-iso2022jp"], "iso-2022-jp",
    ),
    **dict.fromkeys(
        ["shift-jis", "shiftjis", "sjis", "x-sjis", "ms-kanji", "csshiftjis", "windows-31j", "cswindows31j", "cp932",
         "ms932", "x-ms-cp932", "shift-jis-2004", "sjis-win"], "cp932",
    ),
    **dict.fromkeys(["euc-jp", "eucjp", "x-euc-jp", "x-euc", "ujis", "eucjp-ms", "eucjp-win", "cp51932"], "euc-jp"),
    **dict.fromkeys(["us-ascii", "ascii", "ansi-x3.4-1968", "iso-8859-1", "latin1", "latin-1", "8859-1"], "cp1252"),
    **dict.fromkeys(["gb2312", "gbk", "x-gbk", "cp936"], "gb18030"),
    **dict.fromkeys(["ks-c-5601-1987", "ks-c-5601", "euc-kr", "korean"], "cp949"),
    "utf8": "utf-8", "unicode-1-1-utf-7": "utf-7", "iso-8859-8-i": "iso8859-8", "iso-8859-6-i": "iso8859-6",
    "x-mac-japanese": "cp932", "unicode": "utf-16",
}  # fmt: skip
_ESCAPE = re.compile(rb"\x1b(\([@-Z]|\$[@AB]|\$\([@-Z]|&@\x1b\$B)|([\x0e\x0f])")
_EUC = re.compile(
    rb"((?:[\xa1-\xfe]{2})+)|((?:\x8e[\xa1-\xdf])+)|((?:\x8f[\xa1-\xfe]{2})+)|([\x00-\x7f]+)|([\x80-\xff])", re.S
)
# Beyond this, guessing looks at the beginning alone.
_SAMPLE = 20000


def decode(data: bytes, label: str = "") -> tuple[str, str]:
    """`data` as text, and the charset that was used: the one that `label` names where it fits, else the best guess."""
    if data.isascii() and b"\x1b" not in data and _canonical(label) not in _ODD:
        return data.decode("ascii"), label.lower() or "us-ascii"
    charset = _fitting(data, _canonical(label))
    return _decode_as(data, charset), charset


def decodings(data: bytes, label: str = "") -> list[str]:
    """Every plausible reading of `data`, the best first, without repeats."""
    first, used = decode(data, label)
    texts = [first]
    if not data.isascii() or b"\x1b" in data or _canonical(label) in _ODD:
        declared = _canonical(label)
        for charset in filter(None, dict.fromkeys([declared, *_GUESSES])):
            if charset != used and (charset == declared or _strict(data, charset) is not None):
                texts.append(_decode_as(data, charset))
    return list(dict.fromkeys(texts))


def preload() -> None:
    """Import every codec of the standard library, so that a process without files can use them."""
    for module in pkgutil.iter_modules(encodings.__path__):
        if module.name not in ("mbcs", "oem"):
            importlib.import_module(f"encodings.{module.name}")
    _known()
    _table()


@lru_cache(maxsize=256)
def _canonical(label: str) -> str:
    """Our name for the charset that `label` names; "" for an unknown one."""
    plain = label.strip().strip("\"'").lower().partition("*")[0].replace("_", "-")
    if plain in _ALIASES:
        return _ALIASES[plain]
    # Unknown names are not looked up: each would be searched for among the files, and remembered for good.
    if not _LABEL.fullmatch(plain) or re.sub(r"[^a-z0-9]", "_", plain) not in _known():
        return ""
    try:
        name = codecs.lookup(plain).name
        # An encoder that gives no bytes, or a name of the list, is no charset.
        return "" if name.replace("_", "-") in _NO_CHARSET or "".encode(name) is None else name
    except (LookupError, ValueError, ImportError, TypeError, OSError):
        return ""


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """Every name by which Python knows a codec, in the form of its modules."""
    modules = {module.name for module in pkgutil.iter_modules(encodings.__path__)}
    return frozenset(modules | set(aliases.aliases))


_GUESSES = ("utf-8", "iso-2022-jp", "cp932", "euc-jp")
# Charsets whose bytes are ASCII and yet mean something else.
_ODD = {
    "utf-7", "hz", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp037", "cp273", "cp424",
    "cp500", "cp875", "cp1026", "cp1140",
}  # fmt: skip


def _fitting(data: bytes, declared: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) and not declared.startswith("utf-16"):
        return "utf-16"
    if b"\x1b" in data and declared in ("", "cp1252", "utf-8", "cp932", "euc-jp") and _ESCAPE.search(data):
        return "iso-2022-jp"
    if (
        declared
        and declared not in ("cp1252", "iso-2022-jp", "cp932", "euc-jp")
        and _strict(data, declared) is not None
    ):
        return declared
    if declared == "iso-2022-jp" and (data.isascii() or b"\x1b" in data):
        return declared
    return _best(data[:_SAMPLE], declared)


def _best(sample: bytes, declared: str) -> str:
    candidates = list(dict.fromkeys([charset for charset in (declared, *_GUESSES, "cp1252") if charset]))
    # At the same score the label wins, then the order of the list.
    return max(candidates, key=lambda charset: (_weight(sample, charset), charset == declared))


def _weight(sample: bytes, charset: str) -> float:
    # Lawful UTF-8 beyond two-byte characters does not come about by chance; two half-width kana may look like one.
    lawful = charset == "utf-8" and not sample.isascii() and _strict(sample[: _whole(sample)], charset) is not None
    bonus = 0.0 if not lawful else 3.0 if max(sample) < 0xE0 else float("inf")
    return _score(_decode_as(sample, charset)) + bonus


def _whole(sample: bytes) -> int:
    """The length without a character that the sample's end cuts off."""
    end = len(sample)
    while end and len(sample) - end < 4 and sample[end - 1] & 0xC0 == 0x80:
        end -= 1
    return end - 1 if len(sample) == _SAMPLE and end and sample[end - 1] >= 0xC0 else len(sample)


def _score(text: str) -> float:
    """How much `text` reads like writing: kana and kanji speak for it, broken and rare characters against it."""
    points = 0.0
    for char in text:
        if "\x20" <= char <= "\x7e" or char in "\r\n\t":
            continue
        if "\u3040" <= char <= "\u30ff":
            points += 2
        elif "\u3000" <= char <= "\u303f" or "\u4e00" <= char <= "\u9fff" or "\uff01" <= char <= "\uff5e":
            points += 1
        elif char == "\ufffd" or char < "\x20" or "\x7f" <= char <= "\x9f" or "\ue000" <= char <= "\uf8ff":
            points -= 6
        elif "\uff61" <= char <= "\uff9f":
            points += 0.1
        elif char.isalpha():
            points += 0.05
    return points


def _strict(data: bytes, charset: str) -> str | None:
    try:
        text = _decode_as(data, charset) if charset in ("iso-2022-jp", "euc-jp") else data.decode(charset)
    except (UnicodeError, LookupError, ValueError):
        return None
    return None if "\ufffd" in text or (charset == "iso-2022-jp" and not _ESCAPE.search(data)) else text


def _decode_as(data: bytes, charset: str) -> str:
    if charset == "iso-2022-jp":
        return _jis(data)
    if charset == "euc-jp":
        return _euc(data)
    try:
        # A codec may yield lone surrogates (utf-7, utf-16); they are no text and break every encoder downstream.
        return data.decode(charset, "replace").encode("utf-8", "replace").decode("utf-8")
    except (UnicodeError, LookupError, ValueError):
        return data.decode("latin-1")


def _jis(data: bytes) -> str:
    """ISO-2022-JP with NEC and IBM rows, JIS X 0212, half-width kana by escape, by shift-out or as 8-bit bytes."""
    out: list[str] = []
    state, shifted, last = b"(B", False, 0
    for match in _ESCAPE.finditer(data):
        out.append(_jis_run(data[last : match.start()], b"(I" if shifted else state))
        last = match.end()
        if match[2]:
            shifted = match[2] == b"\x0e"
        else:
            state = match[1]
    out.append(_jis_run(data[last:], b"(I" if shifted else state))
    return "".join(out)


def _jis_run(run: bytes, state: bytes) -> str:
    if not run:
        return ""
    if state == b"(I":
        return bytes(byte | 0x80 if 0x21 <= byte <= 0x5F else byte for byte in run).decode("cp932", "replace")
    if state in (b"$@", b"$B", b"$(@", b"$(B", b"&@\x1b$B"):
        # Line ends return to ASCII (RFC 1468), also where the sender forgot the escape.
        return "".join(
            _pairs(piece) if index % 2 == 0 else piece.decode("ascii") for index, piece in enumerate(_BREAK.split(run))
        )
    if state.startswith(b"$"):
        return (b"\x1b" + state + run + b"\x1b(B").decode(_other_jis(state), "replace")
    return run.decode("ascii") if run.isascii() else run.decode("cp932", "replace")


_BREAK = re.compile(rb"([\r\n\t ]+)")


def _other_jis(state: bytes) -> str:
    codecs_by_state = {b"$A": "iso2022_jp_2", b"$(C": "iso2022_jp_2", b"$(D": "iso2022_jp_ext"}
    return codecs_by_state.get(state, "iso2022_jp_2004")


def _pairs(run: bytes) -> str:
    """Two-byte JIS rows and cells; a lone last byte is shown as broken."""
    table = _table()
    even = len(run) & ~1
    units = struct.unpack(f">{even // 2}H", run[:even])
    return "".join([table.get(unit & 0x7F7F, "\ufffd") for unit in units]) + ("\ufffd" if len(run) > even else "")


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


def _euc(data: bytes) -> str:
    """EUC-JP with NEC and IBM rows; a byte that fits nowhere is shown as broken."""
    out = []
    for match in _EUC.finditer(data):
        if match[1]:
            out.append(_pairs(match[1]))
        elif match[2]:
            out.append(match[2][1::2].decode("cp932"))
        elif match[3]:
            out.append(match[3].decode("euc_jp", "replace"))
        else:
            out.append(match[4].decode("ascii") if match[4] else "\ufffd")
    return "".join(out)
