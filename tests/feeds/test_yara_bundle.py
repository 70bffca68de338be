"""YARA files and archives of them."""

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_feeds.yara_bundle import yara
from sekisho_rules.indicator_files import Provenance

RULE = 'rule {name} {{ meta: tlp = "green" strings: $a = "{name}-marker" condition: $a }}\n'


def rule(name: str) -> bytes:
    """A YARA file."""
    return RULE.format(name=name).encode()


def packed(**files: bytes) -> bytes:
    """A ZIP archive; double underscores in names stand for slashes, single ones before a suffix for a dot."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(_name(name), content)
    return stream.getvalue()


def _name(name: str) -> str:
    return name.replace("__", "/").replace("_dot_", ".")


def read(*documents: tuple[str, bytes], **options: str) -> Harvest:
    """The harvest of these documents."""
    return yara([Document(*document) for document in documents], Provenance(source="rules"), options)


def test_files_and_archives() -> None:
    """Each file is an indicator, from an archive or beside one, with the same id at each reading."""
    archive = packed(a__one_dot_yar=rule("one"), a__two_dot_YARA=rule("two"), README_dot_md=b"x")
    found = read(("pack.zip", archive), ("three.yar", rule("three")))
    assert [(one.file, one.pattern_type, one.tlp) for one in found.indicators] == [
        ("a/one.yar", "yara", "green"), ("a/two.YARA", "yara", "green"), ("three.yar", "yara", "green"),
    ]  # fmt: skip
    assert found.refused == []
    assert read(("pack.zip", archive), ("three.yar", rule("three"))) == found


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("index.yar", b'/* all */\ninclude "./a.yar"\n', "includes other files"),
        ("../up.yar", rule("up"), "leads out of the archive"),
        ("/etc/up.yar", rule("up"), "leads out of the archive"),
        ("C:\\up.yar", rule("up"), "leads out of the archive"),
        ("/".join("d" * 30) + "/deep.yar", rule("deep"), "deeper than"),
        ("inner.zip", packed(a_dot_yar=rule("a")), "archive within the archive"),
        ("large.yar", b"// " + bytes(range(33, 127)) * 40, "larger than 2000 bytes"),
        ("latin.yar", 'rule a { meta: x = "é" condition: true }'.encode("latin-1"), "not UTF-8"),
    ],
)
def test_members_that_are_not_used(name: str, content: bytes, told: str) -> None:
    """A member that is no rule file, or leads elsewhere, is refused with the reason; the others are read (catalogue
    26)."""
    found = read(("pack.zip", packed(**{name: content, "good_dot_yar": rule("good")})), largest_file="2000")
    assert [one.file for one in found.indicators] == ["good.yar"]
    assert [told in one.reason for one in found.refused] == [True]


def test_include_in_a_comment_or_a_string() -> None:
    """A word in a comment or a string includes nothing."""
    source = b'// include "a.yar"\n/*\ninclude "b.yar"\n*/\n' + rule("a")
    assert len(read(("a.yar", source)).indicators) == 1


def test_bounds() -> None:
    """Too many files, too many bytes in all, and text packed tighter than text can be (catalogue 27)."""
    many = packed(**{f"f{number}_dot_yar": rule(f"r{number}") for number in range(5)})
    with pytest.raises(FeedError, match=r"rules: f3\.yar: more than 3 files"):
        read(("p.zip", many), most_files="3")
    with pytest.raises(FeedError, match="more than 100 bytes in all"):
        read(("p.zip", many), most_bytes="100")
    bomb = read(("p.zip", packed(b_dot_yar=b" " * 5_000_000)))
    assert [one.reason for one in bomb.refused] == ["it is packed tighter than text can be"]


def test_a_size_that_is_a_lie() -> None:
    """What the archive's directory says of a size is not believed: no more than the bound is read, and it ends."""
    content = bytearray(packed(a_dot_yar=b"// " + bytes(range(33, 127)) * 200))
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 10)
    try:
        found = read(("p.zip", bytes(content)), largest_file="2000")
    except FeedError as error:
        assert "p.zip" in str(error)
    else:
        assert found.indicators == [] or len(found.indicators[0].pattern) <= 2000


def test_one_id_twice() -> None:
    """Of two files that state one id with other rules the first counts, and the second is refused by name."""
    with_id = b'rule %s { meta: id = "indicator--7" condition: filesize == 9 }'
    found = read(("a.yar", with_id % b"a"), ("b.yar", with_id % b"b"))
    assert [one.file for one in found.indicators] == ["a.yar"]
    assert [(one.file, one.reason) for one in found.refused] == [("b.yar", "a.yar states the same id with other rules")]


@pytest.mark.parametrize(
    ("name", "content", "options", "told"),
    [
        ("a.txt", b"rule", {}, "neither a YARA file nor a ZIP"),
        ("a.zip", b"PK\x03\x04 broken", {}, "not a ZIP archive"),
        ("a.yar", b"", {"most_file": "1"}, "did you mean most_files"),
        ("a.yar", b"", {"most_files": "many"}, "no number"),
    ],
)
def test_no_bundle(name: str, content: bytes, options: dict[str, str], told: str) -> None:
    """What is neither rules nor an archive is one error with its name."""
    with pytest.raises(FeedError, match=told):
        read((name, content), **options)


@given(st.binary(max_size=400), st.integers(0, 300))
def test_damaged_archives(damage: bytes, at: int) -> None:
    """Whatever is damaged in an archive, the outcome is a harvest or a FeedError."""
    content = bytearray(packed(a_dot_yar=rule("a"), b_dot_yar=rule("b")))
    content[at : at + len(damage)] = damage
    try:
        found = read(("p.zip", bytes(content)))
    except FeedError as error:
        assert "p.zip" in str(error)
    else:
        assert len(found.indicators) <= 2
