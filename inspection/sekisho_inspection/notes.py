"""Notes: what the readers write down about one mail, the files that wait to be read, and what is left of the limits."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass
from functools import cached_property

from sekisho_core.vocabulary import (
    Decoding,
    Finding,
    FindingKind,
    Incomplete,
    Link,
    Observable,
    Origin,
    Part,
    PartState,
    Reason,
    Text,
)

from sekisho_inspection import filetype
from sekisho_inspection.filetype import name_findings
from sekisho_inspection.names import spellings
from sekisho_inspection.passwords import candidates
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.yara_scan import CompiledYara
from sekisho_inspection.yenc import Piece

# Observables and findings of one mail; a mail with more is one that was made to be so.
MAX_FACTS = 20000
# Decodings and links that are kept for showing; all of them are searched.
MAX_SHOWN = 1000
MAX_URL = 2048
_MAX_DETAIL = 300
# Bytes that the readings besides the standard one may go over, for a mail and for each of its bytes.
_EFFORT, _EFFORT_PER_BYTE = 16 << 20, 8
# Rounds of hashing for all passwords on all locked files of a mail: about 8 seconds.
_MAX_ROUNDS = 10_000_000
# Pixels of all pictures of a mail: about two seconds of searching noise, far less of photos.
_MAX_PIXELS = 40_000_000


@dataclass(frozen=True)
class Item:
    """A file to be read: its part id, its decoded content, and what its surroundings say of it."""

    id: str
    content: bytes
    names: tuple[str, ...]
    declared: str
    origin: Origin
    depth: int

    @property
    def where(self) -> str:
        return f"part:{self.id}"

    @cached_property
    def sniffed(self) -> str:
        """The media type that the content itself shows, looked at once; "" where it shows none."""
        return filetype.sniff(self.content)

    @property
    def gap(self) -> str:
        """`where` with the name, as `incomplete` states it: part:2/report.zip."""
        return f"part:{self.id}/{self.names[0][:120]}" if self.names else self.where


class Notes:
    """The growing record of one mail. Nothing is written twice, and the order is that of finding."""

    def __init__(self, limits: InspectionSettings, yara: CompiledYara | None = None, size: int = 0) -> None:
        self.limits = limits
        self._effort = _EFFORT + _EFFORT_PER_BYTE * size
        self._yara = yara
        self._rounds = _MAX_ROUNDS
        self._passwords: tuple[int, list[str]] = (-1, [])
        # What the codes of a picture say, by the picture's hash; and the pixels that may still be searched for some.
        self.codes: dict[bytes, tuple[str, ...]] = {}
        self.pixels = _MAX_PIXELS
        self.unpacked = limits.max_unpacked_bytes
        self.slots = limits.max_parts
        self.header_bytes = limits.max_header_bytes
        self.queue: deque[Item] = deque()
        self.parts: list[Part] = []
        self.texts: list[Text] = []
        self.subjects: list[str] = []
        self.date = ""
        self.texts_read: set[str] = set()
        # By content, the names under which it was found.
        self.known: dict[bytes, set[str]] = {}
        # Parts of which another decoding shows what they are.
        self.explained: set[str] = set()
        self.named: list[str] = []
        # Pieces of files that stand in several texts, by name and whole size, each with the text that holds it.
        self.pieces: dict[tuple[bytes, int], list[tuple[Item, Piece]]] = {}
        self._text_bytes = limits.max_text_bytes
        self._observables: dict[Observable, None] = {}
        self._findings: dict[Finding, None] = {}
        self._incomplete: dict[Incomplete, None] = {}
        self._decodings: dict[Decoding, None] = {}
        self._links: dict[Link, None] = {}
        self._children: dict[str, int] = {}
        self._met: set[tuple[str, str, str]] = set()

    @property
    def observables(self) -> tuple[Observable, ...]:
        return tuple(self._observables)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(self._findings)

    @property
    def incomplete(self) -> tuple[Incomplete, ...]:
        return tuple(self._incomplete)

    @property
    def decodings(self) -> tuple[Decoding, ...]:
        return tuple(self._decodings)

    @property
    def links(self) -> tuple[Link, ...]:
        return tuple(self._links)

    def decoding(self, where: str, label: str, charset: str, text: str) -> None:
        """Note one plausible reading of a text, for people, cut to a line; the first of a place is the one shown."""
        if len(self._decodings) < MAX_SHOWN:
            self._decodings[Decoding(where, label, charset, text[:_MAX_DETAIL])] = None

    def link(self, where: str, shown: str, written: str, meant: tuple[str, ...]) -> None:
        """Note a link of a page, for people; its URLs are observed apart from this."""
        if len(self._links) < MAX_SHOWN:
            cut = tuple(url[:MAX_URL] for url in meant)
            self._links[Link(where, shown[:_MAX_DETAIL], written[:MAX_URL], cut)] = None

    def observe(self, path: str, value: str, where: str) -> None:
        """Note a value at a STIX object path; empty values are none."""
        if not value:
            return
        if len(self._observables) >= MAX_FACTS:
            self.gap("mail", "limit", f"more than {MAX_FACTS} observables")
        else:
            self._observables[Observable(path, value, where)] = None

    def find(self, kind: FindingKind, where: str, detail: str = "", rule: str = "") -> None:
        """Note a finding; `detail` is cut to a line."""
        if len(self._findings) >= MAX_FACTS:
            self.gap("mail", "limit", f"more than {MAX_FACTS} findings")
        else:
            self._findings[Finding(kind, where, detail[:_MAX_DETAIL], rule)] = None

    def gap(self, where: str, reason: Reason, detail: str = "") -> None:
        """Note what could not be read. Of the many gaps of a broken part one stands for each reason and detail."""
        if len(self._incomplete) < MAX_FACTS:
            self._incomplete[Incomplete(where, reason, detail[:_MAX_DETAIL])] = None

    def text(self, where: str, charset: str, text: str, body: bool = False) -> None:
        """Keep a readable text within the limit over the whole mail (counted as UTF-8).

        What is cut from a body is a gap; of a file it is none, whose URLs and bytes are searched whole.
        """
        data = text.encode("utf-8", "replace")
        if len(data) > self._text_bytes:
            if body:
                self.gap(where, "limit", "more readable text than the limit")
            text = data[: self._text_bytes].decode("utf-8", "ignore")
        self._text_bytes -= min(len(data), self._text_bytes)
        if text.strip():
            self.texts.append(Text(where, charset, text))

    def spend(self, size: int, item: Item) -> bool:
        """Take `size` unpacked bytes from what the mail may have; False, noted as a gap, when it is too much."""
        if size > self.unpacked:
            self.gap(item.gap, "limit", "more unpacked bytes than the limit")
            return False
        self.unpacked -= size
        return True

    def effort(self, size: int) -> bool:
        """Take what another reading of `size` bytes costs; False, noted as a gap, when the mail has had its share."""
        if size > self._effort:
            self._effort = 0
            self.gap("mail", "limit", "more ways to read the mail than can be followed")
            return False
        self._effort -= size
        return True

    def slot(self) -> bool:
        """Take the place of one part; False, noted as a gap, when there are too many."""
        if self.slots <= 0:
            self.gap("mail", "limit", "more parts than the limit")
            return False
        self.slots -= 1
        return True

    def child_id(self, parent: str) -> str:
        """The id of a further part inside `parent` ("" for the mail itself)."""
        self._children[parent] = self._children.get(parent, 0) + 1
        return f"{parent}.{self._children[parent]}".lstrip(".")

    def reserve(self, parent: str, numbers: int) -> None:
        """Keep the first `numbers` ids inside `parent` for parts that bear the number of their place."""
        self._children[parent] = max(numbers, self._children.get(parent, 0))

    def child(
        self,
        parent: Item,
        content: bytes,
        names: tuple[str, ...],
        reading: str,
        offset: int = 0,
        length: int = 0,
        declared: str = "",
    ) -> Item | None:
        """Put a file found inside `parent` on the list of what is to be read; None beyond the limits."""
        part_id = self._inside(parent)
        if not part_id:
            return None
        origin = Origin(parent.id, offset, length or len(content), reading)
        item = Item(part_id, content, names, declared, origin, parent.depth + 1)
        self.queue.append(item)
        return item

    def closed_child(self, parent: Item, names: tuple[str, ...], size: int, state: PartState, reading: str) -> None:
        """List a file inside `parent` whose content is out of reach: names and size are all that is known."""
        if part_id := self._inside(parent):
            origin = Origin(parent.id, 0, size, reading)
            self.parts.append(Part(part_id, names, "", "", size, "", "", "", state, origin))
            self.name_facts(part_id, names)

    def name_facts(self, part_id: str, names: tuple[str, ...]) -> None:
        """Note a part's names in all their spellings, and the tricks in them."""
        where = f"part:{part_id}"
        for name in dict.fromkeys(spelling for found in names for spelling in spellings(found)):
            self.observe("file:name", name, where)
            for kind, detail in name_findings(name):
                self.find(kind, where, detail)

    def part(self, item: Item, kind: str, state: PartState) -> None:
        """List a part that was read, with its hashes and names as observables."""
        md5, sha1, sha256 = (
            hashlib.new(name, item.content, usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256")
        )
        size = len(item.content)
        self.parts.append(Part(item.id, item.names, kind, item.declared, size, md5, sha1, sha256, state, item.origin))
        self.name_facts(item.id, item.names)
        where = item.where
        self.observe("file:hashes.MD5", md5, where)
        self.observe("file:hashes.'SHA-1'", sha1, where)
        self.observe("file:hashes.'SHA-256'", sha256, where)
        self.observe("file:size", str(size), where)
        self.observe("file:mime_type", kind, where)

    def passwords(self) -> list[str]:
        """Candidates from all texts and file names, at most as many as may be tried on one part. They are secrets."""
        if self._passwords[0] != len(self.texts):
            texts = [text.text for text in self.texts]
            found = candidates([*texts, *self.named], " ".join(self.subjects), self.date, self.limits.max_passwords)
            self._passwords = len(self.texts), found
        return self._passwords[1]

    def try_password(self, rounds: int, item: Item) -> bool:
        """Take the rounds of hashing that one password costs; False, noted as a gap, when they are used up."""
        if rounds > self._rounds:
            self.gap(item.gap, "limit", "more locked files than passwords can be tried on")
            return False
        self._rounds -= rounds
        return True

    def scan(self, item: Item, content: bytes, name: str, kind: str) -> None:
        """Note the YARA rules that `content` meets: the item's own, a reading of it as text, or a file inside it. Of
        one rule and item the first is noted."""
        if self._yara is None:
            return
        try:
            hits = self._yara.scan(content, name, kind, self.limits.yara_timeout)
        except TimeoutError:
            self.gap(item.gap, "timeout", "YARA")
            return
        except ValueError as error:
            self.gap(item.gap, "crashed", f"YARA: {error}")
            return
        for hit in hits:
            if (item.id, hit.namespace, hit.rule) in self._met:
                continue
            self._met.add((item.id, hit.namespace, hit.rule))
            self.find("yara", item.where, hit.detail, f"{hit.namespace}:{hit.rule}")

    def _inside(self, parent: Item) -> str:
        """The id of a file inside `parent`; "", noted as a gap, beyond a limit."""
        if parent.depth + 1 > self.limits.max_depth:
            self.gap(parent.gap, "limit", f"deeper than {self.limits.max_depth} levels")
            return ""
        return self.child_id(parent.id) if self.slot() else ""
