"""Values as they are compared."""

import pytest
from sekisho_rules.urls import host_of
from sekisho_rules.values import seen_forms, stated_form


@pytest.mark.parametrize(
    ("path", "stated", "seen"),
    [
        ("url:value", "http://A.Example:80/x", "HTTP://a.example./x#frag"),
        ("url:value", "http://a.example", "http://a.example/"),
        ("url:value", "http://a.example/%7Ex", "http://a.example/~x"),
        ("url:value", "http://a.example/%e3%81%82", "http://a.example/あ"),
        ("url:value", "http://日本.example/x", "http://xn--wgv71a.example/x"),
        ("url:value", "http://a.example/x", "http://user:secret@a.example/x"),
        ("url:value", "http://[2001:DB8::1]/x", "http://[2001:db8:0:0::1]:80/x"),
        ("url:value", "a.example/x", "https://a.example/x"),
        ("url:value", "hxxps://a[.]example[:]8443/x", "https://a.example:8443/x"),
        ("url:value", "a.example:443/x", "https://a.example/x"),
        ("url:value", "http://a.example/x", "http:\\\\a.example\\x"),
        ("url:value", "http://a.example/x", "http:/a.example/x"),
        ("url:value", "http://a.example/x", "ht\ttp:///a.exa\nmple:080/x"),
        ("url:value", "http://a.example/x?y=/../z", "http://a.example/b/../%2e/x?y=/../z"),
        ("url:value", "http://a.example/x/", "http://a.example/x/y/.."),
        ("url:value", "http://evil.example/@a.example/x", "http://evil.example\\@a.example/x"),
        ("url:value", "http://a.example/", "http://%61.example"),
        ("url:value", "http://192.0.2.77/x", "http://3221226061/x"),
        ("url:value", "http://192.0.2.77/x", "http://0xC0.0.0x2.0115/x"),
        ("domain-name:value", "evil[.]example", "www.evil.example"),
        ("ipv4-addr:value", "192[.]0.2(.)77", "192.0.2.77"),
        ("ipv4-addr:value", "192.0.2.77", "::ffff:192.0.2.77"),
        ("ipv6-addr:value", "2001:db8::1", "[IPv6:2001:DB8::1]"),
        ("email-addr:value", "user[@]evil[.]example", "user@evil.example"),
        ("email-addr:value", "a.b@evil.example", '"a.b"@evil.example'),
        ("email-addr:value", "a@evil.example", "<@relay.example,@b.example:a@evil.example>"),
        ("file:name", "報告書.pdf", "報\u200b吿書\u202e .ＰＤＦ. "),
        ("email-message:from_ref.display_name", "内閣府 山田", "內閣府　山田"),
        ("domain-name:value", "evil.example", "www.EVIL.example."),
        ("domain-name:value", "*.evil.example", "www.evil.example"),
        ("domain-name:value", "日本.example", "www.xn--wgv71a.example"),
        ("domain-name:value", "xn--wgv71a.example", "日本.example"),
        ("network-traffic:dst_ref.value", "evil.example", "a.evil.example"),
        ("network-traffic:dst_ref.value", "192.0.2.0/24", "192.0.2.9"),
        ("ipv4-addr:value", "192.0.2.0/24", "192.0.2.200"),
        ("ipv4-addr:value", "192.0.2.1/32", "192.0.2.1"),
        ("ipv6-addr:value", "2001:DB8:0::1", "2001:db8::1"),
        ("ipv6-addr:value", "2001:db8::/32", "2001:db8:ffff::1"),
        ("email-addr:value", "User@Evil.example", "user@evil.EXAMPLE"),
        ("email-addr:value", "user@evil.example", "Some One <user@evil.example>"),
        ("file:hashes.sha256", "ABCDEF", "abcdef"),
        ("file:name", "REPORT.EXE", "ｒｅｐｏｒｔ.exe"),
        ("email-message:subject", "対北朝鮮措置の延長について", "Re: 対北朝鮮措置の延長について"),
        ("email-message:message_id", "<a@b.example>", "a@b.example"),
    ],
)
def test_equal_values(path: str, stated: str, seen: str) -> None:
    """Spellings that mean the same are equal."""
    assert stated_form(path, stated) in seen_forms(path, seen)


@pytest.mark.parametrize(
    ("path", "stated", "seen"),
    [
        ("url:value", "http://a.example/x", "http://a.example/x/y"),
        ("url:value", "http://a.example/x", "https://a.example/x"),
        ("url:value", "http://a.example/x", "http://a.example:8080/x"),
        ("url:value", "http://a.example/x", "http://a.example/X"),
        ("url:value", "http://a.example/x", "http://b.a.example/x"),
        ("url:value", "http://a.example/x", "http://a.example\\@b.example/x"),
        ("url:value", "http://a.example/x?y", "http://a.example/x?z/../y"),
        ("file:name", "1-23.pdf", "12-3.pdf"),
        ("domain-name:value", "www.evil.example", "evil.example"),
        ("domain-name:value", "evil.example", "notevil.example"),
        ("domain-name:value", "evil.example", "evil.example.jp"),
        ("ipv4-addr:value", "192.0.2.0/25", "192.0.2.200"),
        ("ipv4-addr:value", "192.0.2.1", "192.0.2.0/24"),
        ("email-addr:value", "user@evil.example", "user@sub.evil.example"),
        ("file:name", "a.exe", "b a.exe"),
        ("email-message:subject", "対北朝鮮措置の延長について", "対北朝鮮措置の延期について"),
    ],
)
def test_unequal_values(path: str, stated: str, seen: str) -> None:
    """Nothing is widened: not a URL to its host or another path, not a host to its parent."""
    assert stated_form(path, stated) not in seen_forms(path, seen)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://A.example:81/x", "a.example"),
        ("http://[2001:db8::1]:81/", "2001:db8::1"),
        ("http://192.0.2.1", "192.0.2.1"),
        ("//x.example", "x.example"),
        ("http://", ""),
        ("", ""),
        ("http://[", ""),
    ],
)
def test_hosts(url: str, host: str) -> None:
    """The host of a URL, whatever stands around it."""
    assert host_of(url) == host
