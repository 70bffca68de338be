"""Forms of passwords: what a mark, or a line alone, gives as a value; a quotation, a word, words, or Japanese."""

from __future__ import annotations

import re
from itertools import islice

from sekisho_inspection.password_labels import (
    ELSEWHERE,
    MOST_QUOTES,
    has_label,
    is_made_up,
    is_plausible,
    is_word,
)
from sekisho_inspection.password_spelling import as_noted, spelt
from sekisho_inspection.password_words import TAIL, glued, is_remark, is_told, native, phrase

TOKEN = re.compile(r"[!-~]{1,64}")
_OPENING, _CLOSING = "「『【“\"‘'«《`〝〔", "」』】”\"’'»》`〟〕"
QUOTED = re.compile(
    "|".join(rf"{a}([^{a}{b}\n]{{1,64}}){b}" for a, b in zip(_OPENING, _CLOSING, strict=True))
    + r"|<([!-;=?-~]{1,64})>|\[([!-Z\\^-~]{1,64})\]"
)
JOINT = re.compile(
    r"[」』】”\"](?:\s*(?:\+|と|の後に|の(?:あと|次)に|に続けて|に続き|and"
    r"|followed by)[^「『【“\"\n]{0,20})[「『【“\"]"
)
# What stands between characters is none of them: a comma either parts all of them or is one.
SPACED = re.compile(r"[!-~](?:[\s・]++[!-~]){3,31}|[!-+\--~](?:,\s*+[!-+\--~]){3,31}")


# A word behind a mark with nothing else on its line but a year.
_ALONE = re.compile(r"[A-Za-z]{3,32}(?:\s[0-9]{1,8})?")


def marked_value(text: str) -> list[str]:
    """The value right behind a mark."""
    text = re.sub(r"^\s*(?:it(?:['’]s|\sis)\s|(?:半角|全角|英数字?|小文字|大文字)+で?\s*[:、]?\s+|→\s*)", "", text)
    if quoted := quoted_values(text, leading=True):
        return [form for value in quoted for form in as_noted(value, text)]
    plain = text.strip()
    if SPACED.fullmatch(row := TAIL.sub("", plain)):
        return ["".join(re.split(r"[\s・,]+", row)), row]
    if words := spelt(plain.partition("。")[0].removesuffix("です")):
        return words
    match = token_at(text.lstrip())
    if not match:
        return native(plain)
    # The word itself, alone behind the mark, is the simplest password of all.
    if plain.lower() in ("password", "pass"):
        return [plain]
    word = is_word(match[0], alone=_ALONE.fullmatch(plain) is not None)
    if word and not ELSEWHERE.search(text):
        return phrase(plain, long=True)
    if word or not is_plausible(match[0]) or (match[0].startswith("(") and ELSEWHERE.search(text)):
        return []
    if ELSEWHERE.search(text) and not is_made_up(match[0].strip("()")):
        return []
    if is_told(match[0], text.lstrip()[match.end() :]):
        return []
    return [
        form
        for token in [*glued(match[0], text), *trimmings(match[0]), *phrase(plain)]
        for form in as_noted(token, text)
    ]


def token_at(text: str) -> re.Match[str] | None:
    """The word at the beginning; a bracket that closes behind it begins a note."""
    match = TOKEN.match(text)
    if match and (cut := match[0].find("(")) > 0 and ")" not in match[0]:
        return re.compile(f"[!-~]{{{cut}}}").match(text)
    return match


def quoted_values(text: str, leading: bool) -> list[str]:
    """Contents of quotes; parts that are to be joined are also given joined, first."""
    if leading and not QUOTED.match(text.lstrip()):
        return []
    values = [value for match in islice(QUOTED.finditer(text), MOST_QUOTES) if (value := _content(match, leading))]
    joined = ["".join(values)] if len(values) > 1 and JOINT.search(text) else []
    plain = [value for value in joined + values if not ELSEWHERE.search(value)]
    return plain[:1] if leading and not joined else plain


def _content(match: re.Match[str], marked: bool) -> str:
    """The content of quotes that can be a password; "" else. Square and pointed brackets also hold remarks. A value may
    have a label in it (日本語パス) where a mark stands before it; else the quotes name what is spoken of."""
    value = str(next(filter(None, match.groups())))
    remark = match[0][0] in "[<【〔" and (is_word(value) if value.isascii() else is_remark(value))
    label = has_label(value) and not value.isascii() and not (marked and native(value))
    return value if is_plausible(value, quoted=True) and not remark and not label else ""


def trimmings(token: str, prose: bool = False) -> list[str]:
    """The token, and without the punctuation that may belong to the sentence; in prose the trimmed one is likelier."""
    if re.fullmatch(r"\([^()]+\)", token):
        return [token[1:-1], token]
    bare = token.partition("(")[0] if token.endswith("(") or re.search(r".\([^()]+\)$", token) else token
    trimmed = bare.rstrip(".,;:)>\"'*|/").lstrip("\"'*")
    trimmed = trimmed.rstrip("]") if "[" not in trimmed else trimmed
    if prose or bare != token or token.endswith((",", ";", ")", '"', "'", "*")):
        both = [trimmed, token]
    else:
        both = [token, trimmed]
    return [value for value in dict.fromkeys(both) if value and value != f"{bare}("]
