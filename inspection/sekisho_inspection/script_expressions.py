"""Expressions of scripts: the texts and lists that they give by what stands in the script itself. Nothing is run.

Concatenation, escapes, character codes, Base64, reversing, replacing, cutting, joining, formatting and indexing are
worked out where all that they take is known; loops and functions of the script's own are not followed.
"""

from __future__ import annotations

import re

from sekisho_inspection.script_functions import LONGEST, Name, Pattern, call
from sekisho_inspection.script_operators import POWERSHELL, cast, filled, number, operation
from sekisho_inspection.script_tokens import Language, Token, tokens

_MOST_TOKENS = 250_000
_DEEPEST = 40
_SHORTEST = 3
# How tightly an operator binds; the comma makes a list in PowerShell alone.
_BINDS: dict[str, int] = {
    "&": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6, "^": 3, "xor": 3, "-bxor": 3, "<<": 4, ">>": 4, "..": 7,
    "-f": 6, "-join": 3, "-split": 3, "-csplit": 3, "-isplit": 3, "-replace": 3, "-creplace": 3, "-ireplace": 3,
    "-as": 3,
}  # fmt: skip
_TOLD = re.compile(r"\$\{\s*([\w:.$]{1,100})\s*\}|\$((?:env:)?\w{1,100})")


