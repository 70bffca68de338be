"""Warninglists in MISP's format, and what they know."""

import json
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.warninglist import (
    KINDS,
    Kind,
    Warninglist,
    Warninglists,
    read_warninglist,
    shipped_warninglists,
)

HOSTS = ("domain", "hostname", "domain|ip", "url")


def listed(type: str, entries: list[str], attributes: tuple[str, ...] = (), name: str = "list") -> Warninglist:
    """A list of MISP, read."""
    document = {"name": name, "description": "", "version": 3, "type": type, "list": entries, "extra": {"a": 1}}
    return read_warninglist(json.dumps(document | {"matching_attributes": attributes}).encode(), "feed")


def knows(one: Warninglist, kind: Kind, value: str) -> bool:
    """Whether a list alone knows a value."""
    return Warninglists([one]).hits(kind, value) == [one.name]


@pytest.mark.parametrize(
    ("type", "entry", "attributes", "kind", "value", "expected"),
    [
        ("string", "Mail.example", HOSTS, "domain", "mail.EXAMPLE.", True),
        ("string", "mail.example", HOSTS, "domain", "a.mail.example", False),
        ("string", "mail.example", HOSTS, "domain", "mail[.]example", True),
        ("string", ".mail.example", HOSTS, "domain", "a.mail.example", True),
        ("string", "mail.example", HOSTS, "url", "https://mail.example/", True),
        ("string", "mail.example", HOSTS, "url", "hxxps://mail[.]example:443/?", True),
        ("string", "mail.example", HOSTS, "url", "https://mail.example/a", False),
        ("string", "mail.example", HOSTS, "url", "https://mail.example/?a=1", False),
        ("string", "https://mail.example/a", HOSTS, "url", "HTTPS://mail.example/./a", True),
        ("string", "https://mail.example/a", HOSTS, "url", "https://mail.example/b", False),
        ("string", "mail.example", HOSTS, "email", "somebody@mail.example", False),
        ("string", "mail.example", HOSTS, "email", "@mail.example", True),
        ("string", "mail.example", HOSTS, "email", "mail.example", True),
        ("hostname", "mail.example", ("email-src",), "email", "somebody@a.mail.example", True),
        ("string", "A@mail.example", ("email-src",), "email", "a@Mail.example", True),
        ("hostname", "mail.example", HOSTS, "domain", "a.b.mail.example", True),
        ("hostname", ".mail.example", HOSTS, "domain", "mail.example", True),
        ("hostname", "mail.example", HOSTS, "domain", "amail.example", False),
        ("hostname", "mail.example", HOSTS, "domain", "mail.example.jp", False),
        ("hostname", "mail.example", HOSTS, "url", "http://a.mail.example", True),
        ("hostname", "mail.example", HOSTS, "url", "http://a.mail.example/x", False),
        ("hostname", "日本.example", HOSTS, "domain", "www.xn--wgv71a.example", True),
        ("hostname", "mail.example", ("domain",), "url", "http://mail.example/", True),
        ("hostname", "mail.example", ("url",), "domain", "mail.example", False),
        ("hostname", "mail.example", (), "domain", "mail.example", True),
        ("cidr", "192.0.2.0/25", ("ip-src",), "ip", "192.0.2.127", True),
        ("cidr", "192.0.2.0/25", ("ip-src",), "ip", "192.0.2.128", False),
        ("cidr", "192.0.2.0/25", ("ip-src",), "ip", "::ffff:192.0.2.1", True),
        ("cidr", "192.0.2.77", ("ip-src",), "ip", "192.0.2.0/24", True),
        ("cidr", "192.0.2.0/25", ("ip-src",), "domain", "192.0.2.1", True),
        ("cidr", "192.0.2.0/25", ("ip-src",), "url", "http://192.0.2.1/", True),
        ("cidr", "192.0.2.0/25", ("ip-src",), "url", "http://192.0.2.1/x", False),
        ("cidr", "2001:db8::/33", ("ip-src",), "ip", "2001:0DB8::1", True),
        ("cidr", "2001:db8::/33", ("ip-src",), "ip", "2001:db8:8000::1", False),
        ("cidr", "192.0.2.0/25", ("domain",), "ip", "192.0.2.1", False),
        ("substring", "Throwaway", ("email-src",), "email", "a@throwaway-mail.example", True),
        ("substring", "throwaway", ("email-src",), "domain", "throwaway.example", False),
        ("substring", "ab", (), "filename", "xaby.exe", True),
        ("substring", "abc", (), "filename", "xaby.exe", False),
        ("regex", "/^(abuse|noc)\\@.*$/i", ("email-src",), "email", "Abuse@mail.example", True),
        ("regex", "/^(abuse|noc)\\@.*$/i", ("email-src",), "email", "x-abuse@mail.example", False),
        ("regex", "^[0-9]+\\.pdf$", ("filename",), "filename", "123.PDF", True),
        ("string", "AA", ("filename|md5",), "hash", "aa", True),
        ("string", "aa", ("sha3-512",), "hash", "AA", True),
        ("string", "Invoice", ("email-subject",), "subject", "Ｉnvoice", True),
        ("string", "見積書.pdf", ("filename",), "filename", "見積書．ＰＤＦ", True),
        ("string", "見積書.pdf", ("attachment",), "filename", "御見積書.pdf", False),
    ],
)
def test_what_a_list_knows(
    type: str, entry: str, attributes: tuple[str, ...], kind: Kind, value: str, expected: bool
) -> None:
    """Each type of list compares as MISP says; a URL with a path or a query is not its host, an address not its
    domain."""
    assert knows(listed(type, [entry], attributes), kind, value) is expected


