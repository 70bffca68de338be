"""`sekisho rules test`: rules against samples and what is expected of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sekisho_core.errors import SekishoError
from sekisho_rules import cli_trial
from sekisho_rules.cli import rules
from sekisho_rules.samples import Expected, find_samples

LURE = "Subject: Interview request\nFrom: a@example.jp\n\nhttp://c2.malware.example/x\n"
OLD = {"id": "indicator--3", "pattern": "[file:name = 'old.exe']", "valid_until": "2020-01-01T00:00:00Z"}
INDICATORS: tuple[dict[str, str], ...] = (
    {"id": "indicator--1", "name": "Lure", "pattern": "[email-message:subject = 'Interview request']"},
    {"id": "indicator--2", "name": "Host", "pattern": "[domain-name:value = 'malware.example']"},
    OLD,
)
BUNDLE = {"type": "bundle", "objects": [{"type": "indicator", **one} for one in INDICATORS]}
YARA = """
private rule is_script { condition: filename iendswith ".js" }
rule loader { meta: source = "lab" strings: $a = "ActiveXObject" condition: is_script and $a }
rule broad { strings: $a = "ActiveXObject" condition: $a }
"""
Make = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Rules and samples, and nothing expected of these."""
    samples = tmp_path / "samples"
    (samples / "benign").mkdir(parents=True)
    (samples / "lure.eml").write_text(LURE)
    (samples / "stage.js").write_text("var x = new ActiveXObject('a');")
    (samples / "benign" / "manual.txt").write_text("on ActiveXObject")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "lures.json").write_text(json.dumps(BUNDLE))
    (tmp_path / "rules" / "loader.yar").write_text(YARA)
    return tmp_path


def run(folder: Path, expected: str, *options: str) -> tuple[int, str, str]:
    """Exit status, standard output and error of one test of the folder's rules."""
    (folder / "samples" / "expected.toml").write_text(expected)
    arguments = ["test", "--rules", str(folder / "rules"), str(folder / "samples"), *options]
    result = CliRunner().invoke(rules, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit | SekishoError)
    status = 2 if isinstance(result.exception, SekishoError) else result.exit_code
    return status, result.stdout, str(result.exception or "") + result.stderr


def found(folder: Path, expected: str, *options: str) -> dict[str, Any]:
    """The matrix as an object."""
    found: dict[str, Any] = json.loads(run(folder, expected, "--json", *options)[1])
    return found


EXPECTED = """
["lure.eml"]
must = ["Lure", "indicator--2"]
["*.js"]
must = ["loader"]
may = ["broad"]
"""


def test_hits_misses_and_false_hits(folder: Path) -> None:
    """What each rule must hit, may hit and must not is told apart, by file and by rule."""
    (folder / "samples" / "lure.eml").write_text(LURE.replace("Interview", "Another"))
    matrix = found(folder, EXPECTED)
    assert matrix["status"] == 1
    names = {one["rule"]: one for one in matrix["rules"]}
    assert [Path(path).name for path in names["Host"]["hits"]] == ["lure.eml"]
    assert [Path(path).name for path in names["Lure"]["misses"]] == ["lure.eml"]
    assert [Path(path).name for path in names["broad"]["false_hits"]] == ["manual.txt"]
    assert [Path(path).name for path in names["broad"]["allowed"]] == ["stage.js"]
    assert [Path(path).name for path in names["loader"]["hits"]] == ["stage.js"]
    samples = {Path(one["path"]).name: one for one in matrix["samples"]}
    assert samples["lure.eml"]["missed"] == ["Lure"]
    assert samples["manual.txt"]["false_hits"] == ["broad"]
    assert "[ActiveXObject]" in samples["manual.txt"]["hits"][0]["explain"]


def test_all_as_expected(folder: Path) -> None:
    """Exit status 0 when every sample met what was expected; private rules are none of their own; rules that no sample
    must hit, and those that do not hold, are named."""
    expected = EXPECTED.replace('may = ["broad"]', 'must_not = ["Host"]')
    (folder / "samples" / "benign" / "manual.txt").unlink()
    status, told, _ = run(folder, expected.replace('["loader"]', '["loader", "bro*"]'))
    assert status == 0, told
    assert "is_script" not in told
    assert "no sample: indicator--3" in told
    assert "not in force at that time: indicator--3" in told
    assert "5 rules, 2 samples: 4 hits, 0 allowed, 0 missed, 0 false, 0 errors" in told
    assert "\x1b" not in told


