"""The documentation says what the program does: every setting, every check, every event, every command."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from sekisho_core.cli import root
from sekisho_core.settings import default_table

HERE = Path(__file__).parents[1]
ADMIN = (HERE / "docs" / "admin.md").read_text(encoding="utf-8")
PAGES = sorted([*HERE.glob("*.md"), *(HERE / "docs").rglob("*.md")])
KEYS = [(table, key, value) for table, keys in default_table().items() for key, value in keys.items()]
ROW = re.compile(r"^\| `(\w+\.\w+)` \| (.*?) \| (.+) \|$", re.MULTILINE)
COMMAND = re.compile(r"`(?:[$#] )?(sekisho [a-z][^`]*)`|^\s*[$#] (?:sudo -u sekisho )?(sekisho .*)$", re.MULTILINE)


def commands(text: str) -> Iterator[list[str]]:
    """The words of every `sekisho …` in code spans and console blocks; placeholders and pipes end one."""
    for span, line in COMMAND.findall(text):
        for one in re.split(r"[|;&]| # ", span or line, maxsplit=1)[:1]:
            yield shlex.split(one.replace("…", "").strip(), posix=True)


def documented(page: Path) -> list[list[str]]:
    """Every command that a page names."""
    return list(commands(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("table", "key", "value"), KEYS, ids=[f"{table}.{key}" for table, key, _ in KEYS])
def test_setting_is_documented_with_its_default(table: str, key: str, value: object) -> None:
    """Every setting has a row in docs/admin.md with its default and a meaning; long ones point to the table itself."""
    rows = {name: (default, meaning) for name, default, meaning in ROW.findall(ADMIN)}
    default, meaning = rows[f"{table}.{key}"]
    assert meaning.strip()
    if "defaults.toml" not in default:
        assert tomllib.loads(f"value = {default.strip('`')}")["value"] == value


def test_no_setting_is_documented_that_does_not_exist() -> None:
    """A row for a setting that went away is a fault too."""
    assert {name for name, _, _ in ROW.findall(ADMIN)} == {f"{table}.{key}" for table, key, _ in KEYS}


def codes_of_checks() -> set[str]:
    """The codes that the check modules' source gives to `Check` and `judged`."""
    found = set()
    for module in (HERE / "milter" / "sekisho_milter").glob("check_*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Check", "judged"):
                code = node.args[0 if getattr(node.func, "id", "") == "Check" else 1]
                if isinstance(code, ast.Constant):
                    found.add(str(code.value))
    return found


def test_every_code_of_check_is_documented() -> None:
    """What `sekisho check` may say stands in docs/admin.md."""
    table = ADMIN.partition("| code | what it means |")[2].partition("## Settings")[0]
    documented_codes = set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE))
    assert codes_of_checks() <= documented_codes


def test_documents_name_commands() -> None:
    """The search below finds what it is to check."""
    assert sum(len(documented(page)) for page in PAGES) > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documented_commands_exist(page: Path) -> None:
    """Every `sekisho …` command in a document exists, with each of the options that stand there."""
    for words in documented(page):
        command, context = resolved(words)
        options = {name for option in command.get_params(context) for name in (*option.opts, *option.secondary_opts)}
        for word in words[1:]:
            if word.startswith("--"):
                assert word.partition("=")[0] in options, f"{' '.join(words)}: no option {word}"


def resolved(words: list[str]) -> tuple[click.Command, click.Context]:
    """The command that the words name, as deep as its groups go."""
    command: click.Command = root
    context = click.Context(root)
    for word in words[1:]:
        if not isinstance(command, click.Group) or not re.fullmatch(r"[a-z]+", word):
            break
        found = command.get_command(context, word)
        assert found, f"{' '.join(words)}: no command {word}"
        command, context = found, click.Context(found, parent=context)
    return command, context


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md has one line for each package of pyproject.toml and of the fuzzer, and none for others."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
        *project["build-system"]["requires"],
        *re.findall(r"^[\w.-]+==", (HERE / "setup" / "fuzz.lock").read_text(encoding="utf-8"), re.MULTILINE),
    ]
    text = (HERE / "docs" / "dependencies.md").read_text(encoding="utf-8").partition("## Debian packages")[0]
    rows = set(re.findall(r"^\| ([\w.-]+) \|", text, re.MULTILINE)) - {"package"}
    assert rows == {re.split(r"[<>=\[~]", one)[0] for one in wanted}


def test_lock_names_no_place() -> None:
    """requirements.lock pins every line with hashes and names neither a registry nor a path."""
    lock = (HERE / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert "--index-url" not in lock
    pinned = re.findall(r"^([a-z0-9][\w.-]*)(?:\[[\w,-]+\])?==", lock, re.MULTILINE)
    assert len(pinned) > 20
    assert lock.count(" \\\n    --hash=sha256:") >= len(pinned)


def events_of_rooms() -> set[str]:
    """The names of all events that the rooms' source writes to the operator's log."""
    found = set()
    for module in HERE.glob("*/sekisho_*/**/*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = ast.unparse(node.func)
                if called == "emit" or re.search(r"events\.(info|warning|error|debug)$", called):
                    found.add(str(node.args[0].value))
    return found


def test_every_event_is_documented() -> None:
    """The log is an interface: docs/admin.md has every event that can come, and none that cannot."""
    rows = re.findall(r"^\| (`[^|]+) \|", ADMIN.partition("| event |")[2].partition("\n\n")[0], re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row)]
    assert sorted(listed) == sorted(events_of_rooms())
