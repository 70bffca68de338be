import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.display import column, defanged, field, pieces, unlinked, visible, wrapped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("件名", "件名"),
        ("a\x1b[31mb", "a⟨U+001B⟩[31mb"),
        ("fdp.\u202eexe", "fdp.⟨U+202E⟩exe"),
        ("a\u200bb\r\nc", "a⟨U+200B⟩b⟨U+000D⟩⟨U+000A⟩c"),
        ("\udcff", "⟨U+DCFF⟩"),
        ("a\u3164\u2800b", "a⟨U+3164⟩⟨U+2800⟩b"),
        ("葛\U000e0100城", "葛\U000e0100城"),
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


@given(st.text())
def test_pieces_tell_marks_from_text(text: str) -> None:
    """The pieces are what is visible; a mark that a text only looks like is text."""
    found = list(pieces(text + "⟨U+0041⟩\u202e", 1000))
    assert "".join(piece for piece, _ in found) == visible(text + "⟨U+0041⟩\u202e", 1000)
    assert found[-1] == ("⟨U+202E⟩", True)
    assert all(not hidden or piece.startswith("⟨U+") for piece, hidden in found)


@given(st.text(), st.integers(2, 40))
def test_wrapped_fits_and_loses_nothing(text: str, width: int) -> None:
    """Each line fits its width, and the lines together are the text, but for spaces where it was broken."""
    shown = visible(text, 1000)
    lines = wrapped(shown, width)
    assert all(sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(shown.split())


def test_wrapped_at_spaces() -> None:
    """A line is broken at a space where there is one late enough in it."""
    assert wrapped("one two three", 9) == ["one two", "three"]
    assert wrapped("a bbbbbbbbbbbb", 9) == ["a bbbbbbb", "bbbbb"]
    assert wrapped("件名の件名", 5) == ["件名", "の件", "名"]
    assert wrapped("", 9) == [""]


@given(st.text(), st.integers(0, 40))
def test_column_has_its_width(text: str, width: int) -> None:
    """A column fills its width; a wide character that would stand across its edge is left out."""
    shown = column(text, width)
    assert sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in shown) == width


def test_defanged() -> None:
    """Nothing makes a link of a defanged URL, host or address."""
    assert defanged("https://www.example.jp/http") == "hxxps://www[.]example[.]jp/http"
    assert defanged("user@example.jp") == "user[@]example[.]jp"
    assert defanged("HtTp://a.example/?u=https://b.example") == "hxxp://a[.]example/?u=hxxps://b[.]example"


def test_unlinked() -> None:
    """URLs in a text are no links any more, and the text can still be read."""
    assert unlinked("see HTTP://a.example, https:b and http") == "see hxxp://a.example, hxxps:b and http"
    assert unlinked("ftp://a.example httpS://b FILE:///c") == "ftp[:]//a.example hxxpS://b FILE[:]///c"


def test_field_quotes_what_is_not_plain() -> None:
    """Plain values stand bare; spaces, quotes and equals signs are quoted."""
    assert field("a-b_c.d:e/f@g") == "a-b_c.d:e/f@g"
    assert field('say "a=b"') == '"say \\"a=b\\""'
    assert field("") == '""'