class Folder:
    """Works out the expressions of one script, from its beginning to its end."""

    def __init__(self, code: str, language: Language) -> None:
        self._tokens = tokens(code, language, _MOST_TOKENS)
        self._language = language
        self._at = 0
        # Pieces of a variable that grows are joined when it is asked for.
        self._held: dict[str, object] = dict(POWERSHELL) if language == "ps1" else {}
        self._growing: dict[str, list[str]] = {}
        self._left = 8 * len(code) + 400_000
        self._function = ""
        # Whether a comma makes a list: in PowerShell everywhere but between the arguments of methods.
        self._listing = language == "ps1"
        self._texts: dict[str, None] = {}
        self.lists: list[list[object]] = []
        self.limited = len(self._tokens) >= _MOST_TOKENS

    @property
    def texts(self) -> list[str]:
        """What was put together, in the order found."""
        return list(self._texts)

    def run(self) -> None:
        """Go through all statements."""
        while self._at < len(self._tokens) and self._left > 0:
            before = self._at
            self._whole(0)
            self._at = max(self._at, before + 1)
        for name in self._growing:
            self._emit(self._value(name))
        self.limited = self.limited or self._left <= 0

    def _peek(self, ahead: int = 0) -> Token:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else Token("end", "")

    def _takes(self, *signs: str) -> bool:
        if self._peek().kind == "op" and self._peek().text in signs:
            self._at += 1
            return True
        return False

    def _whole(self, depth: int) -> object:
        """An expression by itself; what it gives is kept where more than one token made it."""
        start = self._at
        value = self._expression(0, depth)
        if self._at - start > 1 and not isinstance(value, Name | None):
            self._emit(value)
        return value

    def _emit(self, value: object) -> None:
        if isinstance(value, str) and len(value) >= _SHORTEST:
            self._texts[value] = None
        elif isinstance(value, list) and value:
            if all(isinstance(one, str) for one in value):
                self._texts["".join(map(str, value))] = None
            elif all(isinstance(one, int) for one in value) and len(value) >= _SHORTEST:
                self.lists.append(value)

    def _expression(self, binds: int, depth: int) -> object:
        if depth > _DEEPEST:
            return None
        left = self._postfixed(self._primary(depth), depth)
        while True:
            token = self._peek()
            if self._listing and token.text == "," and token.kind == "op" and binds < 8:
                left = self._list_of(left, depth)
                continue
            strength = _BINDS.get(token.text, 0) if token.kind in ("op", "word") else 0
            if strength <= binds or (token.kind == "word" and token.text != "xor"):
                return left
            self._at += 1
            if token.text == self._peek().text and token.text in "+-&<>":
                self._at += 1
                return left
            left = self._applied(token.text, left, self._expression(strength, depth + 1))

    def _list_of(self, first: object, depth: int) -> list[object]:
        values = [first]
        while self._takes(","):
            values.append(self._expression(8, depth + 1))
        return values

    def _applied(self, sign: str, left: object, right: object) -> object:
        try:
            value = operation(sign, left, right)
        except (TypeError, ValueError, IndexError, OverflowError, re.error):
            return None
        if isinstance(value, str | list):
            self._left -= len(value)
            value = value[:LONGEST]
        return value

    def _primary(self, depth: int) -> object:
        token = self._peek()
        self._at += 1
        if token.kind == "text":
            return token.text
        if token.kind == "told":
            return self._told(token.text)
        if token.kind == "number":
            return number(token.text)
        if token.kind == "numbers":
            return [number(piece.strip()) for piece in token.text.split(",")]
        if token.kind == "pattern":
            return Pattern(token.text, "g" in token.flags)
        if token.kind == "word":
            return self._word(token.text, depth)
        if token.text in ("(", "@("):
            return self._bracketed(depth)
        if token.text == "[":
            return self._square(depth)
        if token.text == "-join":
            return call("join", self._expression(7, depth + 1), [""])
        if token.text in ("+", "-", "!", "~", "...", "-split"):
            value = self._expression(7, depth + 1)
            if token.text == "...":
                return list(value) if isinstance(value, str) else value
            return -value if token.text == "-" and isinstance(value, int) else value
        if token.text in (")", "]", "}", ",", ";") or token.kind == "end":
            self._at -= token.kind == "end" or token.text in (")", "]", "}")
        return None

    def _told(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            found = self._value(f"${name.lower()}" if self._language == "ps1" else name)
            return found if isinstance(found, str) else str(found) if isinstance(found, int) else ""

        made = filled(_TOLD, text, value)
        self._left -= len(made)
        self._emit(made)
        return made

    def _word(self, word: str, depth: int) -> object:
        if word in ("var", "let", "const", "new", "return", "set", "dim", "await", "typeof", "call"):
            value = self._expression(0, depth + 1)
            if word == "return" and self._function and isinstance(value, str):
                self._held[self._function] = value
            return value
        if word in ("function", "def", "sub"):
            self._function = self._peek().text
            return None
        sign = self._peek()
        if sign.kind == "op" and sign.text in ("=", "+=", "&="):
            self._at += 1
            return self._assigned(word, sign.text != "=", depth)
        if sign.text == ":" and self._language == "js" and self._peek(1).kind == "text":
            self._at += 1
            return self._assigned(word, False, depth)
        value = self._value(word)
        return Name(word) if value is None else value

    def _value(self, name: str) -> object:
        if pieces := self._growing.get(name):
            if len(pieces) > 1:
                pieces[:] = ["".join(pieces)[:LONGEST]]
                self._left -= len(pieces[0])
            return pieces[0]
        return self._held.get(name)

    def _assigned(self, name: str, more: bool, depth: int) -> object:
        """A variable takes a value. `a = a + x` is `a += x`, so that what grows piece by piece costs its own length."""
        if not more and self._peek().text == name and self._peek(1).text in ("+", "&") and self._peek(2).kind != "op":
            self._at += 2
            more = True
        start = self._at
        value = self._expression(0, depth + 1)
        if more and isinstance(value, str | Name | None) and isinstance(self._held.get(name, ""), str):
            pieces = self._growing.setdefault(name, [str(self._held.pop(name, ""))])
            if isinstance(value, str):
                pieces.append(value)
            return Name(name)
        if not isinstance(value, Name | None):
            self._growing.pop(name, None)
            self._held[name] = value
            if self._at - start > 1:
                self._emit(value)
            return value
        return value

    def _bracketed(self, depth: int) -> object:
        listing, self._listing = self._listing, self._language == "ps1"
        values = self._arguments(")", depth)
        self._listing = listing
        if self._language == "ps1" and len(values) == 1:
            return values[0]
        return values if self._language == "ps1" and len(values) > 1 else values[-1] if values else None

    def _square(self, depth: int) -> object:
        """A list; in PowerShell a type, which casts what follows or is asked for a member."""
        if self._language != "ps1":
            return self._arguments("]", depth)
        words = []
        while self._peek().kind != "end" and not self._takes("]"):
            words.append(self._peek().text)
            self._at += 1
            if words[-1] == "[":
                self._takes("]")
        name = "".join(words)
        if self._takes("::"):
            member = self._peek().text
            self._at += 1
            return self._called(Name(words[-1] if words else ""), member, depth)
        return cast(name, self._postfixed(self._primary(depth + 1), depth)) if depth < _DEEPEST else None

    def _given(self, depth: int) -> list[object]:
        """The arguments of a call, behind its bracket."""
        listing, self._listing = self._listing, False
        values = self._arguments(")", depth)
        self._listing = listing
        return values

    def _arguments(self, end: str, depth: int) -> list[object]:
        values: list[object] = []
        while self._peek().kind != "end" and not self._takes(end):
            before = self._at
            listed = self._peek().kind == "numbers" or self._peek().text == "..."
            value = self._whole(depth + 1)
            values += value if listed and isinstance(value, list) else [value]
            self._takes(",", ";")
            if self._at == before:
                self._at += 1
        return values

    def _postfixed(self, value: object, depth: int) -> object:
        while self._peek().kind == "op":
            sign = self._peek()
            if sign.text in (".", "::") and self._peek(1).kind in ("word", "text"):
                self._at += 2
                value = self._called(value, self._tokens[self._at - 1].text, depth)
            elif sign.text == "[":
                self._at += 1
                value = self._indexed(value, self._arguments("]", depth), depth)
            elif sign.text == "(" and isinstance(value, Name | str | None):
                self._at += 1
                value = self._function_value(value, self._given(depth))
            else:
                return value
        return value

    def _function_value(self, function: object, given: list[object]) -> object:
        if not isinstance(function, Name):
            # A function without arguments that gives a text was held under its name.
            return function if not given else None
        if function.name in ("eval", "iex", "execute", "executeglobal") and given:
            return given[0]
        value = call(function.name.lower(), None, given)
        return self._charged(value)

    def _charged(self, value: object) -> object:
        if isinstance(value, str | list):
            self._left -= len(value)
        return value

    def _called(self, receiver: object, member: str, depth: int) -> object:
        """A method's value, a property's, or that of a variable which is a property."""
        if self._takes("("):
            given = self._given(depth)
            if member.lower() in ("push", "append", "add") and isinstance(receiver, list):
                receiver.extend(given)
                return receiver
            # Of .NET the second number is a length.
            name = "substr" if self._language == "ps1" and member == "substring" else member.lower()
            return self._charged(call(name, receiver, given))
        if member.lower() == "length" and isinstance(receiver, str | list):
            return len(receiver)
        sign = self._peek()
        if sign.kind == "op" and sign.text in ("=", "+=") and isinstance(receiver, Name | None):
            self._at += 1
            return self._assigned(member, sign.text == "+=", depth)
        found = self._value(member) if isinstance(receiver, Name | None) else None
        return Name(member) if found is None else found

    def _indexed(self, value: object, given: list[object], depth: int) -> object:
        """An element or, in PowerShell, several; of an unknown object a member by its name."""
        if len(given) == 1 and isinstance(given[0], list):
            given = given[0]
        if not given or not isinstance(value, str | list):
            if given and isinstance(given[0], str):
                return self._called(value, given[0], depth)
            return Name("")
        picked = [value[at] for at in given if isinstance(at, int) and -len(value) <= at < len(value)]
        if len(given) == 1 or self._language != "ps1":
            return picked[-1] if picked else None
        return picked
