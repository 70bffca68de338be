"""`sekisho setup` and `check` on a Postfix that runs."""

from __future__ import annotations

import os
import smtplib
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from sekisho_milter.cli_mta import setup
from sekisho_milter.postfix import PrivatePostfix

pytestmark = pytest.mark.mta


def free_port() -> int:
    """A loopback port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer(port: int, recipient: str) -> str:
    """One mail to that port: "" if it was taken, else what was said."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        try:
            client.sendmail("sender@example.net", [recipient], b"Subject: x\r\n\r\ny\r\n")
        except smtplib.SMTPException as refusal:
            return str(refusal)
        return ""


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write a Postfix's configuration")
def test_applied_lines_close_a_running_postfix(postfix_factory: Callable[..., PrivatePostfix], tmp_path: Path) -> None:
    """A38: a Postfix without sekisho accepts a mail; after `setup postfix --apply` and a reload it refuses with 4xx
    while no milter answers, and the new re-injection listener takes what is released."""
    postfix = postfix_factory(milter="", main={"milter_default_action": "accept"})
    postfix.start()
    assert answer(postfix.smtp_port, "before@example.jp") == ""
    port, config = free_port(), tmp_path / "sekisho.toml"
    config.write_text(
        f'[quarantine]\nrelease_port = {port}\n[milter]\nsocket = "unix:{postfix.milter_socket}"\n', encoding="utf-8"
    )
    arguments = ["postfix", "--apply", "--config", str(config), "--postfix-config", str(postfix.config_dir)]
    result = CliRunner().invoke(setup, arguments)
    assert result.exit_code == 0, result.output
    assert "reload" in result.stdout
    postfix.reload()
    deadline = time.monotonic() + 20
    # A listener's idle process may take one more session before it hears of the reload.
    while not (listens(port) and "451" in answer(postfix.smtp_port, "meanwhile@example.jp")):
        assert time.monotonic() < deadline, postfix.log()
        time.sleep(0.05)
    assert answer(port, "released@example.jp") == ""
    while not postfix.delivered("released@example.jp"):
        assert time.monotonic() < deadline, postfix.log()
        time.sleep(0.05)
    assert "451" in answer(postfix.smtp_port, "after@example.jp")
