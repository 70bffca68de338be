"""Picks of alerts: the values that a text in Japanese or English names, each with the line it was picked from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

import msgspec
from sekisho_rules.urls import host_of

from sekisho_feeds.alert_values import Found, found_in
from sekisho_feeds.alert_words import (
    ATTACHED,
    BULLET,
    HEADING,
    LEADING_QUOTES,
    NOTHING,
    ONE_QUOTE,
    PROSE,
    QUIET,
    SENDER,
    label_type,
    labelled,
    unquoted,
)
from sekisho_feeds.observable_pattern import FILE_SUFFIXES, observable

MOST_PROPOSALS = 20_000
_LONGEST_LINE = 4000
_EXCERPT = 200
# Bodies that send alerts, and never what they warn of where a link to them is whole.
ALERTING = (
    "go.jp", "lg.jp", "jpcert.or.jp", "antiphishing.jp", "jc3.or.jp", "jaipa.or.jp", "cisa.gov", "us-cert.gov",
    "fbi.gov", "ic3.gov", "ncsc.gov.uk", "cyber.gov.au", "enisa.europa.eu", "bsi.bund.de", "cert.pl", "first.org",
)  # fmt: skip
_POLICE = re.compile(r"(?:^|\.)(?:police\.pref\.[a-z]{3,10}|keishicho\.metro\.tokyo)\.(?:lg\.)?jp$")
_AFTER_QUOTES = re.compile(r"(?:$|という|といった|との|など|等|ほか|を|が|に|で|は|[（(、。,.;])")
_TRAILING = re.compile(r"[ \t　]+(?:など|等|ほか|他|etc\.?)$")
_SUFFIX = "|".join(sorted(FILE_SUFFIXES, key=len, reverse=True))
_NAME = re.compile(rf"[^\\/:*?\"<>|\t]{{1,200}}?\.(?:{_SUFFIX})(?![A-Za-z0-9]|\.[A-Za-z0-9])", re.IGNORECASE)
_TOKEN_NAME = re.compile(
    rf"(?<![\w.@/\-])[\w\-()%]{{1,80}}(?:\.[\w\-]{{1,40}}){{0,5}}?\.(?:{_SUFFIX})(?![A-Za-z0-9]|\.[A-Za-z0-9])",
    re.IGNORECASE | re.ASCII,
)
_NAMES_APART = re.compile(r"[、,，;；／|\t]|[ 　]/[ 　]|[ ](?:and|or)[ ]|及び|および|または|又は|もしくは")
_RULE = re.compile(r"[\s|+:\-=―─━]*")
_CELLS = re.compile(r"[ \t　]*\|[ \t　]*|\t+")
_BULLET = re.compile(BULLET)
_HOSTS = ("domain", "ip", "url", "hash")


class Proposal(msgspec.Struct, frozen=True):
    """A value that a text names: its type (of `observable_pattern.TYPES`), the line from 1, and that line's text."""

    type: str
    value: str
    line: int
    excerpt: str


def proposals(text: str, own: Iterable[str] = ()) -> list[Proposal]:
    """What an alert names, in the order of its lines, each value once: subjects, senders and attachment names by their
    labels, in tables and in sentences; hashes, URLs, domains and addresses by their look.

    `own` are domains of the alert's sender: what is written there without disguise is a link or a contact, and not
    proposed; nor is that of the bodies that send alerts, nor what stands under contacts and references. Never raises.
    """
    picker = _Picker(own)
    lines = text.splitlines()
    picker.learn_contacts(lines)
    found: dict[tuple[str, str], Proposal] = {}
    for number, line in enumerate(lines, 1):
        for type, value in picker.values(line[:_LONGEST_LINE]):
            key = (type, value)
            if key not in found and len(found) < MOST_PROPOSALS:
                found[key] = Proposal(type, value, number, line.strip()[:_EXCERPT])
    return list(found.values())


