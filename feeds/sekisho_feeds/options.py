"""Options of a format: texts by name, with the default of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from sekisho_feeds.harvest import FeedError

_YES = ("yes", "true", "1")
_NO = ("no", "false", "0")


def chosen(defaults: Mapping[str, str], options: Mapping[str, str]) -> dict[str, str]:
    """Every option with the value given or else its default. Raises FeedError for a name that does not exist."""
    for name in options:
        if name not in defaults:
            raise FeedError(f"option {name} does not exist{nearest(name, defaults)}")
    return {**defaults, **options}


def nearest(name: str, valid: Iterable[str]) -> str:
    """What to say of a name that does not exist: the nearest one that does, else all."""
    names = sorted(valid)
    near = get_close_matches(name, names, 1)
    return f" (did you mean {near[0]}?)" if near else f" (there are {', '.join(names) or 'none'})"


def one_of(options: Mapping[str, str], name: str, valid: Iterable[str]) -> str:
    """An option that is one of a few words. Raises FeedError for another."""
    words = list(valid)
    if options[name] not in words:
        raise FeedError(f"option {name}: {options[name]} is none of {', '.join(words)}{nearest(options[name], words)}")
    return options[name]


def flag(options: Mapping[str, str], name: str) -> bool:
    """An option that is yes or no. Raises FeedError for anything else."""
    word = options[name].lower()
    if word not in _YES + _NO:
        raise FeedError(f"option {name}: {options[name]} is neither yes nor no")
    return word in _YES


def whole(options: Mapping[str, str], name: str, most: int) -> int:
    """An option that is a number from 1 to `most`. Raises FeedError for anything else."""
    text = options[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and 1 <= int(text) <= most):
        raise FeedError(f"option {name}: {text} is no number from 1 to {most}")
    return int(text)
