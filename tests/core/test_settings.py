import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from sekisho_core import settings as module
from sekisho_core.errors import SettingsError
from sekisho_core.settings import Database, Log, Organisation, default_table, load
from sekisho_core.vocabulary import Action
from sekisho_rules.settings import PolicySettings

BAD = sorted((Path(__file__).parent.parent / "bad_configs").glob("*.toml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_configuration(path: Path) -> None:
    """A file that cannot be used is refused by one line that names file, key and the nearest valid name."""
    expected = path.with_suffix(".expected").read_text(encoding="utf-8").rstrip("\n")
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: {expected}")
    assert "\n" not in str(caught.value)
    if not expected.endswith(": "):
        assert str(caught.value) == f"{path}: {expected}"


def test_all_bad_configurations_ran() -> None:
    """Each bad configuration has its expected line, and there are some."""
    assert len(BAD) >= 15
    assert all(path.with_suffix(".expected").exists() for path in BAD)


def test_unreadable_file(tmp_path: Path) -> None:
    """A settings file that is not there, or is a folder, gives one line."""
    for path in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(SettingsError, match="cannot read the settings"):
            load(path)


def test_default_file_that_this_account_may_not_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user is told that the installed settings cannot be read; the defaults do not stand in for them."""

    class Hidden(type(tmp_path)):  # type: ignore[misc]
        def exists(self) -> bool:
            raise PermissionError(13, "Permission denied")

        def open(self, *_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "DEFAULT_FILE", Hidden(tmp_path / "sekisho.toml"))
    with pytest.raises(SettingsError, match=r"sekisho\.toml: cannot read the settings: Permission denied"):
        load(None)


def test_defaults_fill_every_type() -> None:
    """The table of defaults is complete: every registered type is made of it alone."""
    effective = load(None).effective()
    assert set(effective) == set(default_table())
    assert load(None).of(Log).level == "info"


def test_file_over_defaults(tmp_path: Path) -> None:
    """A file changes what it names; a table within a table is extended, not replaced."""
    path = tmp_path / "sekisho.toml"
    path.write_text('[policy]\nmin_confidence = 10\nfindings = { html-form = "hold" }\n[log]\nlevel = "debug"\n')
    policy = load(path).of(PolicySettings)
    assert (policy.min_confidence, load(path).of(Log).level) == (10, "debug")
    assert policy.findings["html-form"] is Action.HOLD
    assert policy.findings["pdf-launch"] is Action.QUARANTINE


def test_exclusion_with_a_date_of_toml(tmp_path: Path) -> None:
    """A date of TOML and a date in quotes are the same day."""
    path = tmp_path / "sekisho.toml"
    entry = '[[policy.exclusions]]\nrule = "x"\nreason = "why"\nexpires = '
    path.write_text(f'{entry}2030-01-02\n{entry}"2030-01-02"\n')
    first, second = load(path).of(PolicySettings).exclusions
    assert first == second


def test_default_file_is_read_if_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a named file, the machine's own is read where it exists."""
    path = tmp_path / "sekisho.toml"
    path.write_text('[log]\nlevel = "error"\n')
    monkeypatch.setattr(module, "DEFAULT_FILE", path)
    assert load(None).of(Log).level == "error"
    assert load(None).path == path


def test_effective_values_hide_secrets(tmp_path: Path) -> None:
    """C18: the password of a database URL does not appear among the effective values."""
    path = tmp_path / "sekisho.toml"
    path.write_text('[database]\nurl = "postgresql+psycopg://user:geheim@db.example/sekisho"\n')
    shown = load(path).effective()
    assert "geheim" not in msgspec.json.encode(shown).decode()
    assert shown["database"]["url"].endswith("@db.example/sekisho")
    path.write_text('[database]\nurl = "postgresql+psycopg:///sekisho?user=u&pass%77ord=geheim"\n')
    assert load(path).effective()["database"]["url"] == "postgresql+psycopg:///sekisho?user=u&pass%77ord=***"


def test_of_unknown_type() -> None:
    """Asking for a type that is no table is a programmer's error, told by name."""
    with pytest.raises(LookupError, match="Path"):
        load(None).of(Path)


def test_settings_import_no_room_before_they_are_loaded() -> None:
    """Importing the settings imports no room; loading them imports the rooms' settings and nothing heavy."""
    code = (
        "import sys, sekisho_core.settings as s\n"
        "assert not [m for m in sys.modules if m.startswith('sekisho_') and not m.startswith('sekisho_core')]\n"
        "s.load(None)\n"
        "assert not {'yara', 'pcodedmp', 'pdfminer', 'sqlalchemy', 'Milter'} & set(sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd="/").returncode == 0


def test_types_of_core() -> None:
    """The organisation's and the database's tables have their defaults."""
    loaded = load(None)
    assert "gmail.com" in loaded.of(Organisation).freemail_domains
    assert loaded.of(Database).url.startswith("sqlite:")


def test_listed_passwords_are_shown_nowhere(tmp_path: Path) -> None:
    """C18: neither among the effective values, nor in what is said of a fault beside or in them."""
    path = tmp_path / "sekisho.toml"
    path.write_text(
        '[inspection]\npasswords = ["Kasumi2012"]\n'
        'partner_passwords = [{from = ["@partner.example"], passwords = ["Sakura2013"]}]\n'
    )
    shown = str(load(path).effective())
    assert "Kasumi" not in shown and "Sakura" not in shown and "@partner.example" in shown
    for bad in ('passwords = "Kasumi2012"', 'partner_passwords = [{from = ["@x"], passwords = "Kasumi2012"}]'):
        path.write_text(f"[inspection]\n{bad}\n")
        with pytest.raises(SettingsError, match=r"must be a list$"):
            load(path)
