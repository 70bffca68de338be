"""What may leave: the choice of items."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.export_items import Audience, Choice, Item, items
from sekisho_feeds.export_values import KINDS, LONGEST_NAME, fault, is_host_name, outermost
from sekisho_rules.guard import Protected
from sekisho_rules.indicator import Indicator, Refusal

NOW = datetime(2026, 4, 1, tzinfo=UTC)
DAY = timedelta(days=1)
EVIL = "[domain-name:value = 'evil.example']"
ALL = frozenset(KINDS)


def stated(pattern: str = EVIL, **other: Any) -> Indicator:
    """An indicator that a community may have."""
    return Indicator(**{"id": "indicator--1", "source": "npa", "tlp": "green", "pattern": pattern} | other)


def chosen(*indicators: Indicator, warned: tuple[str, ...] = (), **choice: Any) -> list[Item]:
    """The items of these indicators."""
    return list(items(indicators, Choice(now=NOW, **choice), lambda kind, value: value in warned))


def values(*indicators: Indicator, **choice: Any) -> list[tuple[str, str]]:
    """Kinds and values of the items."""
    return [(item.kind, item.value) for item in chosen(*indicators, **choice)]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("[domain-name:value = 'Evil[.]Example.']", [("domain", "evil.example")]),
        ("[domain-name:value = '感染.example']", [("domain", "xn--zgu22m.example")]),
        ("[url:value = 'hxxp://Evil.example:80/a/../b c#x']", [("url", "http://evil.example/b%20c")]),
        ("[url:value = 'evil.example/path']", [("url", "evil.example/path")]),
        ("[ipv4-addr:value = '198.51.100.7']", [("ip", "198.51.100.7")]),
        ("[ipv4-addr:value = '198.51.100.7/24']", [("network", "198.51.100.0/24")]),
        ("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", [("network", "198.51.100.0/24")]),
        ("[ipv6-addr:value = '2001:DB8:0::1']", [("ip", "2001:db8::1")]),
        ("[ipv6-addr:value = '::ffff:198.51.100.7']", [("ip", "198.51.100.7")]),
        ("[network-traffic:dst_ref.value = 'evil.example']", [("domain", "evil.example")]),
        ("[network-traffic:dst_ref.value = '198.51.100.7']", [("ip", "198.51.100.7")]),
        ("[domain-name:value IN ('b.example', 'a.example')]", [("domain", "a.example"), ("domain", "b.example")]),
        ("[domain-name:value = 'a.example' OR url:value = 'http://b.example/x']",
         [("domain", "a.example"), ("url", "http://b.example/x")]),
        ("[domain-name:value = 'a.example'] OR [email-message:subject = 'x']", [("domain", "a.example")]),
        ("[domain-name:value = 'a.example'] OR ([file:name = 'x'] AND [domain-name:value = 'b.example'])",
         [("domain", "a.example")]),
    ],
)  # fmt: skip
def test_what_suffices_by_itself_leaves(pattern: str, found: list[tuple[str, str]]) -> None:
    """A single equality and each operand of an OR are items, in normal form; a URL stays a URL, a host a host."""
    assert values(stated(pattern)) == found


@pytest.mark.parametrize(
    "pattern",
    [
        "[domain-name:value = 'a.example' AND domain-name:value = 'b.example']",
        "[domain-name:value = 'a.example'] AND [url:value = 'http://b.example/']",
        "[domain-name:value = 'a.example'] FOLLOWEDBY [domain-name:value = 'b.example']",
        "[domain-name:value != 'a.example']",
        "[domain-name:value NOT = 'a.example']",
        "[domain-name:value LIKE '%.a.example']",
        "[domain-name:value MATCHES '^a']",
        "[domain-name:value = 'a.example'] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00Z'",
        "[network-traffic:src_ref.value = '198.51.100.7']",
        "[email-message:subject = 'evil.example']",
        "[domain-name:value = 'com']",
        "[domain-name:value = 'co.jp']",
        "[ipv4-addr:value = '0.0.0.0/0']",
        "[ipv4-addr:value = '127.0.0.1']",
        "[ipv4-addr:value = '192.168.0.0/15']",
        "[ipv6-addr:value = 'fe80::1']",
        "[domain-name:value = 'in-addr.arpa']",
        "[domain-name:value = '8.0.0.0.10.rpz-ip']",
        "[domain-name:value = 'evil.rpz-nsdname']",
        "[domain-name:value = 'a.example'",
    ],
)
def test_a_part_is_not_the_indicator(pattern: str) -> None:
    """What holds only together with something else, for a time, or of far too much, is no item."""
    assert values(stated(pattern)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"revoked": True},
        {"valid_until": NOW},
        {"valid_from": NOW + DAY},
        {"state": "observe"},
        {"to_ids": False},
        {"confidence": 49},
        {"severity": "info"},
        {"pattern_type": "snort"},
        {"tlp": "amber"},
        {"tlp": "amber+strict"},
        {"tlp": "red"},
        {"pap": "amber"},
        {"pap": "red"},
        {"pap": "unheard-of"},
    ],
)
def test_what_does_not_hold_or_may_not_leave_stays(change: dict[str, Any]) -> None:
    """Revoked, expired, early, observed, weak, unsure, benign and too closely marked statements stay."""
    assert values(stated(), min_confidence=50) == [("domain", "evil.example")]
    assert values(stated(**change), min_confidence=50) == []


@pytest.mark.parametrize(
    ("audience", "leaving"),
    [
        ("public", {"clear"}),
        ("community", {"clear", "green"}),
        ("clients", {"clear", "green", "amber"}),
    ],
)
def test_tlp_by_audience(audience: Audience, leaving: set[str]) -> None:
    """TLP 2.0: AMBER goes to the organisation's clients only, AMBER+STRICT and RED to nobody."""
    tlps = ("clear", "green", "amber", "amber+strict", "red")
    assert {tlp for tlp in tlps if values(stated(tlp=tlp), audience=audience)} == leaving


