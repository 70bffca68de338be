"""The form in which lures are compared: equal forms are the same lure, whatever was done to spelling and ornament.

There is no edit distance and no search inside: 延長 and 延期 differ by one character, and a warning quotes what it
warns of. The form is for comparing, not for showing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from sekisho_core.decorations import is_warning, peelings
from sekisho_core.folding import (
    ADJECTIVES,
    CAPITALS,
    COLONS,
    DASHES,
    FORMAL,
    FULL_WIDTH,
    KANA_TABLE,
    LATIN_FORMS,
    LEGAL_FORMS,
    LONG_MARK,
    LOOK_ALIKES,
    NUMERAL,
    OKURIGANA,
    OKURIGANA_E,
    ONE,
    ONLY_ONE,
    PARTICLES,
    ROMAN,
    SIGNS,
    SPELLING,
    SPELLINGS,
    TWO_OR_EIGHT,
    numeral,
    parting,
    repeated,
    roman,
)
from sekisho_core.kanji import RADICALS, SIMPLIFIED, VARIANTS
from sekisho_core.steps import Edit, Fold, Kind, Plain, Rewrite, Step

MASK = "●●"
"""How a mask of a published indicator stands in the normal form; a lone ● is an ornament."""

# No title is longer; the rest is not compared.
_MOST = 2000
# Runs of characters that nobody sees: controls, joiners, direction and tag characters, variation selectors.
_INVISIBLE = [
    "\x00-\x08", "\x0e-\x1f", "\x7f-\x84", "\x86-\x9f", "\u00ad", "\u034f", "\u061c", "\u115f-\u1160",
    "\u17b4-\u17b5", "\u180b-\u180f", "\u200b-\u200f", "\u202a-\u202e", "\u2060-\u206f", "\u2800", "\u3164",
    "\ufe00-\ufe0f", "\ufeff", "\uffa0", "\ufff0-\ufffb", "\U0001bca0-\U0001bca3", "\U0001d173-\U0001d17a",
    "\U000e0000-\U000e0fff",
]  # fmt: skip
# Marks over and under letters; those of kana (U+3099, U+309A) are none of them.
_MARKS = [
    "\u0300-\u036f", "\u0483-\u0489", "\u0591-\u05c7", "\u0610-\u061a", "\u064b-\u065f", "\u1ab0-\u1aff",
    "\u1dc0-\u1dff", "\u20d0-\u20ff", "\ufe20-\ufe2f",
]  # fmt: skip
_MARK = re.compile(f"[{''.join(_MARKS)}]+")
_KATAKANA = "ァ-ヺー"
_KANJI = "㐀-䶿一-鿿豈-﫿"
_NUMBER = "0-9〇一二三四五六七八九十百千"
# What warnings of mails say, and titles about the same dangers do not.
_WARNINGS = """
注意喚起 不審メール 不審なメール 不審電子メール 不審な電子メール なりすましメール 偽メール 偽装メール 詐欺メール
攻撃メール 標的型メール フィッシングメール 迷惑メール ウイルスメール マルウェア情報 メールに注意 メール注意
"""
# Marks of kana that NFKC joins to what stands before them.
_VOICED = "\u3099\u309aﾞﾟ゛゜"


def _unseen_kind(char: str) -> Kind:
    return "space" if char.isspace() else "invisible"


def _long_kind(char: str) -> Kind:
    return "long-mark" if char in "ーｰ" else "look-alike" if char == "一" else "dash"


class _Compatibility:
    """NFKC without marks over and under characters other than the voiced ones of kana."""

    # NFKC leaves the most of every text alone: only the other characters are given to it. It puts none of them together
    # with what stands before them, but for the voiced marks.
    _OTHERS = re.compile("[^\x00-\x7fぁ-ゖァ-ヺー一-鿿、-〕・]+")

    def plain(self, text: str) -> str:
        if text.isascii():
            return text
        if any(mark in text for mark in _VOICED):
            return self._whole(text)
        return self._OTHERS.sub(lambda found: self._whole(found[0]), text)

    def edits(self, text: str) -> Iterator[Edit]:
        whole, start = self.plain(text), 0
        pieces = list(_clusters(text))
        # Letters of some scripts are put together over several characters: then the text is one piece.
        if "".join(map(self.plain, pieces)) != whole:
            pieces = [text]
        for piece in pieces:
            if (new := self.plain(piece)) != piece:
                yield Edit(start, start + len(piece), new, _compatibility_kind(piece, new))
            start += len(piece)

    def _whole(self, text: str) -> str:
        return unicodedata.normalize("NFKC", _MARK.sub("", unicodedata.normalize("NFKD", text)))


def _clusters(text: str) -> Iterator[str]:
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or not (unicodedata.category(text[place])[0] == "M" or text[place] in "ﾞﾟ"):
            yield text[start:place]
            start = place


def _compatibility_kind(piece: str, new: str) -> Kind:
    composed = len(piece) > 1 and unicodedata.normalize("NFC", piece) == new
    if composed or _MARK.search(unicodedata.normalize("NFD", piece)):
        return "mark"
    tags = unicodedata.decomposition(piece[0])
    wide = tags.startswith(("<wide>", "<narrow>")) or piece[-1] in "ﾞﾟ"
    return "width" if wide else "radical" if "⺀" <= piece[0] <= "⿕" else "compatibility"


class _Case:
    """Unicode's casefold: of a capital its small letters."""

    def plain(self, text: str) -> str:
        return text.casefold()

    def edits(self, text: str) -> Iterator[Edit]:
        for place, char in enumerate(text):
            if (new := char.casefold()) != char:
                yield Edit(place, place + 1, new, "case")


