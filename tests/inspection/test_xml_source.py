"""XML as source: decoded, its links, its entities."""

from __future__ import annotations

import pytest
from sekisho_core.vocabulary import Origin
from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.xml_source import decoded, links, note_entities, note_links

LINK = "http://host.example/a"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<a><!-- x > y -->b</a>", "<a>b</a>"),
        ("<a><![CDATA[x < y]]></a>", "<a>x &lt; y</a>"),
        ("<a><!-- no end", "<a><!-- no end"),
        ("<a><![CDATA[no end", "<a><![CDATA[no end"),
    ],
)
def test_comments_and_cdata(source: str, expected: str) -> None:
    """Comments are left out, CDATA is text, and what has no end stays."""
    assert decoded(source.encode()) == expected
    assert decoded(source.encode("utf-16")) == expected


def test_declared_encoding() -> None:
    """The declaration's charset is used where the bytes are no other."""
    assert "表" in decoded('<?xml version="1.0" encoding="shift_jis"?><a>表</a>'.encode("cp932"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f'<a href="{LINK}">', [LINK]),
        (f"<a href='{LINK}'>", [LINK]),
        (f"<a>see {LINK} there</a>", [f"see {LINK} there"]),
        ('<a href="\\\\host.example\\x">', ["\\\\host.example\\x"]),
        ('<a xmlns="http://host.example/ns" xmlns:b="http://host.example/b">', []),
        ('<a Type="http://schemas.openxmlformats.org/x">', []),
        ('<a xsi:schemaLocation="http://host.example/x">', []),
        ("no link", []),
    ],
)
def test_links(source: str, expected: list[str]) -> None:
    """B44: links of attributes and texts are found, names of schemas are not."""
    assert list(links(source, texts=True)) == expected


def test_escaped_links(limits: InspectionSettings) -> None:
    """B44: a link whose sign is a character reference is observed."""
    notes = Notes(limits)
    note_links('<a href="http&#x3a;//host.example/a">', "", Item("1", b"", (), "", Origin(), 1), notes)
    assert LINK in {one.value for one in notes.observables}


def test_texts_may_be_left_out() -> None:
    """Texts that are read elsewhere are not read twice."""
    assert list(links(f'<a b="{LINK}">{LINK}</a>', texts=False)) == [LINK]


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('<!DOCTYPE d [<!ENTITY x SYSTEM "http://host.example/">]>', 1),
        ('<!DOCTYPE d [<!ENTITY % x PUBLIC "p" "http://host.example/">]>', 1),
        ('<!DOCTYPE d [<!ENTITY x "y">]>', 1),
        ('<!DOCTYPE d SYSTEM "http://host.example/d.dtd">', 1),
        ('<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1.dtd">', 0),
        ("<!DOCTYPE html>", 0),
        ("<a/>", 0),
    ],
)
def test_entities(source: str, count: int, limits: InspectionSettings) -> None:
    """B49: entities and a DTD elsewhere are told, and those of harmless pages are not."""
    notes = Notes(limits)
    note_entities(source, "", Item("1", b"", (), "", Origin(), 1), notes)
    assert [found.kind for found in notes.findings] == ["xml-entity"] * count


@pytest.mark.parametrize("piece", ["<!--", "<![CDATA[", "<!ENTITY ", '="://', "<!DOCTYPE ", "://"])
def test_work_is_bounded(piece: str, limits: InspectionSettings) -> None:
    """Runs of beginnings without an end are read in time."""
    source = decoded(piece.encode() * 100_000)
    assert len(list(links(source, texts=True))) <= 100_000
    note_entities(source, "", Item("1", b"", (), "", Origin(), 1), Notes(limits))
