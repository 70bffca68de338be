"""Header fields: words, charsets, addresses."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.vocabulary import Reading
from sekisho_inspection import headers
from sekisho_inspection.addresses import addresses

LURE = "対北朝鮮措置の延長について"


def word(data: bytes, label: str) -> bytes:
    """An encoded word (RFC 2047)."""
    return b"=?" + label.encode() + b"?B?" + base64.b64encode(data) + b"?="


def test_iso_2022_jp_split_without_reset() -> None:
    """An escape sequence that runs over two words is one text."""
    data = LURE.encode("iso2022_jp")
    cut = 3 + 2 * 5
    raw = b" " + word(data[:cut], "ISO-2022-JP") + b"\r\n " + word(data[cut:], "ISO-2022-JP")
    assert headers.decode_value(raw) == LURE


def test_character_split_over_words() -> None:
    """A character cut at the end of a word is one character."""
    data = LURE.encode()
    assert headers.decode_value(word(data[:7], "utf-8") + b" " + word(data[7:], "utf-8")) == LURE


@pytest.mark.parametrize(
    "raw",
    [
        word(LURE.encode("cp932"), "iso-2022-jp"),
        word(LURE.encode("euc-jp"), "us-ascii"),
        word(LURE.encode(), "utf-8*ja"),
        LURE.encode("cp932"),
        LURE.encode("iso2022_jp"),
        LURE.encode(),
        b"=?utf-8?q?" + "".join(f"={byte:02X}" for byte in LURE.encode()).encode() + b"?=",
    ],
)
def test_subjects_as_seen_in_the_wild(raw: bytes) -> None:
    """Mislabelled, unlabelled and raw subjects are among the readings."""
    assert LURE in headers.decoded_values(raw)


def test_text_beside_words() -> None:
    """Text between words keeps its spaces; those between two words are not shown."""
    raw = (
        b"Re: "
        + word("会議".encode(), "utf-8")
        + b" (2) "
        + word("の件".encode(), "utf-8")
        + b" "
        + word(b"A", "us-ascii")
    )
    assert headers.decode_value(raw) == "Re: 会議 (2) の件A"


def test_addresses() -> None:
    """Names, comments, groups, quotes and bare addresses."""
    raw = b'"Doe, \\"J\\"" <J@Example.jp>, a@b.example (Taro), list: c@d.example;, "x@go.example" <y@evil.example>'
    found = [(address.value, address.display_name) for address in addresses(raw)]
    assert found[0] == ("j@example.jp", 'Doe, "J"')
    assert found[1] == ("a@b.example", "Taro")
    assert found[2][0] == "c@d.example"
    assert found[-1] == ("y@evil.example", "x@go.example")


@pytest.mark.parametrize(
    "raw",
    [
        b'"user"@evil.example',
        b"user(comment)@evil.example",
        b"user @ evil.example",
        b'X <"user"@evil.example>',
        b"X < user (x) @ evil.example >",
    ],
)
def test_odd_spellings_of_an_address(raw: bytes) -> None:
    """Quotes that are not needed, comments and spaces at the @ hide no address."""
    assert [address.value for address in addresses(raw)] == ["user@evil.example"]


def test_every_from_is_taken(read: Callable[..., Reading]) -> None:
    """Several From fields all become observables."""
    reading = read(b"From: A <a@example.jp>\r\nFrom: B <b@example.go.jp>\r\n\r\nx")
    values = {(item.path, item.value) for item in reading.observables}
    assert {
        ("email-message:from_ref.value", "a@example.jp"),
        ("email-message:from_ref.value", "b@example.go.jp"),
    } <= values
    assert ("email-message:from_ref.display_name", "B") in values


def test_odd_fields_are_read(read: Callable[..., Reading]) -> None:
    """A35: undecodable bytes, empty names and junk lines leave the other fields readable."""
    reading = read(b": empty name\r\nX-\xff: \x80\xfe\r\njunk line\r\nSubject : late\r\n\r\nbody")
    assert reading.subject.decoded == "late"
    assert [header.name for header in reading.headers] == ["", "X-ÿ", "Subject"]
    assert reading.headers[1].raw == b" \x80\xfe"


def test_ten_thousand_fields(read: Callable[..., Reading]) -> None:
    """A35: 10,000 fields are read within the bound, and a larger header is incomplete."""
    head = b"".join(b"X-%d: v\r\n" % number for number in range(10_000)) + b"Subject: end\r\n"
    assert read(head + b"\r\nbody").subject.decoded == "end"
    assert "limit" in {gap.reason for gap in read(head + b"\r\nbody", max_header_bytes=5000).incomplete}


@given(st.binary(max_size=300))
def test_fields_never_raise(raw: bytes) -> None:
    """Any bytes give a value and mailboxes, the value first among its readings."""
    value = headers.decode_value(raw)
    assert headers.decoded_values(raw)[:1] == ([value] if value else headers.decoded_values(raw)[:1])
    assert all(address.value or address.display_name for address in addresses(raw))


@given(st.text(min_size=1, max_size=30) | st.text("=?+~{\x1bあAb", min_size=1, max_size=12))
def test_one_word_is_read_as_any_other(text: str) -> None:
    """A value of one word in UTF-8 has the readings that the same word has beside a language (RFC 2231 section 5)."""
    coded = base64.b64encode(text.encode("utf-8", "replace"))
    plain, tagged = (headers.decoded_values(b"=?utf-8%s?B?%s?=" % (tag, coded)) for tag in (b"", b"*ja"))
    assert plain == tagged
