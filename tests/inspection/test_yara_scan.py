"""YARA: the scan of parts and inner files, each rule set in its time, and what is told of a hit."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sekisho_core.rule_hit import RuleHit, RuleString
from sekisho_core.vocabulary import Finding, Reading
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.yara_compile import bundle, compile_rules
from sekisho_inspection.yara_scan import About, CompiledYara, load_rules, shown

Attach = Callable[..., bytes]
MARK = 'rule mark : lure test { meta: description = "the mark" n = 7 strings: $m = "SEKISHO-MARK" condition: $m }'
SLOW = "rule slow { condition: filesize > 0x20000 and for all i in (1..filesize * 1000000) : (i > 0) }"
Scan = Callable[..., list[str]]


def rules_of(*sources: str, **sets: str) -> CompiledYara:
    """Compiled rules, unchecked: the sources in one set, and others in sets of their own name."""
    named = {f"n{number}": source for number, source in enumerate(sources)}
    compiled, errors = bundle({**named, **sets}, {name: name for name in sets})
    assert errors == {}
    return load_rules(compiled)


def names(rules: CompiledYara, content: bytes, **about: Any) -> list[str]:
    """The rules that a content meets."""
    hits, problems = rules.scanner(5.0).scan(content, About(**about))
    assert problems == []
    return [hit.rule for hit in hits]


def in_mail(rules: CompiledYara, mail: bytes, limits: InspectionSettings) -> dict[tuple[str, str], Finding]:
    """The hits in a mail by place and rule."""
    found = [item for item in read_mail(mail, limits, rules).findings if item.kind == "yara"]
    return {(item.where, item.rule): item for item in found}


def zipped(name: str, content: bytes) -> bytes:
    """An archive of one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("condition", "about", "met"),
    [
        ("filename matches /\\.pdf$/ and type == \"text/plain\"", {"names": ("a.pdf",), "type": "text/plain"}, True),
        ('filename matches /\\.pdf$/', {"names": ("a.txt",)}, False),
        ('filename == "b.exe"', {"names": ("a.txt", "b.exe")}, True),
        ('filename == "b.exe" and filepath == "dir/b.exe"', {"names": ("dir/b.exe",)}, True),
        ('filename == "b.exe"', {"names": ("dir\\b.exe",)}, True),
        ('extension == ".exe"', {"names": ("請求書.EXE",)}, True),
        ('extension == ""', {"names": ("README",)}, True),
        ('filetype == "PDF"', {"type": "application/pdf"}, True),
        ('part == "2.1"', {"part": "2.1"}, True),
        ('part startswith "2."', {"part": "3"}, False),
        ("encrypted", {"encrypted": True}, True),
        ("encrypted", {}, False),
        ('owner == ""', {}, True),
        ('filename == ""', {}, True),
        ('filename == "ab"', {"names": ("a\0b",)}, True),
        ('filename contains "x"', {"names": ("\ud800x",)}, True),
        ('type contains "x"', {"type": "\ud800\0x"}, True),
    ],
)  # fmt: skip
def test_externals(condition: str, about: dict[str, Any], met: bool) -> None:
    """Rules see names, type, place and whether it was locked, under the words of community rules too."""
    assert names(rules_of(f"rule a {{ condition: {condition} }}"), b"x", **about) == (["a"] if met else [])


def test_a_rule_that_hits_under_two_names_is_one_hit() -> None:
    """Of many names a rule on names is asked with each, and hits once."""
    assert names(rules_of('rule a { condition: filename != "z" }'), b"x", names=("a", "b", "c")) == ["a"]


def test_private_and_global_rules() -> None:
    """A private rule is no hit; a global one that fails keeps the others of its source from hitting, not those of other
    sources."""
    own = "private rule p { condition: true } rule a { condition: p }"
    other = "global rule g { condition: filesize > 10 } rule b { condition: true }"
    assert names(rules_of(own, other), b"x") == ["a"]
    assert names(rules_of(own, other), b"x" * 11) == ["a", "g", "b"]


