"""JSON of strangers: what is decoded, and what is refused with its place (catalogue C27)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.bounded_json import decode
from sekisho_feeds.harvest import FeedError

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def refused(content: bytes, most_bytes: int = 1 << 20, most_depth: int = 10) -> str:
    """What is said of a content that is refused."""
    with pytest.raises(FeedError) as error:
        decode(content, "feed: a.json", most_bytes=most_bytes, most_depth=most_depth)
    return str(error.value)


@given(ANY)
def test_what_is_json_comes_back(value: object) -> None:
    """Any value that JSON can hold is decoded as it was."""
    assert decode(json.dumps(value).encode(), "p", most_bytes=1 << 20) == value


@given(st.binary(max_size=200))
def test_bytes_are_decoded_or_refused(content: bytes) -> None:
    """Whatever the bytes, they are decoded or refused with the place; nothing else is raised."""
    try:
        decode(content, "feed: a.json", most_bytes=100)
    except FeedError as error:
        assert str(error).startswith("feed: a.json: ")


def test_byte_order_mark() -> None:
    """Editors of Windows write a byte order mark; it is passed over."""
    assert decode(b"\xef\xbb\xbf[1]", "p", most_bytes=10) == [1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": 1, "b": 2, "a": 3}', "the key a stands twice in one object"),
        (b'[{"x": {"k": 1, "k": 1}}]', "the key k stands twice in one object"),
        (b"[NaN]", "NaN is no number"),
        (b"[Infinity]", "Infinity is no number"),
        (b"[-Infinity]", "-Infinity is no number"),
        (b"[1e999]", "1e999 is beyond any number"),
        (b"[" + b"9" * 5000 + b"]", "not JSON"),
        (b'["\\ud800"]', "an escape that is half a character"),
        (b'["\xff"]', "not UTF-8 at byte 2"),
        (b'{"a": ', "not JSON"),
        (b"", "not JSON"),
        (b"[1] [2]", "not JSON"),
        (b"\x1f\x8b\x08\x00", "not UTF-8 at byte 1"),
    ],
)
def test_refusals(content: bytes, reason: str) -> None:
    """Duplicate keys, what is no number, half characters and what is no JSON are refused with place and fault."""
    said = refused(content)
    assert said.startswith("feed: a.json: ")
    assert reason in said


def test_size() -> None:
    """One byte more than allowed is refused before anything is read."""
    assert decode(b"[11]", "p", most_bytes=4) == [11]
    assert "5 bytes, more than 4" in refused(b"[111]", most_bytes=4)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth(opening: bytes, closing: bytes) -> None:
    """What nests deeper than allowed is refused; a million brackets take no recursion."""
    deepest = opening * 9 + b"[]" + closing * 9
    assert decode(deepest, "p", most_bytes=1 << 20, most_depth=10)
    assert "nested deeper than 10" in refused(opening + deepest + closing)
    assert "nested deeper than 10" in refused(opening * 1_000_000, most_bytes=1 << 26)


def test_brackets_in_texts_are_no_depth() -> None:
    """Brackets within a text do not count, however its quotes are escaped."""
    text = '[[[[[[[[[[[[\\"[[[[[{{{{\\'
    assert decode(json.dumps([text]).encode(), "p", most_bytes=1000, most_depth=1) == [text]


def test_a_pair_of_surrogates_is_one_character() -> None:
    """Escapes of a whole character beyond the first plane are lawful."""
    assert decode(b'["\\ud867\\ude3d"]', "p", most_bytes=100) == ["𩸽"]
