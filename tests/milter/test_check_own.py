"""What `sekisho check` says of the socket and of our own side, and what the command answers."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from sekisho_core.errors import SekishoError
from sekisho_core.settings import load
from sekisho_milter.check_own import check_own, check_python
from sekisho_milter.check_socket import check_socket
from sekisho_milter.cli_mta import check, needs_of
from sekisho_milter.doctor import Check, Level, Needs

HERE = Path(__file__).parent
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs another user's account")
needs_postconf = pytest.mark.skipif(not Path("/usr/sbin/postconf").exists(), reason="postconf is not installed")


def needs(endpoint: str) -> Needs:
    """What the MTA must agree with, for one socket."""
    return Needs(endpoint, 10.0, 280.0, 157286400, "127.0.0.1", 10026)


def faults(found: list[Check]) -> set[str]:
    """Level and code of what is not well."""
    return {f"{one.level} {one.code}" for one in found if one.level is not Level.OK}


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    """A Unix socket that listens, open to its owner alone."""
    path = tmp_path / "milter.sock"
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(0o600)
        yield path


def test_socket_of_the_right_owner_is_well(listening: Path) -> None:
    """Its owner reaches a private socket that listens."""
    assert (
        faults(check_socket(needs(f"unix:{listening}"), "root" if os.geteuid() == 0 else os.environ["USER"])) == set()
    )


@needs_root
def test_socket_that_the_mta_may_not_use(listening: Path) -> None:
    """A38: a socket without the MTA's group, in a directory that it may not enter, is refused on both counts."""
    assert {"refuse socket-access", "refuse socket-directory"} <= faults(
        check_socket(needs(f"unix:{listening}"), "nobody")
    )


@needs_root
def test_socket_that_the_caller_may_not_see(listening: Path) -> None:
    """A38: an ordinary user who may not look is told so, as a warning and not as a missing socket."""
    os.seteuid(65534)
    try:
        found = check_socket(needs(f"unix:{listening}"), "postfix")
    finally:
        os.seteuid(0)
    assert faults(found) == {"warn socket-unseen"}


def test_socket_that_everybody_may_use(listening: Path) -> None:
    """A38: a world-writable socket is refused: any local user could speak to the milter."""
    listening.chmod(0o666)
    assert "refuse socket-world-writable" in faults(check_socket(needs(f"unix:{listening}"), "root"))


def test_socket_that_nobody_listens_on(tmp_path: Path) -> None:
    """A38: a socket left over from a dead milter, a missing one and a plain file are refused, each in its own words."""
    left = tmp_path / "left.sock"
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(left))
    left.chmod(0o600)
    assert faults(check_socket(needs(f"unix:{left}"), "root")) == {"refuse socket-listening"}
    assert faults(check_socket(needs(f"unix:{tmp_path}/none"), "root")) == {"refuse socket-missing"}
    (tmp_path / "file").touch()
    assert faults(check_socket(needs(f"unix:{tmp_path}/file"), "root")) == {"refuse socket-no-socket"}


def test_inet_socket_that_nobody_listens_on() -> None:
    """A38: an inet endpoint is tried by a connection."""
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        endpoint = needs(f"inet:{server.getsockname()[1]}@127.0.0.1")
        assert faults(check_socket(endpoint, "root")) == {"refuse socket-listening"}
        server.listen()
        assert faults(check_socket(endpoint, "root")) == set()


@pytest.mark.parametrize(
    ("version", "level"),
    [((3, 11, 2), Level.WARN), ((3, 11, 17), Level.OK), ((3, 13, 15), Level.WARN), ((3, 13, 16), Level.OK)],
)
def test_python_below_its_floor_is_a_warning(version: tuple[int, int, int], level: Level) -> None:
    """Python releases that misread hostile archives are named; a distribution may have the fix in an older one."""
    assert check_python(version).level is level


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings whose places are all below a directory where nothing is there yet."""
    path = tmp_path / "sekisho.toml"
    path.write_text(
        f"""
