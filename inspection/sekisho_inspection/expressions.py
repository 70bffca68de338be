"""Expressions of Visual Basic and of Excel's formulas: the strings that they put together, without running anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

Value = str | float | list["Value"] | None

_TOKEN = re.compile(
    r"\"((?:[^\"\r\n]|\"\")*+)(?:\"|(?=[\r\n])|$)|&[hH]([0-9a-fA-F]{1,8})\b&?|(\d{1,15}(?:\.\d{1,15})?)[%&#!@]?"
    r"|(?:[^\W\d][\w.]{0,100}!|'[^'\r\n]{1,100}'!)?([^\W\d][\w.]{0,250}\$?)|(<>|<=|>=|:=|[-+*/\\^&=<>(),;{}])|([:\n])"
)
_CONTINUED = re.compile(r"[ \t]_[ \t]*\r?\n")
_COMMENT = re.compile(r"^((?:[^\"'\n]|\"[^\"\n]*+\"?)*+)'[^\n]*+", re.M)
# Operators by how closely they bind (MS-VBAL 5.6.9); those that compare give nothing that is looked for.
_BINDING = {
    "xor": 1, "or": 1, "and": 1, "=": 2, "<>": 2, "<": 2, ">": 2, "<=": 2, ">=": 2, "&": 3, "+": 4, "-": 4, "mod": 5,
    "\\": 6, "*": 7, "/": 7, "^": 8,
}  # fmt: skip
_DECLARING = frozenset(["const", "let", "set", "dim", "public", "private", "global", "static", "sheet"])
# Brackets within brackets that are followed, and characters of one value and of all that one text may give.
_MAX_DEPTH = 40
_MAX_VALUE, _MAX_TIMES = 1 << 20, 4
_BETWEEN = frozenset(("sign", sign) for sign in ",;)}")
# What stands for a piece of a string that has no value here: no URL goes on behind it.
_UNKNOWN = "\n"
_MAX_TOKENS = 1_000_000


@dataclass
class Folded:
    """What the expressions of a text come to: strings that were put together, and the values of names."""

    texts: dict[str, None] = field(default_factory=dict)
    held: dict[str, Value] = field(default_factory=dict)


def plain_code(code: str) -> str:
    """Visual Basic with its continued lines joined and without comments."""
    code = _CONTINUED.sub(" ", code) if "_" in code else code
    return _COMMENT.sub(r"\1", code) if "'" in code else code


def folded(code: str, held: dict[str, Value] | None = None) -> list[str]:
    """The strings that joins, Chr, StrReverse, Replace and the like make of constants, in order. `held` are values of
    names, in lower case, that are known before."""
    reader = _Reader(code, Folded(held=dict(held or {})))
    reader.read()
    return list(reader.out.texts)


class _Reader:
    """Reads statement after statement; what it cannot follow has no value, and what stands around it keeps its own."""

    def __init__(self, code: str, out: Folded) -> None:
        self.out = out
        self._left = _MAX_TIMES * len(code) + 10_000
        self._tokens: list[tuple[str, str]] = []
        for count, match in enumerate(_TOKEN.finditer(code)):
            if count >= _MAX_TOKENS:
                break
            self._tokens.append((_kind(match), match[match.lastindex or 0]))
        self._at = 0

    def read(self) -> None:
        """Every statement: what it gives to a name, and what its expressions come to."""
        while self._at < len(self._tokens) and self._left > 0:
            name = self._target()
            before = self._at
            value = self._expression(0, 0)
            if name:
                self.out.held[name] = value
            self._keep(value, self._at - before)
            if self._at == before:
                self._at += 1

    def _target(self) -> str:
        """The name at a statement's beginning that takes a value; behind it when there is one."""
        if self._at and self._tokens[self._at - 1][0] != "end":
            return ""
        at = self._at
        while self._word(at) in _DECLARING:
            at += 1
        if self._peek(at)[0] != "name":
            return ""
        name = self._word(at)
        # Const a As String = "…"
        after = at + 3 if self._word(at + 1) == "as" else at + 1
        if self._peek(after) != ("sign", "="):
            return ""
        self._at = after + 1
        return name.rstrip("$")

    def _peek(self, at: int) -> tuple[str, str]:
        return self._tokens[at] if at < len(self._tokens) else ("end", "")

    def _word(self, at: int) -> str:
        kind, text = self._peek(at)
        return text.lower() if kind == "name" else ""

    def _operator(self) -> str:
        kind, text = self._peek(self._at)
        return text.lower() if kind in ("sign", "name") and text.lower() in _BINDING else ""

    def _expression(self, least: int, depth: int) -> Value:
        """One expression whose operators bind at least as closely as `least`."""
        value = self._operand(depth)
        while (operator := self._operator()) and _BINDING[operator] >= least:
            self._at += 1
            right = self._expression(_BINDING[operator] + 1, depth)
            joined = _applied(operator, value, right)
            if joined is None:
                self._keep(value, 2)
                self._keep(right, 2)
            self._left -= len(joined) if isinstance(joined, str) else 1
            value = joined if self._left > 0 else None
        return value

    def _operand(self, depth: int) -> Value:
        kind, text = self._peek(self._at)
        if kind == "end" or (kind == "sign" and text not in "-+({="):
            return None
        self._at += 1
        if kind == "text":
            return text.replace('""', '"')
        if kind == "number":
            return float(text)
        if kind == "hex":
            return float(int(text, 16))
        if kind == "name":
            return self._name(text.lower().rstrip("$"), depth)
        if text in "({":
            inner = self._arguments(depth)
            return inner[0] if len(inner) == 1 else list(inner)
        value = self._operand(depth + 1) if depth < _MAX_DEPTH else None
        return -value if text == "-" and isinstance(value, float) else value

    def _name(self, name: str, depth: int) -> Value:
        if self._peek(self._at) != ("sign", "("):
            return self.out.held.get(name)
        if depth >= _MAX_DEPTH:
            return None
        self._at += 1
        arguments = self._arguments(depth)
        function = _FUNCTIONS.get(name.removeprefix("vba.").removeprefix("strings."))
        if function is None:
            for value in arguments:
                self._keep(value, 2)
            return None
        try:
            made = function(arguments)
        # Too few arguments, or none of the kinds that the function takes.
        except (IndexError, TypeError, ValueError, OverflowError):
            return None
        self._left -= len(made) if isinstance(made, (str, list)) else 1
        return made if self._left > 0 else None

    def _arguments(self, depth: int) -> list[Value]:
        """The values between brackets, the opening one behind."""
        found: list[Value] = []
        while self._at < len(self._tokens) and self._peek(self._at)[0] != "end":
            before = self._at
            if depth < _MAX_DEPTH and self._peek(self._at) not in _BETWEEN:
                found.append(self._expression(0, depth + 1))
            kind, text = self._peek(self._at)
            if kind == "sign" and text in (")", "}"):
                self._at += 1
                break
            if (kind == "sign" and text in (",", ";")) or self._at == before:
                self._at += kind != "end"
        return found

    def _keep(self, value: Value, tokens: int) -> None:
        """Keep a string that more than one token made."""
        if isinstance(value, str) and tokens > 1 and len(value) > 1:
            self.out.texts[value] = None
        elif isinstance(value, list) and (text := _joined([value])):
            self.out.texts[text] = None


