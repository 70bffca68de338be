import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.display import column, defanged, field, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("件名", "件名"),
        ("a\x1b[31mb", "a⟨U+001B⟩[31mb"),
        ("fdp.\u202eexe", "fdp.⟨U+202E⟩exe"),
        ("a\u200bb\r\nc", "a⟨U+200B⟩b⟨U+000D⟩⟨U+000A⟩c"),
        ("\udcff", "⟨U+DCFF⟩"),
    ],
)
def test_what_acts_or_hides_is_shown(text: str, shown: str) -> None:
    """C4: control, bidi and invisible characters appear as marks."""
    assert visible(text) == shown


@given(st.text(), st.integers(1, 50))
def test_visible_is_safe_and_short(text: str, limit: int) -> None:
    """C4: no character that acts is left, whatever the text, and no more than the limit of it is shown."""
    shown = visible(text, limit)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert len(shown) <= limit * 10


@given(st.text(), st.integers(0, 40))
def test_column_has_its_width(text: str, width: int) -> None:
    """A column fills its width; a wide character that would stand across its edge is left out."""
    shown = column(text, width)
    assert sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in shown) == width


def test_defanged() -> None:
    """Nothing makes a link of a defanged URL, host or address."""
    assert defanged("https://www.example.jp/http") == "hxxps://www[.]example[.]jp/http"
    assert defanged("user@example.jp") == "user[@]example[.]jp"


def test_field_quotes_what_is_not_plain() -> None:
    """Plain values stand bare; spaces, quotes and equals signs are quoted."""
    assert field("a-b_c.d:e/f@g") == "a-b_c.d:e/f@g"
    assert field('say "a=b"') == '"say \\"a=b\\""'
    assert field("") == '""'
