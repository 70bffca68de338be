"""YARA from others is compiled in a worker, and refused where it reaches too far or costs too much (C25, C26)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_inspection import yara_compile, yara_samples
from sekisho_inspection.client import InspectionClient, private_workers
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.yara_compile import check, compile_rules, costs_of
from sekisho_inspection.yara_scan import About, load_rules
from sekisho_inspection.yara_source import take_apart

GOOD = 'rule mark { strings: $m = "SEKISHO-MARK" condition: $m }'
LOOP = "for all i in (1..filesize * 1000000) : (for all j in (1..100000) : (i + j > 0))"
REFUSED = {
    "syntax": ("rule {", "syntax error"),
    "empty string": ('rule a { strings: $a = "" condition: $a }', "empty string"),
    "include": (f'include "/etc/passwd"\n{GOOD}', "includes are disabled"),
    "include behind a comment": (f'{GOOD} /* x */ include /* y */ "/etc/passwd"', "unexpected identifier"),
    "console": (f'import "console" {GOOD}', 'module "console" is not allowed'),
    "time": (f'import "time" {GOOD}', 'module "time" is not allowed'),
    "tests": (f'import "tests" {GOOD}', 'module "tests" is not allowed'),
    "two on a line": (f'import "pe" import "console" {GOOD}', 'module "console" is not allowed'),
    "without a space": (f'import"console"{GOOD}', 'module "console" is not allowed'),
    "comment between": (f'import /* " */ "console" {GOOD}', 'module "console" is not allowed'),
    "line comment between": (f'import // "pe"\n"console" {GOOD}', 'module "console" is not allowed'),
    "behind the rules": (f'{GOOD}\nimport "console"', 'module "console" is not allowed'),
    "escaped": (f'import "con\\x73ole" {GOOD}', 'module "console" is not allowed'),
    "cuckoo": (f'import "cuckoo" {GOOD}', 'unknown module "cuckoo"'),
    "magic": (f'import "magic" {GOOD}', 'unknown module "magic"'),
    "NUL": (f"{GOOD}\0", "a NUL character"),
    "lone surrogate": ('rule a { meta: x = "\ud800" condition: true }', "surrogates not allowed"),
    "one byte": (
        'rule ok { condition: true } rule a { strings: $x = "a" condition: $x }',
        "rule a: $x is a string of one",
    ),
    "one escaped byte": ('rule a { strings: $x = "\\x00" wide condition: $x }', "rule a: $x is a string of one byte"),
    "one byte in hexadecimal": ("rule a { strings: $x = {/* } */ 4D } condition: $x }", "$x is a string of one byte"),
    "any byte": ("rule ok { condition: true } rule a { strings: $x = /./ condition: $x }", "rule a costs"),
    "loops": (f"rule ok {{ condition: true }} rule a {{ condition: {LOOP} }}", "rule a costs more than a second"),
    "loops over nothing": ("rule a { condition: for all i in (1..1000000000) : (i > 0) }", "rule a costs more than a"),
    "backtracking": ("rule a { strings: $x = /A+A+A+A+B/ condition: $x }", "rule a costs"),
    "everything": ("rule b { condition: true }", "rule b hits nearly all samples"),
    "all but programs": ("rule b { condition: uint16(0) != 0x5A4D }", "rule b hits nearly all samples"),
    "all of some length": ("rule b { condition: filesize > 300 and filesize < 50KB }", "rule b hits nearly all"),
    "all words": ("rule b { strings: $x = /[a-z]{3}/ condition: $x }", "rule b hits nearly all samples"),
    "a global rule": (f"global rule g {{ condition: filesize < 10MB }} {GOOD}", "rule g hits nearly all samples"),
    "no rules": ("// rules follow", "no rules"),
    "private rules": ("private rule a { condition: filesize == 5 }", "inert: only private rules"),
    "wide colon": (
        'rule a {\n strings: $a = "abc"\n condition： $a\n}',
        "rule a, line 3: syntax error, unexpected end of file, expecting ':' (perhaps for the \"：\" there)",
    ),
    "external name": ("rule filename { condition: true }", 'duplicated identifier "filename"'),
}


@pytest.fixture(scope="module")
def client(limits: InspectionSettings) -> Iterator[InspectionClient]:
    """A worker in its sandbox."""
    with private_workers(limits, 1) as started:
        yield started


def hit_names(data: bytes) -> list[str]:
    """The namespaces whose rules meet a content with the mark."""
    return [hit.namespace for hit in load_rules(data).scanner(5.0).scan(b"a SEKISHO-MARK", About())[0]]


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """C26: what reaches out, cannot be compiled or costs too much is refused with a reason, and the others stay."""
    source, reason = REFUSED[name]
    data, errors = compile_rules({"good": GOOD, "bad": source})
    assert list(errors) == ["bad"]
    assert reason in errors["bad"]
    assert hit_names(data) == ["good"]


@pytest.mark.parametrize(
    "source",
    [
        f'// import "console"\n{GOOD}',
        f'/* include "x" */ {GOOD}',
        'rule a { meta: x = "import \\"console\\"" strings: $m = "SEKISHO-MARK" condition: $m }',
        f"private global rule g {{ condition: filesize < 10MB }} {GOOD}",
        f'import "pe" import "math" import "hash" import "string" import "elf" import "dotnet" {GOOD}',
        'rule a { strings: $m = /SEKISHO-MARK[{}"\\/]?/ condition: $m }',
        "rule a { strings: $m = { 53 45 4B 49 53 48 4F [1] 4D } condition: $m }",
        'rule a { strings: $m = "SEKISHO-MARK" wide ascii xor(0-3) private condition: $m }',
        'rule a { strings: $m = "SEKISHO-MARK" $x = "\\x00\\x00" condition: $m and (#x >= 0 or filename == "a") }',
    ],
)
def test_taken(source: str) -> None:
    """What only looks like a statement, and what rules lawfully do, is not refused."""
    data, errors = compile_rules({"n": source})
    assert errors == {}
    assert hit_names(data) == ["n"]


def test_too_large() -> None:
    """C26: a source of more than ten million characters is not even tried."""
    assert "more than" in compile_rules({"n": " " * (10 << 20) + GOOD})[1]["n"]


def test_many_rules_are_not_dear(client: InspectionClient) -> None:
    """C26: a file of ten thousand plain rules (over a megabyte) is compiled in the sandbox and not too dear."""
    source = "\n".join(
        f'rule r{number} {{ strings: $a = "string {number}" $b = {{ 4D 5A {number % 256:02X} }} condition: $a or $b }}'
        for number in range(10_000)
    )
    data, errors = client.compile_yara({"n": source}, {"n": "feed"})
    assert errors == {}
    assert data


def test_nothing_good_compiles_to_nothing() -> None:
    """Without a good source there are no rules."""
    assert compile_rules({"bad": "rule {"})[0] == b""
    assert compile_rules({}) == (b"", {})


def test_sets_have_their_own_rules(client: InspectionClient) -> None:
    """Each source's rules are a set of their own; one bad source of a set leaves its others in."""
    sources = {"a": GOOD, "b": GOOD.replace("mark", "other"), "c": "rule {", "d": GOOD}
    data, errors = client.compile_yara(sources, {"a": "one", "b": "one", "c": "one", "d": "two"})
    assert list(errors) == ["c"]
    assert hit_names(data) == ["a", "b", "d"]


