"""Structural refusals."""

import pytest
from sekisho_rules.guard import Protected, refusal
from sekisho_rules.pattern import parse

PROTECTED = Protected(own=("city.ours.example",), shared=("gmail.com", "mail.shared.example"))


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
        "[domain-name:value = 'gmail.com']",
        "[domain-name:value = 'shared.example']",
        "[domain-name:value = 'co.uk']",
        "[domain-name:value = 'tokyo.jp']",
        "[domain-name:value = '*']",
        "[domain-name:value LIKE '%.com']",
        "[url:value = '/']",
        "[url:value LIKE 'http%']",
        "[url:value MATCHES '^https?://']",
        "[email-addr:value LIKE '%@gmail.com']",
        "[email-message:subject MATCHES '.']",
        "[email-message:subject = '●●のお知らせ']",
        "[email-message:subject = '●●の件']",
        "[email-message:body LIKE '%お世話になって%']",
        "[file:name LIKE '%.pdf']",
        "[file:hashes.MD5 MATCHES '^[0-9a-f]{32}$']",
        "[file:size > 0]",
        "[file:mime_type = 'application/pdf']",
        "[email-message:subject > 'a']",
        "[file:name NOT = 'a.exe' AND file:size > 0]",
        "[file:name LIKE '%.pdf'] AND [EXISTS url:value]",
        "[file:name = 'fine.exe' OR domain-name:value = 'com']",
        "[file:name = 'fine.exe'] OR [file:name IN ('fine.exe', ' ')]",
    ],
)
def test_refused(text: str) -> None:
    """What would stop nearly every mail, or our own, is refused with a reason."""
    assert refusal(parse(text).tree, PROTECTED)


@pytest.mark.parametrize(
    "text",
    [
        "[domain-name:value = 'evil.example']",
        "[domain-name:value = 'notcity.ours.example.evil.example']",
        "[ipv4-addr:value ISSUBSET '192.0.2.0/24']",
        "[email-message:body LIKE '%evil%']",
        "[domain-name:value = 'tokyo.example.jp']",
        "[domain-name:value = 'listed.gmail.com']",
        "[email-addr:value = 'listed@gmail.com']",
        "[url:value = 'https://mail.shared.example/listed']",
        "[email-message:subject = '●●先生の取材のご依頼']",
        "[file:name LIKE '%.scr']",
        "[file:name LIKE '採用%調査%.pdf']",
        "[file:mime_type = 'application/pdf' AND file:name = 'evil.pdf']",
        "[file:name = 'evil.exe' AND file:size > 0]",
        "[EXISTS url:value AND url:value MATCHES '^http://evil']",
        "[file:name NOT = 'report.pdf' AND file:hashes.MD5 = 'aa']",
    ],
)
def test_not_refused(text: str) -> None:
    """A condition that others narrow may be wide."""
    assert refusal(parse(text).tree, PROTECTED) == ""
