import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from sekisho_core import cli
from sekisho_core.errors import SekishoError


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command as a user calls it."""
    code = "from sekisho_core.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_list_of_commands_imports_no_room() -> None:
    """The list of commands shows every verb and group without loading any room."""
    code = (
        "import sys\nfrom sekisho_core.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "rooms = [m for m in sys.modules if m.startswith('sekisho_') and not m.startswith('sekisho_core')]\n"
        "sys.exit(bool(rooms))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for verb in ("scan", "rules", "quarantine", "milter", "check", "setup"):
        assert f"  {verb} " in done.stdout


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], []])
def test_wrong_use_has_status_two(arguments: list[str]) -> None:
    """An unknown command or option, or none at all, is an error that says how the command is used."""
    done = run(*arguments)
    assert done.returncode == 2
    assert "Usage: sekisho" in done.stderr
    assert "Traceback" not in done.stderr


def test_error_is_one_safe_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """C4: an operator's error is one line without control characters, and status 2."""

    @click.command()
    def failing() -> None:
        raise SekishoError("file\x1b[2J\nname: cannot be read")

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: failing)
    with pytest.raises(SystemExit) as ended:
        cli.main(["failing"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "sekisho: file⟨U+001B⟩[2J⟨U+000A⟩name: cannot be read\n"


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, BrokenPipeError])
def test_command_that_is_stopped_gives_no_answer(
    stopped: type[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C is one line and status 2, a reader that went away is status 2: 1 would say that a mail was stopped."""

    @click.command()
    def endless() -> None:
        raise stopped

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: endless)
    with pytest.raises(SystemExit) as ended:
        cli.main(["endless"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == ("sekisho: interrupted\n" if stopped is KeyboardInterrupt else "")


@pytest.mark.parametrize("buffered", ["", "1"])
def test_full_disk_under_the_output_is_one_line(buffered: str) -> None:
    """What the system refuses, and no command foresees, is one line and status 2."""
    code = "from sekisho_core.cli import main; main()"
    command = [sys.executable, "-c", code, "rules", "packs"]
    environment = os.environ | {"PYTHONUNBUFFERED": buffered}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (2, "sekisho: No space left on device\n")


@pytest.mark.parametrize("encoding", ["latin-1", "euc_jp", "cp932", "ascii"])
def test_any_terminal_shows_any_text(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text that a terminal's encoding cannot write is escaped; the command does not end over it."""
    code = (
        "import click\nfrom sekisho_core import cli\n"
        "command = click.Command('x', callback=lambda: (click.echo('関所 😀'), print('関所 😀')))\n"
        "cli.LazyGroup.get_command = lambda *_: command\ncli.main(['x'])\n"
    )
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 2


def test_version() -> None:
    """The version is that of the distribution."""
    assert run("--version").stdout.startswith("sekisho, version ")
