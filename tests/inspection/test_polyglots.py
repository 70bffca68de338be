"""Polyglots: files that are a second type to a program that looks elsewhere than at their beginning."""

from __future__ import annotations

from collections.abc import Callable

import pytest
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
