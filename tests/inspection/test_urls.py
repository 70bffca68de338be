"""URLs and hosts in texts and links, in every spelling that leads a client to the same place."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.vocabulary import Reading
from sekisho_inspection.hosts import host_facts, registered
from sekisho_inspection.notes import Notes
from sekisho_inspection.redirectors import unwrapped
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.urls import link_targets, note_url, note_urls
from sekisho_rules.values import seen_forms, stated_form

LISTED = "http://c2.malware.example/gate.php"
ESCAPED = quote(LISTED, safe="")
BASE64 = base64.urlsafe_b64encode(LISTED.encode()).decode().rstrip("=")
Facts = set[tuple[str, str]]


@pytest.fixture
def found(limits: InspectionSettings) -> Callable[[str], Facts]:
    """What is noted of a text."""

    def run(text: str) -> Facts:
        notes = Notes(limits)
        note_urls(text, "part:1", notes)
        return {(one.path, one.value) for one in notes.observables}

    return run


def listed(facts: Facts, path: str, value: str) -> bool:
    """Whether a rule that states `value` would match."""
    form = stated_form(path, value)
    return any(form in seen_forms(kind, text) for kind, text in facts if kind == path)


SPELLINGS = [
    "http://www.bank.example@c2.malware.example/gate.php",
    "http://www.bank.example:80@c2.malware.example/gate.php",
    "http://good.example\\@c2.malware.example/gate.php",
    "http://" + "a" * 5000 + "@c2.malware.example/gate.php",
    "HTTP://C2.MALWARE.EXAMPLE/gate.php",
    "http://c2.malware.example:80/gate.php#x",
    "http://c2.malware.example./x/../gate.php",
    "http://c2。malware。example/gate.php",
    "http://c2．malware｡example/gate.php",
    "ｈｔｔｐ：／／ｃ２．ｍａｌｗａｒｅ．ｅｘａｍｐｌｅ／ｇａｔｅ．ｐｈｐ",
    "http://𝐜𝟐.𝐦𝐚𝐥𝐰𝐚𝐫𝐞.example/gate.php",
    "http://ⓒ②.ⓜⓐⓛⓦⓐⓡⓔ.example/gate.php",
    "http://c2.m%61lware.example/g%61te.php",
    "http://c2.m%2561lware.example/gate.php",
    "%68ttp://c2.malware.example/gate.php",
    "%2568ttp%253A%252F%252Fc2.malware.example%252Fgate.php",
    "http:\\\\c2.malware.example\\gate.php",
    "http:/c2.malware.example/gate.php",
    "http:///c2.malware.example/gate.php",
    "http:c2.malware.example/gate.php",
    "http:\\/\\/c2.malware.example\\/gate.php",
    "hXXp://c2[.]malware[.]example/gate.php",
    "h**p://c2.malware.example/gate.php",
    "http[:]//c2.malware.example/gate.php",
    "hxxp[://]c2(.)malware(dot)example/gate.php",
    "http://c2{.}malware[dot]example/gate.php",
    "http://c2 [.] malware [.] example/gate.php",
    "http://c2 . malware . example/gate.php",
    "http://c2[.malware[.example/gate.php",
    "c2.malware.example/gate.php",
    "詳細はc2.malware.example/gate.phpをご覧ください",
    "詳細はhttp://c2.malware.example/gate.phpをご覧ください",
    "（http://c2.malware.example/gate.php）",
    "ht\u200btp://c2.mal\u00adware.example/ga\ufefft\u2060e.php",
    "<URL:http://c2.malware.example/\n gate.php>",
    "<http://c2.mal\r\nware.example/gate.php>",
    "> see <http://c2.malware.example/\n> gate.php>",
    "http://c2.malware.example/ga=\nte.php",
    "http://c2.malware.example/=\r\ngate.php",
    "http://c2.malware.example/\ngate.php",
    "the line of this text is so long that a program broke it at http://c2.malware.exa\nmple/gate.php now",
    "//c2.malware.example/gate.php",
    "mailto:a@b.example?body=" + ESCAPED,
    "ms-word:ofe|u|http://c2.malware.example/gate.php",
    "[here](http://c2.malware.example/gate.php).",
    "http://a.example/{x}|http://c2.malware.example/gate.php",
    "location='http://c2.malware.example/gate.php';",
]  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS, ids=ascii)
def test_spellings(text: str, found: Callable[[str], Facts]) -> None:
    """B27: a listed URL and its domain are met however the URL is spelled in a text."""
    facts = found(f"Please read {text}")
    assert listed(facts, "url:value", LISTED)
    assert listed(facts, "domain-name:value", "malware.example")


WRAPS = [
    f"https://www.google.com/url?q={ESCAPED}&sa=D",
    f"https://www.google.com/url?sa=t&url={LISTED}",
    "https://www.google.co.jp/amp/c2.malware.example/gate.php",
    "https://x.cdn.ampproject.org/c/c2.malware.example/gate.php",
    "https://c2-malware-example.translate.goog/gate.php?_x_tr_sl=en&_x_tr_tl=ja",
    f"https://www.bing.com/ck/a?!&&p=abc&u=a1{BASE64}&ntb=1",
    f"https://nam02.safelinks.protection.outlook.com/?url={ESCAPED}&data=05%7C01&reserved=0",
    f"https://urldefense.proofpoint.com/v1/url?u={ESCAPED}&k=x",
    "https://urldefense.proofpoint.com/v2/url?u=http-3A__c2.malware.example_gate.php&d=DwM",
    "https://urldefense.com/v3/__http:/c2.malware.example/gate*php__;Lg!!abc!x$",
    "https://urldefense.com/v3/__http://c2.m**Bare.example/gate.php__;YWx3!!abc!x$",
    f"https://linkprotect.cudasvc.com/url?a={ESCAPED}&c=E,1,x",
    f"https://secure-web.cisco.com/1abcDEF/{ESCAPED}",
    f"https://eu.protection.sophos.com/?d=malware.example&u={quote(BASE64)}&i=x",
    f"https://vk.com/away.php?to={quote(ESCAPED)}",
    f"https://r.search.yahoo.com/_ylt=A;_ylu=x/RO=10/RU={ESCAPED}/RK=2/RS=x",
    f"http://r.example/?u={quote(quote(ESCAPED))}",
    f"https://web.archive.org/web/2020/{LISTED}",
    "http://r.example/go?target=c2.malware.example/gate.php",
    "http://r.example/go?url=//c2.malware.example/gate.php",
    "http://r.example/?next=http:%5C%5Cc2.malware.example%5Cgate.php",
    f"http://r.example/{BASE64}",
    f"http://r.example/?x={LISTED.encode().hex()}",
    f"http://r.example/#{LISTED}",
    f"https://www.google.com/url?q={quote('https://l.facebook.com/l.php?u=' + ESCAPED, safe='')}",
]  # fmt: skip


@pytest.mark.parametrize("url", WRAPS)
def test_redirectors(url: str, found: Callable[[str], Facts]) -> None:
    """B27: the URL that a redirector or link rewriter carries is noted beside the redirector's own."""
    facts = found(url)
    assert listed(facts, "url:value", LISTED)
    assert listed(facts, "url:value", url)
    assert listed(facts, "domain-name:value", "malware.example")