def test_many_lists() -> None:
    """All lists that know a value are named, in the order given."""
    lists = Warninglists(listed("hostname", ["mail.example"], name=name) for name in ("b", "a", "c"))
    assert lists.hits("domain", "x.mail.example") == ["b", "a", "c"]
    assert lists.hits("domain", "other.example") == []
    assert lists.hits("domain", "") == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a MISP warninglist"),
        (b"[]", "not a MISP warninglist"),
        (b'{"name": "n", "type": "cidr"}', "list"),
        (b'{"name": "n", "type": "fuzzy", "list": []}', "fuzzy"),
        (b'{"name": "n", "type": "cidr", "list": [1]}', r"\$\.list\[0\]"),
        (b'{"name": " ", "type": "cidr", "list": []}', "without a name"),
        (b'{"name": "\xff"}', "not a MISP warninglist"),
        (b'{"x":' * 5000, "not a MISP warninglist"),
    ],
)
def test_no_list(content: bytes, said: str) -> None:
    """What is no list is refused, naming where it is from and the fault (C27)."""
    with pytest.raises(FeedError, match=f"^lists/x.json: .*{said}"):
        read_warninglist(content, "lists/x.json")


@pytest.mark.parametrize(
    ("type", "entry", "reason"),
    [
        ("cidr", "nowhere", "is no IP address or range"),
        ("cidr", "0.0.0.0/0", "is every address"),
        ("cidr", "::ffff:0:0/96", "is every address"),
        ("regex", "/(?<=a)b/", "RE2 refuses it"),
        ("regex", "/.*/", "fits every value"),
        ("substring", "a", "has not 2 to 255 characters"),
        ("string", "a" * 2000, "has not 1 to 1000 characters"),
    ],
)
def test_unused_entries(type: str, entry: str, reason: str) -> None:
    """An entry that cannot be compared, or would silence every indicator, is named with its list; the others count."""
    lists = Warninglists([listed(type, [entry, "198.51.100.7"])])
    assert [reason in line and line.startswith("list: ") for line in lists.unused] == [True]
    assert lists.hits("ip", "198.51.100.7") == ["list"]
    assert not any(lists.hits(kind, "qwertz.example") for kind in KINDS)


def test_catastrophic_expression() -> None:
    """An expression that costs a backtracking engine for ever is searched in linear time (C25)."""
    lists = Warninglists([listed("regex", ["/^(a+)+$/"])])
    assert lists.hits("subject", "a" * 1000 + "b") == []