INVISIBLE = "".join(_INVISIBLE)
"""What nobody sees, for a class of a regular expression."""

_UNSEEN = Rewrite(_unseen_kind, f"[\\s{INVISIBLE}]+")
_NOTHING = {chr(code): "" for run in _INVISIBLE for code in range(ord(run[0]), ord(run[-1]) + 1)}
_CONTROLS = {ord(char): "" for char in _NOTHING if char.isascii()}
_SIGN_TABLES: dict[Kind, dict[str, str]] = {
    "mark": {"゛": "\u3099", "゜": "\u309a", "°": "\u309a"},
    "punctuation": {"…": "", "︰": ":"},
    "itaiji": {"廿": "二十", "卅": "三十", "曰": "日"},
    "legal-form": {"㈱": "株式会社", "㈲": "有限会社", "㍿": "株式会社"},
    "width": FULL_WIDTH,
    # NFKC makes eighteen characters of one of these.
    "compatibility": SIGNS | {"ﷺ": "", "ﷻ": ""},
    "look-alike": CAPITALS,
}
_FORMS = Fold(
    {
        "itaiji": VARIANTS,
        "simplified": SIMPLIFIED,
        "radical": RADICALS,
        "look-alike": LATIN_FORMS,
        "dash": dict.fromkeys(DASHES.replace("-", ""), "-"),
        "punctuation": dict.fromkeys(COLONS, ":"),
    }
)
_LEGAL = Rewrite("legal-form", f"[(【〔]({'|'.join(LEGAL_FORMS)})[)】〕]", lambda found: LEGAL_FORMS[found[1]])
_FOLDING: tuple[Step, ...] = (Fold(_SIGN_TABLES), _Compatibility(), _Case(), _UNSEEN, _FORMS, _LEGAL)

