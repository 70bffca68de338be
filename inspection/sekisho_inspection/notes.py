"""Notes: what the readers write down about one mail, the files that wait to be read, and what is left of the limits."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from sekisho_core.finding_kinds import FindingKind
from sekisho_core.rule_hit import RuleHit
from sekisho_core.vocabulary import (
    Decoding,
    Finding,
    Incomplete,
    Link,
    Observable,
    Origin,
    Part,
    PartState,
    Reason,
    Text,
)

from sekisho_inspection import filetype, yara_scan
from sekisho_inspection.facts import MAX_DETAIL, Facts
from sekisho_inspection.filetype import name_findings
from sekisho_inspection.keyring import Keyring, may_state_one
from sekisho_inspection.names import run_by_name, spellings
from sekisho_inspection.password_labels import is_plausible
from sekisho_inspection.passwords import candidates
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.yara_scan import About, CompiledYara
from sekisho_inspection.yenc import Piece

MAX_URL = 2048
# Bytes that the readings besides the standard one may go over, for a mail and for each of its bytes.
_EFFORT, _EFFORT_PER_BYTE = 16 << 20, 8
# Rounds of hashing for all passwords on all locked files of a mail: about 8 seconds.
_MAX_ROUNDS = 10_000_000
# Different pictures of one mail.
MAX_PICTURES = 50
# A code of a picture that may be a password by itself.
_LONGEST_CODE = 64
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
    # What stands in the mail, where that is encoded.
    raw: bytes | memoryview = b""

    @property
    def where(self) -> str:
        return f"part:{self.id}"

    @cached_property
    def sha256(self) -> str:
        """The hash of the content, lower-case hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def sniffed(self) -> str:
        """The media type that the content itself shows, looked at once; "" where it shows none."""
        return filetype.sniff(self.content)

    @property
    def gap(self) -> str:
        """`where` with the name, as `incomplete` states it: part:2/report.zip."""
        return f"part:{self.id}/{self.names[0][:120]}" if self.names else self.where

    def at(self, place: str) -> str:
        """A place inside of it: a stream's path, a member's name, an object. Cut, because the sender made it up."""
        return f"part:{self.id}/{place[:200]}" if place else self.where


class Left(NamedTuple):
    """What is left of each limit that the reading of a file draws on; the last four are of facts."""

    unpacked: int
    effort: int
    slots: int
    pixels: int
    pictures: int
    text_bytes: int
    searched: int
    found: int
    shown: int


