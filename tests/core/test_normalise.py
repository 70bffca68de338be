"""Lures: which subjects are the same, and the forms that say so."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sekisho_core import folding, kanji
from sekisho_core.normalise import (
    lure_pattern,
    normalise_name,
    normalise_subject,
    same_lure,
    spelt_text,
    visible_text,
)

# A lure as an indicator states it, a subject that arrives, whether it is that lure, and the trait in question; all
# organisations are invented.
PAIRS = json.loads(Path(__file__).with_name("lure-pairs.json").read_text(encoding="utf-8"))
JAPANESE = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            "御ごお案内知"
            "らせ願い年度第二十八力口ー一-―〜オ才セミナ●【】()「」[]:.再送re々ゝ゛゜ｵﾟ申込取扱頂に就いて付 \u200b\u3099"
        ),
        st.characters(),
    )
)


@pytest.mark.parametrize("trait", sorted({pair["why"] for pair in PAIRS}))
def test_same_lure(trait: str) -> None:
    """B23, B24: a lure is known again whatever was done to its spelling, its width or its ornaments; a subject that
    shares words with it, quotes it or goes on after it is another."""
    pairs = [pair for pair in PAIRS if pair["why"] == trait]
    wrong = [pair for pair in pairs if same_lure(pair["canonical"], pair["variant"]) is not pair["should_match"]]
    assert wrong == []


def test_titles_stay_apart() -> None:
    """Folding goes no further than a reader would: no title of the pairs is another's lure unless the pairs say so."""
    told = {frozenset((pair["canonical"], pair["variant"])) for pair in PAIRS if pair["should_match"]}
    titles = sorted({pair["canonical"] for pair in PAIRS if "●" not in pair["canonical"]})
    one = [
        (title, other)
        for title in titles
        for other in titles
        if title != other and frozenset((title, other)) not in told and same_lure(title, other)
    ]
    assert one == []


def test_there_are_pairs() -> None:
    """The pairs are where they are looked for, of both kinds."""
    kinds = [pair["should_match"] for pair in PAIRS]
    assert kinds.count(True) >= 600
    assert kinds.count(False) >= 200


@given(JAPANESE)
@example("二一十")
@example("カ-力々")
def test_form_is_its_own_fixed_point(text: str) -> None:
    """Normalising takes any string, and normalising the result changes nothing."""
    form = normalise_subject(text)
    assert normalise_subject(form) == form
    assert normalise_name(text) is not None


@given(JAPANESE)
def test_form_ignores_compatibility_forms(text: str) -> None:
    """Full-width, half-width and decomposed spellings have the form of the plain one."""
    decomposed = unicodedata.normalize("NFD", text)
    assert normalise_subject(decomposed) == normalise_subject(text)


@given(JAPANESE, st.sampled_from("\u200b\u200d\ufeff\u00ad\u2060\u202e\u3000 \u00a0"))
def test_form_ignores_what_cannot_be_seen(text: str, unseen: str) -> None:
    """Invisible, bidi and space characters between every two characters change nothing."""
    assert normalise_subject(unseen.join(text)) == normalise_subject("".join(text.split(" ")))


@given(st.text(), st.text())
def test_same_lure_takes_anything(canonical: str, variant: str) -> None:
    """Comparing any two strings gives an answer; a lure without letters is like nothing."""
    assert same_lure(canonical, variant) in (True, False)
    assert not same_lure("！？…", variant)


def test_pattern_of_masked_lure() -> None:
    """A masked lure becomes a pattern of its fixed pieces; one without masks, or of masks only, has none."""
    assert lure_pattern("●●様宛の●●●請求書") == ".+様宛の.+請求書"
    assert lure_pattern("対策会議の開催について") is None
    assert lure_pattern("●●●") is None


def test_name_keeps_its_punctuation() -> None:
    """A file name's form has no spaces, invisible characters, width or case; its punctuation and its brackets stay."""
    assert normalise_name("（再送）会議　資料_1-2.ＰＤＦ .exe") == "(再送)会議資料_1-2.pdf.exe"
    assert normalise_name("報\u200b吿書\u202e.pdf. ") == normalise_name("報告書.PDF")
    assert normalise_name("2024-1-11.pdf") != normalise_name("2024-11-1.pdf")


def test_visible_text_keeps_words_apart() -> None:
    """A text for a search keeps the spaces between Latin words, and none between Japanese characters."""
    assert visible_text("Your  Invoice\u3000採\u200b用 の　調査") == "your invoice採用の調査"
    assert visible_text("x" * 5000 + ".EXE").endswith("x.exe")


def test_spelt_text_keeps_case() -> None:
    """A text for an expression has its capitals, also those that only look Latin; lines that were wrapped are one."""
    assert spelt_text("Ｕrgent:\r\n Ｉnvоice\x00") == "Urgent: Invoice"
    assert spelt_text("対北朝\u200b鮮措置の\r\n延⻑セミナ－㈱") == "対北朝鮮措置の延長せみなー株式会社"


def test_tables_do_not_chain() -> None:
    """No character stands both as one that is kept and as one that is replaced."""
    table = kanji.KANJI_FORMS | folding.LATIN_FORMS | folding.KANA_FORMS
    assert len(kanji.KANJI_FORMS) == len(kanji.VARIANTS) + len(kanji.SIMPLIFIED) + len(kanji.RADICALS)
    assert not {kept for kept in table.values() if kept in table}


def test_spellings_are_as_folded() -> None:
    """Every spelling is written as the folding before it leaves it: no other would ever be found."""
    forms = kanji.KANJI_FORMS | folding.KANA_TABLE | folding.LOOK_ALIKES
    assert [word for word in folding.SPELLINGS if any(char in forms for char in word)] == []


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "(a)",
        "re:",
        "●",
        "\u0301",
        "一",
        "おお御",
        "「",
        "*spam",
        "\u200b",
        "ﷺ",
        ".pdf",
        "ー",
        "○一",
        "ハ゛",
        "しらせ",
        "㌖",
    ],
)
def test_hostile_length(unit: str) -> None:
    """A subject of a megabyte is compared like any other, its form stays short; such a text is spelt whole."""
    text = unit * (1_000_000 // len(unit))
    assert len(normalise_subject(text)) < 50_000
    assert len(spelt_text(text)) <= 6_000_000
