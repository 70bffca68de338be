"""MISP attribute types: the pattern of each, the halves of composites, values that are refused."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.vocabulary import Envelope, Header, Observable, Reading
from sekisho_feeds.misp_types import MAIL_TYPES, TYPES, VICTIMS, pattern_of, type_of
from sekisho_rules.evaluate import evaluate, objects
from sekisho_rules.match import mail_facts
from sekisho_rules.observed import unobserved
from sekisho_rules.pattern import LONGEST, parse
from sekisho_rules.tree import comparisons

MD5, SHA1, SHA256 = (hashlib.new(name, b"a").hexdigest() for name in ("md5", "sha1", "sha256"))
BODY = "拝啓\n資料をお送りします。\n送金先 1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
ENVELOPE = Envelope("192.0.2.10", "out.sender.example", "helo.sender.example", "bounce@mail.example", ("u@ours.jp",))
READING = Reading(
    observables=(
        Observable("email-message:subject", "資料送付の件", "header:subject"),
        Observable("email-message:from_ref.value", "a@evil.example", "header:from"),
        Observable("email-addr:value", "a@evil.example", "header:from"),
        Observable("email-message:from_ref.display_name", "総務課", "header:from"),
        Observable("email-message:reply_to", "r@evil.example", "header:reply-to"),
        Observable("email-message:message_id", "<1@evil.example>", "header:message-id"),
        Observable("email-message:received_lines", "from x by y", "header:received"),
        Observable("email-message:body", BODY, "part:1"),
        Observable("email-message:body_multipart[*].body_raw_ref.name", "報告.exe", "part:2"),
        Observable("file:name", "報告.exe", "part:2"),
        Observable("file:hashes.MD5", MD5, "part:2"),
        Observable("file:hashes.'SHA-1'", SHA1, "part:2"),
        Observable("file:hashes.'SHA-256'", SHA256, "part:2"),
        Observable("file:extensions.'windows-pebinary-ext'.imphash", MD5, "part:2"),
        Observable("windows-registry-key:key", r"HKCU\Software\Evil", "part:2"),
        Observable("url:value", "http://www.bad.example/x?y=1", "part:1"),
        Observable("url:value", "http://198.51.100.7:8080/", "part:1"),
    ),
    headers=(
        Header("X-Mailer", "Foo 1.0", b" Foo 1.0"),
        Header("Thread-Index", "AQHXABC==", b""),
        Header("Content-Type", 'multipart/mixed; boundary="----=_NextPart_000_1234"', b""),
    ),
)
SHOWN = {
    "email": "a@evil.example",
    "email-src": "A[at]evil[.]example",
    "email-src-display-name": "総務課",
    "email-subject": "資料送付の件",
    "email-reply-to": "r@evil.example",
    "email-body": BODY.replace("\n", "\r\n"),
    "email-message-id": "<1@evil.example>",
    "email-x-mailer": "Foo 1.0",
    "email-thread-index": "AQHXABC==",
    "email-mime-boundary": "----=_NextPart_000_1234",
    "email-header": "Received: from x by y",
    "email-attachment": "報告.exe",
    "filename": "報告.exe",
    "attachment": "報告.exe",
    "malware-sample": f"sample.bin|{MD5}",
    "md5": MD5.upper(),
    "sha1": SHA1,
    "sha256": SHA256,
    "imphash": MD5,
    "filename|md5": f"other.exe|{MD5}",
    "filename|sha1": f"a|b.exe|{SHA1}",
    "filename|sha256": f"報告.exe|{SHA256}",
    "filename|imphash": f"報告.exe|{MD5}",
    "domain": "bad[.]example",
    "hostname": "www.bad.example",
    "domain|ip": "nowhere.example|198.51.100.7",
    "hostname|port": "www.bad.example|80",
    "url": "hxxp://www.bad[.]example/x?y=1",
    "uri": "http://www.bad.example/x?y=1",
    "link": "http://www.bad.example/x?y=1",
    "ip-dst": "198.51.100.0/24",
    "ip-dst|port": "198.51.100.7|8080",
    "ip-src": "192.0.2.10",
    "ip-src|port": "192.0.2.10:25",
    "regkey": r"HKCU\Software\Evil",
    "btc": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
}


def pattern(kind: str, value: str, relation: str = "") -> str:
    """The pattern of a value of a type that has one."""
    known = type_of(kind, relation)
    assert known is not None
    return pattern_of(known, value, 1000)


def hits(text: str) -> bool:
    """Whether the mail fulfils a pattern."""
    return bool(evaluate(parse(text).tree, objects(mail_facts(ENVELOPE, READING)), 0.0))


@pytest.mark.parametrize(("kind", "value"), SHOWN.items())
def test_a_mail_shows_it(kind: str, value: str) -> None:
    """The value of each type that mails show is found in a mail that has it, and observed; another is not found."""
    assert hits(pattern(kind, value))
    assert unobserved(parse(pattern(kind, value)).tree) == ""


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email-src", "b@evil.example"),
        ("filename|imphash", f"other.exe|{MD5}"),
        ("filename|sha256", "報告.exe|" + "0" * 64),
        ("domain", "evil.bad.example"),
        ("ip-src", "198.51.100.7"),
        ("ip-dst", "192.0.2.10"),
        ("domain|ip", "nowhere.example|198.51.100.8"),
        ("email-header", "X-Mailer: Foo 2.0"),
    ],
)
def test_a_mail_without_it(kind: str, value: str) -> None:
    """Neither another value matches, nor another name beside a shared hash, nor the address of the other end."""
    assert not hits(pattern(kind, value))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("filename", r"a\b'c", r"[file:name = 'a\\b\'c']"),
        ("filename|sha256", f"a|b.exe|{SHA256}", f"[file:hashes.'SHA-256' = '{SHA256}']"),
        ("filename|ssdeep", "a.exe|3:ab:c", "[file:name = 'a.exe' AND file:hashes.SSDEEP = '3:ab:c']"),
        (
            "domain|ip",
            "a.example|2001:db8::1",
            "[domain-name:value = 'a.example'] OR [network-traffic:dst_ref.value = '2001:db8::1']",
        ),
        ("hostname|port", "a.example|8443", "[domain-name:value = 'a.example']"),
        ("ip-dst|port", "2001:db8::1|443", "[network-traffic:dst_ref.value = '2001:db8::1']"),
        ("hostname", "192[.]0.2.1", "[network-traffic:dst_ref.value = '192.0.2.1']"),
        (
            "regkey|value",
            r"HKLM\Run|%TEMP%\a|b.exe",
            r"[windows-registry-key:key = 'HKLM\\Run' AND windows-registry-key:values.data = '%TEMP%\\a|b.exe']",
        ),
        ("email-header", "X-PHP-Script: a.example/x.php", "[email-message:additional_header_fields.'X-PHP-Script' = "
         "'a.example/x.php']"),
        ("yara", "rule a { condition: true }", "rule a { condition: true }"),
        ("stix2-pattern", "[url:value = 'x']", "[url:value = 'x']"),
        ("sha512/256", "0" * 64, f"[file:hashes.'SHA-512-256' = '{'0' * 64}']"),
    ],
)  # fmt: skip
def test_patterns(kind: str, value: str, expected: str) -> None:
    """Values are escaped, composites split at their bar: of a name and a hash at the last, of others at the first."""
    assert pattern(kind, value) == expected


def test_return_path_is_of_the_envelope() -> None:
    """The address of an e-mail object's Return-Path is looked for in the envelope, not in From."""
    assert hits(pattern("email-src", "bounce@mail.example", "return-path"))
    assert not hits(pattern("email-src", "bounce@mail.example", "from"))