# Patterns begin with the characters that change and look back behind them: that is searched three times as fast.
_FOR_KATAKANA = dict(zip("二八千力口囗夕工卜又厶匕丿才", "ニハチカロロタエトヌムヒノオ", strict=True))
_FOR_KANJI = {"ニ": "二", "ハ": "八", "チ": "千"}
_TO_LONG_MARK = Rewrite(_long_kind, f"[-一](?<=[{_KATAKANA}].)(?!(?<=一)(?:{ONE})|[覧般])", "ー")
_TO_KATAKANA = Rewrite(
    "look-alike",
    f"[力口囗夕工卜又厶匕丿才](?:(?=[-ー一]?[ァ-ヺ])|(?<=[{_KATAKANA}].))",
    lambda found: _FOR_KATAKANA[found[0]],
)
_IN_KATAKANA: tuple[Step, ...] = (
    Rewrite(
        "look-alike",
        f"[二八千](?=[-ー一]?[ァ-ヺ])(?<![第{_NUMBER}].)(?![カヵケヶ][国月所年]|ヶ[{_KANJI}])",
        lambda found: _FOR_KATAKANA[found[0]],
    ),
    _TO_KATAKANA,
    Rewrite(
        "look-alike",
        f"[-ー](?:(?=[覧般])|(?<=第.)|(?<![ぁ-ヺー].)(?:(?={ONLY_ONE})|(?<=ー)(?:(?={ONE})|(?<=[統単均唯].))))",
        "一",
    ),
    Rewrite(
        "look-alike",
        f"[ニハチ](?:(?<=第.)|(?<![ぁ-ヺー].)(?=[月回号人名件度葉]|{TWO_OR_EIGHT})|(?<!..)(?!一)(?=[{_KANJI}]))",
        lambda found: _FOR_KANJI[found[0]],
    ),
    _TO_LONG_MARK,
    # サーバー・室 but not サーバー・システム, which is one word with サーバーシステム.
    Rewrite("long-mark", f"ー(?<=[{_KATAKANA}]{{3}}.)(?=[^\\wー●]++(?![ぁ-ゖァ-ヺ]))"),
)
_LETTERS: tuple[Step, ...] = (
    Rewrite("numeral", f"[○◯](?:(?=[{_NUMBER}])|(?<=[{_NUMBER}].))", "〇"),
    Rewrite("punctuation", "[^\\w●ー]+|_+", parting),
    Rewrite("punctuation", "●(?<!●.)(?!●)"),
    Rewrite("look-alike", "0(?:(?<=[a-z].)(?=[a-z])|(?<![0-9a-z].)(?=[a-z]{2}))", "o"),
    Rewrite("look-alike", "o(?<=[0-9].)(?=[0-9])", "0"),
    Rewrite("look-alike", "1(?<=[a-z].)(?=[a-z])", "l"),
    Rewrite("look-alike", "[il](?<=[0-9].)(?=[0-9])", "1"),
    Rewrite("itaiji", "[々ゝヽ]+", repeated),
    Rewrite("numeral", "[参拾](?:(?<=第.)|(?<=第[参壱弐二三四五六七八九].))", lambda found: FORMAL[found[0]]),
    Rewrite("numeral", NUMERAL, numeral),
    Rewrite("numeral", ROMAN, roman),
)
_ALIKE: tuple[Step, ...] = (Fold({"look-alike": LOOK_ALIKES | {"l": "i"}}),)
_SOUNDS: tuple[Step, ...] = (
    # 霞ヶ関 and 霞が関; what is counted follows below.
    Rewrite("spelling", f"[ヶケ](?<=[{_KANJI}0-9].)(?=[{_KANJI}])(?![月国所年条])(?<![数何].)", "が"),
    Fold({"kana": KANA_TABLE}),
    Rewrite("long-mark", "ー(?<![ぁ-ゖ].)"),
    *_ALIKE,
    Rewrite("spelling", "[け個箇](?<=[0-9数何].)(?=[月国所年条])", "か"),
)
_VOICED_APART = re.compile(f"(?<!\\s)\\s++(?=[{_VOICED}])")
_SEEN: tuple[Step, ...] = (Fold({**_SIGN_TABLES, "invisible": _NOTHING}), _Compatibility())
_SPELT: tuple[Step, ...] = (
    _FORMS,
    _LEGAL,
    Rewrite("space", " (?:(?![!-~])|(?<![!-~] ))"),
    _TO_KATAKANA,
    _TO_LONG_MARK,
    Fold({"kana": KANA_TABLE, "look-alike": LOOK_ALIKES}),
)
_WORDS: tuple[Step, ...] = (
    *(Rewrite("spelling", words, lambda found: SPELLINGS[found[0]]) for words in SPELLING),
    Rewrite("honorific", f"[御ごお]+(?=[{_KANJI}])"),
)
_ENDS: tuple[Step, ...] = (
    Rewrite("okurigana", OKURIGANA_E),
    Rewrite("okurigana", f"{OKURIGANA}(?<=[{_KANJI}].)(?<![{ADJECTIVES}]い)(?=[^ぁ-ゖー]|[{PARTICLES}]|$)"),
    Rewrite("long-mark", LONG_MARK),
)
_MASKS: tuple[Step, ...] = (Rewrite("mask", "●{3,}", MASK),)
STATED_MASKS: tuple[Step, ...] = (Rewrite("mask", "●+", MASK),)
"""Of a lure as an indicator states it: a run of ● of any length is a mask."""


