"""Patterns in the shapes of published feeds, over observed data that meet them and that do not, with stix2-matcher."""

import copy
from typing import Any

import pytest
from sekisho_rules.observed_data import evaluate_observed_data
from sekisho_rules.pattern import parse
from stix2matcher.matcher import match

HASH = "0123456789abcdef" * 4
MOMENT = "2020-01-01T00:00:00Z"
Thing = dict[str, Any]


def mail(**more: Any) -> list[Thing]:
    """An email-message, with whom it refers to."""
    return [
        {"type": "email-message", "id": "0", "is_multipart": True, **more},
        {"type": "email-addr", "id": "1", "value": "a@bad.example", "display_name": "Bank"},
        {"type": "email-addr", "id": "2", "value": "u@ours.example"},
        {"type": "file", "id": "3", "name": "a.zip"},
    ]


def traffic(kind: str, value: str) -> list[Thing]:
    """A connection between hosts of one type."""
    host = {"type": kind, "id": "1", "value": value}
    return [{"type": "network-traffic", "id": "0", "dst_ref": "1", "src_ref": "1", "dst_port": 443}, host]


def one(kind: str, **more: Any) -> list[Thing]:
    """One object."""
    return [{"type": kind, "id": "0", **more}]


FILE = one("file", name="a.exe", hashes={"SHA-256": HASH, "SHA-1": HASH[:40], "MD5": HASH[:32]})
PARTS = [{"body_raw_ref": "3", "content_disposition": "attachment"}]
SHAPES = [
    (f"[file:hashes.'SHA-256' = '{HASH}']", FILE),
    (f"[file:hashes.'SHA-256'='{HASH}']", FILE),
    (f"[file:hashes.'SHA-1' = '{HASH[:40]}' OR file:hashes.MD5 = '{HASH[:32]}']", FILE),
    (f"[file:hashes.MD5 = '{HASH[:32]}' AND file:name = 'a.exe']", FILE),
    ("[domain-name:value = 'c2.example']", one("domain-name", value="c2.example")),
    ("[domain-name:value='c2.example']", one("domain-name", value="c2.example")),
    ("[network-traffic:dst_ref.value = '192.0.2.1']", traffic("ipv4-addr", "192.0.2.1")),
    ("[network-traffic:src_ref.value = '192.0.2.1']", traffic("ipv4-addr", "192.0.2.1")),
    (
        "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.1']",
        traffic("ipv4-addr", "192.0.2.1"),
    ),
    ("[url:value = 'http://c2.example/x?y=1']", one("url", value="http://c2.example/x?y=1")),
    ("[url:value LIKE 'http://c2.example/%']", one("url", value="http://c2.example/x")),
    ("[ipv4-addr:value = '192.0.2.1']", one("ipv4-addr", value="192.0.2.1")),
    ("[ipv6-addr:value = '2001:db8::1']", one("ipv6-addr", value="2001:db8::1")),
    ("[file:name = 'a.exe']", FILE),
    ("[file:name LIKE '%.exe']", FILE),
    ("[email-addr:value = 'a@bad.example']", mail()),
    ("[email-message:from_ref.value = 'a@bad.example']", mail(from_ref="1")),
    ("[email-message:from_ref.display_name = 'Bank']", mail(from_ref="1")),
    ("[email-message:sender_ref.value = 'a@bad.example']", mail(sender_ref="1")),
    ("[email-message:to_refs[*].value = 'u@ours.example']", mail(to_refs=["1", "2"])),
    ("[email-message:cc_refs[*].value = 'u@ours.example']", mail(cc_refs=["2"])),
    ("[email-message:subject = '請求書']", mail(subject="請求書")),
    ("[email-message:message_id = '<1@bad.example>']", mail(message_id="<1@bad.example>")),
    ("[email-message:body = 'Hello']", mail(body="Hello")),
    ("[email-message:received_lines[*] = 'from a by b']", mail(received_lines=["from c by d", "from a by b"])),
    ("[email-message:body_multipart[*].body_raw_ref.name = 'a.zip']", mail(body_multipart=PARTS)),
    ("[email-message:body_multipart[0].content_disposition = 'attachment']", mail(body_multipart=PARTS)),
    (
        "[email-message:additional_header_fields.'X-Mailer' = 'M 1']",
        mail(additional_header_fields={"X-Mailer": "M 1"}),
    ),
    (
        "[email-message:additional_header_fields.x_mailer = 'M 1']",
        mail(additional_header_fields={"x_mailer": "M 1"}),
    ),
    (
        "[email-message:additional_header_fields.reply_to = 'r@bad.example']",
        mail(additional_header_fields={"reply_to": "r@bad.example"}),
    ),
    ("[process:command_line = 'cmd /c a.exe']", one("process", command_line="cmd /c a.exe")),
    ("[process:command_line LIKE '%a.exe%']", one("process", command_line="cmd /c a.exe")),
    ("[windows-registry-key:key = 'HKEY_USERS\\\\Run']", one("windows-registry-key", key="HKEY_USERS\\Run")),
    ("[directory:path = 'C:\\\\tmp']", one("directory", path="C:\\tmp")),
    ("[mutex:name = 'm']", one("mutex", name="m")),
    ("[app:id='com.bad.example']", one("app", id="com.bad.example")),
    ("[configuration-profile:id='com.bad.example']", one("configuration-profile", id="com.bad.example")),
]
UNMET = [
    ("[file:hashes.sha256 = '" + HASH + "']", FILE),
    (f"[file:hashes.'SHA-256' = '{HASH.upper()}']", FILE),
    ("[email:subject = '請求書']", mail(subject="請求書")),
    ("[email-message:received_lines = 'from a by b']", mail(received_lines=["from a by b"])),
    ("[email-message:is_multipart = 'true']", mail()),
    ("[email-message:additional_header_fields.'x-mailer' = 'M']", mail(additional_header_fields={"X-Mailer": "M"})),
    ("[network-traffic:dst_ref.value = 'c2.example']", one("url", value="http://c2.example/x")),
    (f"([file:name = 'a.exe'] AND [file:hashes.'SHA-256' = '{HASH}'])", FILE),
    ("[email-message:subject = '請求書' AND email-addr:value = 'a@bad.example']", mail(subject="請求書")),
]


