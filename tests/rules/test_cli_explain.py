import io
import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
import pyzipper
from sekisho_rules import cli_explain

LURE = "対外措置の延長について"
ID = "indicator--1f3bd4a5-0f4d-4c0a-9a3c-2d3f4e5a6b7c"
HOSTILE = '\x1b[2J"><script>alert(1)</script>\u202e'


def word(text: str) -> str:
    """An encoded word (RFC 2047)."""
    return f"=?UTF-8?B?{b64encode(text.encode()).decode()}?="


def letter(subject: str, name: str = "page") -> bytes:
    """A mail with a text and a page; sender and page are called `name`."""
    lines = [
        f"From: {word(name)} <a@example.net>", "To: b@example.jp", f"Subject: {word(subject)}",
        "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "hello http://c2.example/x", "--b",
        f'Content-Type: text/html; name="{word(name + ".html")}"', "",
        "<a href='http://c2.example/y'>https://www.example.jp/</a>", "--b--", "",
    ]  # fmt: skip
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an indicator, settings, a lure, a clean mail, and both in an mbox."""
    path = tmp_path_factory.mktemp("explain")
    indicator = {
        "type": "indicator", "spec_version": "2.1", "id": ID, "created": "2012-04-01T00:00:00Z",
        "modified": "2012-04-01T00:00:00Z", "valid_from": "2012-04-01T00:00:00Z", "name": "example lure",
        "pattern_type": "stix", "pattern": f"[email-message:subject = '{LURE}']", "labels": ["targeted"],
        "confidence": 90,
    }  # fmt: skip
    bundle = {"type": "bundle", "id": f"bundle--{ID[11:]}", "objects": [indicator]}
    (path / "lures.json").write_text(json.dumps(bundle), encoding="utf-8")
    (path / "sekisho.toml").write_text(f'[rules]\nindex = "{path}/index"\n')
    mails = [letter(f"Re: 【至急】{LURE}"), letter("会議のご案内")]
    (path / "lure.eml").write_bytes(mails[0])
    (path / "clean.eml").write_bytes(mails[1])
    (path / "box").write_bytes(b"".join(b"From x\n" + mail + b"\n" for mail in mails))
    (path / "one").write_bytes(b"From x\n" + mails[1])
    return path


def run(folder: Path, *arguments: str, verb: str = "explain", **variables: str) -> "subprocess.CompletedProcess[str]":
    """A verb over the folder's indicators, its output as UTF-8."""
    code = "from sekisho_core.cli import main; main()"
    given = ["--config", "sekisho.toml", "--indicators", "lures.json"]
    return subprocess.run(
        [sys.executable, "-c", code, verb, *given, *arguments],
        cwd=folder, capture_output=True, check=False, env={"PYTHONIOENCODING": "utf-8", **variables},
        encoding=variables.get("PYTHONIOENCODING", "utf-8"),
    )  # fmt: skip


def test_lure(folder: Path) -> None:
    """A mail that is stopped: status 1, its reason with the place, the subject in its three forms, the tree, the
    links."""
    done = run(folder, "lure.eml")
    assert (done.returncode, done.stderr) == (1, "")
    for line in (
        "  verdict     quarantine (mode enforce)",
        "  quarantine  indicator at header:subject (targeted, normalised)",
        f"  decoded     Re: 【至急】{LURE}",
        f"  normalised  {LURE}",
        '              prefix: "Re:"',
        "  ├─ 1",
        "  │     read, 25 bytes, text/plain",
        "    hxxp://c2[.]example/y at part:2",
    ):
        assert line in done.stdout.splitlines()
    assert "\x1b" not in done.stdout


def test_json_equals_scan(folder: Path) -> None:
    """What both verbs print of a mail is the same: there is one way of a mail."""
    explained = json.loads(run(folder, "--json", "lure.eml").stdout)
    scanned = json.loads(run(folder, "--json", "lure.eml", verb="scan").stdout)
    (reason,) = scanned["reasons"]
    assert explained["reasons"][0].items() >= reason.items()
    assert explained["subject"].items() >= scanned["subject"].items()
    assert [part["sha256"] for part in explained["parts"]] == [part["sha256"] for part in scanned["parts"]]
    assert (explained["path"], explained["verdict"]) == ("lure.eml", "quarantine")


def test_password_file(folder: Path) -> None:
    """A person's password opens what the mail's own do not, as for scan, and stands in no form of the output."""
    packed = io.BytesIO()
    with pyzipper.AESZipFile(packed, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"Kasumi#2012")
        archive.writestr("a.txt", b"inner")
    zipped = b64encode(packed.getvalue()).decode()
    lines = ["From: a@example.net", "Subject: x", 'Content-Type: application/zip; name="a.zip"',
             "Content-Transfer-Encoding: base64", "", zipped, ""]  # fmt: skip
    (folder / "locked.eml").write_text("\n".join(lines))
    (folder / "words").write_text("wrong\nKasumi#2012\n")
    assert "locked at part:1/a.zip: no password that was tried opens it" in run(folder, "locked.eml").stdout
    for form in ([], ["--json"], ["--html", "-"]):
        done = run(folder, *form, "--password-file", "words", "locked.eml")
        assert (done.returncode, done.stderr, "Kasumi" in done.stdout) == (0, "", False)
    missing = run(folder, "--password-file", "none", "locked.eml")
    assert (missing.returncode, missing.stderr) == (
        2,
        "sekisho: none: cannot read the passwords: No such file or directory\n",
    )