def _kind(match: re.Match[str]) -> str:
    return ("text", "hex", "number", "name", "sign", "end")[(match.lastindex or 1) - 1]


def _applied(operator: str, left: Value, right: Value) -> Value:
    if operator == "&" or (operator == "+" and isinstance(left, str) and isinstance(right, str)):
        pieces = [_text(one) if isinstance(one, (str, float)) else _UNKNOWN for one in (left, right)]
        return "".join(pieces)[:_MAX_VALUE] if pieces != [_UNKNOWN, _UNKNOWN] else None
    first, second = _number(left), _number(right)
    if first is None or second is None:
        return None
    return _calculated(operator, first, second)


def _calculated(operator: str, first: float, second: float) -> float | None:
    whole = (int(first), int(second)) if max(abs(first), abs(second)) < 1e15 else (0, 0)
    if operator in "+-*":
        return {"+": first + second, "-": first - second, "*": first * second}[operator]
    if operator in ("xor", "and", "or"):
        return float({"xor": whole[0] ^ whole[1], "and": whole[0] & whole[1], "or": whole[0] | whole[1]}[operator])
    if operator in ("/", "\\", "mod") and whole[1]:
        return (
            first / second
            if operator == "/"
            else float({"\\": whole[0] // whole[1], "mod": whole[0] % whole[1]}[operator])
        )
    return None


def _text(value: Value) -> str:
    if isinstance(value, float):
        return str(int(value)) if abs(value) < 1e15 and value == int(value) else str(value)
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Value) -> float | None:
    if isinstance(value, float):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*(?:&h[0-9a-f]{1,8}|\d{1,15})\s*", value, re.I | re.A):
        text = value.strip().lower()
        return float(int(text[2:], 16) if text.startswith("&h") else int(text))
    return None


def _whole(value: Value) -> int:
    number = _number(value)
    if number is None:
        raise TypeError
    return int(number)


def _character(values: list[Value]) -> str:
    code = _whole(values[0]) & 0xFFFF
    return chr(code) if not 0xD800 <= code < 0xE000 else "\ufffd"


def _replaced(values: list[Value]) -> str:
    text, old, new = (_text(value) for value in values[:3])
    if not old or len(text) + text.count(old) * len(new) > _MAX_VALUE:
        raise ValueError
    return text.replace(old, new)


def _middle(values: list[Value]) -> str:
    start = max(0, _whole(values[1]) - 1)
    return _text(values[0])[start : start + max(0, _whole(values[2])) if len(values) > 2 else None]


def _joined(values: list[Value]) -> str:
    """Join(list, separator); a list of numbers alone is one of characters."""
    items = values[0] if isinstance(values[0], list) else values
    if len(values) == 1 and len(items) > 3 and all(isinstance(item, float) for item in items):
        return "".join(_character([item]) for item in items)
    separator = _text(values[1]) if len(values) > 1 and isinstance(values[0], list) else ""
    pieces = [_text(item) for item in items if isinstance(item, (str, float))]
    if len(pieces) * len(separator) > _MAX_VALUE:
        raise ValueError
    return separator.join(pieces)


def _split(values: list[Value]) -> list[Value]:
    separator = _text(values[1]) if len(values) > 1 else " "
    return list(_text(values[0]).split(separator or " "))


def _repeated(values: list[Value]) -> str:
    count = _whole(values[0])
    letter = " " if len(values) < 2 else values[1]
    return (_character([letter]) if isinstance(letter, float) else _text(letter)[:1]) * min(max(count, 0), 10_000)


def _concatenated(values: list[Value]) -> str:
    return "".join(_text(value) for value in values)[:_MAX_VALUE]


_FUNCTIONS: dict[str, Callable[[list[Value]], Value]] = {
    **dict.fromkeys(("chr", "chrw", "chrb", "char", "unichar", "_xlfn.unichar"), _character),
    **dict.fromkeys(("strreverse", "reverse"), lambda values: _text(values[0])[::-1]),
    **dict.fromkeys(("replace", "substitute"), _replaced),
    **dict.fromkeys(("mid", "midb"), _middle),
    "left": lambda values: _text(values[0])[: max(0, _whole(values[1]))],
    "right": lambda values: _text(values[0])[-_whole(values[1]) :] if _whole(values[1]) > 0 else "",
    **dict.fromkeys(("lcase", "lower"), lambda values: _text(values[0]).lower()),
    **dict.fromkeys(("ucase", "upper"), lambda values: _text(values[0]).upper()),
    **dict.fromkeys(("trim", "ltrim", "rtrim"), lambda values: _text(values[0]).strip(" ")),
    **dict.fromkeys(("cstr", "str", "t", "cvar", "format", "text", "environ"), lambda values: _text(values[0])),
    **dict.fromkeys(("cint", "clng", "cbyte", "val", "value", "int"), lambda values: float(_whole(values[0]))),
    **dict.fromkeys(("asc", "ascw", "code"), lambda values: float(ord(_text(values[0])[0]))),
    **dict.fromkeys(("len", "lenb"), lambda values: float(len(_text(values[0])))),
    **dict.fromkeys(("array", "_xlfn.array"), lambda values: list(values)),
    "join": _joined,
    "split": _split,
    **dict.fromkeys(("string",), _repeated),
    "space": _repeated,
    **dict.fromkeys(("concatenate", "concat", "_xlfn.concat"), _concatenated),
}
