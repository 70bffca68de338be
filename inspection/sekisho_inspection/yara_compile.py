"""YARA rules from others: compiled, and refused where they reach too far or cost too much. Run in a worker.

The compiler is asked what it read: what comments, escapes or several statements on a line hide from a search of the
source, they do not hide from it.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import yara

from sekisho_inspection import yara_samples
from sekisho_inspection.yara_scan import EXTERNALS, OF_NAMES, OF_PLACE, RuleSet
from sekisho_inspection.yara_source import Source, take_apart

# Modules that only compute over the scanned bytes. `console` prints, `time` makes a verdict depend on the clock.
MODULES = frozenset(["pe", "elf", "math", "hash", "string", "dotnet"])
_NOTHING = "rule nothing { condition: false }"
_MAX_SOURCE = 10 << 20
# Times the cost of one plain string over the samples: a file of thousands of ordinary rules costs about ten.
MOST_COST = 50.0
_MEASUREMENTS = 5
_AT_LINE = re.compile(r"line (\d+): (.*)", re.S)
# Seconds for which rules are measured one by one: of thousands (16 ms each) only a piece at a time.
_MEASURING = 5.0


class Refused(Exception):
    """A source that is not used; the text says why."""


def compile_rules(sources: Mapping[str, str], sets: Mapping[str, str] | None = None) -> tuple[bytes, dict[str, str]]:
    """Check YARA source by namespace and compile what is good: the compiled rules (b"" for none), and errors by
    namespace. `sets` is as in `bundle`. One bad source leaves the others in."""
    errors = {namespace: problem for namespace, text in sources.items() if (problem := check(text))}
    rules, more = bundle({name: text for name, text in sources.items() if name not in errors}, sets or {})
    return rules, errors | more


def check(text: str) -> str:
    """Why a source is not used; "" where nothing speaks against it.

    Refused are `include`, modules that are not in MODULES, strings of one byte, what costs more than MOST_COST,
    rules that hit nearly everything, and what YARA itself refuses.
    """
    try:
        _check(text)
    except Refused as reason:
        return str(reason)
    return ""


def bundle(sources: Mapping[str, str], sets: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Compile sources that were checked: the compiled rules (b"" for none), and errors by namespace.

    `sets` gives the rule set of a namespace, which has its own time in a scan; "local" where it gives none.
    """
    members: dict[str, dict[str, str]] = {}
    for namespace, text in sources.items():
        members.setdefault(sets.get(namespace, "local"), {})[namespace] = text
    errors: dict[str, str] = {}
    compiled: list[RuleSet] = []
    for name, texts in members.items():
        try:
            compiled.append(_set(name, texts))
        except yara.Error as error:
            errors |= dict.fromkeys(texts, str(error))
    return msgspec.msgpack.encode(compiled) if compiled else b"", errors


def costs_of(sources: Mapping[str, str], begin: int = 0) -> tuple[dict[str, dict[str, float | None]], dict[str, str]]:
    """By namespace each rule that is not private with its cost, with the rules that it names, in times the cost of a
    plain string; and an error for each source that does not compile. One that is refused for its cost has costs.

    Measured are, for some seconds, the rules from number `begin` on; the cost of the others is None.
    """
    costs: dict[str, dict[str, float | None]] = {}
    errors: dict[str, str] = {}
    for namespace, text in sources.items():
        try:
            names = [rule.identifier for rule in _compiled(text) if not rule.is_private]
            costs[namespace] = dict.fromkeys(names) | dict(_costs(take_apart(text), names[begin:]))
        except Refused as reason:
            errors[namespace] = str(reason)
    return costs, errors


def _costs(source: Source, names: Sequence[str]) -> Iterator[tuple[str, float]]:
    """The cost of one rule after the other, as far as the time reaches, but of one at least."""
    until = time.monotonic() + _MEASURING
    modules = _cost_of_modules(source) if source.imports else 0.0
    for name in names:
        yield name, max(0.0, yara_samples.cost(_alone(source, name)) - modules)
        if time.monotonic() > until:
            return


def _cost_of_modules(source: Source) -> float:
    """What the imports of a source cost, once for all of its rules."""
    return yara_samples.cost(_compile({"": f"{source.imports}\n{_NOTHING}"})) - yara_samples.cost(
        _compile({"": _NOTHING})
    )


