"""What an indicator may do by its content alone."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.assay import Assessment, assess
from sekisho_feeds.warninglist import Warninglists, shipped_warninglists
from sekisho_rules.guard import Protected
from sekisho_rules.indicator import Indicator

LISTS = Warninglists(shipped_warninglists())
PROTECTED = Protected(own=("city.ours.example",), shared=("gmail.com",))
DIGEST = "0b9d6f1c" * 8


def assay(pattern: str, **stated: Any) -> Assessment:
    """The assessment of a pattern with the shipped lists."""
    return assess(Indicator(id="indicator--1", source="feed", pattern=pattern, **stated), LISTS, PROTECTED)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[domain-name:value = 'gmail.com']", "anybody gets an address at gmail.com"),
        ("[domain-name:value = '.gmail.com']", "anybody gets an address at gmail.com"),
        ("[url:value = 'https://gmail.com/']", "anybody gets an address at gmail.com"),
        ("[email-addr:value = '@gmail.com']", "anybody gets an address at gmail.com"),
        ("[email-addr:value = '*@gmail.com']", "anybody gets an address at gmail.com"),
        ("[url:value = '/']", "too short"),
        ("[url:value = '*']", "too short"),
        ("[url:value = 'http://']", "names no host"),
        ("[url:value = 'https://com/']", "com is a registry"),
        ("[domain-name:value = '*']", "is a registry"),
        ("[file:name = '*']", "is no name"),
        ("[file:name = '*.*']", "is no name"),
        ("[file:name = '*.pdf']", "is no name"),
        ("[domain-name:value = '']", "the value is empty"),
        ("[email-message:subject = ' ']", "the value is empty"),
        ("[domain-name:value = 'com']", "com is a registry"),
        ("[domain-name:value = 'co.jp']", "co.jp is a registry"),
        ("[domain-name:value = 'www.city.ours.example']", "our own domain"),
        ("[email-addr:value = 'mayor@city.ours.example']", "our own domain"),
        ("[url:value = 'http://city.ours.example/x']", "our own domain"),
        ("[ipv4-addr:value = '0.0.0.0/0']", "a whole region"),
        ("[ipv6-addr:value = '::/0']", "a whole region"),
        ("[ipv4-addr:value ISSUBSET '0.0.0.0/1']", "a whole region"),
        ("[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']", "the empty file"),
        (f"[file:hashes.'SHA-512' = '{hashlib.sha512().hexdigest()}']", "the empty file"),
        ("[email-message:subject = 'a']", "too short"),
        ("[email-message:subject = '1']", "too short"),
        ("[file:name = 'x']", "too short"),
        ("[file:name = '7']", "too short"),
        ("[email-message:body = 'a\u200b']", "too short"),
        ("[email-message:body LIKE '%the%']", "says nothing"),
        ("[email-message:body LIKE '%ご連絡%']", "fits ordinary values"),
        ("[file:hashes.MD5 = 'aa' OR domain-name:value = 'com']", "com is a registry"),
        ("[domain-name:value = 'dropbox.com' OR domain-name:value = 'com']", "com is a registry"),
    ],
)  # fmt: skip
def test_refused(pattern: str, reason: str) -> None:
    """What would stop nearly every mail, or our own, is refused with the reason (C21)."""
    found = assay(pattern)
    assert found.verdict == "refuse"
    assert any(reason in line for line in found.reasons)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[domain-name:value = 'docomo.ne.jp']", "warninglist Free mail"),
        ("[domain-name:value = 'dropbox[.]com']", "warninglist File sharing"),
        ("[network-traffic:dst_ref.value = 'www.google.com']", "warninglist Most used sites"),
        ("[network-traffic:dst_ref.value = '8.8.8[.]8']", "warninglist Public DNS"),
        ("[ipv4-addr:value = '10.0.0.0/8']", "warninglist Private"),
        ("[url:value = 'https://bit.ly/']", "warninglist URL shorteners"),
        ("[email-addr:value = '@docomo.ne.jp']", "warninglist Free mail"),
        ("[file:name = '請求書.pdf']", "warninglist Common file names"),
        ("[email-message:subject = 'Re: ご連絡']", "warninglist Common subjects"),
        ("[email-message:subject = 'Invoice']", "warninglist Common subjects"),
        ("[domain-name:value LIKE '%.dropbox.com']", "warninglist File sharing"),
        ("[domain-name:value MATCHES '(^|\\\\.)dropbox\\\\.com$']", "fits 'dropbox.com'"),
        ("[email-addr:value MATCHES '@(docomo|ezweb)\\\\.ne\\\\.jp$']", "on a warninglist"),
        ("[url:value MATCHES '^https?://bit\\\\.ly/']", "fits 'https://bit.ly/'"),
        ("[email-message:to_refs[*].value = 'victim@mail.example']", "who got the mail"),
        ("[file:hashes.MD5 = 'aa' OR domain-name:value = 'dropbox.com']", "warninglist File sharing"),
        ("[file:hashes.MD5 = 'aa'] OR [domain-name:value IN ('evil.example', 'bit.ly')]", "warninglist URL shorteners"),
        ("[domain-name:value = 'dropbox.com'] AND [file:name = 'invoice.pdf']", "warninglist File sharing"),
        ("[domain-name:value = 'dropbox.com'] AND [file:size > 0]", "warninglist File sharing"),
        ("[file:name = 'evil.exe'] FOLLOWEDBY [file:name = 'other.exe']", "inert"),
        ("[process:name = 'evil.exe']", "inert"),
        ("[file:name MATCHES '(?<=a)b']", "unsupported"),
        ("not a pattern", "unsupported"),
    ],
)  # fmt: skip
def test_observed(pattern: str, reason: str) -> None:
    """What a warninglist knows never stops a mail, and says so; nor does what names the recipient or does nothing."""
    found = assay(pattern)
    assert (found.verdict, found.action_cap) == ("observe", None)
    assert any(reason in line for line in found.reasons)


@pytest.mark.parametrize(
    "pattern",
    [
        "[domain-name:value = 'evil.example']",
        "[domain-name:value = 'evil.duckdns.org']",
        "[email-addr:value = 'evil@gmail.com']",
        "[url:value = 'https://bit.ly/3abcdef']",
        "[url:value LIKE 'https://www.dropbox.com/s/evil%']",
        "[email-message:subject = '【至急】取材日程のご相談の件']",
        f"[file:hashes.'SHA-256' = '{DIGEST}']",
        f"[file:name = '請求書.pdf' AND file:hashes.'SHA-256' = '{DIGEST}']",
        "[domain-name:value = 'dropbox.com'] AND [email-message:subject = '取材日程のご相談の件']",
        "[file:name = 'evil.exe'] AND [email-message:subject = '取材日程のご相談の件']",
        "[email-message:body LIKE '%取材のお願い%']",
    ],
)
def test_enforced(pattern: str) -> None:
    """One host, address, URL, digest or lure enforces, and so does an AND of which one operand does."""
    assert assay(pattern) == Assessment("enforce")


@pytest.mark.parametrize(
    ("pattern", "cap"),
    [
        ("[file:name = '採用予定調査.exe']", "quarantine"),
        ("[email-message:body_multipart[*].body_raw_ref.name = '採用予定調査.exe']", "quarantine"),
        ("[email-message:from_ref.display_name = '防災 太郎']", "quarantine"),
        ("[email-message:x_mailer = 'Foxmail 7.0']", "tag"),
        ("[file:name = '採用予定調査.exe' OR file:hashes.MD5 = 'aa']", "quarantine"),
        ("[file:name = '採用予定調査.exe'] AND [email-message:x_mailer = 'Foxmail 7.0']", "quarantine"),
    ],
)
def test_capped(pattern: str, cap: str) -> None:
    """A weak value alone never rejects: a file name and a sender's name quarantine at most, a mail program tags."""
    found = assay(pattern)
    assert (found.verdict, found.action_cap) == ("enforce", cap)
    assert found.reasons


