"""Passwords that a mail states for its attachments: candidates from its texts, the likeliest first.

Candidates are secrets. They stay in memory while one mail is read and appear in nothing that leaves the worker.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from sekisho_inspection import password_below, password_labels, password_sentences
from sekisho_inspection.password_clues import Source, described, is_about_else, is_described, named_before
from sekisho_inspection.password_dates import local_day
from sekisho_inspection.password_ornaments import close_up
from sekisho_inspection.password_spelling import are_joined, joined_halves

# Lines longer than this are no sentence that states a password; texts longer than this are read from the beginning.
_MAX_LINE = 2000
_MAX_TEXT = 200_000
_MAX_LABELS = 150
_MAX_DESCRIBED = 20
# A line that describes a password gives its form.
_LONGEST_CLUE = 60
_CLUE = re.compile(r"[0-9一二三四六八]\s?(?:桁|けた|ケタ)|日付|年月日|(?<![a-z])(?:yyyy|yymm|mmdd)|digits", re.I)
# Characters that take no room, between those of a label or a value.
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]+")
_GOING_ON = ("は", "、", "の", "が", "を", " is", ",")
# Colons that their compatibility form turns into dots.
_COLONS = dict.fromkeys(map(ord, "\ufe30\u2236\ua789"), ":")
_ASKS = re.compile(r"教え|知らせ|(?:くだ|下)さい|何で|でしょうか|[?？]|\b(?:what|send|need|tell)\b", re.I)
# Quotation marks of other languages, and pairs of the same mark.
_MARKS = {ord(mark): "“" for mark in "„‟〝〟"} | dict(zip(map(ord, "〈〉〖〗⟨⟩⟦⟧〘〙≪≫"), "〔〕" * 6, strict=True))
# The sides of frames are the bars of tables.
_PLAIN = _COLONS | _MARKS | dict.fromkeys(map(ord, "│┃║"), "|")
_SAME_MARKS = re.compile("[“”]([^“”\n]{1,64})[“”]")
# The same as what the mail shows, which is no other way.
_SAME_AS = re.compile(r"\bsame\sas\s(?=(?:the|our|my)\s(?:file|subject|name|invoice|order|attach|number|date))", re.I)
_URL = re.compile(r"https?://[!-~]*|ftp://[!-~]*", re.I)
# No mark of quoting is an arrow or a table's side that has its counterpart at the line's end.
_QUOTING = re.compile(r"\s*+[>＞|｜](?!.{1,80}[<＜|｜]\s*$)")
# Below such a line another mail is quoted.
_FORWARDED = re.compile(
    r"\s*-{2,}\s*(?:original\s(?:message|appointment)|forwarded\smessage|元のメッセージ|転送(?:メッセージ|された)|オリジナル)"
    r"|\s*on\s.{5,120}\swrote:\s*$|.{0,60}(?:年|/)[0-9]{1,2}(?:月|/)[0-9]{1,2}.{0,80}(?:のメール|さんは書きました|wrote):?\s*$",
    re.I,
)
_IN_NAME = re.compile(
    r"(?:パスワード|パス(?:コード)?|pass(?:word|code)?|pwd?|解凍キー|key)[\s_\-=:：は(\[【「]{0,3}([!#-'*-.0-9=@-Z^-~]{3,40}?)"
    r"(?=[)\]】」]|_(?=[^0-9A-Za-z])|\.[A-Za-z0-9_]{2,4}$|\s|[ぁ-んァ-ヶ一-龥]|$)",
    re.I,
)


def candidates(
    texts: Iterable[str], subject: str, date: str, limit: int, sender: str = "", names: Iterable[str] = ()
) -> list[str]:
    """At most `limit` candidates, without repeats. `date` is the Date header, for passwords that are made of it, as
    `sender` is the address that the mail is from and `names` are those of its files.

    Texts are read as they stand and in their compatibility form (NFKC), because values are typed in either width.
    Lines that quote another mail come last.
    """
    named = tuple(names)
    found = _Kept()
    for text in texts:
        for page in text[:_MAX_TEXT].split("\f"):
            own, quoted = _split(page)
            source = Source(_folded(own), _fold(subject), sender, named, local_day(date))
            _read_lines(own, source, found.own, subject + _asked(quoted))
            if quoted:
                _read_lines(quoted, Source(_folded(quoted), "", "", named, local_day(date)), found.quoted, "")
    _read_lines([subject], Source([_fold(subject)], "", sender, named, local_day(date)), found.own, "")
    for name in named:
        found.own.sure += [match[1] for match in _IN_NAME.finditer(_fold(name)) if password_labels.is_made_up(match[1])]
    return found.ranked()[:limit]


@dataclass
class _Values:
    """Candidates of some lines, the surer ones first; `typed` are those in the width in which they are typed."""

    sure: list[str] = field(default_factory=list)
    described: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.sure or self.described)

    def ranked(self) -> list[str]:
        return [*self.sure, *self.described]


@dataclass
class _Kept:
    own: _Values = field(default_factory=_Values)
    quoted: _Values = field(default_factory=_Values)

    def ranked(self) -> list[str]:
        ranked = [*self.own.ranked(), *self.quoted.ranked(), *self.own.typed, *self.quoted.typed]
        return list(dict.fromkeys(ranked))


def _split(text: str) -> tuple[list[str], list[str]]:
    """The mail's own lines, and those that quote another without their marks."""
    own: list[str] = []
    quoted: list[str] = []
    forwarded = False
    for line in text.splitlines():
        forwarded = forwarded or (len(line) < 300 and any(own) and _FORWARDED.match(line) is not None)
        if mark := _QUOTING.match(line):
            quoted.append(line[mark.end() :].lstrip(">＞ "))
        else:
            (quoted if forwarded else own).append(line)
    return own, quoted


