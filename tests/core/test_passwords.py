"""Passwords between the rooms: bounded, and shown by nothing."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.passwords import LONGEST, MOST, Keys, Passwords
from sekisho_core.unlock import Examined
from sekisho_core.vocabulary import Reading


@given(st.lists(st.text(alphabet=st.characters(), max_size=200), max_size=100))
def test_whatever_is_given_is_bounded_and_travels(words: list[str]) -> None:
    """Any words become passwords that the wire takes: at most 64, none empty, too long, twice, or without bytes."""
    found = Passwords.of(words)
    assert len(found.words) <= MOST and len(set(found.words)) == len(found.words)
    assert all(0 < len(word) <= LONGEST for word in found.words)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Passwords) == found
    assert bool(found) == bool(found.words)


def test_lone_surrogates_are_no_password() -> None:
    """Half a character, from bytes in no charset, has no bytes that could open anything."""
    assert Passwords.of(["\ud800", "abc"]).words == ("abc",)


def test_nothing_shows_them() -> None:
    """The words stand in no repr, of themselves or of what holds them."""
    secret = Passwords.of(["Kasumi2012"])
    for holder in (secret, Keys(secret, secret), Examined(Reading(), secret)):
        assert "Kasumi" not in f"{holder!r} {holder}"


@pytest.mark.parametrize("words", [["x"] * (MOST + 1), ["x" * (LONGEST + 1)], [7]])
def test_more_than_the_bounds_is_refused(words: list[object]) -> None:
    """What comes from another process is checked for number and length."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode([words]), type=Passwords)
