"""Forms of passwords: what a mark, or a line alone, gives as a value; a quotation, a word, words, or Japanese."""

from __future__ import annotations

import re
from itertools import islice

from sekisho_inspection.password_labels import (
    ELSEWHERE,
    MOST_QUOTES,
    OTHERWISE,
    REMARK,
    TITLED,
    has_label,
    is_made_up,
    is_plausible,
    is_word,
)
from sekisho_inspection.password_spelling import as_noted, spelt

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
_ADDRESS = re.compile(r"@[\w-]{1,60}\.[a-z]", re.I)
# What stands between characters is none of them: a comma either parts all of them or is one.
SPACED = re.compile(r"[!-~](?:[\s・]++[!-~]){3,31}|[!-+\--~](?:,\s*+[!-+\--~]){3,31}")
TAIL = re.compile(
    r"\s*(?:\([^()]{0,80}\)|\[[^\[\]]{0,40}\]|※.{0,80}|←.{0,40}|です。?|となります。?|になります。?"
    r"|でございます。?|。)++$"
)


def marked_value(text: str) -> list[str]:
    """The value right behind a mark."""
    text = re.sub(r"^\s*(?:(?:半角|全角|英数字?|小文字|大文字)+で?\s*[:、]?\s+|→\s*)", "", text)
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
    if is_word(match[0]) and not ELSEWHERE.search(text):
        return phrase(plain, long=True)
    if is_word(match[0]) or not is_plausible(match[0]) or (match[0].startswith("(") and ELSEWHERE.search(text)):
        return []
    if ELSEWHERE.search(text) and not is_made_up(match[0].strip("()")):
        return []
    if re.match(r"\s*(?:文字|桁|けた|ケタ|日|回|個|か月|ヶ月|分|種)", text[text.find(match[0]) + len(match[0]) :]):
        return []
    return [
        form
        for token in [*_glued(match[0], text), *trimmings(match[0]), *phrase(plain)]
        for form in as_noted(token, text)
    ]


def token_at(text: str) -> re.Match[str] | None:
    """The word at the beginning; a bracket that closes behind it begins a note."""
    match = TOKEN.match(text)
    if match and (cut := match[0].find("(")) > 0 and ")" not in match[0]:
        return re.compile(f"[!-~]{{{cut}}}").match(text)
    return match


def _glued(token: str, text: str) -> list[str]:
    """A value in both scripts (taro太郎2024)."""
    rest = text.lstrip()[len(token) :]
    native = re.match(r"[ぁ-んァ-ヶー一-龥]{1,12}[0-9!-/]{0,8}$", rest.strip())
    return (
        [token + native[0]]
        if native
        and token.isalnum()
        and rest[:1] != " "
        and not re.search(r"です|ます|まで|より|から|を|で$|と$", rest)
        else []
    )


def phrase(plain: str, long: bool = False) -> list[str]:
    """Several words that are one password; where it begins as a sentence would, a `long` one or one with digits."""
    words = plain.split()
    odd = _ADDRESS.search(plain) or re.search(r"[(:;]|\.$", plain)
    if odd or not 2 <= len(words) <= 8 or not plain.isascii() or len(plain) > 64:
        return []
    common = sum(map(is_word, words))
    if long:
        return [plain] if len(words) >= 4 and common <= 1 else []
    return [plain] if common <= len(words) // 2 else []


def native(plain: str) -> list[str]:
    """A value in Japanese without quotes: short, and no promise or remark."""
    bare = re.sub(r"(?:です|となります|になります)?[。]?$", "", TAIL.sub("", plain))
    if not 2 <= len(bare) <= 20 or re.search(r"[\s。、()「」『』【】:]|^[ー―—–-]", bare):
        return []
    if ELSEWHERE.search(bare) or OTHERWISE.search(bare) or TITLED.search(bare):
        return []
    if REMARK.search(bare):
        return []
    return [bare] if is_plausible(bare, quoted=True) else []


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
    remark = match[0][0] in "[<" and is_word(value)
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
