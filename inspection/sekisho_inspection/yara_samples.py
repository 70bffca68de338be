"""What rules cost before they see a mail: their time over samples made here, beside that of a plain string.

A ratio to a yardstick of the same process says the same on every machine; a time does not.
"""

from __future__ import annotations

import base64
import random
import time
from collections import Counter
from contextlib import suppress
from functools import cache
from typing import Any

import yara

from sekisho_inspection.yara_scan import EXTERNALS

_SIZE = 1 << 16
_YARDSTICK = 'rule yardstick { strings: $a = "nothing in the samples is so" condition: $a }'
# The smallest bound that YARA has.
_SECONDS = 1
_ROUNDS = 3
# Rules may ask for the length; so many samples are runs of one byte, unlike anything in mail.
_LENGTHS = (_SIZE, 4000, 200)
_UNLIKE = 2
_WORDS = (
    "資料を送付いたします。ご確認のほど、よろしくお願いいたします。", "お世話になっております。", "会議の日程について",
    "the report of the meeting is attached", "Please find the document.", "https://www.example.jp/path?query=1", "\r\n",
)  # fmt: skip
_BEGINNINGS = (
    b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0",
    b"%PDF-1.7\n",
    b"PK\3\4\24\0\0\0\x08\0",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
)


@cache
def samples() -> tuple[bytes, ...]:
    """Texts, pages, base64, scripts, runs of one byte, noise, and the beginnings of files that rules ask for; the same
    in every process."""
    chance = random.Random("sekisho")
    text = "".join(chance.choice(_WORDS) for _ in range(_SIZE // 40)).encode()[:_SIZE]
    noise = chance.randbytes(_SIZE)
    page = b"<html><body>" + b"<p class='a'><a href='https://www.example.jp/'>link</a></p>\n" * (_SIZE // 64)
    script = b"var a = unescape('%u9090%u9090'); eval(String.fromCharCode(97, 98, 99)); powershell -enc AAAA\n" * 700
    plain = (text, page, script, base64.encodebytes(noise)[:_SIZE], bytes(_SIZE), b"A" * _SIZE, noise)
    return plain + tuple((start + noise)[:_SIZE] for start in _BEGINNINGS)


def cost(rules: Any, rounds: int = _ROUNDS) -> float:
    """How many times as long as the search for a plain string compiled rules take over all samples. Infinite when
    YARA's shortest bound passes.

    Both are timed in turns on each sample, and of each the least counts: what disturbs the machine for a while disturbs
    both, and the least of all neither.
    """
    spent, beside = 0.0, 0.0
    try:
        for sample in samples():
            turns = [(_plain(sample), _timed(rules, sample)) for _ in range(rounds)]
            beside += min(plain for plain, _ in turns)
            spent += min(found for _, found in turns)
    except yara.TimeoutError:
        return float("inf")
    return spent / beside


def everywhere(rules: Any) -> str:
    """The name of a rule that hits all samples of some length but two at most, as it would hit nearly every mail; ""
    when there is none."""
    most = len(samples()) - _UNLIKE
    for length in _LENGTHS:
        hits = Counter(match.rule for sample in samples() for match in _hits(rules, sample[:length]))
        if found := next((rule for rule, count in hits.items() if count >= most), ""):
            return found
    return ""


def _hits(rules: Any, sample: bytes) -> list[Any]:
    # What takes too long is refused for its cost.
    with suppress(yara.TimeoutError):
        return list(rules.match(data=sample, timeout=_SECONDS, fast=True))
    return []


def _plain(sample: bytes) -> float:
    # At once again: on a busy machine the first is slow, since others have filled the caches (25 times became 17).
    return min(_timed(_yardstick(), sample) for _ in range(_ROUNDS))


@cache
def _yardstick() -> Any:
    return yara.compile(source=_YARDSTICK, externals=dict(EXTERNALS))


def _timed(rules: Any, sample: bytes) -> float:
    begun = time.thread_time()
    rules.match(data=sample, timeout=_SECONDS)
    return time.thread_time() - begun
