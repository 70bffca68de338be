"""Expressions: strings that Visual Basic and formulas put together."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sekisho_inspection.expressions import folded, plain_code

WORD = st.text("abcdefghijklmnopqrstuvwxyz:/.", min_size=2, max_size=30)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('x = "ab" & "cd"', "abcd"),
        ('x = "ab" + "cd"', "abcd"),
        ('x = Chr(97) & ChrW$(&H62) & "c"', "abc"),
        ('x = StrReverse("dcba")', "abcd"),
        ('x = VBA.Strings.StrReverse("dcba")', "abcd"),
        ('x = Replace("aXbX", "X", "")', "ab"),
        ('x = Join(Array("a", "b"), "-")', "a-b"),
        ('x = Join(Split("a,b", ","), "")', "ab"),
        ('x = Mid("abcdef", 2, 3)', "bcd"),
        ('x = Left("abc", 2) & Right("xyz", 2)', "abyz"),
        ('x = LCase("ABC") & UCase("d")', "abcD"),
        ("x = Array(104, 105, 106, 107)", "hijk"),
        ('x = Chr(100 - 3) & Chr(2 * 49) & Chr(99 Xor 0) & "d"', "abcd"),
        ('x = ("a" & ("b" & ("c")))', "abc"),
        ('a = "x": b = a & "y"', "xy"),
        ('Const a As String = "x"\nb = a & "y"', "xy"),
        ('a = "x"\na = a & "y"\na = a & "z"', "xyz"),
        ('Run "cmd " & Unknown() & "tail" & "2"', "cmd \ntail2"),
        ('x = "say ""hi""" & "."', 'say "hi".'),
        ('x = String(3, "a") & Space(1)', "aaa "),
        ('CHAR(104)&"i"&CONCATENATE("a","b")', "hiab"),
        ('R1C1=FORMULA("=EX"&"EC(1)")', "=EXEC(1)"),
        ('x = CStr(5) & "a"', "5a"),
        ('x = Asc("a") & "b"', "97b"),
    ],
)
def test_strings_are_put_together(code: str, expected: str) -> None:
    """B42, B43: joins, functions of strings and names that hold one come to the string that the program would see."""
    assert expected in folded(plain_code(code))


def test_names_may_be_known_before() -> None:
    """B43: a formula's cells have the values that stand in them."""
    assert folded("A3=A1&A2", {"a1": "ab", "a2": "cd"}) == ["abcd"]


@pytest.mark.parametrize("code", ["x = 1 + 2", 'x = "a"', "If a = b Then", 'x = f("a")', '\'"a" & "b"'])
def test_nothing_is_made_up(code: str) -> None:
    """Plain strings, numbers, calls that nobody knows and comments give no string."""
    assert folded(plain_code(code)) == []


@given(st.lists(WORD, min_size=2, max_size=8), st.lists(st.sampled_from(["&", "+"]), min_size=8, max_size=8))
def test_joins_of_any_words(words: list[str], operators: list[str]) -> None:
    """Joined words come to the whole, over continued lines as well."""
    pieces = "".join(f' {operator} _\r\n"{word}"' for operator, word in zip(operators, words[1:], strict=False))
    assert "".join(words) in folded(plain_code(f'x = "{words[0]}"{pieces}'))


@given(st.text(max_size=300))
@settings(max_examples=200)
def test_any_text_ends(code: str) -> None:
    """Any text is read to its end, twice alike."""
    assert folded(plain_code(code)) == folded(plain_code(code))


@pytest.mark.parametrize(
    "code",
    [
        "(" * 300_000,
        "-" * 300_000,
        "Chr(" * 100_000,
        'x = "aaaaaaaaaa"\n' + "x = x & x\n" * 30_000,
        'x = "aaaa"\n' + 'x = Replace(x, "a", "aaaa")\n' * 10_000,
        'x = Array("a", "b")\n' + "x = Array(x, x)\n" * 10_000,
        '"' * 300_000,
        " _\n" * 100_000,
    ],
    ids=["brackets", "signs", "calls", "doubled", "replaced", "lists", "quotes", "continued"],
)
def test_work_is_bounded(code: str) -> None:
    """Nesting, growth and runs end, and what they give is not much longer than the code."""
    assert sum(map(len, folded(plain_code(code)))) <= 5 * len(code) + 2_000_000
