"""Functions of script languages that make texts of texts: what they give for arguments that are known."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from sekisho_inspection.script_tokens import character

_CODES = {"unicode": "utf-16-le", "utf8": "utf-8", "ascii": "latin-1", "default": "cp932", "utf32": "utf-32-le"}
_PERCENT = re.compile(r"%u([0-9a-f]{4})|((?:%[0-9a-f]{2})++)", re.I)
_HEX = re.compile(r"(?:[0-9a-f]{2})*+", re.I)
# A pattern that is read: characters, one class of them, alternatives. Nothing that can take long.
_SIMPLE = re.compile(r"(?:\\.|[^\\\[\](){}.*+?^$|]|\|)*+(?:\[(?:\\.|[^\]\\])++\]\+?)?(?:\\.|[^\\\[\](){}.*+?^$|]|\|)*+")
LONGEST = 4_000_000


@dataclass(frozen=True)
class Name:
    """Something whose value is not known, by its name."""

    name: str


@dataclass(frozen=True)
class Pattern:
    """A regular expression of JavaScript."""

    source: str
    everywhere: bool = True


def call(name: str, receiver: object, given: list[object]) -> object:
    """The value of a function or method (name in lower case); None where it is not known."""
    function = _FUNCTIONS.get(name)
    if function is None:
        return None
    arguments = [receiver, *given] if not isinstance(receiver, Name | None) else given
    if name in _OF_ENCODINGS:
        arguments = [receiver, *given]
    try:
        return function(*arguments)
    except (TypeError, ValueError, IndexError, OverflowError, AttributeError, re.error):
        return None


def text_of(value: object) -> str:
    """A value as a text; raises TypeError for one that is not known."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    raise TypeError


def characters(values: list[object]) -> str:
    """The characters that numbers stand for; raises TypeError for others."""
    return "".join(character(_number(value)) for value in values)


def unpercented(text: str) -> str:
    """Percent escapes undone (unescape, decodeURIComponent)."""
    return _PERCENT.sub(_percent, text) if "%" in text else text


def base64_text(text: str) -> str:
    """The bytes of Base64 of either alphabet, white space aside; raises ValueError for what is none."""
    plain = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    if len(plain) % 4 == 1:
        plain = plain[:-1]
    return base64.b64decode(plain + "==", validate=False).decode("latin-1")


def _percent(match: re.Match[str]) -> str:
    if match[1]:
        return character(int(match[1], 16))
    raw = unquote_to_bytes(match[2])
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _number(value: object) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return int(value, 16) if value[:2].lower() in ("0x", "&h") and value[1] != "&" else int(value)
    raise TypeError


def _parse_int(text: object, base: object = 10) -> int:
    plain = text_of(text).strip()
    if plain[:2].lower() in ("0x", "&h"):
        return int(plain[2:].rstrip("&"), 16)
    return int(plain, _number(base))


def _chr(*codes: object) -> str:
    flat = [one for code in codes for one in (code if isinstance(code, list) else [code])]
    return characters(flat)


def _code_at(text: str, at: object = 0) -> int:
    return ord(text[_number(at)])


def _bound(length: int) -> None:
    """Raise ValueError for a text that is to become longer than any is read."""
    if length > LONGEST:
        raise ValueError(length)


def _reverse(value: object) -> object:
    return value[::-1] if isinstance(value, str | list) else None


def _replace(text: object, old: object, new: object = "", *_: object) -> str:
    subject, instead = text_of(text), text_of(new)
    if isinstance(old, Pattern):
        return pattern_replaced(subject, old.source, instead, 0 if old.everywhere else 1)
    old_text = text_of(old)
    if not old_text:
        return subject
    _bound(len(subject) + subject.count(old_text) * len(instead))
    return subject.replace(old_text, instead)


def pattern_replaced(text: str, pattern: str, new: str, most: int = 0) -> str:
    """The text with what a simple pattern fits replaced; raises ValueError for a pattern that is not simple."""
    if len(pattern) > 200 or not _SIMPLE.fullmatch(pattern):
        raise ValueError(pattern)
    _bound(len(text) * max(1, len(new)))
    return re.sub(pattern, lambda _: new, text, count=most, flags=re.I)


def _split(text: object, between: object = " ", *_: object) -> list[object]:
    subject = text_of(text)
    separator = between.source.replace("\\", "") if isinstance(between, Pattern) else text_of(between)
    return list(subject.split(separator) if separator else subject)


def _join(first: object, second: object = "") -> str:
    """join(list, text) of VBScript and methods of lists; text.join(list) of Python."""
    values, between = (first, second) if isinstance(first, list) else (second, first)
    if not isinstance(values, list):
        raise TypeError
    separator = text_of(between)
    _bound(len(separator) * len(values))
    return separator.join(text_of(value) for value in values)


def _slice(value: object, start: object = 0, end: object = None) -> object:
    if not isinstance(value, str | list):
        raise TypeError
    return value[_number(start) : None if end is None else _number(end)]


def _substring(text: object, start: object = 0, end: object = None) -> str:
    plain = text_of(text)
    first, last = max(0, _number(start)), len(plain) if end is None else max(0, _number(end))
    return plain[min(first, last) : max(first, last)]