def test_rules_of_another_time(folder: Path) -> None:
    """With --at an indicator that has ended is tested as it was, a file by its own name."""
    (folder / "samples" / "old.exe").write_bytes(b"MZ")
    expected = EXPECTED + '["old.exe"]\nmust = ["indicator--3"]\n'
    assert [pattern for one in found(folder, expected)["samples"] for pattern in one["missed"]] == ["indicator--3"]
    matrix = found(folder, expected, "--at", "2019-06-01")
    assert [pattern for one in matrix["samples"] for pattern in one["missed"]] == []


def test_costs(folder: Path) -> None:
    """Every rule has a cost: times a plain string for YARA, microseconds a mail for patterns."""
    (folder / "rules" / "slow.yar").write_text("rule slow { strings: $a = /[a-z]{32}/ condition: $a }")
    costs = {one["rule"]: one["cost"] for one in found(folder, EXPECTED)["rules"]}
    assert {name: cost["unit"] for name, cost in costs.items()} == {
        "loader": "times", "broad": "times", "slow": "times", "Lure": "us", "Host": "us", "indicator--3": "us",
    }  # fmt: skip
    assert costs["slow"]["value"] > 2 * costs["broad"]["value"]


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ('["lure.eml"]\nmust = ["Lurre"]', "no rule is called Lurre"),
        ('["lure.em"]\nmust = ["Lure"]', "no file here is called lure.em"),
        ('["lure.eml"]\nmusst = ["Lure"]', "musst"),
        ('["lure.eml"\n', "expected.toml"),
        ('[lure.eml]\nmust = ["Lure"]', "a name with a dot is quoted"),
        ('["lure.eml"]\nmust = "Lure"', "[lure.eml]"),
        ('["lure.eml"]\nmust = ["Lure"]\nmust_not = ["Lure"]', "Lure in must and in must_not"),
    ],
)
def test_a_slip_of_the_pen_is_an_error(folder: Path, expected: str, told: str) -> None:
    """An expectation that speaks of nothing is no pass."""
    status, output, error = run(folder, expected)
    assert status == 2
    assert told in output + error


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("rule a { strings: $a = /./ condition: $a }", "rule a costs"),
        ('import /* x */ "console" rule a { condition: true }', 'module "console" is not allowed'),
        ("rule a {", "syntax error"),
    ],
)
def test_a_rule_that_is_refused_is_an_error(folder: Path, rule: str, told: str) -> None:
    """A rule that would not come into force is named with its file and the reason, and the others are tested."""
    (folder / "rules" / "bad.yar").write_text(rule)
    matrix = found(folder, EXPECTED)
    assert matrix["status"] == 2
    assert [error.partition(":")[0] for error in matrix["errors"]] == ["bad.yar"]
    assert told in matrix["errors"][0]
    assert any(one["hits"] for one in matrix["rules"])


def test_a_test_of_nothing_is_an_error(folder: Path, tmp_path: Path) -> None:
    """Without samples, or without rules, nothing is as expected; one sample that is named twice is one."""
    (empty := tmp_path / "empty").mkdir()
    for rules_at, samples_at, told in (
        (folder / "rules", empty, "no samples"),
        (empty, folder / "samples", "no rules"),
    ):
        result = CliRunner().invoke(rules, ["test", "--rules", str(rules_at), str(samples_at)])
        assert told in str(result.exception)
    (folder / "samples" / "expected.toml").write_text(EXPECTED)
    samples = str(folder / "samples")
    result = CliRunner().invoke(rules, ["test", "--rules", str(folder / "rules"), "--json", samples, samples])
    assert len(json.loads(result.stdout)["samples"]) == 3


def test_rules_that_ran_out_of_time_are_an_error(folder: Path) -> None:
    """A rule that was not asked to the end hits nothing, which is no pass."""
    (folder / "rules" / "gate.yar").write_text(
        'rule gate { strings: $a = "ActiveXObject" condition: $a and for all i in (0..1000000000000) : (i >= 0) }'
    )
    matrix = found(folder, EXPECTED)
    assert matrix["status"] == 2
    assert any("timeout: YARA rules of" in error for error in matrix["errors"])
    assert any(gap["detail"].startswith("YARA rules of") for one in matrix["samples"] for gap in one["incomplete"])