[database]
url = "sqlite:///{tmp_path}/none/sekisho.sqlite"
[inspection]
socket = "{tmp_path}/inspection.sock"
[rules]
index = "{tmp_path}/index"
[quarantine]
bodies = "{tmp_path}/bodies"
seal_file = "{tmp_path}/seal"
[milter]
socket = "unix:{tmp_path}/milter.sock"
spool = "{tmp_path}"
metrics = ""
""",
        encoding="utf-8",
    )
    return path


def test_our_own_side_without_anything(config: Path) -> None:
    """A38: no database, no index, no directory and no inspection service are refusals that name their keys."""
    found = check_own(load(config))
    assert {"refuse database", "refuse index", "refuse directory", "refuse inspection"} <= faults(found)
    keys = {one.key for one in found if one.level is Level.REFUSE}
    assert keys == {"database.url", "rules.index", "quarantine.bodies", "inspection.socket"}


def test_policy_that_lets_mail_pass(config: Path) -> None:
    """A38: observe mode, delivery of unread mail, and strangers' networks as our own are warned of."""
    asked = "policy.mode", "policy.incomplete", "policy.overrides", "milter.own_networks"
    assert [one.level for one in check_own(load(config)) if one.key in asked] == [Level.OK] * 4
    with config.open("a", encoding="utf-8") as file:
        file.write('own_networks = ["10.0.0.0/8", "0.0.0.0/0"]\n')
        file.write('[policy]\nmode = "observe"\nincomplete = { locked = "tag" }\n')
    found = {one.code: one for one in check_own(load(config)) if one.key in asked and one.level is not Level.OK}
    assert faults(list(found.values())) == {"warn observe", "warn incomplete-passes", "warn own-networks"}
    assert (found["incomplete-passes"].value, found["own-networks"].value) == ("locked=tag", "0.0.0.0/0")


def test_seal(config: Path, tmp_path: Path) -> None:
    """A key that is not made yet is well; one that others may read, that has no file or cannot be made is named."""

    def found() -> set[str]:
        return {fault for fault in faults(check_own(load(config))) if "seal" in fault}

    assert found() == set()
    (tmp_path / "seal").touch(mode=0o644)
    assert found() == {"warn seal"}
    plain = config.read_text(encoding="utf-8")
    for place, told in (("", {"warn seal"}), (f"{tmp_path}/none/seal", {"refuse seal"})):
        config.write_text(plain.replace(f"{tmp_path}/seal", place), encoding="utf-8")
        assert found() == told


def test_a_wait_that_ends_in_delivery(config: Path) -> None:
    """Locked mail that is let go unopened when its time is over is warned of like any that passes unread."""
    with config.open("a", encoding="utf-8") as file:
        file.write('[policy]\nlocked_expired = "accept"\nincomplete = { locked = "hold" }\n')
    assert passing(config) == {"policy.incomplete": "locked_expired=accept"}


@pytest.mark.parametrize(
    ("general", "override", "value"),
    [
        ("", 'incomplete = { locked = "accept" }', "locked=accept"),
        ("", 'incomplete = { other = "tag", busy = "accept" }', "busy=accept, other=tag"),
        ("", 'locked_expired = "accept"', ""),
        ("", 'locked_expired = "tag", incomplete = { locked = "hold" }', "locked_expired=tag"),
        ('incomplete = { locked = "hold" }', 'locked_expired = "accept"', "locked_expired=accept"),
        ('locked_expired = "accept"', 'incomplete = { locked = "hold" }', "locked_expired=accept"),
        ('incomplete = { locked = "hold" }', "locked_wait = 60.0", ""),
    ],
)
def test_an_override_that_lets_mail_pass(config: Path, general: str, override: str, value: str) -> None:
    """What an override lets go unread, by itself or together with the general tables, is warned of by its name; what
    nothing can come to is not."""
    with config.open("a", encoding="utf-8") as file:
        file.write(
            f'[policy]\n{general}\noverrides = [{{ recipients = ["a@example.jp"], name = "sales", {override} }}]\n'
        )
    assert passing(config) == ({"policy.overrides": f"sales: {value}"} if value else {})


def test_an_override_beside_general_tables_that_let_mail_pass(config: Path) -> None:
    """What the general tables let go is told once, not again for every override that has it from them."""
    with config.open("a", encoding="utf-8") as file:
        file.write('[policy]\nincomplete = { locked = "tag" }\noverrides = [{ recipients = ["a@example.jp"] }]\n')
    assert passing(config) == {"policy.incomplete": "locked=tag"}


