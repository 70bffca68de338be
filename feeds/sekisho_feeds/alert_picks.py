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
    NAME_BESIDE,
    NOTHING,
    ONE_QUOTE,
    PROSE,
    QUIET,
    SENDER,
    TRAFFIC,
    VERSION,
    announced,
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
_NAME_BESIDE = re.compile(rf"{NAME_BESIDE}([^\s「」『』、。]{{1,100}}?\.(?:{_SUFFIX}))(?![A-Za-z0-9.])", re.IGNORECASE)
_NAMES_APART = re.compile(r"[、,，;；／|\t]|[ 　]/[ 　]|[ ](?:and|or)[ ]|及び|および|または|又は|もしくは")
_RULE = re.compile(r"[\s|+:\-=―─━]*")
_CELLS = re.compile(r"[ \t　]*\|[ \t　]*|\t+")
_BULLET = re.compile(BULLET)
_POINT = re.compile(r"(?:^|[ \t　]+)・")
_HEADER = re.compile(
    r"[>＞ ]{0,4}(From|To|Cc|Date|Sent|Subject|Reply-To|差出人|宛先|日時|送信日時|件名)[ 　]*[:：][ 　]*(.*)",
    re.IGNORECASE,
)
_LONGEST_HEADER, _FEWEST_OF_HEADER = 20, 3
_ALERT_SUBJECT = re.compile(r"注意喚起|情報(?:提供|共有)|緊急連絡|警報|アラート|\balert\b|\badvisory\b", re.IGNORECASE)
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
    begin = picker.learn_header(lines)
    found: dict[tuple[str, str], Proposal] = {}
    for number, line in enumerate(lines[begin:], begin + 1):
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
        self._headed = False

    def learn_contacts(self, lines: list[str]) -> None:
        """The domains of addresses on lines that say whom to ask are the alert's own."""
        quiet = False
        for line in lines:
            label = labelled(line)
            quiet = label.type == "quiet" if label else quiet and not HEADING.match(line)
            if quiet or QUIET.search(line):
                plain = (one for one in found_in(_plain(line)) if one.type == "email" and not one.disguised)
                self._own |= {one.value.rpartition("@")[2] for one in plain}

    def learn_header(self, lines: list[str]) -> int:
        """How many lines at the beginning are the header of the alert itself, as mail is copied into text: one whose
        sender or subject is that of an alert. That sender's domain is the alert's own."""
        begin = next((at for at, line in enumerate(lines) if line.strip()), 0)
        end = begin
        while end < min(len(lines), begin + _LONGEST_HEADER) and _HEADER.match(lines[end]):
            end += 1
        header = {found[1].lower(): found[2] for line in lines[begin:end] if (found := _HEADER.match(line))}
        stated = header.get("from") or header.get("差出人") or ""
        senders = [one for one in found_in(_plain(stated)) if one.type == "email" and not one.disguised]
        subject = header.get("subject") or header.get("件名") or ""
        own = _ALERT_SUBJECT.search(subject) is not None or any(map(self._is_own, senders))
        if not senders or len(header) < _FEWEST_OF_HEADER or not own:
            return 0
        self._own |= {one.value.rpartition("@")[2] for one in senders}
        return end

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
            self._columns, self._headed = [], False
            return
        if (cells := self._cells(line)) and (len(cells) > 2 or self._columns or label_type(cells[0])):
            yield from self._row(cells, line)
            return
        self._columns, self._headed = [], False
        label = labelled(line)
        if label:
            self._begin(label.type, bool(label.rest))
            if label.type == "other" and not label.rest:
                return
            yield from self._of(label.type, label.rest, line)
        elif type := announced(line):
            self._begin(type, has_value=False)
            yield from self._of("", line, line)
        elif HEADING.match(line) and not self._label:
            self._quiet = False
            yield from self._of("", line, line)
        elif self._label and not self._is_new_part(line):
            self._values_seen += 1
            if self._label == "subject" and line.rstrip().endswith("。"):
                self._label = ""
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

    def _cells(self, line: str) -> list[str]:
        """The cells of a table's row, [] for a line that is none. Commas part cells below a row of labels alone."""
        if "|" in line or "\t" in line.strip():
            cells = _CELLS.split(line.strip().strip("|").strip())
            return cells if len(cells) > 1 else []
        cells = [cell.strip() for cell in line.split(",")]
        of_table = self._columns and len(cells) == len(self._columns)
        return cells if len(cells) > 1 and (of_table or all(map(label_type, cells))) else []

    def _row(self, cells: list[str], line: str) -> Iterator[tuple[str, str]]:
        if _RULE.fullmatch(line):
            return
        types = [label_type(cell) for cell in cells]
        bare = not any(found_in(_plain(line)))
        if bare and sum(map(bool, types)) > 1:
            self._columns = types
        elif self._columns:
            for type, cell in zip(self._columns, cells, strict=False):
                yield from self._of(type, cell, line)
        elif types[0]:
            # Below a row of titles the second column holds the value, those after it remarks.
            for cell in cells[1:2] if self._headed else cells[1:]:
                yield from self._of(types[0], cell, line)
        else:
            self._headed = self._headed or bare
            for cell in cells:
                yield from self._of("", cell, line)

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
            stated = one.disguised or type in _HOSTS or (type == "sender" and one.type == "email")
            if not one.disguised and (quiet or (not stated and self._is_own(one))):
                continue
            if not (stated or one.text == alone or _is_plain_sign(one, plain)):
                continue
            if one.type == "email":
                sent = type == "sender" or SENDER.search(text) is not None
                if sent or stated or one.text == alone:
                    yield "sender" if sent else "email", one.value
            elif not (type == "filename" and one.type == "domain"):
                yield one.type, one.value

    def _is_own(self, one: Found) -> bool:
        host = one.value.rpartition("@")[2] if one.type == "email" else host_of(one.value)
        return _POLICE.search(host) is not None or any(host == own or host.endswith("." + own) for own in self._own)


def _is_plain_sign(one: Found, sentence: str) -> bool:
    """Whether a value that a sentence names whole is one it warns of: versions look like addresses, and names of
    products like domains."""
    if one.type == "ip":
        return VERSION.search(sentence) is None
    return one.type != "domain" or TRAFFIC.search(sentence) is not None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _subjects(text: str) -> list[str]:
    """The subjects of a labelled text: each of its quotes or its points, or all of it."""
    if text.startswith("・") and len(points := _POINT.split(text)) > 2:
        return [unquoted(point) for point in points if point.strip()]
    leading = LEADING_QUOTES.fullmatch(text)
    if leading and _AFTER_QUOTES.match(leading["after"].strip()):
        return [unquoted(quote) for quote in ONE_QUOTE.findall(leading[1])]
    bare = unquoted(_TRAILING.sub("", text))
    return [] if bare.lower() in NOTHING else [bare]


def _file_names(text: str) -> Iterator[str]:
    quotes = [unquoted(quote) for quote in ONE_QUOTE.findall(text)]
    for piece in [*quotes, *_NAMES_APART.split(ONE_QUOTE.sub("、", text))]:
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
            yield from (("filename", found[1]) for found in _NAME_BESIDE.finditer(rest) if not found[1].isascii())
