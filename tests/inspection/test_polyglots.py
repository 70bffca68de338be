"""Polyglots: files that are a second type to a program that looks elsewhere than at their beginning."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
from collections.abc import Callable

import pytest
from archive_writers import lzh
from archives import tar
from disk_writers import iso
from sekisho_core.vocabulary import Reading

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
LINK = b'<a href="http://c2.malware.example/x">read</a>'
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF about="http://ns.example/"/></x:xmpmeta>'


def urls(reading: Reading) -> set[str]:
    """The URLs that were found."""
    return {one.value for one in reading.observables if one.path == "url:value"}


@pytest.mark.parametrize("name", ["a.gif", "a.html"])
@pytest.mark.parametrize(
    "content",
    [
        GIF + b"<html><body>" + LINK + b"</body></html>",
        b"GIF89a=1;<script>location='http://c2.malware.example/x'</script>",
        b"\xff\xd8\xff\xfe\x00\x60<BODY>" + LINK + b"</body>\xff\xd9",
        b"\x89PNG\r\n\x1a\n" + bytes(40) + LINK,
    ],
)
def test_a_page_in_a_picture(content: bytes, name: str, read: Read, attach: Attach) -> None:
    """B38: what browsers show of a picture that is called a page is read, whatever the name is in this mail."""
    reading = read(attach("text", (name, content)))
    assert "http://c2.malware.example/x" in urls(reading)
    assert any(part.origin.reading == "page" and part.type == "text/html" for part in reading.parts)


def test_a_picture_with_xml_of_its_own_holds_no_page(read: Read, attach: Attach) -> None:
    """B38: what programs write into pictures is no page, and a picture without any is one part."""
    reading = read(attach("text", ("a.gif", GIF + XMP)))
    assert [part.id for part in reading.parts] == ["1", "2"]


FILE = b"listed file: \x00\x01\xff" * 20
JUNK = b"junk\xff\0\1\2" * 100


@pytest.mark.parametrize("before", [GIF, JUNK], ids=["picture", "data"])
@pytest.mark.parametrize(
    "archive",
    [gzip.compress(FILE), bz2.compress(FILE), lzma.compress(FILE), tar(FILE), iso("a.dat", FILE), lzh("a", FILE, 2)],
    ids=["gzip", "bzip2", "xz", "tar", "disc", "lzh"],
)
def test_archive_behind_any_beginning(before: bytes, archive: bytes, read: Read, attach: Attach) -> None:
    """B38: what 7-Zip finds behind a picture or behind data is read."""
    reading = read(attach("x", ("a.gif", before + archive)))
    assert hashlib.sha256(FILE).hexdigest() in {part.sha256 for part in reading.parts}
    assert not reading.incomplete


@pytest.mark.parametrize("mark", [b"ustar", b"\x1f\x8b\x08", b"1AY&SY", b"CD001\1"])
def test_marks_of_no_archives(mark: bytes, read: Read, attach: Attach) -> None:
    """B38, B51: marks alone are no archives, and more than are looked at are a limit."""
    marks = mark + b"\xff" * 9
    assert not read(attach("x", ("a.bin", JUNK * 50 + marks * 5))).incomplete
    reading = read(attach("x", ("a.bin", JUNK * 50 + marks * 5000)))
    assert {gap.reason for gap in reading.incomplete} == {"limit"}
