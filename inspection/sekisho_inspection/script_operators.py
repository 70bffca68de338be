"""Operators of script languages, casts, and the variables that have a value on nearly every Windows."""

from __future__ import annotations

import re
from collections.abc import Callable

from sekisho_inspection.script_functions import LONGEST, base64_text, call, pattern_replaced, text_of
from sekisho_inspection.script_tokens import character

_PLACES = re.compile(r"\{(\d{1,3})(?:[:,][^{}]{0,20})?\}")
_LONGEST_RANGE = 10_000
_ENVIRONMENT = {
    "comspec": r"C:\WINDOWS\system32\cmd.exe", "public": r"C:\Users\Public", "windir": r"C:\WINDOWS",
    "systemroot": r"C:\WINDOWS", "programfiles": r"C:\Program Files", "programdata": r"C:\ProgramData",
    "allusersprofile": r"C:\ProgramData", "os": "Windows_NT", "systemdrive": "C:",
    "pathext": ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
    "commonprogramfiles": r"C:\Program Files\Common Files",
}  # fmt: skip
POWERSHELL = {
    "$pshome": r"C:\Windows\System32\WindowsPowerShell\v1.0", "$shellid": "Microsoft.PowerShell",
    "$verbosepreference": "SilentlyContinue", **{f"$env:{name}": value for name, value in _ENVIRONMENT.items()},
}  # fmt: skip


def environment(name: str) -> str | None:
    """The value that a variable of the environment has on nearly every Windows."""
    return _ENVIRONMENT.get(name.lower())


def operation(sign: str, left: object, right: object) -> object:
    """The value of an operator. Raises TypeError, ValueError or IndexError where the operands do not fit."""
    if sign in ("+", "&"):
        return _sum(left, right, sign)
    if sign == "-f":
        values = [text_of(one) for one in (right if isinstance(right, list) else [right])]
        return filled(_PLACES, text_of(left), lambda place: values[int(place[1])])
    if sign == "-join":
        return call("join", left if isinstance(left, list) else [left], [right])
    if sign.endswith("split"):
        return call("split", left, [right])
    if sign.endswith("replace"):
        old, new = (right[0], right[1]) if isinstance(right, list) and len(right) > 1 else (right, "")
        return pattern_replaced(text_of(left), text_of(old), text_of(new))
    if sign == ".." and isinstance(left, int) and isinstance(right, int) and abs(right - left) < _LONGEST_RANGE:
        return list(range(left, right + 1)) if left <= right else list(range(left, right - 1, -1))
    return _arithmetic(sign, left, right)


def filled(places: re.Pattern[str], text: str, value: Callable[[re.Match[str]], str]) -> str:
    """The text with its places filled, as long as texts may be."""
    pieces, at, length = [], 0, 0
    for place in places.finditer(text):
        pieces += [text[at : place.start()], value(place)]
        at = place.end()
        length += len(pieces[-1]) + len(pieces[-2])
        if length > LONGEST:
            break
    return "".join([*pieces, text[at:]])[:LONGEST]


def number(text: str) -> int:
    """The whole part of a number as scripts write it: decimal, 0x…, &H…."""
    if text[:2] in ("0x", "&h"):
        return int(text[2:].rstrip("&"), 16)
    return int(text.partition(".")[0][:20])


def _sum(left: object, right: object, sign: str) -> object:
    """Texts in one; what is not known of two texts is left out."""
    if isinstance(left, list) and not isinstance(right, str):
        return [*left, *(right if isinstance(right, list) else [right])]
    if isinstance(left, int) and isinstance(right, int) and sign == "+":
        return left + right
    known = [text_of(one) for one in (left, right) if isinstance(one, str | int)]
    if not any(isinstance(one, str) for one in (left, right)):
        raise TypeError
    return "".join(known)


def _arithmetic(sign: str, left: object, right: object) -> object:
    if not isinstance(left, int) or not isinstance(right, int) or abs(left) > 1 << 64 or abs(right) > 1 << 64:
        raise TypeError
    if sign in ("^", "xor", "-bxor"):
        return left ^ right
    if sign in ("/", "%") and right:
        return left // right if sign == "/" else left % right
    return {"-": left - right, "*": left * right}.get(sign)


def cast(name: str, value: object) -> object:
    """[char], [int], [string], [char[]], [byte[]] and the like; others leave the value as it is."""
    plain = name.rpartition(".")[2]
    if plain in ("char", "system.char") and isinstance(value, int):
        return character(value)
    if plain == "char" and isinstance(value, list):
        return "".join(character(one) for one in value if isinstance(one, int))
    if plain in ("char[]", "byte[]"):
        if isinstance(value, str):
            return list(value)
        if plain == "char[]" and isinstance(value, list):
            return [character(one) if isinstance(one, int) else one for one in value]
        return value
    if plain in ("int", "byte", "int32") and isinstance(value, str):
        return call("parseint", None, [value])
    if plain == "string" and isinstance(value, list):
        return " ".join(one for one in value if isinstance(one, str))
    if plain == "convert" and isinstance(value, str):
        return base64_text(value)
    return value