@pytest.mark.parametrize(
    ("kind", "value", "fault"),
    [
        ("md5", "d41d8", "not 32 hexadecimal digits"),
        ("sha256", "g" * 64, "not 64 hexadecimal digits"),
        ("sha1", "１" * 40, "not 40 hexadecimal digits"),
        ("filename|md5", MD5, "not two values with | between them"),
        ("filename|md5", f"|{MD5}", "not two values"),
        ("domain|ip", "a.example", "not two values"),
        ("domain|ip", "a.example|b.example", "not an IP address"),
        ("ip-dst", "a.example", "not an IP address"),
        ("ip-dst|port", "192.0.2.1|http", "not a host and a port"),
        ("ip-dst|port", "192.0.2.1|99999999999999999999", "not a host and a port"),
        ("domain", "http://a.example/", "not a host name"),
        ("domain", "a.example b.example", "not a host name"),
        ("domain", "a." * 200 + "example", "not a host name"),
        ("email-src", "nobody", "not a mail address"),
        ("url", "/relative/path", "a URL without host"),
        ("email-header", "From: a\nTo: b", "several header fields"),
        ("email-mime-boundary", "abc", "not a boundary"),
        ("btc", "%", "not an address of a currency"),
        ("email-subject", " \t ", "an empty value"),
        ("email-subject", "a\0b", "a NUL character"),
        ("email-subject", "あ" * (LONGEST + 1), "20001 characters, more than 20000"),
        ("email-subject", "'" * LONGEST, "a pattern of"),
        ("yara", "a" * 1001, "1001 characters, more than 1000"),
    ],
)
def test_refused_values(kind: str, value: str, fault: str) -> None:
    """A value that is none of its type, empty, unholdable or too long is refused with the fault."""
    with pytest.raises(ValueError, match=fault.replace("|", r"\|")):
        pattern(kind, value)


@given(
    st.sampled_from(sorted(TYPES)),
    st.text(max_size=300) | st.from_regex(r"[^|]{1,9}\|[0-9a-f:.]{1,64}", fullmatch=True),
)
def test_any_value_makes_a_pattern_or_a_refusal(kind: str, value: str) -> None:
    """Whatever the value, what comes out is a pattern that our parser reads, or a refusal."""
    known = TYPES[kind]
    try:
        made = pattern_of(known, value, 1000)
    except ValueError:
        return
    if known.language == "stix" and kind != "stix2-pattern":
        assert parse(made).inert == ""


@given(st.text(min_size=1, max_size=200).filter(lambda text: text.strip() and "\0" not in text))
def test_constants_are_what_was_stated(value: str) -> None:
    """No value breaks out of its constant: the comparison has the value itself, and there is no second one."""
    stated = comparisons(parse(pattern("email-subject", value)).tree)
    assert [(one.path, one.values) for one in stated] == [("email-message:subject", (value.strip(),))]


def test_victims_and_mail_types() -> None:
    """No type that names a victim has a pattern; those that only mails have do, and are unset by default."""
    assert not VICTIMS & TYPES.keys()
    assert TYPES.keys() >= MAIL_TYPES
    assert not any(TYPES[kind].to_ids for kind in MAIL_TYPES)