def observed(*groups: list[Thing]) -> Thing:
    """A bundle with one observation of each group of things."""
    objects: list[Thing] = []
    for number, group in enumerate(groups):
        references = [thing["id"] for thing in group]
        times = {"first_observed": MOMENT, "last_observed": MOMENT, "number_observed": 1}
        objects += [*group, {"type": "observed-data", "id": f"observed-data--{number}", **times}]
        objects[-1]["object_refs"] = references
    return {"type": "bundle", "id": "bundle--1", "objects": objects}


def another(value: Any) -> Any:
    """The same things with other texts in them."""
    if isinstance(value, dict):
        return {key: each if key in ("type", "id") or "_ref" in key else another(each) for key, each in value.items()}
    if isinstance(value, list):
        return [another(each) for each in value]
    return f"~{value[::-1]}" if isinstance(value, str) else value


def both(pattern: str, bundle: Thing) -> bool:
    """What both engines say."""
    ours = bool(evaluate_observed_data(pattern, bundle))
    assert ours is bool(match(pattern, [copy.deepcopy(bundle)], stix_version="2.1"))
    return ours


@pytest.mark.parametrize(("pattern", "things"), SHAPES)
def test_shape(pattern: str, things: list[Thing]) -> None:
    """Each shape is met by what it describes and not by the same things with other values, and mails read it too."""
    assert both(pattern, observed(things))
    assert not both(pattern, observed(one("x-other", value="x"))) and parse(pattern).inert == ""
    if ":id=" not in pattern and "ref.type" not in pattern:
        assert not both(pattern, observed(another(things)))


@pytest.mark.parametrize(("pattern", "things"), UNMET)
def test_unmet(pattern: str, things: list[Thing]) -> None:
    """To the letter of the standard none of the leniencies holds that mails are read with."""
    assert not both(pattern, observed(things))


def test_two_observations() -> None:
    """AND of observations is met by two of them, in any order; FOLLOWEDBY at one moment too."""
    for word in ("AND", "FOLLOWEDBY"):
        pattern = f"[domain-name:value = 'c2.example'] {word} [ipv4-addr:value = '192.0.2.1']"
        host, address = one("domain-name", value="c2.example"), [{"type": "ipv4-addr", "id": "1", "value": "192.0.2.1"}]
        assert both(pattern, observed(host, address))
        assert not both(pattern, observed([*host, *address]))
        assert not both(pattern, observed(host))
