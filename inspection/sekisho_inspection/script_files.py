"""Script files and command lines: their decoded layers searched, and the files in these as files of their own."""

from __future__ import annotations

import re

from sekisho_inspection import charset, filetype
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.script_acts import note_acts
from sekisho_inspection.script_layers import layers
from sekisho_inspection.script_tokens import Language
from sekisho_inspection.urls import note_urls

_LANGUAGES: dict[str, Language | None] = {
    "js": "js", "jse": "js", "mjs": "js", "pac": "js", "sct": None, "wsf": None, "wsc": None, "hta": None,
    "vbs": "vbs", "vbe": "vbs", "vb": "vbs", "bas": "vbs", "ws": None, "ps1": "ps1", "psm1": "ps1", "psd1": "ps1",
    "ps1xml": "ps1", "psc1": None, "bat": None, "cmd": None, "sh": None, "bash": None, "command": None, "py": "js",
    "pyw": "js", "pl": "js", "rb": "js", "php": "js", "xsl": None, "xslt": None, "scpt": None, "applescript": None,
    "msc": None, "inf": None, "reg": None, "ahk": None, "au3": None,
}  # fmt: skip
# Those that start only where somebody has put their interpreter.
_INTERPRETED = frozenset(["py", "pl", "rb", "php", "sh", "bash"])
# What only a script begins with, or holds in its first lines.
_STARTS = re.compile(
    r"\s*(?:#!\s*/|#@~\^|@?echo\s+off\b|@?setlocal\b|<job\b|<package\b|<scriptlet\b|<component\b|<hta:application\b|"
    r"on error resume next\b|param\s*\(|<#)",
    re.I,
)
_TELLING = re.compile(
    r"CreateObject\s*\(\s*[\"'](?:wscript\.|scripting\.|shell\.|msxml2|adodb|winhttp|microsoft\.xmlhttp)|"
    r"new\s+ActiveXObject\s*\(|WScript\.(?:Shell|CreateObject|Sleep|Quit)|"
    r"(?:^|[\s;&|(])powershell(?:\.exe)?\s+-\w|New-Object\s+(?:System\.)?Net\.WebClient|"
    r"\[(?:System\.)?Convert\]::FromBase64String|<msxsl:script\b|<script\s[^>]{0,100}language=.(?:vb|j)script|#@~\^[A-Za-z0-9+/]{6}==|"
    r"\bIEX\s*\(|\bcertutil\s+-(?:decode|urlcache)|\bmshta(?:\.exe)?\s+(?:https?|vbscript|javascript):",
    re.I | re.M,
)
# Above this no script is written by hand; what is beyond is said.
_LONGEST = 4_000_000
_HEAD = 200_000
# A form of text that a script is not sent in by those who use it.
_PLAIN = frozenset(["txt", "log", "csv", "dat", "tmp", "ini", "jpg", "jpeg", "png", "gif", "pdf", "doc", "docx", "xls"])


def read_script(item: Item, notes: Notes) -> bool:
    """Read a file that is a script by its name or its content; whether it is one."""
    endings = {name.rstrip(" .").lower().rpartition(".")[2] for name in item.names if "." in name}
    named = [ending for ending in endings if ending in _LANGUAGES]
    if (item.sniffed and item.sniffed != "text/html") or not item.content or not filetype.is_text(item.content):
        return False
    # Scripts of pages are read with the page.
    if item.sniffed and not named:
        return False
    attached = bool(item.names) or item.origin.reading not in ("mime", "mime-boundary", "mime-lines")
    if not named and not attached:
        return False
    text = charset.decode(item.content)[0]
    if not named and not _tells(text):
        return False
    if endings & _PLAIN and not named:
        notes.find("type-mismatch", item.where, f"a script named .{min(endings & _PLAIN)}")
    if interpreted := _INTERPRETED.intersection(named):
        notes.find("script-file", item.where, f"named .{min(interpreted)}")
    note_script(text, item, notes, _LANGUAGES.get(min(named)) if named else None)
    return True


def is_script(item: Item) -> bool:
    """Whether a file is a script by its content alone, be it that of a page which Windows Script runs."""
    text = item.sniffed in ("", "text/html") and filetype.is_text(item.content)
    return text and _tells(charset.decode(item.content)[0])


def _tells(text: str) -> bool:
    return _STARTS.match(text) is not None or _TELLING.search(text[:_HEAD]) is not None


def note_script(code: str, item: Item, notes: Notes, language: Language | None = None) -> None:
    """Note what a script or a command line does and decodes: acts, URLs and hosts of every layer; YARA sees each layer,
    and the files in them are children."""
    if len(code) > _LONGEST:
        notes.gap(item.gap, "limit", f"a script of more than {_LONGEST} characters")
    found = layers(code[:_LONGEST], language)
    if found.limited:
        notes.gap(item.gap, "limit", "more layers of a script than are followed")
    note_acts([code, *found.texts], item, notes)
    if found.texts or found.files:
        for text in found.texts:
            note_urls(text, item.where, notes)
        decoded = "\n".join(found.texts).encode("utf-8", "replace")
        notes.scan(item, decoded, item.names[0] if item.names else "", "text/plain")
    if found.packed_texts or found.files:
        notes.find("script-encoded", item.where, f"{len(found.packed_texts)} texts and {len(found.files)} files in it")
    for content in found.files:
        if notes.spend(len(content), item):
            notes.child(item, content, (), "script")
