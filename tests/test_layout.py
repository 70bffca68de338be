"""The house rules that a machine can check: who may import whom, how long things are, what is told."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("core", "inspection", "rules", "quarantine", "feeds", "milter", "console")

# For each room: rooms that it may import. Of inspection, others see the client and its settings, nothing that parses.
MAY_IMPORT = {
    "core": set(),
    "inspection": {"core"},
    "rules": {"core"},
    "quarantine": {"core", "rules"},
    "feeds": {"core", "rules", "quarantine"},
    "milter": {"core", "rules", "quarantine"},
    "console": {"core", "rules", "quarantine", "feeds"},
}
CLIENT_MODULES = {"sekisho_inspection.client", "sekisho_inspection.settings", "sekisho_inspection.errors"}
CLIENTS = {"rules": re.compile(r"cli\w*"), "milter": re.compile(r"\w+"), "console": re.compile(r"\w+")}

# Third-party packages that any room may use, and those that belong to some rooms alone.
COMMON = {"msgspec", "click"}
THIRD_PARTY = {
    "sqlalchemy": {"core", "rules", "quarantine", "feeds", "console"},
    "alembic": {"core"},
    "yara": {"inspection"},
    "pcodedmp": {"inspection"},
    "inflate64": {"inspection"},
    "olefile": {"inspection"},
    "msoffcrypto": {"inspection"},
    "pdfminer": {"inspection"},
    "Cryptodome": {"inspection"},
    "pefile": {"inspection"},
    "lxml": {"inspection"},
    "PIL": {"inspection"},
    "zxingcpp": {"inspection"},
    "pyseccomp": {"inspection"},
    "cryptography": {"quarantine", "feeds"},
    "httpx": {"feeds"},
    "lmdb": {"rules"},
    "hyperscan": {"rules"},
    "re2": {"rules"},
    "stix2patterns": {"rules"},
    "antlr4": {"rules"},
    "Milter": {"milter"},
    "milter": {"milter"},
    "prometheus_client": {"milter"},
}

MOST_LINES, MOST_LINES_OF_A_FUNCTION = 400, 50
FORBIDDEN = re.compile("|".join(("/" + "work/", "/" + "root/", r"/home/(?!\$)\w+/")))


@cache
def project_files() -> tuple[Path, ...]:
    """Every file of the project as git knows it, new ones included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def sources() -> list[Path]:
    """The modules of all rooms."""
    return [path for path in project_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in ROOMS]


def room_of(path: Path) -> str:
    """The room that a module is in."""
    return path.relative_to(ROOT).parts[0]


def tree_of(path: Path) -> ast.Module:
    """The module, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names that a module imports, wherever in it; `from a import b` counts as a.b and as a."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def refusal(room: str, module: str, name: str) -> str | None:
    """Why `module` of `room` may not import `name`; None when it may."""
    package = name.partition(".")[0]
    if package.startswith("sekisho_"):
        return _refusal_of_ours(room, module, package.removeprefix("sekisho_"), name)
    if package in sys.stdlib_module_names or package in COMMON or room in THIRD_PARTY.get(package, set()):
        return None
    return f"{package} is not for {room}"


def _refusal_of_ours(room: str, module: str, target: str, name: str) -> str | None:
    if target == room or target in MAY_IMPORT[room]:
        return None
    client = room in CLIENTS and CLIENTS[room].fullmatch(module)
    if target == "inspection" and client and ".".join(name.split(".")[:2]) in CLIENT_MODULES:
        return None
    return f"{room} may not import {name}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_imports(path: Path) -> None:
    """A room imports only the rooms and the third-party packages that the table lets it."""
    refused = [why for name in imports(tree_of(path)) if (why := refusal(room_of(path), path.stem, name))]
    assert refused == []


@pytest.mark.parametrize(
    ("room", "module", "name", "allowed"),
    [
        ("core", "scan", "sekisho_rules.policy", False),
        ("rules", "cli_scan", "sekisho_inspection.client.private_workers", True),
        ("rules", "compile", "sekisho_inspection.client.private_workers", False),
        ("rules", "cli", "sekisho_inspection.reader.read_mail", False),
        ("quarantine", "store", "sekisho_milter.session", False),
        ("milter", "main", "sekisho_inspection.client", True),
        ("milter", "main", "sekisho_feeds.pull", False),
        ("milter", "session", "yara", False),
        ("rules", "match", "requests", False),
    ],
)
def test_the_table_itself(room: str, module: str, name: str, allowed: bool) -> None:
    """The check refuses what the table does not name."""
    assert (refusal(room, module, name) is None) is allowed


def test_no_circle_between_rooms() -> None:
    """Each room imports only rooms that stand before it: a ladder, no circle."""
    for place, room in enumerate(ROOMS):
        assert MAY_IMPORT[room] <= set(ROOMS[:place])


@pytest.mark.parametrize("room", ROOMS)
def test_folder_is_no_package(room: str) -> None:
    """No top-level folder is a package: `milter` would hide pymilter's own module of that name."""
    assert not (ROOT / room / "__init__.py").exists()
    assert not (ROOT / "tests" / room / "__init__.py").exists()


def test_no_module_hides_another() -> None:
    """No top-level module or package of ours has a name of the standard library."""
    tops = {path.relative_to(ROOT).parts[1] for path in sources()}
    assert not {Path(top).stem for top in tops} & sys.stdlib_module_names


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_size_and_docstring(path: Path) -> None:
    """A module says what it owns, in fewer than 400 lines, with no function above 50."""
    tree = tree_of(path)
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines < MOST_LINES
    assert path.name == "__init__.py" or ast.get_docstring(tree)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {node.name: length for node in functions if (length := _length(node)) > MOST_LINES_OF_A_FUNCTION}
    assert long == {}


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def test_every_test_says_what_it_shows() -> None:
    """Each test function has a docstring and asserts something."""
    silent = [
        f"{path.name}:{node.name}"
        for path in project_files()
        if path.name.startswith("test_") and path.suffix == ".py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not _shows(node)
    ]
    assert silent == []


def _shows(test: ast.FunctionDef) -> bool:
    words = {node.attr for node in ast.walk(test) if isinstance(node, ast.Attribute)}
    words |= {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    asserts = any(isinstance(node, ast.Assert) for node in ast.walk(test))
    return bool(ast.get_docstring(test)) and (asserts or "raises" in words or any("assert" in word for word in words))


def test_no_place_of_a_developer() -> None:
    """No file names a folder of the machine it was written on."""
    told = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in project_files()
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1)
        if FORBIDDEN.search(line)
    ]
    assert told == []