class _Picker:
    """What is known of a text at a line: the label whose values go on, the table's columns, and its sender's hosts."""

    def __init__(self, own: Iterable[str]) -> None:
        self._own = {domain.lower().lstrip(".@") for domain in own} | set(ALERTING)
        self._label = ""
        self._values_seen = 0
        self._on_its_line = False
        self._quiet = False
        self._columns: list[str] = []
        self._in_header = True

    def learn_contacts(self, lines: list[str]) -> None:
        """The domains of addresses on lines that say whom to ask are the alert's own."""
        quiet = False
        for line in lines:
            label = labelled(line)
            quiet = label.type == "quiet" if label else quiet and not HEADING.match(line)
            if quiet or QUIET.search(line):
                plain = (one for one in found_in(_plain(line)) if one.type == "email" and not one.disguised)
                self._own |= {one.value.rpartition("@")[2] for one in plain}

    def values(self, line: str) -> Iterator[tuple[str, str]]:
        """The values of the next line, checked."""
        for type, text in self._picks(line):
            try:
                yield type, observable(type, text).value
            except ValueError:
                continue

    def _picks(self, line: str) -> Iterator[tuple[str, str]]:
        if not line.strip():
            self._label = "" if self._values_seen else self._label
            self._columns = []
            return
        if (cells := _cells(line)) and (len(cells) > 2 or self._columns or label_type(cells[0])):
            yield from self._row(cells, line)
            return
        self._columns = []
        label = labelled(line)
        if label:
            self._begin(label.type, bool(label.rest))
            if label.type == "other" and not label.rest:
                return
            yield from self._of(label.type, label.rest, line)
        elif HEADING.match(line) and not self._label:
            self._quiet = False
            yield from self._of("", line, line)
        elif self._label and not self._is_new_part(line):
            self._values_seen += 1
            yield from self._of(self._label, _BULLET.sub("", line, count=1), line)
        else:
            self._label = ""
            yield from self._of("", line, line)

    def _begin(self, type: str, has_value: bool) -> None:
        self._quiet = type == "quiet"
        self._label = "" if has_value and type in ("subject", "other") else type
        self._values_seen = int(has_value)
        self._on_its_line = has_value

    def _is_new_part(self, line: str) -> bool:
        """Whether a line below a label's values is none of them: after a value on the label's own line, only those
        that are set in or listed go on."""
        if not self._on_its_line:
            return self._values_seen > 0 and line.lstrip()[:1] in "■◆"
        return not (line[:1] in " \t　" or _BULLET.match(line).end() > 0)  # type: ignore[union-attr]

    def _row(self, cells: list[str], line: str) -> Iterator[tuple[str, str]]:
        if _RULE.fullmatch(line):
            return
        types = [label_type(cell) for cell in cells]
        if sum(map(bool, types)) > 1:
            self._columns = types
        elif self._columns:
            for type, cell in zip(self._columns, cells, strict=False):
                yield from self._of(type, cell, line)
        else:
            for cell in cells[1:] if types[0] else cells:
                yield from self._of(types[0], cell, line)

    def _of(self, type: str, text: str, line: str) -> Iterator[tuple[str, str]]:
        """The values of a labelled text, or of a sentence where the type is ""."""
        if text.strip().lower() in NOTHING:
            return
        if type == "subject":
            yield from (("subject", value) for value in _subjects(text))
        elif type == "filename":
            yield from (("filename", value) for value in _file_names(text))
        elif not type:
            yield from _in_prose(line)
        yield from self._by_look(type, text)

    def _by_look(self, type: str, text: str) -> Iterator[tuple[str, str]]:
        if type == "subject":
            return
        plain = _plain(text)
        quiet = self._quiet or type == "quiet" or (not type and QUIET.search(text) is not None)
        alone = _BULLET.sub("", plain, count=1).strip()
        for one in found_in(plain):
            if not one.disguised and (quiet or (type not in (*_HOSTS, "sender") and self._is_own(one))):
                continue
            listed = type in _HOSTS or one.text == alone or (type == "sender" and one.type == "email")
            if not (one.disguised or listed or one.type in ("url", "md5", "sha1", "sha256", "sha512", "email")):
                continue
            if one.type == "email":
                sent = type == "sender" or SENDER.search(text) is not None
                if sent or one.disguised or listed:
                    yield "sender" if sent else "email", one.value
            elif not (type == "filename" and one.type == "domain"):
                yield one.type, one.value

    def _is_own(self, one: Found) -> bool:
        host = one.value.rpartition("@")[2] if one.type == "email" else host_of(one.value)
        return _POLICE.search(host) is not None or any(host == own or host.endswith("." + own) for own in self._own)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _cells(line: str) -> list[str]:
    """The cells of a table's row, [] for a line that is none."""
    if "|" not in line and "\t" not in line.strip():
        return []
    cells = _CELLS.split(line.strip().strip("|").strip())
    return cells if len(cells) > 1 else []


def _subjects(text: str) -> list[str]:
    leading = LEADING_QUOTES.fullmatch(text)
    if leading and _AFTER_QUOTES.match(leading["after"].strip()):
        return [unquoted(quote) for quote in ONE_QUOTE.findall(leading[1])]
    bare = unquoted(_TRAILING.sub("", text))
    return [] if bare.lower() in NOTHING else [bare]


def _file_names(text: str) -> Iterator[str]:
    quotes = [unquoted(quote) for quote in ONE_QUOTE.findall(text)]
    for piece in quotes or _NAMES_APART.split(text):
        if found := _NAME.match(_dots(piece).strip()) or _NAME.match(_dots(_plain(piece)).strip()):
            yield unquoted(found[0].strip())


def _dots(text: str) -> str:
    return text.replace("[.]", ".").replace("．", ".")


def _in_prose(line: str) -> Iterator[tuple[str, str]]:
    """Quoted subjects and names of a sentence, and names that stand bare beside a word for attachments."""
    for found in PROSE["subject"].finditer(line):
        quotes = (unquoted(quote) for quote in ONE_QUOTE.findall(found[1] or found[2]))
        yield from (("subject", quote) for quote in quotes if not _NAME.fullmatch(quote))
    if ATTACHED.search(line):
        for quote in ONE_QUOTE.findall(line):
            if _NAME.fullmatch(name := _dots(unquoted(quote))):
                yield "filename", name
        rest = ONE_QUOTE.sub(" ", line)
        if "://" not in rest:
            yield from (("filename", found[0]) for found in _TOKEN_NAME.finditer(_dots(rest)))
