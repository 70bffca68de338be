"""Access: how URLs are shown, and to whom secrets are told."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.display import visible
from sekisho_feeds.access import Access, parsed, shown
from sekisho_feeds.harvest import FeedError

UUID = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://user:pass@feed.example/x", "https://***@feed.example/x"),
        ("https://token@feed.example", "https://***@feed.example"),
        ("https://a@b:c@feed.example:8443/x", "https://***@feed.example:8443/x"),
        ("https://feed.example/x?apikey=abc&page=2", "https://feed.example/x?apikey=***&page=2"),
        ("https://feed.example/x?auth-key=abc", "https://feed.example/x?auth-key=***"),
        ("https://feed.example/x?q=3f786850e387550fdab836ed7e6dc881", "https://feed.example/x?q=***"),
        ("https://feed.example/v2/exports/3f786850e387550fdab836ed/recent.csv",
         "https://feed.example/v2/exports/***/recent.csv"),
        (f"https://feed.example/{UUID}/feed.csv", "https://feed.example/***/feed.csv"),
        (f"https://feed.example/api/collections/{UUID}/objects/?limit=10",
         f"https://feed.example/api/collections/{UUID}/objects/?limit=10"),
        (f"https://feed.example/misp/{UUID}.json", f"https://feed.example/misp/{UUID}.json"),
        ("https://feed.example/lists/phishing-domains-2025.csv", "https://feed.example/lists/phishing-domains-2025.csv"),
        ("https://feed.example/lists/phishing-domains-2025/all", "https://feed.example/lists/phishing-domains-2025/all"),
        ("https://feed.example/x?added_after=2024-01-01T00:00:00Z",
         "https://feed.example/x?added_after=2024-01-01T00:00:00Z"),
        ("https://feed.example/x#secret", "https://feed.example/x"),
        ("https://feed.example/\x1b[31m", "https://feed.example/⟨U+001B⟩[31m"),
        ("feed.example/x", "feed.example/x"),
        ("", ""),
    ],
)  # fmt: skip
def test_shown(url: str, wanted: str) -> None:
    """Users, secret parameters and what looks like a key are masked; names and identifiers stay (C30)."""
    assert shown(url) == wanted


@given(st.text(max_size=60))
def test_anything_can_be_shown(text: str) -> None:
    """Whatever a URL is, it can be shown, in bounded length and without a control character."""
    for url in (text, f"https://{text}", f"https://feed.example/{text}?{text}={text}"):
        assert visible(shown(url), 1000) == shown(url)
    with pytest.raises(FeedError):
        parsed("file://" + text)


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1), st.text("abcdef0123456789", min_size=1))
def test_user_is_never_shown(user: str, password: str) -> None:
    """No part of what stands before the host is shown."""
    assert shown(f"https://{user}:{password}@feed.example/") == "https://***@feed.example/"


def test_secrets_are_not_in_the_repr() -> None:
    """What is printed of an access holds no secret."""
    access = Access(
        "https://u:one@feed.example/?apikey=two", proxy="http://u:three@proxy.example", password="four", token="five",
        header_value="six",
    )  # fmt: skip
    assert not any(secret in repr(access) for secret in ("one", "two", "three", "four", "five", "six"))


def test_who_may_know() -> None:
    """Secrets are for the origin, and for the same host where it moves to https."""
    access = Access("http://feed.example/x", allow_private=True)
    for url in (
        "http://feed.example/y",
        "http://FEED.example:80/",
        "https://feed.example/",
        "https://feed.example:443/",
    ):
        assert access.may_know(httpx.URL(url))
    for url in (
        "http://feed.example:81/",
        "https://feed.example:8443/",
        "http://x.feed.example/",
        "http://feed.example.jp/",
    ):
        assert not access.may_know(httpx.URL(url))
    assert not Access("https://feed.example/").may_know(httpx.URL("http://feed.example/"))


def test_authorization() -> None:
    """Each way of opening a source makes its header; a user in the URL serves where none is given; what no header can
    hold is refused without being shown."""
    url = "https://feed.example/"
    basic = {"Authorization": "Basic dTrjgYI="}
    assert Access(url).authorization() == {}
    assert Access(url, user="u", password="あ").authorization() == basic
    assert Access("https://u:%E3%81%82@feed.example/").authorization() == basic
    assert Access(url, token="t").authorization() == {"Authorization": "Bearer t"}
    assert Access(url, header="X-Key", header_value="k").authorization() == {"X-Key": "k"}
    for access in (
        Access(url, token="se\ncret"),
        Access(url, token="secret "),
        Access(url, header="X\r\nY", header_value="secret"),
        Access(url, token="あ"),
    ):
        with pytest.raises(FeedError, match="no header may have") as raised:
            access.authorization()
        assert "cret" not in str(raised.value)


def test_secrets_need_encryption() -> None:
    """A password or key does not cross a public network in the clear."""
    for access in (Access("http://feed.example/", token="t"), Access("http://u:p@feed.example/")):
        with pytest.raises(FeedError, match="unencrypted; use https"):
            access.home()
    assert Access("http://feed.example/").home().host == "feed.example"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "feed.example",
        "https://",
        "https:///x",
        "file:///etc/passwd",
        "https://[::1/",
        "https://a\tb/",
        "https://feed.example:0/",
        "https://feed.example:65536/",
        f"https://feed.example:{'9' * 30}/",
    ],
)
def test_what_is_no_url(url: str) -> None:
    """What cannot be fetched is told."""
    with pytest.raises(FeedError):
        Access(url).home()
