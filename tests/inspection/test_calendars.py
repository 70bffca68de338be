"""Calendars and address cards."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from sekisho_core.vocabulary import Reading

Read = Callable[..., Reading]
URL = "http://c2.malware.example/gate.php"
FILE = b"PK\x03\x04" + bytes(60)


def calendar(*lines: str) -> bytes:
    """A mail of one event."""
    text = "\r\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""])
    return b"Content-Type: text/calendar; charset=utf-8\r\n\r\n" + text.encode()


@pytest.mark.parametrize(
    "line",
    [
        f"URL:{URL}",
        f"DESCRIPTION:会議\\n{URL}\\, のこと",
        "LOCATION:http://c2.malware.exam\r\n ple/ga\r\n\tte.php",
        f'ATTACH;FMTTYPE="text/html;x=a:b":{URL}',
        f"ATTENDEE;CN=\"a:b\";X={URL}:mailto:a@example.jp".replace(URL, "x") + f"\r\nURL:{URL}",
        f"X-ALT-DESC;FMTTYPE=text/html:<html><a href='{URL}'>参加</a></html>",
        "X-ALT-DESC;FMTTYPE=text/html:<base href='http://c2.malware.example/'><a href='gate\r\n .php'>x</a>",
    ],
)  # fmt: skip
def test_urls(line: str, read: Read) -> None:
    """B50: the URLs of a calendar are found, also behind folds and escapes and in pages."""
    assert URL in {one.value for one in read(calendar(line)).observables if one.path == "url:value"}


def test_files(read: Read) -> None:
    """B50: a file in a calendar is a part with its name."""
    coded = base64.b64encode(FILE).decode()
    line = f'ATTACH;ENCODING=BASE64;VALUE=BINARY;X-FILENAME="a.zip":{coded[:40]}\r\n {coded[40:]}'
    part = read(calendar(line)).parts[1]
    assert (part.names, part.type, part.size, part.origin.reading) == (("a.zip",), "application/zip", 64, "calendar")


@pytest.mark.parametrize(
    "line",
    [
        f"URL:{URL}",
        f"item1.URL;type=pref:{URL}",
        "NOTE;ENCODING=QUOTED-PRINTABLE:=68ttp://c2.malware.example/=\r\ngate.php",
    ],
)
def test_cards(line: str, read: Read, attach: Callable[..., bytes]) -> None:
    """B50: the URLs of an address card are found, in the coding of its version 2.1 as well."""
    content = f"BEGIN:VCARD\r\nVERSION:2.1\r\n{line}\r\nEND:VCARD\r\n".encode()
    assert URL in {one.value for one in read(attach("x", ("a.vcf", content))).observables if one.path == "url:value"}


def test_the_text_of_an_invitation(read: Read) -> None:
    """What people read of an invitation is its text, in one piece."""
    assert "DESCRIPTION: 対北朝鮮措置の\n延長" in read(calendar("DESCRIPTION:対北朝鮮\r\n 措置の\\n延長")).texts[0].text
