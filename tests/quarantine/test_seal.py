"""The seal: what it closes opens under the same key alone, and its key is made once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.errors import StoreError
from sekisho_quarantine.seal import Seal


@given(st.binary(max_size=200), st.text(max_size=20))
def test_opens_what_it_closed(data: bytes, about: str) -> None:
    """Only the same key, about the same thing, and unchanged."""
    seal = Seal("", b"k" * 32)
    closed = seal.close(data, about)
    assert seal.open(closed, about) == data and (len(data) < 8 or data not in closed)
    assert seal.open(closed, about + "x") is None and Seal("", b"j" * 32).open(closed, about) is None
    assert seal.open(closed[:-1] + bytes([closed[-1] ^ 1]), about) is None
    assert seal.close(data, about) != closed


@pytest.mark.parametrize("sealed", [b"", b"x", b"x" * 11, b"x" * 200])
def test_what_is_no_seal_does_not_open(sealed: bytes) -> None:
    """Damaged or foreign bytes are nothing, never an error."""
    assert Seal("", b"k" * 32).open(sealed, "") is None


def test_marks(tmp_path: Path) -> None:
    """A mark is the same for the same text under the same key, and tells nothing of either."""
    seal = Seal(str(tmp_path / "seal"), b"")
    assert seal.mark("a@example.net") == Seal(str(tmp_path / "seal"), b"").mark("a@example.net")
    assert len({seal.mark("a"), seal.mark("b"), Seal("", b"k" * 32).mark("a")}) == 3
    assert len(seal.mark("\ud800")) == 32


def test_the_key_is_made_once(tmp_path: Path, in_children: Callable[..., list[int]]) -> None:
    """Several processes that need it at once get one and the same key, of 32 bytes, for its owner alone."""
    path = tmp_path / "state" / "seal"
    path.parent.mkdir()

    def mark() -> None:
        (tmp_path / str(os.getpid())).write_text(Seal(str(path), b"").mark("x"))

    assert in_children(*[mark] * 6) == [0] * 6
    assert len({file.read_text() for file in tmp_path.iterdir() if file.is_file()}) == 1
    assert path.stat().st_mode & 0o777 == 0o600 and path.stat().st_size == 32
    assert list(path.parent.iterdir()) == [path]


def test_a_key_that_is_none(tmp_path: Path) -> None:
    """A file of another size, or a place where none can be made, is named."""
    (tmp_path / "seal").write_bytes(b"short")
    for path in (tmp_path / "seal", tmp_path / "seal" / "seal"):
        with pytest.raises(StoreError, match=r"quarantine\.seal_file"):
            Seal(str(path), b"").mark("x")
