"""URLs and hosts in texts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sekisho_core.vocabulary import Reading
from sekisho_inspection.urls import link_targets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://Evil.Example/Path?x=1.", ("url:value", "http://evil.example/Path?x=1")),
        ("hxxps://evil[.]example/a", ("url:value", "https://evil.example/a")),
        ("hxxp[://]evil(.)example/a", ("url:value", "http://evil.example/a")),
        ("(http://evil.example/a_(b))", ("url:value", "http://evil.example/a_(b)")),
        ("http://evil.example/aです。", ("url:value", "http://evil.example/a")),
        ("http://good.example@evil.example/", ("domain-name:value", "evil.example")),
        ("http://日本語.example/", ("domain-name:value", "xn--wgv71a119e.example")),
        ("http://evil.example./", ("domain-name:value", "evil.example")),
        ("call c2[.]evil[.]example now", ("domain-name:value", "c2.evil.example")),
        ("http://0xC0.0.2.7/", ("ipv4-addr:value", "192.0.2.7")),
        ("http://3221225991/", ("ipv4-addr:value", "192.0.2.7")),
        ("address 192.0.2.7, port 80", ("ipv4-addr:value", "192.0.2.7")),
        ("http://[2001:DB8::1]:80/", ("ipv6-addr:value", "2001:db8::1")),
    ],
)
def test_found(read: Callable[..., Reading], text: str, expected: tuple[str, str]) -> None:
    """B27: URLs and hosts are noted as a client would resolve them."""
    reading = read(b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode())
    assert expected in {(item.path, item.value) for item in reading.observables if item.where == "part:1"}


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("http:\\\\evil.example\\x", "http://evil.example/x"),
        ("http:/evil.example/x", "http://evil.example/x"),
        ("HTTPS:evil.example/x?a=\\", "https://evil.example/x?a=\\"),
        ("\x01ht\ttp:///evil.exa\nmple/x", "http://evil.example/x"),
        ("//evil.example/x", "https://evil.example/x"),
        ("http://evil.example\\@good.example/", "http://evil.example/@good.example/"),
    ],
)
def test_links_as_browsers_read_them(link: str, expected: str) -> None:
    """A link is the URL to which a browser goes, whatever its slashes and control characters."""
    assert expected in link_targets(link)


@pytest.mark.parametrize("link", ["mailto:a@b.example", "#top", "page.html", "cid:1", "/x", "//", "http:"])
def test_links_to_no_host(link: str) -> None:
    """A link that names no host is no URL."""
    assert link_targets(link) == []


def test_many_urls_are_bounded(read: Callable[..., Reading]) -> None:
    """More URLs than the limit leave the part incomplete."""
    reading = read(b"\r\n" + b"\r\n".join(b"http://h%d.example/" % number for number in range(5000)))
    assert "limit" in {gap.reason for gap in reading.incomplete}