def test_hits_are_bounded() -> None:
    """A file that meets very many rules, or one string very often, is told of so far as people can read it; rules of
    one source hide no others, and what is left out is a gap."""
    many = "".join(f"rule r{number} {{ condition: true }}\n" for number in range(500))
    rules = rules_of(noisy_feed=many, good_feed="rule last { condition: true }")
    hits, problems = rules.scanner(5.0).scan(b"x", About())
    assert len(hits) == 201
    assert hits[-1].rule == "last"
    assert problems == [("limit", "more than 200 hits of the YARA rules of noisy_feed")]
    content = b"SEKISHO-MARK" * 300_000
    hit = rules_of(MARK).scanner(5.0).scan(content, About())[0][0]
    assert [place.offset for place in hit.found.strings] == [0]
    hit = rules_of(MARK).scanner(5.0).scan(content[:1000], About())[0][0]
    assert [place.offset for place in hit.found.strings] == [0, 12, 24]


def test_every_part_and_inner_file(attach: Attach, limits: InspectionSettings) -> None:
    """Hits stand at the part that has them: the text, an attachment, a file inside an archive."""
    mail = attach(
        "SEKISHO-MARK", ("a.zip", zipped("inner.txt", b"the SEKISHO-MARK inside")), ("b.bin", b"\0SEKISHO-MARK")
    )
    found = list(in_mail(rules_of(MARK), mail, limits).values())
    assert [item.where for item in found] == ["part:1", "part:3", "part:2.1"]
    place = RuleString("$m", 0, 12, "", "SEKISHO-MARK", "\\x0d\\x0a")
    hit = RuleHit("", ("lure", "test"), (("description", "the mark"), ("n", "7")), (place,))
    assert found[0] == Finding("yara", "part:1", "the mark; $m at 0", "n0:mark", hit)
    assert found[2].hit is not None
    assert (found[2].hit.strings[0].before, found[2].hit.strings[0].after) == ("the ", " inside")
    assert base64.b64encode(b"\0SEKISHO-MARK") in mail


def test_encoded_bytes_are_searched(attach: Attach, limits: InspectionSettings) -> None:
    """A rule on what stands in the mail itself meets the base64 of a part, once, and says so; a part that is not
    encoded has no second form."""
    content = bytes(range(256)) * 2
    piece = base64.b64encode(content)[40:70].decode()
    rule = f'rule raw {{ strings: $a = "{piece}" condition: $a }}'
    found = in_mail(rules_of(rule, MARK), attach("SEKISHO-MARK", ("a.bin", content)), limits)
    hits = {key: item.hit.view for key, item in found.items() if item.hit}
    assert hits == {("part:2", "n0:raw"): "encoded", ("part:1", "n1:mark"): ""}
    assert found["part:2", "n0:raw"].detail == "$a at 40 (encoded)"


def test_part_path_and_lock_in_a_mail(attach: Attach, limits: InspectionSettings) -> None:
    """A file of an archive that a password opened is one that was locked, and so is the archive; others are not."""
    import pyzipper

    file = io.BytesIO()
    with pyzipper.AESZipFile(file, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"Kasumi2012")
        archive.writestr("a.txt", b"inside")
    mail = attach("パスワード：Kasumi2012", ("a.zip", file.getvalue()), ("b.zip", zipped("b.txt", b"inside")))
    rules = rules_of(
        "rule locked { condition: encrypted }",
        'rule there { condition: part == "2.1" and encrypted and filename == "a.txt" }',
    )
    assert set(in_mail(rules, mail, limits)) == {
        ("part:2", "n0:locked"), ("part:2.1", "n0:locked"), ("part:2.1", "n1:there"),
    }  # fmt: skip


def test_a_slow_set_does_not_take_the_time_of_others(attach: Attach, limits: InspectionSettings) -> None:
    """C26: a set that does not end in its time is a gap that names it at each part, and other sets are asked."""
    rules = rules_of(slow_feed=SLOW, good_feed=MARK)
    short = msgspec.structs.replace(limits, yara_timeout=0.5)
    mail = attach("x", ("a.bin", b"SEKISHO-MARK" + bytes(200_000)), ("b.bin", b"SEKISHO-MARK"))
    reading = read_mail(mail, short, rules)
    assert {(item.where, item.rule) for item in reading.findings} == {
        ("part:2", "good_feed:mark"), ("part:3", "good_feed:mark"),
    }  # fmt: skip
    gaps = [(gap.where, gap.reason, gap.detail) for gap in reading.incomplete]
    # The encoded bytes of the second part, and the third part with its own, come when the time is spent.
    assert gaps == [(f"part:{where}", "timeout", "YARA rules of slow_feed") for where in ("2/a.bin", "3/b.bin")]