def test_a_file_of_many_rules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rule of a large file is tested, and those that there was no time to measure are told."""
    monkeypatch.setattr(cli_trial, "_MEASURING", 0.0)
    many = [f'rule r{number} {{ strings: $a = "mark {number} here" condition: $a }}' for number in range(2000)]
    (folder / "rules" / "many.yar").write_text("\n".join(many))
    (folder / "samples" / "last.txt").write_text("a mark 1999 here")
    matrix = found(folder, EXPECTED + '["last.txt"]\nmust = ["r1999"]\n')
    last = next(one for one in matrix["rules"] if one["rule"] == "r1999")
    assert [Path(path).name for path in last["hits"]] == ["last.txt"]
    assert last["cost"]["value"] is None
    assert "r1999" in matrix["unmeasured"]
    assert matrix["errors"] == []
    told = run(folder, EXPECTED)[1]
    assert re.search(r"^no sample: 19\d\d more rules \(--json lists all\)$", told, re.M)
    assert re.search(r"^cost not measured, for want of time: 1\d{3} rules of many\.yar$", told, re.M)


def test_one_is_told_as_one(folder: Path) -> None:
    """Counts have their nouns in the right number."""
    (folder / "one.yar").write_text('rule one { strings: $a = "ActiveXObject" condition: $a }')
    (folder / "expected.toml").write_text('["stage.js"]\nmust = ["one"]\n')
    script = (folder / "samples" / "stage.js").rename(folder / "stage.js")
    result = CliRunner().invoke(rules, ["test", "--rules", str(folder / "one.yar"), str(script)])
    assert result.stdout.endswith("1 rule, 1 sample: 1 hit, 0 allowed, 0 missed, 0 false, 0 errors\n")


def test_rules_of_one_name(folder: Path) -> None:
    """Rules of one name are told apart by their source, and expectations may name either or both."""
    (folder / "rules" / "other.yar").write_text('rule broad { strings: $a = "on Act" condition: $a }')
    matrix = found(folder, EXPECTED)
    labels = [one["rule"] for one in matrix["rules"] if one["kind"] == "yara"]
    assert labels == ["loader", "lab:broad", "other:broad"]


def test_an_id_of_two_sources(folder: Path) -> None:
    """Of two sources' rules of one id each is known by its own source: the one that is refused is told, and the
    other is tested."""
    for source, month, condition in (("x", 1, "$a"), ("y", 2, "$b")):
        (folder / "rules" / f"{source}.yar").write_text(
            f'rule in_{source} {{ meta: id = "indicator--9" source = "{source}" modified = "2026-0{month}-01" '
            f'strings: $a = "on Act" condition: {condition} }}'
        )
    matrix = found(folder, EXPECTED)
    assert [one["rule"] for one in matrix["rules"] if one["id"] == "indicator--9"] == ["in_x"]
    assert [one for one in matrix["errors"] if "rule in_y, line 1" not in one] == []
    assert matrix["errors"][0].startswith("y.yar: indicator--9 of y: refused: ")


def test_files_of_one_name(folder: Path) -> None:
    """No rule is lost to another file of its name; bundles that state one id differently are an error with both."""
    for name in ("a", "b"):
        (folder / "rules" / name).mkdir()
        (folder / "rules" / name / "same.yar").write_text(f'rule in_{name} {{ strings: $a = "on Act" condition: $a }}')
    labels = [one["rule"] for one in found(folder, EXPECTED)["rules"] if one["false_hits"]]
    assert labels == ["in_a", "in_b", "broad"]
    other = {"type": "indicator", **INDICATORS[0], "pattern": "[file:name = 'another.exe']"}
    (folder / "rules" / "more.json").write_text(json.dumps({"type": "bundle", "objects": [other]}))
    status, _, error = run(folder, EXPECTED)
    assert status == 2
    assert "more.json: states indicator--1 differently from" in error
    assert "lures.json" in error


def test_expectations() -> None:
    """What several tables say of one file counts together; `must_not` stands above `may`, `must` above both."""
    both = Expected(must=("a",), may=("*",)).merged(Expected(must_not=("b*", "a")))
    assert [both.allows([name]) for name in ("a", "b1", "c")] == [True, False, True]
    assert both.unmet([["c"], ["b", "x"]]) == ["a"]
    assert both.unmet([["x", "a"]]) == []
    assert not Expected().allows(["a"])


def test_samples(folder: Path) -> None:
    """Mails are themselves, other files are attached to one; hidden files and envelopes are no samples."""
    samples = folder / "samples"
    (samples / ".hidden").write_text("x")
    (samples / "lure.envelope.json").write_text('{"mail_from": "bounce@malware.example"}')
    listed = {one.file.name: one for one in find_samples(samples)}
    assert sorted(listed) == ["lure.eml", "manual.txt", "stage.js"]
    assert listed["lure.eml"].mail() == LURE.encode()
    assert listed["lure.eml"].envelope().mail_from == "bounce@malware.example"
    assert b'filename="stage.js"' in listed["stage.js"].mail()
    with pytest.raises(SekishoError, match="no such file"):
        list(find_samples(samples / "absent"))
