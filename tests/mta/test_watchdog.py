"""The watchdog of a milter that has more to do than it can."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from harness import Milter, until
from sekisho_milter.probe import Dialogue

pytestmark = pytest.mark.mta
SCANS = 64


def begin(mta: Dialogue) -> None:
    """A mail that is looked at for a long time, up to the wait for its answer."""
    mta.send(b"M", b"<>\0")
    mta.send(b"R", b"<ok@example.jp>\0")
    mta.send(b"L", b"X-Test-Seconds\0 8\0")
    mta.send(b"N")
    mta.send(b"E")


def test_a_crowd_is_no_reason_for_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A24: with every place taken the health probe waits like any mail, and its progress packets feed the watchdog: a
    restart would only bring the same mails back."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager, ExitStack() as opened:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "3000000")
        milter = Milter(tmp_path, tmp_path / "milter.sock", {"milter": {"processes": 1, "progress": 0.2}})
        opened.callback(milter.stop)
        milter.start()
        connections = [opened.enter_context(milter.dialogue()) for _ in range(SCANS)]
        for mta in connections:
            begin(mta)
        # All have their places when the last one hears progress: nobody waits for another.
        until(lambda: connections[-1].receive()[0] == b"p", "the last one is looked at")
        manager.setblocking(False)
        drop_all(manager)
        until(lambda: watchdog_fed(manager), "a sign of life", 8)
        assert not milter.events("mail")


def drop_all(manager: socket.socket) -> None:
    """Forget what was told so far."""
    while watchdog_fed(manager) is not None:
        pass


def watchdog_fed(manager: socket.socket) -> bool | None:
    """Whether the next message feeds the watchdog; None when there is none."""
    try:
        return manager.recv(4096) == b"WATCHDOG=1"
    except BlockingIOError:
        return None