def _asked(quoted: list[str]) -> str:
    """The line of a quoted mail that asks for a password, which an answer then is; "" where none does."""
    asking = (line for line in map(_fold, islice(filter(_ASKS.search, quoted), 5)) if password_labels.has_label(line))
    return next(asking, "")


def _fold(line: str) -> str:
    first = line[:8].lstrip()[:1]
    # The compatibility form of a circled number would be part of the value behind it.
    if first and "①" <= first <= "⑳":
        line = line.replace(first, f"({ord(first) - ord('①') + 1}) ", 1)
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", line[:_MAX_LINE].translate(_PLAIN)))
    plain = _SAME_MARKS.sub(r"“\1”", plain) if "“" in plain or "”" in plain else plain
    return close_up(_URL.sub("://", plain) if "://" in plain else plain)


def _folded(lines: list[str]) -> list[str]:
    return [_fold(line) for line in lines]


def _read_lines(raw: list[str], source: Source, values: _Values, subject: str) -> None:
    """Note the candidates of some lines; `subject` may announce one that stands alone."""
    lines = source.lines
    start = len(values.sure)
    about_files = password_labels.is_about_files("\n".join(lines[:300]) + subject)
    count, clues = 0, 0
    for index, line in enumerate(lines):
        spoken = other = False
        for label in password_labels.labels(line, about_files):
            count += 1
            if count > _MAX_LABELS:
                return
            spoken = True
            reset = label.announces and password_labels.is_reset(line)
            if reset or password_labels.opens_no_file(line, label, lines[index - 1] if index else ""):
                other = True
                continue
            if found := password_sentences.on_line(line, label):
                if is_described(line[label.end :]) and (made := _described(line, label, lines, index, source)):
                    values.sure += made
                values.sure += found
                values.typed += _typed(raw[index][:_MAX_LINE], found)
                continue
            clues += label.sure
            if label.sure and clues <= _MAX_DESCRIBED and (made := _described(line, label, lines, index, source)):
                values.described += made
            elif right := password_below.corrected(lines, index):
                values.sure += right
            elif above := password_below.above(lines, index):
                values.sure += above
            elif below := password_below.column(lines, index, label):
                values.sure += below
            elif password_below.expects_below(line, label):
                below = password_below.below(lines, index, label)
                values.sure += below
                if not below and clues <= _MAX_DESCRIBED:
                    values.described += _described_below(lines, index, label, source)
                values.typed += _typed("\n".join(raw[index + 1 : index + 8]), below)
            elif not values.sure[start:]:
                values.sure += password_below.by_chance(lines, index, label)
        of_files = not (other or (spoken and password_labels.is_reset(line)))
        if of_files and (not spoken or not values.sure[start:]):
            values.sure += password_below.told_to_enter(line, spoken)
    _whole(lines, values, start, subject)


