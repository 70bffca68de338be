"""Manifests: what the packages of programs (Java, Android, Windows, browsers) say that they start and may do."""

from __future__ import annotations

import json
import re

from sekisho_inspection import charset
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.urls import note_urls

_JAVA = re.compile(r"^(Main-Class|Premain-Class|Agent-Class|Launcher-Agent-Class|Rsrc-Main-Class):\s*(\S{1,200})", re.M)
_WINDOWS = re.compile(r"<(?:\w{1,20}:)?(?:Application|Identity|Alias)\b[^>]{0,2000}>")
_ATTRIBUTE = re.compile(r"\b(Executable|EntryPoint|Name|Publisher|Alias)=\"([^\"]{1,300})\"")
_PERMISSION = re.compile(r"android\.permission\.([A-Z_]{3,60})")
_LONGEST = 1_000_000
_MOST = 20


def read_manifest(item: Item, notes: Notes) -> None:
    """Note what a member with a manifest's name says; others cost a comparison of names."""
    names = {name.replace("\\", "/").rpartition("/")[2].lower() for name in item.names}
    readers = [reader for name, reader in _READERS.items() if name in names]
    for reader in readers:
        if detail := reader(item.content[:_LONGEST], item, notes):
            notes.find("package-manifest", item.where, detail)


def _java(content: bytes, item: Item, notes: Notes) -> str:
    found = _JAVA.findall(charset.decode(content)[0])[:_MOST]
    for _, name in found:
        notes.observe("x-sekisho-executable:main_class", name, item.where)
    return ", ".join(f"{key} {name}" for key, name in found)


def _android(content: bytes, item: Item, notes: Notes) -> str:
    """The strings of a binary manifest, in either of its two encodings."""
    text = content.replace(b"\0", b"").decode("latin-1")
    permissions = dict.fromkeys(_PERMISSION.findall(text))
    return f"Android package: {', '.join(list(permissions)[:_MOST])}"


def _windows(content: bytes, item: Item, notes: Notes) -> str:
    tags = _WINDOWS.findall(charset.decode(content)[0])[:_MOST]
    pairs = [f"{name} {value}" for tag in tags for name, value in _ATTRIBUTE.findall(tag)]
    return f"Windows package: {', '.join(pairs)}"


def _browser(content: bytes, item: Item, notes: Notes) -> str:
    """An extension's permissions; other files of this name are none."""
    try:
        value = json.loads(charset.decode(content)[0])
    # RecursionError for brackets without end.
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, dict) or "manifest_version" not in value:
        return ""
    listed = [value.get("permissions"), value.get("host_permissions")]
    asked = [str(one) for part in listed if isinstance(part, list) for one in part][:_MOST]
    note_urls("\n".join(asked), item.where, notes)
    return f"browser extension {str(value.get('name'))[:100]}: {', '.join(asked)}"


def _studio(content: bytes, item: Item, notes: Notes) -> str:
    return "Visual Studio extension"


_READERS = {
    "manifest.mf": _java,
    "androidmanifest.xml": _android,
    "appxmanifest.xml": _windows,
    "appxbundlemanifest.xml": _windows,
    "manifest.json": _browser,
    "extension.vsixmanifest": _studio,
}
