"""A mail's bytes are put together as the MTA had them."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sekisho_milter.letter import Letter

names = st.binary(max_size=12).filter(lambda name: b":" not in name)
values = st.binary(max_size=40).filter(lambda value: b"\n" not in value)
bodies = st.lists(st.binary(max_size=60), max_size=4)


def letter(directory: Path, memory: int = 1 << 20) -> Letter:
    """An empty letter from an MTA that hands over leading spaces."""
    return Letter(b"<a@example.net>", directory, memory, "X-Sekisho", True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.tuples(names, values), max_size=5), bodies)
def test_any_bytes_survive(tmp_path: Path, headers: list[tuple[bytes, bytes]], body: list[bytes]) -> None:
    """A31, A35: NUL, bare CR and LF, 8-bit and empty names come out as they went in."""
    one = letter(tmp_path, 64)
    for name, value in headers:
        one.add_header(name, value)
    one.end_headers()
    for piece in body:
        one.add_body(piece)
    content = one.content()
    expected = b"".join(name + b":" + value + b"\r\n" for name, value in headers) + b"\r\n" + b"".join(body)
    assert (content.read(), content.sha256) == (expected, hashlib.sha256(expected).hexdigest())
    one.close()


def test_folds_become_crlf(tmp_path: Path) -> None:
    """The milter protocol separates folded lines by LF; the mail had CRLF."""
    one = letter(tmp_path)
    one.add_header(b"Subject", b" a\n\tb\n c")
    assert one.content().read() == b"Subject: a\r\n\tb\r\n c\r\n"
    one.close()


def test_a_swallowed_space_comes_back(tmp_path: Path) -> None:
    """An MTA that keeps the space after the colon to itself gets it back."""
    one = Letter(b"<>", tmp_path, 100, "X-Sekisho", False)
    one.add_header(b"Subject", b"a")
    assert (one.content().read(), one.mail_from) == (b"Subject: a\r\n", "")
    one.close()


def test_forged_names_are_counted_by_name(tmp_path: Path) -> None:
    """Names of our prefix count together whatever their case; longer words that begin alike are others' names."""
    one = letter(tmp_path)
    for name in (b"X-Sekisho-Action", b"x-sekisho-ACTION", b"X-SEKISHO", b"X-Sekishod"):
        one.add_header(name, b" v")
    assert sorted(one.forged.values()) == [("X-SEKISHO", 1), ("X-Sekisho-Action", 2)]
    one.close()


def test_what_it_was_before(tmp_path: Path) -> None:
    """Without our headers and the uppermost Received fields, a mail that comes again has its first hash."""
    first = b"From: a\r\n\r\nbody\r\n"
    one = letter(tmp_path)
    one.add_header(b"Received", b" by mx")
    one.add_header(b"From", b" a")
    one.add_header(b"X-Sekisho-Id", b" 1")
    one.add_body(b"body\r\n")
    hashes = list(one.earlier_hashes())
    assert hashlib.sha256(first).hexdigest() in hashes
    assert hashlib.sha256(b"Received: by mx\r\n" + first).hexdigest() in hashes and len(hashes) == 2
    one.close()


def test_a_full_disk_is_remembered(tmp_path: Path) -> None:
    """A12: a mail that could not be spooled never reads as complete."""
    one = letter(tmp_path / "missing", 10)
    one.add_body(b"x" * 100)
    assert isinstance(one.failure, OSError)
    one.close()


@pytest.mark.parametrize(
    ("written", "mailbox"),
    [
        (b"<a@example.jp>", "a@example.jp"),
        (b'<"a"@example.jp>', "a@example.jp"),
        (b'<"a\\.b"@example.jp>', "a.b@example.jp"),
        (b'<a."b"@example.jp>', "a.b@example.jp"),
        (b"<@relay.example,@other.example:a@example.jp>", "a@example.jp"),
        (b"<(c)a@example.jp(d)>", "a@example.jp"),
        (b"<a@example.jp.>", "a@example.jp"),
        (b'<"a b"@example.jp>', '"a b"@example.jp'),
        (b'<"a@b"@example.jp>', '"a@b"@example.jp'),
        (b'<"a(c)"@example.jp>', '"a(c)"@example.jp'),
        (b"<>", ""),
        (b"<postmaster>", "postmaster"),
        (b"<a@[IPv6:::1]>", "a@[IPv6:::1]"),
    ],
)
def test_one_mailbox_however_it_is_written(tmp_path: Path, written: bytes, mailbox: str) -> None:
    """A policy for a recipient cannot be evaded by another spelling of the same mailbox; the MTA's own is kept."""
    with closing(Letter(written, tmp_path, 100, "X-Sekisho", True)) as letter:
        letter.add_recipient(written)
        assert (letter.mail_from, letter.recipients) == (mailbox, [(mailbox, written)])
