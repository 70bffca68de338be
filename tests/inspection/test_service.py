"""The service from start to drain: its socket, its signals, systemd's protocol, its commands."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from sekisho_core.scan import silent
from sekisho_core.vocabulary import Mail, Reading
from sekisho_inspection.client import InspectionClient, private_workers
from sekisho_inspection.errors import InspectionError
from sekisho_inspection.service import listen
from sekisho_inspection.settings import InspectionSettings

MakeMail = Callable[[bytes], Mail]
SEKISHO = [sys.executable, "-P", "-c", "from sekisho_core.cli import main; main()", "inspection"]


@contextmanager
def supervisor(path: Path, settings: InspectionSettings, reader: str) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor with a worker on a socket at `path`, ready."""
    with listen(str(path)) as listener:
        table = msgspec.json.encode(msgspec.structs.replace(settings, workers=1)).decode()
        command = [sys.executable, "-P", "-m", "sekisho_inspection.service", str(listener.fileno()), table, reader]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[listener.fileno()]
        )  # fmt: skip
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_drain(
    number: signal.Signals, tmp_path: Path, limits: InspectionSettings, stand_in: str, mail: MakeMail
) -> None:
    """A21: at SIGTERM or SIGINT the mail that is read and the one that waits are finished, then the service ends with
    status 0 and its socket is gone."""
    path = tmp_path / "s"
    found: list[Reading] = []
    with supervisor(path, limits, stand_in) as process:
        client = InspectionClient(str(path), limits)
        threads = [
            threading.Thread(target=lambda n=n: found.append(client(mail(f"!slow 0.{n}\n".encode()), None, silent)))
            for n in (4, 5)
        ]
        for thread in threads:
            thread.start()
        while client.status().waiting + client.status().busy < 2:
            pass
        process.send_signal(number)
        for thread in threads:
            thread.join(30)
        assert process.wait(30) == 0
    assert sorted(reading.subject.decoded for reading in found) == ["slow 0.4", "slow 0.5"]
    assert not path.exists()


def test_hangup_changes_nothing(tmp_path: Path, limits: InspectionSettings, stand_in: str, mail: MakeMail) -> None:
    """A21: SIGHUP neither stops the service nor a mail."""
    with supervisor(tmp_path / "s", limits, stand_in) as process:
        process.send_signal(signal.SIGHUP)
        client = InspectionClient(str(tmp_path / "s"), limits)
        assert client(mail(b"plain\n"), None, silent).subject.decoded == "plain"


def test_killed_supervisor(tmp_path: Path, limits: InspectionSettings, stand_in: str, mail: MakeMail) -> None:
    """A supervisor that is killed leaves a client with "unavailable", no worker behind, and a socket that the next one
    replaces."""
    path = tmp_path / "s"
    with supervisor(path, limits, stand_in) as process:
        client = InspectionClient(str(path), limits)
        worker = int(client(mail(b"!pid\n"), None, silent).subject.decoded)
        found: list[Reading] = []
        waiting = threading.Thread(target=lambda: found.append(client(mail(b"!hang_in_c\n"), None, silent)))
        waiting.start()
        while not client.status().busy:
            pass
        process.kill()
        waiting.join(30)
    assert [gap.reason for gap in found[0].incomplete] == ["unavailable"]
    # A worker dies with its supervisor even while it hangs in C; it is reaped by whoever adopts it.
    assert _gone(worker)
    with supervisor(path, limits, stand_in):
        assert client(mail(b"plain\n"), None, silent).subject.decoded == "plain"


def _gone(pid: int) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 30)[0])
    finally:
        os.close(descriptor)


def test_stale_socket(tmp_path: Path) -> None:
    """A22: a stale socket is replaced, with mode 0660; a live one, and a file that is no socket, are not."""
    path = tmp_path / "s"
    listen(str(path)).close()
    with listen(str(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        with pytest.raises(InspectionError, match="another inspection service answers there"):
            listen(str(path))
    other = tmp_path / "file"
    other.write_text("precious", encoding="ascii")
    with pytest.raises(InspectionError, match="is not a socket"):
        listen(str(other))
    assert other.read_text(encoding="ascii") == "precious"
    with pytest.raises(InspectionError, match="No such file"):
        listen(str(tmp_path / "none" / "s"))


def _settings_file(directory: Path, socket_path: str) -> Path:
    file = directory / "sekisho.toml"
    file.write_text(f'[inspection]\nsocket = "{socket_path}"\nworkers = 1\n', encoding="ascii")
    return file


def test_second_service(tmp_path: Path) -> None:
    """A service beside a living one, or without a path, ends with one clear line and status 2."""
    for path, said in ((str(tmp_path / "s"), "another inspection service answers"), ("", "is empty")):
        with listen(str(tmp_path / "s")):
            arguments = ["run", "--config", str(_settings_file(tmp_path, path))]
            done = subprocess.run(SEKISHO + arguments, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith("sekisho: inspection.socket: ")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_unreadable_reader(limits: InspectionSettings) -> None:
    """A reader that cannot be loaded ends the start, and whoever started it is told."""
    with (
        pytest.raises(InspectionError, match="private workers did not start"),
        private_workers(limits, 1, "no_such_module:read"),
    ):
        pass


def test_under_systemd(tmp_path: Path, mail: MakeMail, limits: InspectionSettings) -> None:
    """A24: `sekisho inspection run` says READY and feeds the watchdog once a worker has read a mail with the real
    readers; `status` tells what goes on; SIGTERM ends it with status 0."""
    config = _settings_file(tmp_path, str(tmp_path / "s"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}
        command = [*SEKISHO, "run", "--config", str(config)]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            assert manager.recv(200) == b"READY=1\nWATCHDOG=1"
            assert b"WATCHDOG=1" in manager.recv(200)
            client = InspectionClient(str(tmp_path / "s"), limits)
            assert client(mail(b"Subject: hello\r\n\r\ntext\r\n"), None, silent).subject.decoded == "hello"
            shown = [subprocess.run([*SEKISHO, "status", "--config", str(config), *more], capture_output=True,
                                    text=True, timeout=60, check=False) for more in ([], ["--json"])]  # fmt: skip
            process.terminate()
            assert process.wait(60) == 0
            assert process.stderr
            log = process.stderr.read()
    assert [run.returncode for run in shown] == [0, 0]
    assert "sandbox   rlimits" in shown[0].stdout
    assert json.loads(shown[1].stdout)["workers"] == 1
    assert "inspection-sandbox active=" in log
    assert "inspection-stop" in log
