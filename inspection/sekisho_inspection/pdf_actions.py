"""What a PDF document does (ISO 32000-1, 12.6): actions, what starts them, where they lead, and media that run.

Every dictionary of every object in every revision is looked at, so nothing hides behind another table or update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sekisho_core.finding_kinds import FindingKind

from sekisho_inspection import pdf_helpers, pdf_scripts
from sekisho_inspection.html import resolved
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.pdf_document import Document, text_of
from sekisho_inspection.pdf_files import Files, file_names
from sekisho_inspection.pdf_objects import Found
from sekisho_inspection.pdf_syntax import Name, Stream
from sekisho_inspection.urls import link_targets, note_url, note_urls

_MAX_NODES = 10_000_000
# Bytes of a string that may hold a link, and of all strings; characters of one that may hold code, and how many such
# strings are looked at.
_SHORTEST, _MAX_TEXT = 8, 4_000_000
_LEAST_CODE, _MAX_STRINGS = 24, 2000
_MAX_BASES = 5
_LINK = re.compile(r"https?|hxxp|www\.|ftp:|//|\\\\|%2f", re.I)
# Characters of all scripts of one file.
_MAX_CODE = 8_000_000
# Of those of the document level that are looked at for what they define; what is beyond counts as running.
_MAX_HELPERS = 1_000_000
# Triggers of an additional-actions dictionary that need no click (tables 194 to 197 of the standard): of the catalog,
# of a page, of an annotation. C is the closing of a page, and of a form's field the calculation that every order form
# has.
_UNASKED = frozenset(["WC", "WS", "DS", "WP", "DP", "O", "PO", "PC", "PV", "PI"])
_CLOSED = "C"
_OF_PAGE = frozenset(["MediaBox", "Contents", "Resources"])
_REMOTE = frozenset(["GoToR", "GoToE", "ImportData", "Thread"])
_MEDIA = frozenset(["Rendition", "Movie", "Sound", "3D", "RichMedia", "RichMediaExecute", "GoTo3DView", "Screen"])
_STARTED = frozenset(["Launch", "URI", "SubmitForm", "ImportData", "GoToR", "GoToE", "Rendition", "RichMediaExecute"])
_FILES = frozenset(["F", "UF", "FS", "DOS", "Mac", "Unix", "FileSpec"])
# Where Launch keeps what it starts, by system, and the parts of that.
_SYSTEMS, _PARAMETERS = ("Win", "Mac", "Unix"), ("P", "D", "O")
# Keys of what is looked at; a dictionary without any says nothing here.
_KEYS = frozenset([
    "S", "JS", "URI", "EF", "XFA", "AA", "OpenAction", "JavaScript", "Collection", "ByteRange", "OnInstantiate",
    "Subtype", "FS", "FontMatrix", "Ref", "AcroForm", "F", "A", "Base",
])  # fmt: skip


class Walk:
    """The walk over all objects of one document."""

    def __init__(self, document: Document, files: Files, item: Item, notes: Notes) -> None:
        self._document, self._files, self._item, self._notes = document, files, item, notes
        self._nodes, self._code = 0, 0
        self._strings: dict[bytes, None] = {}
        # Base addresses, in all revisions, and what URI actions lead to.
        self._bases: dict[str, None] = {}
        self._written: dict[str, None] = {}
        self._room = _MAX_TEXT
        # What scripts are and unpack, for rules to search.
        self.scripts: list[bytes] = []
        self._read: set[str] = set()
        # Scripts of the document level, each with whether it is a helper, and the characters that are still looked at.
        self._helpers: dict[str, bool] = {}
        self._helping = _MAX_HELPERS

    def visit(self, found: Found) -> None:
        """Look at every dictionary inside one object; references are objects of their own."""
        stack = [found.value]
        while stack:
            node = stack.pop()
            self._nodes += 1
            if self._nodes > _MAX_NODES:
                self._notes.gap(self._item.gap, "limit", f"more than {_MAX_NODES} values")
                return
            if type(node) is Stream:
                self._external(node.attrs, found)
                node = node.attrs
            if type(node) is dict:
                if not _KEYS.isdisjoint(node):
                    self._dictionary(node, found)
                stack += node.values()
            elif isinstance(node, list):
                stack += node
            elif type(node) is bytes and len(node) >= _SHORTEST and self._room > 0:
                self._room -= len(node)
                self._strings[node] = None

    def search_strings(self) -> list[bytes]:
        """Note the links in all strings, and where there are scripts, what those may take from them (fields, titles,
        annotations); the strings, for rules to search."""
        texts = [text_of(data) for data in self._strings]
        whole = "\n".join(texts)
        note_urls("\n".join(text for text in texts if _LINK.search(text)), self._item.where, self._notes)
        for text in [text for text in texts if len(text) >= _LEAST_CODE][: _MAX_STRINGS if self._read else 0]:
            self._layers(text)
        return [whole.encode("utf-8", "replace")]

    def _dictionary(self, node: dict[str, Any], found: Found) -> None:
        kinds = self._document.words(node["S"]) if "S" in node else set[str]()
        if "JS" in node or "JavaScript" in kinds:
            self._script(node.get("JS"), found.place)
        if "OnInstantiate" in node:
            self._script(node["OnInstantiate"], f"{found.place} /OnInstantiate")
        if kinds:
            self._action(node, kinds, found)
        if "FontMatrix" in node:
            self._font_matrix(node["FontMatrix"], found)
        if "URI" in node:
            self._uri(node["URI"], found)
        if "EF" in node:
            self._files.specification(node, found.place)
        if "XFA" in node:
            self._xfa(node["XFA"], found)
        if "Subtype" in node:
            for kind in self._document.words(node["Subtype"]) & _MEDIA:
                self._find("pdf-media", found, str(kind))
        self._unasked_of(node, found)
        self._marks(node, found)

    def _action(self, node: dict[str, Any], kinds: set[str], found: Found) -> None:
        if "Launch" in kinds:
            self._launch(node, found)
        if "SubmitForm" in kinds:
            self._lead("pdf-submit-form", "SubmitForm", node, found)
        for kind in kinds & _REMOTE:
            if not _FILES.isdisjoint(node) or kind != "Thread":
                self._lead("pdf-remote-file", kind, node, found)
        for kind in kinds & _MEDIA:
            self._find("pdf-media", found, str(kind))

    def _marks(self, node: dict[str, Any], found: Found) -> None:
        """What only describes a document."""
        if "Collection" in node:
            self._find("pdf-portfolio", found)
        if "ByteRange" in node and "Contents" in node:
            self._find("pdf-signed", found)
        for form in self._document.dictionaries(node.get("AcroForm")):
            if any(list(self._document.items(fields)) for fields in self._document.each(form.get("Fields"))):
                self._find("pdf-form", found)
        if "Ref" in node and not all(value is None for value in self._document.each(node["Ref"])):
            for reference in self._document.dictionaries(node["Ref"]):
                if "F" in reference:
                    self._lead("pdf-remote-file", "Ref", reference, found)
        if "FS" in node and "URL" in self._document.words(node["FS"]):
            self._links(node.get("F"))

    def _unasked_of(self, node: dict[str, Any], found: Found) -> None:
        """What runs without a click: OpenAction, additional actions, the scripts of the name tree (12.6.4.16)."""
        if "OpenAction" in node:
            self.unasked(node["OpenAction"], f"{found.place} /OpenAction")
        if "AA" in node:
            closes = not _OF_PAGE.isdisjoint(node) or "Page" in self._document.words(node.get("Type"))
            for actions in self._document.dictionaries(node["AA"]):
                for trigger, action in actions.items():
                    if trigger in _UNASKED or (closes and trigger == _CLOSED):
                        self.unasked(action, f"{found.place} /AA /{trigger}")
        if "JavaScript" in node:
            for action in self._tree(node["JavaScript"]):
                if not self._only_helps(action):
                    self.unasked(action, f"{found.place} /JavaScript")

    def _only_helps(self, value: Any) -> bool:
        """Whether a script of the name tree, with those chained to it, only defines what fields of a form call."""
        actions = list(self._chain(value))
        if {kind for action in actions for kind in self._document.words(action.get("S"))} != {"JavaScript"}:
            return False
        codes = [self._document.texts(action.get("JS")) for action in actions]
        return all(texts and all(self._is_helper(code) for code in texts) for texts in codes)

    def _is_helper(self, code: str) -> bool:
        if code not in self._helpers:
            self._helping -= len(code)
            self._helpers[code] = self._helping >= 0 and pdf_helpers.is_helper(code)
        return self._helpers[code]

    def unasked(self, value: Any, place: str) -> None:
        """An action that runs without a click, and those chained to it (12.6.2)."""
        for action in self._chain(value):
            kinds = self._document.words(action.get("S"))
            if "JavaScript" in kinds or "JS" in action:
                self._notes.find("pdf-auto-javascript", self._item.where, place)
            for kind in sorted(kinds & _STARTED):
                self._notes.find("pdf-auto-action", self._item.where, f"{place}: {kind}")

    def _chain(self, value: Any) -> Iterator[dict[str, Any]]:
        yield from self._reached(value, "Next")

    def _tree(self, value: Any) -> Iterator[Any]:
        """The values of a name tree (7.9.6)."""
        for node in self._reached(value, "Kids"):
            yield from list(self._document.items(node.get("Names")))[1::2]

    def _reached(self, value: Any, key: str) -> Iterator[dict[str, Any]]:
        """The dictionaries that a value is, and those to which their `key` leads, each once."""
        waiting, seen = [value], set[int]()
        while waiting:
            for node in self._document.dictionaries(waiting.pop()):
                if id(node) not in seen:
                    seen.add(id(node))
                    yield node
                    waiting += self._document.items(node.get(key))

    def _script(self, value: Any, place: str) -> None:
        texts = self._document.texts(value)
        for code in texts:
            self._notes.find("pdf-javascript", self._item.where, f"{place}: {pdf_scripts.line_of(code)}")
            self._layers(code)
        if not texts:
            self._notes.find("pdf-javascript", self._item.where, place)

    def _font_matrix(self, value: Any, found: Found) -> None:
        """A string among a font's numbers is code to browsers that put them into a program (CVE-2024-4367)."""
        for item in self._document.items(value):
            if isinstance(self._document.one(item), bytes):
                self._script(item, f"{found.place} /FontMatrix")
                self._notes.find("pdf-auto-javascript", self._item.where, f"{found.place} /FontMatrix")

    def _layers(self, code: str) -> None:
        """Read a script that was not read yet."""
        if code in self._read:
            return
        self._read.add(code)
        self._code += len(code)
        if self._code > _MAX_CODE:
            self._notes.gap(self._item.gap, "limit", f"more than {_MAX_CODE} characters of scripts")
        else:
            self.scripts += pdf_scripts.note_script(code, self._item, self._notes)

    def _xfa(self, value: Any, found: Found) -> None:
        """A form of one stream, or of packets each behind its name (12.7.8); a packet may break a script in two."""
        for form in self._document.each(value):
            packets = [data for part in self._document.items(form) if type(self._document.one(part)) is Stream
                       for data in self._document.texts(part)]  # fmt: skip
            source = "".join(packets)
            self._find("pdf-xfa", found, f"{len(packets)} packets")
            if source not in self._read:
                self._read.add(source)
                self.scripts += pdf_scripts.note_xfa(source, self._item, self._notes)

    def _launch(self, node: dict[str, Any], found: Found) -> None:
        targets = self._targets(node)
        given = [
            text
            for holder in self._holders(node)
            for key in _PARAMETERS
            for text in self._document.texts(holder.get(key))
        ]
        self._find("pdf-launch", found, " ".join(dict.fromkeys(targets + given)))
        for target in targets:
            self._link(target)
        for text in given:
            self._layers(text)

    def _lead(self, kind: FindingKind, action: str, node: dict[str, Any], found: Found) -> None:
        targets = self._targets(node)
        self._find(kind, found, f"{action} {' '.join(targets)}".strip())
        for target in targets:
            self._link(target)

    def _targets(self, node: dict[str, Any]) -> list[str]:
        names = [
            name
            for holder in self._holders(node)
            for key in sorted(_FILES)
            for name in file_names(self._document, holder.get(key))
        ]
        return list(dict.fromkeys(names))

    def _holders(self, node: dict[str, Any]) -> list[dict[str, Any]]:
        """The action, and what it keeps for each system."""
        return [node, *(one for key in _SYSTEMS for one in self._document.dictionaries(node.get(key)))]

    def _external(self, attrs: dict[str, Any], found: Found) -> None:
        """A stream whose bytes stand in another file (7.3.8.2); under F an inline picture has its filter."""
        for value in self._document.each(attrs.get("F")):
            if isinstance(value, (bytes, dict)) and file_names(self._document, value):
                self._lead("pdf-remote-file", "stream", {"F": value}, found)

    def _uri(self, value: Any, found: Found) -> None:
        for node in self._document.each(value):
            if type(node) is dict:
                self._bases.update(dict.fromkeys(self._links(node.get("Base"))))
            elif type(node) is not Name:
                self._written.update(dict.fromkeys(self._links(node)))

    def _links(self, value: Any) -> list[str]:
        texts = self._document.texts(value)
        for text in texts:
            self._link(text)
            note_urls(text, self._item.where, self._notes)
        return texts

    def join_links(self) -> None:
        """Note the links of URI actions as they join the base that the catalog states (12.6.4.8)."""
        for base in list(self._bases)[:_MAX_BASES]:
            for text in list(self._written)[:_MAX_STRINGS]:
                if (joined := resolved(base, text)) != text:
                    self._link(joined)

    def _link(self, target: str) -> None:
        plain = target.strip()
        if plain.lower().startswith(("javascript:", "data:", "vbscript:")):
            self._layers(plain)
        for url in link_targets(plain):
            note_url(url, self._item.where, self._notes)

    def _find(self, kind: FindingKind, found: Found, detail: str = "") -> None:
        self._notes.find(kind, self._item.where, f"{found.place}: {detail}" if detail else found.place)
