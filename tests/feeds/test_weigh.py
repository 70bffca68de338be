"""What several sources say of one thing, weighed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.weigh import Word, confidence_of, tlp_of
from sekisho_rules.tlp import TLPS

WORDS = st.lists(st.builds(Word, st.integers(-5, 200), st.integers(-5, 200), st.sampled_from(TLPS)), max_size=6)


@pytest.mark.parametrize(
    ("words", "confidence"),
    [
        ([], 0),
        ([Word(80)], 80),
        ([Word(80, 50)], 40),
        ([Word(80, 50), Word(60, 100)], 60),
        ([Word(50), Word(50), Word(50)], 50),
        ([Word(100, 0)], 0),
    ],
)
def test_confidence(words: list[Word], confidence: int) -> None:
    """The highest counts, as far as its feed is trusted; repeating makes nothing surer."""
    assert confidence_of(words) == confidence


@pytest.mark.parametrize(
    ("tlps", "expected"),
    [
        (["clear", "amber", "green"], "amber"),
        (["amber", "amber+strict"], "amber+strict"),
        (["clear"], "clear"),
        ([], "red"),
        (["clear", "TLP:WHAT"], "red"),
    ],
)
def test_tlp(tlps: list[str], expected: str) -> None:
    """What rests on several sources is marked as the strictest of them; without a lawful mark it does not leave."""
    assert tlp_of(Word(50, tlp=tlp) for tlp in tlps) == expected


@given(WORDS, WORDS)
def test_more_sources(some: list[Word], more: list[Word]) -> None:
    """Another source never lowers the confidence and never loosens the TLP."""
    assert 0 <= confidence_of(some) <= confidence_of(some + more) <= 100
    assert not some or TLPS.index(tlp_of(some)) <= TLPS.index(tlp_of(some + more))
