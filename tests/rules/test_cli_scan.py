import io
import json
import os
import subprocess
import sys
from base64 import b64encode
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import pyzipper
from click.testing import CliRunner
from sekisho_core import settings
from sekisho_core.settings import default_table
from sekisho_rules.cli_scan import scan_command
from sekisho_rules.progress import Bar

LURE = "対外措置の延長について"
ID = "indicator--1f3bd4a5-0f4d-4c0a-9a3c-2d3f4e5a6b7c"


def bundle(pattern: str) -> str:
    """A STIX bundle with one indicator."""
    indicator = {
        "type": "indicator", "spec_version": "2.1", "id": ID, "created": "2012-04-01T00:00:00Z",
        "modified": "2012-04-01T00:00:00Z", "valid_from": "2012-04-01T00:00:00Z", "name": "example lure",
        "pattern_type": "stix", "pattern": pattern, "confidence": 90, "labels": ["targeted"],
    }  # fmt: skip
    return json.dumps({"type": "bundle", "id": f"bundle--{ID[11:]}", "objects": [indicator]})


def letter(subject: str, line: str = "\r\n") -> bytes:
    """A short mail."""
    encoded = b64encode(subject.encode()).decode()
    lines = ["From: a@example.net", "To: b@example.jp", f"Subject: =?UTF-8?B?{encoded}?=", "", "hello", ""]
    return line.join(lines).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with indicators, a settings file, and two mails: a lure and a clean one."""
    (tmp_path / "lures.json").write_text(bundle(f"[email-message:subject = '{LURE}']"), encoding="utf-8")
    (tmp_path / "sekisho.toml").write_text(f'[rules]\nindex = "{tmp_path}/index"\n[inspection]\nworkers = 2\n')
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "lure.eml").write_bytes(letter(f"Re: 【至急】{LURE}"))
    (tmp_path / "mails" / "clean.eml").write_bytes(letter("会議のご案内", "\n"))
    return tmp_path


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`sekisho scan` over the folder's indicators."""
    code = "from sekisho_core.cli import main; main()"
    given = ["--config", "sekisho.toml", "--indicators", "lures.json"]
    return subprocess.run(
        [sys.executable, "-c", code, "scan", *given, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def objects(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    """What `--json` printed, one object a line."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_contract(folder: Path) -> None:
    """One JSON object a mail, in the order of the paths, with the fields of the contract; status 1 for a stopped
    mail."""
    done = run(folder, "--json", "mails/lure.eml", "mails/clean.eml")
    lure, clean = objects(done)
    assert (done.returncode, done.stderr) == (1, "")
    assert list(lure) == ["path", "verdict", "reasons", "incomplete", "subject", "parts", "elapsed_ms"]
    assert (lure["path"], lure["verdict"], lure["incomplete"]) == ("mails/lure.eml", "quarantine", [])
    (reason,) = lure["reasons"]
    contract = ["kind", "rule", "source", "tlp", "confidence", "severity", "match", "where", "explain"]
    assert list(reason) == contract
    assert {key: reason[key] for key in ("kind", "rule", "source", "confidence", "severity", "match", "where")} == {
        "kind": "indicator", "rule": ID, "source": "lures", "confidence": 90, "severity": "targeted",
        "match": "normalised", "where": "header:subject",
    }  # fmt: skip
    assert lure["subject"]["decoded"] == f"Re: 【至急】{LURE}"
    assert lure["subject"]["raw"].startswith("=?UTF-8?B?")
    assert list(lure["parts"][0]) == ["id", "names", "type", "size", "sha256", "state"]
    assert (clean["verdict"], clean["reasons"], isinstance(clean["elapsed_ms"], float)) == ("accept", [], True)


def test_observed_reason(folder: Path) -> None:
    """A reason of an indicator in observe state says so, and stops nothing."""
    content = json.loads((folder / "lures.json").read_text(encoding="utf-8"))
    content["objects"][0]["x_sekisho_state"] = "observe"
    (folder / "lures.json").write_text(json.dumps(content), encoding="utf-8")
    done = run(folder, "--json", "mails/lure.eml")
    (lure,) = objects(done)
    assert (done.returncode, lure["verdict"]) == (0, "accept")
    assert [reason["state"] for reason in lure["reasons"]] == ["observe"]


def write_locked(folder: Path) -> None:
    """A mail with a ZIP whose password it does not state."""
    packed = io.BytesIO()
    with pyzipper.AESZipFile(packed, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"Kasumi#2012")
        archive.writestr("a.txt", b"inner")
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a@example.net", "x"
    mail.set_content("see attached")
    mail.add_attachment(packed.getvalue(), maintype="application", subtype="zip", filename="a.zip")
    (folder / "locked.eml").write_bytes(mail.as_bytes())


def test_a_mail_that_would_wait(folder: Path) -> None:
    """Under a policy that holds for a lock it is said where the mail would be, for how long, and what then."""
    write_locked(folder)
    with (folder / "sekisho.toml").open("a") as file:
        file.write('[policy]\nincomplete = { locked = "hold" }\nlocked_wait = 90.0\n')
    (folder / "locked.envelope.json").write_text('{"rcpt_to": ["b@example.jp", "c@example.jp"]}')
    said = run(folder, "locked.eml").stdout.splitlines()[0]
    assert said == "hold (kept here 90 s for its password, then quarantine): locked.eml"


def test_password_file(folder: Path) -> None:
    """A person's passwords open what the mail's own do not, and stand in nothing that is printed."""
    write_locked(folder)
    (folder / "words").write_text("wrong\nKasumi#2012\n", encoding="utf-8")
    (shut,) = objects(run(folder, "--json", "locked.eml"))
    done = run(folder, "--json", "--password-file", "words", "locked.eml")
    (opened,) = objects(done)
    told = {"where": "part:2/a.zip", "reason": "locked", "detail": "no password that was tried opens it"}
    assert (shut["incomplete"], opened["incomplete"]) == ([told], [])
    said = run(folder, "locked.eml").stdout
    assert "\n  incomplete: locked at part:2/a.zip: no password that was tried opens it" in said
    assert "opened" in [part["state"] for part in opened["parts"]] and "Kasumi" not in done.stdout + done.stderr
    missing = run(folder, "--password-file", "none", "locked.eml")
    assert (missing.returncode, missing.stdout) == (2, "") and "none: cannot read the passwords" in missing.stderr


def test_all_accepted(folder: Path) -> None:
    """Status 0 where all mails are accepted; nothing but the verdicts is printed away from a terminal."""
    done = run(folder, "mails/clean.eml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "accept: mails/clean.eml\n", "")


def test_unreadable_path_among_others(folder: Path) -> None:
    """A path that cannot be read is one line and status 2; the others are scanned."""
    done = run(folder, "missing.eml", "mails")
    assert done.returncode == 2
    assert done.stderr == "sekisho: missing.eml: no such file or folder\n"
    assert [line.split(":")[0] for line in done.stdout.splitlines() if line[0] != " "] == ["accept", "quarantine"]


def test_mbox_and_order(folder: Path) -> None:
    """Many mails over several workers are printed in their order."""
    mails = [letter(LURE if number % 3 == 0 else f"{number}号", "\n") for number in range(30)]
    (folder / "box").write_bytes(b"".join(b"From x\n" + mail + b"\n" for mail in mails))
    found = objects(run(folder, "--json", "box"))
    assert [one["path"] for one in found] == [f"box#{number}" for number in range(1, 31)]
    assert [one["verdict"] for one in found] == ["accept" if number % 3 else "quarantine" for number in range(30)]


def test_envelope_is_matched(folder: Path) -> None:
    """One envelope serves all paths; an indicator can ask for its addresses."""
    (folder / "lures.json").write_text(bundle("[ipv4-addr:value = '192.0.2.7']"))
    (folder / "e.json").write_text('{"client_ip": "192.0.2.7", "rcpt_to": ["b@example.jp"]}')
    found = objects(run(folder, "--json", "--envelope", "e.json", "mails"))
    assert [one["verdict"] for one in found] == ["quarantine", "quarantine"]
    (folder / "mails" / "clean.envelope.json").write_text('{"client_ip": "192.0.2.7"}')
    assert [one["verdict"] for one in objects(run(folder, "--json", "mails"))] == ["quarantine", "accept"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--envelope", "missing.json", "mails"], "missing.json: cannot read the envelope"),
        (["--indicators", "missing.json", "mails"], "missing.json"),
        (["--indicators", "mails/clean.eml", "mails"], "mails/clean.eml"),
        (["--config", "missing.toml", "mails"], "missing.toml: cannot read the settings"),
    ],
)
def test_bad_input_is_one_line(folder: Path, arguments: list[str], told: str) -> None:
    """A file that was named and cannot be used is one line that names it, and status 2."""
    done = run(folder, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("sekisho: ")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_index(folder: Path) -> None:
    """Where there are settings but no index, the line says how to build one."""
    code = "from sekisho_core.cli import main; main(['scan', '--config', 'sekisho.toml', 'mails'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "sekisho rules compile" in done.stderr
    assert done.stderr.count("\n") == 1


def test_nothing_set_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any settings file and without an index, the bundled packs are compiled for the run."""
    defaults = default_table()
    defaults["rules"]["index"] = str(folder / "index")
    monkeypatch.setattr(settings, "default_table", lambda: defaults)
    monkeypatch.setattr(settings, "DEFAULT_FILE", folder / "none.toml")
    (folder / "known.eml").write_bytes(letter("Fw: 対北朝鮮措置の延長について"))
    done = CliRunner().invoke(scan_command, ["--json", str(folder / "known.eml")])
    (found,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.exit_code, found["verdict"]) == (1, "quarantine")
    assert found["reasons"][0]["source"] == "npa-2012h1"
    assert not (folder / "index").exists()


def test_hostile_mail_does_not_act(folder: Path) -> None:
    """C4: escapes in a subject, a name or a path do not reach the terminal."""
    (folder / "mails" / "\x1b]0;x\x07\u202e.eml").write_bytes(letter("\x1b[2J" + LURE))
    done = run(folder, "mails")
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout + done.stderr)
    assert run(folder, "--json", "mails").stdout.isascii()


def test_unused_indicator_is_told(folder: Path) -> None:
    """An indicator that cannot be used is named with the reason, and the scan goes on."""
    (folder / "lures.json").write_text(bundle("[email-message:subject = ]"))
    done = run(folder, "mails/clean.eml")
    assert (done.returncode, done.stdout) == (0, "accept: mails/clean.eml\n")
    assert f"not used: lures.json: {ID}" in done.stderr


def test_a_feed_of_what_mails_have_not(folder: Path) -> None:
    """Feeds have thousands of indicators for other programs: some are named, the others counted."""
    pattern = "[mutex:name = 'evil mutex']"
    many = [{"type": "indicator", "id": f"indicator--{number}", "pattern": pattern} for number in range(30)]
    (folder / "lures.json").write_text(json.dumps({"type": "bundle", "objects": many}))
    told = run(folder, "mails/clean.eml").stderr.splitlines()
    assert len(told) == 21
    assert told[-1] == "sekisho: not used: 10 more indicators (rules import --json names all)"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_bar_on_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    """The bar counts on a terminal and is silent elsewhere; lines are printed all the same."""
    terminal, plain = Terminal(), io.StringIO()
    for stream in (terminal, plain):
        bar = Bar(2, stream)
        bar.step()
        bar.print("a line")
        bar.step()
        bar.clear()
    assert "1/2" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert plain.getvalue() == ""
    assert capsys.readouterr().out == "a line\na line\n"


def test_reader_that_goes_away(folder: Path) -> None:
    """A reader that closes its end ends the command without a traceback."""
    code = "from sekisho_core.cli import main; main()"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", code, "scan", "--config", "sekisho.toml", "--indicators", "lures.json", "mails"],
        cwd=folder, stdout=write, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(write)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