def test_a_source_that_kills_its_compiler(workers: Callable[..., InspectionClient]) -> None:
    """C26: a source that takes more time than there is, is named, and the others are compiled."""
    client = workers(1, poison_after=1, deadline=3.0)
    giant = "\n".join(
        f'rule r{number} {{ strings: $a = "string {number}" condition: $a }}' for number in range(150_000)
    )
    sources = {f"n{number}": GOOD for number in range(9)} | {"giant": giant}
    data, errors = client.compile_yara(sources)
    assert errors == {"giant": "compiling it ended in: timeout"}
    assert len(hit_names(data)) == 9
    assert client.compile_yara({"n": GOOD})[1] == {}


def test_costs(client: InspectionClient) -> None:
    """The cost of each rule is measured with those that it names, private ones not for themselves; a source that does
    not compile has a reason."""
    source = (
        'import "math"\nprivate rule p { strings: $a = /[a-z]{32}/ condition: $a }\n'
        "rule uses { condition: p } rule plain { condition: filesize > 1 and math.abs(-1) == 1 }"
    )
    costs, errors = client.yara_costs({"n": source, "bad": "rule {"}, 60.0)
    assert costs["bad"] == {}
    uses, plain = costs["n"].items()
    assert (uses[0], plain[0]) == ("uses", "plain")
    assert (uses[1] or 0) > (plain[1] or 0) > 0
    assert list(errors) == ["bad"]