def test_many_slow_sets_do_not_take_the_time_of_the_mail(attach: Attach, limits: InspectionSettings) -> None:
    """C26: however many sets are slow, each has a share of half the deadline, and the mail is read to its end."""
    slow = {f"slow{number}": SLOW for number in range(3)}
    short = msgspec.structs.replace(limits, yara_timeout=60.0, deadline=3.0)
    reading = read_mail(attach("x", ("a.bin", b"SEKISHO-MARK" + bytes(200_000))), short, rules_of(good=MARK, **slow))
    assert {item.rule for item in reading.findings if item.kind == "yara"} == {"good:mark"}
    assert {gap.detail for gap in reading.incomplete} == {f"YARA rules of {name}" for name in slow}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain text", "plain text"),
        ("漢字".encode(), "漢字"),
        (b"\x1b[31m\r\n\0", "\\x1b[31m\\x0d\\x0a\\x00"),
        (b"\x93\xfa\x96{", "\\x93\\xfa\\x96{"),
        ("\u202e\u200b\u2028".encode(), "\\xe2\\x80\\xae\\xe2\\x80\\x8b\\xe2\\x80\\xa8"),
    ],
)
def test_bytes_are_shown_harmlessly(data: bytes, text: str) -> None:
    """C1, C4: nothing of what stands around a string acts on a terminal or hides."""
    assert shown(data) == text


@pytest.mark.parametrize(
    "text",
    ["パスワード：Kasumi2012", "パスワード：Ｋａｓｕｍｉ２０１２"],
    ids=["plain", "wide"],
)
def test_no_password_around_a_hit(text: str, attach: Attach, limits: InspectionSettings) -> None:
    """C18: a password that stands near a rule's string, or in it, is not in what is told of the hit."""
    rule = "rule near { strings: $a = /パスワード.{0,30}/ condition: $a }"
    reading: Reading = read_mail(attach(text), limits, rules_of(rule))
    (hit,) = [item.hit for item in reading.findings if item.hit]
    said = "".join(hit.strings[0].before + hit.strings[0].matched + hit.strings[0].after)
    assert "パスワード" in said
    assert "2012" not in said
    assert "２０１２" not in said
    assert "•" in said


@pytest.mark.parametrize("string", ["Kas", "umi", "umi2012", "012", "abc パ"])
@pytest.mark.parametrize("gap", range(0, 30, 3))
def test_no_piece_of_a_password(string: str, gap: int, attach: Attach, limits: InspectionSettings) -> None:
    """C18: of a password that is cut where what is shown ends, no piece of four characters is left."""
    rule = f'rule near {{ strings: $a = "{"x" * 5}" $b = "{string}" $c = /x{{70}}/ condition: any of them }}'
    text = f"{'x' * 80}{'-' * gap}\nパスワード：Kasumi2012\n{'-' * gap}{'x' * 80} abc パ"
    reading = read_mail(attach(text), limits, rules_of(rule))
    strings = [place for item in reading.findings if item.hit for place in item.hit.strings]
    assert strings
    said = " ".join(f"{place.before} {place.matched} {place.after}" for place in strings)
    assert not any("Kasumi2012"[start : start + 4] in said for start in range(7))


@pytest.mark.parametrize("shift", range(3))
def test_no_encoded_password(shift: int, limits: InspectionSettings) -> None:
    """C18: around a hit in the base64 of a text the password that stands there is dotted out as well."""
    text = f"{'-' * shift}\npassword: Kasumi2012\n"
    encoded = base64.b64encode(text.encode()).decode()
    head = "Subject: s\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
    rule = f'rule near {{ strings: $a = "{encoded[:8]}" condition: $a }}'
    reading = read_mail(f"{head}{encoded[:26]}\n{encoded[26:]}\n".encode(), limits, rules_of(rule))
    (place,) = [place for item in reading.findings if item.hit for place in item.hit.strings]
    left = (place.matched + place.after).replace("\\x0a", "")
    assert "•" in left
    assert left.startswith(encoded[:12])
    secret = encoded[-(-(11 + shift) * 8 // 6) : (21 + shift) * 8 // 6]
    assert not any(secret[at : at + 4] in left for at in range(len(secret) - 3))


def test_other_bytes_are_no_rules() -> None:
    """Neither nonsense nor a damaged set is loaded."""
    good = compile_rules({"n": MARK})[0]
    for data in (b"", b"not rules", good[:-20], b"\x90\x91"):
        with pytest.raises(ValueError, match="not compiled YARA rules"):
            load_rules(data)
