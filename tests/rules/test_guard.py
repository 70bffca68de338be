"""Structural refusals."""

import pytest
from sekisho_rules.guard import refusal
from sekisho_rules.pattern import parse

OWN = ("city.ours.example",)


@pytest.mark.parametrize(
    "text",
    [
        "[domain-name:value = '']",
        "[domain-name:value = 'com']",
        "[domain-name:value = 'co.jp']",
        "[domain-name:value = '.']",
        "[domain-name:value = 'CITY.ours.example']",
        "[domain-name:value = 'www.city.ours.example']",
        "[domain-name:value = 'ours.example']",
        "[network-traffic:dst_ref.value = 'jp']",
        "[url:value = 'https://city.ours.example/x']",
        "[email-addr:value = 'mayor@city.ours.example']",
        "[ipv4-addr:value = '0.0.0.0/0']",
        "[ipv4-addr:value ISSUBSET '10.0.0.0/7']",
        "[ipv6-addr:value ISSUBSET '::/0']",
        "[file:hashes.MD5 = 'D41D8CD98F00B204E9800998ECF8427E']",
        "[file:hashes.'SHA-256' = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855']",
        "[file:name = 'a']",
        "[email-message:subject = '●●']",
        "[email-message:subject = '、']",
        "[email-message:body LIKE '%']",
        "[email-message:body LIKE '%a_']",
        "[email-message:body MATCHES 'a*']",
        "[email-message:subject != 'x']",
        "[file:name NOT = 'report.pdf']",
        "[EXISTS url:value]",
        "[file:name = 'fine.exe' OR domain-name:value = 'com']",
        "[file:name = 'fine.exe'] OR [file:name IN ('fine.exe', ' ')]",
    ],
)
def test_refused(text: str) -> None:
    """What would stop nearly every mail, or our own, is refused with a reason."""
    assert refusal(parse(text).tree, OWN)


@pytest.mark.parametrize(
    "text",
    [
        "[domain-name:value = 'evil.example']",
        "[domain-name:value = 'notcity.ours.example.evil.example']",
        "[ipv4-addr:value ISSUBSET '192.0.2.0/24']",
        "[email-message:body LIKE '%evil%']",
        "[file:name = 'evil.exe' AND file:size > 0]",
        "[EXISTS url:value AND url:value MATCHES '^http://evil']",
        "[file:name NOT = 'report.pdf' AND file:hashes.MD5 = 'aa']",
    ],
)
def test_not_refused(text: str) -> None:
    """A condition that others narrow may be wide."""
    assert refusal(parse(text).tree, OWN) == ""
