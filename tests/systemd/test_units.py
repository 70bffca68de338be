"""The units of systemd/: that systemd accepts them, and how much they expose."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from sekisho_core.cli import root

SYSTEMD = Path(__file__).parents[2] / "systemd"
SERVICES = sorted(SYSTEMD.glob("*.service"))
UNITS = [*SERVICES, *sorted(SYSTEMD.glob("*.timer"))]
MOST_EXPOSED = 1.5
COMMAND = "/opt/sekisho/bin/sekisho"
needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """systemd-analyze's output, errors included."""
    return subprocess.run(
        ["systemd-analyze", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def directives(unit: Path, key: str) -> list[str]:
    """The values of a key in the order given."""
    lines = unit.read_text(encoding="utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


@needs_analyze
@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_exposure_is_low(unit: Path) -> None:
    """systemd's own figure for what a taken-over service could reach is at most 1.5 of 10."""
    output = analyze("security", "--offline=true", str(unit)).stdout
    figure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", output)
    assert figure, output
    assert float(figure[1]) <= MOST_EXPOSED


@needs_analyze
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say, once the command that the unit names is there."""
    for one in UNITS:
        text = one.read_text(encoding="utf-8").replace(COMMAND, "/bin/true").replace("Documentation=file:", "#")
        (tmp_path / one.name).write_text(text, encoding="utf-8")
    # Units of the machine may have faults of their own.
    told = [line for line in analyze("verify", str(tmp_path / unit.name)).stdout.splitlines() if "sekisho" in line]
    assert told == []


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_commands_of_the_unit_exist(unit: Path) -> None:
    """Every command that a unit runs is one that the program has."""
    commands = [value for key in ("ExecStart", "ExecReload") for value in directives(unit, key)]
    assert commands
    for command in commands:
        program, *arguments = command.split()
        assert program == COMMAND
        assert CliRunner().invoke(root, [*arguments, "--help"]).exit_code == 0


def test_long_running_services_are_watched() -> None:
    """The daemons tell systemd that they are ready and alive, and come back when they die."""
    for name in ("milter", "inspection"):
        unit = SYSTEMD / f"sekisho-{name}.service"
        assert directives(unit, "Type") == ["notify"]
        assert int(directives(unit, "WatchdogSec")[0]) > 0
        assert directives(unit, "Restart") == ["always"]
        # A database that comes up late must not leave the service given up by systemd (five starts in ten seconds).
        assert directives(unit, "StartLimitIntervalSec") == ["0"]


def test_inspection_has_no_network_and_no_mail_store() -> None:
    """The service that reads the sender's bytes reaches neither a network nor what was kept."""
    unit = SYSTEMD / "sekisho-inspection.service"
    assert directives(unit, "PrivateNetwork") == ["yes"]
    assert directives(unit, "RestrictAddressFamilies") == ["AF_UNIX"]
    assert "-/var/lib/sekisho" in directives(unit, "InaccessiblePaths")[0].split()
    assert directives(unit, "User") != directives(SYSTEMD / "sekisho-milter.service", "User")


@needs_analyze
def test_workers_may_still_lock_themselves_in() -> None:
    """The unit's system call filter leaves the inspection service what its own sandbox is made with."""
    allowed: set[str] = set()
    for value in directives(SYSTEMD / "sekisho-inspection.service", "SystemCallFilter"):
        for word in value.lstrip("~").split():
            calls = {word} if not word.startswith("@") else expanded(word)
            allowed = allowed - calls if value.startswith("~") else allowed | calls
    assert {"prctl", "setrlimit", "prlimit64", "capset", "seccomp", "landlock_restrict_self", "memfd_create"} <= allowed


def expanded(group: str) -> set[str]:
    """The system calls of a group, as systemd lists them, groups within groups included."""
    lines = [line.strip() for line in analyze("syscall-filter", group).stdout.splitlines()[1:]]
    words = [line for line in lines if line and not line.startswith("#")]
    return {call for word in words for call in (expanded(word) if word.startswith("@") else {word})}


@pytest.mark.parametrize("name", ["milter", "retention"])
def test_network_is_loopback_only(name: str) -> None:
    """Milter and retention speak with this machine alone."""
    unit = SYSTEMD / f"sekisho-{name}.service"
    assert directives(unit, "IPAddressDeny") == ["any"]
    assert directives(unit, "IPAddressAllow") == ["localhost"]


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give directories to other accounts")
def test_accounts_and_directories_are_accepted(tmp_path: Path) -> None:
    """sysusers makes the two accounts, and tmpfiles the directories that the settings' defaults name."""
    (tmp_path / "etc").mkdir()
    command = ["systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "sekisho.sysusers.conf")]
    subprocess.run(command, capture_output=True, check=True)
    accounts = (tmp_path / "etc/passwd").read_text(encoding="utf-8")
    assert accounts.startswith("sekisho:")
    assert "\nsekisho-inspection:" in accounts
    with (tmp_path / "etc/group").open("a", encoding="utf-8") as groups:
        groups.write("postfix:x:117:\n")
    command = ["systemd-tmpfiles", f"--root={tmp_path}", "--create", str(SYSTEMD / "sekisho.tmpfiles.conf")]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert all((tmp_path / "var/lib/sekisho" / name).is_dir() for name in ("bodies", "spool", "index"))
