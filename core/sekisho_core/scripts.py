"""Words that mix scripts as nobody writes them: letters that only look like those around them (after UTS 39 section 5).

Japanese mixes kanji, kana and Latin letters as a matter of course; that is none of it.
"""

from __future__ import annotations

import re

from sekisho_core.normalise import INVISIBLE

_LATIN = "A-Za-zÀ-ÖØ-öø-ɏ"
# Whole scripts, and of Greek the letters that pass for Latin ones: μ, Ω and their like are units and symbols.
_FOREIGN = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧικνορτυχЀ-ԯԱ-ևᎠ-ᏽꓐ-ꓷⲀ-ⳣ"
_KATAKANA = "ァ-ヺー"
_KANJI = "㐀-䶿一-鿿"
# Counters of countries, months and places, 口コミ, and 力アップ are words.
_NO_WORD = "(?!.[カヵケヶ][国月所年])(?!口コミ)(?!力アップ)"
_MIXES = re.compile(
    f"[{_LATIN}][{_FOREIGN}]|[{_FOREIGN}][{_LATIN}]"
    f"|[{_KATAKANA}]{_NO_WORD}[力口囗夕工卜匕厶二八千一][{_KATAKANA}]"
    f"|[二八千力口夕工卜][ァィゥェォャュョー]|[{_KATAKANA}]卜"
    f"|(?<![{_KANJI}ぁ-ヺー])(?!口コミ)[力口夕工卜][{_KATAKANA}]{{2}}"
    f"|[{_KANJI}](?<![一二三四五六七八九十百千数何])[カエロタト][{_KANJI}](?<![国月所年条町村寺丘原])"
)
_WORD = re.compile(r"\w*")
_UNSEEN = re.compile(f"[{INVISIBLE}]+")
# A name is a line; what is longer was looked at far enough.
_MOST = 2000


def mixed_word(text: str) -> str:
    """The first word of `text` in which scripts stand together that do not belong together, or which has kanji in the
    place of kana or kana in that of kanji; "" for none."""
    if text.isascii():
        return ""
    seen = _UNSEEN.sub("", text[:_MOST])
    found = _MIXES.search(seen)
    if found is None:
        return ""
    before = _WORD.match(seen[: found.start()][::-1])
    after = _WORD.match(seen, found.end())
    assert before is not None
    assert after is not None
    return before[0][::-1] + found[0] + after[0]
