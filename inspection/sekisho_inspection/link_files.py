"""Link files: small texts that lead to an address, a program or another's computer when somebody opens them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from urllib.parse import unquote

from sekisho_inspection import charset, filetype, link_documents, registrations
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.registrations import Started
from sekisho_inspection.script_files import note_script
from sekisho_inspection.urls import note_url, note_urls

# Sections of files that lead somewhere, and the keys there that do.
_KEYS: dict[str, tuple[str, ...]] = {
    "internetshortcut": ("url", "baseurl", "iconfile", "workingdirectory"),
    "internetshortcut.a": ("url",),
    "internetshortcut.w": ("url",),
    "default": ("baseurl",),
    "desktop entry": ("exec", "tryexec", "url", "url[$e]", "icon", "path"),
    "shell": ("iconfile", "command"),
    "taskbar": ("command",),
    "visualstyles": ("path",),
    "boot": ("scrnsave.exe",),
    "control panel\\desktop": ("wallpaper", "scrnsave.exe"),
    "autorun": ("open", "shellexecute", "shell\\open\\command", "icon"),
    ".shellclassinfo": ("iconfile", "iconresource", "clsid"),
}
_SECTION = re.compile(r"[ \t]*\[([^\]\r\n]{1,100})\]")
_ENTRY = re.compile(r"[ \t]*([\w.\\$\[\]-]{1,60})[ \t]*=[ \t]*([^\r\n]{0,4000})")
_REMOTE_DESKTOP = re.compile(r"^([a-z ]{4,40}):[sib]:([^\r\n]{0,500})", re.I | re.M)
_REGISTRY = re.compile(r"\s*(?:REGEDIT4|Windows Registry Editor Version)", re.I)
_REGISTRY_KEY = re.compile(r"^\[-?(HK[^\]\r\n]{1,300})\]", re.M)
_REMOTE = re.compile(
    # Behind three slashes stands a path of one's own.
    r"(?:file:)?(?:[/\\]{2}|[/\\]{4,5})(?!localhost|127\.|[a-z]:|[/\\])[\w.-]{1,255}(?:@\w{1,20}){0,3}[/\\]|"
    r"search-ms:.*location|"
    r"(?:smb|davs?|webdavs?|nfs|afp):",
    re.I,
)
_COMMANDS = frozenset(["exec", "command", "deeplink", "open", "shellexecute", "main-class"])
_SCHEME = re.compile(
    r"\s*(?:javascript|vbscript|ms-msdt|ms-officecmd|shell|res|mshta|ms-appinstaller|ms-its|mk|its|script):", re.I
)
_COMMAND = re.compile(
    r"(?:\S*[\\/])?(?:cmd|powershell|pwsh|mshta|rundll32|wscript|cscript|regsvr32|conhost|forfiles|bash|sh|curl|wget|"
    r"python\d?|msiexec|osascript)(?:\.exe)?[\"']?(?:\s|$)",
    re.I,
)
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]{1,30}:)?[/\\]{2}\S", re.I)
# What a local file address must end in to start a program.
_FILE = re.compile(r"(?:file:[/\\]*|[a-z]:[/\\]|[/\\]{2})[^?#]*", re.I)
_DOCUMENT_ICON = re.compile(
    r"\b(?:application-pdf|x-office-|text-x-generic|image-x-|libreoffice|document|spreadsheet)|\.pdf", re.I
)
_NAMES = (".url", ".website", ".desktop", ".scf", ".theme", ".themepack", ".rdp", ".inf", ".reg", ".appref-ms", ".ini")
_HEAD, _MOST_ENTRIES, _MOST_KEYS = 1_000_000, 2000, 100
_MARKS = (b"[internetshortcut", b"[desktop entry]", b"[shell]", b"full address:s:", b"regedit4", b"registry editor")


def read_link_file(item: Item, notes: Notes) -> None:
    """Note where the file leads, by name or by what it begins with. What is no such file costs a glance."""
    if link_documents.is_one(item):
        link_documents.read_document(item, notes)
        return
    if item.sniffed or not item.content or not _may_be_one(item):
        return
    text = charset.decode(item.content[:_HEAD])[0].lstrip("\ufeff")
    for key, value in list(_entries(text)):
        note_lead(key, value, item, notes)
    for match in list(_REMOTE_DESKTOP.finditer(text))[:_MOST_ENTRIES]:
        _remote_desktop(match[1].strip().lower(), match[2].strip(), item, notes)
    named = _endings(item)
    if ".appref-ms" in named:
        note_lead("application", text.strip(), item, notes)
    if _REGISTRY.match(text) or ".reg" in named or ".inf" in named:
        for key in _REGISTRY_KEY.findall(text)[:_MOST_KEYS]:
            notes.observe("windows-registry-key:key", key, item.where)
        note_script(text, item, notes)
    if len(item.content) > _HEAD and not named.isdisjoint((".reg", ".inf")):
        notes.gap(item.gap, "limit", f"more than {_HEAD} bytes")
    if ".reg" in named:
        _note_started(registrations.of_registry(text), text, item, notes)
    if ".inf" in named:
        _note_started(registrations.of_setup(text), text, item, notes)


def _note_started(found: Iterable[Started], text: str, item: Item, notes: Notes) -> None:
    """Note the programs that a file registers or runs; commands that do not stand in its text are read as scripts."""
    try:
        started = list(islice(found, _MOST_ENTRIES))
    except registrations.TooLong:
        notes.gap(item.gap, "limit", "more commands than can be followed")
        return
    for place, command in started:
        notes.find("link-program", item.where, f"{place}: {command}")
        notes.observe("process:command_line", command, item.where)
    if commands := "\n".join(dict.fromkeys(command for _, command in started if command not in text)):
        note_urls(commands, item.where, notes)
        note_script(commands, item, notes)


def note_lead(key: str, value: str, item: Item, notes: Notes) -> None:
    """Note one value that leads somewhere: to a program, to another's computer, or to an address."""
    value = value.strip()
    value = value[1:-1] if value[:1] == value[-1:] == '"' else value
    if not value:
        return
    detail = f"{key}: {value}"
    if "icon" in key:
        if _DOCUMENT_ICON.search(value):
            notes.find("document-icon", item.where, detail)
    elif key in _COMMANDS or _starts(value):
        notes.find("link-program", item.where, detail)
        notes.observe("process:command_line", value, item.where)
        note_script(value, item, notes)
    elif not is_remote(value):
        notes.find("link-file", item.where, detail)
    if is_remote(value):
        notes.find("link-remote", item.where, detail)
    if _ADDRESS.match(value):
        note_url(value, item.where, notes)
    note_urls(value, item.where, notes)


