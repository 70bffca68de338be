"""Patterns over observed data of any type: what we expect of each operator and qualifier, stix2-matcher beside it."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from sekisho_rules.observed_data import ObservationError, evaluate_observed_data
from sekisho_rules.tree import PatternError, UnsupportedError
from stix2matcher.matcher import match

_READ = json.loads((Path(__file__).parent / "observed_data.json").read_text(encoding="utf-8"))
CASES = [
    pytest.param(one, id=f"{one['data']}-{number}-{one['pattern'][:60]}") for number, one in enumerate(_READ["cases"])
]
ALIKE = [one for one in CASES if "unlike_matcher" not in one.values[0]]  # type: ignore[operator]
MOMENT = "2020-01-01T00:00:00Z"


def observed(number: int = 1, first: str = MOMENT, last: str = MOMENT, **more: Any) -> dict[str, Any]:
    """One observation of a thing `x` whose properties are `more`."""
    objects = {"0": {"type": "x", **more}}
    times = {"first_observed": first, "last_observed": last, "number_observed": number}
    return {"type": "observed-data", "id": "observed-data--1", **times, "objects": objects}


def line(count: int) -> list[dict[str, Any]]:
    """Observations one second apart, numbered by `n`."""
    moments = [f"2020-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z" for n in range(count)]
    return [observed(first=moment, last=moment, n=n, odd=n % 2) for n, moment in enumerate(moments)]


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    """Each operator, constant, path and qualifier does what STIX 2.1 part 9 says."""
    data = _READ["observed_data"][case["data"]]
    assert bool(evaluate_observed_data(case["pattern"], data, case.get("version", "2.1"))) is case["fulfilled"]


@pytest.mark.parametrize("case", ALIKE)
def test_case_by_matcher(case: dict[str, Any]) -> None:
    """stix2-matcher says the same of each case but those that state why not."""
    data = copy.deepcopy(_READ["observed_data"][case["data"]])
    assert bool(match(case["pattern"], data, stix_version=case.get("version", "2.1"))) is case["fulfilled"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[person:name = 'bob']", ["2"]),
        ("[person:name = 'dave'] AND [person:name = 'alice']", ["1", "4"]),
        ("[person:name = 'zoe'] OR [person:name = 'carol']", ["3"]),
        ("[person:name = 'carol'] REPEATS 3 TIMES", ["3"]),
        ("[person:age > 0] REPEATS 7 TIMES START t'2020-01-01T00:00:01Z' STOP t'2021-01-01T00:00:00Z'", list("2345")),
        ("([person:age < 35] AND [person:age > 35]) WITHIN 0.5 SECONDS", ["1", "5"]),
    ],
)
def test_bound_observations(pattern: str, expected: list[str]) -> None:
    """What is returned are the observed-data by which the pattern is fulfilled, as given, in the order given."""
    bundle = _READ["observed_data"]["people"][0]
    found = evaluate_observed_data(pattern, bundle)
    assert [one["id"] for one in found] == [f"observed-data--{name}" for name in expected]
    assert all(any(one is given for given in bundle["objects"]) for one in found)


def test_forms_of_observed_data() -> None:
    """A bundle, a list of bundles and a list of objects say the same; a container stands for references."""
    objects = _READ["observed_data"]["people"][0]["objects"]
    pattern = "[person:name = 'alice'] AND [person:name = 'bob']"
    split = [{"type": "bundle", "objects": objects[:4]}, {"type": "bundle", "objects": objects[4:]}]
    for given in ({"type": "bundle", "objects": objects}, split, iter(objects), objects[::-1]):
        assert len(evaluate_observed_data(pattern, given)) == 2
    assert evaluate_observed_data("[x:a = 1]", [observed(a=1)])
    assert evaluate_observed_data("[x:a = 1]", observed(a=1))
    assert evaluate_observed_data("[x:a = 1]", []) == []


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "[x:a = 1",
        "[x:a = null]",
        "[x:a = 1] WITHIN 0 SECONDS",
        "[x:a = 1] WITHIN -1 SECONDS",
        "[x:a = 1] REPEATS 0 TIMES",
        "[x:a = 1] START '2020-01-01T00:00:00Z' STOP '2020-01-02T00:00:00Z'",
        "[x:a = 1] START t'2020-01-01t00:00:00Z' STOP t'2020-01-02T00:00:00Z'",
        "[x:a = t'2020-02-31T00:00:00Z']",
        "[x:a IN (1, true)]",
        "[x:a IN (1, 'b')]",
        "[x:a = h'123']",
        "[x:" + "a." * 10_000 + "a = 1]",
        "(" * 60 + "[x:a = 1]" + ")" * 60,
        "[" + " OR ".join(["x:a = 1"] * 400) + "]",
    ],
)
def test_no_pattern(pattern: str) -> None:
    """What is no pattern of STIX, or beyond the bounds, is a PatternError."""
    with pytest.raises(PatternError):
        evaluate_observed_data(pattern, [observed(a=1)])


@pytest.mark.parametrize(
    "pattern", ["[x:a MATCHES '(?=b)']", r"[x:a MATCHES '(b)\\1']", "[x:a MATCHES '(']", "[x:a ISSUBSET 'b']"]
)
def test_unsupported(pattern: str) -> None:
    """Look-around and back-references, which RE2 has not, and ranges that are none (C25)."""
    with pytest.raises(UnsupportedError):
        evaluate_observed_data(pattern, [observed(a="b")])


@pytest.mark.parametrize(
    ("pattern", "data"),
    [
        ("[x:a = 1]", {"type": "observed-data", "objects": {}}),
        ("[x:a = 1]", observed(0)),
        ("[x:a = 1]", observed(True)),
        ("[x:a = 1]", observed(first="2020-01-01")),
        ("[x:a = 1]", observed(first="2020-01-02T00:00:00Z")),
        ("[x:a = 1]", {name: value for name, value in observed().items() if name != "objects"}),
        ("[x:a = 1]", ["no object"]),
        ("[x:a = 1]", {"type": "bundle", "objects": {}}),
        ("[x:a = t'2020-01-01T00:00:00Z']", observed(a="yesterday")),
        ("[x:a < t'2020-01-01T00:00:00Z']", observed(a="2020-02-31T00:00:00Z")),
        ("[x:b_ref.c = 1]", observed(b_ref=5)),
        ("[x:b_refs[*].c = 1]", observed(b_refs="0")),
        ("[x:b_refs[*].c = 1]", observed(b_refs=[["0"]])),
        ("[x:b_hex = h'00']", observed(b_hex="0g")),
        ("[x:b_bin = h'00']", observed(b_bin="A")),
        ("[x:b_bin = h'00']", observed(b_bin=["A"])),
    ],
)
def test_no_observed_data(pattern: str, data: Any) -> None:
    """Observed data without what the standard demands are refused with the reason."""
    with pytest.raises(ObservationError, match="observed data"):
        evaluate_observed_data(pattern, data)


def test_too_many_observations() -> None:
    """The number of observations is bounded."""
    with pytest.raises(ObservationError, match="more than 10000"):
        evaluate_observed_data("[x:a = 1]", [observed(a=1)] * 10_001)


@pytest.mark.parametrize(
    ("pattern", "count", "expected"),
    [
        ("[x:n >= 0] REPEATS 1000 TIMES", 1000, 1000),
        ("[x:n >= 0] REPEATS 1001 TIMES", 1000, 0),
        ("[x:n >= 0] REPEATS 999999999999 TIMES", 100, 0),
        ("[x:n >= 0] REPEATS 500 TIMES WITHIN 499 SECONDS", 2000, 500),
        ("[x:n >= 0] REPEATS 500 TIMES WITHIN 498 SECONDS", 2000, 0),
        (" AND ".join(["[x:n >= 0]"] * 200), 200, 200),
        (" AND ".join(["[x:n >= 0]"] * 200), 199, 0),
        (" FOLLOWEDBY ".join(["[x:n >= 0]"] * 100), 100, 100),
        (" FOLLOWEDBY ".join(["[x:n >= 0]"] * 100), 99, 0),
        ("[x:odd = 0] FOLLOWEDBY [x:odd = 1] FOLLOWEDBY [x:n = 0]", 2000, 0),
        ("([x:odd = 0] FOLLOWEDBY [x:odd = 1]) REPEATS 20 TIMES", 41, 40),
        ("([x:odd = 0] FOLLOWEDBY [x:odd = 1]) REPEATS 20 TIMES", 39, 0),
        ("(([x:odd = 0] AND [x:odd = 1]) WITHIN 1 SECONDS) REPEATS 50 TIMES", 100, 100),
        ("(([x:odd = 0] AND [x:odd = 1]) WITHIN 1 SECONDS) REPEATS 50 TIMES", 99, 0),
        ("(" * 49 + "[x:n >= 0]" + " REPEATS 2 TIMES WITHIN 9 SECONDS)" * 49, 100, 0),
    ],
)
def test_many_observations(pattern: str, count: int, expected: int) -> None:
    """Numbers that would be beyond any search of combinations are answered (C25)."""
    assert len(evaluate_observed_data(pattern, line(count))) == expected


def test_number_observed() -> None:
    """One observed-data of many observations serves as many observation expressions, without being copied."""
    assert len(evaluate_observed_data("[x:a = 1] REPEATS 1000000000 TIMES", [observed(10**9, a=1)])) == 1
    assert evaluate_observed_data("[x:a = 1] REPEATS 1000000001 TIMES", [observed(10**9, a=1)]) == []


@pytest.mark.parametrize(
    "data",
    [
        {"type": "x", "id": "x--1", "y_refs": ["x--1"] * 10},
        {"type": "x", "id": "x--1", "y_refs": ["x--1", "x--1"]},
    ],
)
def test_references_in_a_circle(data: dict[str, Any]) -> None:
    """Paths that multiply along references end at the budget (C25)."""
    given = observed() | {"object_refs": ["x--1"]}
    with pytest.raises(UnsupportedError, match="more than 1000000 steps"):
        evaluate_observed_data("[x:" + "y_refs[*]." * 30 + "z = 1]", [given, data])


def test_search_beyond_the_budget() -> None:
    """A search whose choices do not end in time says so; it neither hangs nor claims an answer (C25)."""
    ordered = "([x:n < 12] FOLLOWEDBY [x:n < 12] FOLLOWEDBY [x:n < 12])"
    pattern = f"({ordered} OR ([x:n > 20] AND [x:n > 20])) REPEATS 8 TIMES"
    with pytest.raises(UnsupportedError, match="more than 1000000 steps"):
        evaluate_observed_data(pattern, line(28))


def test_catastrophic_expression() -> None:
    """An expression that takes a backtracking engine for ever costs no more than another (C25)."""
    assert evaluate_observed_data("[x:a MATCHES '(a+)+$']", [observed(a="a" * 5000 + "!")]) == []


def test_halves_of_surrogate_pairs() -> None:
    """JSON may hold texts that are no Unicode; LIKE and MATCHES read them nevertheless."""
    data = [observed(a="x\ud800y")]
    assert evaluate_observed_data("[x:a LIKE 'x_y']", data)
    assert evaluate_observed_data("[x:a MATCHES '^x.y$']", data)


def test_equal_to_python_but_not_to_stix() -> None:
    """[x:a = 1] and [x:a = true] in one pattern stay apart, though Python holds 1 and True for equal."""
    assert evaluate_observed_data("[x:a = true] AND [x:a = 1]", [observed(a=1)]) == []
    assert len(evaluate_observed_data("[x:a = true] AND [x:a = 1]", [observed(a=1), observed(a=True)])) == 2
    assert evaluate_observed_data("[x:a = true AND x:b = 1]", [observed(a=1, b=1)]) == []


def test_nanoseconds() -> None:
    """Times are compared to the nanosecond."""
    data = [observed(a="2020-01-01T00:00:00.123456789Z")]
    assert evaluate_observed_data("[x:a < t'2020-01-01T00:00:00.12345679Z']", data)
    assert evaluate_observed_data("[x:a = t'2020-01-01T00:00:00.123456788Z']", data) == []