def test_to_ids() -> None:
    """What its author holds too weak for detection is observed; what is refused stays refused."""
    assert assay("[domain-name:value = 'evil.example']", to_ids=False).verdict == "observe"
    assert assay("[file:name = '採用予定調査.exe']", to_ids=False).action_cap is None
    assert assay("[domain-name:value = 'com']", to_ids=False).verdict == "refuse"


def test_yara() -> None:
    """YARA source is judged by its author's word alone."""
    source = "rule a { condition: true }"
    assert assay(source, pattern_type="yara") == Assessment("enforce")
    assert assay(source, pattern_type="yara", to_ids=False).verdict == "observe"
    assert assay("alert", pattern_type="snort").verdict == "observe"


PATHS = st.sampled_from(["domain-name:value", "url:value", "email-addr:value", "ipv4-addr:value", "file:name",
                         "email-message:subject", "email-message:body", "file:hashes.MD5"])  # fmt: skip
OPERATORS = st.sampled_from(["=", "!=", "LIKE", "MATCHES", "ISSUBSET"])


@given(PATHS, OPERATORS, st.text(max_size=60))
def test_anything_is_assessed(path: str, operator: str, value: str) -> None:
    """No value of a hostile feed raises, and what is not enforced has a reason."""
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    found = assay(f"[{path} {operator} '{quoted}']")
    assert found.verdict == "enforce" or found.reasons


def test_catastrophic_expression() -> None:
    """An expression that costs a backtracking engine for ever is taken in and tried in linear time (C25)."""
    assert assay("[email-message:subject MATCHES '^(x+x+)+qy$']").verdict == "enforce"
