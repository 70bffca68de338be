"""File names of a MIME entity: every name that some program shows for it (RFC 2183 section 2.3, RFC 2045 section 5)."""

from __future__ import annotations

import re

from sekisho_inspection import headers, parameters
from sekisho_inspection.header_blocks import Block
from sekisho_inspection.parameters import Parameters

_FIELDS = ("content-disposition", "content-type")
_NAMES = ("filename", "name")
_LEFT = re.compile(r"^['\"`<]|['\"`>]$|[;\\]")
# Names of one part.
_MOST = 60


def entity_names(block: Block, types: Parameters) -> tuple[str, ...]:
    """Every name that the fields give, those of the standard readings first; the description's where there is none.
    `types` are the parameters of Content-Type."""
    stated = [parameters.read(block.values("content-disposition")), types]
    found = [] if not any(map(_may_name, stated)) else _stated_names(block, stated)
    if not found:
        found = [headers.decode_value(raw) for raw in block.values("content-description")]
    found += [bare for name in found if (bare := _bare(name)) != name]
    return tuple(list(dict.fromkeys(name for name in found if name))[:_MOST])


def _may_name(stated: Parameters) -> bool:
    return not stated.orderly or any(key.startswith(_NAMES) for key, _ in stated.pairs)


def _stated_names(block: Block, stated: list[Parameters]) -> list[str]:
    first: list[str] = []
    others: list[str] = []
    if not all(one.orderly for one in stated):
        # Some programs join pieces that stand in different fields.
        stated.append(parameters.read([raw for key in _FIELDS for raw in block.values(key)]))
    for one in stated:
        for name in _NAMES:
            for number, value in enumerate(one.readings(name)):
                shown = headers.decoded_values(value)
                (others if number else first).extend(shown[:1] if number else shown)
    return first + others


def _bare(name: str) -> str:
    """The name without the quotes, semicolons and backslashes that some programs leave in it."""
    return name.strip("'\"`<> ").replace(";", "").replace("\\", "") if _LEFT.search(name) else name


def differ(names: tuple[str, ...]) -> bool:
    """Whether programs that show different ones of these names would open different kinds of file."""
    return len({name.rstrip(" .").rpartition(".")[2].lower() for name in names}) > 1
