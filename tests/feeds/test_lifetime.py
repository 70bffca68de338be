"""Until when an indicator holds, and how its score falls."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.lifetime import NIDS, PHISHING, Decay, decayed, spent_after, validity
from sekisho_rules.indicator import Indicator

JST = timezone(timedelta(hours=9))
IMPORTED = datetime(2026, 6, 1, 9, tzinfo=JST)
# The end of the day of import, in UTC.
MIDNIGHT = datetime(2026, 6, 2, tzinfo=UTC)
EARLY = datetime(2026, 3, 1, 8, 30, tzinfo=JST)


def until(pattern: str, imported: datetime = IMPORTED, **stated: Any) -> datetime | None:
    """Until when an indicator with this pattern holds."""
    return validity(Indicator(id="indicator--1", source="feed", pattern=pattern, **stated), imported)


@pytest.mark.parametrize(
    ("pattern", "days"),
    [
        ("[ipv4-addr:value = '192.0.2.1']", 14),
        ("[ipv6-addr:value = '2001:db8::/48']", 14),
        ("[network-traffic:dst_ref.value = '192.0.2[.]1']", 14),
        ("[network-traffic:dst_ref.value = 'evil.example']", 90),
        ("[url:value = 'http://192.0.2.1/x']", 30),
        ("[domain-name:value = 'evil.example']", 90),
        ("[ipv4-addr:value = '192.0.2.1' OR ipv4-addr:value = '192.0.2.2']", 14),
        ("[ipv4-addr:value = '192.0.2.1'] AND [domain-name:value = 'evil.example']", 90),
    ],
)
def test_days_by_kind(pattern: str, days: int) -> None:
    """Without an end an indicator holds for the days of its kind, of several kinds the longest, from the end of the day
    on which its feed stated it, however old it is."""
    assert until(pattern, valid_from=EARLY) == MIDNIGHT + timedelta(days=days)


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("[file:hashes.MD5 = 'aa']", "stix"),
        ("[email-message:from_ref.value = 'a@evil.example']", "stix"),
        ("[email-message:subject = '取材のご依頼']", "stix"),
        ("[file:name = 'evil.exe']", "stix"),
        ("[file:hashes.MD5 = 'aa' AND ipv4-addr:value = '192.0.2.1']", "stix"),
        ("rule a { condition: true }", "yara"),
        ("not a pattern", "stix"),
        ("alert", "snort"),
    ],
)
def test_without_end(pattern: str, kind: str) -> None:
    """A digest is bad for ever; what says nothing of its kind is kept."""
    assert until(pattern, pattern_type=kind, valid_from=EARLY) is None


def test_the_future() -> None:
    """A start in the future counts, and no time is too late to reckon with."""
    ip, days = "[ipv4-addr:value = '192.0.2.1']", timedelta(days=14)
    future, last = IMPORTED + timedelta(days=99), datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=9)))
    assert until(ip, last_seen=future) == MIDNIGHT + days
    assert until(ip, valid_from=future) == MIDNIGHT + timedelta(days=99) + days
    assert until(ip, valid_from=last) is None
    assert until(ip, valid_until=last) is None


def test_stated_end() -> None:
    """A stated end counts; 9 o'clock in Japan is midnight in UTC, and a time without a zone is UTC."""
    found = until("[file:hashes.MD5 = 'aa']", valid_until=datetime(2026, 7, 1, 9, tzinfo=JST))
    assert found is not None
    assert found.isoformat() == "2026-07-01T00:00:00+00:00"
    assert until("[ipv4-addr:value = '192.0.2.1']", datetime(2026, 6, 1)) == datetime(2026, 6, 16, tzinfo=UTC)


def test_own_days() -> None:
    """A table of one's own replaces the days; a kind that it does not name is without end."""
    one = Indicator(id="indicator--1", source="feed", pattern="[url:value = 'http://evil.example/']")
    assert validity(one, IMPORTED, {"url": 1}) == MIDNIGHT + timedelta(days=1)
    assert validity(one, IMPORTED, {"ip": 1}) is None


@pytest.mark.parametrize(("model", "days"), [(PHISHING, 1.0), (NIDS, 46.9)])
def test_published_models(model: Decay, days: float) -> None:
    """From 80 the published models fall below 30 after 1.0 and 46.9 days."""
    found = spent_after(80, model)
    assert round(found, 1) == days
    assert decayed(80, found - 0.01, model) > 30 > decayed(80, found + 0.01, model)


@given(st.floats(0, 100), st.floats(-10, 1e6), st.floats(0, 1e3), st.floats(0.01, 1e4), st.floats(0.1, 10))
def test_decay_falls(base: float, age: float, more: float, lifetime: float, speed: float) -> None:
    """A score starts at its base, never rises, and is 0 from the end of its life on."""
    model = Decay(lifetime, speed)
    assert decayed(base, 0, model) == base >= decayed(base, age, model) >= decayed(base, age + more, model) >= 0
    assert decayed(base, lifetime, model) == 0
    assert 0 <= spent_after(base, model) <= lifetime


@pytest.mark.parametrize("model", [Decay(0, 2), Decay(3, 0), Decay(float("nan"), 2)])
def test_no_model(model: Decay) -> None:
    """A model without a lifetime or a speed is an error that names both."""
    with pytest.raises(ValueError, match=r"lifetime .* and speed"):
        decayed(80, 1, model)
    with pytest.raises(ValueError, match=r"lifetime .* and speed"):
        spent_after(80, model)
