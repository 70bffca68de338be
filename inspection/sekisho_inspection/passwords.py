"""Passwords that a mail states for its attachments: candidates from its texts, the likeliest first.

Candidates are secrets. They stay in memory while one mail is read and appear in nothing that leaves the worker.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

# Lines longer than this are no sentence that states a password; texts longer than this are read from the beginning.
_MAX_LINE = 2000
_MAX_TEXT = 200_000
_MAX_LABELS = 200
_LABEL = (
    r"(?:パスワード|パスフレーズ|暗証番号|合い?言葉|(?:復号|解凍|暗号化?|開封|認証)(?:用)?(?:キー|鍵|コード)"
    r"|(?<![ァ-ヶー])パス(?![ァ-ヶー])|(?<![a-z])(?:pass(?:\s?word|\s?code|\s?phrase|wd)?|pwd?|pswd)(?![a-z]))"
)
_LABELS = re.compile(_LABEL, re.I)
# What stands for the word in front of a value of its own line.
_ANNOUNCED = re.compile(r"(?:次|以下|下記)の(?:文字列|文字|英数字|数字|キー|コード|番号)")
_NOTE = re.compile(r"\s*\([^()]{0,80}\)")
_MARK = re.compile(r"[\s\])】》』」]*(?:[:=]|→|⇒|->|=>)+\s*")
_TOPIC = re.compile(r"\s*(?:[はが、]|には|としては)\s*")
_ENGLISH = re.compile(r"[^:=\n]{0,60}?(?:\b(?:is|are|was)\s*:?|:)\s*[\"'“]?", re.I)
_TOKEN = re.compile(r"[!-~]{1,64}")
_OPENING, _CLOSING = "「『【“\"‘'«《", "」』】”\"’'»》"
_QUOTED = re.compile(
    "|".join(rf"{a}([^{a}{b}\n]{{1,64}}){b}" for a, b in zip(_OPENING, _CLOSING, strict=True)) + "|<([!-;=?-~]{1,64})>"
)
_JOINT = re.compile(r"[」』】”\"](?:\s*(?:\+|と|の後に)[^「『【“\"\n]{0,20})[「『【“\"]")
_ELSEWHERE = re.compile(
    r"別メール|別途|別送|別便|追って|後ほど|のちほど|電話にて|お電話"
    r"|従来|いつもの|既にお知らせ|separate|by phone|as usual",
    re.I,
)
_RULER = re.compile(r"[\s\-=_*~#+.・─━―＿■□◆◇※<>]*")
_SPACED = re.compile(r"[!-~](?:\s+[!-~]){3,31}")
_DATE = re.compile(r"日付|送信日|本日|受信日|年月日|date", re.I)
_PHONE = re.compile(r"(?:電話|tel).{0,12}?下\s?(\d)\s?桁", re.I)
_NUMBER = re.compile(r"(?:tel|電話(?:番号)?|℡|phone)[^0-9\n]{0,6}(\+?[0-9][0-9() -]{5,20}[0-9])", re.I)
_WORDS = frozenset([
    "as", "the", "a", "an", "be", "below", "following", "not", "in", "on", "by", "to", "for", "of", "and", "or",
    "is", "it", "its", "your", "my", "our", "same", "sent", "send", "will", "case", "attached", "provided",
    "protected", "required", "needed", "available", "given", "different", "case-sensitive", "here", "this",
    "that", "zip", "pdf", "exe", "excel", "word", "file", "files", "attachment", "e-mail", "email", "mail",
    "reset", "expired", "expiring", "incorrect", "wrong", "correct", "password",
])  # fmt: skip


def candidates(texts: Iterable[str], subject: str, date: str, limit: int) -> list[str]:
    """At most `limit` candidates, without repeats. `date` is the Date header, for passwords that are made of it.

    Texts are read as they stand and in their compatibility form (NFKC), because values are typed in either width.
    Lines that quote another mail come last.
    """
    own: list[str] = []
    quoted: list[str] = []
    for text in texts:
        for raw in text[:_MAX_TEXT].split("\f"):
            lines = raw.splitlines()
            own += _of_lines([line for line in lines if not line.lstrip().startswith((">", "＞"))], subject, date)
            quoted += _of_lines(
                [line.lstrip()[1:] for line in lines if line.lstrip().startswith((">", "＞"))], "", date
            )
    own += _of_lines([subject], "", date)
    found = list(dict.fromkeys(own + quoted))
    return found[:limit]


def _of_lines(lines: list[str], subject: str, date: str) -> list[str]:
    folded = [unicodedata.normalize("NFKC", line[:_MAX_LINE]) for line in lines]
    strong, weak = [], []
    labels = 0
    for index, line in enumerate(folded):
        for match in [*_LABELS.finditer(line), *_ANNOUNCED.finditer(line)]:
            labels += 1
            if labels > _MAX_LABELS:
                break
            sure, unsure = _after(line, match.end(), bool(_ANNOUNCED.fullmatch(match[0])))
            raw = _raw_values(lines[index][:_MAX_LINE], line)
            strong += sure + raw
            weak += unsure + _derived(line, folded, date)
            if not sure and not unsure and not _ELSEWHERE.search(line):
                strong += _below(folded, index)
    if not strong and not weak and subject and _LABELS.search(unicodedata.normalize("NFKC", subject)):
        strong += _below(folded, -1)
    return strong + weak


def _raw_values(raw: str, folded: str) -> list[str]:
    """Values of a line with wide characters, as typed."""
    if raw == folded:
        return []
    match = re.search(r"[：:＝=→]\s*([！-～!-~]{1,64})\s*$", raw)
    return (
        [match[1]] if match and not match[1].isascii() and _plausible(unicodedata.normalize("NFKC", match[1])) else []
    )


def _after(line: str, start: int, announced: bool) -> tuple[list[str], list[str]]:
    """Values on the label's own line: those marked by a colon, quotes or a plain statement, and guesses."""
    rest = line[start:]
    if note := _NOTE.match(rest):
        rest = rest[note.end() :]
    if mark := _MARK.match(rest):
        value = rest[mark.end() :]
        return _quoted_values(value, leading=True) or _first_token(value, marked=True), []
    if announced:
        return _quoted_values(rest, leading=False), []
    if topic := _TOPIC.match(rest):
        value = rest[topic.end() :]
        inside = _quoted_values(value.partition("。")[0] if "「" not in value else value, leading=False)
        return inside, [] if inside else _first_token(value, marked=False)
    if re.match(r"\s*(?:を\s*)?[「『【“\"'‘<]", rest):
        return _quoted_values(rest, leading=False), []
    if english := _ENGLISH.match(rest):
        value = rest[english.end() - (1 if rest[: english.end()].endswith(('"', "'", "“")) else 0) :]
        return _quoted_values(value, leading=True) or _sentence_token(value), []
    if rest[:1] in (" ", "\t", "\u3000"):
        return [], [token for token in _sentence_token(rest.lstrip()) if _mixed(token)]
    return [], []


