"""What `sekisho check` says of MTA configurations, which are files beside this one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sekisho_milter.check_postfix import check_postfix
from sekisho_milter.check_sendmail import check_sendmail
from sekisho_milter.doctor import Check, DoctorError, Level, Needs, seconds
from sekisho_milter.postconf import milter_list, read_postfix
from sekisho_milter.sendmailcf import read_sendmail

HERE = Path(__file__).parent
POSTFIX_CASES = sorted((HERE / "postfix_cases").iterdir())
SENDMAIL_CASES = sorted((HERE / "sendmail_cases").iterdir())
NEEDS = Needs("unix:/var/spool/postfix/sekisho/milter.sock", 10.0, 280.0, 157286400, "127.0.0.1", 10026)
needs_postconf = pytest.mark.skipif(not Path("/usr/sbin/postconf").exists(), reason="postconf is not installed")


def faults(found: list[Check]) -> list[str]:
    """The checks that are not well, as the case files write them."""
    return sorted({f"{one.level} {one.code}" for one in found if one.level is not Level.OK})


def expected(case: Path) -> list[str]:
    """What a case says must be found, and nothing else."""
    return sorted((case / "expected").read_text(encoding="utf-8").splitlines())


@needs_postconf
@pytest.mark.parametrize("case", POSTFIX_CASES, ids=lambda case: case.name)
def test_postfix_case(case: Path) -> None:
    """A38: read by the real postconf, each configuration has exactly the faults that its case names."""
    assert faults(check_postfix(read_postfix(case), NEEDS)) == expected(case)


@pytest.mark.parametrize("case", SENDMAIL_CASES, ids=lambda case: case.name)
def test_sendmail_case(case: Path) -> None:
    """A38: each sendmail.cf has exactly the faults that its case names."""
    assert faults(check_sendmail(read_sendmail(case / "sendmail.cf"), NEEDS)) == expected(case)


@needs_postconf
def test_fault_names_key_value_and_remedy() -> None:
    """A38: a refusal says which service and key is at fault, its value, and what mends it."""
    found = check_postfix(read_postfix(HERE / "postfix_cases" / "accept-one-listener"), NEEDS)
    (fault,) = [one for one in found if one.level is Level.REFUSE]
    assert fault.key == "submission/inet: milter_default_action"
    assert fault.value == "accept"
    assert "tempfail" in fault.remedy


@needs_postconf
def test_unreadable_postfix_configuration_is_an_error(tmp_path: Path) -> None:
    """A directory without main.cf cannot be judged: one line that names it, never a clean bill."""
    with pytest.raises(DoctorError, match=str(tmp_path)):
        read_postfix(tmp_path)


@needs_postconf
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("milter_content_timeout = 5x", "milter_content_timeout: '5x' is not a time"),
        ("message_size_limit = 50M", "message_size_limit: '50M' is not a number"),
    ],
)
def test_value_that_cannot_be_used_is_an_error(line: str, words: str, tmp_path: Path) -> None:
    """A38: what Postfix could not use either is told in one line that names the key."""
    directory = Path(shutil.copytree(HERE / "postfix_cases" / "good", tmp_path / "mta"))
    with (directory / "main.cf").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    with pytest.raises(DoctorError, match=words):
        check_postfix(read_postfix(directory), NEEDS)


def test_unreadable_sendmail_configuration_is_an_error(tmp_path: Path) -> None:
    """A sendmail.cf that is not there cannot be judged."""
    with pytest.raises(DoctorError, match="No such file"):
        read_sendmail(tmp_path / "sendmail.cf")


def test_account_that_sendmail_runs_as(tmp_path: Path) -> None:
    """Sendmail speaks to filters as RunAsUser, whose group is cut off, else as root."""
    path = tmp_path / "sendmail.cf"
    path.write_text("O RunAsUser=smmta:smmsp\n", encoding="utf-8")
    assert read_sendmail(path).run_as == "smmta"
    assert read_sendmail(HERE / "sendmail_cases" / "good" / "sendmail.cf").run_as == "root"


def test_inet_sockets_agree_in_three_spellings() -> None:
    """An inet socket is one and the same in libmilter's, Sendmail's and Postfix's words."""
    needs = Needs("inet:8890@127.0.0.1", 10.0, 280.0, 157286400, "127.0.0.1", 10026)
    sendmail = read_sendmail(HERE / "sendmail_cases" / "missing" / "sendmail.cf")
    assert "refuse filter-missing" in faults(check_sendmail(sendmail, needs))
    other = Needs("inet:8891@127.0.0.1", 10.0, 280.0, 157286400, "127.0.0.1", 10026)
    assert "refuse filter-missing" not in faults(check_sendmail(sendmail, other))
    (entry,) = milter_list("{ inet:127.0.0.1:8891, default_action = accept }")
    assert (entry.endpoint, entry.options) == ("inet:127.0.0.1:8891", {"default_action": "accept"})


@pytest.mark.parametrize(("text", "value"), [("300s", 300), ("5m", 300), ("1h30m", 5400), ("45", 45), ("1d", 86400)])
def test_times_as_mtas_write_them(text: str, value: float) -> None:
    """Postfix's and Sendmail's units are understood, alone and together."""
    assert seconds("T", text) == value


@pytest.mark.parametrize("text", ["", "soon", "5 m", "-3s", "3x"])
def test_what_is_no_time_is_an_error(text: str) -> None:
    """Anything else is an error and not a guess."""
    with pytest.raises(DoctorError, match=r"^T: .*not a time"):
        seconds("T", text)
