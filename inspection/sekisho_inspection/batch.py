"""Batch files and shell scripts: their lines with variables, parts of variables and escapes replaced."""

from __future__ import annotations

import re

from sekisho_inspection.script_operators import environment

_SET = re.compile(r"""(?:^|[\s@(|"'])set\s{1,20}(?:/[ap]\s{1,20})?"?([^=\s"%!]{1,100})\s{0,20}=(.*)$""", re.I)
_SH_SET = re.compile(r"""(?:^|;)\s*(?:export\s+|local\s+)?([A-Za-z_]\w{0,99})=('[^']*'|"[^"]*"|[^\s;&|]*)""")
_PLACE = re.compile(
    r"[%!]([^%!:=\s][^%!:=]{0,99})(?::(?:~(-?\d{1,6})(?:,(-?\d{1,6}))?|(\*?[^=%!]{1,200})=([^%!]{0,200})))?[%!]"
)
_SH_PLACE = re.compile(r"\$\{(\w{1,100})(?::(\d{1,6})(?::(\d{1,6}))?)?\}|\$(\w{1,100})")
_ECHO = re.compile(r"[\s(@]{0,20}echo[\s.(]", re.I)
_CARET = re.compile(r"\^(.?)", re.S)
_JOINED = re.compile(r"\^\r?\n")
_AND = re.compile(r"&{1,2}")
_QUOTED_PIECES = re.compile(r"(?<=\w)(?:\"\"|'')(?=\w)")
_MOST_LINES = 20_000
_LONGEST = 500_000
# What is put together in all, for each character of the script.
_TIMES, _FLOOR = 8, 200_000


def expanded(text: str) -> str:
    """The script with all that is known replaced; lines that set variables are kept, so that they can be searched."""
    held: dict[str, str] = {}
    left = _TIMES * len(text) + _FLOOR
    written: dict[str, list[str]] = {}
    out: list[str] = []
    for line in _JOINED.sub("", text).splitlines()[:_MOST_LINES]:
        commands = []
        for command in _AND.split(line):
            plain = _replaced(_replaced(command, held), held)[:_LONGEST]
            plain = _CARET.sub(r"\1", plain) if "^" in plain else plain
            commands.append(_QUOTED_PIECES.sub("", plain))
            _remember(plain, held)
            _write(plain, written)
        out.append("&".join(commands))
        left -= len(out[-1])
        if left < 0:
            break
    return "\n".join([*out, *("".join(lines) for lines in written.values() if len(lines) > 1)])


def _write(command: str, written: dict[str, list[str]]) -> None:
    """What echo adds to a file, line by line, is put together."""
    said, sign, file = command.partition(">")
    if sign and (found := _ECHO.match(said)):
        written.setdefault(file.strip("> ")[:200], []).append(said[found.end() :].strip(" )"))


def _remember(command: str, held: dict[str, str]) -> None:
    if found := _SET.search(command):
        held[found[1].lower()] = found[2].rstrip().removesuffix('"')
        return
    for found in _SH_SET.finditer(command) if "=" in command else ():
        held[found[1]] = found[2].strip("'\"")


def _replaced(line: str, held: dict[str, str]) -> str:
    if "%" in line or "!" in line:
        line = _PLACE.sub(lambda match: _part(match, held), line)
    return _SH_PLACE.sub(lambda match: _sh_part(match, held), line) if "$" in line and held else line


def _part(match: re.Match[str], held: dict[str, str]) -> str:
    """%name%, %name:~start,length%, %name:old=new%; what is not known stays."""
    value = held.get(match[1].lower())
    value = environment(match[1]) if value is None else value
    if value is None:
        return match[0]
    if match[2] is not None:
        start = int(match[2])
        value = value[start:] if start >= 0 else value[max(0, len(value) + start) :]
        return value if match[3] is None else value[: int(match[3])]
    if match[4] is not None:
        return re.sub(re.escape(match[4].lstrip("*")), lambda _: match[5], value, flags=re.I)
    return value


def _sh_part(match: re.Match[str], held: dict[str, str]) -> str:
    value = held.get(match[1] or match[4])
    if value is None:
        return match[0]
    if match[2] is not None:
        value = value[int(match[2]) :]
        return value if match[3] is None else value[: int(match[3])]
    return value
