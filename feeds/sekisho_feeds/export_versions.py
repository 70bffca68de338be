"""Versions of published objects: what did not change keeps its time, what did gets a later one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sekisho_core.display import visible

from sekisho_feeds.export_items import Item, Options

_NAMESPACE = uuid.UUID("3d5f3a0e-8f0b-5c57-9f0e-6a1d3c5b7e21")
_LONGEST_TEXT = 500


def uuid_of(*words: str) -> str:
    """The UUID (version 5) that these words always have."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join(words)))


def previous_object(options: Options, name: str) -> dict[str, Any]:
    """The JSON object of a file published last; empty where there is none that can be read."""
    try:
        found = msgspec.json.decode(options.previous.get(name, b"{}"))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def is_same(content: Mapping[str, Any], published: Mapping[str, Any], *times: str) -> bool:
    """Whether an object says what is published already, but for the properties that hold its times."""
    return dict(content) == {name: value for name, value in published.items() if name not in times}


def later(previous: int, now: datetime) -> int:
    """The time in seconds, or one more than that of the version before where the clock went back."""
    return max(int(now.timestamp()), previous + 1)


def label(item: Item) -> str:
    """What sources call an item, in one line that hides nothing."""
    return visible("; ".join(dict.fromkeys(filter(None, (item.name, item.threat)))), _LONGEST_TEXT)
