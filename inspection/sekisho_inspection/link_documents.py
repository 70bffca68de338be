"""Link documents: XML files and property lists that lead to an address, a program or a setting when they are opened."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from sekisho_inspection import charset, filetype, link_files, property_lists
from sekisho_inspection.html import is_crowded
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.script_files import note_script

_NAMES = (
    ".library-ms", ".search-ms", ".searchconnector-ms", ".settingcontent-ms", ".msc", ".application", ".appinstaller",
    ".vsto", ".jnlp", ".manifest", ".osdx", ".contact", ".xbap", ".diagcfg",
)  # fmt: skip
_ROOTS = re.compile(
    rb"<(?:\w{1,20}:)?(?:libraryDescription|persistedQuery|searchConnectorDescription|MMC_ConsoleFile|jnlp|AppInstaller|"
    rb"PCSettings|OpenSearchDescription)\b",
    re.I,
)
# By the local name of an element, or of element and attribute, the key under which its value leads somewhere.
_LEADS = {
    "url": "url", "deeplink": "deeplink", "commandline": "command", "iconreference": "icon",
    "deploymentprovider@codebase": "address", "jnlp@codebase": "address", "jar@href": "address",
    "application-desc@main-class": "main-class", "applet-desc@main-class": "main-class", "codebase@uri": "address",
    "mainpackage@uri": "address", "mainbundle@uri": "address", "appinstaller@uri": "address", "package@uri": "address",
    "dependentassembly@codebase": "address", "commandline@file": "command", "commandline@params": "command",
    "task@command": "command", "assemblyidentity@codebase": "address", "icon@file": "icon", "include@path": "address",
}  # fmt: skip
_SCRIPTED = re.compile(
    r"javascript:|vbscript:|<script|res://|ActiveXObject|CreateObject|xsl:stylesheet|msxsl|mshta|powershell", re.I
)
# Byte order marks and white space, and what then begins such a file; UTF-16 has NULs between.
_LEADING = b"\xef\xbb\xbf\xff\xfe \t\r\n"
_BEGINS = (b"<", b"\0<")
_MOST_NODES, _MOST_BYTES = 20_000, 4_000_000


def is_one(item: Item) -> bool:
    """Whether it is such a file, by name or root element."""
    if property_lists.is_one(item):
        return True
    if not item.content[:64].lstrip(_LEADING).startswith(_BEGINS):
        return False
    if filetype.called(item.names, _NAMES):
        return True
    begins = item.content[:9].lstrip(b"\xef\xbb\xbf").startswith(b"<")
    return begins and _ROOTS.search(item.content[:1000]) is not None


def read_document(item: Item, notes: Notes) -> None:
    """Note what its elements lead to; what is neither XML nor a property list is left to other readers."""
    if property_lists.is_one(item):
        property_lists.read_list(item, notes)
        return
    content = item.content[:_MOST_BYTES]
    if not filetype.is_text(content):
        return
    text = charset.decode(content)[0].lstrip("\ufeff \r\n\t")
    if is_crowded(text):
        notes.gap(item.gap, "malformed", "XML with more attributes than can be read")
        return
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(re.sub(r"^<\?xml[^>]{0,200}\?>", "", text).encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError, AssertionError):
        root = None
    if root is None:
        notes.gap(item.gap, "malformed", "XML that cannot be read")
        return
    if any("depth" in entry.message.lower() for entry in parser.error_log):
        notes.gap(item.gap, "malformed", "XML nested deeper than can be read")
    scripted = []
    for number, element in enumerate(root.iter(etree.Element)):
        if number >= _MOST_NODES:
            notes.gap(item.gap, "limit", f"more than {_MOST_NODES} elements")
            break
        for key, value in _values(element):
            if lead := _LEADS.get(key):
                link_files.note_lead(lead, value, item, notes)
            elif len(value) > 8 and _SCRIPTED.search(value):
                scripted.append(value)
    if scripted:
        notes.find("link-program", item.where, f"line {root.sourceline}: {scripted[0][:200]}")
        note_script("\n".join(scripted), item, notes)


def _values(element: etree._Element) -> Iterator[tuple[str, str]]:
    """Texts of an element and its attributes, each under the names by which `_LEADS` knows them."""
    local = _local(element.tag)
    if element.text and element.text.strip():
        yield local, element.text.strip()
    for name, value in element.attrib.items():
        yield f"{local}@{_local(name)}", str(value)


def _local(name: object) -> str:
    """A name without its namespace or prefix; of names that no namespace allows, what is left."""
    return str(name).rpartition("}")[2].rpartition(":")[2].lower()
