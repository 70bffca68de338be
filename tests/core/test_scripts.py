"""Words of mixed scripts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.normalise import INVISIBLE
from sekisho_core.scripts import mixed_word


@pytest.mark.parametrize(
    "word",
    ["Messаge", "Micrοsoft", "Ιnvoice", "раypal", "ЕхampleCorp", "Ꭱeport", "力タログ", "工ネルギー",
     "オ一プン", "二ュース", "カ夕ログ", "協カ会社", "窓ロ業務", "ロボッ卜", "Inv\u200bоice"],
)  # fmt: skip
def test_mixed(word: str) -> None:
    """B24: a letter of another script in a Latin word, and kanji and kana in each other's place, are told with the
    word."""
    assert mixed_word(f"Re: {word} 送付").endswith(word.replace("\u200b", ""))


@pytest.mark.parametrize(
    "text",
    ["口コミサイトの運営", "グルメ口コミ", "三カ国会議", "アジア八カ国歴訪", "語学力アップ研修",
     "コミュニケーション力アップ", "霞ヶ関", "関ヶ原", "竜ケ崎市", "三ツ星", "山ノ内", "六カ所村", "五カ年計画",
     "10kΩ抵抗 5μg", "β版", "αリノレン酸", "Привет", "Καλημέρα",
     "データ二次利用", "サービス一覧", "TPP交渉 Ver.2", "電力カード", "人口ピラミッド", "加工エリア", "夕食会",
     "第一回", "Café Zürich"],
)  # fmt: skip
def test_ordinary_mixes(text: str) -> None:
    """Japanese writes kanji, kana and Latin letters together, and units and whole words of other scripts are plain."""
    assert mixed_word(text) == ""


@given(st.text())
def test_any_text(text: str) -> None:
    """Any text has an answer, and it is a word that a reader sees in the text."""
    word = mixed_word(text)
    assert word in re.sub(f"[{INVISIBLE}]+", "", text)
    assert not mixed_word(text.encode("ascii", "replace").decode())
