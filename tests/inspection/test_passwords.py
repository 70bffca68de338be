"""Passwords: what a text states, and what it does not.

`password-cases.json` lists mails and the passwords that they state, in the reading of their `body_type`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_inspection import password_labels
from sekisho_inspection.html import read_page
from sekisho_inspection.passwords import candidates

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "password-cases.json").read_text(encoding="utf-8"))
DATE = "Thu, 02 Apr 2026 09:00:00 +0900"


def read_case(case: dict[str, Any]) -> list[str]:
    """The candidates of a case."""
    body = read_page(case["body"]).text if case.get("body_type") == "html" else case["body"]
    names = [case["attachment"]] if "attachment" in case else []
    return candidates([body], case.get("subject", ""), case.get("date", DATE), 20, case.get("from", ""), names)


@pytest.mark.parametrize("case", [case for case in CASES if case["expected"]], ids=lambda case: case["why"])
def test_stated(case: dict[str, Any]) -> None:
    """B37: the stated passwords are among the first five candidates."""
    assert set(case["expected"]) <= set(read_case(case)[:5])


@pytest.mark.parametrize("case", [case for case in CASES if not case["expected"]], ids=lambda case: case["body"][:40])
def test_not_stated(case: dict[str, Any]) -> None:
    """Where no password is stated nothing is tried."""
    assert read_case(case) == []


def test_the_cases_are_many_and_differ() -> None:
    """No case stands there twice, and both kinds are many."""
    assert len({(case["body"], case.get("subject"), case.get("attachment")) for case in CASES}) == len(CASES) >= 700
    assert sum(not case["expected"] for case in CASES) >= 220


def test_a_plus_within_a_value() -> None:
    """A plus sign between letters is likelier typed; with room around it, or beside a description, it puts parts
    together."""
    assert candidates(["[パスワード] Hozu+gawa/7"], "", DATE, 20)[0] == "Hozu+gawa/7"
    assert candidates(["パスワードは Hozu + 77 です。"], "", DATE, 20)[0] == "Hozu77"
    assert candidates(["パスワードは送信日(mmdd)+hozu です。"], "", DATE, 20)[0] == "0402hozu"


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
    assert candidates(["パスワードは下記です。\nｐａ＃１"], "", "", 20) == ["pa#1", "ｐａ＃１"]
    assert candidates(["パスワード：「ｻｸﾗ桜ﾊﾟ」"], "", "", 20) == ["サクラ桜パ", "ｻｸﾗ桜ﾊﾟ"]


def test_a_value_may_hold_a_label() -> None:
    """B31: what stands in quotes right behind a mark is the value even where a label is in it; a remark is none."""
    assert candidates(["パスワード：「日本語パス」"], "", "", 20) == ["日本語パス"]
    assert candidates(["パスワード：「パスワードは別送」"], "", "", 20) == []


def test_punctuation_behind_a_value_is_tried_with_and_without() -> None:
    """A full stop may end the sentence or be the password's."""
    assert candidates(["Password: Abc1."], "", "", 20) == ["Abc1.", "Abc1"]
    assert candidates(["The password is Abc1."], "", "", 20) == ["Abc1", "Abc1."]


def test_values_of_all_texts_are_ranked() -> None:
    """Of several texts the earlier goes first, and names of files come after what the texts say."""
    found = candidates(["パスワード：one-1", "パスワード：two-2"], "", "", 20, "", ["x_pw(three-3).zip"])
    assert found == ["one-1", "two-2", "three-3"]


@pytest.mark.parametrize(
    "date", ["", "soon", "Thu, 99 Apr 2026", "Mon, 01 Jan 0001 00:00:00 +2359", "9999-12-31T23:59:59Z"]
)
def test_a_date_that_is_none(date: str) -> None:
    """A Date header that is no date, or at the calendar's end, makes no password and no error."""
    assert all(value.isalnum() for value in candidates(["パスワードは明日の日付8桁です。"], "", date, 20))


