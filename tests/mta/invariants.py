"""What must hold of every mail whatever happened to the filter: delivered scanned, kept, or left to its sender."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

TOKEN = re.compile(rb"(?m)^X-Token: (\S+)\r?$")
_STAMP = re.compile(rb"(?m)^X-Sekisho-Id: [0-9a-z]{26}\r?$")


@dataclass(frozen=True)
class Fates:
    """Where mails ended, by the token in their X-Token field."""

    accepted: frozenset[str]
    refused: frozenset[str]
    delivered: Counter[str]
    kept: Counter[str]
    unscanned: tuple[str, ...]


def fates(answers: Mapping[str, int], delivered: Iterable[Path], bodies: Iterable[bytes]) -> Fates:
    """`answers` are the last SMTP codes by token (0 where the connection broke); `bodies` the recorded contents."""
    contents = [file.read_bytes() for file in delivered]
    return Fates(
        frozenset(token for token, code in answers.items() if code == 250),
        frozenset(token for token, code in answers.items() if code != 250),
        Counter(_token(content) for content in contents),
        Counter(_token(body) for body in bodies),
        tuple(_token(content) for content in contents if not _STAMP.search(content)),
    )


def check(found: Fates) -> None:
    """No mail lost, none delivered unscanned, none both kept and delivered."""
    assert not found.unscanned, f"delivered unscanned: {found.unscanned[:5]}"
    lost = found.accepted - set(found.delivered) - set(found.kept)
    assert not lost, f"taken from the sender and lost: {sorted(lost)[:5]}"
    both = set(found.delivered) & set(found.kept)
    assert not both, f"kept and delivered: {sorted(both)[:5]}"
    twice = [token for token, count in found.kept.items() if count > 1]
    assert not twice, f"kept more than once: {twice[:5]}"


def _token(content: bytes) -> str:
    found = TOKEN.search(content)
    assert found, content[:200]
    return found[1].decode()