def _substr(text: object, start: object = 0, length: object = None) -> str:
    plain = text_of(text)
    first = _number(start) if _number(start) >= 0 else max(0, len(plain) + _number(start))
    return plain[first : len(plain) if length is None else first + _number(length)]


def _mid(text: object, start: object, length: object = None) -> str:
    return _substr(text, _number(start) - 1, length)


def _right(text: object, count: object) -> str:
    return text_of(text)[-_number(count) :] if _number(count) else ""


def _repeat(text: object, count: object) -> str:
    plain, times = text_of(text), _number(count)
    _bound(len(plain) * times)
    return plain * times


def _from_hex(text: object, *_: object) -> str:
    plain = re.sub(r"[\s,:-]|0x|\\x|%", "", text_of(text), flags=re.I)
    if not _HEX.fullmatch(plain):
        raise ValueError
    return bytes.fromhex(plain).decode("latin-1")


def _from(*arguments: object) -> object:
    """Buffer.from(text, coding), Uint8Array.from(text, function), Array.from(text)."""
    value, coding = arguments[0], arguments[1] if len(arguments) > 1 else ""
    if coding == "base64":
        return base64_text(text_of(value))
    return _from_hex(value) if coding == "hex" else value


def _get_string(encoding: object, value: object, *_: object) -> str:
    raw = (value if isinstance(value, str) else characters(value if isinstance(value, list) else [])).encode("latin-1")
    name = encoding.name.lower() if isinstance(encoding, Name) else "utf8"
    return raw.decode(_CODES.get(name, "utf-8"), "replace")


def _get_bytes(encoding: object, value: object, *_: object) -> str:
    name = encoding.name.lower() if isinstance(encoding, Name) else "utf8"
    return text_of(value).encode(_CODES.get(name, "utf-8"), "replace").decode("latin-1")


def _to_text(value: object, base: object = 10) -> str:
    if isinstance(value, int) and _number(base) == 16:
        return format(value, "x")
    return text_of(value)


def _concat(first: object, *others: object) -> object:
    if isinstance(first, list):
        return [*first, *(one for other in others for one in (other if isinstance(other, list) else [other]))]
    return "".join(map(text_of, (first, *others)))


def _array(*values: object) -> list[object]:
    return list(values)


def _decode64(value: object, *_: object) -> str:
    return base64_text(text_of(value))


def _characters_of(value: object, *_: object) -> list[object]:
    return list(text_of(value))


def _string(count: object, sign: object) -> str:
    return _repeat(text_of(sign)[:1], count) if isinstance(sign, str) else _repeat(_chr(sign), count)


def _encode64(value: object, *_: object) -> str:
    return binascii.b2a_base64(text_of(value).encode("latin-1"), newline=False).decode()


_OF_ENCODINGS = frozenset(["getstring", "getbytes"])
_FUNCTIONS: dict[str, Callable[..., object]] = {
    **dict.fromkeys(["atob", "b64decode", "frombase64string", "standard_b64decode", "urlsafe_b64decode"], _decode64),
    **dict.fromkeys(
        ["unescape", "decodeuri", "decodeuricomponent", "unquote"], lambda text: unpercented(text_of(text))
    ),
    **dict.fromkeys(["chr", "chrw", "chrb", "fromcharcode", "fromcodepoint", "tochar"], _chr),
    **dict.fromkeys(["asc", "ascw", "ord", "charcodeat", "codepointat"], _code_at),
    **dict.fromkeys(["strreverse", "reverse", "reversed"], _reverse),
    **dict.fromkeys(["replace", "replaceall"], _replace),
    **dict.fromkeys(["fromhex", "unhexlify"], _from_hex),
    **dict.fromkeys(["tolower", "lcase", "tolowercase", "lower"], lambda text: text_of(text).lower()),
    **dict.fromkeys(["toupper", "ucase", "touppercase", "upper"], lambda text: text_of(text).upper()),
    **dict.fromkeys(["trim", "trimstart", "trimend", "strip", "ltrim", "rtrim"], lambda text: text_of(text).strip()),
    **dict.fromkeys(["parseint", "cint", "clng", "toint32", "toint16", "tobyte", "number", "cbyte"], _parse_int),
    **dict.fromkeys(["uint8array", "blob", "string", "cstr", "bytes", "bytearray", "get_item"], lambda value: value),
    "btoa": _encode64,
    "space": lambda count: _repeat(" ", count),
    "repeat": _repeat,
    "split": _split,
    "join": _join,
    "slice": _slice,
    "subarray": _slice,
    "substring": _substring,
    "substr": _substr,
    "mid": _mid,
    "left": lambda text, count: text_of(text)[: _number(count)],
    "right": _right,
    "charat": lambda text, at: text_of(text)[_number(at)],
    "from": _from,
    "getstring": _get_string,
    "getbytes": _get_bytes,
    "tochararray": _characters_of,
    "tostring": _to_text,
    "concat": _concat,
    "array": _array,
    "of": _array,
    "decode": lambda value, *_: text_of(value),
    "strdup": _string,
}
