"""The form in which lures are compared: equal forms are the same lure, whatever was done to spelling and ornament.

There is no edit distance and no search inside: 延長 and 延期 differ by one character, and a warning quotes what it
warns of. The form is for comparing, not for showing.
"""

from __future__ import annotations

import re
import unicodedata

from sekisho_core.decorations import bare
from sekisho_core.folding import (
    COLONS,
    DASHES,
    KANA_FORMS,
    KANJI_FORMS,
    LATIN_FORMS,
    LEGAL_FORMS,
    LOOK_ALIKES,
    NUMERAL,
    OKURIGANA,
    PARTICLES,
    SPELLINGS,
    numeral,
)

MASK = "●●"
"""How a mask of a published indicator stands in the normal form; a lone ● is an ornament."""

# No title is longer; what follows keeps a text from being equal to one that is shorter.
_MOST = 2000
_UNSEEN = re.compile(
    "[\\s\\x00-\\x1f\\x7f-\\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_BEFORE_NFKC = str.maketrans(
    {"゛": "\u3099", "゜": "\u309a", "…": "", "廿": "二十", "曰": "日"}
    | {"㈱": "株式会社", "㈲": "有限会社", "㍿": "株式会社"}
)
_SPACE_IN_JAPANESE = re.compile("(?<=[^\\x00-\\x7f]) (?=[^\\x00-\\x7f])")
_TITLE_FORMS = str.maketrans(KANJI_FORMS | LATIN_FORMS | dict.fromkeys(DASHES, "-") | dict.fromkeys(COLONS, ":"))
_LEGAL = re.compile(f"[(【〔]({'|'.join(LEGAL_FORMS)})[)】〕]")
_KATAKANA = "ァ-ヺー"
_FOR_LONG_MARK = re.compile(f"(?<=[{_KATAKANA}])[-ー一]+")
_FOR_O = re.compile(f"才(?=[{_KATAKANA}])|(?<=[{_KATAKANA}])才")
_NOT_TITLE = re.compile(r"[^\w●ー]+|_+|(?<!●)●(?!●)")
_REPEATED = re.compile(r"(.)([々ゝヽ]+)")
_TO_HIRAGANA = str.maketrans({chr(code): chr(code - 0x60) for code in range(0x30A1, 0x30F7)})
_KANA = str.maketrans(KANA_FORMS)
_STRAY_LONG_MARK = re.compile("(?<![ぁ-ゖー])ー+|(?<=ー)ー+")
_HONORIFIC = re.compile("[御ごお]+(?=[㐀-䶿一-鿿豈-﫿])")
_SPELLING = re.compile("|".join(sorted(map(re.escape, SPELLINGS), key=len, reverse=True)))
_KANJI = "㐀-䶿一-鿿豈-﫿"
_OKURIGANA = re.compile(f"(?<=[{_KANJI}])(?<![第〇一二三四五六七八九十百]){OKURIGANA}(?=[^ぁ-ゖー]|[{PARTICLES}]|$)")
# サーバー and サーバ: a long mark at the end of a word of three sounds or more.
_LAST_LONG_MARK = re.compile(f"(?<=[ぁ-ゖー]{{3}})ー(?=[^ぁ-ゖー]|[{PARTICLES}]|$)")
_LONG_MASK = re.compile("●{3,}")
_LOOK_ALIKE = str.maketrans(LOOK_ALIKES)


def normalise_subject(text: str) -> str:
    """The comparison form of a subject or a lure: letters and digits only; "" when it says nothing.

    Takes any string and raises nothing; its own result is its fixed point. Time is linear in the length.
    """
    return _spelled(bare(_folded(_UNSEEN.sub("", text)[:_MOST])))


def normalise_name(text: str) -> str:
    """The comparison form of a file name or a display name: one form for each character, without what cannot be seen,
    spaces, and the dots at the end that file systems drop. Nothing else is taken off: the punctuation tells names
    apart."""
    return _folded(text).rstrip(".")


def visible_text(text: str) -> str:
    """`text` for a search inside: one form for each character, without what cannot be seen; of spaces one stays for
    each run, and none between Japanese characters."""
    return _SPACE_IN_JAPANESE.sub("", " ".join(filter(None, map(_folded, text.split()))))


def lure_pattern(canonical: str) -> str | None:
    """A regular expression (Python, RE2 and Hyperscan alike; for a full match of the normal form) of a canonical lure
    with masks. None where there is none to use: no mask, or nothing besides masks."""
    pieces = _pieces(canonical)
    return ".+".join(map(re.escape, pieces)) if len(pieces) > 1 and any(pieces) else None


def same_lure(canonical: str, variant: str) -> bool:
    """Whether `variant` is the lure that an indicator states as `canonical`; a run of ● there stands for any non-empty
    text."""
    form = normalise_subject(variant)
    pieces = _pieces(canonical)
    if len(pieces) == 1 or not any(pieces):
        return form != "" and form == normalise_subject(canonical)
    return _fits(form, pieces)


def _pieces(canonical: str) -> list[str]:
    return normalise_subject(re.sub("●+", MASK, canonical)).split(MASK)


def _fits(form: str, pieces: list[str]) -> bool:
    """Whether `form` is the pieces in order with something between each two; linear, leftmost first."""
    first, *middle, last = pieces
    end = len(form) - len(last)
    if not form.startswith(first) or not form.endswith(last):
        return False
    position = len(first)
    for piece in middle:
        found = form.find(piece, position + 1, end)
        if found < 0:
            return False
        position = found + len(piece)
    return position < end


def _folded(text: str) -> str:
    """Without what cannot be seen, one form for each character; brackets, colons and katakana still there."""
    text = _UNSEEN.sub("", text).translate(_BEFORE_NFKC)
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _UNSEEN.sub("", text).translate(_TITLE_FORMS)
    return _LEGAL.sub(lambda found: LEGAL_FORMS[found.group(1)], text)


def _spelled(text: str) -> str:
    """Letters and digits in one spelling."""
    # What is dropped may join what was apart; each round shortens or settles.
    while (plain := _spelled_once(text)) != text:
        text = plain
    return text


def _spelled_once(text: str) -> str:
    text = _NOT_TITLE.sub("", _FOR_O.sub("オ", _FOR_LONG_MARK.sub("ー", text)))
    text = _REPEATED.sub(lambda found: found[1] * (1 + len(found[2])), text)
    text = NUMERAL.sub(numeral, text).translate(_TO_HIRAGANA).translate(_KANA)
    text = _STRAY_LONG_MARK.sub("", text)
    text = _settled(text.translate(_LOOK_ALIKE))
    return _LONG_MASK.sub(MASK, text)


def _settled(text: str) -> str:
    # What one replacement leaves behind may be another's turn; each shortens or settles, so two rounds are the rule.
    while True:
        plain = _HONORIFIC.sub("", _SPELLING.sub(lambda found: SPELLINGS[found.group()], text))
        if plain == text:
            plain = _LAST_LONG_MARK.sub("", _OKURIGANA.sub("", text))
        if plain == text:
            return text
        text = plain