def _alone(source: Source, name: str) -> Any:
    """A rule compiled with what it names; where that is more than can be told from its words, with its whole source."""
    with suppress(yara.Error):
        rules = _compile({"": source.alone(name)})
        if any(rule.identifier == name for rule in rules):
            return rules
    return _compile({"": source.text})


def _set(name: str, sources: Mapping[str, str]) -> RuleSet:
    file = io.BytesIO()
    _compile(sources).save(file=file)
    words = frozenset[str]().union(*(take_apart(text).words for text in sources.values()))
    return RuleSet(name, file.getvalue(), bool(words & OF_NAMES), bool(words & OF_PLACE))


def _check(text: str) -> None:
    rules = _compiled(text)
    if all(rule.is_private for rule in rules):
        raise Refused("inert: only private rules, of which none is a hit" if any(True for _ in rules) else "no rules")
    source = take_apart(text)
    if source.single_bytes:
        rule, string = source.single_bytes[0]
        raise Refused(f"rule {rule}: {string} is a string of one byte")
    # Nearly all are far below at once. What is near the bound is measured again, so that rules that were taken are not
    # refused at another time: only what is above it each time is too dear.
    found = [yara_samples.cost(rules, 1)]
    while found[-1] > MOST_COST and len(found) < _MEASUREMENTS:
        found.append(yara_samples.cost(rules))
    if min(found) > MOST_COST:
        raise Refused(_too_dear(min(found), source))
    if rule := yara_samples.everywhere(rules):
        raise Refused(f"rule {rule} hits nearly all samples of ordinary content, and would stop nearly every mail")


def _compiled(text: str) -> Any:
    if len(text) > _MAX_SOURCE:
        raise Refused(f"more than {_MAX_SOURCE} characters")
    if "\0" in text:
        raise Refused("a NUL character, behind which YARA would read nothing")
    try:
        # Of a text without UTF-8 yara-python compiles nothing and says nothing.
        text.encode()
        rules = _compile({"": text})
    except (yara.Error, UnicodeError, ValueError) as error:
        raise Refused(_placed(str(error) or type(error).__name__, text)) from error
    for module in _imported(rules):
        if module not in MODULES:
            raise Refused(f'module "{module}" is not allowed')
    return rules


def _placed(error: str, text: str) -> str:
    """YARA's words on an error with the rule that stands at the line that they name."""
    if not (found := _AT_LINE.fullmatch(error)):
        return error
    # YARA tells line 0 of an error at the very end.
    line = int(found[1]) or text.rstrip().count("\n") + 1
    rule = take_apart(text).rule_at(line)
    place = f"rule {rule}, line {line}" if rule else f"line {line}"
    hint = _hint(found[2], "".join(text.split("\n")[line - 1 : line]))
    return f"{place}: {found[2]}{hint}"


def _hint(error: str, line: str) -> str:
    """YARA reads a character that is not ASCII, outside of strings and comments, as the end of the file."""
    odd = next((char for char in line if not char.isascii()), "")
    return f' (perhaps for the "{odd}" there)' if odd and "unexpected end of file" in error else ""


def _imported(rules: Any) -> list[str]:
    """The modules that rules load, by loading them over an empty content: none has anything to do."""
    found: list[str] = []
    # Rules that take long over nothing are refused for their cost.
    with suppress(yara.TimeoutError):
        rules.match(data=b"", modules_callback=lambda module: found.append(module["module"]), timeout=1)
    return found


def _too_dear(total: float, source: Source) -> str:
    """What a source costs and, where one rule is to blame, which."""
    names = [rule.name for rule in source.rules if not rule.private]
    timed = 0
    for name, cost in _costs(source, names):
        timed += 1
        if cost > MOST_COST:
            return f"rule {name} costs {_times(cost)}"
    looked = f"; none of the first {timed} does alone" if timed < len(names) else ""
    return f"its rules ({len(source.rules)}) together cost {_times(total)}{looked}"


def _times(cost: float) -> str:
    times = f"{cost:.0f} times" if cost < float("inf") else "more than a second, far more than"
    return f"{times} what a plain string costs on the samples (at most {MOST_COST:.0f})"


def _compile(sources: Mapping[str, str]) -> Any:
    return yara.compile(sources=dict(sources), includes=False, externals=dict(EXTERNALS), error_on_warning=False)
