"""Patterns over the facts of one mail."""

import pytest
from sekisho_rules.evaluate import Fact, evaluate, objects
from sekisho_rules.pattern import parse
from sekisho_rules.values import object_path

FACTS = [
    Fact("email-message:subject", "【例示】取材のご依頼", "header:subject"),
    Fact("email-message:from_ref.value", "a@sender.example", "header:from"),
    Fact("email-message:to_refs.value", "x@ours.example", "header:to"),
    Fact("email-message:to_refs.value", "y@ours.example", "header:to"),
    Fact("email-message:is_multipart", "true", "mail"),
    Fact("file:name", "a.exe", "part:1"),
    Fact("file:size", "100", "part:1"),
    Fact("file:hashes.sha256", "aa", "part:1"),
    Fact("file:name", "b.pdf", "part:2"),
    Fact("file:size", "2000", "part:2"),
    Fact("file:hashes.sha256", "bb", "part:2"),
    Fact("url:value", "http://c2.example/x", "part:3"),
    Fact("url:value", "http://other.example/y", "part:3"),
    Fact("ipv4-addr:value", "192.0.2.77", "envelope:client_ip"),
]


def met(text: str, received: float = 0.0) -> bool:
    """Whether the facts meet the pattern."""
    return bool(evaluate(parse(text).tree, objects(FACTS), received))


@pytest.mark.parametrize(
    "text",
    [
        "[file:name = 'A.EXE']",
        "[file:name != 'a.exe']",
        "[file:name = 'a.exe' AND file:hashes.SHA256 = 'AA']",
        "[file:name = 'a.exe'] AND [file:hashes.MD5 = 'x' OR file:hashes.'SHA-256' = 'bb']",
        "[file:name = 'a.exe'] AND [file:hashes.'SHA-256' = 'aa']",
        "[file:size > 150]",
        "[file:size >= 2000 AND file:name LIKE '%.pdf']",
        "[file:size < 99.5 OR file:size <= 100]",
        "[file:name LIKE '_.exe']",
        "[file:name MATCHES '^[ab]\\\\.(exe|scr)$']",
        "[file:name NOT LIKE '%.exe']",
        "[file:name IN ('z', 'b.pdf')]",
        "[file:name NOT IN ('a.exe')]",
        "[EXISTS url:value]",
        "[email-message:to_refs[*].value = 'y@ours.example']",
        "[email-message:to_refs = 'x' OR email-message:to_refs[1].value = 'x@OURS.example']",
        "[email-message:is_multipart = true]",
        "[email-message:is_multipart = 'true']",
        "[email:subject = '【例示】●●のご依頼']",
        "[email-message:subject = 'Re: 取材のご依頼']",
        "[email-message:from_ref.value = 'A@sender.example' AND email-message:subject LIKE '%取材%']",
        "[ipv4-addr:value ISSUBSET '192.0.2.64/26']",
        "[ipv4-addr:value = '192.0.2.0/24']",
        "[ipv4-addr:value ISSUPERSET '192.0.2.77']",
        "[url:value = 'c2.example/x']",
    ],
)
def test_met(text: str) -> None:
    """Each operator, the leniencies that real feeds need, and joined conditions."""
    assert met(text)


@pytest.mark.parametrize(
    "text",
    [
        "[file:name = 'a.exe' AND file:hashes.'SHA-256' = 'bb']",
        "[file:name = 'a.exe' AND url:value = 'http://c2.example/x']",
        "[url:value = 'http://c2.example/x' AND url:value = 'http://other.example/y']",
        "[file:name = 'a.exe'] AND [file:name = 'zzz']",
        "[EXISTS file:mime_type]",
        "[file:mime_type NOT = 'x']",
        "[file:mime_type != 'x']",
        "[file:size > 2000]",
        "[file:name LIKE 'b']",
        "[file:name MATCHES 'A\\\\.EXE']",
        "[ipv4-addr:value ISSUPERSET '192.0.2.0/24']",
        "[ipv4-addr:value NOT ISSUBSET '192.0.2.0/24']",
        "[email-message:subject = '●●']",
    ],
)
def test_not_met(text: str) -> None:
    """One bracket speaks of one object; what is absent meets nothing, not even a negation."""
    assert not met(text)


def test_window_of_receipt() -> None:
    """START and STOP compare with the time of receipt: start inclusive, stop exclusive."""
    text = "[file:name = 'a.exe'] START t'1970-01-01T00:00:10Z' STOP t'1970-01-01T00:00:20Z'"
    assert [met(text, moment) for moment in (9.9, 10.0, 19.9, 20.0)] == [False, True, True, False]


def test_evidence() -> None:
    """The evidence names the constant and the fact that fit."""
    found = evaluate(parse("[file:name IN ('z', 'B.PDF')]").tree, objects(FACTS), 0.0)
    assert [(one.stated, one.fact.value, one.fact.where) for one in found] == [("B.PDF", "b.pdf", "part:2")]


def test_observed_paths() -> None:
    """The paths of observables come to the same spelling as those of patterns."""
    assert object_path("file:hashes.'SHA-256'") == "file:hashes.sha256"
    assert object_path("email-message:to_refs[*].value") == "email-message:to_refs.value"
    assert object_path("email-message:additional_header_fields.'Reply-To'") == object_path("email-message:reply_to")
