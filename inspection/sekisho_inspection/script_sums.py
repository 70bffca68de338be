"""Sums of scripts: the arithmetic that a script does on each number of a list, as it stands in the script.

Loops, maps and pipes are not followed; what stands between an element and its constants is the same in all of them:
a[i] - 7, c => (c ^ 0x35) - 2, Chr(n - 7), [char]($_ -bxor 5).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMBER = r"(?:0x[0-9a-f]{1,6}|&h[0-9a-f]{1,6}&?|\d{1,7})(?![\w.])"
_SIGN = r"(?:\+|-bxor|-band|-|\^|\bxor\b|\band\b|\*|/|%|\bmod\b|&(?!h|&))"
_BEHIND = re.compile(rf"(?<=[\w)\]])\s{{0,3}}(?:\){{0,3}}\s{{0,3}}{_SIGN}\s{{0,3}}{_NUMBER}){{1,6}}", re.I)
_STEP = re.compile(rf"({_SIGN})\s*({_NUMBER})", re.I)
_BEFORE = re.compile(rf"(?<![\w.$)\]])({_NUMBER})\s{{0,3}}({_SIGN})\s{{0,3}}(?=\(?[a-z_$])", re.I)
_NAMES = {"-bxor": "^", "xor": "^", "-band": "&", "and": "&", "mod": "%"}
# Different sums of one script, and numbers that are looked at before all are worked out.
_MOST_SUMS, _HEAD = 30, 64
_MOST_FOUND = 5000
_HIGHEST = 1 << 32


class Step(NamedTuple):
    """One operation on a number: its sign, its constant, and whether the constant stands before the sign."""

    sign: str
    constant: int
    before: bool = False


Sum = tuple[Step, ...]
# What only cuts a number to its byte.
_BYTE = (Step("&", 255), Step("%", 256))


def sums(code: str) -> list[Sum]:
    """The arithmetic with constants in a script, each once; the most frequent loops' i + 1 among it."""
    found: dict[Sum, None] = {}
    for count, match in enumerate(_BEHIND.finditer(code)):
        steps = (_step(sign, constant) for sign, constant in _STEP.findall(match[0]))
        found[tuple(steps)] = None
        if count >= _MOST_FOUND or len(found) >= _MOST_SUMS:
            break
    for count, match in enumerate(_BEFORE.finditer(code)):
        found[(_step(match[2], match[1], True),)] = None
        if count >= _MOST_FOUND or len(found) >= 2 * _MOST_SUMS:
            break
    return list(found)


def worked_out(numbers: list[int], steps: Sum) -> bytes | None:
    """The bytes that a sum makes of numbers; None where one of the first is beyond a byte by more than a byte's
    wrapping, or any is no number."""
    if min(numbers) < -_HIGHEST or max(numbers) > _HIGHEST:
        return None
    if any(not -256 <= _applied(number, steps) < 512 for number in numbers[:_HEAD]):
        return None
    table = {number: _applied(number, steps) & 255 for number in set(numbers)}
    return bytes(map(table.__getitem__, numbers))


def is_exact(values: set[int], steps: Sum) -> bool:
    """Whether a sum makes bytes, without wrapping, of numbers that are none by themselves: none does that by chance.
    What divides or masks makes bytes of many."""
    kept = [step for step in steps if step not in _BYTE]
    if not kept or any(step.sign not in "+-^" for step in kept) or all(0 <= value < 256 for value in values):
        return False
    return all(0 <= _applied(value, tuple(kept)) < 256 for value in values)


def _step(sign: str, constant: str, before: bool = False) -> Step:
    plain = constant.lower()
    number = int(plain[2:].rstrip("&"), 16) if plain[:2] in ("0x", "&h") else int(plain)
    return Step(_NAMES.get(sign.lower(), sign), number, before)


def _applied(value: int, steps: Sum) -> int:
    for sign, constant, before in steps:
        left, right = (constant, value) if before else (value, constant)
        value = _result(sign, left, right)
    return value


def _result(sign: str, left: int, right: int) -> int:
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "^":
        return left ^ right
    if sign == "*":
        return left * right
    if sign == "&":
        return left & right
    # A division by zero ends the script.
    if not right:
        return -_HIGHEST
    return left // right if sign == "/" else left % right
