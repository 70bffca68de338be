"""The whole gateway over SMTP, as the trial runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sekisho_milter.gateway import Gateway, GatewayError
from sekisho_milter.samples import samples

pytestmark = pytest.mark.mta
SEKISHO = [sys.executable, "-c", "from sekisho_core.cli import main; main()"]


def processes_below(directory: Path) -> list[str]:
    """Command lines of running processes that name the directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in line and str(os.getpid()) != entry.parent.name:
            found.append(line)
    return found


def test_trial_once_sees_every_sample_meet_its_fate(needs_postfix: None, open_directory: Path) -> None:
    """`sekisho milter trial --once` ends by itself with status 0, a table of all samples, and nothing left running."""
    place = open_directory / "trial"
    command = [*SEKISHO, "milter", "trial", "--once", "--directory", str(place)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    for sample in samples():
        (line,) = [line for line in result.stdout.splitlines() if sample.name in line]
        assert line.count(sample.expected) == 2
    assert "6 of 6" in result.stdout
    assert processes_below(place) == []


def test_trial_goes_on_until_it_is_told_to_stop(needs_postfix: None, open_directory: Path) -> None:
    """Without --once it names working commands with its own settings file, waits, and cleans up at SIGTERM."""
    place = open_directory / "trial"
    command = [*SEKISHO, "milter", "trial", "--directory", str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = []
        for line in process.stdout:
            told.append(line)
            if "Ctrl-C" in line:
                break
        commands = [line.split() for line in told if line.strip().startswith("sekisho ")]
        listing = next(words for words in commands if words[1:3] == ["quarantine", "list"])
        listed = subprocess.run([*SEKISHO, *listing[1:]], capture_output=True, text=True, check=False)
        check = next(words for words in commands if words[1] == "check")
        checked = subprocess.run([*SEKISHO, *check[1:]], capture_output=True, text=True, check=False)
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
    assert process.returncode == 0
    assert listed.returncode == 0, listed.stderr
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert processes_below(place) == []


def test_release_brings_the_original_bytes(gateway: Gateway) -> None:
    """A released mail arrives through the listener without a milter, once, with the bytes that were sent."""
    sample = next(one for one in samples() if one.recipient.startswith("lure@"))
    with gateway.postfix.smtp() as client:
        client.sendmail(sample.sender, [sample.recipient], sample.content)
    (record,) = gateway.quarantined(sample.recipient)
    assert gateway.postfix.delivered(sample.recipient) == []
    gateway.command("quarantine", "release", record["id"], "--reason", "judged harmless")
    deadline = time.monotonic() + 20
    while not gateway.postfix.delivered(sample.recipient) and time.monotonic() < deadline:
        time.sleep(0.05)
    (copy,) = gateway.postfix.delivered(sample.recipient)
    assert copy.read_bytes().endswith(sample.content.replace(b"\r\n", b"\n"))
    told = json.loads(gateway.command("quarantine", "show", "--json", record["id"]))
    assert any("judged harmless" in str(entry) for entry in told["audit"])


def test_part_that_cannot_start_is_one_clear_line(gateway_factory: Callable[..., Gateway]) -> None:
    """A service that refuses its settings ends the start with its own last words, and what ran already is stopped."""
    made = gateway_factory({"milter": {"socket_group": "no-such-group"}})
    with pytest.raises(GatewayError, match="no-such-group"):
        made.start()
    made.stop()
    assert processes_below(made.root) == []