def is_remote(value: str) -> bool:
    """Whether a path or an address is of a file on another's computer."""
    return _REMOTE.match(unquote(value)) is not None


def _starts(value: str) -> bool:
    """Whether a value starts a program: by its scheme, as a command, or as the address of a file that is one."""
    if _SCHEME.match(value) or _COMMAND.match(value.strip("\"'")):
        return True
    local = _FILE.fullmatch(value.strip())
    return local is not None and (filetype.runnable(value.strip(), None) or value.rstrip("/ ").endswith(".app"))


def _may_be_one(item: Item) -> bool:
    if _endings(item):
        return filetype.is_text(item.content)
    head = item.content[:200].replace(b"\0", b"").lower()
    return any(mark in head for mark in _MARKS)


def _endings(item: Item) -> set[str]:
    if not item.names:
        return set()
    lowered = [name.lower().rstrip(" .") for name in item.names]
    return {ending for ending in _NAMES if any(name.endswith(ending) for name in lowered)}


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Keys and values of the sections that lead somewhere."""
    keys: tuple[str, ...] = ()
    for line in text.splitlines()[:_MOST_ENTRIES]:
        if section := _SECTION.match(line):
            keys = _KEYS.get(section[1].strip().lower(), ())
            keys = ("exec", "name") if section[1].lower().startswith("desktop action") else keys
        elif keys and (entry := _ENTRY.match(line)) and entry[1].lower() in keys:
            yield entry[1].lower(), entry[2]


def _remote_desktop(key: str, value: str, item: Item, notes: Notes) -> None:
    """One setting of a remote desktop connection."""
    if key in ("full address", "alternate full address", "gatewayhostname") and value:
        notes.find("link-remote", item.where, f"remote desktop, {key}: {value}")
        note_url(f"rdp://{value}", item.where, notes)
        note_urls(value, item.where, notes)
    elif key in ("remoteapplicationprogram", "alternate shell", "remoteapplicationcmdline") and value:
        notes.find("link-program", item.where, f"{key}: {value}")
    elif key in ("drivestoredirect", "redirectdrives") and value not in ("", "0"):
        notes.find("link-remote", item.where, f"remote desktop that is given drives: {value}")
