"""Scripts of PDF files: JavaScript of actions and of XFA forms, with the layers that a script unpacks for itself."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from sekisho_inspection import filetype, headers
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.scripts import built
from sekisho_inspection.urls import note_url, note_urls

# Characters of one script, with those of its layers.
_MAX_CODE = 2_000_000
_LAYERS = 3
# Characters, as %uXXXX or %XX, from which it is worth taking them for bytes: addresses stand in shellcode.
_ESCAPED = re.compile(r"(?:%u[0-9a-f]{4}|%[0-9a-f]{2}){8,}+", re.I)
_UNIT = re.compile(r"%u([0-9a-f]{2})([0-9a-f]{2})|%([0-9a-f]{2})", re.I)
_TAG = re.compile(r"<(/?)(?:\w{1,20}:)?script\b[^<>]{0,2000}>")
_TARGET = re.compile(
    r"\b(?:target|href|server|connection|dataDescription|uri)\s*=\s*(?:\"([^\"<>]{1,2048})\"|'([^'<>]{1,2048})')"
)
_DATA = re.compile(r">\s*+([A-Za-z0-9+/=\s]{200,}+)<")
_NAMESPACE = re.compile(r"\bxmlns(?::\w{1,40})?\s*=\s*(?:\"[^\"]{0,500}\"|'[^']{0,500}')")


def note_script(code: str, item: Item, notes: Notes) -> list[bytes]:
    """Note the URLs of a script in each of its layers, and the files that it holds; the layers, for rules to search."""
    room = _MAX_CODE
    layers, waiting = dict.fromkeys([code[:_MAX_CODE]]), [code[:_MAX_CODE]]
    for _ in range(_LAYERS):
        inner = []
        for text in waiting:
            for layer in _inner(text, item, notes):
                room -= len(layer)
                if layer not in layers and room > 0:
                    layers[layer] = None
                    inner.append(layer)
        waiting = inner
    for text in layers:
        note_urls(text, item.where, notes)
    return [text.encode("utf-8", "replace") for text in layers]


def note_xfa(source: str, item: Item, notes: Notes) -> list[bytes]:
    """Note an XFA form's scripts, where it sends to, and the files in it; the scripts' layers, for rules to search."""
    layers = []
    for start, code in _scripts(source):
        notes.find("pdf-xfa-script", item.where, f"XFA offset {start}: {line_of(code)}")
        layers += note_script(code, item, notes)
    for match in _TARGET.finditer(source):
        target = html.unescape(match[1] or match[2]).strip()
        if "://" in target[:12]:
            notes.find("pdf-submit-form", item.where, f"XFA offset {match.start()}: {target}")
            note_url(target, item.where, notes)
    for match in _DATA.finditer(source):
        _note_data(headers.base64_bytes(match[1].encode("ascii")), item, notes)
    note_urls(without_namespaces(source), item.where, notes)
    return layers


def without_namespaces(source: str) -> str:
    """XML without the addresses that only name its vocabularies."""
    return _NAMESPACE.sub("", source) if "xmlns" in source else source


def line_of(code: str) -> str:
    """The beginning of a script on one line, for people."""
    return " ".join(code[:400].split())[:120]


def _scripts(source: str) -> Iterator[tuple[int, str]]:
    """The scripts of a form that hold anything, and where they begin."""
    start = -1
    for tag in _TAG.finditer(source):
        if not tag[1]:
            start = tag.end() if start < 0 else start
        elif start >= 0:
            code = html.unescape(source[start : tag.start()].replace("<![CDATA[", "").replace("]]>", ""))
            if code.strip():
                yield start, code
            start = -1


def _inner(code: str, item: Item, notes: Notes) -> list[str]:
    made = built(code)
    found = [*made.texts, _UNIT.sub(_character, code)] if "%" in code else list(made.texts)
    for match in _ESCAPED.finditer(code):
        data = b"".join(_bytes_of(unit) for unit in _UNIT.finditer(match[0]))
        found.append(data.decode("latin-1"))
    for content in made.files:
        if filetype.is_text(content):
            found.append(content.decode("utf-8", "replace"))
        else:
            _note_data(content, item, notes)
    return found


def _character(unit: re.Match[str]) -> str:
    return chr(int(unit[3] or unit[1] + unit[2], 16))


def _bytes_of(unit: re.Match[str]) -> bytes:
    """Of a %uXXXX the lower byte comes first in memory."""
    return bytes.fromhex(unit[3]) if unit[3] else bytes.fromhex(unit[2] + unit[1])


def _note_data(content: bytes, item: Item, notes: Notes) -> None:
    """A file that stands in a script or form as text; pictures, which forms have, are none."""
    kind = filetype.sniff(content)
    if kind and not kind.startswith("image/") and notes.spend(len(content), item):
        notes.find("pdf-embedded-file", item.where, kind)
        notes.child(item, content, (), "pdf")
