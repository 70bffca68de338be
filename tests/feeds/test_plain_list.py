"""Plain lists and hosts files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_feeds.plain_list import plain
from sekisho_rules.indicator_files import Provenance

OPENPHISH = "https://login.evil.example/a\nhttp://198.51.100.7/b?c=d#e\n"


def read(text: str | bytes, **options: str) -> Harvest:
    """The harvest of one list."""
    content = text if isinstance(text, bytes) else text.encode()
    return plain([Document("list.txt", content)], Provenance(source="list"), options)


def values(harvest: Harvest) -> list[str]:
    """The patterns of a harvest, without brackets."""
    return [one.pattern[1:-1] for one in harvest.indicators]


def test_openphish() -> None:
    """One URL a line; a # within one is no comment."""
    assert values(read(OPENPHISH, type="url")) == [
        "url:value = 'https://login.evil.example/a'",
        "url:value = 'http://198.51.100.7/b?c=d#e'",
    ]


def test_hash_list() -> None:
    """Comments before, hashes after, lines of Windows."""
    text = "################\r\n# sha256 hashes #\r\n" + "ab" * 32 + "\r\n\r\n" + "cd" * 32 + "\r\n"
    assert values(read(text)) == [f"file:hashes.'SHA-256' = '{pair * 32}'" for pair in ("ab", "cd")]


def test_hosts_file() -> None:
    """Each name of a line is a domain; those that every machine has are left out."""
    text = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n0.0.0.0\tevil.example  www.evil.example # both\n"
    assert values(read(text)) == ["domain-name:value = 'evil.example'", "domain-name:value = 'www.evil.example'"]
    assert [one.reason for one in read("0.0.0.0 evil.example", hosts="no").refused] == [
        "its type cannot be told: 0.0.0.0 evil.example"
    ]


def test_comments() -> None:
    """Whole lines and, after a blank, the rest of one; in subjects the sign is the subject's own."""
    text = "; no\n// no\n# no\n  evil.example   ; seen in mail\nevil2.example # x\n"
    assert values(read(text)) == ["domain-name:value = 'evil.example'", "domain-name:value = 'evil2.example'"]
    assert values(read("請求書 #12 の送付\n", type="subject")) == ["email-message:subject = '請求書 #12 の送付'"]


def test_exclude_and_refusals() -> None:
    """Excluded values are gone silently, those of no type with their line and reason; a list of CP932 is read."""
    found = read("件名.exe\nwww.good.example\nwhat is this\n".encode("cp932"), exclude="good")
    assert values(found) == ["file:name = '件名.exe'"]
    assert [(one.id, one.source, one.file) for one in found.refused] == [("line 3", "list", "list.txt")]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"typ": "x"}, "did you mean type"), ({"type": "x"}, "none of auto"),
        ({"hosts": "perhaps"}, "neither yes nor no"),
        ({"most_entries": "1"}, "more than 1 entries"), ({"exclude": "("}, "option exclude"),
    ],
)  # fmt: skip
def test_options_that_cannot_be(options: dict[str, str], told: str) -> None:
    """They are named with what is wrong."""
    with pytest.raises(FeedError, match=told):
        read("a.example\nb.example\n", **options)


@given(st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    """Whatever bytes, the outcome is a harvest or a FeedError."""
    try:
        found = read(content)
    except FeedError as error:
        assert str(error)
    else:
        assert all(refusal.reason for refusal in found.refused)
