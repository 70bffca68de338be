"""Patterns as publishers really write them, held against one mail through the compiled index."""

from pathlib import Path

import pytest
from sekisho_core.vocabulary import Envelope, Header, Observable, Reading
from sekisho_rules.compile import compile_snapshot, without_effect
from sekisho_rules.indicator import Indicator
from sekisho_rules.snapshot import SnapshotStore

SHA256, SHA1, MD5 = "ab" * 32, "cd" * 20, "ef" * 16
MAIL = Reading(
    headers=tuple(
        Header(name, value, value.encode())
        for name, value in (
            ("Content-Type", 'multipart/mixed; boundary="b"'),
            ("X-Mailer", "Odd Mailer 1.0"),
            ("Reply-To", "answer@bad.example"),
            ("X-Spam_Note", "odd note"),
        )
    ),
    observables=tuple(
        Observable(path, value, where)
        for path, value, where in (
            ("email-message:subject", "請求書送付のご案内", "header:subject"),
            ("email-message:from_ref.value", "sender@bad.example", "header:from"),
            ("email-addr:value", "sender@bad.example", "header:from"),
            ("email-message:to_refs[*].value", "first@ours.example", "header:to"),
            ("email-message:to_refs[*].value", "second@ours.example", "header:to"),
            ("email-message:reply_to", "answer@bad.example", "header:reply-to"),
            ("email-message:x_mailer", "Odd Mailer 1.0", "header:x-mailer"),
            ("email-message:received_lines", "from a.example by b.example", "header:received"),
            ("email-message:received_lines", "from c.example by d.example", "header:received"),
            ("email-message:body_multipart[*].body_raw_ref.name", "invoice.zip", "part:2"),
            ("email-message:body_multipart[*].content_disposition", 'attachment; filename="invoice.zip"', "part:2"),
            ("email-message:body_multipart[*].content_disposition", "attachment", "part:2"),
            ("file:name", "invoice.zip", "part:2"),
            ("file:hashes.'SHA-256'", SHA256, "part:2"),
            ("file:hashes.'SHA-1'", SHA1, "part:2"),
            ("file:hashes.MD5", MD5, "part:2"),
            ("url:value", "http://c2.bad.example/x", "part:1"),
            ("url:value", "http://192.0.2.77:8080/y", "part:1"),
        )
    ),
)
ENVELOPE = Envelope("198.51.100.7", "mail.bad.example", "helo.bad.example", "sender@bad.example", ("u@ours.example",))


def is_met(tmp_path: Path, pattern: str) -> bool:
    """Whether the mail meets the pattern through a compiled index."""
    one = Indicator(id="indicator--1", source="s", pattern=pattern)
    compile_snapshot([one], tmp_path, lambda sources, sets: (b"", {}), 1)
    return bool(SnapshotStore(tmp_path).current().match(ENVELOPE, MAIL))


