"""MISP tags: what those of an attribute, its object and its event say of marking, use, certainty and threat."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec
from sekisho_rules.tlp import strictest, tlp_of_name

_T = TypeVar("_T")
_MOST_TAGS, _LONGEST_TAG = 100, 255
_MACHINE = re.compile(r'([^:="]{1,80}):([^:="]{1,80})="([^"]{1,255})"')
_PAPS = ("clear", "green", "amber", "red")
# Numerical values of the taxonomies misp and admiralty-scale; for words of estimation STIX 2.1 appendix A.
_CONFIDENCES = {
    "misp:confidence-level": {
        "completely-confident": 100,
        "usually-confident": 75,
        "fairly-confident": 50,
        "rarely-confident": 25,
        "unconfident": 0,
    },
    "admiralty-scale:information-credibility": {"1": 100, "2": 75, "3": 50, "4": 25, "5": 0},
    "estimative-language:confidence-in-analytic-judgment": {"high": 85, "moderate": 50, "low": 15},
    "estimative-language:likelihood-probability": {
        "almost-certain": 95,
        "very-likely": 85,
        "likely": 70,
        "roughly-even-chance": 50,
        "unlikely": 30,
        "very-unlikely": 15,
        "almost-no-chance": 5,
    },
}
# Galaxies whose clusters are actors, campaigns or malware, in the order in which they tell more.
_ACTORS = ("threat-actor", "mitre-intrusion-set", "microsoft-activity-group", "360net-threat-actor", "mitre-campaign")
_MALWARE = ("malpedia", "mitre-malware", "mitre-tool", "ransomware", "rat", "banker", "botnet", "stealer", "backdoor",
            "tool", "android", "exploit-kit", "cryptominers")  # fmt: skip
_GALAXIES = (*_ACTORS, *_MALWARE)
_MITRE_ID = re.compile(r" - [GSC]\d{4}$")


class Said(msgspec.Struct, frozen=True):
    """What tags say; `labels` are the tags themselves."""

    tlp: str
    pap: str
    confidence: int
    threat_name: str
    labels: tuple[str, ...]


def said(levels: Sequence[Sequence[str]], tlp: str, confidence: int) -> Said:
    """What the tags of an attribute, of its object and of its event say together, in this order: the first level that
    says anything of a matter decides it, within a level the strictest marking and the first certainty.

    `tlp` and `confidence` hold where none says any.
    """
    certainty = _first(levels, _confidence)
    return Said(
        tlp=_first(levels, _tlp) or tlp,
        pap=_first(levels, _pap) or "",
        confidence=confidence if certainty is None else certainty,
        threat_name=_first(levels, _threat) or "",
        labels=tuple(dict.fromkeys(tag for level in levels for tag in level))[:_MOST_TAGS],
    )


def names(tags: Any, *, inherited: bool = False) -> list[str]:
    """The names of a `Tag` list; `inherited` chooses those that a search answer copied from the event (`inherited`: 1)
    in place of the attribute's own."""
    found = [tag for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else []
    wanted = [tag for tag in found if (tag.get("inherited") in (1, "1", True)) is inherited]
    return _usable(tag.get("name") for tag in wanted[:_MOST_TAGS])


def cluster_names(galaxies: Any) -> list[str]:
    """The tag names of the clusters of a `Galaxy` list."""
    lists = [galaxy.get("GalaxyCluster") for galaxy in _structs(galaxies)]
    return _usable(cluster.get("tag_name") for clusters in lists for cluster in _structs(clusters))[:_MOST_TAGS]


def _structs(items: Any) -> list[dict[str, Any]]:
    return [item for item in items[:_MOST_TAGS] if isinstance(item, dict)] if isinstance(items, list) else []


def _usable(tags: Iterable[Any]) -> list[str]:
    return [tag for tag in tags if isinstance(tag, str) and 0 < len(tag) <= _LONGEST_TAG and "\0" not in tag]


def _first(levels: Sequence[Sequence[str]], read: Callable[[Sequence[str]], _T | None]) -> _T | None:
    return next((found for found in map(read, levels) if found is not None), None)


def _tlp(tags: Sequence[str]) -> str | None:
    stated = [tlp for tag in tags if tag[:4].lower() == "tlp:" and (tlp := tlp_of_name(tag))]
    return strictest(stated, "") or None


def _pap(tags: Sequence[str]) -> str | None:
    """The narrowest PAP; what follows a `+` narrows the sharing, which is the matter of TLP."""
    words = [tag[4:].lower().partition("+")[0].strip() for tag in tags if tag[:4].lower() == "pap:"]
    stated = [word for word in ("clear" if word == "white" else word for word in words) if word in _PAPS]
    return max(stated, key=_PAPS.index, default=None)


def _confidence(tags: Sequence[str]) -> int | None:
    machine = dict(_machine_tags(tags))
    stated = (scale.get(machine.get(name, "")) for name, scale in _CONFIDENCES.items())
    return next((number for number in stated if number is not None), None)


def _threat(tags: Sequence[str]) -> str | None:
    machine = dict(reversed(_machine_tags(tags)))
    stated = (machine.get(f"misp-galaxy:{galaxy}") for galaxy in _GALAXIES)
    return next((_MITRE_ID.sub("", name) for name in stated if name), None)


def _machine_tags(tags: Sequence[str]) -> list[tuple[str, str]]:
    """Triple tags `namespace:predicate="value"`; names are compared without case."""
    found = filter(None, map(_MACHINE.fullmatch, tags))
    return [(f"{tag[1]}:{tag[2]}".lower(), tag[3]) for tag in found]
