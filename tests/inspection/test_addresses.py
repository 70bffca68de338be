"""Mailboxes in every spelling that mail programs read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_inspection.addresses import addresses, without_comments


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b'"john doe"@example.jp', ['"john doe"@example.jp']),
        (b'"a@b.example"@evil.example', ['"a@b.example"@evil.example']),
        (b'X <"a,b"@evil.example>, c@d.example', ['"a,b"@evil.example', "c@d.example"]),
        (b"<@relay.example,@b.example:user@evil.example>", ["user@evil.example"]),
        (b"X <a@x.example> <b@y.example>", ["a@x.example", "b@y.example"]),
        (b"X <<a@x.example>>", ["a@x.example"]),
        (b"X <a@x.example, b@y.example>", ["a@x.example", "b@y.example"]),
        (b"user(a (nested) comment)@evil.example", ["user@evil.example"]),
        (b"group: a@x.example, B <b@y.example>;", ["a@x.example", "b@y.example"]),
        ("user\uff20evil.example".encode(), ["user@evil.example"]),
        ("\uff55ser\uff20evil.example".encode(), ["\uff55ser@evil.example", "user@evil.example"]),
        ("user@例え.example".encode(), ["user@例え.example"]),
        (b"=?utf-8?B?dXNlckBldmlsLmV4YW1wbGU=?=", ["user@evil.example"]),
        (b"user@[192.0.2.1]", ["user@[192.0.2.1]"]),
        (b"'user@evil.example'", ["user@evil.example"]),
        (b"mailto:user@evil.example", ["user@evil.example"]),
        (b"user at evil", []),
    ],
)
def test_values(raw: bytes, values: list[str]) -> None:
    """Each mailbox's address is found, of several in one piece every one."""
    assert list(dict.fromkeys(one.value for one in addresses(raw) if one.value)) == values


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b'"trusted@example.go.jp" <a@evil.example>', "trusted@example.go.jp"),
        (b"a@evil.example (Taro)", "Taro"),
        (b"=?iso-2022-jp?B?GyRCQW1MMzJdGyhC?= <a@evil.example>", "総務課"),
        ("総務課 <a@evil.example>".encode("cp932"), "総務課"),
        ("総務課 <a@evil.example>".encode("euc_jp"), "総務課"),
        (b"+fc9S2YqyLQ- <a@evil.example>", "総務課"),
    ],
)
def test_names(raw: bytes, name: str) -> None:
    """The name beside an address, whatever its charset."""
    raw = raw.replace(b"+fc9S2YqyLQ-", "総務課".encode("utf-7"))
    assert name in [one.display_name for one in addresses(raw) if one.value == "a@evil.example"]


def test_comments() -> None:
    """Comments nest; one that does not end is text."""
    assert without_comments("a(b(c)d)e(f") == "ae(f"


@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    """Any bytes give the same mailboxes twice, none of them empty."""
    assert addresses(raw) == addresses(raw)
    assert all(one.value or one.display_name for one in addresses(raw))


@pytest.mark.parametrize(
    "raw",
    [
        b"a" * 900_000, b"(" * 900_000, b"()" * 200_000, b"<" * 400_000, b'"' * 300_001, b"a@b.example, " * 11_000,
        b"(" * 2048 + b"a@b.example", b"@" * 400_000, b"a@" * 200_000, b'"a' * 200_000, b"\\" * 400_000,
        b" @ " * 100_000, b"=?a?b?" * 20_000, b'""@' * 100_000, b" " * 400_000 + b"@a",
    ],
)  # fmt: skip
def test_hostile_lists_end(raw: bytes) -> None:
    """B21: long lists and deep comments are read in time (the timeout of the tests)."""
    assert addresses(raw) is not None
