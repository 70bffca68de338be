"""Why two subjects are the same lure."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.comparison import LONGEST, Span, compare, traced
from sekisho_core.normalise import normalise_subject, same_lure

PAIRS = json.loads(Path(__file__).with_name("lure-pairs.json").read_text(encoding="utf-8"))
PIECES = sorted({text for pair in PAIRS for text in (pair["canonical"], pair["variant"])})
CHARACTERS = sorted({char for piece in PIECES for char in piece})
SUBJECTS = st.lists(st.sampled_from(PIECES) | st.sampled_from(CHARACTERS), max_size=6).map("".join) | st.text()


def assert_explained(canonical: str, variant: str) -> None:
    """The spans are both texts whole, and say the same as the matcher."""
    found = compare(canonical, variant)
    assert "".join(span.canonical for span in found.spans) == canonical
    assert "".join(span.variant for span in found.spans) == variant
    assert found.same is same_lure(canonical, variant)
    assert found.variant_form == normalise_subject(variant)
    different = any(span.kinds == ("different",) for span in found.spans)
    assert different is not found.same or not (canonical or variant)
    assert all(span.kinds for span in found.spans)
    assert all(span.canonical == span.variant for span in found.spans if span.kinds == ("identical",))


@pytest.mark.parametrize("trait", sorted({pair["why"] for pair in PAIRS}))
def test_pairs(trait: str) -> None:
    """Of each pair, and of each with one character changed, the comparison tells the whole and agrees with the
    matcher."""
    chance = random.Random(trait)
    for pair in (pair for pair in PAIRS if pair["why"] == trait):
        assert_explained(pair["canonical"], pair["variant"])
        place = chance.randrange(len(pair["variant"]))
        assert_explained(
            pair["canonical"], pair["variant"][:place] + chance.choice(CHARACTERS) + pair["variant"][place + 1 :]
        )


@given(SUBJECTS, SUBJECTS)
def test_any_texts(canonical: str, variant: str) -> None:
    """Any two strings are compared whole."""
    assert_explained(canonical, variant)
    assert_explained(variant, variant)


@given(SUBJECTS)
def test_traced(text: str) -> None:
    """The pieces of a subject are the subject, and their normal pieces its normal form."""
    pieces = traced(text)
    assert "".join(piece.text for piece in pieces) == text
    assert "".join(piece.normal for piece in pieces) == normalise_subject(text)
    assert all(piece.kinds for piece in pieces if piece.text != piece.normal)


@pytest.mark.parametrize(
    ("canonical", "variant", "span"),
    [
        ("髙橋様への資料", "Re: 髙橋様への資料", Span("", "Re:", ("prefix",))),
        ("高橋様への資料", "髙橋様への資料", Span("高", "髙", ("itaiji",))),
        ("取材のご依頼", "【再送】取材のご依頼", Span("", "【再送】", ("decoration",))),
        ("取材のご依頼", "取材の御依頼", Span("ご", "御", ("honorific",))),
        ("取材のご依頼", "取材\u200bのご依頼", Span("", "\u200b", ("invisible",))),
        ("取材のご依頼", "取材 のご依頼", Span("", " ", ("space",))),
        ("取材のご依頼", "取材のご依頼.docx", Span("", ".docx", ("ending",))),
        ("●●様への資料", "山田様への資料", Span("●●", "山田", ("mask",))),
        ("第12回研究会", "第十二回研究会", Span("12", "十二", ("numeral",))),
        ("長官への要望", "⻑官への要望", Span("長", "⻑", ("radical",))),
        ("長官への要望", "长官への要望", Span("長", "长", ("simplified",))),
        ("例示株式会社より", "例示㈱より", Span("株式会社", "㈱", ("legal-form",))),
        ("Invoice", "Invоice", Span("o", "о", ("look-alike",))),
        ("invoice", "ｉnvoice", Span("i", "ｉ", ("width",))),
        ("invoice", "inVoice", Span("v", "V", ("case",))),
        ("データ提供", "デ―タ提供", Span("ー", "―", ("dash",))),
        ("申し込み書", "申込書", Span("し", "", ("okurigana",))),
        ("お知らせ一件", "おしらせ一件", Span("知", "し", ("spelling",))),
        ("キャリア相談", "キヤリア相談", Span("ャ", "ヤ", ("kana",))),
        ("神社の調査", "\ufa19社の調査", Span("神", "\ufa19", ("compatibility",))),
        ("吉田市長会見", "𠮷田市長会見", Span("吉", "𠮷", ("itaiji",))),
        ("理工学部見学", "理エ学部見学", Span("工", "エ", ("kana", "look-alike"))),
        ("霞ヶ関庁舎", "霞が関庁舎", Span("ヶ", "が", ("spelling",))),
        ("面会のお礼", "[Fwd: 面会のお礼]", Span("", "Fwd:", ("prefix",))),
        ("海外調査", "海外調査！", Span("", "！", ("punctuation",))),
        ("措置の延長について", "措置の延期について", Span("長", "期", ("different",))),
    ],
)
def test_spans(canonical: str, variant: str, span: Span) -> None:
    """Each kind of difference is a span of its own, with both pieces."""
    assert span in compare(canonical, variant).spans


@pytest.mark.parametrize("unit", ["re:", "㈱", "力ア", "\u200b", "ﷺ", "しらせ", "ハ゛"])
def test_long_texts(unit: str) -> None:
    """Long and hostile texts are explained too; beyond the bound as one span."""
    text = unit * (1_000_000 // len(unit))
    assert_explained(text[: LONGEST - 1], text[:LONGEST])
    assert [span.variant for span in compare("x", text).spans] == [text]
    assert [piece.text for piece in traced(text)] == [text]
