"""`sekisho rules`, from import to index."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sekisho_core.database import open_database
from sekisho_core.errors import SettingsError
from sekisho_core.settings import Database
from sekisho_rules.cli import rules
from sekisho_rules.indicator_files import IndicatorFileError, read_indicators
from sekisho_rules.packs import pack_names, read_packs
from sekisho_rules.snapshot import SnapshotStore
from sekisho_rules.table import store


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings with a database and an index of their own."""
    path = tmp_path / "sekisho.toml"
    path.write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/x.sqlite"\n'
        f'[rules]\nindex = "{tmp_path}/index"\npacks = ["npa-2012h1", "examples"]\n'
        '[organisation]\nown_domains = ["ours.example"]\n'
    )
    return path


def run(config: Path, command: str, *arguments: str) -> tuple[int, str]:
    """Exit status and standard output of one command."""
    result = CliRunner().invoke(rules, [command, "--config", str(config), *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout


def test_from_import_to_index(config: Path, tmp_path: Path) -> None:
    """A bundle is imported, listed, shown, compiled with the packs by a real worker, and removed."""
    feed = tmp_path / "feed.json"
    good = {"type": "indicator", "id": "indicator--1", "pattern": "[file:name = 'a.exe']"}
    ours = {"type": "indicator", "id": "indicator--2", "pattern": "[domain-name:value = 'ours.example']"}
    feed.write_text(json.dumps({"type": "bundle", "objects": [good, ours]}))
    status, output = run(config, "import", "--json", "--source", "lab", str(feed))
    assert (status, json.loads(output)["added"], json.loads(output)["refused"][0]["id"]) == (1, 1, "indicator--2")
    assert [one["source"] for one in json.loads(run(config, "list", "--json", "--source", "lab")[1])] == ["lab"]
    assert "a[.]exe" in run(config, "list")[1]
    assert "lab" in run(config, "show", "indicator--1")[1]
    assert run(config, "show", "indicator--9")[0] == 1
    status, output = run(config, "compile", "--json")
    report = json.loads(output)
    assert (status, report["serial"], report["counts"]["yara"], report["refused"]) == (0, 1, 2, [])
    assert report["counts"]["indicators"] == 1 + len(read_packs(pack_names())) - 2
    assert SnapshotStore(tmp_path / "index").current().yara is not None
    assert run(config, "remove", "indicator--1") == (0, "1 removed\n")
    assert run(config, "remove", "indicator--1")[0] == 1


def test_packs(config: Path) -> None:
    """The packs are listed; each indicator is TLP:CLEAR with a reference, a start and, of real cases, an end."""
    listed = json.loads(run(config, "packs", "--json")[1])
    assert {one["name"]: one["used"] for one in listed} == {"examples": True, "npa-2012h1": True}
    for one in read_packs(pack_names()):
        assert (one.tlp, bool(one.reference), one.valid_from is not None) == ("clear", True, True)
        assert one.valid_until is not None or one.name.startswith("EXAMPLE")


def test_unknown_pack() -> None:
    """An unknown pack names the nearest."""
    with pytest.raises(SettingsError, match="did you mean npa-2012h1"):
        read_packs(["npa-2012"])


def test_packs_are_listed_and_shown(config: Path) -> None:
    """An indicator that stopped a mail is found by its id whether it came by import or with a pack."""
    listed = json.loads(run(config, "list", "--json", "--source", "npa-2012h1", "--text", "対北朝鮮")[1])
    assert {one["source"] for one in listed} == {"npa-2012h1"}
    status, output = run(config, "show", "--json", listed[0]["id"])
    assert (status, json.loads(output)[0]["pattern"]) == (0, listed[0]["pattern"])
    assert "対北朝鮮措置の延長について" in run(config, "show", listed[0]["id"])[1]


def test_lines_of_what_is_shown(config: Path, tmp_path: Path) -> None:
    """A rule of several lines is shown in lines, none of which can pass for a property."""
    path = tmp_path / "lines.yar"
    path.write_text("rule lines {\n// revoked: \x1b[2J\ncondition: filesize == 5 }")
    run(config, "import", "--source", "lab", str(path))
    id = json.loads(run(config, "list", "--json", "--source", "lab")[1])[0]["id"]
    shown = run(config, "show", id)[1]
    assert "pattern:      rule lines {\n              // revoked: ⟨U+001B⟩[2J\n              condition:" in shown


def test_show_of_an_unknown_indicator(config: Path) -> None:
    """An id that nobody stated is an answer of no, with a word that says so."""
    result = CliRunner().invoke(rules, ["show", "--config", str(config), "indicator--none"])
    assert result.exit_code == 1
    assert result.stderr == "no indicator indicator--none in the database or the packs in use\n"


def test_import_of_no_file(config: Path, tmp_path: Path) -> None:
    """A file that is not there is an error of one line that names it, and nothing is imported."""
    with pytest.raises(IndicatorFileError, match=r"^\S*/absent\.json: No such file or directory$"):
        run(config, "import", str(tmp_path / "absent.json"))
    assert json.loads(run(config, "list", "--json", "--source", "absent")[1]) == []


def test_import_of_a_folder_without_indicator_files(config: Path, tmp_path: Path) -> None:
    """An empty or wrong folder is an error; endings count in capital letters too."""
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "notes.txt").write_text("none yet")
    with pytest.raises(IndicatorFileError, match=r"^no file in \S*/feeds ends in \.json, .*\.yara$"):
        run(config, "import", str(tmp_path / "feeds"))
    (tmp_path / "feeds" / "GOOD.YAR").write_text(YARA["good"])
    assert json.loads(run(config, "import", "--json", str(tmp_path / "feeds"))[1])["added"] == 1


def test_import_names_what_has_no_effect(config: Path, tmp_path: Path) -> None:
    """A pattern that cannot be read is kept, since its source stated it, and named with the reason at once."""
    feed = tmp_path / "feed.json"
    broken = {"type": "indicator", "id": "indicator--9", "pattern": "[file:name = ]"}
    feed.write_text(json.dumps({"type": "bundle", "objects": [broken]}))
    status, output = run(config, "import", "--json", str(feed))
    (idle,) = json.loads(output)["without_effect"]
    assert (status, json.loads(output)["refused"], idle["id"]) == (0, [], "indicator--9")
    assert "pattern" in idle["reason"]


YARA = {
    "good": 'rule good { strings: $a = "SEKISHO-MARK" condition: $a }',
    "bad": 'rule fine { condition: filesize == 5 }\nrule broken {\n  strings: $a = "x1"\n  condition: $b\n}',
    "dear": "rule dear { strings: $a = /A+A+A+A+B/ condition: $a }",
    "helpers": "private rule helper { condition: filesize == 5 }",
    "empty": "// rules follow",
}


def rule_files(folder: Path, *names: str) -> Path:
    """Files with YARA in a folder of a folder."""
    (folder / "rules" / "team").mkdir(parents=True)
    for name in names:
        (folder / "rules" / "team" / f"{name}.yar").write_text(YARA[name])
    return folder / "rules"


def test_import_tries_yara(config: Path, tmp_path: Path) -> None:
    """YARA that is broken or too dear is refused when it is imported, by its path within the folder, rule and line;
    private rules alone are kept without effect."""
    status, output = run(config, "import", "--json", str(rule_files(tmp_path, *YARA)))
    told = json.loads(output)
    assert (status, told["added"]) == (1, 2)
    assert {one["file"]: one["reason"] for one in told["refused"] if "dear" not in one["file"]} == {
        "team/bad.yar": 'refused: rule broken, line 5: undefined string "$b"',
        "team/empty.yar": "refused: no rules",
    }
    assert "team/good.yar" in run(config, "list")[1]
    id = next(one["id"] for one in json.loads(run(config, "list", "--json")[1]) if one["file"] == "team/good.yar")
    assert "\nfile:         team/good.yar" in run(config, "show", id)[1]
    assert ["rule dear costs" in one["reason"] for one in told["refused"]] == [False, True, False]
    assert [(one["file"], one["reason"].partition(":")[0]) for one in told["without_effect"]] == [
        ("team/helpers.yar", "inert")
    ]


def test_compile_tells_what_it_refused(config: Path, tmp_path: Path) -> None:
    """An index without all that was asked for is exit status 1, with the file, the rule and the reason of each; what
    can have no effect here is counted apart and no failure."""
    feed = tmp_path / "feed.json"
    later = {"type": "indicator", "id": "indicator--9", "name": "Later", "pattern": "[a:b = 1] FOLLOWEDBY [a:b = 2]"}
    feed.write_text(json.dumps(later))
    folder = rule_files(tmp_path, "good", "helpers", "bad")
    run(config, "import", str(feed), str(folder))
    status, output = run(config, "compile", "--json")
    report = json.loads(output)
    assert (status, report["refused"], report["counts"]["without_effect"]) == (0, [], 2)
    assert sorted((one["file"], one["name"]) for one in report["without_effect"]) == [
        ("feed.json", "Later"),
        ("team/helpers.yar", "helpers"),
    ]
    engine = open_database(Database(url=f"sqlite:///{tmp_path}/x.sqlite", timeout=5.0))
    # As an earlier version of YARA, or a faster machine, may have let it in.
    store(engine, [(one, "") for one in read_indicators([folder])], datetime.now(UTC))
    result = CliRunner().invoke(rules, ["compile", "--config", str(config)])
    assert result.exit_code == 1
    assert "index 2 is in force" in result.stdout
    assert "1 refused, 2 without effect" in result.stdout
    assert "team/bad.yar: indicator--" in result.stderr
    assert 'refused: rule broken, line 5: undefined string "$b"' in result.stderr