@pytest.mark.parametrize(
    "pattern",
    [
        f"[file:hashes.'SHA-256' = '{SHA256}']",
        f"[file:hashes.'SHA-256'='{SHA256.upper()}']",
        f"[file:hashes.SHA256 = '{SHA256}']",
        f"[file:hashes.sha256='{SHA256}']",
        f"[file:hashes.'sha-256' IN ('{SHA256.upper()}')]",
        f"[file:hashes.SHA_256 = 'Ab{SHA256[2:]}']",
        f"[file:hashes.SHA1 = '{SHA1.upper()}']",
        f"[file:hashes.'SHA-1' = '{SHA1}' OR file:hashes.MD5 = '{'0' * 32}']",
        f"[file:hashes.md5 = '{MD5}']",
        f"[file:hashes.'MD5' = '{MD5.upper()}']",
        f"[file:hashes.'SHA-256' LIKE '{SHA256[:20].upper()}%']",
        "[email-message:additional_header_fields.'X-Mailer' = 'Odd Mailer 1.0']",
        "[email-message:additional_header_fields.x_mailer = 'Odd Mailer 1.0']",
        "[email-message:additional_header_fields.'X_MAILER'[0] = 'Odd Mailer 1.0']",
        "[email-message:additional_header_fields.'x-mailer'[*] = 'Odd Mailer 1.0']",
        "[email-message:x_mailer = 'Odd Mailer 1.0']",
        "[email-message:additional_header_fields.'Reply-To' = 'answer@bad.example']",
        "[email-message:additional_header_fields.reply_to = 'answer@bad.example']",
        "[email-message:reply_to = 'answer@bad.example']",
        "[email-message:additional_header_fields.'X-Spam-Note' = 'odd note']",
        "[email-message:to_refs.value = 'second@ours.example' AND email-message:subject LIKE '%送付%']",
        "[email-message:to_refs[0].value = 'second@ours.example']",
        "[email-message:received_lines = 'from c.example by d.example']",
        "[email-message:received_lines[*] LIKE '%c.example%']",
        "[email:subject = '請求書送付のご案内']",
        "[email:subject = '請求書送付のご案内' AND email-message:from_ref.value = 'sender@bad.example']",
        "[email-message:is_multipart = true AND email-message:from_ref.value = 'sender@bad.example']",
        "[email-message:is_multipart = 'true' AND email-message:from_ref.value = 'sender@bad.example']",
        "[email-message:is_multipart != 'false' AND email-message:subject = '請求書送付のご案内']",
        "[email-message:body_multipart[0].body_raw_ref.name = 'invoice.zip' AND "
        "email-message:body_multipart[0].content_disposition = 'attachment']",
        "[email-message:body_multipart[*].content_disposition = 'attachment; filename=\"invoice.zip\"']",
        "[network-traffic:dst_ref.value = 'c2.bad.example']",
        "[network-traffic:dst_ref.value = 'bad.example']",
        "[network-traffic:dst_ref.value = '192.0.2.77']",
        "[network-traffic:dst_ref.value ISSUBSET '192.0.2.0/24']",
        "[network-traffic:dst_ref.value IN ('none.example', '192.0.2.77')]",
        "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.77']",
        "[network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value = 'c2.bad.example']",
        "[network-traffic:src_ref.type = 'ipv4-addr' AND network-traffic:src_ref.value = '198.51.100.7']",
        f"([file:name = 'invoice.zip'] AND [file:hashes.'SHA-256' = '{SHA256}'])",
        f"[file:name = 'invoice.zip' AND file:hashes.'SHA-256' = '{SHA256}']",
        "[email-addr:value = 'sender@bad.example'] AND [email-message:from_ref.value = 'sender@bad.example']",
        "[file:name = 'invoice.zip'] AND [url:value = 'http://c2.bad.example/x']",
        "[mutex:name = 'none'] OR [url:value = 'http://c2.bad.example/x']",
        "[file:name = 'invoice.zip'] WITHIN 5 SECONDS",
        "[file:name = 'invoice.zip'] REPEATS 1 TIMES",
        "([file:name = 'invoice.zip'] AND [domain-name:value = 'c2.bad.example']) REPEATS 1 TIMES WITHIN 300 SECONDS",
        "[file:name = 'invoice.zip'] START t'2020-01-01T00:00:00Z' STOP t'2999-01-01T00:00:00Z'",
    ],
)
def test_met(tmp_path: Path, pattern: str) -> None:
    """Spellings of hashes and header fields, members of lists, flags as texts, `email`, hosts of URLs as what a
    connection leads to, and AND of observations by one object: real feeds need each of them."""
    assert is_met(tmp_path, pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        f"[file:name = 'invoice.zip' AND file:hashes.'SHA-256' = '{'0' * 64}']",
        "[file:name = 'invoice.zip' AND url:value = 'http://c2.bad.example/x']",
        "[email-message:subject = '請求書送付のご案内' AND email-addr:value = 'sender@bad.example']",
        "[domain-name:value = 'c2.bad.example' AND url:value = 'http://c2.bad.example/x']",
        "[network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value = '192.0.2.77']",
        "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = 'c2.bad.example']",
        "[network-traffic:dst_ref.value = 'ours.example']",
        "[network-traffic:dst_ref.value = '198.51.100.7']",
        "[network-traffic:src_ref.value = '192.0.2.77']",
        "[email-message:is_multipart = 'false' AND email-message:from_ref.value = 'sender@bad.example']",
        "[email-message:additional_header_fields.'X-Mailer' = 'odd mailer 1.0']",
        "[file:name = 'invoice.zip'] AND [file:name = 'other.zip']",
        "[file:name = 'invoice.zip'] START t'2020-01-01T00:00:00Z' STOP t'2021-01-01T00:00:00Z'",
    ],
)
def test_not_met(tmp_path: Path, pattern: str) -> None:
    """One pair of brackets speaks of one object of one type, and a leniency of spelling is none of value."""
    assert not is_met(tmp_path, pattern)


@pytest.mark.parametrize(
    ("qualifier", "word"),
    [
        ("FOLLOWEDBY [url:value = 'http://c2.bad.example/x']", "FOLLOWEDBY"),
        ("REPEATS 2 TIMES", "REPEATS 2 TIMES"),
        ("REPEATS 2 TIMES WITHIN 60 SECONDS", "REPEATS 2 TIMES"),
    ],
)
def test_several_events(tmp_path: Path, qualifier: str, word: str) -> None:
    """What needs several events is taken in, has no effect, and says why."""
    pattern = f"[file:name = 'invoice.zip'] {qualifier}"
    reason = without_effect(Indicator(id="indicator--1", source="s", pattern=pattern))
    assert reason.startswith(f"inert: {word} needs several events")
    assert not is_met(tmp_path, pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "[email-message:is_multipart = true]",
        "[email-message:body_multipart[*].content_disposition = 'attachment']",
        "[email-message:body_multipart[*].content_disposition LIKE 'attach%']",
        "[network-traffic:dst_ref.type = 'ipv4-addr']",
        "[network-traffic:dst_ref.type = 'ipv4-addr'] OR [url:value = 'http://c2.bad.example/x']",
    ],
)
def test_common_alone(pattern: str) -> None:
    """C21: what very many mails have is refused where nothing narrower stands beside it."""
    assert without_effect(Indicator(id="indicator--1", source="s", pattern=pattern)).startswith("refused: ")
