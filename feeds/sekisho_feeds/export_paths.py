"""Paths of exported files as other programs' configuration quotes them."""

from __future__ import annotations

import re

from sekisho_feeds.export_items import OptionError

_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_.@:+-]+)+/?")


def file_at(directory: str, name: str) -> str:
    """The path of a file in the directory where the consumer finds it. Raises OptionError where the directory is not
    absolute, or has characters that need quoting in any of the configuration languages."""
    if not _PLAIN_PATH.fullmatch(directory) or ".." in directory.split("/"):
        raise OptionError(f"directory {directory!r}: no absolute path of letters, digits and _.@:+-")
    return f"{directory.rstrip('/')}/{name}"