class Notes(Facts):
    """The growing record of one mail. Nothing is written twice, and the order is that of finding."""

    def __init__(
        self,
        limits: InspectionSettings,
        yara: CompiledYara | None = None,
        size: int = 0,
        keyring: Keyring | None = None,
    ) -> None:
        super().__init__(limits.max_text_bytes)
        self.limits = limits
        self._keyring = keyring or Keyring()
        self._effort = _EFFORT + _EFFORT_PER_BYTE * size
        self._scanner = yara.scanner(limits.yara_timeout, limits.deadline / 2) if yara else None
        self._rounds = _MAX_ROUNDS
        self._passwords: tuple[int, list[str]] = (-1, [])
        # The address in the From field of the mail itself.
        self.sender = ""
        # What the codes of a picture say, by the picture's hash; and the pixels that may still be searched for some.
        self.codes: dict[bytes, tuple[str, ...]] = {}
        self.pixels = _MAX_PIXELS
        self.unpacked = limits.max_unpacked_bytes
        self.slots = limits.max_parts
        self.header_bytes = limits.max_header_bytes
        self.queue: deque[Item] = deque()
        self.subjects: list[str] = []
        self.date = ""
        self.texts_read: set[str] = set()
        # By content, the names under which it was found.
        self.known: dict[bytes, set[str]] = {}
        # Parts that are locked, wholly or in part, whether or not a password opened them.
        self.locked: set[str] = set()
        # Parts of which another decoding shows what they are.
        self.explained: set[str] = set()
        self.named: list[str] = []
        # Pieces of files that stand in several texts, by name and whole size, each with the text that holds it.
        self.pieces: dict[tuple[bytes, int], list[tuple[Item, Piece]]] = {}
        # Numbered files, by the part around them, their common name in lower case and digits, then by number.
        self.volumes: dict[tuple[str, str, int], dict[int, Item]] = {}
        self._children: dict[str, int] = {}
        self._met: set[tuple[str, str, str]] = set()
        self._asked = 0

    def decoding(self, where: str, label: str, charset: str, text: str) -> None:
        """Note one plausible reading of a text, for people, cut to a line; the first of a place is the one shown."""
        self.add(Decoding(where, label, charset, text[:MAX_DETAIL]))

    def link(self, where: str, shown: str, written: str, meant: tuple[str, ...]) -> None:
        """Note a link of a page, for people; its URLs are observed apart from this."""
        cut = tuple(url[:MAX_URL] for url in meant)
        self.add(Link(where, shown[:MAX_DETAIL], written[:MAX_URL], cut))

    def observe(self, path: str, value: str, where: str) -> None:
        """Note a value at a STIX object path; empty values are none."""
        if value:
            self.add(Observable(path, value, where))

    def find(self, kind: FindingKind, where: str, detail: str = "", rule: str = "", hit: RuleHit | None = None) -> None:
        """Note a finding; `detail` is cut to a line."""
        self.add(Finding(kind, where, detail[:MAX_DETAIL], rule, hit))

    def gap(self, where: str, reason: Reason, detail: str = "") -> None:
        """Note what could not be read. Of the many gaps of a broken part one stands for each reason and detail."""
        self.add(Incomplete(where, reason, detail[:MAX_DETAIL]))

    def text(self, where: str, charset: str, text: str, body: bool = False) -> None:
        """Keep a readable text within the limit over the whole mail (counted as UTF-8).

        What is cut from a body is a gap; of a file it is none, whose URLs and bytes are searched whole.
        """
        # No character takes more than four bytes.
        if body and len(text) * 4 > self._text_bytes and len(text.encode("utf-8", "replace")) > self._text_bytes:
            self.gap(where, "limit", "more readable text than the limit")
        self.add(Text(where, charset, text))

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
        self.enqueue(item)
        return item

    def enqueue(self, item: Item) -> None:
        """Put a file on the list of what is to be read."""
        self.log(item)
        self.queue.append(item)

    def closed_child(
        self,
        parent: Item,
        names: tuple[str, ...],
        size: int,
        state: PartState,
        reading: str,
        program: FindingKind | None = "archived-executable",
    ) -> None:
        """List a file inside `parent` whose content is out of reach: names and size are all that is known. `program` is
        the finding that a name is which a system would run; None for what is no file."""
        if part_id := self._inside(parent):
            origin = Origin(parent.id, 0, size, reading)
            self.add(Part(part_id, names, "", "", size, "", "", "", state, origin))
            self.name_facts(part_id, names)
            # What is skipped has no bytes: an ending with an innocent meaning then says nothing.
            content = b"" if state is PartState.SKIPPED else None
            named = run_by_name(names, content) if program else ""
            if program and named:
                self.find(program, f"part:{part_id}", f"named {named.rpartition('.')[2]}")

    def name_facts(self, part_id: str, names: tuple[str, ...]) -> None:
        """Note a part's names in all their spellings, and the tricks in them."""
        where = f"part:{part_id}"
        for name in dict.fromkeys(spelling for found in names for spelling in spellings(found)):
            self.observe("file:name", name, where)
            for kind, detail in name_findings(name):
                self.find(kind, where, detail)

    def part(self, item: Item, kind: str, state: PartState) -> None:
        """List a part that was read, with its hashes and names as observables."""
        md5, sha1 = (make(item.content, usedforsecurity=False).hexdigest() for make in (hashlib.md5, hashlib.sha1))
        size, sha256 = len(item.content), item.sha256
        self.add(Part(item.id, item.names, kind, item.declared, size, md5, sha1, sha256, state, item.origin))
        self.name_facts(item.id, item.names)
        where = item.where
        self.observe("file:hashes.MD5", md5, where)
        self.observe("file:hashes.'SHA-1'", sha1, where)
        self.observe("file:hashes.'SHA-256'", sha256, where)
        self.observe("file:size", str(size), where)
        self.observe("file:mime_type", kind, where)

    def passwords(self) -> list[str]:
        """Candidates for a lock: a person's, at most as many of the mail's own as may be tried on one part, those from
        elsewhere. They are secrets."""
        self._asked += 1
        return self._keyring.ordered(self._own_passwords())

    def tell_passwords(self) -> None:
        """Put what the mail states on the keyring, where it is wanted for other mails."""
        if self._keyring.wanted and may_state_one([*(text.text for text in self.texts), *self.named, *self.subjects]):
            self._keyring.tell(self._own_passwords())

    def _own_passwords(self) -> list[str]:
        """Candidates from all texts, pictures' codes and file names."""
        codes = [code for found in self.codes.values() for code in found]
        if self._passwords[0] != len(self.texts) + len(codes):
            texts = [text.text for text in self.texts]
            subject, limit = " ".join(self.subjects), self.limits.max_passwords
            found = candidates([*texts, *codes], subject, self.date, limit, self.sender, self.named)
            alone = [code for code in codes if is_plausible(code) and len(code) <= _LONGEST_CODE]
            self._passwords = len(self.texts) + len(codes), list(dict.fromkeys([*found, *alone]))[:limit]
        return self._passwords[1]

    def try_password(self, rounds: int, item: Item) -> bool:
        """Take the rounds of hashing that one password costs; False, noted as a gap, when they are used up."""
        if rounds > self._rounds:
            self.gap(item.gap, "limit", "more locked files than passwords can be tried on")
            return False
        self._rounds -= rounds
        return True

    def scan(self, item: Item, content: bytes | memoryview, name: str, kind: str, view: str = "") -> None:
        """Note the YARA rules that `content` meets: the item's own, or what `view` names: its encoded bytes, a reading
        of it as text, a file inside it. Of one rule and item the first is noted."""
        if self._scanner is None:
            return
        names = item.names if name in item.names else (name,)
        about = About(names, kind, item.id, self.is_locked(item.id))
        hits, problems = self._scanner.scan(content, about, view)
        for reason, detail in problems:
            self.gap(item.gap, reason, detail)
        for hit in hits:
            if (item.id, hit.namespace, hit.rule) not in self._met:
                self._met.add((item.id, hit.namespace, hit.rule))
                self.find("yara", item.where, yara_scan.detail(hit), f"{hit.namespace}:{hit.rule}", hit.found)

    def is_locked(self, part_id: str) -> bool:
        """Whether a part, or one around it, is locked, opened or not."""
        return bool(self.locked) and not self.locked.isdisjoint(_lineage(part_id))

    def has_children(self, part_id: str) -> int:
        """How many numbers of parts inside one are taken."""
        return self._children.get(part_id, 0)

    def left(self) -> Left:
        """What is left of the limits that a file's reading draws on."""
        pictures = MAX_PICTURES - len(self.codes)
        return Left(self.unpacked, self._effort, self.slots, self.pixels, pictures, *self.room())

    def spend_again(self, spent: Left) -> None:
        """Take from the limits what a replayed reading took besides what its facts take by themselves."""
        self.unpacked -= spent.unpacked
        self._effort -= spent.effort
        self.slots -= spent.slots
        self.pixels -= spent.pixels

    def shared(self) -> tuple[object, ...]:
        """What a file's reading may ask of the mail around it, or tell it: where it changes, it is no other mail's."""
        return (
            self._rounds, self.header_bytes, self._asked, len(self.subjects), self.date, self.sender,
            len(self.texts_read), len(self.known), len(self.explained), len(self.named),
            sum(map(len, self.pieces.values())), sum(map(len, self.volumes.values())),
        )  # fmt: skip

    def _inside(self, parent: Item) -> str:
        """The id of a file inside `parent`; "", noted as a gap, beyond a limit."""
        if parent.depth + 1 > self.limits.max_depth:
            self.gap(parent.gap, "limit", f"deeper than {self.limits.max_depth} levels")
            return ""
        return self.child_id(parent.id) if self.slot() else ""


def _lineage(id: str) -> list[str]:
    """The id and those of all that is around it."""
    steps = id.split(".")
    return [".".join(steps[:count]) for count in range(1, len(steps) + 1)]
