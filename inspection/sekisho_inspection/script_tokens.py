"""Tokens of script languages: JavaScript, VBScript, PowerShell and what is written like one of them."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Language = Literal["js", "vbs", "ps1"]

_NUMBER = (
    r"(?P<numbers>(?:(?:0x[0-9a-f]+|\d+)\s*,\s*){8,}+(?:0x[0-9a-f]+|\d+))"
    r"|(?P<number>(?:0x|&H)[0-9a-f]+&?|\d+(?:\.\d+)?)"
)
_JS = re.compile(
    r"(?P<skip>\s++|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/|\#[^\n\"'`]*+)"
    r"|\"(?P<double>(?:[^\"\\\n]|\\.)*+)\"|'(?P<single>(?:[^'\\\n]|\\.)*+)'|`(?P<tick>(?:[^`\\]|\\.)*+)`"
    rf"|{_NUMBER}|(?P<word>[a-z_$][\w$]*+)|(?P<op>\+=|[=!]==?|[<>]=|=>|\+\+|--|&&|\|\||\.\.\.|\S)",
    re.I | re.S,
)
_VBS = re.compile(
    r"(?P<skip>_[ \t]*+\r?\n|\s++|'[^\n]*+|\brem\b[^\n]*+)|\"(?P<double>(?:[^\"\n]|\"\")*+)\""
    rf"|{_NUMBER}|(?P<word>[a-z_][\w]*+)|(?P<op>&=|\+=|<>|[<>]=|:=|\S)",
    re.I | re.S,
)
_PS1 = re.compile(
    r"(?P<skip>`\r?\n|\s++|<\#(?:[^\#]|\#(?!>))*+\#>|\#[^\n]*+)"
    r"|@'\r?\n(?P<here>(?:[^\n]|\n(?!'@))*+)\n'@|@\"\r?\n(?P<told>(?:[^\n]|\n(?!\"@))*+)\n\"@"
    r"|\"(?P<double>(?:[^\"`]|`.|\"\")*+)\"|'(?P<single>(?:[^']|'')*+)'"
    rf"|{_NUMBER}|(?P<word>\$\{{[^}}\n]{{1,200}}\}}|\$(?:\w{{1,40}}:)?\w++|[a-z_][\w`]*+(?:-[a-z][\w`]*+)*+)"
    r"|(?P<op>-[a-z`]{1,20}|\+=|::|\.\.|@\(|\S)",
    re.I | re.S,
)
_LEXERS: dict[Language, re.Pattern[str]] = {"js": _JS, "vbs": _VBS, "ps1": _PS1}
# Behind one of these a slash begins a pattern, elsewhere it divides.
_BEFORE_PATTERN = frozenset(["(", ",", "=", ":", "[", "!", "return"])
_PATTERN = re.compile(r"/((?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.){0,200}+\]){1,500}+)/([gimsuy]{0,6})")
# What opens a text or comment, and what of it stands there where nothing closes it.
_OPENERS = re.compile(r"/\*|<#|@['\"]|[\"'`]")
_BODIES: dict[tuple[Language, str], re.Pattern[str]] = {
    ("js", '"'): re.compile(r"(?:[^\"\\\n]|\\.)*+", re.S),
    ("js", "'"): re.compile(r"(?:[^'\\\n]|\\.)*+", re.S),
    ("vbs", '"'): re.compile(r"[^\n]*+"),
}
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|u\{([0-9a-f]{1,6})\}|([0-7]{1,3})|(.))|%u([0-9a-f]{4})", re.I | re.S
)
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "\n": ""}
_TICK = re.compile(r"`(?:u\{([0-9a-f]{1,6})\}|(.))", re.I | re.S)
_TICKS = {
    "n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b",
}  # fmt: skip
_VBS_SIGNS = re.compile(
    r"\bCreateObject\s*\(|\bEnd\s+(?:Sub|Function|If)\b|\bDim\s+\w|\bOn\s+Error\b|&\s*Chrw?\s*\(|\bExecuteGlobal\b",
    re.I,
)
_PS1_SIGNS = re.compile(
    r"\$\w+\s*=|\[\w[\w.]*\]::|\bNew-Object\b|-join\b|-f\s*'|\bpowershell|\bInvoke-\w|\biex\b|\[char\]", re.I
)
_JS_SIGNS = re.compile(
    r"\bfunction\b|\bvar\s+\w|\bconst\s+\w|\blet\s+\w|;\s*\n|\batob\(|=>|\bnew\s+ActiveXObject", re.I
)
# What is looked at to tell a language.
_HEAD = 20_000


class Token(NamedTuple):
    """One token. `kind` is text, told (a text with variables in it), number, numbers (a list without its brackets),
    word, op, or pattern (with its flags)."""

    kind: str
    text: str
    flags: str = ""


def language_of(code: str) -> Language:
    """The language that the code looks most like; JavaScript where nothing tells."""
    head = code[:_HEAD]
    counts: list[tuple[int, Language]] = [
        (len(_JS_SIGNS.findall(head)), "js"),
        (2 * len(_VBS_SIGNS.findall(head)), "vbs"),
        (2 * len(_PS1_SIGNS.findall(head)), "ps1"),
    ]
    return max(counts, key=lambda pair: pair[0])[1]


def tokens(code: str, language: Language, most: int) -> list[Token]:
    """The first `most` tokens. Escapes in texts are undone; words of all languages but JavaScript are in lower case."""
    found: list[Token] = []
    lexer, at = _LEXERS[language], 0
    # Up to where each opener is known to be closed by nothing: looking each time would take the square of the length.
    unclosed: dict[str, int] = {}
    while at < len(code) and len(found) < most:
        if language == "js" and code[at] == "/" and (not found or found[-1].text in _BEFORE_PATTERN):
            pattern = _PATTERN.match(code, at)
            if pattern and not code.startswith(("//", "/*"), at):
                found.append(Token("pattern", pattern[1], pattern[2]))
                at = pattern.end()
                continue
        opener = _OPENERS.match(code, at)
        if opener and at < unclosed.get(opener[0], 0):
            found.append(Token("op", code[at]))
            at += 1
            continue
        match = lexer.match(code, at)
        if match is None:
            break
        if opener and match.lastgroup == "op":
            body = _BODIES.get((language, opener[0]))
            closed = body.match(code, at + 1) if body else None
            unclosed[opener[0]] = closed.end() if closed else len(code)
        at = match.end()
        if match.lastgroup != "skip":
            found.append(_token(match, language))
    return found


def _token(match: re.Match[str], language: Language) -> Token:
    kind, text = str(match.lastgroup), match[str(match.lastgroup)]
    if kind in ("number", "numbers", "op"):
        return Token(kind, text.replace("`", "").lower())
    if kind == "word":
        plain = text.replace("`", "").strip("{}").replace("${", "$")
        return Token("word", plain if language == "js" else plain.lower())
    if language == "js":
        return Token("told" if kind == "tick" and "${" in text else "text", unescaped(text))
    if language == "vbs":
        return Token("text", text.replace('""', '"'))
    if kind in ("double", "told"):
        return Token("told" if "$" in text else "text", unticked(text.replace('""', '"')))
    return Token("text", text.replace("''", "'"))


def unticked(text: str) -> str:
    """A text with the escapes of PowerShell undone (about_Special_Characters)."""
    return _TICK.sub(_ticked, text) if "`" in text else text


def _ticked(match: re.Match[str]) -> str:
    return character(int(match[1], 16)) if match[1] else _TICKS.get(match[2], match[2])


def unescaped(text: str) -> str:
    """A text with the escapes of JavaScript undone (ECMA-262 12.9.4), and %uXXXX."""
    return _ESCAPE.sub(_character, text) if "\\" in text or "%u" in text else text


def _character(match: re.Match[str]) -> str:
    number = match[1] or match[2] or match[3] or match[6]
    if number is None and match[4] is None:
        return _PLAIN.get(match[5], match[5])
    return character(int(number, 16) if number is not None else int(match[4], 8))


def character(code: int) -> str:
    """The character of a code point; one that is none stands for others."""
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\0" if code == 0 else "\ufffd"
