"""MIME: parts, encodings, and every name that a part bears."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from sekisho_core.vocabulary import Reading
from sekisho_inspection import filenames, headers, parameters, transfer
from sekisho_inspection.header_blocks import read_block
from sekisho_inspection.settings import InspectionSettings


def multipart(*parts: bytes, boundary: bytes = b"b1") -> bytes:
    """A multipart entity of whole parts."""
    inner = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\n' + inner + b"--" + boundary + b"--\r\n"


def ids(reading: Reading) -> list[str]:
    """The ids of all parts."""
    return [part.id for part in reading.parts]


def names_of(field: bytes) -> tuple[str, ...]:
    """The names of an entity with these fields."""
    block = read_block(field + b"\r\n\r\n", 0, len(field) + 4, 10_000)
    return filenames.entity_names(block, parameters.read(block.values("content-type")))


def test_ids_and_positions(read: Callable[..., Reading]) -> None:
    """Parts are numbered as IMAP does, and their origin says where their bytes lie."""
    content = multipart(b"\r\none", multipart(b"\r\ntwo", b"\r\nthree", boundary=b"in"), b"\r\nfour")
    reading = read(content)
    assert ids(reading) == ["1", "2.1", "2.2", "3"]
    for part, text in zip(reading.parts, (b"one", b"two", b"three", b"four"), strict=True):
        start = part.origin.offset
        assert content[start : start + part.origin.length] == text
        assert part.origin.reading == "mime"


def test_message_in_a_message(read: Callable[..., Reading]) -> None:
    """An attached message is listed, and so are its parts and its subject."""
    inner = b"Subject: inner lure\r\nFrom: x@evil.example\r\n\r\nhttp://evil.example/a"
    for encoding, body in ((b"7bit", inner), (b"base64", base64.b64encode(inner))):
        part = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body
        reading = read(b"Subject: outer\r\n" + multipart(b"\r\ntext", part))
        assert ids(reading) == ["1", "2", "2.1"]
        seen = {(item.path, item.value, item.where) for item in reading.observables}
        assert ("email-message:subject", "inner lure", "part:2") in seen
        assert ("url:value", "http://evil.example/a", "part:2.1") in seen
        assert reading.subject.decoded == "outer"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"Content-Disposition: attachment; filename=plain.txt", ["plain.txt"]),
        (b"Content-Disposition: attachment; filename=\"a.txt\"; filename*=utf-8''b.exe", ["a.txt", "b.exe"]),
        (
            b'Content-Type: application/pdf; name="n.pdf"\r\nContent-Disposition: attachment; filename=f.pdf',
            ["f.pdf", "n.pdf"],
        ),
        (b"Content-Disposition: attachment; filename==?utf-8?B?5aCx5ZGKLnBkZg==?=", ["報告.pdf"]),
        (b'Content-Type: x/y; name="=?iso-2022-jp?B?GyRCSnM5cBsoQi5wZGY=?="', ["報告.pdf"]),
        (b"Content-Disposition: attachment; filename*0*=utf-8''%E5%A0; filename*1*=%B1%E5%91%8A.pdf", ["報告.pdf"]),
        (b"Content-Disposition: attachment; filename*1=b.pdf; filename*0=a", ["ab.pdf"]),
        (b'Content-Disposition: attachment; filename="' + "報告.pdf".encode("cp932") + b'"', ["報告.pdf"]),
        (b'Content-Disposition: attachment; filename="a\\"b;c.txt"', ['a"b;c.txt']),
        (b'Content-Disposition: attachment; filename="half.txt', ["half.txt"]),
    ],
)
def test_every_name(field: bytes, expected: list[str]) -> None:
    """B17: names in all notations and both fields are collected."""
    assert set(expected) <= set(names_of(field))


def test_other_charset_readings_of_a_name() -> None:
    """A raw name that two charsets can read is given in both readings, the likelier first."""
    assert names_of(b'Content-Disposition: attachment; filename="\xe8\xa1\xa8.pdf"')[0] == "表.pdf"


@pytest.mark.parametrize(
    "body",
    [
        b"aGVsbG8gd29ybGQ=",
        b"aGVs\r\nbG8g\r\nd29ybGQ=\r\n",
        b"aGVs!!bG8gd2 9ybGQ",
        b"aGVsbG8=IHdvcmxk",
        b"aGVsbG8gd29ybGQ==",
    ],
)
def test_base64_as_clients_take_it(body: bytes) -> None:
    """B12: junk, short lines, missing padding and joined streams decode."""
    assert headers.base64_bytes(body) == b"hello world"


def test_encodings() -> None:
    """Quoted-printable and uuencode decode; an unknown encoding leaves the body."""
    assert transfer.decode(b"a=3Db=\r\nc", "quoted-printable") == b"a=bc"
    assert transfer.decode(b"begin 644 x\n#86)C\n`\nend\n", "uuencode") == b"abc"
    assert transfer.decode(b"as is", transfer.UNKNOWN) == b"as is"


def test_parts_behind_the_close_delimiter(read: Callable[..., Reading]) -> None:
    """B8: a close delimiter in the middle hides no part behind it."""
    content = multipart(b"\r\none") + b"--b1\r\n\r\ntwo\r\n--b1--\r\n"
    assert ids(read(content)) == ["1", "2"]


def test_missing_boundary_is_guessed(read: Callable[..., Reading]) -> None:
    """B7: without a boundary parameter the delimiter lines themselves are believed."""
    content = multipart(b"Content-Type: text/plain\r\n\r\none", b"Content-Type: text/plain\r\n\r\ntwo")
    assert ids(read(content.replace(b'; boundary="b1"', b""))) == ["1", "2"]


def test_multipart_without_parts_is_a_text(read: Callable[..., Reading]) -> None:
    """B7: a multipart that has a body and no part is read as it stands, and the fact is told."""
    reading = read(b"Content-Type: multipart/mixed; boundary=none\r\n\r\nsee http://evil.example/x without delimiter")
    assert [(item.kind, item.where) for item in reading.findings] == [("ambiguous-structure", "mail")]
    assert ("url:value", "http://evil.example/x", "part:1") in {
        (item.path, item.value, item.where) for item in reading.observables
    }


def test_700_kb_of_empty_parts(read: Callable[..., Reading], limits: InspectionSettings) -> None:
    """B21: a hundred thousand empty parts end at the limit, which is said."""
    reading = read(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 90_000)
    assert len(reading.parts) == limits.max_parts
    assert "limit" in {gap.reason for gap in reading.incomplete}


def test_nested_messages_and_multiparts_end_at_the_depth(read: Callable[..., Reading]) -> None:
    """B20: 32 KB of nested messages and a deep multipart end at the depth, which is said."""
    nested = b"Content-Type: message/rfc822\r\n\r\n" * 1000
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(200))
    for content in (nested, deep):
        assert "limit" in {gap.reason for gap in read(content).incomplete}


def test_parentheses_and_long_lists(read: Callable[..., Reading]) -> None:
    """B21: 2 KB of parentheses and a 140 KB list of addresses are read."""
    reading = read(b"To: " + b"(" * 2048 + b"\r\nCc: " + b"a@b.example," * 12_000 + b"\r\nSubject: s\r\n\r\nx")
    assert reading.subject.decoded == "s"
    assert ("email-message:cc_refs[*].value", "a@b.example") in {
        (item.path, item.value) for item in reading.observables
    }


@pytest.mark.parametrize(("parts", "complete"), [(3, True), (4, True), (5, False)])
def test_part_limit_is_exact(read: Callable[..., Reading], parts: int, complete: bool) -> None:
    """B53: a mail is incomplete exactly above the limit of parts."""
    reading = read(multipart(*[b"\r\nx"] * parts), max_parts=4)
    assert (not reading.incomplete) == complete


def test_last_hidden_text_is_a_part(read: Callable[..., Reading]) -> None:
    """B9: a text behind a delimiter that nobody stated is a part with its own hash, also as the end of the text."""
    reading = read(b"Content-Type: text/plain\n\nhello\n--cc\nContent-Type: text/plain\n\na listed text")
    assert [(part.id, part.size) for part in reading.parts] == [("1", 50), ("1.1", 13)]