def test_pap_amber_is_for_those_who_only_look() -> None:
    """PAP:AMBER leaves to passive readers, PAP:RED to none."""
    assert values(stated(pap="amber"), passive=True) and not values(stated(pap="red"), passive=True)


def test_sources_are_one_item_under_the_strictest_marking() -> None:
    """Two sources of one value are one item with the stricter marking, the higher confidence and the later end."""
    one = stated(confidence=30, valid_until=NOW + DAY, threat_name="APT")
    two = stated("[domain-name:value = 'EVIL.example']", source="cert", id="x", tlp="clear", confidence=90, name="c2")
    (item,) = chosen(one, two)
    assert item.rests_on == (("cert", "x"), ("npa", "indicator--1")) and item.sources == ("cert", "npa")
    assert (item.tlp, item.confidence, item.valid_until, item.name, item.threat) == ("green", 90, None, "c2", "APT")
    assert chosen(one, two, stated(source="ally", tlp="red")) == []
    assert len(chosen(one, two, stated(source="ally", tlp="red", revoked=True))) == 1


def test_warninglists_hold_back() -> None:
    """A value on a warninglist stays, and a URL that is no more than the front page of a host on one."""
    patterns = ("[domain-name:value = 'big.example']", "[url:value = 'http://big.example/']")
    assert chosen(*map(stated, patterns), warned=("big.example",)) == []
    assert len(chosen(stated("[url:value = 'http://big.example/~evil']"), warned=("big.example",))) == 1


def test_own_domains_hold_back() -> None:
    """Nothing of our own leaves to be blocked, and the reason is told."""
    refused: list[Refusal] = []
    choice = Choice(now=NOW, protected=Protected(own=("example.jp",)))
    mine = [stated("[domain-name:value = 'www.example.jp']"), stated("[url:value = 'http://example.jp/x']")]
    assert list(items(mine, choice, lambda kind, value: False, refused)) == []
    assert len(refused) == 2 and all("our own domain" in one.reason for one in refused)


def test_other_kinds_leave_when_chosen() -> None:
    """Hashes, mail addresses and senders' hosts leave only where the choice names them."""
    pattern = (
        f"[file:hashes.'SHA-256' = '{'A' * 64}' OR file:hashes.MD5 = '{'b' * 32}'"
        " OR email-message:from_ref.value = 'Evil@Mail.example' OR network-traffic:src_ref.value = 'mx.example']"
    )
    assert values(stated(pattern)) == []
    found = [("email", "evil@mail.example"), ("md5", "b" * 32), ("sha256", "a" * 64)]
    assert values(stated(pattern), kinds=ALL) == found
    assert values(stated(pattern), kinds=ALL, senders=True) == [("domain", "mx.example"), *found]


@given(st.text(max_size=80), st.sampled_from(KINDS))
def test_no_text_breaks_out(text: str, kind: Any) -> None:
    """Whatever a feed says, a lawful value has nothing that ends a line, a word or a quotation (C30)."""
    pattern = text.replace("\\", "\\\\").replace("'", "\\'")
    paths = ("domain-name:value", "url:value", "ipv4-addr:value", "file:hashes.MD5", "email-addr:value")
    for item in chosen(*(stated(f"[{path} = '{pattern}']") for path in paths), kinds=ALL):
        assert fault(item.kind, item.value) == ""
    if not fault(kind, text):
        assert text.isascii() and text.isprintable() and not set(' "\\|<>`') & set(text)


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a", "1.2.3.4", "", "a..example", "-a.example", "a.example\n"])
def test_no_host_name(name: str) -> None:
    """Names that the DNS or a list cannot have are told."""
    assert not is_host_name(name)


def test_the_longest_name() -> None:
    """253 characters are a name, 254 are none (RFC 1035 section 2.3.4)."""
    longest = ".".join(["a" * 49] * 5 + ["abc"])
    assert len(longest) == LONGEST_NAME and is_host_name(longest) and not is_host_name("b" + longest)


@given(st.lists(st.text("ab.", min_size=1, max_size=8)))
def test_outermost_covers_the_same(names: list[str]) -> None:
    """Each name is covered by one that is kept, and none that is kept by another."""
    kept = outermost(names)
    assert all(any(f".{name}".endswith(f".{one}") for one in kept) for name in names)
    assert all(not one.endswith(f".{two}") for one in kept for two in kept)
