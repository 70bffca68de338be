import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.normalise import normalise_subject
from sekisho_rules.marks import Mark, marks

TEXTS = st.text(st.sampled_from("ＲｅRe:：【再送】対外措置の延長について ガｶﾞ\u200b!"), max_size=40) | st.text()


def test_marks_of_a_lure() -> None:
    """Prefix and decoration are dropped, width is folded, the title stays."""
    assert marks("Ｒｅ：【再送】措置のＡＢ") == (
        Mark("Ｒｅ：【再送】", "", ("dropped",)),
        Mark("措置の", "措置の", ()),
        Mark("ＡＢ", "ab", ("folded",)),
    )


@pytest.mark.parametrize("text", ["", "措置の延長"])
def test_no_marks_where_nothing_changes(text: str) -> None:
    """A title that is its own normal form has no kinds of change."""
    assert [mark.kinds for mark in marks(text)] == ([()] if text else [])


@given(TEXTS)
def test_pieces_are_the_subject(text: str) -> None:
    """The pieces together are the subject, whatever it is."""
    assert "".join(mark.piece for mark in marks(text)) == text


def test_long_subject_is_one_piece() -> None:
    """A subject that is longer than any title is not aligned piece by piece."""
    assert marks("あ" * 400) == (Mark("あ" * 400, normalise_subject("あ" * 400), ("folded",)),)
