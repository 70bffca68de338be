"""YARA: compiling with bounds, scanning parts."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable

import pytest
from sekisho_core.vocabulary import Finding
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.yara_scan import compile_rules, load_rules

MARK = 'rule mark { meta: description = "the mark" strings: $m = "SEKISHO-MARK" condition: $m }'


def test_bad_sources_leave_the_good() -> None:
    """C26: bad sources are named one by one and the good ones compile."""
    data, errors = compile_rules({
        "good": MARK,
        "syntax": "rule {",
        "include": 'include "/etc/passwd"\n' + MARK,
        "console": 'import "console"\n' + MARK,
        "unknown": 'import "cuckoo"\n' + MARK,
        "nul": "rule a { condition: true }\0",
    })  # fmt: skip
    assert set(errors) == {"syntax", "include", "console", "unknown", "nul"}
    assert [hit.namespace for hit in load_rules(data).scan(b"a SEKISHO-MARK", "", "", 5)] == ["good"]


def test_nothing_good_compiles_to_nothing() -> None:
    """Without a good source there are no rules; other bytes are refused as rules."""
    assert compile_rules({"bad": "rule {"})[0] == b""
    assert compile_rules({}) == (b"", {})
    with pytest.raises(ValueError, match="not compiled"):
        load_rules(b"not rules")


def test_externals() -> None:
    """Rules see the part's name and type."""
    source = 'rule pdf_name { condition: filename matches /\\.pdf$/ and type == "text/plain" }'
    rules = load_rules(compile_rules({"n": source})[0])
    assert rules.scan(b"x", "a.pdf", "text/plain", 5)
    assert not rules.scan(b"x", "a.txt", "text/plain", 5)


def test_every_part_and_inner_file(attach: Callable[..., bytes], limits: InspectionSettings) -> None:
    """Hits stand at the part that has them: the text, an attachment, a file inside an archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", "the SEKISHO-MARK inside")
    mail = attach("SEKISHO-MARK", ("a.zip", file.getvalue()), ("b.bin", b"\0SEKISHO-MARK"))
    rules = load_rules(compile_rules({"indicator--1": MARK})[0])
    found = [item for item in read_mail(mail, limits, rules).findings if item.kind == "yara"]
    assert [item.where for item in found] == ["part:1", "part:3", "part:2.1"]
    assert found[0] == Finding("yara", "part:1", "the mark; $m at 0", "indicator--1:mark")
    assert base64.b64encode(b"\0SEKISHO-MARK") in mail


def test_time_is_bounded(attach: Callable[..., bytes], limits: InspectionSettings) -> None:
    """C26: a rule that does not end in time leaves the part incomplete."""
    slow = "rule slow { condition: for all i in (1..filesize * 1000000) : (for all j in (1..100000) : (i + j > 0)) }"
    rules = load_rules(compile_rules({"n": slow})[0])
    changed = InspectionSettings(
        **{name: getattr(limits, name) for name in limits.__struct_fields__} | {"yara_timeout": 0.1}
    )
    reading = read_mail(attach("x"), changed, rules)
    assert ("timeout", "YARA") in {(gap.reason, gap.detail) for gap in reading.incomplete}
