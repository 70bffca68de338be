"""Random patterns over small random observed data agree with stix2-matcher."""

import copy
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sekisho_rules.observed_data import ObservationError, evaluate_observed_data
from stix2matcher.matcher import match

_START = datetime(2020, 1, 1, tzinfo=UTC)


def _moment(second: int) -> str:
    return (_START + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


@st.composite
def observed_data(draw: st.DrawFn) -> dict[str, Any]:
    """At most four observations within ten seconds, of at most three things each."""
    objects: list[dict[str, Any]] = []
    things = st.fixed_dictionaries(
        {"type": st.sampled_from(["x", "y"])},
        optional={
            "n": st.one_of(st.integers(0, 3), st.sampled_from([1.5, True, False, None, "1"])),
            "s": st.sampled_from(["a", "ab", "b", "", "A\u030a", "\u00c5", "192.0.2.1"]),
            "b_hex": st.sampled_from(["61", "6162", "7a"]),
            "l": st.lists(st.one_of(st.integers(0, 2), st.sampled_from(["a", "b"])), max_size=3),
            "d": st.dictionaries(st.sampled_from(["k", "k 2"]), st.integers(0, 2)),
            "t_ref": st.sampled_from(["x--0-0", "x--0-1", "x--none"]),
            "t_refs": st.lists(st.sampled_from(["x--0-0", "x--0-1"]), max_size=2),
        },
    )
    for number in range(draw(st.integers(1, 4))):
        first = draw(st.integers(0, 10))
        seen = [thing | {"id": f"x--{number}-{at}"} for at, thing in enumerate(draw(st.lists(things, max_size=3)))]
        objects += seen
        objects.append({
            "type": "observed-data",
            "id": f"observed-data--{number}",
            "first_observed": _moment(first),
            "last_observed": _moment(first + draw(st.integers(0, 4))),
            "number_observed": draw(st.integers(1, 3)),
            "object_refs": [one["id"] for one in seen],
        })  # fmt: skip
    return {"type": "bundle", "id": "bundle--1", "objects": objects}


_paths = st.sampled_from([
    *("x:n", "x:s", "y:n", "x:l[*]", "x:l[0]", "x:d.k", "x:d.'k 2'", "x:t_ref.n", "x:t_refs[*].s", "x:t_refs[0].n"),
    *("x:b_hex", "x:t_ref.t_ref.s", "y:l[1]"),
])  # fmt: skip
_constants = st.sampled_from([*"0123", "1.5", "true", "'a'", "'ab'", "'1'", "h'61'", "b'YWI='", "'\u00c5'"])
_orderable = st.sampled_from(["0", "1", "1.5", "3", "'a'", "'b'", "h'6161'"])
_sets = st.sampled_from(["(2, 3)", "('a', 'b')", "(1.5, 2)", "()"])
# Not of binary values, which are equal to texts here and not in the matcher.
_set_paths = st.sampled_from(["x:n", "x:s", "y:n", "x:l[*]", "x:d.k", "x:t_refs[*].s"])
_negation = st.sampled_from(["", "NOT "])
_texts = st.sampled_from(["a%", "%b", "_", "%", "\u00c5", "a", "A\u030a"])
_expressions = st.sampled_from(["^a", "b$", "", "[ab]{2}", "^\u00c5$", "a|1"])
_tests = st.one_of(
    st.builds("{} {}{} {}".format, _paths, _negation, st.sampled_from(["=", "!="]), _constants),
    st.builds("{} {}{} {}".format, _paths, _negation, st.sampled_from(["<", "<=", ">", ">="]), _orderable),
    st.builds("{} {}IN {}".format, _set_paths, _negation, _sets),
    st.builds("{} {}LIKE '{}'".format, _paths, _negation, _texts),
    st.builds("{} {}MATCHES '{}'".format, _paths, _negation, _expressions),
)


def _joined(words: list[str]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda operands, word: "(" + f" {word} ".join(operands) + ")",
        st.lists(st.deferred(lambda: _conditions), min_size=2, max_size=3),
        st.sampled_from(words),
    )


_conditions: st.SearchStrategy[str] = st.one_of(_tests, _tests, _joined(["AND", "OR"]))
_simple = st.sampled_from(["x:n >= 0", "x:n = 1", "y:n != 5", "x:s LIKE '%'", "x:s = 'a'"])
_brackets = st.builds("[{}]".format, st.one_of(_conditions, _simple))
_qualifiers = st.one_of(
    st.builds(" REPEATS {} TIMES".format, st.integers(1, 3)),
    st.builds(" WITHIN {} SECONDS".format, st.sampled_from(["1", "2.5", "5", ".5"])),
    st.builds(
        lambda first, last: f" START t'{_moment(first)}' STOP t'{_moment(last)}'", st.integers(0, 8), st.integers(2, 14)
    ),
)
_forms = st.sampled_from(["{}", "({})"])
_words = st.sampled_from(["AND", "OR", "FOLLOWEDBY"])


def _sequence(first: str, others: list[tuple[str, str]], form: str) -> str:
    return form.format(" ".join([first, *(f"{word} {other}" for word, other in others)]))


_observations = st.recursive(
    st.builds("[{}]".format, _simple) | _brackets,
    lambda inner: st.one_of(
        st.builds(
            _sequence,
            inner,
            st.lists(st.tuples(_words, inner), min_size=1, max_size=3),
            st.sampled_from(["{}", "({})"]),
        ),
        st.builds("({}){}".format, inner, _qualifiers),
        st.builds("({}){}{}".format, inner, _qualifiers, _qualifiers),
    ),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(_brackets, observed_data())
def test_comparisons(pattern: str, bundle: dict[str, Any]) -> None:
    """One bracket of any comparisons over values of any type."""
    assert bool(evaluate_observed_data(pattern, bundle)) is _matched(pattern, bundle)


@settings(max_examples=300, deadline=None)
@given(_observations, observed_data())
def test_observations(pattern: str, bundle: dict[str, Any]) -> None:
    """AND, OR, FOLLOWEDBY and qualifiers in any nesting."""
    assert bool(evaluate_observed_data(pattern, bundle)) is _matched(pattern, bundle)


_words_of_stix = st.sampled_from([
    *("type", "id", "objects", "object_refs", "first_observed", "last_observed", "number_observed", "n", "t_ref"),
    *("t_refs", "b_hex", "b_bin", "observed-data", "bundle", "x", "x--1", "2020-01-01T00:00:00Z"),
])  # fmt: skip
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | _words_of_stix,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words_of_stix, inner, max_size=6),
    max_leaves=12,
)
_sound = {"type": "observed-data", "first_observed": _moment(0), "last_observed": _moment(1), "number_observed": 1}
_seen = st.dictionaries(_words_of_stix, _anything, max_size=6)
_of_a_sound_frame = st.builds(
    lambda things, more: [{**_sound, **more, "objects": dict(enumerate({"type": "x", **one} for one in things))}],
    st.lists(_seen, max_size=3),
    st.dictionaries(st.sampled_from(["id", "object_refs"]), _anything, max_size=2),
)


_read_as_such = st.sampled_from(["[x:b_hex = h'00']", "[x:b_bin LIKE '%']", "[x:n = t'2020-01-01T00:00:00Z']"])
_given = st.one_of(st.lists(_seen, max_size=4), _of_a_sound_frame, st.lists(_anything, max_size=3), _seen)


@settings(max_examples=200, deadline=None)
@given(_brackets | _read_as_such, _given)
def test_any_observed_data(pattern: str, data: Any) -> None:
    """Whatever is given for observed data, the answer is a list or a documented error."""
    with suppress(ObservationError):
        assert isinstance(evaluate_observed_data(pattern, data), list)


def _matched(pattern: str, bundle: dict[str, Any]) -> bool:
    return bool(match(pattern, [copy.deepcopy(bundle)], False, "2.1"))
