"""Passwords: what a text states, and what it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_inspection.passwords import candidates

STATED = [
    ("添付の解凍パスワード：Az3!kq9L", "Az3!kq9L"),
    ("パスワードは『Mn-2210』となります。", "Mn-2210"),
    ("ファイルのパスワードは以下のとおりです。\n\n　　Sapporo#7\n\n以上", "Sapporo#7"),
    ("ＰＷ：ｚＡ９", "zA9"),
    ("解凍PW=qq11ww22", "qq11ww22"),
    ("【パスワード】\n======\nLm4$Rt\n======", "Lm4$Rt"),
    ("開封パスワード（半角）→ uMi#88", "uMi#88"),
    ("パスワードは「KAI」＋「0401」です", "KAI0401"),
    ("パスワードは下記です。\nx y z 1 2 3", "xyz123"),
    ("以下の文字列を入力してください。\nT0kyo-99", "T0kyo-99"),
    ("The password is Green.Tea7.", "Green.Tea7"),
    ("Password for the archive: fuji&san", "fuji&san"),
    ("Open it with the password aki2026x please", "aki2026x"),
    ("passcode:\n\n  9f-Kz", "9f-Kz"),
    ("パスワードは代表電話の下4桁です。\nTEL 00-0000-1357", "1357"),
    ("パスワードは本日の日付8桁です。", "20260402"),
    ("パスワードは送信日（MMDD）です。", "0402"),
]
NOT_STATED = [
    "パスワードは別便でお送りします。",
    "パスワード：後送",
    "パスワードの変更をお願いします。",
    "パスワード付きファイルは受け取れません。",
    "The password will follow separately.",
    "パスワード：●●●●",
    "添付をご確認ください。\nよろしくお願いします。",
    "解凍パスワード：\n\n-- \nexample",
]


@pytest.mark.parametrize(("text", "expected"), STATED)
def test_stated(text: str, expected: str) -> None:
    """B37: the stated password is among the first five candidates."""
    assert expected in candidates([text], "", "Thu, 02 Apr 2026 09:00:00 +0900", 20)[:5]


@pytest.mark.parametrize("text", NOT_STATED)
def test_not_stated(text: str) -> None:
    """Where no password is stated nothing is tried."""
    assert candidates([text], "件名", "", 20) == []


def test_the_own_text_goes_before_the_quoted() -> None:
    """A password in a quoted older mail comes after the new one."""
    assert candidates(["> パスワード：Old123\nパスワード：New456"], "", "", 20) == ["New456", "Old123"]


def test_the_subject_announces() -> None:
    """A text that is the password alone counts when the subject announces it."""
    assert "k8#Bb" in candidates(["お世話になっております。\n\nk8#Bb"], "パスワード通知", "", 20)
    assert candidates(["お世話になっております。\n\nk8#Bb"], "資料送付", "", 20) == []


def test_both_widths() -> None:
    """A value in full width is tried folded first, then as typed."""
    assert candidates(["パスワード：ｐａ＃１"], "", "", 20) == ["pa#1", "ｐａ＃１"]


@given(st.text(max_size=300), st.text(max_size=40), st.text(max_size=40))
def test_never_raises_and_is_bounded(text: str, subject: str, date: str) -> None:
    """Any texts give at most the limit, without repeats."""
    found = candidates([text, "パスワード：" + text], subject, date, 7)
    assert len(found) <= 7
    assert len(set(found)) == len(found)