def test_wraps_are_bounded(found: Callable[[str], Facts]) -> None:
    """Wraps in wraps are followed up to a bound, so that nobody's URL costs more than forty."""
    facts = found("http://r.example/?" + "&".join(f"u=http://h{number}.example/" for number in range(60)))
    assert 10 < len(facts) < 100


@pytest.mark.parametrize(
    "host",
    [
        "0x7f.1", "0177.0.0.1", "2130706433", "0x7f000001", "127.1", "127.0.0.1.", "①②⑦.⓪.⓪.①", "１２７．０．０．１",
        "127。0。0。1", "%31%32%37.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "user@127.0.0.1:80", "127[.]0[.]0[.]1",
    ],
)  # fmt: skip
def test_addresses(host: str, found: Callable[[str], Facts]) -> None:
    """B27: an IPv4 address is met in all its spellings, also inside of an IPv6 address."""
    facts = found(f"see http://{host}/gate")
    assert listed(facts, "ipv4-addr:value", "127.0.0.1")
    assert listed(facts, "url:value", "http://127.0.0.1/gate")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://Evil.Example/Path?x=1.", ("url:value", "http://evil.example/Path?x=1")),
        ("(http://evil.example/a_(b))", ("url:value", "http://evil.example/a_(b)")),
        ("http://evil.example/aです。", ("url:value", "http://evil.example/a")),
        ("http://日本語.example/", ("domain-name:value", "xn--wgv71a119e.example")),
        ("http://faß.example/", ("domain-name:value", "xn--fa-hia.example")),
        ("http://faß.example/", ("domain-name:value", "fass.example")),
        ("http://🫠.example/", ("domain-name:value", "xn--129h.example")),
        ("call c2[.]evil[.]example now", ("domain-name:value", "c2.evil.example")),
        ("address 192.0.2.7, port 80", ("ipv4-addr:value", "192.0.2.7")),
        ("http://[2001:DB8::1]:80/", ("ipv6-addr:value", "2001:db8::1")),
        ("http://[fe80::1%25eth0]/", ("ipv6-addr:value", "fe80::1")),
        ("\\\\evil.example\\share\\x.lnk", ("url:value", "file://evil.example/share/x.lnk")),
        ("\\\\evil.example@SSL@443\\DavWWWRoot\\x", ("domain-name:value", "evil.example")),
        ("search-ms:query=x&crumb=location:%5C%5Cevil.example%5Cx", ("domain-name:value", "evil.example")),
        ("file:////evil.example/x", ("domain-name:value", "evil.example")),
        ("https://protect.mimecast.example/s/abc?domain=evil.example", ("domain-name:value", "evil.example")),
    ],
)
def test_found(text: str, expected: tuple[str, str], found: Callable[[str], Facts]) -> None:
    """B27: URLs and hosts are noted as a client would resolve them."""
    assert expected in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3 and/or a.b", "10:30-11:00, 3/4", "C:\\dir\\file.txt",
        "int x; //comment here",
        "料金：１００／２００。", "192.0.2.0/24", "a@b.example", "http://", "https:80", "100%25", "...", "[::1]",
    ],
)  # fmt: skip
def test_no_urls(text: str, found: Callable[[str], Facts]) -> None:
    """Ordinary texts have no URLs, and an address is no host of its own."""
    assert not {value for path, value in found(text) if path in ("url:value", "domain-name:value")}


