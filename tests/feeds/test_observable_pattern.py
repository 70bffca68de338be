"""Values of lists: read as meant, refused with their reason, written as patterns that mean them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.observable_pattern import TYPES, indicator_id, observable, pattern_of, type_named, type_of
from sekisho_rules.pattern import parse
from sekisho_rules.tree import comparisons

MD5, SHA256 = "0123456789abcdef" * 2, "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("domain", "C2.Evil[.]example.", "c2.evil.example"),
        ("domain", "evil。example", "evil.example"),
        ("domain", "ｅｖｉｌ．ｅｘａｍｐｌｅ", "evil.example"),
        ("domain", "*.evil(dot)example", "evil.example"),
        ("domain", "evil [.] example", "evil.example"),
        ("domain", "evil[.example", "evil.example"),
        ("domain", "関所.example", "xn--8ous75i.example"),
        ("domain", "_dmarc.evil.example", "_dmarc.evil.example"),
        ("url", "hxxps://evil[.]example/a?b=c'd", "https://evil.example/a?b=c'd"),
        ("url", "hxxp[:]//evil{.}example/", "http://evil.example/"),
        ("url", "htps://evil.example/", "https://evil.example/"),
        ("url", "ttp://evil.example/", "http://evil.example/"),
        ("url", "http:/evil.example/a", "http://evil.example/a"),
        ("url", "http//evil.example/a", "http://evil.example/a"),
        ("url", "evil.example/login", "evil.example/login"),
        ("url", "http://[2001:db8:1::1]/x", "http://[2001:db8:1::1]/x"),
        ("ip", "198[.]51[.]100[.]7", "198.51.100.7"),
        ("ip", "198.51.100.7:443", "198.51.100.7"),
        ("ip", "198.51.100.0/24", "198.51.100.0/24"),
        ("ip", "2001:DB8::1", "2001:db8::1"),
        ("email", "Taro <taro[at]evil[.]example>", "taro@evil.example"),
        ("sender", "mailto:a＠evil.example", "a@evil.example"),
        ("subject", "【重要】'至急'\\確認", "【重要】'至急'\\確認"),
        ("filename", "請求書.zip", "請求書.zip"),
        ("md5", MD5.upper(), MD5),
        ("sha256", SHA256, SHA256),
    ],
)
def test_value_as_meant(type: str, text: str, value: str) -> None:
    """A value is read as meant, and the pattern states that value."""
    found = observable(type, text)
    assert found.value == value
    (comparison,) = comparisons(parse(found.pattern).tree)
    assert comparison.values == (value,)


@pytest.mark.parametrize(
    ("type", "text", "why"),
    [
        ("domain", "", "empty"),
        ("domain", "two words.example", "no label"),
        ("domain", "localhost", "no domain"),
        ("domain", "http://evil.example/", "no label"),
        ("domain", "a" * 64 + ".example", "no label"),
        ("domain", ".".join(["abcdefgh"] * 30) + ".example", "characters, more than 253"),
        ("domain", "192.0.2.1", "no domain"),
        ("url", "http://", "no host"),
        ("url", "http:///", "no host"),
        ("url", "http://evil.example/ http://b.example/", "blanks"),
        ("url", "gopher://evil.example/", "scheme gopher"),
        ("url", "javascript://evil.example/", "scheme javascript"),
        ("ip", "300.1.2.3", "no IP address"),
        ("ip", "127.0.0.1", "no address on the Internet"),
        ("ip", "192.168.1.1", "no address on the Internet"),
        ("email", "taro", "no mail address"),
        ("email", "@evil.example", "no mail address"),
        ("subject", "!!", "too short"),
        ("filename", "C:\\Users\\a.exe", "a path"),
        ("md5", SHA256, "not 32 hexadecimal digits"),
        ("sha1", "z" * 40, "not 40 hexadecimal digits"),
        ("subject", "a\nb", "control character U.000A"),
        ("subject", "a\ud800b", "control character U.D800"),
        ("subject", "a" * 5000, "5000 characters"),
        ("auto", "what is this", "cannot be told"),
    ],
)
def test_no_value(type: str, text: str, why: str) -> None:
    """A text that is no value of its type is refused with the reason (catalogue 21)."""
    with pytest.raises(ValueError, match=why):
        observable(type, text)


@pytest.mark.parametrize(
    ("text", "type"),
    [
        (MD5, "md5"), ("0" * 40, "sha1"), (SHA256, "sha256"), (SHA256 * 2, "sha512"), ("evil[.]example", "domain"),
        ("hxxp://evil.example/a.zip", "url"), ("evil.example/a", "url"), ("198[.]51[.]100[.]7", "ip"),
        ("198.51.100.0/24", "ip"), ("198.51.100.7:8080", "ip"), ("2001:db8::1", "ip"), ("a[@]evil.example", "email"),
        ("請求書 11月.xlsm", "filename"), ("update.7z", "filename"), ("evil.com", "domain"), ("件名です", ""), ("", ""),
    ],
)  # fmt: skip
def test_type_by_the_value(text: str, type: str) -> None:
    """The type is told by the look of a value, or not at all."""
    assert type_of(text) == type


def test_mended_scheme_is_noted() -> None:
    """What was mended is said; what was only written so that nobody opens it is not."""
    assert observable("url", "htps://evil.example/").note == "scheme of htps://evil.example/ read as https"
    assert observable("url", "hxxps://evil.example/").note == ""


def test_types_of_feeds() -> None:
    """The names that public feeds give types are known."""
    assert [type_named(name) for name in ("ip:port", "SHA256_hash", "hostname", "email-src", "mutex")] == [
        "ip", "sha256", "domain", "sender", "",
    ]  # fmt: skip


def test_ids() -> None:
    """An id is of the source and the pattern, the same at each reading."""
    one = pattern_of("domain", "evil.example")
    assert indicator_id("a", one) == indicator_id("a", one) == "indicator--" + indicator_id("a", one)[11:]
    assert len({indicator_id(source, pattern_of("ip", ip)) for source in "ab" for ip in ("192.0.2.1", "::1")}) == 4


@given(st.text(max_size=200))
def test_escaping(text: str) -> None:
    """Whatever text a pattern is made of, it is that text which the pattern states."""
    pattern = parse(pattern_of("subject", text))
    assert [comparison.values for comparison in comparisons(pattern.tree)] == [(text,)]


@given(st.sampled_from(["auto", *TYPES]), st.text(max_size=60) | st.text("evil.[]:/@#%0123456789x-", max_size=60))
def test_any_text(type: str, text: str) -> None:
    """Whatever a list states is a value that parses, or a ValueError."""
    try:
        found = observable(type, text)
    except ValueError as error:
        assert str(error)
    else:
        assert parse(found.pattern).inert == ""
