"""Values by their look: URLs, addresses, hosts and hashes in a line of text, disguised or not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from sekisho_feeds.observable_pattern import FILE_SUFFIXES, observable

_DOT = r"(?:[ ]?[\[({](?:\.|dot)[\])}][ ]?|\[\.|\.\]|\\\.|\.)"
_AT = r"(?:[ ]?[\[({](?:@|at)[\])}][ ]?|@)"
_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = rf"{_NAME}(?:{_DOT}{_NAME}){{0,20}}{_DOT}[A-Za-z][A-Za-z0-9-]{{1,23}}"
_START, _END = r"(?<![A-Za-z0-9_.@-])", r"(?![A-Za-z0-9_@-])"
_SHAPES = {
    "url": re.compile(
        r"(?<![A-Za-z0-9])(?:h(?:tt|xx|\*\*|t|XX)ps?|ttps?|hxxxps?|fxps?|ftps?)[ ]?"
        r"(?:\[:\]|:|\[:(?=//\])|\[(?=://\]))[ ]?(?::?//\]?|\[//\]|\[/\]\[/\])[^\s　<>\"'`「」『』【】、。|]{3,2000}",
        re.IGNORECASE,
    ),
    "email": re.compile(rf"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+\-]{{1,64}}{_AT}{_HOST}", re.IGNORECASE),
    "ip": re.compile(
        rf"{_START}\d{{1,3}}(?:{_DOT}\d{{1,3}}){{3}}(?:/\d{{1,2}})?(?::\d{{1,5}})?(?![\d.]\d|\w)"
        r"|(?<![0-9A-Za-z:])[0-9a-f]{1,4}(?:(?:\[:\]|:){1,2}[0-9a-f]{1,4}){2,7}(?![0-9A-Za-z:])",
        re.IGNORECASE,
    ),
    "domain": re.compile(rf"{_START}{_HOST}{_END}", re.IGNORECASE),
    "hash": re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32}(?:[0-9a-f]{8}|[0-9a-f]{32}|[0-9a-f]{96})?(?![0-9A-Za-z])", re.I),
}  # fmt: skip
_DISGUISE = re.compile(r"[\[({](?:\.|:|@|/|dot|at)|(?:\.|:|@|/|dot|at)[\])}]|\\\.|^h(?:xx|\*\*)|^fxp", re.IGNORECASE)
_CLOSING = {")": "(", "]": "[", "}": "{"}


class Found(msgspec.Struct, frozen=True):
    """A value in a text: its type, as it is meant, as it is written, and whether it is written so that nobody opens
    it."""

    type: str
    value: str
    text: str
    disguised: bool


def found_in(text: str) -> Iterator[Found]:
    """The values of a line; each stretch of it is one at most. Full-width text must have been made plain before."""
    for type, shape in _SHAPES.items():
        for match in shape.finditer(text):
            written = _without_end(match[0])
            if (one := _checked(type, written)) is not None:
                yield one
        text = shape.sub(_blank(type), text)


def _blank(type: str) -> Callable[[re.Match[str]], str]:
    """What stands for a value that is taken; a run that is none may still be another."""
    return lambda match: " " if type == "url" or _checked(type, _without_end(match[0])) is not None else match[0]


def _without_end(text: str) -> str:
    """Without punctuation that belongs to the sentence, and a bracket that was opened before the value."""
    while text and (text[-1] in ".,;:!?*…" or _is_outer(text)):
        text = text[:-1]
    return text


def _is_outer(text: str) -> bool:
    opening = _CLOSING.get(text[-1])
    return opening is not None and text.count(opening) < text.count(text[-1])


def _checked(type: str, text: str) -> Found | None:
    disguised = _DISGUISE.search(text) is not None
    if type == "domain" and not disguised and text.rpartition(".")[2].lower() in FILE_SUFFIXES:
        return None
    try:
        colons = text.replace("[:]", ":") if type == "ip" else text
        one = observable("auto" if type == "hash" else type, colons)
    except ValueError:
        return None
    return Found(one.type, one.value, text, disguised)
