"""Versions of published objects: names that stay, what was published last, and what feeds call an item."""

from __future__ import annotations

import uuid
from typing import TypeVar

import msgspec
from sekisho_core.display import visible

from sekisho_feeds.export_items import Item, Options

_NAMESPACE = uuid.UUID("3d5f3a0e-8f0b-5c57-9f0e-6a1d3c5b7e21")
_LONGEST_TEXT = 500
_T = TypeVar("_T")


def uuid_of(*words: str) -> str:
    """The UUID (version 5) that these words always have."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join(words)))


def published_as(options: Options, name: str, type: type[_T], default: _T) -> _T:
    """The JSON of a file published last; `default` where there is none, or none that we wrote."""
    if name not in options.previous:
        return default
    try:
        return msgspec.json.decode(options.previous[name], type=type)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return default


def label(item: Item) -> str:
    """What sources call an item, in one line that hides nothing."""
    return visible("; ".join(dict.fromkeys(filter(None, (item.name, item.threat)))), _LONGEST_TEXT)


def in_order(item: Item) -> tuple[str, str]:
    """The key by which items are sorted, so that their order says nothing."""
    return item.kind, item.value
