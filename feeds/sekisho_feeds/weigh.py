"""The weight of what several sources say of one thing: how sure it is, and who may see it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sekisho_rules.tlp import TLPS, strictest

SUREST = 100


class Word(NamedTuple):
    """What one source says: its confidence and the trust that its feed has here, both from 0 to 100, and its TLP."""

    confidence: int
    trust: int = SUREST
    tlp: str = "amber"


def confidence_of(words: Iterable[Word]) -> int:
    """The highest confidence of the sources, each as far as its feed is trusted; 0 where nobody says anything.

    Sources copy from each other: two that say the same make it no surer. Confidence is on the scale of STIX 2.1
    appendix A; numbers beyond 0 to 100 count as the nearer end.
    """
    return max((_share(word.confidence) * _share(word.trust) // SUREST for word in words), default=0)


def tlp_of(words: Iterable[Word]) -> str:
    """The strictest TLP of the sources, which marks what is passed on that rests on all of them; "red" where there is
    none, or one that is no TLP: what nobody allowed to pass on is not passed on."""
    stated = [word.tlp for word in words]
    return strictest(stated, TLPS[-1]) if all(tlp in TLPS for tlp in stated) else TLPS[-1]


def _share(number: int) -> int:
    return min(max(number, 0), SUREST)
