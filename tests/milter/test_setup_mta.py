"""The lines that `sekisho setup` prints and writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sekisho_milter.check_postfix import check_postfix
from sekisho_milter.check_sendmail import check_sendmail
from sekisho_milter.cli_mta import setup
from sekisho_milter.doctor import Level, Needs
from sekisho_milter.mta_lines import apply, postfix_lines, sendmail_changes, with_parameters
from sekisho_milter.postconf import read_postfix
from sekisho_milter.sendmailcf import read_sendmail

HERE = Path(__file__).parent
NEEDS = Needs("unix:/var/spool/postfix/sekisho/milter.sock", 10.0, 280.0, 157286400, "127.0.0.1", 10026)
needs_postconf = pytest.mark.skipif(not Path("/usr/sbin/postconf").exists(), reason="postconf is not installed")
MENDED = ["accept", "missing", "old-protocol", "short-content-timeout", "no-local-milter", "no-reinjection", "good"]


def copied(case: Path, to: Path) -> Path:
    """A case's configuration in a directory that may be written."""
    return Path(shutil.copytree(case, to / "mta"))


def states(directory: Path) -> dict[str, str]:
    """Every file of a directory with its text."""
    return {file.name: file.read_text(encoding="utf-8") for file in directory.iterdir()}


@needs_postconf
@pytest.mark.parametrize("name", MENDED)
def test_apply_mends_main_and_master(name: str, tmp_path: Path) -> None:
    """After --apply the real postconf reads a configuration that check has nothing to refuse in."""
    directory = copied(HERE / "postfix_cases" / name, tmp_path)
    apply(postfix_lines(read_postfix(directory), NEEDS))
    found = check_postfix(read_postfix(directory), NEEDS)
    assert [one for one in found if one.level is not Level.OK] == []


@needs_postconf
def test_apply_twice_changes_nothing_more(tmp_path: Path) -> None:
    """A second --apply writes no file and makes no backup; the first one's backup is the old text."""
    directory = copied(HERE / "postfix_cases" / "no-reinjection", tmp_path)
    before = states(directory)
    assert sorted(path.name for path in apply(postfix_lines(read_postfix(directory), NEEDS))) == [
        "main.cf",
        "master.cf",
    ]
    backups = {name.partition(".cf.")[0] + ".cf": text for name, text in states(directory).items() if ".bak" in name}
    assert backups == {name: before[name] for name in ("main.cf", "master.cf")}
    between = states(directory)
    assert apply(postfix_lines(read_postfix(directory), NEEDS)) == []
    assert states(directory) == between


@needs_postconf
def test_other_milters_stay(tmp_path: Path) -> None:
    """Ours goes in front of the milters that are there, and their settings are kept."""
    directory = copied(HERE / "postfix_cases" / "missing", tmp_path)
    apply(postfix_lines(read_postfix(directory), NEEDS))
    assert read_postfix(directory).main["smtpd_milters"] == "unix:sekisho/milter.sock, inet:127.0.0.1:8891"


@needs_postconf
def test_command_prints_and_touches_nothing(tmp_path: Path) -> None:
    """Without --apply the lines are printed, among them the socket's directory, and no file changes."""
    directory = copied(HERE / "postfix_cases" / "missing", tmp_path)
    before = states(directory)
    result = CliRunner().invoke(setup, ["postfix", "--postfix-config", str(directory)])
    assert result.exit_code == 0
    assert "milter_default_action = tempfail" in result.stdout
    assert "127.0.0.1:10026 inet n - n - - smtpd" in result.stdout
    assert "/var/spool/postfix/sekisho" in result.stdout
    assert states(directory) == before


@pytest.mark.parametrize("name", ["no-flags", "default-timeouts", "short-final", "not-listed", "missing", "good"])
def test_apply_mends_sendmail(name: str, tmp_path: Path) -> None:
    """After --apply sendmail.cf has the filter with F=T and our timeouts, listed beside the others; once."""
    directory = copied(HERE / "sendmail_cases" / name, tmp_path)
    path = directory / "sendmail.cf"
    apply(sendmail_changes(read_sendmail(path), NEEDS))
    found = check_sendmail(read_sendmail(path), NEEDS)
    assert [one for one in found if one.level is not Level.OK] == []
    assert apply(sendmail_changes(read_sendmail(path), NEEDS)) == []