def _described(line: str, label: password_labels.Label, lines: list[str], index: int, source: Source) -> list[str]:
    """What the label's sentence describes, which may go on in the next line."""
    if label.announces or password_labels.is_reset(line) or password_labels.ELSEWHERE.search(_SAME_AS.sub(" ", line)):
        return []
    rest = line[label.end : label.end + password_labels.REACH]
    found = described(rest.partition("。")[0], source)
    if not found and rest.rstrip().endswith(_GOING_ON) and index + 1 < len(lines) and lines[index + 1].strip():
        found = described(rest + lines[index + 1].strip().partition("。")[0], source)
    if not found and (sentence := named_before(line[: label.start], rest)):
        found = described(sentence, source)
    return found


def _described_below(lines: list[str], index: int, label: password_labels.Label, source: Source) -> list[str]:
    """What the next line of text describes, below a label that announces it."""
    text = next((line.strip() for line in lines[index + 1 : index + 4] if line.strip()), "")
    if is_about_else(lines[index][label.end :]) or len(text) > _LONGEST_CLUE or not _CLUE.search(text):
        return []
    if password_labels.ELSEWHERE.search(text) or password_labels.has_label(text):
        return []
    return described(f"は{text.partition('。')[0].lstrip('・※*- ')}", source)


def _whole(lines: list[str], values: _Values, start: int, subject: str) -> None:
    """What only the whole of the lines tells: halves to be joined, and a value that the subject announces."""
    if not values and any(password_labels.has_label(line) for line in lines):
        values.sure += joined_halves(lines[:500])
    elif values.sure[start:]:
        text = "\n".join(lines[:500])
        joined = joined_halves(lines[:500])
        own = list(dict.fromkeys(values.sure[start:]))
        if not joined and len(own) > 1 and are_joined(text):
            joined = ["".join(own[:2])] + (["".join(own)] if 2 < len(own) <= 4 else [])
        values.sure[start:start] = joined
    elif not values and subject and password_labels.has_label(_fold(subject)):
        promised = any(password_labels.ELSEWHERE.search(line) for line in lines[:20])
        values.sure += [] if promised else password_below.below(lines, -1)


# Forms of another width: of ASCII, and of katakana.
_OTHER_WIDTH = re.compile(r"[！-～･-ﾟ]")
_RUN = re.compile(r"[！-ﾟ!-~ぁ-ヿ一-龥]{1,64}")


def _typed(raw: str, values: list[str]) -> list[str]:
    """Those of the values that stand there in another width, as typed."""
    if not _OTHER_WIDTH.search(raw):
        return []
    found = []
    for run in _RUN.findall(raw):
        plain = unicodedata.normalize("NFKC", run)
        for value in values:
            if run != plain and plain.endswith(value):
                found += _as_typed(run, value)
    return found


def _as_typed(run: str, value: str) -> list[str]:
    """The end of a run whose compatibility form is the value; a half-width kana may be two characters."""
    ends = (run[at:] for at in range(len(run)))
    return [end for end in ends if unicodedata.normalize("NFKC", end) == value != end]