def test_lines_that_end_with_a_url(found: Callable[[str], Facts]) -> None:
    """What follows on the next line is another text, where nothing says that the URL goes on."""
    facts = found("http://www.example.jp/a\nhello there\n\nhttp://www.example.jp/b\nhttp://www.example.jp/c\n")
    assert {value for path, value in facts if path == "url:value"} == {f"http://www.example.jp/{end}" for end in "abc"}


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("http:\\\\evil.example\\x", "http://evil.example/x"),
        ("http:/evil.example/x", "http://evil.example/x"),
        ("HTTPS:evil.example/x?a=\\", "https://evil.example/x?a=\\"),
        ("\x01ht\ttp:///evil.exa\nmple/x", "http://evil.example/x"),
        ("//evil.example/x", "https://evil.example/x"),
        ("\\\\evil.example\\x", "file://evil.example/x"),
        ("http://evil.example\\@good.example/", "http://evil.example/@good.example/"),
        ("javascript:location='http://evil.example/x'", "http://evil.example/x"),
        ("ms-excel:ofe|u|http://evil.example/x", "http://evil.example/x"),
        ("mailto:?body=http%3A//evil.example/x", "http://evil.example/x"),
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


HOSTILE = [
    "<", "&", "(", "http://", "%25", "%68", "a.", "[.]", "http://a'", "http://a.b/?u=http://c.d/", "\\\\a.b\\",
    "。", "ａ.",     "http://a.b/\n", "<http://a\n", "1.1.1.1/", "\u200ba", "xn--", "aHR0cDov", "http://a=\n", "a . b", "http://]",
    "https://urldefense.com/v3/__http://**_", "ｈｔｔｐ：／／ａ．ｂ ", "日.", "x",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE, ids=ascii)
def test_hostile_texts_end(piece: str, found: Callable[[str], Facts]) -> None:
    """A megabyte of anything is searched within the time of a test; what has more than the bound is cut."""
    assert len(found(piece * (1_000_000 // len(piece)))) < 20_000


@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8), max_size=20).map("".join))
def test_any_text(limits: InspectionSettings, text: str) -> None:
    """No text and no link raises, and both say the same when asked twice."""
    twice = [Notes(limits), Notes(limits)]
    for notes in twice:
        note_urls(text, "part:1", notes)
        for target in (text, *link_targets(text)):
            note_url(target, "part:1", notes)
            unwrapped(target)
    assert twice[0].observables == twice[1].observables
    assert host_facts(text) == host_facts(text)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("www.example.co.jp", "example.co.jp"), ("a.b.example.com", "example.com"), ("example", "example"),
        ("192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8::1"), ("x.jp", "x.jp"),
    ],
)  # fmt: skip
def test_registered_domains(host: str, expected: str) -> None:
    """The domain that somebody registered stands below a country's second levels where it has such."""
    assert registered(host) == expected
