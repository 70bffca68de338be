"""Indicators to measure with: any number of plain STIX equalities over all kinds; none meets a mail of the bench."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

_KINDS = (
    "[domain-name:value = 'c2-{n}.listed.example']",
    "[url:value = 'http://c2-{n}.listed.example/{h}']",
    "[file:hashes.'SHA-256' = '{h}']",
    "[email-addr:value = 'sender{n}@listed.example']",
    "[email-message:subject = '件名その{n}']",
    "[file:name = 'payload-{n}.exe']",
    "[ipv4-addr:value = '{ip}']",
)


def patterns(count: int) -> Iterator[tuple[str, str]]:
    """`count` pairs of a STIX indicator id and its pattern."""
    for number in range(count):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        ip = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        identity = f"indicator--{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
        yield identity, _KINDS[number % len(_KINDS)].format(n=number, h=digest, ip=ip)
