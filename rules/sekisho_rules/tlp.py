"""TLP and PAP markings: the ids of TLP 1 and 2 in STIX, and which of several is the strictest."""

from __future__ import annotations

from collections.abc import Iterable

TLPS = ("clear", "green", "amber", "amber+strict", "red")
"""From the mildest to the strictest."""
PAPS = ("clear", "green", "amber", "red")
"""Permitted uses, from the widest to the narrowest."""
# STIX 2.1 section 7.2.1.4 (TLP 1); OASIS extension definition 60a3c5c5 (TLP 2.0).
_IDS = {
    "613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
    "34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
    "94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}

# The ids of version 2 stand last.
_MARKINGS = {tlp: id for id, tlp in _IDS.items()}


def tlp_of_name(text: str) -> str | None:
    """The TLP of a spelling such as "TLP:WHITE", "tlp:amber+strict" or "Clear"; None for another text."""
    word = text.strip().lower().removeprefix("tlp:").removeprefix("tlp-").strip().replace(" ", "+")
    word = "clear" if word == "white" else word
    return word if word in TLPS else None


def tlp_of_id(marking: str) -> str | None:
    """The TLP of a marking-definition id, None for another marking."""
    return _IDS.get(marking.removeprefix("marking-definition--"))


def id_of_tlp(tlp: str) -> str:
    """The TLP 2.0 marking-definition id of a TLP."""
    return f"marking-definition--{_MARKINGS[tlp]}"


def strictest(tlps: Iterable[str], default: str) -> str:
    """The strictest of the given TLPs; `default` when none is given."""
    return max(tlps, key=TLPS.index, default=default)


def pap_of_name(text: str) -> str | None:
    """The permitted use that a marking such as "PAP:RED" or "pap:white" states; None for another text."""
    prefix, colon, word = text.strip().lower().partition(":")
    word = "clear" if word.strip() == "white" else word.strip()
    return word if prefix == "pap" and colon and word in PAPS else None


def strictest_pap(paps: Iterable[str]) -> str:
    """The narrowest of the given permitted uses; "" when none is given."""
    return max(paps, key=PAPS.index, default="")