def test_sendmail_lines_are_for_m4() -> None:
    """The printed sendmail.mc line has its quotes, the flag and every timeout."""
    result = CliRunner().invoke(setup, ["sendmail"])
    assert result.exit_code == 0
    assert "INPUT_MAIL_FILTER(`sekisho', `S=local:/" in result.stdout
    assert "F=T, T=C:1m;S:1m;R:60s;E:300s')dnl" in result.stdout


@needs_postconf
def test_variables_stay_as_they_are_written(tmp_path: Path) -> None:
    """A list that names a parameter of the administrator's own keeps the name; one that leads to us stays as it is."""
    directory = copied(HERE / "postfix_cases" / "missing", tmp_path)
    (directory / "main.cf").write_text(
        "queue_directory = /var/spool/postfix\nother = inet:127.0.0.1:8891\nours = unix:sekisho/milter.sock\n"
        "smtpd_milters = $other\nnon_smtpd_milters = $ours\n",
        encoding="utf-8",
    )
    apply(postfix_lines(read_postfix(directory), NEEDS))
    lines = (directory / "main.cf").read_text(encoding="utf-8").splitlines()
    assert "smtpd_milters = unix:sekisho/milter.sock, $other" in lines
    assert "non_smtpd_milters = $ours" in lines


def test_remarks_do_not_end_a_parameter() -> None:
    """What goes on below a comment or an empty line is still the old value, and goes with it (postconf(5))."""
    text = "a_key = old,\n# a remark\n  older\n\n  oldest\nc_key = 1\n"
    assert with_parameters(text, {"a_key": "new"}) == "a_key = new\n# a remark\n\nc_key = 1\n"


@needs_postconf
def test_ipv6_endpoints_stand_in_brackets(tmp_path: Path) -> None:
    """An inet6 milter and a release host in IPv6 are written as Postfix reads them, and check agrees."""
    needs = Needs("inet6:8890@::1", 10.0, 280.0, 157286400, "::1", 10026)
    directory = copied(HERE / "postfix_cases" / "no-milters", tmp_path)
    (directory / "master.cf").write_text("smtp inet n - n - - smtpd\n", encoding="utf-8")
    apply(postfix_lines(read_postfix(directory), needs))
    assert "smtpd_milters = inet:[::1]:8890, " in (directory / "main.cf").read_text(encoding="utf-8")
    assert "\n[::1]:10026 inet " in (directory / "master.cf").read_text(encoding="utf-8")
    found = check_postfix(read_postfix(directory), needs)
    assert [one for one in found if one.level is not Level.OK] == []


def test_sendmail_goes_on_listening(tmp_path: Path) -> None:
    """A sendmail.cf without a port listens on 25; with the port of released mail it must name both."""
    path = tmp_path / "sendmail.cf"
    path.write_text("O MaxMessageSize=52428800\n", encoding="utf-8")
    apply(sendmail_changes(read_sendmail(path), NEEDS))
    daemons = read_sendmail(path).all("DaemonPortOptions")
    assert daemons[0] == "Name=MTA"
    assert "Port=10026, InputMailFilters=" in daemons[1]
    assert [one for one in check_sendmail(read_sendmail(path), NEEDS) if one.level is not Level.OK] == []


KEYS = st.sampled_from(["a_key", "b_key", "c_key"])
LINES = st.one_of(
    st.builds("{} = {}".format, KEYS, st.from_regex(r"[a-z0-9]{0,8}", fullmatch=True)),
    st.just("# a_key = in a comment"),
    st.just("  continued"),
    st.just(""),
)


@given(st.lists(LINES, max_size=12))
def test_parameters_stand_once_and_the_rest_stays(lines: list[str]) -> None:
    """Whatever main.cf holds, the given keys stand in it once with their values, a second pass changes nothing, and
    lines of other keys are kept in order."""
    new = with_parameters("\n".join(lines), {"a_key": "1", "b_key": "2"})
    assert [line for line in new.splitlines() if line.startswith("a_key")] == ["a_key = 1"]
    assert [line for line in new.splitlines() if line.startswith("b_key")] == ["b_key = 2"]
    assert [line for line in new.splitlines() if line[:1] in ("c", "#")] == [
        line for line in lines if line[:1] in ("c", "#")
    ]
    assert with_parameters(new, {"a_key": "1", "b_key": "2"}) == new