ADDRESSES = st.integers(0, 2**32 - 1).map(ip_address)
RANGES = st.builds(lambda address, length: ip_network((address, length), strict=False), ADDRESSES, st.integers(4, 32))


@given(st.lists(RANGES, max_size=20), st.lists(ADDRESSES, max_size=20))
def test_ranges(ranges: list[object], addresses: list[object]) -> None:
    """An address is known where some range of the list holds it."""
    lists = Warninglists([listed("cidr", list(map(str, ranges)))])
    for address in [*addresses, *(one.network_address for one in ranges)]:  # type: ignore[attr-defined]
        assert bool(lists.hits("ip", str(address))) is any(address in one for one in ranges)  # type: ignore[operator]


@given(st.lists(st.text("abc.", min_size=2, max_size=6), max_size=20), st.text("abc.", min_size=1, max_size=20))
def test_substrings(entries: list[str], value: str) -> None:
    """A value is known where some entry of the list stands in it."""
    lists = Warninglists([listed("substring", entries, ("md5",))])
    assert bool(lists.hits("hash", value)) is any(entry in value for entry in entries)


@given(st.sampled_from(KINDS), st.text(max_size=80))
def test_anything_is_a_value(kind: Kind, value: str) -> None:
    """No value raises; what knows it are lists that were given."""
    known = SHIPPED.hits(kind, value)
    assert set(known) <= {one.name for one in SHIPPED.lists}


SHIPPED = Warninglists(shipped_warninglists())


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("ip", "10.1.2.3"),
        ("ip", "127.0.0.1"),
        ("ip", "fd00::1"),
        ("ip", "8.8.8.8"),
        ("ip", "2606:4700:4700::1111"),
        ("domain", "localhost"),
        ("domain", "gmail.com"),
        ("domain", "docomo.ne.jp"),
        ("domain", "i.softbank.jp"),
        ("domain", "duckdns.org"),
        ("domain", "www.google.com"),
        ("domain", "www.city.example-town.lg.jp"),
        ("domain", "mofa.go.jp"),
        ("url", "https://bit.ly"),
        ("url", "https://www.dropbox.com/"),
        ("url", "https://xgf.nu/"),
        ("email", "@yahoo.co.jp"),
        ("hash", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"),
        ("hash", "44d88612fea8a8f36de82e1278abb02f"),
        ("filename", "Image001.PNG"),
        ("filename", "請求書.xlsx"),
        ("subject", "お知らせ"),
        ("subject", "RE: INVOICE"),
        ("subject", "Re:"),
        ("subject", "無題"),
    ],
)
def test_shipped_lists_know(kind: Kind, value: str) -> None:
    """The lists that come with sekisho know what is common (C21)."""
    assert SHIPPED.hits(kind, value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("ip", "192.0.2.1"),
        ("domain", "evil.example"),
        ("domain", "evil.duckdns.org"),
        ("domain", "evil.github.io"),
        ("domain", "evil-google.com"),
        ("url", "https://bit.ly/3abcdef"),
        ("url", "https://www.dropbox.com/s/x/evil.zip?dl=1"),
        ("email", "evil@gmail.com"),
        ("hash", "0b9d6f1c" * 8),
        ("filename", "平成24年度採用予定調査.exe"),
        ("subject", "【至急】取材日程のご相談の件"),
    ],
)
def test_shipped_lists_do_not_know(kind: Kind, value: str) -> None:
    """They do not know one host, one address or one URL at a service that anybody uses, nor names for documentation."""
    assert SHIPPED.hits(kind, value) == []


def test_shipped_lists_are_sound() -> None:
    """Every shipped list concerns some kind of value, has a name of its own, and no entry that cannot be compared."""
    assert SHIPPED.unused == []
    assert all(one.kinds and one.entries and one.description for one in SHIPPED.lists)
    assert len({one.name for one in SHIPPED.lists}) == len(SHIPPED.lists)