def _quoted_values(text: str, leading: bool) -> list[str]:
    """Contents of quotes; parts that are to be joined are also given joined, first."""
    if leading and not _QUOTED.match(text.lstrip()):
        return []
    values = [next(filter(None, match)) for match in _QUOTED.findall(text)]
    joined = ["".join(values)] if len(values) > 1 and _JOINT.search(text) else []
    return [value for value in joined + values if _plausible(value, quoted=True)]


def _first_token(text: str, marked: bool) -> list[str]:
    match = _TOKEN.match(text.lstrip()) if marked else _TOKEN.search(text)
    if not match:
        return []
    if marked and (spaced := _SPACED.fullmatch(text.strip())):
        return ["".join(spaced[0].split()), match[0]]
    return [token for token in _trimmings(match[0]) if _plausible(token) and (marked or len(token) >= 3)]


def _sentence_token(text: str) -> list[str]:
    match = _TOKEN.match(text)
    tokens = _trimmings(match[0], prose=True) if match else []
    return [token for token in tokens if _plausible(token) and token.lower().strip(".,;:!") not in _WORDS]


def _trimmings(token: str, prose: bool = False) -> list[str]:
    """The token, and without the punctuation that may belong to the sentence; in prose the trimmed one is likelier."""
    trimmed = token.rstrip(".,;:)>\"'")
    both = [trimmed, token] if prose or token.endswith((",", ";", ")", '"', "'")) else [token, trimmed]
    return [value for value in dict.fromkeys(both) if value]


def _below(lines: list[str], index: int) -> list[str]:
    """A value alone on one of the next lines, past blank ones and rulers."""
    seen = 0
    for line in lines[index + 1 : index + 7]:
        plain = line.strip()
        if plain == "--":
            return []
        if not plain or _RULER.fullmatch(plain):
            continue
        seen += 1
        if values := _alone(plain):
            return values
        if seen >= (1 if index >= 0 else 4):
            return []
    return []


def _alone(plain: str) -> list[str]:
    if _SPACED.fullmatch(plain):
        return ["".join(plain.split())]
    if (match := _QUOTED.fullmatch(plain)) and _plausible(value := next(filter(None, match.groups())), quoted=True):
        return [value]
    bare = plain.removesuffix("です。").removesuffix("です")
    return [bare] if _TOKEN.fullmatch(bare) and _plausible(bare) and len(bare) >= 3 else []


def _derived(line: str, lines: list[str], date: str) -> list[str]:
    """Passwords that the line describes: the date in digits, the end of a telephone number."""
    values: list[str] = []
    if _DATE.search(line) and (day := _local_day(date)):
        forms = ["%Y%m%d", "%m%d", "%y%m%d"]
        if re.search(r"4\s?桁|MMDD", line):
            forms = ["%m%d", "%Y%m%d", "%y%m%d"]
        values += [day.strftime(form) for form in forms]
    if phone := _PHONE.search(line):
        for number in _numbers(lines):
            values.append(number[-int(phone[1]) :])
    return values


def _numbers(lines: list[str]) -> Iterator[str]:
    for line in lines:
        for match in _NUMBER.finditer(line):
            yield re.sub(r"\D", "", match[1])


def _local_day(date: str) -> datetime | None:
    """The day in Japan, where the senders of such mail are."""
    stamp: datetime | None
    try:
        stamp = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        stamp = _iso(date)
    try:
        return stamp.astimezone(timezone(timedelta(hours=9))) if stamp and stamp.tzinfo else stamp
    except OverflowError:
        return None


def _iso(date: str) -> datetime | None:
    try:
        return datetime.fromisoformat(date)
    except ValueError:
        return None


def _plausible(value: str, quoted: bool = False) -> bool:
    """Whether a string can be a password: not masked, not a ruler; in quotes any script, else ASCII."""
    plain = value.strip()
    if not plain or (len(set(plain)) == 1 and (len(plain) > 1 or not plain.isalnum())):
        return False
    if _RULER.fullmatch(plain) or "://" in plain:
        return False
    return quoted or plain.isascii()


def _mixed(token: str) -> bool:
    """Whether a bare word looks made up: a digit, a sign inside, or capitals within."""
    inner = token[1:].rstrip(".,;:!?")
    return any(char.isdigit() for char in token) or any(
        char.isupper() or not char.isalnum() for char in inner if char != "-"
    )
