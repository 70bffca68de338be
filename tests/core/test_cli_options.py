"""Passwords from a person: where they are read from, and what is said where they cannot be."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click
import pytest
from sekisho_core.cli_options import read_passwords
from sekisho_core.errors import SekishoError
from sekisho_core.passwords import NONE


def test_lines_of_a_file(tmp_path: Path) -> None:
    """Lines in order, each once, with any line end; spaces count, a byte order mark and empty lines do not."""
    (tmp_path / "words").write_bytes("\ufeffKasumi#2012\r\n\r\n 霞 \nKasumi#2012\nx".encode())
    assert read_passwords(str(tmp_path / "words")).words == ("Kasumi#2012", " 霞 ", "x")
    assert read_passwords(None) is NONE


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no password in it"),
        (b"\n\n", "no password in it"),
        (b"one\n\n" + b"x" * 129, "line 3: a password has at most 128 characters, this one 129"),
        (b"x" * 129, ": a password has at most 128 characters, this one 129"),
        (b"\n".join(b"%d" % number for number in range(65)), "65 passwords, and at most 64 are tried"),
        (b"\x83p\x83X", "not UTF-8"),
        ("\u3042".encode() * 30000, "more than 65536 bytes"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, content: bytes, told: str) -> None:
    """A line names the file and what is wrong with it, and shows nothing of what stands in it."""
    path = tmp_path / "words"
    path.write_bytes(content)
    with pytest.raises(SekishoError) as raised:
        read_passwords(str(path))
    assert str(raised.value).startswith(f"{path}: ") and told in str(raised.value) and "xx" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named, and so is a folder."""
    for path, told in ((tmp_path / "none", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(SekishoError) as raised:
            read_passwords(str(path))
        assert str(raised.value) == f"{path}: cannot read the passwords: {told}"


class Terminal(io.StringIO):
    """Standard input at a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """One is asked for, without being shown; whoever breaks off gets no answer, which is not the answer "no"."""
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(click, "prompt", lambda text, hide_input, err: "Kasumi#2012" * hide_input * err)
    assert read_passwords("-").words == ("Kasumi#2012",)

    def broken_off(*_: object, **__: object) -> str:
        raise click.Abort

    monkeypatch.setattr(click, "prompt", broken_off)
    with pytest.raises(SekishoError, match="interrupted"):
        read_passwords("-")
