"""JSON of strangers, decoded within bounds: bytes, depth, keys that stand once, and numbers and texts that are some."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any, NoReturn

from sekisho_core.display import visible

from sekisho_feeds.harvest import FeedError

# STIX and MISP nest about ten deep; Python's own decoder recurses.
DEEPEST = 64
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_OTHER_BYTES = bytes(set(range(256)) - set(b"[]{}"))
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def decode(content: bytes, place: str, *, most_bytes: int, most_depth: int = DEEPEST) -> Any:
    """The value of a JSON text (RFC 8259) in UTF-8; a byte order mark is passed over (section 8.1).

    Raises FeedError, which names `place` and the fault, for what is larger or nests deeper than allowed, for a key
    that stands twice in one object (readers differ on which counts, section 4), for NaN, Infinity and numbers beyond
    a double, and for escapes that are half a character.
    """
    if len(content) > most_bytes:
        raise FeedError(f"{place}: {len(content)} bytes, more than {most_bytes}")
    content = content.removeprefix(_BYTE_ORDER_MARK)
    if _depth(content, most_depth) > most_depth:
        raise FeedError(f"{place}: nested deeper than {most_depth}")
    try:
        value = json.loads(content.decode(), object_pairs_hook=_object, parse_constant=_no_number, parse_float=_finite)
        if _SURROGATE.search(content):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise FeedError(f"{place}: an escape that is half a character") from None
    except UnicodeDecodeError as error:
        raise FeedError(f"{place}: not UTF-8 at byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise FeedError(f"{place}: not JSON: {error}") from error
    return value


def _depth(content: bytes, most: int) -> int:
    """How deep a text nests, counted until `most` is passed; brackets in strings do not count."""
    depth = deepest = 0
    for bracket in _STRING.sub(b"", content).translate(None, _OTHER_BYTES):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
        if deepest > most:
            break
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {visible(twice, 40)} stands twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is beyond any number")
    return number


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
