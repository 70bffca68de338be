"""YARA source as text: its rules one by one, and the words that it uses. Whether it is valid the compiler says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

# In YARA a slash begins a comment or an expression; division is a backslash. Each alternative is linear.
_TOKEN = re.compile(
    r"//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?"
    r'|(?P<string>"(?:[^"\\\n]|\\.)*+"?)'
    r"|(?P<expression>/(?:[^/\\\n]|\\.)++/?[is]*+)"
    r"|(?P<variable>[$#@]\w*+|!\w++)|(?P<word>[A-Za-z_]\w*+)|(?P<number>\d\w*+)|(?P<sign>[{}=:])",
    re.S,
)
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|.)", re.S)
_SPACE = r"(?:\s|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+"
_BYTE = re.compile(rf"\{{{_SPACE}[0-9A-Fa-f]{{2}}{_SPACE}\}}")


@dataclass(frozen=True)
class Rule:
    """One rule of a source: its name, whether it is private or global, its text and where that begins, and the words in
    it."""

    name: str
    private: bool
    common: bool
    text: str
    start: int
    words: frozenset[str]


@dataclass(frozen=True)
class Source:
    """A source taken apart: itself, its rules in order, its import statements as one text, every word outside of
    strings, and the strings of one byte, as rule and identifier."""

    text: str
    rules: tuple[Rule, ...]
    imports: str
    words: frozenset[str]
    single_bytes: tuple[tuple[str, str], ...]

    def alone(self, name: str) -> str:
        """The source of the rule of this name with the imports and the rules that it names, as the compiler takes
        it."""
        wanted = {name}
        # A rule can only name rules before it.
        for one in reversed(self.rules):
            if one.name in wanted:
                wanted |= one.words
        return "\n".join([self.imports, *(one.text for one in self.rules if one.name in wanted)])

    def rule_at(self, line: int) -> str:
        """The name of the rule that stands at a line (from 1), "" when none does or several do."""
        lines = self.text.split("\n", line)[:line]
        end = sum(len(one) + 1 for one in lines)
        begin = end - len(lines[-1]) - 1
        found = [rule.name for rule in self.rules if begin < rule.start + len(rule.text) and rule.start < end]
        return found[0] if len(found) == 1 else ""


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


def take_apart(source: str) -> Source:
    """The rules, imports and words of a source. Never raises; of what is no YARA it gives what looks like it."""
    tokens = [
        _Token(match.lastgroup, match[0], match.start(), match.end())
        for match in _TOKEN.finditer(source)
        if match.lastgroup
    ]
    rules: list[Rule] = []
    singles: list[tuple[str, str]] = []
    imports: list[str] = []
    begin, at = 0, 0
    while at < len(tokens):
        token = tokens[at]
        if token.text == "import" and at + 1 < len(tokens):
            imports.append(f"import {tokens[at + 1].text}")
            at += 2
        elif token.text in ("private", "global", "rule"):
            begin, at = at, _behind(tokens, at)
            body = tokens[begin:at]
            rules.append(_rule(source, body))
            singles += ((rules[-1].name, name) for name in _single_bytes(source, body))
        else:
            at += 1
    words = frozenset(token.text for token in tokens if token.kind == "word")
    return Source(source, tuple(rules), "\n".join(dict.fromkeys(imports)), words, tuple(singles))


def _behind(tokens: list[_Token], at: int) -> int:
    """The index of the token behind the rule that begins at `at`."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += {"{": 1, "}": -1}.get(tokens[index].text, 0)
        if tokens[index].text == "}" and depth <= 0:
            return index + 1
    return len(tokens)


def _rule(source: str, tokens: list[_Token]) -> Rule:
    words = [token.text for token in tokens if token.kind == "word"]
    name = words[words.index("rule") + 1] if "rule" in words[:-1] else ""
    before = set(words[: words.index("rule")] if "rule" in words else words)
    start, end = tokens[0].start, tokens[-1].end
    return Rule(name, "private" in before, "global" in before, source[start:end], start, frozenset(words) - {name})


def _single_bytes(source: str, tokens: list[_Token]) -> Iterable[str]:
    """The identifiers of strings that are one byte."""
    for name, sign, value in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if name.kind == "variable" and sign.text == "=" and _is_byte(source, value):
            yield name.text


def _is_byte(source: str, value: _Token) -> bool:
    if value.kind == "string":
        return len(_ESCAPE.sub("x", value.text[1:-1])) == 1
    return value.text == "{" and _BYTE.match(source, value.start) is not None