@pytest.mark.parametrize(("minutes", "level"), [(0, Level.WARN), (60, Level.OK)])
def test_a_wait_for_what_nobody_remembers(config: Path, minutes: int, level: Level) -> None:
    """Locked mail that is held, by an override too, while no mail's password is remembered, waits in vain."""
    config.write_text(config.read_text(encoding="utf-8") + '[policy]\nincomplete = { locked = "quarantine" }\n')
    assert [one for one in check_own(load(config)) if one.code == "wait-in-vain"] == []
    with config.open("a", encoding="utf-8") as file:
        file.write('overrides = [{ recipients = ["a@example.jp"], incomplete = { locked = "hold" } }]\n')
    plain = config.read_text(encoding="utf-8")
    config.write_text(plain.replace("[quarantine]", f"[quarantine]\npassword_minutes = {minutes}"), encoding="utf-8")
    assert [one.level for one in check_own(load(config)) if one.code == "wait-in-vain"] == [level]


def passing(config: Path) -> dict[str, str]:
    """What is warned of as letting unread mail pass, by key."""
    found = [one for one in check_own(load(config)) if one.code == "incomplete-passes"]
    return {one.key: one.value for one in found if one.level is Level.WARN}


@pytest.mark.parametrize(
    "secret",
    [
        '[inspection]\npasswords = ["x"]\n',
        '[inspection]\npartner_passwords = [{ from = ["@partner.example"], passwords = ["x"] }]\n',
        '[database]\nurl = "postgresql+psycopg://sekisho:x@127.0.0.1:1/sekisho"\ntimeout = 0.1\n',
    ],
)
def test_settings_with_passwords_that_others_may_read(tmp_path: Path, secret: str) -> None:
    """A settings file with a password in it is to be read by root and our accounts alone; one without may be public."""
    path = tmp_path / "secret.toml"
    path.write_text(secret, encoding="utf-8")
    for mode, level in ((0o600, Level.OK), (0o604, Level.WARN), (0o602, Level.WARN)):
        path.chmod(mode)
        assert [one.level for one in check_own(load(path)) if one.code == "settings-file"] == [level]
    if os.geteuid() == 0:
        path.chmod(0o640)
        assert [one.level for one in check_own(load(path)) if one.code == "settings-file"] == [Level.OK]
        os.chown(path, 0, 65534)
        assert [one.level for one in check_own(load(path)) if one.code == "settings-file"] == [Level.WARN]
    path.write_text('[policy]\nmode = "observe"\n', encoding="utf-8")
    assert [one for one in check_own(load(path)) if one.code == "settings-file"] == []


@needs_postconf
def test_command_answers_in_json_and_by_status(config: Path) -> None:
    """A38: `sekisho check --json` lists every check with its key and exits with 1 when one is refused."""
    case = str(HERE / "postfix_cases" / "accept")
    result = CliRunner().invoke(check, ["--config", str(config), "--postfix-config", case, "--json"])
    assert result.exit_code == 1
    checks = {one["code"]: one for one in json.loads(result.stdout)}
    assert checks["milter-missing"]["level"] == "refuse"
    assert checks["milter-missing"]["value"] == "unix:sekisho/milter.sock"
    assert checks["socket-missing"]["level"] == "refuse"


@needs_postconf
def test_command_without_readable_configuration_raises(config: Path, tmp_path: Path) -> None:
    """An MTA configuration that cannot be read is an operator's error (exit status 2), not an answer."""
    result = CliRunner().invoke(check, ["--config", str(config), "--postfix-config", str(tmp_path / "none")])
    assert isinstance(result.exception, SekishoError)


def test_needs_come_from_the_settings(config: Path) -> None:
    """What is compared with the MTA's limits are the limits in force."""
    found = needs_of(load(config))
    assert (found.content_limit, found.release_port) == (280.0, 10026)
    assert found.socket == f"unix:{config.parent}/milter.sock"


def test_no_inspection_service(config: Path) -> None:
    """A38: without a service's socket in the settings the milter would not start; that is a refusal."""
    config.write_text(
        re.sub(r'socket = ".*/inspection.sock"', 'socket = ""', config.read_text(encoding="utf-8")), "utf-8"
    )
    assert "refuse inspection" in faults(check_own(load(config)))