def normalise_subject(text: str) -> str:
    """The comparison form of a subject or a lure: letters and digits, and one sign between numbers; "" for nothing.

    Takes any string and raises nothing; its own result is its fixed point. Time is linear in the length.
    """
    work = Plain(text)
    normalise(work)
    return work.text


def normalise(work: Plain) -> None:
    """Take a subject or a lure through all steps, in this order; see `normalise_subject`."""
    _fold(work)
    for left in peelings(work.text):
        work.keep(*left)
    # What is dropped may join what was apart; each round shortens or settles.
    _until_settled(work, _spell)


def normalise_name(text: str) -> str:
    """The comparison form of a file name or a display name: one form for each character, without what cannot be seen,
    spaces, and the dots at the end that file systems drop. Nothing else is taken off: the punctuation tells names
    apart."""
    return visible_text(text).replace(" ", "").replace("l", "i").rstrip(".")


def visible_text(text: str) -> str:
    """`text` as `spelt_text` has it, without regard to case."""
    return spelt_text(text).casefold()


def spelt_text(text: str) -> str:
    """`text` for a search inside: one form for each character and one kind of kana, without what cannot be seen; of
    spaces and line ends one stays for each run between Latin characters, and none beside others. 4 kB take about a
    tenth of a millisecond."""
    if text.isascii():
        return " ".join(text.translate(_CONTROLS).split())
    if any(mark in text for mark in _VOICED):
        text = _VOICED_APART.sub("", text)
    for step in _SEEN:
        text = step.plain(text)
    text = " ".join(text.split())
    for step in _SPELT:
        text = step.plain(text)
    return text


def lure_pattern(canonical: str) -> str | None:
    """A regular expression (Python, RE2 and Hyperscan alike; for a full match of the normal form) of a canonical lure
    with masks. None where there is none to use: no mask, or nothing besides masks."""
    pieces = _pieces(canonical)
    return ".+".join(map(re.escape, pieces)) if len(pieces) > 1 and any(pieces) else None


def same_lure(canonical: str, variant: str) -> bool:
    """Whether `variant` is the lure that an indicator states as `canonical`; a run of ● there stands for any non-empty
    text, but for a warning of the lure."""
    form = normalise_subject(variant)
    pieces = _pieces(canonical)
    if len(pieces) == 1 or not any(pieces):
        return form != "" and form == normalise_subject(canonical)
    return fitted(form, pieces) is not None and (not _warns(variant, form) or _warns(canonical, MASK.join(pieces)))


def fitted(form: str, pieces: list[str]) -> list[int] | None:
    """Where each of the pieces begins in `form`, with something between each two; None where they do not fit. Linear,
    leftmost first."""
    first, *middle, last = pieces
    end = len(form) - len(last)
    if not form.startswith(first) or not form.endswith(last):
        return None
    places, position = [0], len(first)
    for piece in middle:
        found = form.find(piece, position + 1, end)
        if found < 0:
            return None
        places.append(found)
        position = found + len(piece)
    return [*places, end] if position < end else None


def _warns(text: str, form: str) -> bool:
    """Whether a subject with this normal form warns of a mail."""
    if _WARNING.search(form):
        return True
    work = Plain(text)
    _fold(work)
    return is_warning(work.text)


def _pieces(canonical: str) -> list[str]:
    work = Plain(canonical)
    work.run(STATED_MASKS)
    normalise(work)
    return work.text.split(MASK)


def _fold(work: Plain) -> None:
    """One form for each character."""
    work.run((_UNSEEN,))
    work.keep(0, _MOST, "beyond")
    work.run(_FOLDING)


def _spell(work: Plain) -> None:
    """Letters and digits in one spelling."""
    if work.text.isascii():
        # All other steps begin with a character that is none of ASCII.
        work.run(_LETTERS)
        work.run(_ALIKE)
        return
    work.run(_IN_KATAKANA)
    work.run(_LETTERS)
    work.run(_SOUNDS)
    _until_settled(work, lambda words: words.run(_WORDS))
    work.run(_ENDS)
    work.run(_MASKS)


def _until_settled(work: Plain, once: Callable[[Plain], None]) -> None:
    while True:
        before = work.text
        once(work)
        if work.text == before:
            return


# Below what spells it.
_WARNING = re.compile("|".join(map(normalise_subject, _WARNINGS.split())))
