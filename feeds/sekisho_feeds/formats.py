"""Formats by name: each is an entry point, so that a package of somebody else's can bring one."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import cast

from sekisho_feeds.harvest import FeedError, Format
from sekisho_feeds.options import nearest

_GROUP = "sekisho.feed_formats"


def format_names() -> list[str]:
    """The names of all formats that are installed, sorted."""
    return sorted({point.name for point in entry_points(group=_GROUP)})


def format_of(name: str) -> Format:
    """The format of that name. Raises FeedError naming the nearest where there is none, and where it cannot be
    imported."""
    for point in entry_points(group=_GROUP, name=name):
        try:
            return cast(Format, point.load())
        except (ImportError, AttributeError) as error:
            raise FeedError(f"format {name}: {point.value} cannot be imported: {error}") from error
    raise FeedError(f"format {name} does not exist{nearest(name, format_names())}")