def test_costs_of_many(client: InspectionClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rule of a large file is named, and measured piece by piece as far as the time reaches."""
    names = [f"r{number}" for number in range(1000)]
    source = "\n".join(f'rule {name} {{ strings: $a = "{name} here" condition: $a }}' for name in names)
    costs = client.yara_costs({"n": source}, 0.0)[0]["n"]
    measured = [name for name, cost in costs.items() if cost is not None]
    assert list(costs) == names
    assert 0 < len(measured) < 1000
    assert measured == names[: len(measured)]
    monkeypatch.setattr(yara_compile, "_MEASURING", 0.0)
    assert [name for name, cost in costs_of({"n": source}, 7)[0]["n"].items() if cost is not None] == ["r7"]
    few = "\n".join(source.split("\n")[:400])
    assert None not in client.yara_costs({"n": few}, 600.0)[0]["n"].values()


def test_modules_are_in_the_cost_of_no_rule() -> None:
    """What loading a module costs is not told of each rule of the file."""
    plain = 'rule plain { strings: $a = "SEKISHO-MARK" condition: $a }'
    costs = costs_of({"with": f'import "pe" import "dotnet" {plain}', "without": plain})[0]
    assert (costs["with"]["plain"] or 0) < (costs["without"]["plain"] or 0) + 1


@pytest.mark.parametrize(("measured", "refused"), [([60, 70, 49], False), ([60, 70, 55, 51, 52], True), ([3], False)])
def test_near_the_bound(monkeypatch: pytest.MonkeyPatch, measured: list[float], refused: bool) -> None:
    """C26: rules are too dear only when each of several measurements says so."""
    left = iter(measured)
    monkeypatch.setattr(yara_samples, "cost", lambda *_: next(left, 51.0))
    assert bool(check(GOOD)) is refused


def test_costs_of_what_is_too_dear() -> None:
    """A rule that is refused for its cost has one."""
    costs = costs_of({"n": "rule a { strings: $x = /./ condition: $x }"})[0]
    assert (costs["n"]["a"] or 0) > 50


def test_take_apart() -> None:
    """Rules are told apart whatever braces, quotes and slashes stand in their strings and comments."""
    source = (
        'import "pe" // }\nrule a : t { meta: x = "}" strings: $a = /[{}"\\/]+/ '
        "$b = { 4D /* } */ [2-4] (5A | ??) } condition: $a or $b }\n"
        "/* rule no { } */ private global rule b { condition: a }\n"
        "private rule c { condition: true } rule d { condition: b and c }"
    )
    taken = take_apart(source)
    assert [(rule.name, rule.private, rule.common) for rule in taken.rules] == [
        ("a", False, False), ("b", True, True), ("c", True, False), ("d", False, False),
    ]  # fmt: skip
    alone = taken.alone("d")
    assert [rule.name for rule in take_apart(alone).rules] == ["a", "b", "c", "d"]
    assert compile_rules({"n": alone})[1] == {}
    assert [rule.name for rule in take_apart(taken.alone("c")).rules] == ["c"]


def test_rule_at_a_line() -> None:
    """YARA tells the line of an error; the rule is named where one rule alone stands there."""
    taken = take_apart("// head\nrule a {\n condition: true\n}\nrule b { condition: a } rule c { condition: b }\n}")
    assert [taken.rule_at(line) for line in range(1, 7)] == ["", "a", "a", "a", "", ""]
    assert check("rule a {\n condition: $b }") == 'rule a, line 2: undefined string "$b"'
    assert check("rule a {\n condition:\n\n") == "rule a, line 2: syntax error, unexpected end of file"
    assert check("rule a { condition: filesize == 5 }\n}").startswith("line 2: syntax error")


@given(
    st.lists(
        st.sampled_from(["rule ", "a ", "{", "}", '"', "/", "//", "/*", "*/", "\\", "=", "$a", "import ", "\n", "4D"])
    )
)
def test_any_text_is_taken_apart(pieces: list[str]) -> None:
    """What is no YARA raises nothing, and the rules found are pieces of the source in order."""
    source = "".join(pieces)
    places = [source.find(rule.text) for rule in take_apart(source).rules]
    assert all(place >= 0 for place in places)
    assert all(first <= second for first, second in pairwise(places)) or len(set(pieces)) < len(pieces)