def test_accepted(folder: Path) -> None:
    """Status 0 for a mail that is accepted, in each form."""
    for form in ([], ["--json"], ["--html", "-"]):
        done = run(folder, *form, "clean.eml")
        assert (done.returncode, done.stderr, done.stdout != "") == (0, "", True)


def test_hostile_mail_does_not_act(folder: Path) -> None:
    """C1, C4: neither a terminal nor a browser gets what a subject, a name or a path would make it do."""
    (folder / "\x1b]0;x\x07<b>.eml").write_bytes(letter(HOSTILE, HOSTILE))
    path = "\x1b]0;x\x07<b>.eml"
    for form in (["--all"], ["--json"], ["--html", "-"]):
        done = run(folder, *form, path)
        assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout + done.stderr)
    assert "<script" not in done.stdout


def test_page_in_a_file(folder: Path) -> None:
    """The page is written whole to the file, over one that was there, for its owner alone; nothing is printed."""
    for _ in range(2):
        done = run(folder, "--html", "page.html", "lure.eml")
        assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    page = folder / "page.html"
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert page.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["missing.eml"], "missing.eml: no such file or folder"),
        (["."], ".: a folder, not one mail; `sekisho scan` judges all that are in it"),
        (["box"], "box: several mails; name one, such as box#1, or `sekisho scan` all"),
        (["box#3"], "box#3: no such mail"),
        (["missing#1"], "missing: no such file or folder"),
        (["--envelope", "e.json", "one"], "e.json: cannot read the envelope: No such file or directory"),
        (["--html", "no/page.html", "clean.eml"], "no/page.html: cannot write the page: No such file or directory"),
        (["--html", ".", "clean.eml"], ".: cannot write the page: no file"),
        (["--html", "./box", "box#1"], "box: cannot write the page: the mail itself"),
    ],
)  # fmt: skip
def test_error_is_one_line(folder: Path, arguments: list[str], told: str) -> None:
    """What cannot be explained or written is one line that names it, and status 2."""
    done = run(folder, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"sekisho: {told}\n")


def test_bad_envelope_beside(folder: Path) -> None:
    """An error of the mail's own files names the mail."""
    (folder / "beside.eml").write_bytes(letter("x"))
    (folder / "beside.envelope.json").write_text("{")
    done = run(folder, "beside.eml")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("sekisho: beside.eml: beside.envelope.json: not an envelope")


def test_one_form_only(folder: Path) -> None:
    """JSON and a page at once are refused."""
    done = run(folder, "--json", "--html", "-", "clean.eml")
    assert done.returncode == 2
    assert "exclude each other" in done.stderr


def test_mail_of_an_mbox(folder: Path) -> None:
    """One of several mails is named as `scan` prints it; an mbox with a single mail needs no number."""
    verdicts = {path: json.loads(run(folder, "--json", path).stdout) for path in ("box#1", "box#2", "one")}
    assert [one["verdict"] for one in verdicts.values()] == ["quarantine", "accept", "accept"]
    assert [one["path"] for one in verdicts.values()] == ["box#1", "box#2", "one#1"]


def test_envelope_is_shown(folder: Path) -> None:
    """What the session said stands in the explanation, with what becomes of each recipient's copy."""
    (folder / "given.json").write_text(
        '{"client_ip": "192.0.2.7", "rcpt_to": ["b@example.jp"], "auth": {"spf": "pass"}}'
    )
    shown = run(folder, "--envelope", "given.json", "lure.eml").stdout
    assert "  recipient   b[@]example[.]jp: quarantine by policy default\n" in shown
    assert "  client      192[.]0[.]2[.]7\n" in shown
    assert "  measured    spf=pass\n" in shown


def test_any_terminal(folder: Path) -> None:
    """A terminal without these characters gets escapes, and a tree in ASCII."""
    done = run(folder, "lure.eml", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr, done.stdout.isascii()) == (1, "", True)
    assert "  ├─ 1\n" in run(folder, "lure.eml", PYTHONIOENCODING="euc-jp").stdout
    assert "  |- 1\n  |     read, 25 bytes, text/plain\n" in done.stdout


def test_colour_always(folder: Path) -> None:
    """Colours are given where they are asked for, whatever the output is."""
    assert "\x1b[31m\x1b[1mquarantine" in run(folder, "--colour", "always", "lure.eml").stdout


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("colour", "terminal", "variables", "coloured"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {}, False),
    ],
)
def test_when_there_are_colours(
    colour: str, terminal: bool, variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colours are for terminals, unless the operator said otherwise (no-color.org)."""
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", (Terminal if terminal else io.TextIOWrapper)(io.BytesIO(), "utf-8"))
    assert cli_explain._look(colour, every=False).colour is coloured


@pytest.mark.parametrize(("columns", "width"), [("40", 80), ("100", 100), ("300", 120)])
def test_width_of_the_terminal(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are as wide as the terminal, from 80 to 120 columns."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", Terminal(io.BytesIO(), "utf-8"))
    assert cli_explain._look("auto", every=False).width == width


def test_reader_that_goes_away(folder: Path) -> None:
    """A reader of the output that closes its end is no traceback."""
    code = "from sekisho_core.cli import main; main()"
    command = [sys.executable, "-c", code, "explain", "--config", "sekisho.toml", "--indicators", "lures.json"]
    with subprocess.Popen(
        [*command, "--html", "-", "lure.eml"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
    assert process.returncode == 2
