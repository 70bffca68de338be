"""Registrations: the programs that registry files and setup information files (INF) make Windows start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sekisho_inspection import charset

# Values under which Windows looks for programs, by key and name with a backslash between. The default value is "@".
_STARTED = re.compile(
    r"\\(?:(?:currentversion|explorer)\\run(?:once|onceex|services|servicesonce)?\\"
    r"|image file execution options\\[^\\]*\\(?:debugger|verifierdlls)$|silentprocessexit\\[^\\]*\\monitorprocess$"
    r"|shell\\[^\\]*\\(?:command|ddeexec)\\(?:@|delegateexecute)$|app paths\\[^\\]*\\@$"
    r"|winlogon\\(?:shell|userinit|taskman|vmapplet|system|mpnotify|notify\\[^\\]*\\dllname)$"
    r"|command processor\\autorun$|environment\\(?:userinitmprlogonscript|cor_profiler_path)$"
    r"|installed components\\[^\\]*\\stubpath$"
    r"|windows\\(?:load|run|appinit_dlls|iconservicelib)$|session manager\\(?:bootexecute$|appcertdlls\\)"
    r"|services\\[^\\]*\\(?:imagepath|parameters\\servicedll)$|control panel\\desktop\\scrnsave\.exe$"
    r"|(?:inprocserver(?:32)?|localserver(?:32)?|inprochandler(?:32)?|scriptleturl|treatas)\\@$"
    r"|lsa\\(?:[^\\]*\\)?[a-z]* ?packages$|monitors\\[^\\]*\\driver$|netsh\\|safeboot\\alternateshell$"
    r"|rdp-tcp\\initialprogram$|office test\\special\\perf\\|options\\open\d*$|outlook\\(?:webview|today)\\"
    r"|scripts\\(?:logon|logoff|startup|shutdown)\\|amsi\\providers\\|browser helper objects\\"
    r"|shellexecutehooks\\|shellserviceobjectdelayload\\|sharedtaskscheduler\\)"
)
_KEY = re.compile(r"\s*\[(-?)(HK[^\r\n]*)\]\s*$", re.I)
_VALUE = re.compile(
    r"\s*(?:(@)|\"((?:[^\"\\]|\\.)*+)\")\s*=\s*(?:\"((?:[^\"\\]|\\.)*+)\"|hex(?:\([127]\))?:([0-9a-f,\s]*+))", re.I
)
_ESCAPED = re.compile(r"\\(.)", re.S)
_CONTINUED = re.compile(r"\\[ \t]*\r?\n[ \t]*")
_SECTION = re.compile(r"\s*\[([^\]\r\n]{1,255})\]")
# Directives of an INF that name sections of commands, and of libraries that are loaded.
_RUN = re.compile(
    r"run(?:pre|post)(?:setup|uninstall|un)?commands(?:section)?|(?:un)?registerocxs?(?:section)?|(?:un)?registerdlls",
    re.I,
)
_STRING = re.compile(r"%([^%\r\n]{0,80})%")
_FIELD = re.compile(r"\s*(?:\"((?:[^\"]|\"\")*+)\"|([^,\"]*+)[^,]*+)(?:,|$)")
_FOLDERS = {"": "%", "10": "C:\\Windows", "11": "C:\\Windows\\System32", "17": "C:\\Windows\\INF"}
_ROOTS = {"hkcr": "HKEY_CLASSES_ROOT", "hkcu": "HKEY_CURRENT_USER", "hklm": "HKEY_LOCAL_MACHINE", "hku": "HKEY_USERS"}
# Libraries of a driver's own are loaded by every driver.
_LIBRARIES, _ELSEWHERE = "registerdlls", re.compile(r"scrobj|//|\\\\", re.I)
# Keys and names have 255 characters in each of their steps.
_LONGEST, _KEYS = 4000, 1000
# Characters of all commands of an INF with their strings put in.
_MOST_TEXT = 8_000_000


class TooLong(Exception):
    """More text of commands than is put together."""


class Started(NamedTuple):
    """Where it is written that a program starts, and the command as Windows runs it."""

    place: str
    command: str


def of_registry(text: str) -> Iterator[Started]:
    """The programs that the values of a registry file start ("Windows Registry Editor Version 5.00", REGEDIT4)."""
    is_old = text[:40].lstrip("\ufeff \r\n").upper().startswith("REGEDIT4")
    key = ""
    for line in _CONTINUED.sub("", text).splitlines():
        if found := _KEY.match(line):
            key = "" if found[1] else found[2].strip()
        elif key and (value := _VALUE.match(line)):
            name = value[1] or _unescaped(value[2])
            data = _unescaped(value[3]) if value[4] is None else _of_bytes(value[4], is_old)
            yield from _started(key, name, data)


def of_setup(text: str) -> Iterator[Started]:
    """The commands that sections of an INF run, and the programs that its entries for the registry start. Raises
    TooLong."""
    sections = _sections(text)
    strings = _strings(sections)
    left = _MOST_TEXT
    for directive, name in dict.fromkeys(_directives(sections, strings)):
        for line in sections.get(name, []):
            plain = _expanded(line, strings)
            left -= len(plain)
            if left < 0:
                raise TooLong
            if directive == "addreg":
                yield from _registered(plain)
            elif not directive.endswith(_LIBRARIES) or _ELSEWHERE.search(plain):
                yield Started(f"{directive} [{name}]", plain)


def _started(key: str, name: str, data: str) -> Iterator[Started]:
    if data.strip() and _STARTED.search(f"{key[:_KEYS]}\\{name[:_KEYS] or '@'}".lower()):
        yield Started(f"{key}\\{name}", data.strip())


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)[:_LONGEST]


def _of_bytes(digits: str, is_old: bool) -> str:
    """A text that is written as its bytes, with a NUL behind each of its strings."""
    plain = re.sub(r"[,\s]", "", digits)[: 4 * _LONGEST]
    data = bytes.fromhex(plain[: len(plain) // 2 * 2])
    text = charset.decode(data)[0] if is_old else data.decode("utf-16-le", "replace")
    return text.rstrip("\0").replace("\0", " ")


def _sections(text: str) -> dict[str, list[str]]:
    """The lines of each section, by its name in small letters; sections of one name are one."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in _CONTINUED.sub("", text).splitlines():
        if found := _SECTION.match(line):
            lines = sections.setdefault(found[1].strip().lower(), [])
        elif (plain := line.strip()) and not plain.startswith(";"):
            lines.append(plain[:_LONGEST])
    return sections


