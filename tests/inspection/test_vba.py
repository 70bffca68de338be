"""VBA projects and their compiled code, as they are and as somebody changed them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ole_maker import compiled, directory, packed, source, vba
from sekisho_inspection import pcode
from sekisho_inspection.vba import MAX_CODE, Project, projects, salvaged, unpacked

CODE = 'Sub AutoOpen()\r\nx = "text"\r\nEnd Sub'


def one(streams: Mapping[str, bytes]) -> Project:
    """The only project of a file."""
    (found,) = projects(streams)
    return found


@given(st.binary(max_size=9000))
@settings(max_examples=60)
def test_packed_source_is_unpacked(data: bytes) -> None:
    """Literals come out as they were put in."""
    assert unpacked(packed(data)) == data


@pytest.mark.parametrize(
    ("container", "plain"),
    [
        (
            "012fb000236161616263646582660070616768696a013808616b6c00306d6e6f70067102700410727374757610777879 7a003c",
            b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa",
        ),
        ("0103b002614500", b"a" * 73),
    ],
    ids=["normal", "maximum"],
)
def test_copies(container: str, plain: bytes) -> None:
    """The examples of MS-OVBA, sections 3.2.2 and 3.2.3."""
    assert unpacked(bytes.fromhex(container)) == plain


def test_modules_by_the_directory() -> None:
    """Modules have their names, sources and compiled code."""
    project = one(vba({"Module1": CODE, "表": ""}, compiled=compiled("text")))
    assert [module.name for module in project.modules] == ["Module1", "表"]
    assert project.modules[0].statements == CODE.split("\r\n")
    assert project.modules[0].compiled and not project.modules[1].statements
    assert not project.faults


@pytest.mark.parametrize(
    ("changes", "hidden", "faults"),
    [
        ({"dir": b"junk"}, False, 1),
        ({"dir": packed(directory({"Module1": 9999}))}, False, 0),
        ({"dir": packed(directory({"Other": 0}))}, True, 1),
        ({"signature": b"\x07"}, False, 1),
        ({"project": b"Module=Other\r\n"}, True, 0),
        ({"project": b""}, False, 0),
    ],
    ids=["no directory", "wrong offset", "not listed", "wrong signature", "not shown", "no list"],
)
def test_source_is_found_whatever_the_project_says(changes: dict[str, bytes], hidden: bool, faults: int) -> None:
    """B42: the source is read without directory, offset, signature or entry, and what is wrong is said."""
    project = one(vba({"Module1": CODE}, **changes))
    assert [module.hidden for module in project.modules if module.statements] == [hidden]
    assert len(project.faults) == faults


def test_source_without_a_compound_file() -> None:
    """B48: source is seen in bytes that nothing lists."""
    project = salvaged(b"junk" + packed(source("A", CODE)) + bytes(50) + packed(source("B", CODE)))
    assert [module.statements for module in project.modules] == [CODE.split("\r\n")] * 2


@pytest.mark.parametrize(
    ("code", "strings", "stomped"),
    [
        ('Sub a()\r\nx = "text"\r\nEnd Sub', ("text",), False),
        ('Sub a()\r\nx = "say ""hi"""\r\nEnd Sub', ('say "hi"',), False),
        ("Sub a()\r\nx = 1\r\nEnd Sub", ("http://host.example/",), True),
        ("", ("text",), True),
        ("' text", ("text",), True),
        ("Sub a()\r\nx = 1\r\nEnd Sub", (), False),
    ],
)
def test_stomped_modules(code: str, strings: tuple[str, ...], stomped: bool) -> None:
    """B42: compiled code that has strings which the source lacks is told; source that has them all is none."""
    project = one(vba({"Module1": code}, compiled=compiled(*strings)))
    found = pcode.compiled(project)
    assert any(pcode.is_stomped(module, found[module.path]) for module in project.modules if module.path in found) is (
        stomped
    )


def test_source_is_bounded() -> None:
    """Modules that unpack to very much are cut, and the project says so."""
    chunk = b"\x00" + b"A" * 8
    body = (chunk * 400)[: 4096 - 3]
    bomb = b"\x01" + (len(body) - 1 | 0xB000).to_bytes(2, "little") + body
    streams = {"VBA/dir": packed(directory({f"M{number}": 0 for number in range(30)}))}
    streams.update({f"VBA/M{number}": b"\x01" + bomb[1:] * 80 for number in range(30)})
    project = one(streams)
    assert project.cut
    assert sum(len(module.code) for module in project.modules) <= MAX_CODE


@given(st.binary(max_size=400), st.binary(max_size=400), st.binary(max_size=400))
@settings(max_examples=150)
def test_any_bytes(listed: bytes, module: bytes, names: bytes) -> None:
    """Any directory, module and table of names are read without an exception."""
    for first in (listed, packed(listed), packed(directory({"Module1": len(listed) % 50}))):
        project = one({"VBA/dir": first, "VBA/Module1": module, "VBA/_VBA_PROJECT": b"\xcc\x61" + names})
        assert set(pcode.compiled(project)) <= {found.path for found in project.modules}