HOSTILE = {
    "labels": "パスワード：abc#\n" * 60_000,
    "one line of labels": "パスワード：" * 100_000,
    "brackets": "パスワード" + "(" * 500_000,
    "quotes": "パスワードは" + "「" * 300_000,
    "spaces": "パスワード" + " " * 1_000_000 + "x",
    "sums": "パスワードは" + "+本日の日付" * 100_000,
    "halves": "前半：a\n後半：b\n" * 60_000 + "パスワード",
    "telephones": "パスワードは電話の下4桁です\n" * 300 + "電話 03-1234-5678 " * 30_000,
    "nouns": "パスワードは受付番号です\n受付番号 " * 50_000,
    "days": "パスワードは開催日8桁です\n開催日 2026/1/1 " * 40_000,
    "rows": "パスワードは下記です\n" + "a.zip:b1\n" * 100_000,
    "names of letters": "パスワードは" + "エー、" * 300_000,
    "words to enter": "open enter " * 100_000,
    "commas between letters": ("パスワードは下記です\n" + "," * 190 + "終\n") * 3000,
    "remarks": ("パスワードは下記です\n" + "※" * 100 + "x" * 90 + "\n") * 3000,
    "particles": ("パスワードは" + "には" * 300 + "終\n") * 500,
    "quotations": ("パスワードは" + "は「a」と" * 300 + "\n") * 200,
    "blanks in a row": ("パスワードは下記です\na" + " " * 60 + "b" * 130 + "\n") * 3000,
    "lines that quote": "> " * 500_000,
    "wrote": "on " * 300_000 + "wrote:",
    "room in brackets": "パスワード" + "[ " * 500_000,
    "ornaments": ("パスワード" + "★" * 60 + "a" * 90 + "\n") * 3000,
    "arrows": ("パスワード:\n" + ">" * 90 + "a" * 90 + "\n") * 3000,
    "quotations to enter": 'open type "' * 90_000,
    "purposes": "解凍するための" * 140_000,
    "doubled brackets": ("パスワード" + "((" * 40 + "a" * 90 + "\n") * 3000,
    "a row of values": ("パスワード：a1" + "、a1" * 600 + "\n") * 400,
    "mails before": ("別途送" * 60 + "パスワードです\n") * 2000,
    "how it is typed": ("パスワードは下記です\n" + "半角英数8文字" * 8 + "終\n") * 3000,
    "circled": ("パスワード\n" + "①" * 90 + "\n") * 3000,
    "corrections": ("誤ったパスワード\n" + "正：「" * 90 + "\n") * 2000,
    "questions": "> パスワードは?\n" * 60_000,
    "frames": ("パスワード\n│" + " " * 90 + "a│\n") * 2000,
    "verbs before values": ("解凍は" + "a" * 90 + "で開") * 4000,
    "named signs": "パスワード：" + "a(アット)" * 90_000,
    "clauses": ("パスワードを設定" + "して、" * 90 + "\n") * 2000,
    "keys to open": "key needed to " * 70_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_read_in_time(text: str) -> None:
    """Texts of a megabyte that are made to be slow are read to their end."""
    assert len(candidates([text], "パスワード", DATE, 20, "a@example.jp", ["a" * 1000])) <= 20


@given(st.text(max_size=300), st.text(max_size=40), st.text(max_size=40))
def test_never_raises_and_is_bounded(text: str, subject: str, date: str) -> None:
    """Any texts give at most the limit, without repeats."""
    found = candidates([text, "パスワード：" + text, "パスワードは" + text], subject, date, 7, subject, [text])
    assert len(found) <= 7
    assert len(set(found)) == len(found)


_LABEL = re.compile(
    rf"(?P<sure>{password_labels._SURE})|(?P<told>{password_labels._TOLD})|(?P<unsure>{password_labels._UNSURE})", re.I
)
_PIECES = sorted(
    {*re.findall("[ぁ-ヿ一-龥ー]+|[a-z]+", _LABEL.pattern), *" :=.-/aZ", "ZIP", "PIN", " is ", "「", "123", "ſ", "ı"}
)


@given(st.lists(st.sampled_from(_PIECES), max_size=8).map("".join))
def test_what_a_label_begins_with_and_holds(line: str) -> None:
    """A glance at beginnings and characters leaves out no label."""
    found = [(label.start, label.end) for label in password_labels.labels(line, True) if not label.announces]
    assert found == [match.span() for match in _LABEL.finditer(line)]