def _strings(sections: dict[str, list[str]]) -> dict[str, str]:
    """What stands for %name%: the strings of all languages, and the folders that numbers are."""
    found = dict(_FOLDERS)
    for name, lines in sections.items():
        if name.partition(".")[0] == "strings":
            for key, _, value in (line.partition("=") for line in lines):
                found[key.strip().strip('"').lower()] = _plain(value)[:_KEYS]
    return found


def _expanded(line: str, strings: dict[str, str]) -> str:
    plain = _STRING.sub(lambda found: strings.get(found[1].lower(), found[0]), line) if "%" in line else line
    return plain[:_LONGEST]


def _directives(sections: dict[str, list[str]], strings: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Directives in small letters with each section that they name."""
    for lines in sections.values():
        for key, equals, value in (line.partition("=") for line in lines):
            directive = key.strip().lower()
            if equals and (directive == "addreg" or _RUN.fullmatch(directive)):
                named = _expanded(value.partition(";")[0], strings).split(",")
                yield from (
                    (directive, _plain(name).partition(":")[0].strip().lower()) for name in named if name.strip()
                )


def _registered(line: str) -> Iterator[Started]:
    """An entry for the registry: root, key, name, flags, value."""
    fields = [_plain(match[0].rstrip(",")) for match in _FIELD.finditer(line)]
    if len(fields) > 4:
        root, key, name, _, *data = fields
        yield from _started(f"{_ROOTS.get(root.lower(), root)}\\{key}", name, ",".join(data).rstrip(","))


def _plain(value: str) -> str:
    """A value without the quotation marks around it; two of them inside are one."""
    plain = value.strip()
    return plain[1:-1].replace('""', '"') if len(plain) > 1 and plain[0] == plain[-1] == '"' else plain
