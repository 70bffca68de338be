"""The pattern parser: every form, the leniencies, the bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_rules.pattern import parse
from sekisho_rules.tree import (
    Comparison,
    Junction,
    Observation,
    Observations,
    PatternError,
    UnsupportedError,
    Window,
    comparisons,
)


def only(text: str) -> Comparison:
    """The one comparison of a pattern with one."""
    tree = parse(text).tree
    assert isinstance(tree, Observation)
    assert isinstance(tree.expression, Comparison)
    return tree.expression


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[url:value = 'x']", Comparison("url:value", "=", ("x",))),
        ("[url:value == 'x']", Comparison("url:value", "=", ("x",))),
        (" [ url:value='x' ] ", Comparison("url:value", "=", ("x",))),
        (r"[file:name = 'a\'b\\c']", Comparison("file:name", "=", (r"a'b\c",))),
        ("[url:value != 'x']", Comparison("url:value", "!=", ("x",))),
        ("[url:value <> 'x']", Comparison("url:value", "!=", ("x",))),
        ("[file:size < 5]", Comparison("file:size", "<", ("5",))),
        ("[file:size > 5]", Comparison("file:size", ">", ("5",))),
        ("[file:size <= 5]", Comparison("file:size", "<=", ("5",))),
        ("[file:size >= 2.5]", Comparison("file:size", ">=", ("2.5",))),
        ("[file:name IN ('a', 'b')]", Comparison("file:name", "IN", ("a", "b"))),
        ("[file:name LIKE 'a%']", Comparison("file:name", "LIKE", ("a%",))),
        ("[file:name MATCHES '^a+$']", Comparison("file:name", "MATCHES", ("^a+$",))),
        ("[ipv4-addr:value ISSUBSET '192.0.2.0/24']", Comparison("ipv4-addr:value", "ISSUBSET", ("192.0.2.0/24",))),
        ("[ipv4-addr:value ISSUPERSET '192.0.2.1']", Comparison("ipv4-addr:value", "ISSUPERSET", ("192.0.2.1",))),
        ("[EXISTS file:size]", Comparison("file:size", "EXISTS")),
        ("[file:name NOT = 'a']", Comparison("file:name", "=", ("a",), True)),
        ("[file:name NOT IN ('a')]", Comparison("file:name", "IN", ("a",), True)),
        ("[email-message:is_multipart = true]", Comparison("email-message:is_multipart", "=", ("true",))),
    ],
)
def test_comparisons(text: str, expected: Comparison) -> None:
    """Each operator of STIX 2.1 section 9.6 is read with its constant."""
    assert only(text) == expected


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("[file:hashes.'SHA-256' = 'a']", "file:hashes.sha256"),
        ("[file:hashes.SHA256 = 'a']", "file:hashes.sha256"),
        ("[file:hashes.sha256 LIKE 'a%']", "file:hashes.sha256"),
        ("[file:hashes.'SHA-1' = 'a']", "file:hashes.sha1"),
        ("[email:subject = 'a']", "email-message:subject"),
        ("[email-message:to_refs[*].value = 'a']", "email-message:to_refs.value"),
        ("[email-message:to_refs[0].value IN ('a')]", "email-message:to_refs.value"),
        ("[email-message:body_multipart[*].body_raw_ref.name = 'a']", "email-message:body_multipart.body_raw_ref.name"),
        (
            "[email-message:additional_header_fields.'X-Mailer' = 'a']",
            "email-message:additional_header_fields.x-mailer",
        ),
        ("[email-message:additional_header_fields.x_mailer = 'a']", "email-message:additional_header_fields.x-mailer"),
        ("[email-message:x_mailer = 'a']", "email-message:additional_header_fields.x-mailer"),
        ("[email-message:reply_to = 'a']", "email-message:additional_header_fields.reply-to"),
    ],
)
def test_paths(text: str, path: str) -> None:
    """The spellings of one property that publishers use come to one path, on the fast way and in the grammar."""
    assert only(text).path == path


def test_junctions() -> None:
    """AND binds closer than OR; brackets and parentheses keep their nesting."""
    tree = parse("[a:b = '1' OR a:c = '2' AND (a:d = '3' OR a:e = '4')]").tree
    assert isinstance(tree, Observation)
    b, c, d, e = (Comparison(f"a:{name}", "=", (str(number),)) for number, name in enumerate("bcde", 1))
    assert tree.expression == Junction("or", (b, Junction("and", (c, Junction("or", (d, e))))))


def test_observations() -> None:
    """Observations are joined by AND and OR."""
    tree = parse("([a:b = '1'] AND [a:c = '2']) OR [a:d = '3']").tree
    b, c, d = (Observation(Comparison(f"a:{name}", "=", (str(number),))) for number, name in enumerate("bcd", 1))
    assert tree == Observations("or", (Observations("and", (b, c)), d))


def test_order_of_a_long_chain() -> None:
    """A chain keeps its order and does not nest."""
    tree = parse("[" + " OR ".join(f"a:b = '{number}'" for number in range(200)) + "]").tree
    assert [one.values[0] for one in comparisons(tree)] == [str(number) for number in range(200)]


def test_window() -> None:
    """START and STOP become a window of receipt."""
    tree = parse("[a:b = '1'] START t'1970-01-01T00:00:10Z' STOP t'1970-01-01T00:01:00.5Z'").tree
    assert tree == Window(Observation(Comparison("a:b", "=", ("1",))), 10.0, 60.5)


@pytest.mark.parametrize("qualifier", ["WITHIN 5 SECONDS", "REPEATS 1 TIMES"])
def test_qualifiers_that_one_event_meets(qualifier: str) -> None:
    """One mail is one event: WITHIN and REPEATS 1 change nothing."""
    assert parse(f"[a:b = '1'] {qualifier}") == parse("[a:b = '1']")


@pytest.mark.parametrize("text", ["[a:b = '1'] FOLLOWEDBY [a:b = '2']", "[a:b = '1'] REPEATS 2 TIMES"])
def test_several_events_are_inert(text: str) -> None:
    """What needs several events is kept with a visible reason."""
    assert "one mail is one event" in parse(text).inert


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[",
        "[]",
        "[a:b = ]",
        "[a:b = 'x'",
        "[a:b = 'x']]",
        "[a:b = 'x'] $$",
        "a:b = 'x'",
        "[a:b ~ 'x']",
        "[a:b = 'x' AND]",
        "[a = 'x']",
        "[a:b = 'x'] START t'2020-13-45T00:00:00Z' STOP t'2021-01-01T00:00:00Z'",
        "[url:value = '" + "x" * 20_001 + "']",
        "[" + " OR ".join(["a:b = 'x'"] * 400) + "]",
        "[" + "(" * 60 + "a:b = 'x'" + ")" * 60 + "]",
        "[file:name LIKE '\ud800']",
    ],
)
def test_refused(text: str) -> None:
    """What is no pattern, or beyond the bounds of length, operators and depth, is a PatternError."""
    with pytest.raises(PatternError):
        parse(text)


@pytest.mark.parametrize("expression", ["(?<=a)b", r"(a)\1", "(?!x)y", "[", "a{1001}", "((a{100}){100}){100}"])
def test_unsupported_regular_expressions(expression: str) -> None:
    """A MATCHES that RE2 has not, or that outgrows its memory, is unsupported with the reason."""
    escaped = expression.replace("\\", "\\\\")
    with pytest.raises(UnsupportedError, match="RE2 refuses"):
        parse(f"[file:name MATCHES '{escaped}']")


def test_like_with_too_many_wildcards() -> None:
    """A LIKE whose expression would take long to compile is unsupported."""
    assert parse(f"[file:name LIKE '{'a%' * 100}']").inert == ""
    with pytest.raises(UnsupportedError, match="wildcards"):
        parse(f"[file:name LIKE '{'a%' * 101}']")


def test_subset_of_no_network() -> None:
    """ISSUBSET needs an address range and a path that holds addresses."""
    with pytest.raises(UnsupportedError, match="not an IP address"):
        parse("[ipv4-addr:value ISSUBSET 'x']")
    with pytest.raises(UnsupportedError, match="no IP addresses"):
        parse("[file:name ISSUBSET '192.0.2.0/24']")


TOKENS = st.sampled_from(
    [
        "[",
        "]",
        "(",
        ")",
        "=",
        "!=",
        "<",
        "LIKE",
        "MATCHES",
        "IN",
        "NOT",
        "AND",
        "OR",
        "FOLLOWEDBY",
        "EXISTS",
        "START",
        "STOP",
        "t'2020-01-01T00:00:00Z'",
        "WITHIN",
        "REPEATS",
        "5",
        "SECONDS",
        "TIMES",
        "'x'",
        "'(?<'",
        "'a+'",
        "a:b",
        "file:hashes.'SHA-256'",
        "[*]",
        ".",
        ":",
        "'",
        "\\",
        ",",
        "true",
        "h'0f'",
    ]
)


@given(st.lists(TOKENS, max_size=25).map(" ".join) | st.text(max_size=60))
def test_anything_is_a_pattern_or_a_pattern_error(text: str) -> None:
    """Whatever a feed sends, the parser returns a pattern or raises PatternError."""
    try:
        assert comparisons(parse(text).tree)
    except PatternError as error:
        assert str(error)
